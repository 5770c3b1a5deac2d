# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The first play of the playbooks, in real runs of ansible-playbook."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

PLAYBOOKS = Path(__file__).parents[4] / "playbooks"
NODE = {"kong_version": "3.9", "kong_proxy_sources": ["any"]}
FLEET = {
    "gateways": {"hosts": {"g1": {**NODE, "kong_address": "10.0.0.1"}}, "vars": {"kong_group": "gateways"}},
    "others": {"hosts": {"bastion": {"kong_address": "10.0.0.9"}}},
}


def run(tmp_path, playbook, *arguments, inventory):
    """Run a playbook on an inventory, and return the exit code and the whole output."""
    done = run_apart(tmp_path, playbook, *arguments, inventory=inventory)
    return done.returncode, done.stdout + done.stderr


def run_apart(tmp_path, playbook, *arguments, inventory):
    """Run a playbook on an inventory, and return the process."""
    file = tmp_path / "hosts.yml"
    if inventory:
        file.write_text(yaml.safe_dump({"all": {"children": inventory}}), encoding="utf-8")
    return subprocess.run(
        [sys.executable, "-m", "ansible", "playbook", "-i", str(file), playbook, *arguments],
        env={**os.environ, "HOME": str(tmp_path), "ANSIBLE_LOCALHOST_WARNING": "false",
             "ANSIBLE_CACHE_PLUGIN": "jsonfile", "ANSIBLE_CACHE_PLUGIN_CONNECTION": str(tmp_path / "facts"), "LC_ALL": "C.UTF-8",
             "ANSIBLE_COLLECTIONS_PATH": os.environ.get("ANSIBLE_COLLECTIONS_PATH") or os.environ["PYTHONPATH"]},
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_a_group_that_the_inventory_names(tmp_path):
    code, output = run(tmp_path, "gatehouse.kong.plan", inventory=FLEET)
    assert code == 0, output
    assert "The plan: 1 Kong node" in output


def test_null_means_not_set(tmp_path):
    unset = dict.fromkeys(
        [
            *("kong_fleet_name", "kong_group", "kong_listen_serial", "kong_plan_file", "kong_report_before"),
            *("kong_report_path", "kong_strict", "kong_site", "kong_proxy_listen", "kong_config"),
        ]
    )
    code, output = run(
        tmp_path,
        "gatehouse.kong.plan",
        inventory={"kong": {"hosts": {"k1": {**NODE, **unset, "kong_address": "10.0.0.1"}}}},
    )
    assert code == 0, output
    assert "The plan: 1 Kong node" in output


@pytest.mark.parametrize(
    ("arguments", "inventory", "message"),
    [
        ((), None, "groups with hosts: none"),
        (("-e", "kong_group=kng"), FLEET, "kong_group: 'kng'"),
        (
            (),
            {"others": {"hosts": {"bastion": {"kong_group": "{{ nowhere }}"}}}},
            "bastion: kong_group: its value cannot be computed; correct the template: 'nowhere' is undefined",
        ),
        (
            ("-e", "kong_group={{ nowhere }}"),
            {"kong": {"hosts": {"k1": {}}}},
            "kong_group: its value cannot be computed; correct the extra variable: 'nowhere' is undefined",
        ),
        (("--limit", "bastion"), FLEET, "--limit excludes every Kong node. The group 'gateways' has g1"),
    ],
)
def test_a_run_without_a_node_fails(tmp_path, arguments, inventory, message):
    code, output = run(tmp_path, "gatehouse.kong.drift", *arguments, inventory=inventory)
    assert code == 2
    assert message in output


PARTLY = "[kong]\nk1 kong_address=10.0.0.1\nk2 kong_proxy_listen=0.0.0.0:8000 ssl\n"


def test_an_inventory_that_cannot_be_parsed(tmp_path):
    (tmp_path / "hosts.yml").write_text(PARTLY, encoding="utf-8")
    code, output = run(tmp_path, "gatehouse.kong.plan", inventory=None)
    assert code == 2
    assert "kong_group: 'kong': no host of this inventory group is in the run" in output
    assert "--limit excludes" not in output


@pytest.mark.parametrize("text", [None, "", PARTLY])
def test_adopt_without_a_host_fails(tmp_path, text):
    if text is not None:
        (tmp_path / "hosts.yml").write_text(text, encoding="utf-8")
    arguments = ("-e", f"kong_adopt_path={tmp_path}/proposal")
    code, output = run(tmp_path, "gatehouse.kong.adopt", *arguments, inventory=None)
    assert code == 2
    assert "The inventory has no host." in output
    assert not (tmp_path / "proposal").exists()


def test_a_fact_of_a_host_does_not_choose_the_nodes(tmp_path):
    inventory = {"others": {"hosts": {"a": {}, "bastion": {"kong_version": "3.9", "kong_address": "10.0.0.9"}}}}
    fact = {"ansible.builtin.set_fact": {"kong_group": "others", "cacheable": True}}
    play = tmp_path / "fact.yml"
    play.write_text(yaml.safe_dump([{"hosts": "bastion", "gather_facts": False, "tasks": [fact]}]), encoding="utf-8")
    assert run(tmp_path, str(play), inventory=inventory)[0] == 0
    assert any(path.name.endswith("bastion") for path in (tmp_path / "facts").iterdir())
    code, output = run(tmp_path, "gatehouse.kong.plan", inventory=inventory)
    assert code == 2
    assert (
        "kong_group: 'kong': the inventory group of the Kong nodes has no hosts (groups with hosts: others)" in output
    )


@pytest.mark.parametrize(
    "name",
    sorted(
        path.stem
        for path in PLAYBOOKS.glob("*.yml")
        if path.stem not in ("adopt", "nodes", "sources", "diff", "remove")
    ),
)
def test_every_playbook_begins_with_the_check(name):
    first = yaml.safe_load((PLAYBOOKS / f"{name}.yml").read_text(encoding="utf-8"))[0]
    assert first["ansible.builtin.import_playbook"] == "nodes.yml"


def test_explain_needs_the_host_that_connects(tmp_path):
    nodes = {name: {**NODE, "kong_address": f"10.0.0.{name[1]}"} for name in ("k1", "k2", "k3")}
    arguments = ("-e", "from=k1", "-e", "to=k2", "--limit", "k3")
    code, output = run(tmp_path, "gatehouse.kong.explain", *arguments, inventory={"kong": {"hosts": nodes}})
    assert code == 2
    assert output.count("from: --limit excludes 'k1'") == 1, output
