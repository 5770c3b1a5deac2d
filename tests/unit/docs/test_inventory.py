# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/inventory.md describes every variable that is read, and no other variable."""

from __future__ import annotations

import re

import yaml

from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.contract import KNOWN_VARIABLES
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.mappings import _MAPPING_KEYS
from ansible_collections.gatehouse.kong.tests.unit.docs.pages import ROOT, read_first_column, read_page, read_section


def read_role_variables():
    specs = [yaml.safe_load(path.read_text()) for path in ROOT.glob("roles/*/meta/argument_specs.yml")]
    return {option for spec in specs for option in spec["argument_specs"]["main"]["options"]}


def read_playbook_variables():
    """Return the variables with which playbooks select hosts or the size of batches."""
    words = (
        word for path in ROOT.glob("playbooks/*.yml") for word in re.findall(r"(?:hosts|serial): .*", path.read_text())
    )
    return {name for word in words for name in re.findall(r"kong_\w+(?= \|)", word)}


def read_documented():
    return [name for name in read_first_column(read_page("docs/inventory.md")) if name.startswith("kong_")]


def test_every_variable_is_documented_and_no_other():
    assert set(read_documented()) == KNOWN_VARIABLES


def test_every_variable_of_a_role_or_playbook_is_checked():
    assert read_role_variables() | read_playbook_variables() <= KNOWN_VARIABLES


def test_each_variable_is_documented_in_one_place():
    assert sorted(read_documented()) == sorted(set(read_documented()))


def test_every_key_of_a_nat_mapping_is_documented():
    section = read_section("docs/inventory.md", "## NAT, VPN and flat networks")
    assert {key for key in read_first_column(section) if not key.startswith("kong_")} == _MAPPING_KEYS
