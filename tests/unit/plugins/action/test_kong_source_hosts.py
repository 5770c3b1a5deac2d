# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbook that gathers facts of hosts that only source terms name, in real runs of ansible-playbook."""

from __future__ import annotations

import sys

import yaml

from ansible_collections.gatehouse.kong.tests.unit.plugins.action.test_kong_nodes import PLAYBOOKS, run

NODE = {
    "kong_address": "192.0.2.1",
    "kong_admin_listen": "0.0.0.0:8001",
    "kong_admin_sources": ["near", "far", "pinned"],
}
LOCAL = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
ABSENT = {"ansible_host": "127.0.0.1", "ansible_port": 1, "ansible_ssh_common_args": "-o ConnectTimeout=1"}
FLEET = {
    "kong": {"hosts": {"n": NODE}},
    "others": {"hosts": {"near": LOCAL, "far": ABSENT, "pinned": {**ABSENT, "kong_address": "192.0.2.9"}}},
}
PLAN = {
    "hosts": "kong",
    "gather_facts": False,
    "tasks": [
        {"gatehouse.kong.kong_plan": {}, "register": "fleet"},
        {"ansible.builtin.debug": {"msg": "{{ fleet.hosts | join(' ') }}"}},
    ],
}


def run_twice(tmp_path, *arguments):
    """Run the playbook twice, as site does, because it ends with verify; then compile the plan."""
    plays = [{"import_playbook": "gatehouse.kong.sources"}] * 2 + [PLAN]
    (tmp_path / "play.yml").write_text(yaml.safe_dump(plays), encoding="utf-8")
    return run(tmp_path, "play.yml", *arguments, inventory=FLEET)


def test_missing_facts_are_gathered_once_and_the_plan_names_an_unreachable_host(tmp_path):
    code, output = run_twice(tmp_path)
    assert code == 2
    assert "far: kong_address: the host is named as a source" in output
    assert output.count("ok: [near]\n") == 2  # one task notes it, one gathers
    assert output.count("fatal: [far]: UNREACHABLE!") + output.count("fatal: [far]: FAILED!") == 1
    assert "[pinned]" not in output


def test_a_host_outside_the_limit_is_an_error(tmp_path):
    code, output = run_twice(tmp_path, "--limit", "n")
    assert code == 2
    assert "address-unknown" in output


def test_site_and_verify_gather_these_facts():
    for name in ("site", "verify"):
        plays = yaml.safe_load((PLAYBOOKS / f"{name}.yml").read_text(encoding="utf-8"))
        imported = [play.get("ansible.builtin.import_playbook") for play in plays[:2]]
        assert imported == ["nodes.yml", "sources.yml"]
