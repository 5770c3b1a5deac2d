# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The playbook drift lists nodes that do not answer, even if no node answers, and has a status of its own for them."""

from __future__ import annotations

import json

import pytest

from ansible_collections.gatehouse.kong.tests.playbooks.plugins.action.test_kong_nodes import run

PLAYBOOK = "gatehouse.kong.drift"
UNREACHABLE = "NOT CHECKED: k1 to k2, 2 nodes: Failed to connect to the host via ssh: no route"
NO_PLAN = "NOT CHECKED: k1 to k2, 2 nodes: there is no plan, because the inventory has errors"


@pytest.mark.parametrize(
    ("variables", "code", "line"),
    [
        ({"kong_address": "10.0.0.{{ inventory_hostname[1:] }}"}, 4, UNREACHABLE),
        # Without facts the addresses are not known, so there is no plan.
        ({}, 4, UNREACHABLE),
        ({"kong_version": "x", "ansible_connection": "local"}, 2, NO_PLAN),
    ],
)
def test_no_node_can_be_checked(tmp_path, variables, code, line):
    ssh, file = tmp_path / "ssh", tmp_path / "drift.json"
    ssh.write_text("#!/bin/sh\necho no route >&2; exit 255\n", encoding="utf-8")
    ssh.chmod(0o755)
    file.write_text("older", encoding="utf-8")
    common = {"kong_version": "3.9", "ansible_ssh_executable": str(ssh), "kong_drift_file": str(file)}
    inventory = {"kong": {"hosts": {"k1": {}, "k2": {}}, "vars": {**common, **variables}}}
    found, output = run(tmp_path, PLAYBOOK, inventory=inventory)
    assert found == code, output
    assert output.count(line) == 1
    assert output.count("UNREACHABLE") == (code == 4)  # the result of the run
    drift = json.loads(file.read_text(encoding="utf-8"))
    assert (drift["nodes"], [*drift["not_checked"]]) == ({}, ["k1", "k2"])
