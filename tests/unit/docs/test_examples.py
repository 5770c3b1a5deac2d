# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The YAML in the documentation: inventories compile, variables are known, playbooks name only existing plugins."""

from __future__ import annotations

import re

import pytest
import yaml
from ansible.inventory.manager import InventoryManager
from ansible.parsing.dataloader import DataLoader
from ansible.vars.manager import VariableManager
from yamllint import linter
from yamllint.config import YamlLintConfig

from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.contract import KNOWN_VARIABLES
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.variables import PlainInventory
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.compile import compile_plan
from ansible_collections.gatehouse.kong.tests.unit.docs.pages import ROOT, list_blocks, read_page, read_section

# The facts of a node, and the other hosts that the blocks of variables name.
FACTS = {
    "default_ipv4": {"address": "10.30.0.5"},
    "all_ipv4_addresses": ["10.30.0.5", "192.168.23.45"],
    "eth1": {"ipv4": {"address": "10.30.0.5"}},
}
OTHER_HOSTS = {"bastion": "10.30.0.20", "monitor": "10.30.0.21", "laptop": "10.30.0.22", "admin": "10.30.0.23"}
GROUPS = {"kong": ["k1"], "operators": ["bastion", "admin"], "monitoring": ["monitor"], "laptops": ["laptop"]}
KINDS = ("inventory", "variables", "playbook", "tasks", "pipeline", "requirements")
EVERY = list_blocks()


def select_kind(kind):
    return [pytest.param(block, id=str(block)) for block in EVERY if block.kind == kind]


def compile_inventory(path):
    loader = DataLoader()
    inventory = InventoryManager(loader=loader, sources=[str(path)])
    variables = VariableManager(loader=loader, inventory=inventory)
    hosts = {host.name: variables.get_vars(host=host) for host in inventory.get_hosts()}
    return compile_plan(PlainInventory(inventory.get_groups_dict(), hosts), "kong")


@pytest.mark.parametrize("block", EVERY, ids=str)
def test_blocks_are_yaml_and_name_their_kind(block):
    assert block.kind in KINDS, f"begin the block with one of {KINDS} in a comment"
    rules = YamlLintConfig((ROOT / ".yamllint").read_text() + "  document-start: disable\n")
    assert [str(problem) for problem in linter.run(block.text, rules)] == []


@pytest.mark.parametrize("block", select_kind("inventory"))
def test_inventories_compile(block, tmp_path):
    path = tmp_path / "hosts.yml"
    path.write_text(block.text)
    compilation = compile_inventory(path)
    assert [finding.message for finding in compilation.errors] == []
    assert not [finding for finding in compilation.findings if finding.code == "variable-unknown"]


@pytest.mark.parametrize("block", select_kind("variables"))
def test_variables_are_read_and_compile(block):
    assert {name for name in block.data if name.startswith("kong_")} <= KNOWN_VARIABLES
    node = {"k1": {"ansible_facts": FACTS, **block.data}}
    others = {name: {"kong_address": address} for name, address in OTHER_HOSTS.items()}
    compilation = compile_plan(PlainInventory(GROUPS, node | others), "kong")
    # The sites in the variables of a single node have no other nodes here.
    found = [finding for finding in compilation.findings if finding.code != "nat-site-unknown"]
    assert [finding.message for finding in found if finding.severity != "info"] == []


@pytest.mark.parametrize("block", select_kind("playbook"))
def test_playbooks_name_only_existing_plugins(block):
    for name in set(re.findall(r"gatehouse\.kong\.(\w+)", block.text)):
        places = ("plugins/modules", "plugins/filter", "roles", "playbooks")
        assert any((ROOT / place / found).exists() for place in places for found in (name, f"{name}.py", f"{name}.yml"))


def read_options(role):
    specification = yaml.safe_load((ROOT / "roles" / role / "meta" / "argument_specs.yml").read_text())
    return set(specification["argument_specs"]["main"]["options"])


@pytest.mark.parametrize("block", select_kind("playbook"))
def test_playbooks_give_roles_the_options_that_they_have(block):
    for play in block.data:
        for role in play.get("roles", []):
            given = {name for name in role if name.startswith("kong_")}
            assert given <= read_options(role["role"].removeprefix("gatehouse.kong.")), role


@pytest.mark.parametrize(
    "role", sorted(path.parent.parent.name for path in ROOT.glob("roles/*/meta/argument_specs.yml"))
)
def test_every_public_role_has_a_page_with_a_playbook_that_runs_it(role):
    page = f"roles/{role}/README.md"
    [block] = [block for block in EVERY if block.page == page]
    assert f"gatehouse.kong.{role}" in [entry["role"] for play in block.data for entry in play["roles"]]
    assert "(meta/argument_specs.yml)" in read_page(page)


def test_there_are_blocks_of_every_kind():
    assert {block.kind for block in EVERY} == set(KINDS)


def read_listed_content(page, section):
    """Return kind and name of each row of a table of plugins."""
    lines = (line for line in read_section(page, section).splitlines() if line.startswith("|") and "`" in line)
    return [(kind.strip(), name.strip(" `")) for kind, name in (line.split("|")[1:3] for line in lines) if kind.strip()]


def test_the_documentation_lists_the_included_content():
    """README.md lists the content for users, docs/design.md the plugins that only our roles and playbooks use."""
    internal = read_listed_content("docs/design.md", "### Internal plugins")
    named = sorted([*read_listed_content("README.md", "## Included content"), *internal])
    for kind, name in internal:
        path = {
            "module": f"plugins/modules/{name}.py",
            "filter": f"plugins/filter/{name}.py",
            "role": f"roles/{name}/README.md",
        }.get(kind, f"playbooks/{name}.yml")
        assert re.search("^(  - |# |)Internal", read_page(path), re.MULTILINE), (
            f"{name} does not say that it is internal"
        )
    patterns = {
        "module": "plugins/modules/*.py",
        "filter": "plugins/filter/*.py",
        "lookup": "plugins/lookup/*.py",
        "playbook": "playbooks/*.yml",
    }
    found = [(kind, path.stem) for kind, pattern in patterns.items() for path in ROOT.glob(pattern)]
    roles = [("role", path.parent.parent.name) for path in ROOT.glob("roles/*/tasks/main.yml")]
    internal_roles = {name for kind, name in internal if kind == "role"}
    public_roles = {path.parent.parent.name for path in ROOT.glob("roles/*/meta/argument_specs.yml")}
    assert not internal_roles & public_roles
    assert named == sorted([*found, *roles])
