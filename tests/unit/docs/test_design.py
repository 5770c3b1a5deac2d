# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/design.md describes every key of a plan and no other, and names only existing paths."""

from __future__ import annotations

import re

import pytest

from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.left import list_left
from ansible_collections.gatehouse.kong.tests.unit.docs.pages import ROOT, read_first_column, read_page, read_section
from ansible_collections.gatehouse.kong.tests.unit.docs.test_examples import compile_inventory
from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils._fleet.test_gateways import (
    MAPPING,
    ROUTER,
    SEED,
)
from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils.fleets import (
    SEED_OTHERS,
    make_gossip_sites,
    plan_fleet,
)

# Mappings whose keys are names from the inventory or from Kong, or networks.
BY_NAME = {
    "outside_interfaces",
    "sets",
    "details",
    "nodes",
    "hosts",
    "gateways",
    "settings",
    "networks",
    "connection",
    "left",
}
PUBLISHED = {"kong_address": "192.0.2.1", "kong_published_ports": ["80:8000"], "ansible_host": "n.example.com"}
SEVERAL_ADDRESSES = {
    "kong_virtual_addresses": ["192.0.2.100"],
    "kong_nat": [{"outside": "203.0.113.1", "inside": "192.0.2.100"}],
    "ansible_facts": {
        "default_ipv4": {"address": "198.51.100.1"},
        "interfaces": ["eth0", "eth1"],
        "eth0": {"ipv4": {"address": "198.51.100.1", "prefix": "24"}},
        "eth1": {"ipv4": {"address": "192.0.2.1", "prefix": "24"}},
    },
}
LONG_NAME = "x" * 200
PLUGINS = ROOT / "plugins"


def find_keys(value, *, named=False):
    """Yield every key in plain data, but not the names below BY_NAME."""
    if isinstance(value, dict):
        for key, item in value.items():
            if not named:
                yield key
            yield from find_keys(item, named=not named and key in BY_NAME)
    elif isinstance(value, list):
        for item in value:
            yield from find_keys(item)


@pytest.fixture(scope="module")
def plan():
    compilation = compile_inventory(ROOT / "examples" / "seed")
    assert compilation.errors == ()
    return compilation.plan


def test_every_key_of_a_plan_is_described_and_no_other(plan):
    section = read_section("docs/design.md", "## 5. The plan")
    # These keys are in the text of another row.
    described = {*read_first_column(section), "path", "search", "allow"}
    nodes = {"n": PUBLISHED | {"kong_proxy_sources": [LONG_NAME]}, "m": SEVERAL_ADDRESSES}
    others = {LONG_NAME: {"kong_site": "far", "kong_address": "10.0.0.1"}}
    other = plan_fleet(nodes, others)
    changing = {**SEED["b1"], "kong_nat": [{**MAPPING, "outside_interface": "wan0"}]}
    gateway = plan_fleet({**SEED, "b1": changing}, {**SEED_OTHERS, **ROUTER})
    plans = (plan, other, plan_fleet(make_gossip_sites(20)), gateway, {"left": list_left(other, plan)})
    assert {key for each in plans for key in find_keys(each)} == described
    assert "`path`" in section
    assert "`allow`" in section


def test_every_folder_of_both_sides_is_named():
    section = read_section("docs/design.md", "## 1. Structure")
    # A row may name several folders; all are in its first cell.
    rows = re.findall(r"^\| (`_[^|]*) \|", section, re.MULTILINE)
    named = sorted(name for row in rows for name in re.findall(r"`(\w+)`", row))
    sides = (ROOT / "plugins" / "plugin_utils", ROOT / "plugins" / "module_utils")
    present = sorted(path.stem for side in sides for path in side.glob("_*") if path.stem != "__pycache__")
    assert named == present


def test_code_that_the_last_section_names_exists():
    section = read_page("docs/design.md").partition("\n## 8. ")[2]
    sources = "\n".join(path.read_text(encoding="utf-8") for path in ROOT.glob("plugins/**/*.py"))
    names, paths = re.findall(r"`(_?[A-Za-z_]+)`", section), re.findall(r"`((?:\w+/)*\w+\.py)`", section)
    assert names
    assert paths
    for name in names:
        assert re.search(rf"\b{name}\b", sources) or any(ROOT.glob(f"plugins/{name}")), name
    for name in paths:
        assert (ROOT / name).exists() or any(PLUGINS.glob(f"*/{name}")), name
