# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Paths on the controller that cannot be used are errors before a connection to any host, in real runs of ansible-playbook."""

from __future__ import annotations

import pytest
import yaml

from ansible_collections.gatehouse.kong.tests.playbooks.plugins.action.test_before_facts import make_nodes
from ansible_collections.gatehouse.kong.tests.playbooks.plugins.action.test_kong_nodes import run

# The variables of each playbook, and its other options.
PLAYBOOKS = {
    "plan": (("kong_plan_file", "kong_report_path", "kong_report_before"), ()),
    "site": (("kong_plan_file", "kong_report_path", "kong_report_before"), ()),
    "verify": (("kong_report_path", "kong_report_before"), ()),
    "drift": (("kong_plan_file", "kong_drift_file", "kong_report_path", "kong_report_before"), ()),
    "staged": (("kong_plan_file", "kong_staged_file", "kong_report_path", "kong_report_before"), ()),
    "remove": (("kong_plan_file",), ("-e", "leaving=kong")),
    "adopt": (("kong_adopt_path",), ()),
}


@pytest.mark.parametrize("playbook", PLAYBOOKS)
def test_wrong_paths_are_refused_before_a_connection_to_a_node(tmp_path, playbook):
    names, options = PLAYBOOKS[playbook]
    (tmp_path / "file").write_text("", encoding="utf-8")
    wrong = make_nodes(100, kong_version="3.9", **dict.fromkeys(names, "file/plan.json"))
    code, output = run(tmp_path, f"gatehouse.kong.{playbook}", *options, inventory=wrong)
    assert code == 2
    for name in names:
        reason = "there is no such file" if name == "kong_report_before" else "file is a file, not a folder"
        assert output.count(f"k1: {name}: 'file/plan.json': {reason}. Correct the path [path-unusable]") == 1
    assert output.count("path-unusable") == len(names)
    assert output.count("fatal: ") == 1
    assert "UNREACHABLE" not in output
    assert "There is no plan" not in output
    assert len(output.encode()) <= 6000


@pytest.mark.parametrize(
    ("role", "names"),
    [
        ("kong_verify", ("kong_report_path", "kong_report_before")),
        ("kong_drift", ("kong_plan_file", "kong_drift_file", "kong_report_path", "kong_report_before")),
    ],
)
def test_wrong_paths_of_a_role_without_its_playbook(tmp_path, role, names):
    """The report of a role is written at its end."""
    (tmp_path / "file").write_text("", encoding="utf-8")
    play = [{"hosts": "kong", "gather_facts": False, "roles": [f"gatehouse.kong.{role}"]}]
    (tmp_path / "play.yml").write_text(yaml.safe_dump(play), encoding="utf-8")
    address = "10.0.0.{{ inventory_hostname[1:] }}"
    wrong = make_nodes(2, kong_version="3.9", kong_address=address, **dict.fromkeys(names, "file/plan.json"))
    code, output = run(tmp_path, "play.yml", inventory=wrong)
    assert (code, output.count("path-unusable")) == (2, len(names)), output
    assert "UNREACHABLE" not in output
    assert "NOT CHECKED" not in output


def test_adopt_without_a_folder_fails_before_a_connection(tmp_path):
    code, output = run(tmp_path, "gatehouse.kong.adopt", inventory=make_nodes(2))
    assert code == 2
    assert (
        "kong_adopt_path is not set. Name the folder of the proposed inventory with -e kong_adopt_path=FOLDER" in output
    )
    assert "UNREACHABLE" not in output
