# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The examples of inventories from clouds: their expressions with documented host variables, and the plan."""

from __future__ import annotations

import pytest
import yaml
from ansible.inventory.manager import InventoryManager
from ansible.parsing.dataloader import DataLoader
from ansible.vars.manager import VariableManager

from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.variables import PlainInventory
from ansible_collections.gatehouse.kong.plugins.plugin_utils._json import dump_json
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.compile import compile_plan
from ansible_collections.gatehouse.kong.tests.unit.docs.pages import ROOT
from ansible_collections.gatehouse.kong.tests.unit.examples.cloud_hosts import HOSTS
from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils.golden import compare_with_file

FILES = {path.parent.name: path for path in (ROOT / "examples").glob("*/*.yml") if path.parent.name != "seed"}
EXAMPLES = {name: yaml.safe_load(path.read_text(encoding="utf-8")) for name, path in FILES.items()}
# The plugin for Azure has its own names of two options.
NAMES = {"hostvar_expressions": "compose", "conditional_groups": "groups"}
CONSTRUCTED = ("strict", "compose", "groups", "keyed_groups")


def read_inventory(name, folder, hosts=None):
    """Return groups and variables of hosts that have the variables of a plugin, and the expressions of its example."""
    given = {"all": {"hosts": hosts or HOSTS[name]}}
    options = {NAMES.get(key, key): value for key, value in EXAMPLES[name].items()}
    constructed = {"plugin": "constructed", **{key: options[key] for key in CONSTRUCTED}}
    sources = [folder / "1-hosts.yml", folder / "2-constructed.yml"]
    for source, data in zip(sources, (given, constructed), strict=True):
        source.write_text(yaml.safe_dump(data), encoding="utf-8")
    loader = DataLoader()
    inventory = InventoryManager(loader=loader, sources=[str(source) for source in sources])
    variables = VariableManager(loader=loader, inventory=inventory)
    return inventory.get_groups_dict(), {host.name: variables.get_vars(host=host) for host in inventory.get_hosts()}


def test_every_example_has_hosts():
    assert {*FILES} == {*HOSTS}
    assert all(EXAMPLES[name]["strict"] for name in FILES)


@pytest.mark.parametrize("name", HOSTS)
def test_the_plan_of_an_example_word_for_word(name, tmp_path):
    """The variables of each host, and the plan."""
    groups, hosts = read_inventory(name, tmp_path)
    compilation = compile_plan(PlainInventory(groups, hosts), "kong")
    assert [finding.message for finding in compilation.errors] == []
    shown = {host: {key: hosts[host][key] for key in hosts[host] if key.startswith("kong_")} for host in groups["kong"]}
    compare_with_file(
        f"inventories/{name}.json", dump_json({"groups": groups, "variables": shown, "plan": compilation.plan})
    )


@pytest.mark.parametrize("name", HOSTS)
def test_nodes_are_in_the_groups_of_their_role_and_site(name, tmp_path):
    groups, hosts = read_inventory(name, tmp_path)
    assert "cp" in groups["kong_control_plane"]
    assert {"dp1", "dp2"} <= {*groups["kong_data_plane"]}
    assert "other" not in groups["kong"]
    assert hosts["cp"]["kong_site"] == hosts["dp1"]["kong_site"] != hosts["dp2"]["kong_site"]
