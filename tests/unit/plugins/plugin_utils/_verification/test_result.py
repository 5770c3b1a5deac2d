# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The verification: its differences, notes and closing count."""

from __future__ import annotations

from dataclasses import replace
from itertools import cycle

import pytest

from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification import result as result_module
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.probes import list_callers, list_probes_from
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.result import compare, format_verification
from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils.fleets import (
    SEED_NODES,
    SEED_OTHERS,
    compile_fleet,
    plan_fleet,
)

PLAN = compile_fleet(SEED_NODES, SEED_OTHERS).plan
AS_EXPECTED = {"open": "open", "filtered": "filtered", "closed": "refused"}


def make_probed(*callers, **changes):
    """Return results as expected, except for the named probes."""
    return {
        caller: [
            {"name": probe.name, "result": changes.get(probe.name, AS_EXPECTED[probe.expected]), "detail": "said so"}
            for probe in list_probes_from(PLAN, caller)
        ]
        for caller in callers
    }


ALL = ("a1", "a2", "b1", "admin")


def test_a_healthy_fleet():
    verification = compare(PLAN, make_probed(*ALL))
    assert verification.differences == ()
    assert verification.missing == ()
    count = len(verification.outcomes)
    assert verification.blocked > 20
    assert format_verification(verification)[-1] == (
        f"{count} connections tested: {count - verification.blocked} open and {verification.blocked} blocked, "
        "all as planned"
    )


def test_staged_nodes_are_named():
    nodes = {**SEED_NODES, "a2": {**SEED_NODES["a2"], "kong_firewall_state": "staged"}}
    plan = compile_fleet(nodes, SEED_OTHERS).plan
    lines = format_verification(compare(plan, make_probed(*ALL)))
    assert lines[-2] == "STAGED: a2: connections that the plan blocks are not tested there"
    assert lines[-1].endswith("all as planned")
    assert not [line for line in format_verification(compare(PLAN, make_probed(*ALL))) if line.startswith("STAGED")]


def test_every_kind_of_difference_is_named():
    changes = {
        "a2 proxy tcp 8000 192.168.10.12:8000": "refused",
        "a2 admin tcp 8001 192.168.10.12:8001": "open",
        "a2 cluster udp 7946 192.168.10.12:7946": "filtered",
        "b1 proxy tcp 8000 192.168.23.45:8000": "open",
    }
    verification = compare(PLAN, make_probed("a1", **changes) | make_probed("a2", "b1", "admin"))
    lines = format_verification(verification)
    assert [line for line in lines if line.startswith("DIFFERS")] == [
        "DIFFERS: a1 to proxy of a2 (8000/tcp), dialling 192.168.10.12:8000: expected open, actual refused (said so)",
        "DIFFERS: a1 to admin of a2 (8001/tcp), dialling 192.168.10.12:8001: expected filtered, actual open (said so)",
        "DIFFERS: a1 to cluster of a2 (7946/udp), dialling 192.168.10.12:7946: expected open, actual filtered (said so)",
        "DIFFERS: a1 to proxy of b1 (8000/tcp), dialling 192.168.23.45:8000: expected closed, actual open (said so)",
    ]
    assert lines[-1].endswith(" blocked as planned, 4 differ from the plan")
    assert sum("<<<" in line for line in lines) == 4


def test_the_differences_of_a_cause_are_together_and_at_most_20():
    verification = compare(PLAN, make_probed(*ALL))
    causes = ["stopped", "", "stopped"] * 30
    wrong = [
        replace(outcome, result="unknown", cause=cause)
        for outcome, cause in zip(cycle(verification.outcomes), causes, strict=False)
    ]
    lines = format_verification(replace(verification, outcomes=tuple(wrong)))
    start = next(number for number, line in enumerate(lines) if line.startswith("DIFFERS"))
    assert [line.partition(":")[0] for line in lines[start : start + 43]] == [
        *["DIFFERS"] * 20,
        "and 40 more differences; with kong_report_path, the report has all",
        "  cause of all 60",
        *["DIFFERS"] * 20,
        "and 10 more differences; with kong_report_path, the report has all",
    ]


def test_refused_differs_from_filtered():
    # The packet passed the firewall; by chance no process listened.
    verification = compare(PLAN, make_probed("a1", **{"a2 admin tcp 8001 192.168.10.12:8001": "refused"}))
    assert [outcome.result for outcome in verification.differences] == ["refused"]


