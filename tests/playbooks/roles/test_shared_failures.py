# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Playbooks with 100 hosts that fail for the same reason: the reason is printed once, with the hosts."""

from __future__ import annotations

import re
import sys

import pytest

from ansible_collections.gatehouse.kong.tests.playbooks.plugins.action.test_kong_nodes import run
from ansible_collections.gatehouse.kong.tests.playbooks.roles.stage import Stage

NO_SYSTEMD = "this host does not run systemd, which must load the rules at boot: they would not survive a reboot"
FAILED = {"failed": True, "msg": NO_SYSTEMD}
# The modules that fail, and the variables of the playbook.
CASES = {
    "remove": (("kong_transparent", "kong_firewall"), {"leaving": "kong"}),
    "rollback": (("kong_restore_point",), {}),
}


class PrintingStage(Stage):
    """Keeps the output of the last run."""

    def _run_playbook(self, playbook, extra):
        self.output = super()._run_playbook(playbook, extra)
        return self.output


def measure(output):
    """Return the bytes of an output without Ansible's own lines of each host, and the length of its longest line."""
    lines = re.sub(r"^(ok|skipping): \[.*\n|^\S+ +: ok=.*\n", "", output, flags=re.MULTILINE)
    return len(lines.encode()), max(map(len, lines.splitlines()))


@pytest.mark.parametrize("playbook", CASES)
def test_a_reason_of_100_hosts_is_printed_once(tmp_path, playbook):
    modules, extra = CASES[playbook]
    stage = PrintingStage(tmp_path)
    found = stage.run_playbook(playbook, [(dict.fromkeys(modules, FAILED), {})] * 100, **extra)
    assert stage.output.count(NO_SYSTEMD) == 1
    assert f"case-0 to case-99, 100 nodes: {NO_SYSTEMD}" in stage.output
    assert stage.output.count("fatal: ") == 1
    assert found[0][1].startswith("100 hosts cannot be ")
    assert found[0][1].endswith(", for the reasons above. No host was changed")
    size, longest = measure(stage.output)
    assert (size <= 6000, longest <= 1200) == (True, True), (size, longest)


ABSENT = [f"{module} absent" for module in ("kong_transparent", "kong_gateway", "kong_firewall")]


def test_the_other_hosts_are_cleaned(tmp_path):
    cases = [({}, {}), ({"kong_firewall": FAILED}, {}), ({}, {})]
    stage = PrintingStage(tmp_path)
    found = stage.run_playbook("remove", cases, leaving="kong")
    checks = ["kong_transparent absent", "kong_firewall absent"]
    assert [[call for call, _args in calls] for calls, _error in found] == [checks + ABSENT, checks, checks + ABSENT]
    assert [error for _calls, error in found] == [
        None,
        "Not cleaned, for the reasons above: case-1. Run the playbook again for these hosts after the fix",
        None,
    ]
    assert f"case-1: {NO_SYSTEMD}" in stage.output


def test_the_other_nodes_are_rolled_back(tmp_path):
    point = {"found": True, "run": "2026-02", "firewall": False, "ruleset": None, "how": "nothing", "kong": {}}
    cases = [
        ({"kong_restore_point found": {**point, "interception": [{"listener": "case-0"}]}}, {}),
        ({"kong_restore_point": FAILED}, {}),
    ]
    stage = PrintingStage(tmp_path)
    found = stage.run_playbook("rollback", cases)
    assert [len(calls) for calls, _error in found] == [5, 1]
    assert [error for _calls, error in found] == [
        None,
        "Not rolled back, for the reasons above: case-1. Run the rollback again after the fix",
    ]
    assert f"case-1: {NO_SYSTEMD}" in stage.output


def test_adopt_prints_a_reason_with_the_address_of_each_host_once(tmp_path):
    """No host answers, and the reason of each host names its own address."""
    hosts = {f"k{number}": {"ansible_host": f"127.0.1.{number}", "ansible_port": 1} for number in range(1, 101)}
    options = ("-e", f"kong_adopt_path={tmp_path}/adopted")
    code, output = run(tmp_path, "gatehouse.kong.adopt", *options, inventory={"all_hosts": {"hosts": hosts}})
    assert code == 2
    assert output.count("left out: ") == output.count("k1 to k100, 100 nodes") == 1
    assert (output.count("fatal: "), output.count("unreachable=0")) == (1, 100)
    size, longest = measure(output)
    assert (size <= 6000, longest <= 1200) == (True, True), (size, longest)


def test_adopt_prints_the_reason_of_all_hosts_once(tmp_path):
    """No host can become root."""
    sudo = tmp_path / "sudo"
    sudo.write_text("#!/bin/sh\necho 'sudo: a password is required' >&2\nexit 1\n", encoding="utf-8")
    sudo.chmod(0o755)
    become = {"ansible_become": True, "ansible_become_user": "nobody", "ansible_become_exe": str(sudo)}
    local = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable, **become}
    hosts = {f"k{number}": local for number in range(1, 101)}
    options = ("-e", f"kong_adopt_path={tmp_path}/adopted")
    code, output = run(tmp_path, "gatehouse.kong.adopt", *options, inventory={"all_hosts": {"hosts": hosts}})
    assert code == 2
    assert output.count("k1 to k100, 100 nodes") == 1
    assert output.count("fatal: ") == 1
    size, longest = measure(output)
    assert (size <= 6000, longest <= 1200) == (True, True), (size, longest)
