# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The columns of the table of results, by the number of callers and of their sites."""

from __future__ import annotations

import pytest

from ansible_collections.gatehouse.kong.plugins.plugin_utils._report.certificates import open_admins
from ansible_collections.gatehouse.kong.plugins.plugin_utils._report.verification import make_verification_section


def make_outcome(caller, **more):
    probe = {"to": "n", "listener": "proxy", "port": 80, "protocol": "tcp", "dial_address": "10.0.0.1", "dial_port": 80}
    return {"from": caller, **probe, "expected": "open", "result": "open", "detail": "", **more}


def make_section(count, sites):
    """Return the section of a verification by callers that are spread over sites; the node is at the first site."""
    hosts = {f"c{number}": {"site": f"s{number % sites}"} for number in range(count)}
    plan = {"nodes": {"n": {"site": "s0"}}, "hosts": hosts}
    return make_verification_section(plan, {"outcomes": [make_outcome(name) for name in hosts]})


@pytest.mark.parametrize(
    ("count", "sites", "columns"),
    [
        (12, 2, ["node", *(f"from c{number}" for number in range(12))]),
        (13, 2, ["nodes", "from site s0", "from site s1"]),
        (51, 50, ["nodes", *(f"from site s{number}" for number in range(50))]),
        (51, 51, ["nodes", "from its site", "from other sites"]),
    ],
)
def test_columns_of_many_callers_are_sites(count, sites, columns):
    [table] = make_section(count, sites).tables
    first, _listener, _port, *others = table.header
    assert [first, *others] == columns


def test_a_caller_that_left_the_plan_has_an_unknown_site():
    plan = {"nodes": {"n": {"site": "s0"}}, "hosts": {}}
    [table] = make_verification_section(plan, {"outcomes": [make_outcome(f"c{n}") for n in range(13)]}).tables
    assert table.header[3:] == ("from site unknown",)


def test_results_over_ipv6_have_their_own_row():
    plan = {"nodes": {"n": {"site": "s0"}}, "hosts": {}}
    outcomes = [make_outcome("c"), make_outcome("c", dial_address="fd00::1", result=None)]
    [table] = make_verification_section(plan, {"outcomes": outcomes}).tables
    assert [[cell.text for cell in row] for row in table.rows] == [
        ["n", "proxy", "80/tcp", "open / open"],
        ["n", "proxy", "80/tcp IPv6", "open / not probed"],
    ]


def test_a_cell_counts_equal_results_of_several_callers():
    outcomes = [make_outcome(f"c{number}") for number in range(13)]
    outcomes[3] |= {"expected": "filtered", "result": "open"}
    outcomes[5] |= {"expected": "filtered", "result": "open"}
    plan = {"nodes": {"n": {"site": "s0"}}, "hosts": {f"c{number}": {"site": "s0"} for number in range(13)}}
    *_differences, table = make_verification_section(plan, {"outcomes": outcomes}).tables
    [[*_port, cell]] = table.rows
    assert cell.text == "11\N{MULTIPLICATION SIGN} open / open, 2\N{MULTIPLICATION SIGN} \N{BALLOT X} filtered / open"


def test_admin_apis_that_answer_the_same_hosts_are_one_paragraph():
    outcomes = [
        make_outcome(caller, to=f"k{number}", listener="admin", status=200)
        for number in range(1, 101) for caller in (("c2", "c10") if number < 100 else ("c2",))
    ]  # fmt: skip
    assert [(cell.text, cell.items) for cell in open_admins(outcomes)] == [
        ("The Admin API of k1 to k99 answers without authentication:", ("c2", "c10")),
        ("The Admin API of k100 answers without authentication:", ("c2",)),
    ]
