# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The difference between two rulesets: ports that gain or lose sources, and sets that gain or lose members."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ansible_collections.gatehouse.kong.plugins.module_utils._host.family import FAMILIES
from ansible_collections.gatehouse.kong.plugins.module_utils._host.networks import Networks, align_members, from_members
from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.ruleset import (
    ANY,
    Allow,
    Ruleset,
    Service,
    SourceSet,
)


@dataclass(frozen=True)
class PortChange:
    """A port that gains or loses sources. An added port had no sources before, a removed port has none after."""

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
    """The difference between two rulesets: as text for people (before, after), as data for programs (ports, members)."""

    before: str
    after: str
    ports: tuple[PortChange, ...]
    members: tuple[MemberChange, ...]


def diff_rulesets(have: Ruleset | None, want: Ruleset | None) -> RulesetDiff:
    """Compare two rulesets; None means that no ruleset is present. The order of their entries does not matter."""
    if have == want:
        text = _format_text(want)
        return RulesetDiff(text, text, (), ())
    old, new = _align(have or Ruleset(), want or Ruleset()), want or Ruleset()
    return RulesetDiff(
        _format_text(have and old), _format_text(want), _compare_ports(old, new), _compare_members(old, new)
    )


def describe_mode(ruleset: Ruleset) -> tuple[str, ...]:
    """Return a line about packets of other sources, unless they are dropped and not counted."""
    if ruleset.staged:
        return (f"staged: packets of other sources are counted for {ruleset.count_days} days, and not dropped",)
    if ruleset.count_days:
        return (f"packets of other sources are counted for {ruleset.count_days} days, and dropped",)
    return ()


def _format_text(ruleset: Ruleset | None) -> str:
    if ruleset is None:
        return ""
    lines = [*describe_mode(ruleset)]
    lines += [f"{entry.service} ({_format_listener(entry)}): {_format_sources(entry)}" for entry in ruleset.allow]
    lines += [f"{source_set.name}: {network}" for source_set in ruleset.sets for network in _list_members(source_set)]
    return "".join(f"{line}\n" for line in lines)


def _format_listener(entry: Allow) -> str:
    return f"{entry.listener}, published" if entry.published else entry.listener


def _format_sources(entry: Allow) -> str:
    if entry.sources == ANY:
        return "from any source"
    return "from " + (", ".join(entry.set_names) or "this host only")


def _list_members(source_set: SourceSet | None) -> list[str]:
    return [text for family in FAMILIES for text in source_set.select_family(family).format()] if source_set else []


def _compare_ports(old: Ruleset, new: Ruleset) -> tuple[PortChange, ...]:
    before, after = ({entry.service: entry for entry in ruleset.allow} for ruleset in (old, new))
    services = sorted({*before, *after}, key=lambda service: service.order)
    return tuple(
        _compare_port(service, before.get(service), after.get(service))
        for service in services
        if before.get(service) != after.get(service)
    )


def _compare_port(service: Service, old: Allow | None, new: Allow | None) -> PortChange:
    listeners = dict.fromkeys(entry.listener for entry in (old, new) if entry)
    before, after = _name_sources(old), _name_sources(new)
    return PortChange(service, tuple(listeners), _subtract(after, before), _subtract(before, after))


def _name_sources(entry: Allow | None) -> list[str]:
    if entry is None:
        return []
    return [ANY] if entry.sources == ANY else list(entry.set_names)


def _compare_members(old: Ruleset, new: Ruleset) -> tuple[MemberChange, ...]:
    before, after = ({source_set.name: source_set for source_set in ruleset.sets} for ruleset in (old, new))
    pairs = (
        (name, _list_members(before.get(name)), _list_members(after.get(name))) for name in sorted({*before, *after})
    )
    return tuple(MemberChange(name, _subtract(has, had), _subtract(had, has)) for name, had, has in pairs if had != has)


def _subtract(names: list[str], excluded: list[str]) -> tuple[str, ...]:
    excluded_set = set(excluded)
    return tuple(name for name in names if name not in excluded_set)


def _align(have: Ruleset, want: Ruleset) -> Ruleset:
    """Return `have` with the members of `want` where they cover the same addresses."""
    wanted = {source_set.name: source_set for source_set in want.sets}
    sets = (_align_set(source_set, wanted.get(source_set.name)) for source_set in have.sets)
    return replace(have, sets=tuple(sets))


def _align_set(have: SourceSet, want: SourceSet | None) -> SourceSet:
    def align(family: str) -> Networks:
        return align_members(
            have.select_family(family), want.select_family(family) if want else from_members(family, ())
        )

    return SourceSet(have.name, align("ipv4"), align("ipv6"))