def test_hosts_that_did_not_probe_are_named():
    verification = compare(PLAN, make_probed("a1", "admin"))
    assert verification.missing == ("a2", "b1")
    lines = format_verification(verification)
    missing = "NOT PROBED from a2, b1, 2 hosts: unreachable, failed or not part of this run"
    assert [line for line in lines if line.startswith("NOT PROBED")] == [missing]
    assert lines[-1].endswith(", all as planned (incomplete)")


def test_warning_if_no_connection_had_to_be_blocked():
    node = {
        "kong_address": "10.0.0.1",
        "kong_status_listen": "off",
        "kong_admin_listen": "off",
        "kong_admin_gui_listen": "off",
    }
    plan = compile_fleet({"n": node, "m": {**node, "kong_address": "10.0.0.2"}}).plan
    results = {
        caller: [{"name": probe.name, "result": "open", "detail": ""} for probe in list_probes_from(plan, caller)]
        for caller in ("n", "m")
    }
    verification = compare(plan, results)
    assert verification.differences == ()
    assert "No connection had to be blocked" in format_verification(verification)[-1]


def test_no_table_with_many_sources():
    nodes = {f"n{number}": {"kong_address": f"10.0.0.{number}"} for number in range(1, 11)}
    plan = compile_fleet(nodes).plan
    assert len(format_verification(compare(plan, {}))) == 2


def with_answers(**answers):
    results = make_probed(*ALL)
    for result in (probe for probes in results.values() for probe in probes):
        result.update(answers.get(result["name"].split()[1], {}) if result["result"] == "open" else {})
    return format_verification(compare(PLAN, results))


def test_certificates_are_listed_once_for_each_port():
    shown = {"subject": "CN=x", "not_after": "2031-05-06T07:08:09+00:00", "days_left": 900}
    lines = with_answers(proxy={"certificate": shown})
    at = lines.index("Certificates of the listeners:")
    assert [line.split() for line in lines[at + 4 : at + 8]] == [
        ["a1", "proxy", "8000", "CN=x", "2031-05-06"],
        ["a1", "proxy", "8443", "CN=x", "2031-05-06"],
        ["a2", "proxy", "8000", "CN=x", "2031-05-06"],
        ["a2", "proxy", "8443", "CN=x", "2031-05-06"],
    ]


def test_certificate_that_expires_soon_is_marked():
    for days, mark in ((-1, "EXPIRED"), (0, "0 days left"), (29, "29 days left"), (30, "2026-05-06")):
        shown = {"subject": "CN=x", "not_after": "2026-05-06T07:08:09+00:00", "days_left": days}
        lines = with_answers(proxy={"certificate": shown})
        assert sum(line.rstrip().endswith(f" {mark}") for line in lines) == 4, days


def test_admin_api_without_authentication_is_noted():
    lines = with_answers(admin={"status": 200})
    assert [line for line in lines if line.startswith("ADMIN API")] == [
        "ADMIN API: a1 to a2, 2 nodes: answer admin without authentication (ports 8001, 8444)",
    ]
    assert lines[-1].endswith("blocked, all as planned")
    assert not any(line.startswith("ADMIN API") for line in with_answers(admin={"status": 401}))


def test_tls_listener_without_a_certificate_is_noted():
    lines = [line for line in with_answers(proxy={"certificate": None}) if line.startswith("NO TLS")]
    assert "NO TLS: a1 to a2, 2 nodes: presented no certificate on proxy 8443 (said so)" in lines
    assert not any("8000" in line for line in lines)


def test_placeholder_is_distinguished_from_kong():
    ports = [{"protocol": "tcp", "port": 8443}, {"protocol": "udp", "port": 7946}, {"protocol": "tcp", "port": 8443}]
    lines = format_verification(compare(PLAN, make_probed(*ALL)), {"a1": ports, "a2": []})
    assert (
        "PLACEHOLDER: a1 answered on tcp 8443, udp 7946 with a placeholder, because no process listens there" in lines
    )
    assert not any("PLACEHOLDER" in line and "a2" in line for line in lines)
    assert not any(line.startswith("NO TLS: a1") and "proxy" in line for line in lines)


