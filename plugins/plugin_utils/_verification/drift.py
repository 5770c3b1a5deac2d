# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The differences between the nodes and their plan: for people as a table, for programs as plain data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from ansible_collections.gatehouse.kong.plugins.plugin_utils._become import explain_become
from ansible_collections.gatehouse.kong.plugins.plugin_utils._finding_groups import split_values
from ansible_collections.gatehouse.kong.plugins.plugin_utils._table import render_table
from ansible_collections.gatehouse.kong.plugins.plugin_utils._text import (
    count_noun,
    escape_all,
    escape_text,
    format_ranges,
    make_natural_key,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.node import PARTS
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.reasons import format_reasons, group_pairs

FORMAT = 1

# The terminal lists at most so many ranges of names for a difference; a report and the file kong_drift_file have all names.
_SHOWN = 20
_MOST_ROWS = 40

# A part that exists only if an earlier run did not end.
_RUN = "run"
# The part of a gateway.
_GATEWAY = "gateway"
_INTERRUPTED = (
    "an earlier run of site changed this node and failed or was interrupted: `ansible-playbook gatehouse.kong.site` completes it, and "
    "`ansible-playbook gatehouse.kong.rollback` undoes it"
)
NO_PLAN = "there is no plan, because the inventory has errors"
_ABSENT = "it was unreachable, failed or not part of this run"


@dataclass(frozen=True)
class Drift:
    """The differences of each checked host, a node or a gateway, and the reasons for each host that was not checked.

    The differences are by part: the parts in PARTS, a run that did not end, and the translations of a gateway.
    """

    nodes: Mapping[str, Mapping[str, tuple[str, ...]]]
    not_checked: Mapping[str, tuple[str, ...]]
    gateways: tuple[str, ...] = ()

    @property
    def differs(self) -> bool:
        """Whether any checked node differs."""
        return any(lines for parts in self.nodes.values() for lines in parts.values())

    def find_failure(self) -> str:
        """Return why the playbook fails, an empty text if it does not fail."""
        if self.differs:
            return "The differences are listed above"
        if self.not_checked and all(reasons == (NO_PLAN,) for reasons in self.not_checked.values()):
            return "There is no plan; the errors are listed above"
        return ""

    def as_dict(self) -> dict[str, Any]:
        """Return plain data."""
        nodes = {node: {part: list(lines) for part, lines in parts.items()} for node, parts in self.nodes.items()}
        not_checked = {node: list(reasons) for node, reasons in self.not_checked.items()}
        gateways = {"gateways": list(self.gateways)} if self.gateways else {}
        return {"format": FORMAT, "differs": self.differs, "nodes": nodes, "not_checked": not_checked, **gateways}


def gather(
    plan: Mapping[str, Any],
    inspected: Mapping[str, Mapping[str, Any]],
    gateways: Mapping[str, Mapping[str, Any]] = MappingProxyType({}),
) -> Drift:
    """Combine the results of kong_node_info on the nodes of a plan, and of kong_gateway in check mode on its gateways.

    A part that could not be inspected was not checked.
    """
    checked: dict[str, dict[str, tuple[str, ...]]] = {}
    not_checked: dict[str, tuple[str, ...]] = {}
    for name in sorted(plan["nodes"], key=make_natural_key):
        result = escape_all(inspected.get(name, {}))
        found = {part: result[part] for part in PARTS if part in result}
        parts = {part: _list_lines(part, of, plan["nodes"][name]) for part, of in found.items() if not of.get("failed")}
        if result.get("interrupted"):
            parts[_RUN] = (_INTERRUPTED,)
        reasons = tuple(f"{part}: {of['msg']}" for part, of in found.items() if of.get("failed"))
        if parts:
            checked[name] = parts
        if reasons or not found:
            not_checked[name] = reasons or (_explain_failure(inspected.get(name, {}).get("msg", _ABSENT)),)
    names = sorted(plan.get("gateways", ()), key=make_natural_key)
    for name in names:
        result = gateways.get(name, {})
        if "report" in result:
            checked.setdefault(name, {})[_GATEWAY] = tuple(escape_all(result["report"]))
        else:
            reason = f"{_GATEWAY}: {_explain_failure(result.get('msg', _ABSENT))}"
            not_checked[name] = (*not_checked.get(name, ()), reason)
    return Drift(checked, not_checked, tuple(names))


def gather_without_plan(results: Mapping[str, Mapping[str, Any]]) -> Drift:
    """Return that no node was checked, with the reason for each: the message of its connection, or that there is no plan."""
    return Drift(
        {},
        {
            name: (_explain_failure(results[name]["msg"]) if _has_failed(results[name]) else NO_PLAN,)
            for name in sorted(results, key=make_natural_key)
        },
    )


def _has_failed(result: Mapping[str, Any]) -> bool:
    return bool(result.get("unreachable") or result.get("failed") or result.get("problem"))


def _explain_failure(message: Any) -> str:
    return escape_text(explain_become(str(message)))


def format_drift(drift: Mapping[str, Any]) -> list[str]:
    """Return drift as lines: a table of the differences, the nodes that were not checked, and a summary."""
    differences = share_differences(drift)
    rows = _share_rows(differences)
    heading = (f"{_name_kind(drift)}s", "part", "difference")
    table = [*render_table(heading, rows), ""] if rows else []
    if len(rows) < len(differences):
        table += [
            f"{count_noun(len(differences), 'difference')}; kong_drift_file and kong_report_path write all of them",
            "",
        ]
    missing = [*format_not_checked(drift["not_checked"])]
    return [*table, *([*missing, ""] if missing else []), format_drift_summary(drift)]


def _share_rows(differences: Mapping[tuple[str, str], Sequence[str]]) -> list[list[str]]:
    """Return a row for each difference. Of many differences, those that differ in values only, such as addresses, share a row."""
    similar = group_pairs(
        ((part, split_values(line)[0] if len(differences) > _MOST_ROWS else line), (line, nodes))
        for (part, line), nodes in differences.items()
    )
    rows = []
    for (part, _text), found in similar.items():
        names = dict.fromkeys(node for _line, nodes in found for node in nodes)
        more = f" (and {count_noun(len(found) - 1, 'difference')} with other values)" if len(found) > 1 else ""
        rows.append([format_ranges(names, _SHOWN), part, f"{found[0][0]}{more}"])
    return rows


def format_not_checked(not_checked: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """Yield a line for each reason of nodes."""
    return (f"NOT CHECKED: {line}" for line in format_reasons(not_checked))


def share_differences(drift: Mapping[str, Any]) -> dict[tuple[str, str], list[str]]:
    """Return the nodes of each difference, by part and text."""
    return group_pairs(
        ((part, line), node)
        for node, parts in drift["nodes"].items()
        for part, lines in parts.items()
        for line in lines
    )


def _name_kind(drift: Mapping[str, Any]) -> str:
    """Return "node", or "host" if gateways are among the hosts."""
    return "host" if drift.get("gateways") else "node"


def format_drift_summary(drift: Mapping[str, Any]) -> str:
    """Return the result in one line."""
    differing = [node for node, parts in drift["nodes"].items() if any(parts.values())]
    total = len({*drift["nodes"], *drift["not_checked"]})
    verb = "differs" if len(differing) == 1 else "differ"
    kind = _name_kind(drift)
    found = f"{count_noun(len(differing), kind)} {verb} from the plan" if differing else "no difference from the plan"
    missing = len(drift["not_checked"])
    completely = " completely" if {*differing} & {*drift["not_checked"]} else ""
    checked = f"{total - missing} of {count_noun(total, kind)} checked{completely}"
    return f"{checked}: {found}" if missing < total or differing else checked


def _list_lines(part: str, result: Mapping[str, Any], node: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(_list_setting_lines(result, node) if part == "settings" else result["report"])


def _list_setting_lines(result: Mapping[str, Any], node: Mapping[str, Any]) -> Iterator[str]:
    path, names, before = result["path"], result["changed_settings"], result.get("before", {})
    planned = node.get("settings", {})
    for name in names:
        value = "missing" if before.get(name) is None else before[name]
        yield (
            f"{path}: {name} is {value}, planned {planned[name]}"
            if name in planned
            else f"{path}: {name} is not as planned"
        )
    if result.get("changed") and not names:
        yield f"{path}: the file's owner or mode is not as planned"
    for name in result.get("unknown", ()):
        yield f"{path}: this version of Kong does not know {name}"
