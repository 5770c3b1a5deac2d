# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a host allows now and what it is to allow, in one ruleset: for the time in which its listeners move."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.ruleset import (
    ANY,
    WILDCARDS,
    Allow,
    Ruleset,
    Service,
    SourceSet,
    make_ruleset,
)


def unite(live: Ruleset | None, want: Ruleset) -> Ruleset:
    """A ruleset that lets in, on each port, whoever `live` or `want` lets in there, and nobody else.

    A port that only one of the two has is ruled as that one says. United with `want` again it stays the same.
    """
    old = _beside(live or Ruleset(), want)
    listeners = {entry.service: entry.listener for entry in (*old.allow, *want.allow)}
    entries = [_united(listener, service, old, want) for service, listener in listeners.items()]
    return make_ruleset(entries, {one.name: one for one in (*old.sets, *want.sets)}.values())


def _united(listener: str, service: Service, *rulesets: Ruleset) -> Allow:
    deciding = [entry for entry in (_deciding(ruleset, service) for ruleset in rulesets) if entry]
    published = any(entry.published for entry in deciding)
    if any(entry.sources == ANY for entry in deciding):
        return Allow(listener, service, ANY, published)
    names = {name for entry in deciding for name in entry.set_names}
    return Allow(listener, service, tuple(sorted(names)), published)


def _deciding(ruleset: Ruleset, service: Service) -> Allow | None:
    """The entry that decides for packets to a service: the one for the fewest addresses that covers its address."""
    covering = [entry for entry in ruleset.allow if _covers(entry.service, service)]
    return min(covering, key=lambda entry: entry.service.breadth, default=None)


def _covers(wide: Service, service: Service) -> bool:
    if (wide.protocol, wide.port) != (service.protocol, service.port):
        return False
    family = WILDCARDS.get(wide.address or "")
    return wide.address in (None, service.address) or (family is not None and service.families == (family,))


def _beside(live: Ruleset, want: Ruleset) -> Ruleset:
    """The live ruleset, with another name for each set that `want` has with other members.

    With one set for both, who leaves it would get into the ports that are new, which neither ruleset allows.
    """
    wanted = {one.name: one for one in want.sets}
    taken = {*wanted, *(one.name for one in live.sets)}
    names = {one.name: _free(one.name, taken) for one in live.sets if one.name in wanted and one != wanted[one.name]}
    return make_ruleset([_renamed(entry, names) for entry in live.allow], [_named(one, names) for one in live.sets])


def _free(name: str, taken: set[str]) -> str:
    candidates = (f"{name}-before{number or ''}" for number in range(len(taken) + 1))
    return next(candidate for candidate in candidates if candidate not in taken)


def _renamed(entry: Allow, names: Mapping[str, str]) -> Allow:
    if isinstance(entry.sources, str):
        return entry
    return replace(entry, sources=tuple(sorted(names.get(name, name) for name in entry.sources)))


def _named(one: SourceSet, names: Mapping[str, str]) -> SourceSet:
    return replace(one, name=names.get(one.name, one.name))
