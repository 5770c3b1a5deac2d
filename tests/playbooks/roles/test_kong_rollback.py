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
        "rollback, or the state before the last run is back already"
    )
    assert [error for _calls, error in again] == [message, None]
