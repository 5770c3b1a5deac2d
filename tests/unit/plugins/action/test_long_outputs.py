# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The output of each playbook with many nodes, long names and IPv6 addresses: its width, its length, its order and its plurals."""

from __future__ import annotations

import re

import pytest

from ansible_collections.gatehouse.kong.plugins.action import kong_adopt, kong_problems
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.left import describe_members
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.summary import format_plan
from ansible_collections.gatehouse.kong.plugins.plugin_utils._staged.sources import Counted, CountedSource, CountingNode
from ansible_collections.gatehouse.kong.plugins.plugin_utils._staged.text import format_counted
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.drift import format_drift
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.explain import (
    choose_probes,
    explain,
    list_outcomes,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.probes import list_callers, list_probes_from
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.result import compare, format_verification
from ansible_collections.gatehouse.kong.tests.unit.plugins.action.test_controller_actions import run, run_failing
from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils._adopt.found import KONG, make_facts
from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils.fleets import plan_fleet

MANY = 1000
DAY = 86_400


def name_node(number):
    """Return a name of which the last part is the same for all nodes, as in a domain; no summary of ranges joins two of them."""
    return f"kong-gateway-{2 * number}.frankfurt.example.net"


def make_address(number):
    return f"2001:db8:1234:5678:9abc:def0:1:{number + 1:x}"


def plan_nodes(count, **more):
    node = {"kong_version": "3.9", "kong_admin_gui_listen": "off", "kong_status_listen": "off", "kong_proxy_listen": "[::]:8000",
            "kong_admin_listen": "[::]:8001", "kong_admin_sources": [name_node(0)], **more}  # fmt: skip
    return plan_fleet(
        {
            name_node(number): {
                **node,
                "kong_address": make_address(number),
                "kong_admin_listn": f"value {number}",
            }
            for number in range(count)
        }
    )


def make_results(plan, result):
    found = {"result": result, "detail": "no answer within 3 seconds"}
    return {
        caller: [{"name": probe.name, **found} for probe in list_probes_from(plan, caller)]
        for caller in list_callers(plan)
    }


def show_plan(count, _folder):
    return format_plan(plan_nodes(count))


def show_verification(count, _folder):
    """Every connection has no answer. Of more sources than fit, the table is not shown."""
    plan = plan_nodes(min(count, 30))
    return format_verification(compare(plan, make_results(plan, "filtered"), {}, {}, None))


def show_drift(count, _folder):
    names = [name_node(number) for number in range(count)]
    lines = {name: f"{make_address(number)} can reach tcp 8001 and should not" for number, name in enumerate(names)}
    reasons = {
        name: f"ssh: connect to host {make_address(number)} port 22: refused" for number, name in enumerate(names)
    }
    return format_drift(
        {
            "nodes": {name: {"firewall": [line, "tcp 8002 is open to every source (rule missing)"]} for name, line in lines.items()},
            "not_checked": {f"other-{name}": [reason] for name, reason in reasons.items()},
        }
    )  # fmt: skip


def show_explanation(count, _folder):
    plan = plan_nodes(min(count, 30))
    caller, target = name_node(0), name_node(1) if count > 1 else name_node(0)
    probes = choose_probes(plan, caller, target, None)
    outcomes = list_outcomes(plan, probes, make_results(plan, "filtered")[caller], None)
    return [line for probe in probes for line in explain(plan, probe, outcomes)]


def show_staged(count, _folder):
    names = [name_node(number) for number in range(count)]
    sources = tuple(
        CountedSource(
            name, "admin", "tcp", 8001, make_address(number), (), f"{make_address(number)}/128", 3, 60, "drops"
        )
        for number, name in enumerate(names)
    )
    nodes = {name: CountingNode(staged=True, counts=True, seconds=2 * DAY, uncounted=0) for name in names}
    return format_counted(Counted(sources, nodes, {f"other-{name}": "it was unreachable" for name in names}))


def show_adoption(count, folder):
    names = [name_node(number) for number in range(count)]
    hostvars = {name: {"ansible_facts": make_facts("10.0.0.1"), "found": {"kongs": [KONG]}} for name in names[:30]}
    hostvars |= {name: {"found": {"msg": "connection refused"}} for name in names[30:]}
    arguments = {"path": str(folder), "registered": "found"}
    _result, (text,) = run(kong_adopt, arguments, hostvars, check_mode=True, groups={"all": [*hostvars]})
    return text.splitlines()


def show_problems(count, purpose):
    hostvars = {
        name_node(number): {"node": {"problem": f"a rule of {make_address(number)} was changed"}}
        for number in range(count)
    }
    arguments = {"registered": "node", "purpose": purpose, "partial": True}
    result, (text,) = run_failing(kong_problems, arguments, hostvars, ansible_play_hosts=[*hostvars])
    return [*text.splitlines(), result["msg"]]


def show_rollback(count, _folder):
    return show_problems(count, "rolled back")


def show_removal(count, _folder):
    names = [name_node(number) for number in range(count)]
    return [*show_problems(count, "cleaned"), describe_members(names, "kong", names)]


SHOW = {"plan": show_plan, "verify": show_verification, "drift": show_drift, "explain": show_explanation, "staged": show_staged,
        "adopt": show_adoption, "rollback": show_rollback, "remove": show_removal}  # fmt: skip
# The most lines and bytes for MANY nodes. `staged` has a row for each of 100 sources, in up to three lines.
MOST = {"staged": (420, 36_000)}
NODE = re.compile(r"kong-gateway-(\d+)")
WRONG_NUMBER = re.compile(
    r"(?<![\d.:\w-])(?:1 (?:\w+ )?(?:nodes|hosts|connections|differences|sources|questions|files|messages)"
    r"|(?:[02-9]|\d\d+) (?:\w+ )?(?:node|host|connection|difference|source|question|file|message))(?![\w-])"
)


def find_tables(lines):
    """Yield the lines of each table, with its header and the line below it."""
    for number, line in enumerate(lines):
        if re.fullmatch(r"-+(?:  -+)+", line):
            end = next((end for end in range(number, len(lines)) if not lines[end]), len(lines))
            yield lines[number - 1 : end]


def find_rows(table):
    """Return the first line of each row: its second cell begins there."""
    second = table[1].index("  ") + 2
    return [line for line in table[2:] if line[second : second + 1].strip()]


@pytest.mark.parametrize("count", [1, 2, 12, MANY])
@pytest.mark.parametrize("playbook", SHOW)
def test_tables_fit_into_a_log_and_lists_are_short(monkeypatch, tmp_path, playbook, count):
    monkeypatch.delenv("COLUMNS", raising=False)
    lines = SHOW[playbook](count, tmp_path)
    for table in find_tables(lines):
        assert max(map(len, table)) <= 100
        nodes = [int(found[1]) for found in map(NODE.match, find_rows(table)) if found]
        assert nodes == sorted(nodes)
    assert max(map(len, lines), default=0) <= 1_200
    most_lines, most_bytes = MOST.get(playbook, (150, 16_000))
    assert len(lines) <= most_lines
    assert sum(len(line) + 1 for line in lines) <= most_bytes
    assert [line for line in lines if WRONG_NUMBER.search(line)] == []


@pytest.mark.parametrize("text", ["1 nodes", "and 12 other host", "0 connection", "21 more source"])
def test_a_wrong_plural_is_found(text):
    assert WRONG_NUMBER.search(text)
    assert not WRONG_NUMBER.search("1 node, 12 hosts, 21 nodes, 1 more source")
