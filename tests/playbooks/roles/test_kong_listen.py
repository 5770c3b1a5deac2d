# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The role kong_listen: the steps of a node, and the error of the step that fails."""

from __future__ import annotations

from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.node import decide_changes
from ansible_collections.gatehouse.kong.tests.playbooks.roles.stage import Stage

LISTENER = {"name": "admin", "setting": "admin_listen", "address": "127.0.0.1", "port": 9001, "protocols": ["tcp"],
            "flags": []}  # fmt: skip
PRESENT = [{"name": "nginx", "protocols": ["tcp"], "port": 8001, "address": "127.0.0.1"}]
NODE = {
    "config": [],
    "version": "3.9",
    "role": "traditional",
    "listeners": [LISTENER],
    "settings": {"admin_listen": "127.0.0.1:9001"},
}
FAILS = {"failed": True}
KONG = {
    "failed": False,
    "listens": False,
    "runs": True,
    "present": PRESENT,
    "cannot_bind": "",
    "effective": [],
    "unloaded": "",
}
NO_KONG = {**KONG, "present": [], "runs": False}
OTHERS = {
    "firewall": {"failed": False, "differs": False, "blocked": False},
    "interception": {"failed": False, "changed": False},
    "interrupted": False,
    "has_program": False,
}
OVERRIDDEN = {
    "setting": "admin_listen",
    "value": "0.0.0.0:8001",
    "origin": "environment",
    "moves": True,
    "line": "admin_listen is 0.0.0.0:8001, planned 127.0.0.1:9001: KONG_ADMIN_LISTEN (/etc/kong/kong.env) overrides kong.conf",
}


def answers(number, listeners=None):
    """Return the modules' answers in a run without errors: Kong's admin port changes, which takes a reload."""
    path = f"/etc/kong/case-{number}.conf"
    node = {**NODE, "settings_file": {"path": path, "search": [], "format": "conf"}}
    settings = {"failed": False, "changed": True, "path": path, "before": {"admin_listen": "127.0.0.1:8001"}}
    parts = {**OTHERS, "settings": settings, "listeners": listeners or KONG}
    return {
        "kong_plan": {"plan": {"nodes": {f"case-{number}": node}}},
        "kong_node_info": {**parts, **decide_changes(node, parts)},
        "kong_apply": {"changed": True},
    }


FIND, APPLY, KEEP = "kong_node_info", "kong_apply", "kong_restore_point kept"
WITH_FIREWALL = {"kong_listen_firewall": True}
COMMANDS = {
    "kong_listen_restart_command": "docker restart kong",
    "kong_listen_reload_command": "docker exec kong kong reload",
}


def run_cases(folder):
    """Run all cases in one run, and return the calls and the error of each case by its name."""
    cases = {
        "alone": (answers(0), {}),
        "with the firewall": (answers(1), {**WITH_FIREWALL, **COMMANDS, "kong_config": {"log_level": "notice"}}),
        "failure": ({**answers(2), APPLY: {**FAILS, "msg": "port taken"}}, WITH_FIREWALL),
        "failure alone": ({**answers(3), APPLY: {**FAILS, "msg": "no space"}}, {}),
        "address": (answers(4, {**NO_KONG, "cannot_bind": "this host does not have 10.9.0.100 now"}), WITH_FIREWALL),
        "variable": (answers(5, {**KONG, "effective": [OVERRIDDEN]}), {}),
    }
    return dict(zip(cases, Stage(folder).run("kong_listen", [*cases.values()]), strict=True))


def list_steps(found, name):
    """Return the steps of a case and its error. The plan is compiled once for all cases."""
    calls, error = found[name]
    return [call for call, _args in calls if call != "kong_plan"], error


def test_the_steps_of_the_role_and_their_errors(tmp_path):
    found = run_cases(tmp_path)
    assert list_steps(found, "alone") == ([FIND, APPLY, KEEP], None)
    # The playbook site keeps the restore point after it has changed the firewall.
    assert list_steps(found, "with the firewall") == ([FIND, APPLY], None)
    for name, error in (("failure", "port taken"), ("failure alone", "no space")):
        assert list_steps(found, name) == ([FIND, APPLY], error)
    assert list_steps(found, "address") == ([FIND], "case-4: this host does not have 10.9.0.100 now")
    check_options(dict(found["alone"][0])[APPLY], dict(found["with the firewall"][0])[APPLY])
    check_that_a_variable_of_kong_blocks_the_run(*found["variable"])


def check_options(alone, together):
    assert (alone["firewall"], together["firewall"]) == (False, True)
    assert not {"restart_command", "reload_command"} & {*alone}
    assert (together["restart_command"], together["reload_command"]) == (*COMMANDS.values(),)
    assert (alone["config"], together["config"]) == ({}, {"log_level": "notice"})
    assert alone["node"]["settings"] == NODE["settings"]
    assert (alone["found"]["restart"]["how"], alone["found"]["listeners"]["present"]) == ("reload", PRESENT)
    assert (alone["keep_before"], alone["retries"], alone["drain"]) == (False, 30, 10)


def check_that_a_variable_of_kong_blocks_the_run(calls, error):
    ((name, arguments),) = calls
    assert (name, arguments["node"]["settings"]) == (FIND, NODE["settings"])
    assert f"{OVERRIDDEN['line']}. Remove the variable" in error
