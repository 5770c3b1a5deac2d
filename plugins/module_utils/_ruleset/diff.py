# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What two rulesets mean for peers and ports, and what changes between them."""

from __future__ import annotations

from dataclasses import dataclass

from ansible_collections.gatehouse.kong.plugins.module_utils._host.networks import Networks, from_members, respelled
from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.ruleset import (
    ANY,
    FAMILIES,
    Allow,
    Ruleset,
    Service,
    SourceSet,
)


@dataclass(frozen=True)
class PortChange:
    """A port that gains or loses sources; a port that is new or gone has no sources on that side."""

    service: Service
    listeners: tuple[str, ...]
    gained: tuple[str, ...]
    lost: tuple[str, ...]


@dataclass(frozen=True)
class MemberChange:
    """A set that gains or loses networks."""

    name: str
    gained: tuple[str, ...]
    lost: tuple[str, ...]


@dataclass(frozen=True)
class RulesetDiff:
    """The difference between two rulesets, for people (before, after: text) and for programs (ports, members)."""

    before: str
    after: str
    ports: tuple[PortChange, ...]
    members: tuple[MemberChange, ...]


def diff_rulesets(have: Ruleset | None, want: Ruleset | None) -> RulesetDiff:
    """Compare two rulesets (None: there is none at all); the same input gives the same text, whatever its order."""
    if have == want:
        text = _text(want)
        return RulesetDiff(text, text, (), ())
    old, new = _respelled(have or Ruleset(), want or Ruleset()), want or Ruleset()
    return RulesetDiff(_text(have and old), _text(want), _port_changes(old, new), _member_changes(old, new))


def _text(ruleset: Ruleset | None) -> str:
    if ruleset is None:
        return ""
    lines = [f"{entry.service} ({_what(entry)}): {_who(entry)}" for entry in ruleset.allow]
    lines += [f"{one.name}: {network}" for one in ruleset.sets for network in _members(one)]
    return "".join(f"{line}\n" for line in lines)


def _what(entry: Allow) -> str:
    return f"{entry.listener}, published" if entry.published else entry.listener


def _who(entry: Allow) -> str:
    if entry.sources == ANY:
        return "from anyone"
    return "from " + (", ".join(entry.set_names) or "nobody but this host")


def _members(one: SourceSet | None) -> list[str]:
    return [text for family in FAMILIES for text in one.of(family).texts()] if one else []


def _port_changes(old: Ruleset, new: Ruleset) -> tuple[PortChange, ...]:
    before, after = ({entry.service: entry for entry in one.allow} for one in (old, new))
    services = sorted({*before, *after}, key=lambda service: service.order)
    return tuple(
        _port_change(service, before.get(service), after.get(service))
        for service in services
        if before.get(service) != after.get(service)
    )


def _port_change(service: Service, old: Allow | None, new: Allow | None) -> PortChange:
    listeners = dict.fromkeys(entry.listener for entry in (old, new) if entry)
    before, after = _source_names(old), _source_names(new)
    return PortChange(service, tuple(listeners), _minus(after, before), _minus(before, after))


def _source_names(entry: Allow | None) -> list[str]:
    if entry is None:
        return []
    return [ANY] if entry.sources == ANY else list(entry.set_names)


def _member_changes(old: Ruleset, new: Ruleset) -> tuple[MemberChange, ...]:
    before, after = ({one.name: one for one in ruleset.sets} for ruleset in (old, new))
    pairs = ((name, _members(before.get(name)), _members(after.get(name))) for name in sorted({*before, *after}))
    return tuple(MemberChange(name, _minus(has, had), _minus(had, has)) for name, had, has in pairs if had != has)


def _minus(these: list[str], those: list[str]) -> tuple[str, ...]:
    other = set(those)
    return tuple(name for name in these if name not in other)


def _respelled(have: Ruleset, want: Ruleset) -> Ruleset:
    wanted = {one.name: one for one in want.sets}
    return Ruleset(have.allow, tuple(_respelled_set(one, wanted.get(one.name)) for one in have.sets))


def _respelled_set(have: SourceSet, want: SourceSet | None) -> SourceSet:
    def spell(family: str) -> Networks:
        return respelled(have.of(family), want.of(family) if want else from_members(family, ()))

    return SourceSet(have.name, spell("ipv4"), spell("ipv6"))
