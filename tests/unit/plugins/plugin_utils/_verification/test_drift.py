# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.drift import (
    _INTERRUPTED,
    format_drift,
    format_drift_summary,
    gather,
)

PLAN = {"nodes": {name: {"settings": {"admin_listen": "127.0.0.1:8001"}} for name in ("a10", "a2", "b1")}}
OK = {"failed": False, "report": []}
FINE = {"firewall": OK, "listeners": OK, "settings": {"failed": False, "changed_settings": [], "path": "/k"}}
MISSING_RULE = (
    "tcp 8001 (admin): open to every source that other rules and the host's default do not drop (rule missing)"
)


def make_inspected(**parts):
    return {**FINE, **parts}


def make_changed(*names, **result):
    path = "/etc/kong.conf"
    return {"settings": {"failed": False, "path": path, "changed_settings": list(names), "changed": True, **result}}


def test_a_fleet_as_planned():
    drift = gather(PLAN, {"a2": FINE, "a10": FINE, "b1": FINE})
    assert not drift.differs
    assert format_drift(drift.as_dict()) == ["3 of 3 nodes checked: no difference from the plan"]


def test_nodes_with_the_same_difference_share_a_line():
    missing = {**OK, "report": [MISSING_RULE, "at boot: x"]}
    drift = gather(
        PLAN,
        {
            "a2": make_inspected(firewall=missing),
            "a10": make_inspected(firewall={**OK, "report": [MISSING_RULE]}),
            "b1": FINE,
        },
    )
    assert drift.differs
    assert format_drift(drift.as_dict()) == [
        "nodes             part      difference",
        "----------------  --------  ------------------------------------------------------------------------",
        "a2, a10, 2 nodes  firewall  tcp 8001 (admin): open to every source that other rules and the host's",
        "                            default do not drop (rule missing)",
        "a2                firewall  at boot: x",
        "",
        "3 of 3 nodes checked: 2 nodes differ from the plan",
    ]


@pytest.mark.parametrize(
    ("result", "lines"),
    [
        (
            make_changed("admin_listen", before={"admin_listen": "0.0.0.0:8001"}),
            ["/etc/kong.conf: admin_listen is 0.0.0.0:8001, planned 127.0.0.1:8001"],
        ),
        (
            make_changed("admin_listen", before={"admin_listen": None}),
            ["/etc/kong.conf: admin_listen is missing, planned 127.0.0.1:8001"],
        ),
        (make_changed("pg_password", before={"pg_password": "x"}), ["/etc/kong.conf: pg_password is not as planned"]),
        (make_changed(), ["/etc/kong.conf: the file's owner or mode is not as planned"]),
        (make_changed(changed=False, unknown=["typo"]), ["/etc/kong.conf: this version of Kong does not know typo"]),
    ],
)
def test_differences_of_settings(result, lines):
    assert list(gather(PLAN, {"b1": make_inspected(**result)}).nodes["b1"]["settings"]) == lines


def test_a_node_that_was_not_checked_is_no_difference():
    broken = {"failed": True, "msg": "the host's sockets and Kong's unit cannot be read: no"}
    refused = {"failed": True, "msg": "kong_node_info needs root, and this task runs as deploy: set become: true"}
    drift = gather(PLAN, {"a2": refused, "b1": make_inspected(listeners=broken)})
    assert not drift.differs
    assert drift.as_dict() == {
        "format": 1,
        "differs": False,
        "nodes": {
            "b1": {"firewall": [], "settings": []},
        },
        "not_checked": {
            "a2": ["kong_node_info needs root, and this task runs as deploy: set become: true"],
            "a10": ["it was unreachable, failed or not part of this run"],
            "b1": ["listeners: the host's sockets and Kong's unit cannot be read: no"],
        },
    }
    assert format_drift(drift.as_dict()) == [
        "NOT CHECKED: a2: kong_node_info needs root, and this task runs as deploy: set become: true",
        "NOT CHECKED: a10: it was unreachable, failed or not part of this run",
        "NOT CHECKED: b1: listeners: the host's sockets and Kong's unit cannot be read: no",
        "",
        "0 of 3 nodes checked",
    ]


def test_nodes_with_the_same_reason_share_a_line():
    not_checked = {**{f"k{number}": ["down"] for number in range(1, 101)}, "x": ["needs root"]}
    assert format_drift({"nodes": {}, "not_checked": not_checked}) == [
        "NOT CHECKED: k1 to k100, 100 nodes: down",
        "NOT CHECKED: x: needs root",
        "",
        "0 of 101 nodes checked",
    ]


def test_an_effective_value_that_differs_is_a_difference():
    line = (
        "status_listen is 0.0.0.0:8105, planned off: KONG_STATUS_LISTEN (/etc/kong/kong.env) overrides /etc/kong.conf"
    )
    drift = gather(PLAN, {"b1": make_inspected(listeners={**OK, "report": [line]})})
    assert (drift.differs, drift.nodes["b1"]["listeners"]) == (True, (line,))


def test_a_run_that_did_not_end_is_a_difference():
    drift = gather(PLAN, {"a2": {**FINE, "interrupted": True}, "a10": {**FINE, "interrupted": False}, "b1": FINE})
    assert (drift.differs, [*drift.nodes["a2"]["run"]], "run" in drift.nodes["a10"]) == (True, [_INTERRUPTED], False)
    assert "ansible-playbook gatehouse.kong.site" in _INTERRUPTED
    assert "1 node differs from the plan" in format_drift(drift.as_dict())[-1]


def test_a_node_with_a_difference_and_an_unchecked_part_is_not_checked_completely():
    drift = {"nodes": {"a": {"firewall": ["x"]}, "b": {"firewall": []}}, "not_checked": {"a": ["listeners: no"]}}
    assert format_drift_summary(drift) == "1 of 2 nodes checked completely: 1 node differs from the plan"
    alone = {"nodes": {"a": {"firewall": ["x"]}}, "not_checked": {"a": ["listeners: no"]}}
    assert format_drift_summary(alone) == "0 of 1 node checked completely: 1 node differs from the plan"


LINE = "missing: tcp 9000 at 192.168.10.5 to 192.168.23.45:80 (cluster), from peers"


def test_gateways_are_compared_too():
    plan = {**PLAN, "gateways": {"router10": {}, "router2": {}, "a2": {}}}
    gateways = {"router2": {"failed": False, "report": [LINE]}, "a2": {"report": []}, "router10": {"msg": "no nft"}}
    drift = gather(plan, dict.fromkeys(PLAN["nodes"], FINE), gateways)
    assert drift.differs
    assert drift.nodes["a2"]["gateway"] == ()
    assert drift.as_dict()["gateways"] == ["a2", "router2", "router10"]
    assert format_drift(drift.as_dict()) == [
        "hosts    part     difference",
        "-------  -------  ---------------------------------------------------------------------------",
        f"router2  gateway  {LINE}",
        "",
        "NOT CHECKED: router10: gateway: no nft",
        "",
        "4 of 5 hosts checked: 1 host differs from the plan",
    ]


def test_a_gateway_without_a_result_is_not_checked():
    drift = gather({"nodes": {}, "gateways": {"router": {}}}, {})
    assert drift.not_checked == {"router": ("gateway: it was unreachable, failed or not part of this run",)}
