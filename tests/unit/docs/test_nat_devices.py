# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tasks of the guide to NAT devices, checked by the real argument specification of each module."""

from __future__ import annotations

import pytest

from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.device_forwards import list_device_forwards
from ansible_collections.gatehouse.kong.tests.unit.docs.package_modules import (
    find_module,
    run_with_package,
    validate,
)
from ansible_collections.gatehouse.kong.tests.unit.docs.pages import list_blocks
from ansible_collections.gatehouse.kong.tests.unit.docs.test_examples import compile_inventory

PAGE = [block for block in list_blocks() if block.page == "docs/guides/nat-devices.md"]
TASKS = {block.text.splitlines()[0].rpartition(" ")[2]: block.data for block in PAGE if block.kind == "tasks"}
# The modules of a device use parts of other collections.
MORE = {"vyos": ["ansible.netcommon", "ansible.utils"]}
VARIABLES = {"lan": "192.168.23.0/24", "vault_router_password": "secret", "vault_fortios_token": "secret"}

RENDER = """
import json, sys
from ansible.parsing.dataloader import DataLoader
from ansible.plugins.loader import init_plugin_loader
from ansible.template import Templar

try:
    from ansible.template import trust_as_template
except ImportError:  # before ansible-core 2.19, every template was trusted
    trust_as_template = str

def trust(value):
    if isinstance(value, dict):
        return {key: trust(item) for key, item in value.items()}
    if isinstance(value, list):
        return [trust(item) for item in value]
    return trust_as_template(value) if isinstance(value, str) else value

def render(value, variables):
    return Templar(loader=DataLoader(), variables=variables).template(trust(value))

tasks, variables = json.load(sys.stdin)
init_plugin_loader()
print(json.dumps([
    [render(arguments, {**variables, "item": item, "index": index}) for index, item in enumerate(render(loop, variables))]
    for arguments, loop in tasks
]))
"""

FIELDS = """
import json, sys
from ansible_collections.community.routeros.plugins.module_utils._api_data import PATHS
print(json.dumps({path: [*PATHS[tuple(path.split())].unversioned.fields] for path in json.load(sys.stdin)}))
"""


@pytest.fixture(scope="module")
def arguments(tmp_path_factory):
    """Return the arguments of each task of a device with the forwards of the guide's inventory, once for each item of its loop."""
    path = tmp_path_factory.mktemp("guide") / "hosts.yml"
    path.write_text(next(block.text for block in PAGE if block.kind == "inventory"), encoding="utf-8")
    forwards = list_device_forwards(compile_inventory(path).plan, "branch-router")
    every = [task for tasks in TASKS.values() for task in tasks]
    given = [[task[find_module(task)], task.get("loop", ["only"])] for task in every]
    rendered = iter(run_with_package(["community.general"], RENDER, [given, {**VARIABLES, "forwards": forwards}]))
    return {device: [next(rendered) for _task in tasks] for device, tasks in TASKS.items()}


def test_the_modules_accept_the_tasks_and_no_other_key(arguments):
    assert {*arguments} == {"routeros", "fortios", "vyos"}
    for device, tasks in TASKS.items():
        for task, given in zip(tasks, arguments[device], strict=True):
            wrong = {**given[0], "sources": ["0.0.0.0/0"]}
            *accepted, refused = validate(find_module(task), [*given, wrong], *MORE.get(device, []))
            assert accepted == [[]] * len(given), task["name"]
            assert refused, task["name"]


def test_routeros_knows_the_fields(arguments):
    given = [item for items in arguments["routeros"] for item in items]
    fields = run_with_package(["community.routeros"], FIELDS, sorted({item["path"] for item in given}))
    for item in given:
        assert {name for entry in item["data"] for name in entry} <= {*fields[item["path"]]}
        assert {entry["field"] for entry in item["restrict"]} <= {*fields[item["path"]]}


SOURCES = ["192.168.10.11", "192.168.10.12", "192.168.23.254"]


def test_the_tasks_limit_each_forward_to_its_sources(arguments):
    lists, rules, hairpin = arguments["routeros"]
    assert [item["data"] for item in lists] == [
        [{"address": address, "list": f"kong-192.168.10.5-9000-{protocol}"} for address in SOURCES]
        for protocol in ("tcp", "udp")
    ]
    assert [item["data"][0]["src-address-list"] for item in rules] == [item["data"][0]["list"] for item in lists]
    assert len(hairpin) == 2
    addresses, policy = arguments["fortios"]
    networks = [f"{address}/32" for address in SOURCES]
    assert [item["firewall_vip"]["src_filter"] for item in addresses] == [[{"range": each} for each in networks]] * 2
    assert policy[0]["firewall_policy"]["dstaddr"] == [{"name": item["firewall_vip"]["name"]} for item in addresses]
    groups, commands = arguments["vyos"]
    for item, group, rule in zip(rules, groups, commands, strict=True):
        name = item["data"][0]["src-address-list"]
        assert group["lines"] == [f"set firewall group network-group {name} network {each}" for each in networks]
        assert any(line.endswith(f"source group network-group '{name}'") for line in rule["lines"])
    assert [{line.split()[4] for line in rule["lines"]} for rule in commands] == [{"9000"}, {"9001"}]
