# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Roles that run alone with one wrong variable of a group of 100 nodes, in real runs of ansible-playbook. No node is touched."""

from __future__ import annotations

import pytest
import yaml

from ansible_collections.gatehouse.kong.tests.playbooks.plugins.action.test_before_facts import OWN
from ansible_collections.gatehouse.kong.tests.playbooks.plugins.action.test_kong_nodes import run

# By role: a wrong variable, other variables of the role, and the text of the error.
WRONG = {
    "kong_listen": ("kong_listen_retries: 'many'", {}, "it must be a whole number, 0 or more [variable-invalid]"),
    "kong_firewall": (
        "kong_firewall_rollback_timeout: 'x'",
        {"kong_firewall_state": "absent"},
        "it must be a whole number of seconds",
    ),
    "kong_drift": ("kong_firewall_backend: 'pf'", {}, "it must be auto, firewalld"),
}


@pytest.mark.parametrize("role", WRONG)
def test_a_wrong_variable_of_a_group_is_printed_once(tmp_path, role):
    wrong, others, text = WRONG[role]
    variables = {"ansible_connection": "local", **yaml.safe_load(wrong)}
    fleet = {"kong": {"vars": variables, "hosts": {f"k{number}": own for number, own in OWN.items()}}}
    play = {"hosts": "kong", "gather_facts": False, "roles": [{"role": f"gatehouse.kong.{role}", **others}]}
    (tmp_path / "play.yml").write_text(yaml.safe_dump([play]), encoding="utf-8")
    code, output = run(tmp_path, "play.yml", "--check", inventory=fleet)
    assert code == 2
    assert output.count(f"k1 to k100, 100 nodes: {wrong}: {text}") == 1
    assert output.count(text) == 1
    assert output.count("fatal: ") <= 2
    own = output.partition("PLAY RECAP")[0]
    assert len(own.encode()) <= 6000
    assert max(map(len, output.splitlines())) <= 1200
