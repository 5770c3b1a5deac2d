# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A node that left the inventory is named with a command, in real runs of ansible-playbook. The command finds the node."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from ansible_collections.gatehouse.kong.tests.playbooks.plugins.action.test_kong_nodes import PLAYBOOKS, run

COMMAND = re.compile(r"ansible-playbook (gatehouse\.kong\.remove .*?leaving=[\w,]+)")
# Takes the place of ssh: writes its arguments and the module that it gets, and returns one result for all modules.
SSH = """\
#!{python}
import json, re, sys
with open({calls!r}, "a") as file:
    module = re.search(r"(?:ansible|plugins)[./]modules[./](\\w+)", sys.stdin.read())
    file.write(json.dumps([sys.argv[1:], module[1]]) + "\\n")
print(json.dumps({{"changed": True, "backend": "nftables", "backend_reason": "of the test"}}))
"""


def make_fleet(*nodes, others=()):
    addresses = {name: {"kong_address": f"10.0.0.{number}"} for number, name in enumerate(("k1", "k2", "k3"), start=1)}
    return {
        "kong": {"hosts": {name: addresses[name] for name in nodes}},
        "others": {"hosts": {name: addresses[name] for name in others}},
    }


def run_playbook(folder, *arguments, playbook="gatehouse.kong.plan", inventory=None, code=0):
    """Return the standard output and the warnings of a run, without line breaks of the terminal.

    Before ansible-core 2.19, a line of a warning could end after a hyphen in a word.
    """
    found, output = run(folder, playbook, *arguments, inventory=inventory)
    assert found == code, output
    return " ".join(re.sub(r"(?<=\w-)\n(?=\w)", "", output).split())


