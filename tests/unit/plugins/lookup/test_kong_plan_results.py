# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Results of the lookup kong_plan in one process, case by case."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from ansible.errors import AnsibleLookupError

from ansible_collections.gatehouse.kong.plugins.lookup.kong_plan import LookupModule
from ansible_collections.gatehouse.kong.plugins.plugin_utils import _run, _run_plan
from ansible_collections.gatehouse.kong.plugins.plugin_utils._findings import Finding, share_findings
from ansible_collections.gatehouse.kong.plugins.plugin_utils._libraries import LibraryError
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.file import PlanError
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.host import select_host
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.kept import write_parts
from ansible_collections.gatehouse.kong.plugins.plugin_utils._run_plan import RefusedError
from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils.fleets import (
    SEED_NODES,
    SEED_OTHERS,
    plan_fleet,
)

PLAN = plan_fleet(SEED_NODES, SEED_OTHERS)


@pytest.fixture
def look_up(tmp_path, monkeypatch):
    """Return a function that returns the result of the lookup, or its error, and the groups that were compiled."""
    monkeypatch.setattr(_run.constants, "DEFAULT_LOCAL_TMP", str(tmp_path))

    def run(*terms, variables=None, error=None, **options):
        compiled = []

        def get_plan(group, given, templar, loader):
            compiled.append((group, given, loader))
            if error:
                raise error
            write_parts(_run.locate_plan(group), PLAN)

        monkeypatch.setattr(_run_plan, "get_plan", get_plan)
        lookup = LookupModule.__new__(LookupModule)
        lookup._templar = SimpleNamespace(template=lambda text: text and text.replace("{{ x }}", "edge"))
        lookup._loader = "loader"
        given = {}
        lookup.set_options = lambda var_options, direct: given.update(direct, vars=var_options)
        lookup.get_option = given.get
        try:
            found = lookup.run([*terms], variables, **options)
        except AnsibleLookupError as exc:
            return str(exc), compiled
        assert given["vars"] == variables
        return found, compiled

    return run


@pytest.mark.parametrize(
    ("variables", "options", "group"),
    [
        (None, {}, "kong"),
        ({}, {}, "kong"),
        ({"kong_group": "{{ x }}"}, {}, "edge"),
        ({"kong_group": ""}, {}, "kong"),
        ({"kong_group": "{{ x }}"}, {"group": "own"}, "own"),
    ],
)
def test_the_group_of_the_plan(look_up, tmp_path, variables, options, group):
    found, compiled = look_up(variables=variables, **options)
    assert found == [str(tmp_path / f"gatehouse.kong.plan.{group}")]
    assert compiled == [(group, variables or {}, "loader")]
    # The second lookup of the run reads the file.
    assert look_up(variables=variables, **options) == (found, [])


def test_the_parts_of_hosts(look_up):
    assert look_up("b1", "admin")[0] == [select_host(PLAN, "b1"), select_host(PLAN, "admin")]
    assert look_up("c9")[0].startswith("gatehouse.kong.kong_plan: 'c9' is not in the plan")


def test_errors_of_the_plan(look_up):
    refused = RefusedError(share_findings([Finding("error", "address-invalid", "a1", "kong_address", 1, "wrong")]))
    assert look_up("b1", error=refused)[0] == (
        "gatehouse.kong.kong_plan: There is no plan for this inventory: 1 error (address-invalid). The playbook gatehouse.kong.plan "
        "shows the errors"
    )
    assert look_up("b1", error=PlanError("no"))[0] == "gatehouse.kong.kong_plan: no"
    assert look_up("b1", error=LibraryError("netaddr"))[0] == "gatehouse.kong.kong_plan: netaddr"


def test_facts_with_names_of_variables_are_refused(look_up):
    variables = {"inventory_hostname": "n", "ansible_facts": {"kong_group": "x"}}
    found, compiled = look_up("b1", variables=variables)
    assert found.startswith("n: kong_group: the facts of this host have this name")
    assert compiled == []
