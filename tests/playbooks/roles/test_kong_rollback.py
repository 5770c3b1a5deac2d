# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The order in which the role kong_rollback restores a node."""

from __future__ import annotations

from ansible_collections.gatehouse.kong.tests.playbooks.roles.stage import Stage

KONG = {"version": "3.9", "conf": "/etc/kong/kong.conf", "prefix": "", "program": "/usr/local/bin/kong",
        "restart_command": "", "reload_command": "", "looks": 30, "drain": 10,
        "listeners": [{"name": "nginx", "protocols": ["tcp"], "port": 8001, "address": "127.0.0.1"}]}  # fmt: skip
POINT = {
    "found": True,
    "firewall": True,
    "ruleset": {"allow": [], "sets": {}},
    "interception": [],
    "kong": KONG,
    "how": "reload",
}

FIND, RESTORE, REMOVE = (f"kong_restore_point {word}" for word in ("found", "restored", "absent"))
OPEN, CLOSE = "kong_firewall merged", "kong_firewall present"
INTERCEPT = "kong_transparent"
CASES = {
    "everything": (POINT, {}, [FIND, OPEN, RESTORE, "kong_service reload", INTERCEPT, CLOSE, REMOVE]),
    "Kong needs no change": ({**POINT, "how": "nothing"}, {}, [FIND, OPEN, RESTORE, INTERCEPT, CLOSE, REMOVE]),
    "Kong did not run": ({**POINT, "how": "stop"}, {}, [FIND, OPEN, RESTORE, "kong_service stop", INTERCEPT, CLOSE, REMOVE]),
    "no rules before": (
        {**POINT, "ruleset": None}, {},
        [FIND, RESTORE, "kong_service reload", INTERCEPT, "kong_firewall absent", REMOVE],
    ),
    "without the firewall": (
        {**POINT, "firewall": False, "ruleset": None}, {},
        [FIND, RESTORE, "kong_service reload", INTERCEPT, REMOVE],
    ),
    "Kong does not start": (
        POINT, {"kong_service": {"failed": True, "msg": "port taken"}}, [FIND, OPEN, RESTORE, "kong_service reload"],
    ),
    "nothing to restore": ({"found": False}, {}, [FIND]),
}  # fmt: skip


def test_the_firewall_covers_kong_at_every_step(tmp_path):
    points = [
        {**point, "interception": [{"listener": f"case-{at}"}]} for at, (point, *_rest) in enumerate(CASES.values())
    ]
    cases = [({FIND: point, **more}, {}) for point, (_same, more, _steps) in zip(points, CASES.values(), strict=True)]
    found = dict(zip(CASES, Stage(tmp_path).run("kong_rollback", cases), strict=True))
    for name, (_point, _more, expected) in CASES.items():
        assert [call for call, _args in found[name][0]] == expected, name
    assert [error for _calls, error in found.values()][:5] == [None] * 5
    assert found["Kong does not start"][1] == (
        "Reload, restart or stop Kong as in that state, and verify its sockets: port taken. The rollback of case-5 is not "
        "complete: until it is, the firewall allows the sources of both states. Run it again after the fix"
    )
    assert found["nothing to restore"][1].startswith("There is nothing to restore on case-6: ")
    given = dict(found["everything"][0])["kong_service reload"]
    expected = {key: KONG[key] for key in ("listeners", "conf")}
    assert {key: given[key] for key in expected} == expected
    assert int(given["looks"]) == KONG["looks"]  # before ansible-core 2.19, a template could only return text
    assert not {"prefix", "restart_command", "reload_command"} & {*given}


def test_the_playbook_restores_the_nodes_that_the_last_run_changed(tmp_path):
    """A node that the last run did not change is left unchanged, also in a second rollback."""
    stage = Stage(tmp_path)
    point = {**POINT, "how": "nothing", "firewall": False}
    absent = {"found": False, "run": ""}
    answers = ({**point, "run": "2026-02"}, {**point, "run": "2026-01"}, absent)
    points = [{**answer, "interception": [{"listener": f"case-{at}"}]} for at, answer in enumerate(answers)]
    found = stage.run_playbook("rollback", [({FIND: restore_point}, {}) for restore_point in points])
    assert [[call for call, _args in calls] for calls, _error in found] == [
        [FIND, FIND, RESTORE, INTERCEPT, REMOVE], [FIND, REMOVE], [FIND, REMOVE],
    ]  # fmt: skip
    assert [error for _calls, error in found] == [None] * 3
    again = stage.run_playbook("rollback", [({FIND: absent}, {})] * 2)
    assert [[call for call, _args in calls] for calls, _error in again] == [[FIND, REMOVE]] * 2
    message = (
        "There is nothing to restore on case-0 to case-1, 2 nodes: no run of site has changed anything there since the last "
        "rollback, or the state before the last run is already restored"
    )
    assert [error for _calls, error in again] == [message, None]


