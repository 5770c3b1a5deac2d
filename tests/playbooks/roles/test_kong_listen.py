# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The role kong_listen if a step fails: the error is that of the step, and the firewall covers every port of Kong."""

from __future__ import annotations

import yaml

from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.node import decide_changes
from ansible_collections.gatehouse.kong.tests.playbooks.roles.stage import ROOT, Stage

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
REFUSED = {**FAILS, "msg": "port taken", "how": "reload", "refused": True}


def answers(folder, number, *, backup=True, changes=True, listeners=None):
    """Return the modules' answers in a run without errors: Kong's admin port changes, which takes a reload."""
    own = folder / f"case-{number}"
    own.mkdir()
    conf, copy = own / "kong.conf", own / "kong.conf.old"
    conf.write_text("new")
    if backup:
        copy.write_text("old")
    file = {"path": f"/etc/kong/case-{number}.conf", "search": [], "format": "conf"}
    node = {
        **NODE,
        "settings_file": file,
        **({"published": []} if number == NAMES.index("kong in a container") else {}),
    }
    written = {"changed": changes, "path": str(conf), **({"backup_file": str(copy)} if backup else {})}
    before = {"admin_listen": "127.0.0.1:8001"} if changes else {}
    settings = {"failed": False, "changed": True, "path": str(conf), "before": before}
    parts = {**OTHERS, "settings": settings, "listeners": listeners or KONG}
    return {
        "kong_plan": {"plan": {"nodes": {f"case-{number}": node}}},
        "kong_node_info": {**parts, **decide_changes(node, parts)},
        "kong_restore_point taken": {"changed": True},
        "kong_firewall rolled_back": {"changed": True},
        "kong_conf write": written,
    }


# Per case: differing answers, module calls after the restore point was taken, the error, and the content of Kong's file.
UP = ["kong_conf write", "kong_service reload"]
STARTED = [UP[0], "kong_service start"]
CLOSED = "kong_firewall rolled_back"
OPEN = "The firewall allows both the old and the new sources"
LAST = "Allow exactly the sources that were allowed before"
CASES = {
    "no failure": ({}, UP, None, "new"),
    "no restore point, or no union of the rules": (
        {"kong_restore_point taken": {**FAILS, "msg": "no space"}}, [], "no space", "new",
    ),
    "an address that Kong cannot bind": (
        {"listeners": {**NO_KONG, "cannot_bind": "this host does not have 10.9.0.100 now"}},
        None, "case-2: this host does not have 10.9.0.100 now", "new",
    ),
    "file": (
        {"kong_conf write": {**FAILS, "msg": "kong check: no port"}},
        [UP[0], CLOSED], "kong check: no port. {conf} is unchanged", "new",
    ),
    "kong": (
        {"kong_service reload": {**FAILS, "msg": "port taken"}},
        [*UP, "kong_service restart", CLOSED],
        "port taken. {conf} is as before the run, and Kong runs with it again", "old",
    ),
    "kong did not run before": (
        {"kong_service start": {**FAILS, "msg": "port taken"}, "listeners": NO_KONG},
        [*STARTED, "kong_service stop", CLOSED],
        "port taken. {conf} is as before the run, and Kong is stopped, as before", "old",
    ),
    "kong rejects the file": (
        {"kong_service reload": {**FAILS, "msg": "no such directive", "how": "nothing", "refused": False}},
        [*UP, CLOSED], "no such directive. {conf} is as before the run, and Kong was not touched", "old",
    ),
    "nginx refuses the reload": (
        {"kong_service reload": [REFUSED, {}]},
        [*UP, "kong_service reload", CLOSED],
        "port taken. {conf} is as before the run, and Kong still runs with it", "old",
    ),
    "nginx refuses the reload, with both files": (
        {"kong_service reload": REFUSED},
        [*UP, "kong_service reload", CLOSED],
        "port taken. {conf} is as before the run, and Kong still runs with it, but does not reload: port taken", "old",
    ),
    "kong, with both files": (
        {"kong_service": {**FAILS, "msg": "no nginx"}},
        [*UP, "kong_service restart"],
        "no nginx. {conf} is as before the run, but Kong does not start with it either: no nginx. " + OPEN, "old",
    ),
    "kong did not run before, and cannot be stopped": (
        {
            "kong_service start": {**FAILS, "msg": "port taken"},
            "kong_service stop": {**FAILS, "msg": "no unit"},
            "listeners": NO_KONG,
        },
        [*STARTED, "kong_service stop"],
        "port taken. {conf} is as before the run, but Kong did not run before, and cannot be stopped: no unit. " + OPEN,
        "old",
    ),
    "kong, and the firewall afterwards": (
        {"kong_service reload": {**FAILS, "msg": "port taken"}, CLOSED: {**FAILS, "msg": "nft hangs"}},
        [*UP, "kong_service restart", CLOSED],
        f"port taken. The rollback failed as well, at '{LAST}': nft hangs. {OPEN}", "old",
    ),
}  # fmt: skip
MORE_CASES = {
    "kong in a container": (
        {"kong_service reload": {**FAILS, "msg": "no docker"}}, {},
        [*UP, "kong_service restart", CLOSED],
        "no docker. {conf} is as before the run, and Kong was restarted with it; its sockets are not visible on this host",
        "old",
    ),
    "kong rejects an unchanged file": (
        {"kong_service restart": {**FAILS, "msg": "no file", "how": "nothing"}}, {"changes": False, "backup": False},
        [UP[0], "kong_service restart", CLOSED],
        "no file. {conf} is unchanged", "new",
    ),
    "a new file": (
        {"kong_service reload": {**FAILS, "msg": "port taken"}}, {"backup": False},
        [*UP, "kong_service restart", CLOSED],
        "port taken. {conf} is as before the run, and Kong runs with it again", None,
    ),
    "kong, with an unchanged file": (
        {"kong_service restart": {**FAILS, "msg": "port taken"}}, {"changes": False, "backup": False},
        [UP[0], "kong_service restart"],
        "port taken. {conf} is unchanged. " + OPEN, "new",
    ),
    "the old file cannot be restored": (
        {"kong_service reload": {**FAILS, "msg": "port taken"}}, {"lost": True},
        UP, "port taken. The rollback failed as well, at 'Restore the old file': ", "new",
    ),
}  # fmt: skip


