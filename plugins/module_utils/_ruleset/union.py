# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The union of the current and the planned ruleset, which is used while the listeners of a host change."""

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
    """Return a ruleset that allows on each port the sources of `live` and the sources of `want`, and no other source.

    A port in only one of the two keeps the sources from there. If one of the two is staged, so is the union, because it
    must not drop more than either. A second union with `want` changes nothing.
    """
    old = _rename_conflicting_sets(live or Ruleset(), want)
    listeners = {entry.service: entry.listener for entry in (*old.allow, *want.allow)}
    entries = [_unite_entries(listener, service, old, want) for service, listener in listeners.items()]
    sets = {source_set.name: source_set for source_set in (*old.sets, *want.sets)}.values()
    return make_ruleset(entries, sets, staged=old.staged or want.staged, count_days=want.count_days or old.count_days)


def _unite_entries(listener: str, service: Service, *rulesets: Ruleset) -> Allow:
    deciding = [entry for entry in (_find_deciding(ruleset, service) for ruleset in rulesets) if entry]
    published = any(entry.published for entry in deciding)
    if any(entry.sources == ANY for entry in deciding):
        return Allow(listener, service, ANY, published)
    names = {name for entry in deciding for name in entry.set_names}
    return Allow(listener, service, tuple(sorted(names)), published)


def _find_deciding(ruleset: Ruleset, service: Service) -> Allow | None:
    """Return the entry that decides for packets to a service: the most specific entry that covers its address."""
    covering = [entry for entry in ruleset.allow if _covers(entry.service, service)]
    return min(covering, key=lambda entry: entry.service.breadth, default=None)


def _covers(wide: Service, service: Service) -> bool:
    if (wide.protocol, wide.port) != (service.protocol, service.port):
        return False
    family = WILDCARDS.get(wide.address or "")
    return wide.address in (None, service.address) or (family is not None and service.families == (family,))


def _rename_conflicting_sets(live: Ruleset, want: Ruleset) -> Ruleset:
    """Return the live ruleset with a new name for each set that has other members in `want`.

    A single set with all members would allow sources that leave the set on ports that are new. Neither ruleset does.
    """
    wanted = {source_set.name: source_set for source_set in want.sets}
    taken = {*wanted, *(source_set.name for source_set in live.sets)}
    changed = (source_set.name for source_set in live.sets if wanted.get(source_set.name, source_set) != source_set)
    names = {name: _find_free_name(name, taken) for name in changed}
    entries = [_rename_sources(entry, names) for entry in live.allow]
    renamed = make_ruleset(entries, [_rename_set(source_set, names) for source_set in live.sets])
    return replace(live, allow=renamed.allow, sets=renamed.sets)


def _find_free_name(name: str, taken: set[str]) -> str:
    candidates = (f"{name}-before{number or ''}" for number in range(len(taken) + 1))
    return next(candidate for candidate in candidates if candidate not in taken)


def _rename_sources(entry: Allow, names: Mapping[str, str]) -> Allow:
    if isinstance(entry.sources, str):
        return entry
    return replace(entry, sources=tuple(sorted(names.get(name, name) for name in entry.sources)))


def _rename_set(source_set: SourceSet, names: Mapping[str, str]) -> SourceSet:
    return replace(source_set, name=names.get(source_set.name, source_set.name))
