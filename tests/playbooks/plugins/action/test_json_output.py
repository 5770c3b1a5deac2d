# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The output of each playbook, in real runs: valid JSON with a callback for JSON, and short lines with many warnings."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ansible_collections.gatehouse.kong.tests.playbooks.plugins.action.test_kong_nodes import run

# Writes the results as the callback ansible.posix.json does: at the end, and nothing before.
CALLBACK = """\
import json
from ansible.plugins.callback import CallbackBase
DOCUMENTATION = "{name: own_json, type: stdout, short_description: JSON, description: [JSON]}"
class CallbackModule(CallbackBase):
    CALLBACK_VERSION, CALLBACK_TYPE, CALLBACK_NAME = 2.0, "stdout", "own_json"
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.results = []
    def v2_runner_on_ok(self, result, **kwargs):
        self.results.append([result._host.get_name(), "ok"])
    def v2_runner_on_failed(self, result, **kwargs):
        self.results.append([result._host.get_name(), "failed"])
    def v2_playbook_on_stats(self, stats):
        self._display.display(json.dumps({"results": self.results}))
"""
LOCAL = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable, "kong_version": "3.9"}
FLEET = {"all": {"children": {"kong": {"hosts": {"k1": LOCAL}}}}}
FILES = ["-e", "kong_plan_file=plan.json", "-e", "kong_report_path=report"]
# The options of each playbook, and a text that it prints for a reader; empty if the run has none.
CASES = {
    "plan": ([*FILES, "-e", "kong_address=10.0.0.1"], "The plan: 1 Kong node"),
    "plan without a folder": (["-e", "kong_plan_file=no/plan.json"], "No host was touched, because of wrong variables"),
    "plan with errors": (["-e", "kong_version=9"], "There is no plan for this inventory"),
    "drift": ([*FILES, "--check"], "k1"),
    "site": ([*FILES, "--check"], ""),
    "verify": ([*FILES, "--check"], ""),
    "staged": ([], "k1"),
    "explain": (["-e", "from=k9", "-e", "to=k1"], ""),
    "adopt": (["-e", "kong_adopt_path=adopted"], "report.md has the evidence"),
    "rollback": (["--check"], ""),
    "remove": (["-e", "leaving=k1", "--check"], ""),
    "diff": (["-e", "old=old.json", "-e", "new=old.json"], ""),
}


def provide_callback(folder, monkeypatch):
    """Let the runs of a test write their results with the callback."""
    (folder / "callbacks").mkdir()
    (folder / "callbacks/own_json.py").write_text(CALLBACK, encoding="utf-8")
    monkeypatch.setenv("ANSIBLE_CALLBACK_PLUGINS", str(folder / "callbacks"))
    monkeypatch.setenv("ANSIBLE_STDOUT_CALLBACK", "own_json")


@pytest.mark.parametrize("case", CASES)
def test_standard_output_is_valid_json(tmp_path, monkeypatch, case):
    provide_callback(tmp_path, monkeypatch)
    (tmp_path / "hosts.json").write_text(json.dumps(FLEET), encoding="utf-8")
    options, shown = CASES[case]
    done = subprocess.run(
        [sys.executable, "-m", "ansible", "playbook", "-i", "hosts.json", f"gatehouse.kong.{case.split()[0]}", *options],
        env={**os.environ, "HOME": str(tmp_path), "LC_ALL": "C.UTF-8",
             "ANSIBLE_COLLECTIONS_PATH": os.environ.get("ANSIBLE_COLLECTIONS_PATH") or os.environ["PYTHONPATH"]},
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert json.loads(done.stdout)["results"], done.stderr
    assert shown in done.stderr


def test_every_playbook_of_users_has_a_case():
    internal = {"nodes", "sources"}
    files = (Path(__file__).parents[4] / "playbooks").glob("*.yml")
    assert {case.split()[0] for case in CASES} == {path.stem for path in files} - internal


def test_1000_nodes_with_a_warning_each_print_12_lines(tmp_path):
    """A misspelt variable of each node, with another value for each."""
    hosts = {f"k{number}": {"kong_address": f"10.{number // 250}.{number % 250}.1", "kong_version": "3.9",
                            "kong_admin_listn": f"value {number}"} for number in range(1000)}  # fmt: skip
    code, output = run(tmp_path, "gatehouse.kong.plan", inventory={"kong": {"hosts": hosts}})
    assert code == 0, output
    lines = [line for line in output.splitlines() if "kong_admin_listn" in line or "value " in line]
    assert 1 <= len(lines) <= 12
    assert "k0 to k999, 1000 nodes: kong_admin_listn" in output
    assert max(map(len, output.splitlines())) <= 1200
    own, _recap = output.split("PLAY RECAP")
    table = [line for line in own.splitlines() if line.count("  ") > 3]
    assert len(table) > 10
    assert max(map(len, table)) <= 100
