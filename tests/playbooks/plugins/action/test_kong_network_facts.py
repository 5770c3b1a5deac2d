# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts without facts, in real runs of the playbooks: each reason once, and a short line of Ansible for each other host."""

from __future__ import annotations

import sys

import pytest

from ansible_collections.gatehouse.kong.tests.playbooks.plugins.action.test_kong_nodes import run

COUNT = 6
# The reason has the address of each host, as that of ssh has.
SSH = '#!/bin/sh\necho "ssh: connect to host $$ port 22: No route to host" >&2; exit 255\n'
REASON = "No route to host"
LOCAL = {"ansible_connection": "local"}


@pytest.fixture
def fleet(tmp_path):
    """Nodes without a connection, and a function that adds variables to all of them."""
    ssh = tmp_path / "ssh"
    ssh.write_text(SSH, encoding="utf-8")
    ssh.chmod(0o755)
    common = {"kong_version": "3.9", "kong_address": "10.0.0.{{ inventory_hostname[1:] }}", "kong_admin_gui_listen": "off",
              "ansible_ssh_executable": str(ssh)}  # fmt: skip
    return lambda **more: {
        "kong": {"hosts": {f"k{number}": {} for number in range(1, COUNT + 1)}, "vars": {**common, **more}}
    }


def test_the_first_host_has_the_reason_and_the_other_hosts_name_it(tmp_path, fleet):
    code, output = run(tmp_path, "gatehouse.kong.verify", inventory=fleet())
    assert (code, output.count("UNREACHABLE!"), output.count(REASON)) == (4, COUNT, 1), output
    [first] = [line.partition("]")[0].rpartition("[")[2] for line in output.splitlines() if REASON in line]
    assert output.count(f'"msg": "the same reason as {first}"') == COUNT - 1


def test_drift_has_one_line_for_all_hosts_with_the_same_reason(tmp_path, fleet):
    code, output = run(tmp_path, "gatehouse.kong.drift", inventory=fleet())
    assert (code, output.count("UNREACHABLE!"), output.count(REASON)) == (4, 1, 1), output
    assert f"NOT CHECKED: k1 to k{COUNT}, {COUNT} nodes: Failed to connect to the host via ssh: " in output


def test_hosts_on_which_no_module_can_run(tmp_path, fleet):
    """Also without a Python, which is a failure of the module and not of the connection."""
    broken = {**LOCAL, "ansible_python_interpreter": "/no/such/python"}
    code, output = run(tmp_path, "gatehouse.kong.drift", inventory=fleet(**broken))
    assert (code, output.count("UNREACHABLE!"), output.count("FAILED!")) == (4, 1, 0), output
    [line] = [line for line in output.splitlines() if line.startswith("NOT CHECKED: ")]
    assert line.startswith(f"NOT CHECKED: k1 to k{COUNT}, {COUNT} nodes: ")
    assert "/no/such/python" in line


def test_the_option_v_does_not_print_the_facts(tmp_path, fleet):
    found = fleet(**LOCAL, ansible_python_interpreter=sys.executable)
    _code, output = run(tmp_path, "gatehouse.kong.verify", "-v", "--check", inventory=found)
    assert output.count("ok: [k1]") > 1
    assert "all_ipv4_addresses" not in output
