# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The effects of differences between a host and its plan: unauthorised sources that can connect, and the reverse."""

from __future__ import annotations

import typing as t
from collections.abc import Iterator

from ansible_collections.gatehouse.kong.plugins.module_utils._host.family import FAMILIES
from ansible_collections.gatehouse.kong.plugins.module_utils._host.networks import Networks, from_ranges, subtract
from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.ruleset import ANY, Allow, Ruleset

_SHOWN = 4


class _Access(t.NamedTuple):
    """The allowed sources of a port: all sources, or these networks."""

    is_any: bool
    networks: tuple[Networks, ...]


def describe_effects(have: Ruleset | None, want: Ruleset | None) -> list[str]:
    """Return a line for each effect of the differences between two rulesets. Ports with the same effect share a line."""
    old, new = have or Ruleset(), want or Ruleset()
    before, after = ({entry.service: entry for entry in ruleset.allow} for ruleset in (old, new))
    ports: dict[str, list[str]] = {}
    for service in sorted({*before, *after}, key=lambda service: service.order):
        entry = after.get(service) or before[service]
        for effect in _describe_effects(_find_access(before.get(service), old), _find_access(after.get(service), new)):
            ports.setdefault(effect, []).append(_name_port(entry))
    lines = _describe_other_sources(have, want)
    lines += [effect.format(ports=", ".join(dict.fromkeys(names))) for effect, names in ports.items()]
    return lines or ([] if old == new else ["the rules have another form than planned, with the same effect"])


def _describe_other_sources(have: Ruleset | None, want: Ruleset | None) -> list[str]:
    """Return a line if packets of other sources are dropped and should not be, or the reverse, or if the count differs."""
    if have is None or want is None or (have.staged, have.count_days) == (want.staged, want.count_days):
        return []
    now, planned = (_name_treatment(ruleset) for ruleset in (have, want))
    return [f"packets of other sources are {now}, and should be {planned}"]


def _name_treatment(ruleset: Ruleset) -> str:
    counted = f"counted for {ruleset.count_days} days" if ruleset.count_days else ""
    if ruleset.staged:
        return f"{counted} only (staged)"
    return f"dropped and {counted}" if counted else "dropped"


def _name_port(entry: Allow) -> str:
    return f"{entry.service.protocol} {entry.service.port} ({entry.listener})"


def _find_access(entry: Allow | None, ruleset: Ruleset) -> _Access | None:
    if entry is None:
        return None
    sets = [source_set for source_set in ruleset.sets if source_set.name in entry.set_names]
    ranges = {
        family: [member for source_set in sets for member in source_set.select_family(family).ranges]
        for family in FAMILIES
    }
    return _Access(entry.sources == ANY, tuple(from_ranges(family, ranges[family]) for family in FAMILIES))


def _describe_effects(before: _Access | None, after: _Access | None) -> Iterator[str]:
    """Yield effects, with the placeholder {ports} for the names of their ports."""
    if before is None:
        yield "{ports}: open to every source that other rules and the host's default do not drop (rule missing)"
    elif after is None:
        yield "{ports}: has a rule that is not in the plan"
    elif before.is_any and not after.is_any:
        yield f"{{ports}}: open to every source, and should be open to {_format_names(after.networks) or 'this host'} only"
    elif after.is_any and not before.is_any:
        yield f"{{ports}}: open to {_format_names(before.networks) or 'this host'} only, and should be open to every source"
    elif not after.is_any:
        if extra := _format_names(_compare_access(before, after)):
            yield f"{extra} can reach {{ports}} and should not"
        if missing := _format_names(_compare_access(after, before)):
            yield f"{missing} cannot reach {{ports}} and should"


def _compare_access(access: _Access, other: _Access) -> tuple[Networks, ...]:
    return tuple(subtract(here, there) for here, there in zip(access.networks, other.networks))


def _format_names(networks: tuple[Networks, ...]) -> str:
    texts = [text for part in networks for text in part.format()]
    shown = [text[: -len(end)] if text.endswith(end := "/128" if ":" in text else "/32") else text for text in texts]
    more = len(shown) - _SHOWN
    return ", ".join(shown[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
