# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A plan as text for a person at a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import accumulate
from typing import Any

from ansible_collections.gatehouse.kong.plugins.plugin_utils._finding_groups import FindingGroup, group_findings
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.model import Endpoint
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.access import ONLY_ITSELF
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.flows import (
    Callers,
    list_hosts,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.forward_sources import list_forward_sources
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.modes import DROPPED, name_mode
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.pf_rules import (
    SHOWN_SOURCES,
    format_interception,
    format_networks,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.queries import list_source_networks
from ansible_collections.gatehouse.kong.plugins.plugin_utils._table import render_table
from ansible_collections.gatehouse.kong.plugins.plugin_utils._text import (
    count_noun,
    format_ranges,
    join_first,
    make_natural_key,
)

# For a larger fleet, a terminal shows only the first rows of each table; a plan file and a report have all rows.
_SMALL = 20
_SHOWN_ROWS = 6
_MORE = (
    f"The fleet has more than {_SMALL} nodes, so each table shows at most {_SHOWN_ROWS} rows. With kong_plan_file, the playbook plan "
    "writes the whole plan to a file."
)
# The output of Ansible itself is about half as long.
_FINDING_LINES, _FINDING_CHARACTERS = 10, 3_000
# The plan of a larger fleet, with its findings. Findings are left out before rows.
_PLAN_CHARACTERS = 4_800

_ALL_FINDINGS = "with kong_report_path, the playbook plan writes all findings to a report"

# A rule as a table shows it: its listener, place and sources.
_Rule = tuple[str, str, str | tuple[str, ...]]


def format_plan(plan: Mapping[str, Any]) -> list[str]:
    """Return a plan as lines: nodes, allowed sources, intercepted packets, NAT forwards and findings."""
    names = sorted(plan["nodes"], key=make_natural_key)
    is_small = len(names) <= _SMALL
    shown = names if is_small else names[:_SHOWN_ROWS]
    rules = [*_list_rules(plan, names)] if is_small else [*_share_rules(plan, names)][:_SHOWN_ROWS]
    forwards = plan["nat_forwards"] if is_small else plan["nat_forwards"][:_SHOWN_ROWS]
    lines = [
        f"The plan: {count_noun(len(names), 'Kong node')}",
        "",
        *render_table(
            ["node", "site", "cluster", "Kong", "role", "address", "to its cluster"], _make_node_rows(plan, shown)
        ),
        "",
        "Allowed sources (all other remote sources are dropped):",
        "",
        *render_table(["node", "listener", "port", "sources"], _make_rule_rows(plan, rules)),
        "",
        *_format_modes(plan),
        *format_interception(plan, shown),
        *_format_forwards(plan, forwards),
        *([] if is_small else [_MORE, ""]),
    ]
    left = _FINDING_CHARACTERS if is_small else _PLAN_CHARACTERS - sum(len(line) + 1 for line in lines)
    return [*lines, *(format_findings(plan["findings"], left) or ["No findings."])]


def _format_modes(plan: Mapping[str, Any]) -> list[str]:
    """Return a line for each treatment of packets of other sources, except if all nodes only drop them."""
    nodes: dict[str, list[str]] = {}
    for name in sorted(plan["nodes"], key=make_natural_key):
        nodes.setdefault(name_mode(plan["nodes"][name]), []).append(name)
    lines = [f"Packets of other sources to {format_ranges(names)}: {mode}" for mode, names in nodes.items()]
    return [] if [*nodes] == [DROPPED] else [*lines, ""]


def _make_node_rows(plan: Mapping[str, Any], names: Sequence[str]) -> Iterator[list[str]]:
    for name in names:
        node = plan["nodes"][name]
        address = " ".join(text for text in node["address"].values() if text)
        joins = _to_its_cluster(node["settings"], node["role"])
        yield [name, node["site"], node["cluster"], node["version"], node["role"], address, joins]


def _to_its_cluster(settings: Mapping[str, str], role: str) -> str:
    if role == "data_plane":
        return f"dials {settings['cluster_control_plane']}"
    advertised = settings.get("cluster_advertise") or settings.get("cluster.advertise")
    return f"advertises {advertised}" if advertised else "-"


def _list_rules(plan: Mapping[str, Any], names: Sequence[str]) -> Iterator[tuple[_Rule, list[str]]]:
    """Yield the rules of each node."""
    for name in names:
        yield from _share_rules(plan, [name])


def _share_rules(plan: Mapping[str, Any], names: Sequence[str]) -> Iterator[tuple[_Rule, list[str]]]:
    """Yield each rule with the nodes that have it."""
    found: dict[_Rule, list[str]] = {}
    for name in names:
        for entry in plan["nodes"][name]["ruleset"]["allow"]:
            published = " published" if entry.get("published") else ""
            where = f"{entry['address'] or 'every address'} {entry['port']}/{entry['protocol']}{published}"
            sources = entry["sources"] if isinstance(entry["sources"], str) else tuple(entry["sources"])
            found.setdefault((entry["listener"], where, sources), []).append(name)
    yield from found.items()


def _make_rule_rows(plan: Mapping[str, Any], rules: Iterable[tuple[_Rule, Sequence[str]]]) -> Iterator[list[str]]:
    for (listener, where, sources), names in rules:
        networks = list_source_networks(plan, sources if isinstance(sources, str) else list(sources))
        yield [format_ranges(names), listener, where, format_networks(networks) or ONLY_ITSELF]


def _format_forwards(plan: Mapping[str, Any], forwards: Sequence[Mapping[str, Any]]) -> list[str]:
    if not forwards:
        return []
    header = ["NAT device", "outside", "inside", "node", "listener", "from", "hairpin"]
    callers = Callers(list_hosts(plan), plan["sets"])
    rows = [
        [
            forward["device"],
            f"{Endpoint(forward['outside'], forward['outside_port'])}/{forward['protocol']}",
            str(Endpoint(forward["inside"], forward["inside_port"])),
            forward["node"],
            forward["listener"],
            join_first(list_forward_sources(plan, forward, callers), SHOWN_SOURCES) or "no source",
            "yes" if forward["hairpin"] else "no",
        ]
        for forward in forwards
    ]
    return ["Forwards that the NAT devices need:", "", *render_table(header, rows), ""]


def _format_group(group: FindingGroup) -> list[str]:
    first, *others = group.format_lines()
    return [f"- {group.shown['severity']}: {first}", *(f"  {line}" for line in others)]


def count_hidden_findings(findings: Iterable[Mapping[str, Any]]) -> tuple[int, int]:
    """Return how many messages format_findings shows, and how many it leaves out."""
    groups = group_findings(findings)
    shown = _count_shown(groups)
    return shown, len(groups) - shown


def _count_shown(groups: Sequence[FindingGroup], most: int = _FINDING_CHARACTERS) -> int:
    """Return how many groups of findings fit into a few lines and a number of characters, at least one."""
    texts = [_format_group(group) for group in groups[:_FINDING_LINES]]
    lines = accumulate(map(len, texts))
    characters = accumulate(sum(map(len, text)) for text in texts)
    fits = (
        count <= _FINDING_LINES and length <= min(most, _FINDING_CHARACTERS)
        for count, length in zip(lines, characters, strict=True)
    )
    return max(1, sum(fits)) if groups else 0


def format_findings(findings: Iterable[Mapping[str, Any]], most: int = _FINDING_CHARACTERS) -> list[str]:
    """Return the findings of a plan as lines; of very many, the first that fit into a number of characters."""
    groups = group_findings(findings)
    shown = _count_shown(groups, most)
    more = len(groups) - shown
    lines = [line for group in groups[:shown] for line in _format_group(group)]
    if more > 0:
        lines.append(f"{count_noun(more, 'more finding')}: {_ALL_FINDINGS}.")
    elif not all(group.is_complete for group in groups):
        lines.append(f"All values: {_ALL_FINDINGS}.")
    return lines