NAT = {
    "forwards": [],
    "egress": [{"inside": "10.0.0.1", "outside": "192.0.2.1"}],
    "sets": {"s": {}},
    "shared_addresses": [],
    "outside_interfaces": {},
}
ADD, MATCH = "kong_gateway merged", "kong_gateway present"


def make_router(**point):
    return {FIND: {"found": True, "run": "2026-02", "nat": NAT, **point}}, {"is_router": True}


def make_node(number, run, routers=(), **more):
    """Return a node behind routers, whose point has the run."""
    point = {**POINT, "how": "nothing", "firewall": False, "interception": [{"listener": f"case-{number}"}], "run": run}
    mappings = [{"outside": "192.0.2.1", "device": f"case-{router}"} for router in routers]
    return {FIND: point, **more}, {"kong_nat": mappings}


def test_gateways_translate_for_both_states_while_the_nodes_are_restored(tmp_path):
    """The last run changed a node and two gateways, of which one had no translations before; a third is of an earlier run."""
    stage = Stage(tmp_path)
    cases = [
        make_node(0, "2026-02", routers=(2, 3)), make_node(1, "2026-01", routers=(4,)),
        make_router(), make_router(nat=None), make_router(run="2026-01"), make_router(),
    ]  # fmt: skip
    found = stage.run_playbook("rollback", cases)
    assert [[call for call, _args in calls] for calls, _error in found] == [
        [FIND, FIND, RESTORE, INTERCEPT, REMOVE], [FIND, REMOVE],
        [FIND, ADD, MATCH, REMOVE], [FIND, "kong_gateway absent", REMOVE], [FIND, REMOVE], [],
    ]  # fmt: skip
    assert [error for _calls, error in found] == [None] * 6
    steps = [call for _number, call, _args in stage.calls if call in (ADD, RESTORE, MATCH, "kong_gateway absent")]
    assert steps[:2] == [ADD, RESTORE]
    given = dict(found[2][0])
    assert [{key: given[call][key] for key in NAT} for call in (ADD, MATCH)] == [NAT, NAT]
    assert not {*NAT} & {*dict(found[3][0])["kong_gateway absent"]}
    assert all(args["gateway"] for calls, _error in found[2:5] for call, args in calls if call in (FIND, REMOVE))


def test_a_gateway_keeps_the_forwards_of_both_states_if_a_node_fails(tmp_path):
    failed = {RESTORE: {"failed": True, "msg": "disk full"}}
    cases = [make_node(0, "2026-02", routers=(2,)), make_node(1, "2026-02", **failed), make_router()]
    found = Stage(tmp_path).run_playbook("rollback", cases, kong_listen_serial=2)
    assert [call for call, _args in found[2][0]] == [FIND, ADD]
    assert "disk full" in found[1][1]
    assert found[2][1] == (
        "case-2 keeps the forwards of both states, because these nodes are not restored: case-1. Run the rollback again after "
        "the fix"
    )


def test_the_nodes_are_restored_if_the_only_gateway_is_unreachable(tmp_path):
    unreachable = {"unreachable": True}
    cases = [
        make_node(0, "2026-02", routers=(2,)), make_node(1, "2026-01"),
        ({FIND: unreachable, REMOVE: unreachable}, {"is_router": True}),
    ]  # fmt: skip
    found = Stage(tmp_path).run_playbook("rollback", cases)
    assert [[call for call, _args in calls] for calls, _error in found] == [
        [FIND, FIND, RESTORE, INTERCEPT, REMOVE], [FIND, REMOVE], [FIND, REMOVE],
    ]  # fmt: skip


def test_only_a_gateway_changed(tmp_path):
    cases = [
        ({FIND: {"found": False, "run": ""}}, {"kong_nat": [{"outside": "192.0.2.1", "device": "case-1"}]}),
        make_router(),
    ]
    found = Stage(tmp_path).run_playbook("rollback", cases)
    assert [[call for call, _args in calls] for calls, _error in found] == [[FIND, REMOVE], [FIND, ADD, MATCH, REMOVE]]
    assert [error for _calls, error in found] == [None, None]
