# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Nodes of an older plan that left the fleet: they may still run Kong and have our rules, and no run connects to them.

A plan file keeps them in ``left`` until the playbook remove has cleaned them.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ansible_collections.gatehouse.kong.plugins.plugin_utils._files import shorten_source
from ansible_collections.gatehouse.kong.plugins.plugin_utils._findings import (
    WARNING,
    Finding,
    fits,
    make_host_finding,
    share_findings,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.changes import GAINS, Change
from ansible_collections.gatehouse.kong.plugins.plugin_utils._text import (
    format_ranges,
    make_natural_key,
    quote_value,
    shorten,
)

_PLAYBOOK, _VARIABLE = "gatehouse.kong.remove", "kong_group"
_KEPT = ("site", "address", "connection")
_LONG = 80  # names in a command for several hosts, in characters
_SHOWN_PATH, _SHOWN_REASON = 100, 80
_PLAIN = re.compile(r"[\w./:@+-]+")


class Run(NamedTuple):
    """The hosts of the inventory, its paths as given to ansible-playbook, and the plan file, if the run has one."""

    hosts: Collection[str]
    sources: Sequence[str]
    path: Path | None = None


def list_left(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """Return the nodes of the old plan, and those that had left before, whose host is not a node of the new plan.

    A node with another name at the same place is the same host.
    """
    present = _list_present(new)
    older = {**old.get("left", {}), **new.get("left", {}), **old["nodes"]}
    return {
        name: {key: older[name][key] for key in _KEPT if key in older[name]}
        for name in sorted(older, key=make_natural_key)
        if name not in new["nodes"] and present.isdisjoint(_list_places(older[name]))
    }


def make_left_findings(old: Mapping[str, Any], new: Mapping[str, Any], run: Run) -> list[dict[str, Any]]:
    """Return a warning, in the form of a plan's findings, for each node that left and each node with another address.

    The warning has the command that removes our rules. It is not in the plan, which depends on the inventory only.
    """
    left = list_left(old, new)
    known = [name for name in left if name in run.hosts]
    texts = {name: _describe_left(name, left[name], known, run) for name in left}
    texts |= {name: _describe_moved(old["nodes"][name], run) for name in _list_moved(old, new)}
    return share_findings(_make_finding(name, [*found]) for name, found in texts.items())


def _make_finding(name: str, texts: Sequence[str]) -> Finding:
    """Return the warning with the first text that is short enough, else with the last one."""
    text = next((text for text in texts if fits(name, _VARIABLE, text)), texts[-1])
    return make_host_finding(WARNING, "node-left", name, _VARIABLE, None, text)


def make_left_changes(old: Mapping[str, Any], new: Mapping[str, Any], run: Run) -> list[Change]:
    """Return the findings of make_left_findings as changes between the plans."""
    found = make_left_findings(old, new, run)
    return [Change(GAINS, tuple(each["hosts"]), f"warning {each['code']}", each["message"]) for each in found]


def describe_members(leaving: Collection[str], group: str, nodes: Collection[str]) -> str:
    """Return a warning about the hosts to clean that are still Kong nodes; empty text if there are none."""
    members = [name for name in leaving if name in {*nodes}]
    return (
        f"leaving: {format_ranges(members, 1)}: still in the group {quote_value(group)} of the Kong nodes. After the removal other nodes still "
        "expect them, and the next run of the playbook site adds our rules again. Take them out of the group first, unless you "
        "remove the collection from the whole fleet"
        if members
        else ""
    )


def describe_damaged(path: Path, reason: str, cleaned: Collection[str]) -> str:
    """Return a warning about a plan file that is no plan, so that the cleaned hosts cannot be deleted from it."""
    return (
        f"kong_plan_file: {shorten(shorten_source(str(path)), _SHOWN_PATH)} was not changed, because {shorten(reason, _SHOWN_REASON)}. "
        f"Restore it and run this playbook again, or delete it. Cleaned: {format_ranges(cleaned, 1)}"
    )


def forget_left(plan: Mapping[str, Any], cleaned: Collection[str]) -> dict[str, Any]:
    """Return the data of a plan file without the nodes in ``left`` that were cleaned."""
    left = {name: node for name, node in plan.get("left", {}).items() if name not in cleaned}
    rest = {key: value for key, value in plan.items() if key != "left"}
    return {**rest, "left": left} if left else rest


def _list_present(plan: Mapping[str, Any]) -> set[tuple[str, str]]:
    return {place for node in plan["nodes"].values() for place in _list_places(node)}


def _list_moved(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """Return the nodes of both plans that have no address in common, if no node has the old address now."""
    present = _list_present(new)
    return [
        name
        for name, node in old["nodes"].items()
        if name in new["nodes"] and (addresses := _list_addresses(node))
        # A node with the same name and address at a site of another name is the same host.
        if addresses.isdisjoint(_list_addresses(new["nodes"][name])) and present.isdisjoint(_list_places(node))
    ]


def _list_places(node: Mapping[str, Any]) -> set[tuple[str, str]]:
    return {(node["site"], address) for address in _list_addresses(node)}


def _list_addresses(node: Mapping[str, Any]) -> set[str]:
    return {address for address in node["address"].values() if address}


def _describe_left(name: str, node: Mapping[str, Any], known: Sequence[str], run: Run) -> Iterator[str]:
    """Yield the text of the warning, then shorter ones."""
    left = "this node of an older plan left the group. "
    if name in known:
        names = known if len(",".join(known)) <= _LONG else [name]
        other = "If another host has this name now, add -e ansible_host=ADDRESS of that plan. "
        advice = "If it still runs Kong, stop Kong; then remove our rules"
        for command in _list_commands(names, [], run):
            yield f"{left}{other}{advice}: {command}"
    else:
        advice = f"{left}If the host exists, stop Kong and remove our rules"
        otherwise = ", else delete it from `left` in the plan file" if run.path else ""
        commands = [*_list_commands([name], _list_variables(node, node["address"].values()), run)]
        yield from (f"{text}: {command}" for command in commands for text in (f"{advice}{otherwise}", advice))


def _describe_moved(node: Mapping[str, Any], run: Run) -> Iterator[str]:
    """Yield the text of the warning, then shorter ones."""
    (address, *_others) = filter(None, node["address"].values())
    variables = [(key, value) for key, value in _list_variables(node, [address]) if key != "ansible_host"]
    for command in _list_commands([address], variables, run):
        yield (
            f"an older plan has this node at {address}. If that was another host, it may still run Kong: "
            f"stop Kong there, and remove our rules: {command}"
        )


def _list_commands(names: Sequence[str], variables: Sequence[tuple[str, str]], run: Run) -> Iterator[str]:
    """Yield the command that removes our rules from hosts, then shorter forms that leave long parts to the reader."""
    yield _format_command(names, variables, run)
    of_run, other = run._replace(sources=[], path=None), " and kong_plan_file" if run.path else ""
    yield f"{_format_command(names, variables, of_run)} (add -i{other} as in this run)"
    yield f"{_format_command(names, [], of_run)} (add -i{other} as in this run, and the connection of that plan)"


def _list_variables(node: Mapping[str, Any], addresses: Iterable[str | None]) -> list[tuple[str, str]]:
    """Return the connection variables of a node that the inventory no longer has. Its name need not resolve."""
    address = next((address for address in addresses if address), None)
    default = {"ansible_host": address} if address else {}
    return sorted({**default, **node.get("connection", {})}.items())


def _format_command(names: Sequence[str], variables: Sequence[tuple[str, str]], run: Run) -> str:
    """Return the command that removes our rules from hosts, all in the inventory or none."""
    known = [shorten_source(source) for source in run.sources if "," in source or Path(source).exists()]
    inventories = known if names[0] in run.hosts else [*known, f"{names[0]},"]
    extra = [*variables, *([("kong_plan_file", shorten_source(str(run.path)))] if run.path else [])]
    options = [
        *(word for inventory in inventories for word in ("-i", inventory)),
        *(word for variable in [*extra, ("leaving", ",".join(names))] for word in _format_variable(*variable)),
    ]
    return shlex.join(["ansible-playbook", _PLAYBOOK, *options])


def _format_variable(name: str, value: str) -> Iterator[str]:
    """Yield the words of an extra variable. NAME=VALUE would be divided at blanks."""
    is_plain = name == "leaving" or _PLAIN.fullmatch(value)
    yield from ("-e", f"{name}={value}" if is_plain else json.dumps({name: value}))
