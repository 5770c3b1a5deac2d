# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The variables of roles are checked before Ansible validates them for each host, and as strictly."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.contract import KINDS
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.kind import KindError
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.kinds import read_kind

ROLES = Path(__file__).parents[3] / "roles"
SPECS = {path.parent.parent.name: path for path in ROLES.glob("*/meta/argument_specs.yml")}
# For each type, values that Ansible refuses.
REFUSED = {
    "bool": ["maybe", [True], {}],
    "int": ["many", [1], {}],
    "float": ["many", [1.0], {}],
    "dict": ["many", 1, [1]],
    "list": [{}],
    "str": [],
    "path": [],
    "raw": [],
}


def read_options(role):
    return yaml.safe_load(SPECS[role].read_text(encoding="utf-8"))["argument_specs"]["main"]["options"]


# Ansible would end the role kong_drift before it lists the nodes that were not checked.
@pytest.mark.parametrize("role", sorted({*SPECS} - {"kong_drift"}))
def test_every_role_checks_its_variables_before_ansible_does(role):
    [dependency] = yaml.safe_load((ROLES / role / "meta/main.yml").read_text(encoding="utf-8"))["dependencies"]
    assert dependency["role"] == "gatehouse.kong.kong_compile"
    assert dependency["kong_compile_role"] == role


def test_ansible_refuses_no_variable_of_the_role_kong_drift():
    options = read_options("kong_drift")
    assert {option["type"] for option in options.values()} <= {"str", "path", "raw"}
    assert not [name for name, option in options.items() if "choices" in option or option.get("required")]


@pytest.mark.parametrize("role", sorted(SPECS))
def test_a_value_that_ansible_refuses_is_refused_before(role):
    for name, option in read_options(role).items():
        assert set(option.get("choices", KINDS[name].choices)) == set(KINDS[name].choices), name
        for value in REFUSED[option["type"]]:
            with pytest.raises(KindError):
                read_kind(KINDS[name], value)