NAMES = [*CASES, *MORE_CASES]
EXPECTED = [*CASES.values(), *((differs, *rest) for differs, _how, *rest in MORE_CASES.values())]


def run_cases(folder):
    """Run all cases in one run; then the role alone, and with a variable that opens other listeners."""
    stage = Stage(folder)
    cases = []
    for number, (case, *_expected) in enumerate(CASES.values()):
        sockets = {"listeners": case["listeners"]} if "listeners" in case else {}
        differs = {call: answer for call, answer in case.items() if call != "listeners"}
        cases.append(({**answers(folder, number, **sockets), **differs}, {"kong_listen_firewall": True}))
    for number, (differs, how, *_expected) in enumerate(MORE_CASES.values(), len(CASES)):
        named = {key: value for key, value in how.items() if key != "lost"}
        cases.append(({**answers(folder, number, **named), **differs}, {"kong_listen_firewall": True}))
        if "lost" in how:
            (folder / f"case-{number}/kong.conf.old").unlink()
    alone = answers(folder, len(cases))
    alone["kong_node_info"]["has_program"] = True
    cases.append((alone, {}))
    blocked = {**KONG, "effective": [OVERRIDDEN]}
    cases.append((answers(folder, len(cases), listeners=blocked), {}))
    return stage.run("kong_listen", cases)


def list_steps(calls):
    """Return the names of the calls after the restore point was taken; None if it was not taken."""
    names = [name for name, _args in calls]
    if names[-1] == "kong_node_info":
        return None
    assert "kong_restore_point taken" in names, names
    return names[names.index("kong_restore_point taken") + 1 :]


def test_each_failing_step_reports_its_own_reason(tmp_path):
    found = run_cases(tmp_path)
    assert len(found) == len(EXPECTED) + 2
    for number, (name, (_differs, expected, error, text)) in enumerate(
        zip([*CASES, *MORE_CASES], EXPECTED, strict=True)
    ):
        calls, last = found[number]
        conf = tmp_path / f"case-{number}/kong.conf"
        assert list_steps(calls) == expected, (name, calls, last)
        if name == "the old file cannot be restored":
            assert last.startswith(error), name
        else:
            assert last == (error and error.format(conf=conf)), name
        assert (conf.read_text() if conf.exists() else None) == text, name
    by_name = dict(zip([*CASES, *MORE_CASES, "alone", "blocked"], found, strict=True))
    check_that_kong_returns_to_its_sockets(by_name)
    check_that_the_restore_point_records_kong(by_name)
    calls, error = by_name["alone"]
    assert (list_steps(calls), error) == (["kong_conf write", "kong_service reload", "kong_restore_point kept"], None)
    assert dict(calls)["kong_restore_point taken"]["firewall"] is False
    assert "ruleset" not in dict(calls)["kong_restore_point taken"]
    assert dict(calls)["kong_service reload"]["keep_before"] is False
    assert dict(calls)["kong_conf write"]["validate"] == "/usr/local/bin/kong check %s"
    assert "validate" not in dict(by_name["kong"][0])["kong_conf write"]
    check_that_a_variable_of_kong_blocks_the_run(*by_name["blocked"])


def check_that_kong_returns_to_its_sockets(found):
    restarted, stopped = dict(found["kong"][0]), dict(found["kong did not run before"][0])
    assert restarted["kong_service restart"]["listeners"] == PRESENT
    assert stopped["kong_service stop"]["listeners"] == []


def check_that_a_variable_of_kong_blocks_the_run(calls, error):
    ((name, arguments),) = calls
    assert (name, arguments["node"]["settings"]) == ("kong_node_info", NODE["settings"])
    assert f"{OVERRIDDEN['line']}. Remove the variable" in error


def check_that_the_restore_point_records_kong(found):
    for name, runs, how in (("no failure", True, "reload"), ("kong did not run before", False, "start")):
        taken = dict(found[name][0])["kong_restore_point taken"]
        assert taken["files"][1:] == [f"/etc/kong/case-{[*CASES].index(name)}.conf"]
        assert (taken["firewall"], taken["kong"]["how"], taken["kong"]["runs"]) == (True, how, runs)
        assert taken["kong"]["listeners"] == (PRESENT if runs else [])
        assert taken["ruleset"] == {"planned for": f"case-{[*CASES].index(name)}"}


def test_check_mode_rolls_nothing_back():
    """A rollback would show a change of a file that was not written."""
    path = ROOT / "roles/kong_listen/tasks/apply.yml"
    (block,) = [task for task in yaml.safe_load(path.read_text(encoding="utf-8")) if "rescue" in task]
    _save, fail, _back = block["rescue"]
    assert (fail["when"], fail["gatehouse.kong.kong_fail"]) == (
        "ansible_check_mode",
        {"msg": "{{ __kong_listen_reason }}"},
    )