def find_commands(text):
    return [shlex.split(command) for command in dict.fromkeys(COMMAND.findall(text))]


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Return the folder, and the texts of runs before and after k3 leaves the inventory and k2 its group."""
    folder = tmp_path_factory.mktemp("left")
    file = ["-e", f"kong_plan_file={folder}/plan.json"]
    after = make_fleet("k1", others=["k2"])
    found = {"first": run_playbook(folder, *file, inventory=make_fleet("k1", "k2", "k3"))}
    (folder / "old.json").write_bytes((folder / "plan.json").read_bytes())
    found["check"] = run_playbook(folder, *file, "--check", inventory=after)
    found["strict"] = run_playbook(
        folder, *file, "-e", "kong_strict=true", "-e", f"kong_report_path={folder}", inventory=after
    )
    found["again"] = run_playbook(folder, *file, inventory=after)
    both = ["-e", f"old={folder}/old.json", "-e", f"new={folder}/plan.json"]
    found["diff"] = run_playbook(folder, *both, playbook="gatehouse.kong.diff", inventory=after)
    changes = json.loads((folder / "report.json").read_text(encoding="utf-8"))["changes"]
    found["report"] = " ".join(f"{change['subject']} {change['how']}" for change in changes)
    return folder, found


@pytest.mark.parametrize("name", ["check", "strict", "again", "diff", "report"])
def test_each_node_that_left_is_named_with_its_command(runs, name):
    text = runs[1][name]
    file = ["-e", "kong_plan_file=plan.json"] if name in ("check", "strict", "again") else []
    assert text.count("node-left") == 2
    assert find_commands(text) == [
        ["gatehouse.kong.remove", "-i", "hosts.yml", *file, "-e", "leaving=k2"],
        [
            "gatehouse.kong.remove",
            "-i",
            "hosts.yml",
            "-i",
            "k3,",
            "-e",
            "ansible_host=10.0.0.3",
            *file,
            "-e",
            "leaving=k3",
        ],
    ]


def test_no_warning_without_a_node_that_left(runs):
    assert "node-left" not in runs[1]["first"]


def test_only_the_nodes_that_left_depend_on_the_older_file(runs):
    folder, _texts = runs
    expected = folder / "new.json"
    run_playbook(folder, "-e", f"kong_plan_file={expected}", inventory=make_fleet("k1", others=["k2"]))
    kept = json.loads((folder / "plan.json").read_text(encoding="utf-8"))
    assert [*kept.pop("left")] == ["k2", "k3"]
    assert json.loads(expected.read_text(encoding="utf-8")) == kept


def test_a_cleaned_node_is_forgotten(runs, tmp_path):
    """The last task of the play that removes the rules, with the hosts that were cleaned."""
    file = tmp_path / "plan.json"
    file.write_bytes((runs[0] / "plan.json").read_bytes())
    plays = yaml.safe_load((PLAYBOOKS / "remove.yml").read_text(encoding="utf-8"))
    (tasks,) = [play["post_tasks"] for play in plays if "post_tasks" in play]
    play = {"hosts": "k3", "gather_facts": False, "tasks": tasks[-1:]}
    (tmp_path / "forget.yml").write_text(yaml.safe_dump([play]), encoding="utf-8")
    only_k3 = {"others": {"hosts": {"k3": {}}}}
    assert "changed=1" in run_playbook(
        tmp_path, "-e", f"kong_plan_file={file}", playbook="forget.yml", inventory=only_k3
    )
    assert [*json.loads(file.read_text(encoding="utf-8"))["left"]] == ["k2"]
    other = tmp_path / "other"
    other.write_text("not a plan", encoding="utf-8")
    assert "changed=0" in run_playbook(
        tmp_path, "-e", f"kong_plan_file={other}", playbook="forget.yml", inventory=only_k3
    )
    run_playbook(tmp_path, "-e", f"kong_plan_file={file}", inventory=make_fleet("k1", "k2"))
    assert "left" not in json.loads(file.read_text(encoding="utf-8"))


@pytest.mark.parametrize(("leaving", "named"), [("all", "k1"), ("kong", "k1"), ("k2", "")])
def test_a_removal_warns_of_hosts_that_are_still_nodes(runs, leaving, named):
    first, *_others = yaml.safe_load((PLAYBOOKS / "remove.yml").read_text(encoding="utf-8"))
    (runs[0] / "first.yml").write_text(yaml.safe_dump([first]), encoding="utf-8")
    text = run_playbook(
        runs[0], "-e", f"leaving={leaving}", playbook="first.yml", inventory=make_fleet("k1", others=["k2"])
    )
    warning = f"leaving: {named}: still in the group 'kong'" if named else ""
    assert ("still in the group" in text) is bool(named)
    assert warning in text


def test_the_commands_find_the_hosts_and_all_steps(runs):
    folder, found = runs
    for command, host in zip(find_commands(found["diff"]), ("k2", "k3"), strict=True):
        listed = run_playbook(folder, *command[1:], "--list-hosts", "--list-tasks", playbook=command[0])
        (removal,) = [play for play in listed.split(" play #") if "Delete the saved states" in play]
        assert f"hosts (1): {host} " in f"{removal} "
        for step in ("or remove all intercept rules", "remove all rules of the collection", "Delete the saved states"):
            assert step in removal


def test_the_command_of_the_finding_cleans_the_node_and_forgets_it(runs, tmp_path):
    """The exact text runs in a shell. A program in place of ssh answers for the node, at its address of the older plan."""
    folder, found = runs
    for name in ("hosts.yml", "plan.json"):
        shutil.copy(folder / name, tmp_path)
    ssh, calls = tmp_path / "ssh", tmp_path / "calls"
    ssh.write_text(SSH.format(python=sys.executable, calls=str(calls)), encoding="utf-8")
    ssh.chmod(0o755)
    _of_k2, of_k3 = (match[0] for match in COMMAND.finditer(found["again"]))
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "ANSIBLE_SSH_EXECUTABLE": str(ssh),
        "ANSIBLE_PIPELINING": "true",
        "ANSIBLE_PYTHON_INTERPRETER": "/usr/bin/python3",
    }
    done = subprocess.run(
        ["sh", "-c", of_k3], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    sent = [json.loads(line) for line in calls.read_text(encoding="utf-8").splitlines()]
    assert all("10.0.0.3" in arguments for arguments, _module in sent)
    assert [module for _arguments, module in sent] == [
        *("kong_transparent", "kong_firewall"),
        *("kong_transparent", "kong_gateway", "kong_firewall", "file"),
    ]
    assert [*json.loads((tmp_path / "plan.json").read_text(encoding="utf-8"))["left"]] == ["k2"]


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ((), " is not set"),
        (("-e", "leaving="), " is not set"),
        (("-e", "leaving=k9"), ": the inventory has no host k9"),
        (("-e", "leaving=k1,k9"), ": the inventory has no host k9"),
    ],
)
def test_a_removal_without_a_host_fails(runs, arguments, named):
    text = run_playbook(runs[0], *arguments, playbook="gatehouse.kong.remove", code=2)
    assert f"leaving{named}. Name the hosts to clean with -e leaving=HOST" in text
    assert (PLAYBOOKS / "remove.yml").exists()
