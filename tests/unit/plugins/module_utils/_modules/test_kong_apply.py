# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The steps of kong_apply, and its rollback after a failure of each step: the file is real, and the other modules are doubles."""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path
from types import SimpleNamespace

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import HostError
from ansible_collections.gatehouse.kong.plugins.module_utils._modules import (
    kong_apply,
    kong_conf,
    kong_firewall,
    kong_restore_point,
    kong_service,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.data import RulesetError

PLANNED = [{"name": "admin", "setting": "admin_listen", "address": "127.0.0.1", "port": 9001, "protocols": ["tcp"]}]
PRESENT = [{"name": "nginx", "protocols": ["tcp"], "port": 8001, "address": "127.0.0.1"}]
TAKE, MERGE, WRITE = "take", "merge", "write"
OPEN = "The firewall allows both the old and the new sources"
TAKEN_PORT = {"failed": True, "msg": "port taken", "how": "reload", "refused": False}
REFUSED = {**TAKEN_PORT, "refused": True}


class EndedError(Exception):
    """The module ended with a result."""


class Node:
    """A node whose Kong is reloaded. `answers` has the results of steps: an exception, a result, or results of each call."""

    def __init__(self, folder, monkeypatch):
        self.folder, self.answers, self.steps, self.given = folder, {}, [], {}
        self.file, self.backup = folder / "kong.conf", folder / "kong.conf.old"
        self.file.write_text("old")
        self.file.chmod(0o640)
        self.changes = True
        monkeypatch.setattr(kong_apply, "require_root", lambda _work: None)
        monkeypatch.setattr(
            kong_restore_point, "apply_to_node", lambda _module, params: self.run_step(TAKE, params, {"changed": False})
        )
        monkeypatch.setattr(kong_firewall, "change_rules", self.change_rules)
        monkeypatch.setattr(kong_conf, "write_settings", self.write)
        monkeypatch.setattr(kong_service, "change_kong", self.change_kong)

    def run_step(self, name, params, result):
        calls = self.steps.count(name)
        self.steps.append(name)
        self.given[name] = params
        answer = self.answers.get(name, result)
        answer = answer[min(calls, len(answer) - 1)] if isinstance(answer, list) else answer
        if isinstance(answer, Exception):
            raise answer
        return answer

    def change_rules(self, _module, params):
        first = {"changed": True, "changes": {}, "_transaction": "change-1"}
        return self.run_step(MERGE, params, {"changed": True} if params["confirm"] else first)

    def write(self, module, params):
        result = {"changed": self.changes, "path": str(self.file)}
        if "fail_json" in self.answers:
            module.fail_json(msg=self.answers["fail_json"], exception="trace")
        self.run_step(WRITE, params, result)
        if self.changes and not module.check_mode:
            if self.file.exists():
                shutil.copy2(self.file, self.backup)
                result["backup_file"] = str(self.backup)
            self.file.write_text("new")
        return result

    def change_kong(self, _module, params):
        return self.run_step(params["how"], params, {"changed": True, "how": params["how"], "refused": False})

    def call(self, *, confirm="change-1", check=False, how="reload", **more):
        """Return the result of a call of the module; by default of its second call, which applies the settings."""
        node = {
            "ruleset": {"allow": []},
            "listeners": PLANNED,
            "settings": {"a": "1"},
            "path": str(self.file),
            "files": [str(self.file), "/etc/kong/kong.conf"],
            "format": "conf",
            "container": False,
            "prefix": None,
            "names": ["admin_listen"],
            "version": "3.9",
            "how": how,
            "present": PRESENT,
            "has_program": False,
        }
        params = {
            "firewall": True,
            "confirm": confirm,
            "service": "kong",
            "program": "/usr/local/bin/kong",
            "restart_command": None,
            "reload_command": None,
            "retries": 30,
            "drain": 10,
            "keep_before": False,
            "unsafe_writes": False,
            "run": "7",
        }

        def end(**result):
            raise EndedError(result)

        module = SimpleNamespace(
            params={**params, **{name: more[name] for name in more if name in params}, "node": {**node, **more}},
            check_mode=check,
            tmpdir=self.folder,
            # Like AnsibleModule, it keeps the owner and mode of the target.
            atomic_move=lambda source, target, unsafe_writes: Path(target).write_bytes(Path(source).read_bytes()),
            fail_json=lambda **result: end(**result, failed=True),
            exit_json=end,
        )
        with pytest.raises(EndedError) as ended:
            kong_apply.run(module)
        assert "node" not in module.params
        return ended.value.args[0]


@pytest.fixture
def node(tmp_path, monkeypatch):
    return Node(tmp_path, monkeypatch)


def test_the_first_call_ends_with_a_change_of_the_firewall_to_confirm(node):
    result = node.call(confirm=None)
    assert result == {"changed": True, "changes": {}, "_transaction": "change-1"}
    assert node.steps == [TAKE, MERGE]
    taken, merged = node.given[TAKE], node.given[MERGE]
    assert (taken["state"], taken["files"][1], taken["firewall"]) == ("taken", "/etc/kong/kong.conf", True)
    assert (merged["state"], merged["ruleset"], merged["confirm"]) == ("merged", {"allow": []}, None)
    assert taken["kong"] == {
        "how": "reload", "runs": True, "listeners": PRESENT, "version": "3.9", "conf": str(node.file), "settings": ["admin_listen"],
        "prefix": "", "program": "/usr/local/bin/kong", "restart_command": "", "reload_command": "", "looks": 30, "drain": 10,
    }  # fmt: skip


def test_the_second_call_confirms_the_change_and_applies_the_settings(node):
    result = node.call()
    assert (result["changed"], result["how"], result.get("failed")) == (True, "reload", None)
    assert node.steps == [MERGE, WRITE, "reload"]
    assert node.given[MERGE]["confirm"] == "change-1"
    assert node.file.read_text() == "new"
    given = node.given["reload"]
    assert (given["listeners"], given["before"], given["keep_before"]) == (PLANNED, str(node.backup), False)
    assert (node.given[WRITE]["backup"], node.given[WRITE]["validate"]) == (True, None)


def test_a_single_call_is_enough_if_the_firewall_does_not_change(node):
    node.answers[MERGE] = {"changed": False}
    assert node.call(confirm=None)["changed"]
    assert node.steps == [TAKE, MERGE, WRITE, "reload"]
    node.steps.clear()
    node.call(confirm=None, firewall=False)
    assert node.steps == [TAKE, WRITE, "reload"]
    assert node.given[TAKE]["firewall"] is False


def test_a_node_without_a_change_of_kong_only_has_its_state_saved(node):
    assert node.call(confirm=None, how="nothing") == {"changed": False}
    assert node.steps == [TAKE]


@pytest.mark.parametrize(
    ("more", "command"),
    [
        ({"has_program": True}, "/usr/local/bin/kong check %s"),
        ({"has_program": True, "program": "/opt/my kong"}, "'/opt/my kong' check %s"),
        ({"has_program": True, "format": "yaml"}, None),
        ({"has_program": False}, None),
    ],
)
def test_kong_checks_its_file_if_it_can(node, more, command):
    node.call(**more)
    assert node.given[WRITE]["validate"] == command


def test_check_mode_changes_neither_the_firewall_nor_the_file(node):
    node.call(confirm=None, check=True)
    assert node.steps == [TAKE, WRITE, "reload"]
    assert node.file.read_text() == "old"


@pytest.mark.parametrize("answers", [{WRITE: HostError("no port")}, {"reload": {**TAKEN_PORT, "msg": "no port"}}])
def test_check_mode_rolls_nothing_back(node, answers):
    """A rollback would show a change of a file that was not written."""
    node.answers = answers
    result = node.call(confirm=None, check=True)
    assert (result["failed"], result["msg"], result["changed"]) == (True, "no port", False)
    assert "restores_firewall" not in result
    assert "restart" not in node.steps


@pytest.mark.parametrize(
    "answers", [{TAKE: HostError("no space")}, {MERGE: RulesetError("no space")}, {TAKE: OSError("no space")}]
)
def test_a_failure_before_the_settings_has_no_rollback(node, answers):
    node.answers = answers
    assert node.call(confirm=None) == {"failed": True, "msg": "no space"}
    assert not {WRITE, "reload"} & {*node.steps}


def test_a_change_that_the_host_has_rolled_back_is_not_applied(node):
    node.answers[MERGE] = HostError("too late")
    assert node.call() == {"failed": True, "msg": "too late"}
    assert node.steps == [MERGE]


# Per case: answers, options, steps after the change of the firewall, the message, whether the firewall is rolled back (None:
# the module does not get that far), and the content of Kong's file.
UP = [WRITE, "reload"]
CASES = {
    "file": ({WRITE: HostError("kong check: no port")}, {}, [WRITE], "kong check: no port. {conf} is unchanged", True, "old"),
    "file that AnsibleModule cannot write": (
        {"fail_json": "read-only"}, {}, [], "read-only. {conf} is unchanged", True, "old",
    ),
    "error of the code": (
        {WRITE: KeyError("x")}, {}, [WRITE], "KeyError: 'x'. {conf} is unchanged", True, "old",
    ),
    "kong": (
        {"reload": TAKEN_PORT}, {}, [*UP, "restart"],
        "port taken. {conf} is as before the run, and Kong runs with it again", True, "old",
    ),
    "error of the code, with kong": (
        {"reload": KeyError("x")}, {}, [*UP, "restart"],
        "KeyError: 'x'. {conf} is as before the run, and Kong runs with it again", True, "old",
    ),
    "kong did not run before": (
        {"start": TAKEN_PORT}, {"how": "start", "present": []}, [WRITE, "start", "stop"],
        "port taken. {conf} is as before the run, and Kong is stopped, as before", True, "old",
    ),
    "kong rejects the file": (
        {"reload": {**TAKEN_PORT, "how": "nothing"}}, {}, UP,
        "port taken. {conf} is as before the run, and Kong was not touched", True, "old",
    ),
    "nginx refuses the reload": (
        {"reload": [REFUSED, {"how": "reload"}]}, {}, [*UP, "reload"],
        "port taken. {conf} is as before the run, and Kong still runs with it", True, "old",
    ),
    "nginx refuses the reload, with both files": (
        {"reload": REFUSED}, {}, [*UP, "reload"],
        "port taken. {conf} is as before the run, and Kong still runs with it, but does not reload: port taken", True, "old",
    ),
    "the reload fails with the old file": (
        {"reload": [REFUSED, {**TAKEN_PORT, "msg": "no nginx"}]}, {}, [*UP, "reload"],
        "port taken. {conf} is as before the run, but Kong does not reload with it either: no nginx. " + OPEN, None, "old",
    ),
    "kong, with both files": (
        {"reload": TAKEN_PORT, "restart": {**TAKEN_PORT, "msg": "no nginx"}}, {}, [*UP, "restart"],
        "port taken. {conf} is as before the run, but Kong does not start with it either: no nginx. " + OPEN, None, "old",
    ),
    "error of the code, with both files": (
        {"reload": TAKEN_PORT, "restart": KeyError("x")}, {}, [*UP, "restart"],
        "port taken. {conf} is as before the run, but Kong does not start with it either: KeyError: 'x'. " + OPEN, None, "old",
    ),
    "kong did not run before, and cannot be stopped": (
        {"start": TAKEN_PORT, "stop": {**TAKEN_PORT, "msg": "no unit"}}, {"how": "start", "present": []},
        [WRITE, "start", "stop"],
        "port taken. {conf} is as before the run, but Kong did not run before, and cannot be stopped: no unit. " + OPEN,
        None, "old",
    ),
    "kong in a container": (
        {"reload": TAKEN_PORT}, {"container": True}, [*UP, "restart"],
        "port taken. {conf} is as before the run, and Kong was restarted with it; its sockets are not visible on this host",
        True, "old",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_each_failure_has_its_own_rollback_and_message(node, name):
    answers, options, steps, message, restores, text = CASES[name]
    node.answers = answers
    result = node.call(**options)
    assert (node.steps[0], node.steps[1:]) == (MERGE, steps)
    assert result["msg"] == message.format(conf=node.file)
    assert (result["failed"], result.get("restores_firewall")) == (True, restores)
    assert result["reason"] == message.partition(". {conf}")[0]
    assert node.file.read_text() == text
    assert not node.backup.exists()
    assert ("exception" in result) is ("error of the code" in name and name != "error of the code, with both files")


def test_without_a_change_of_the_firewall_it_is_not_rolled_back(node):
    node.answers = {MERGE: {"changed": False}, "reload": TAKEN_PORT}
    result = node.call(confirm=None)
    assert (result["restores_firewall"], OPEN in result["msg"]) == (False, False)


@pytest.mark.parametrize(
    ("how", "restores", "text"),
    [("nothing", True, ""), ("restart", False, f". {OPEN}"), ("reload", False, f". {OPEN}")],
)
def test_an_unchanged_file_is_left_alone(node, how, restores, text):
    node.changes = False
    node.answers["restart"] = {**TAKEN_PORT, "how": how}
    result = node.call(how="restart")
    assert node.steps == [MERGE, WRITE, "restart"]
    assert (result["msg"], result["restores_firewall"]) == (f"port taken. {node.file} is unchanged{text}", restores)


def test_a_new_file_is_removed(node):
    node.file.unlink()
    node.answers["reload"] = TAKEN_PORT
    assert node.call()["msg"].endswith("and Kong runs with it again")
    assert not node.file.exists()


def test_kong_returns_to_its_sockets(node):
    node.answers["reload"] = TAKEN_PORT
    node.call()
    given = node.given["restart"]
    assert (given["listeners"], given["before"], given["keep_before"]) == (PRESENT, None, True)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give a file away")
def test_the_old_file_has_its_owner_and_mode_again(node):
    os.chown(node.file, 1234, 4321)
    node.file.chmod(0o604)
    write = node.write

    def write_and_take(module, params):
        result = write(module, params)
        os.chown(node.backup, 1234, 4321)
        os.chown(node.file, 0, 0)
        node.file.chmod(0o600)
        return result

    node.answers["reload"] = TAKEN_PORT
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(kong_conf, "write_settings", write_and_take)
        node.call(keep_before=True)
    status = node.file.stat()
    assert (status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)) == (1234, 4321, 0o604)
    assert node.backup.read_text() == node.file.read_text() == "old"


def test_an_old_file_that_cannot_be_restored_is_named(node, monkeypatch):
    def fail_and_remove_backup(_module, params):
        node.backup.unlink()
        return node.run_step(params["how"], params, TAKEN_PORT)

    monkeypatch.setattr(kong_service, "change_kong", fail_and_remove_backup)
    result = node.call()
    assert result["msg"].startswith("port taken. The rollback failed as well, at 'Restore the old file': cannot copy ")
    assert result["msg"].endswith(OPEN)
    assert "restores_firewall" not in result
    assert node.steps == [MERGE, *UP]
