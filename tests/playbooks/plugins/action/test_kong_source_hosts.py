# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbook that gathers facts of hosts that only source terms name, in real runs of ansible-playbook."""

from __future__ import annotations

import re
import socket
import sys

import pytest
import yaml
from ansible.module_utils.facts.collector import collector_classes_from_gather_subset
from ansible.module_utils.facts.default_collectors import collectors as default_collectors

from ansible_collections.gatehouse.kong.plugins.action import kong_network_facts
from ansible_collections.gatehouse.kong.tests.playbooks.plugins.action.test_kong_nodes import PLAYBOOKS, run

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
SOURCES = "{{ fleet.plan.sets.values() | map(attribute='ipv4') | flatten | join(' ') }}"
PLAN = {
    "hosts": "kong",
    "gather_facts": False,
    "tasks": [
        {"gatehouse.kong.kong_plan": {"return_plan": True}, "register": "fleet"},
        {"ansible.builtin.debug": {"msg": "{{ fleet.hosts | join(' ') }}"}},
        {"ansible.builtin.debug": {"msg": f"sources {SOURCES}"}},
    ],
}


def run_twice(tmp_path, *arguments, inventory=None):
    """Run the playbook twice, as site does, because it ends with verify; then compile the plan."""
    plays = [{"import_playbook": "gatehouse.kong.sources"}] * 2 + [PLAN]
    (tmp_path / "play.yml").write_text(yaml.safe_dump(plays), encoding="utf-8")
    return run(tmp_path, "play.yml", *arguments, inventory=inventory or FLEET)


def test_missing_facts_are_gathered_once_and_the_plan_names_an_unreachable_host(tmp_path):
    code, output = run_twice(tmp_path)
    assert code == 2
    assert "far: kong_address: the host is named as a source" in output
    assert output.count("ok: [near]\n") == 2  # one task notes it, one gathers
    assert output.count("fatal: [far]: UNREACHABLE!") + output.count("fatal: [far]: FAILED!") == 1
    assert "[pinned]" not in output


def find_source(dialled):
    """Return the address from which this machine connects to another, which its routes determine."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect((dialled, 9))
        return probe.getsockname()[0]


def test_the_rule_has_the_gathered_address_and_a_host_outside_the_limit_is_an_error_with_its_fix(tmp_path):
    code, output = run_twice(tmp_path, "--limit", "n", inventory=without("far"))
    assert code == 2
    assert "near: kong_address: --limit excludes this host" in output
    code, output = run_twice(tmp_path, "--limit", "n,near,pinned", inventory=without("far"))
    assert code == 0, output
    assert "near pinned" in output
    # The gathered address is in the rule of the node, next to the address that the inventory states.
    [sources] = re.findall(r"sources ([\d./ ]+)", output)
    assert {f"{find_source(NODE['kong_address'])}/32", "192.0.2.9/32"} == {*sources.split()}


def test_a_node_outside_the_limit_is_an_error(tmp_path):
    fleet = {"kong": {"hosts": {"n": {"kong_address": "192.0.2.1"}, "m": LOCAL}}}
    code, output = run_twice(tmp_path, "--limit", "n", inventory=fleet)
    assert code == 2
    assert "m: kong_address: --limit excludes this host" in output
    assert "Set kong_address, or keep the facts of all hosts in a cache" in output


def test_cached_facts_are_gathered_again_and_used_if_the_host_does_not_answer(tmp_path):
    assert run_twice(tmp_path, inventory=without("far"))[0] == 0
    (cached,) = [path for path in (tmp_path / "facts").iterdir() if path.name.endswith("near")]
    text = cached.read_text(encoding="utf-8")
    assert "all_ipv4_addresses" in text
    cached.write_text(text.replace("all_ipv4_addresses", "all_old_addresses"), encoding="utf-8")
    code, output = run_twice(tmp_path, inventory=without("far"))
    assert code == 0, output
    assert "all_ipv4_addresses" in cached.read_text(encoding="utf-8")
    fleet = without("far")
    fleet["others"]["hosts"]["near"] = ABSENT
    code, output = run_twice(tmp_path, inventory=fleet)
    assert code == 0, output
    assert "near pinned" in output


@pytest.mark.parametrize("name", ["site", "verify", "drift", "explain"])
def test_playbooks_that_gather_these_facts(name):
    plays = yaml.safe_load((PLAYBOOKS / f"{name}.yml").read_text(encoding="utf-8"))
    imported = [play.get("ansible.builtin.import_playbook") for play in plays]
    checks_before = {"explain": 3, "drift": 1}.get(name, 0)
    assert imported[: 2 + checks_before] == ["nodes.yml", *[None] * checks_before, "sources.yml"]


@pytest.mark.parametrize("wrong", ["from", "to", "listener"])
def test_a_wrong_name_for_explain_is_an_error_before_a_host_is_reached(tmp_path, wrong):
    names = {"from": "near", "to": "n", "listener": "admin", wrong: "typo"}
    play = [{"import_playbook": "gatehouse.kong.explain"}]
    (tmp_path / "play.yml").write_text(yaml.safe_dump(play), encoding="utf-8")
    extra = [word for name, value in names.items() for word in ("-e", f"{name}={value}")]
    code, output = run(tmp_path, "play.yml", *extra, inventory=FLEET)
    assert code == 2
    assert f"{wrong}: there is no " in output
    for task in ("Gather", "UNREACHABLE", "[near]", "[far]"):
        assert task not in output


def list_tasks(value):
    """Return the tasks below a play or a block."""
    parts = [value.get(key, []) for key in ("pre_tasks", "tasks", "post_tasks", "block", "rescue", "always")]
    return [task for part in parts for each in part for task in (each, *list_tasks(each))]


def test_the_facts_that_playbooks_gather_have_the_host_name():
    """The finding gossip-name needs it. The collector of network facts needs the facts of the platform, which have it."""
    plays = [play for path in PLAYBOOKS.glob("*.yml") for play in yaml.safe_load(path.read_text(encoding="utf-8"))]
    tasks = [task for play in plays for task in list_tasks(play)]
    subsets = [task["ansible.builtin.setup"]["gather_subset"] for task in tasks if "ansible.builtin.setup" in task]
    subsets += [kong_network_facts.SUBSET for task in tasks if "gatehouse.kong.kong_network_facts" in task]
    assert subsets == [["!all", "!min", "network"]] * 7
    collectors = collector_classes_from_gather_subset(default_collectors, gather_subset=subsets[0])
    assert "platform" in {collector.name for collector in collectors}


@pytest.mark.parametrize("name", sorted(path.stem for path in PLAYBOOKS.glob("*.yml")))
def test_no_playbook_takes_the_facts_of_a_cache_for_new_facts(name):
    """With `gathering = smart`, the keyword gather_facts does nothing for a host whose facts are in the cache."""
    plays = yaml.safe_load((PLAYBOOKS / f"{name}.yml").read_text(encoding="utf-8"))
    assert {play.get("gather_facts", False) for play in plays} == {False}
    assert all(play["gather_facts"] is False for play in plays if "hosts" in play)


def without(name):
    """Return the fleet without one of the other hosts."""
    others = {host: variables for host, variables in FLEET["others"]["hosts"].items() if host != name}
    node = {**NODE, "kong_admin_sources": [*others]}
    return {"kong": {"hosts": {"n": node}}, "others": {"hosts": others}}
