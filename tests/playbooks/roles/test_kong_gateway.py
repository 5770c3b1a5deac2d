# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role kong_gateway in a real run of ansible-playbook. No host is touched."""

from __future__ import annotations

import yaml

from ansible_collections.gatehouse.kong.tests.playbooks.plugins.action.test_kong_nodes import run


def test_hosts_that_are_no_gateways_are_refused(tmp_path):
    hosts = {f"k{number}": {"ansible_connection": "local", "kong_address": f"10.0.0.{number}"} for number in (1, 2)}
    play = {"hosts": "kong", "gather_facts": False, "roles": ["gatehouse.kong.kong_gateway"]}
    (tmp_path / "play.yml").write_text(yaml.safe_dump([play]), encoding="utf-8")
    code, output = run(tmp_path, "play.yml", "--check", inventory={"kong": {"hosts": hosts}})
    assert code == 2
    assert output.count("is not a gateway of the plan: no mapping in kong_nat of a node has it as device") == 1
    assert output.count("the same error as k") == 1