def make_plan(count, **node):
    """Return the plan of nodes whose proxy alone is probed, with open and blocked connections."""
    common = {"kong_admin_gui_listen": "off", "kong_status_listen": "off", "kong_proxy_listen": "0.0.0.0:8000", **node}
    return plan_fleet({f"n{number}": {**common, "kong_address": f"10.0.0.{number}"} for number in range(1, count + 1)})


def make_planned(plan, **changes):
    return {
        caller: [
            {"name": probe.name, "result": changes.get(probe.name, AS_EXPECTED[probe.expected]), "detail": "d"}
            for probe in list_probes_from(plan, caller)
        ]
        for caller in list_callers(plan)
    }


@pytest.mark.parametrize(("count", "table"), [(8, True), (9, False)])
def test_a_table_has_at_most_8_columns_of_sources(count, table):
    lines = format_verification(compare(make_plan(count), {}))
    assert ("Expected / actual, from each source to each listener:" in lines) is table


def test_the_table_has_a_cell_for_each_source():
    plan = plan_fleet(
        {
            name: {
                "kong_address": addresses,
                "kong_proxy_listen": "0.0.0.0:8000, [::]:8000",
                "kong_admin_listen": "off",
                "kong_admin_gui_listen": "off",
                "kong_status_listen": "off",
            }
            for name, addresses in (("n10", ["10.0.0.10", "fd00::10"]), ("n2", ["10.0.0.2", "fd00::2"]))
        }
    )
    probed = make_planned(plan, **{"n2 proxy tcp 8000 10.0.0.2:8000": "filtered"})
    assert [line.rstrip() for line in format_verification(compare(plan, probed))] == [
        "Expected / actual, from each source to each listener:",
        "",
        "node  listener  port           from n2      from n10",
        "----  --------  -------------  -----------  --------------------",
        "n2    proxy     8000/tcp       -            open / filtered  <<<",
        "n2    proxy     8000/tcp IPv6  -            open / open",
        "n10   proxy     8000/tcp       open / open  -",
        "n10   proxy     8000/tcp IPv6  open / open  -",
        "",
        "DIFFERS: n10 to proxy of n2 (8000/tcp), dialling 10.0.0.2:8000: expected open, actual filtered (d)",
        "  cause: the rule of n2 that allows any source on tcp 8000 is missing, or another rule blocks the port for all sources",
        (
            "4 connections tested: 3 open and 0 blocked as planned, 1 differs from the plan. No connection had to be "
            "blocked, so this does not verify the firewall"
        ),
    ]


def test_without_any_result_nothing_is_verified():
    lines = format_verification(compare(make_plan(2), {}))
    assert lines[-1] == "No connection was tested, so this verifies nothing"


def test_results_of_some_targets_or_of_some_probes_of_a_target_are_a_sample():
    plan = make_plan(3)
    complete = make_planned(plan)
    assert compare(plan, complete).sampled is False
    of_one_target = [result for result in complete["n1"] if result["name"].startswith("n2 ")]
    assert compare(plan, {**complete, "n1": of_one_target}).sampled is True
    assert compare(plan, {**complete, "n1": complete["n1"][1:]}).sampled is True
    assert compare(plan, {**complete, "n1": None}).sampled is False


@pytest.mark.parametrize(
    ("count", "more"), [(20, []), (21, ["and 1 more difference; with kong_report_path, the report has all"])]
)
def test_20_differences_with_one_cause_are_shown(count, more):
    verification = compare(PLAN, make_probed(*ALL))
    outcome = replace(verification.outcomes[0], result="unknown")
    lines = format_verification(replace(verification, outcomes=(outcome,) * count))
    assert sum(line.startswith("DIFFERS") for line in lines) == 20
    assert [line for line in lines if line.startswith("and ")] == more


def test_every_difference_has_a_cause(monkeypatch):
    monkeypatch.setattr(result_module, "infer_cause", lambda *_arguments: "a cause")
    plan = make_plan(12)
    probed = make_planned(plan)
    for found in (found for results in probed.values() for found in results):
        found["result"] = "unreachable" if found["result"] == "open" else "open"
    differences = compare(plan, probed).differences
    assert [outcome.cause for outcome in differences] == ["a cause"] * len(differences)
    assert len(differences) > 100
