# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan of a run is compiled once, without errors, and the memory of the compilation is freed."""

from __future__ import annotations

import gc
import weakref
from types import SimpleNamespace

import pytest

from ansible_collections.gatehouse.kong.plugins.plugin_utils import _run, _run_plan
from ansible_collections.gatehouse.kong.plugins.plugin_utils._findings import share_findings
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.variables import VariableError
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.compile import compile_plan
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.file import PlanError
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.kept import PartedPlan, write_parts
from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils.fleets import (
    SEED_NODES,
    SEED_OTHERS,
    make_inventory,
)


class Cycle:
    """An object that refers to itself, such as Ansible's templar."""

    def __init__(self):
        self.itself = self


@pytest.fixture
def thawed():
    yield
    gc.unfreeze()


@pytest.mark.usefixtures("thawed")
def test_cycles_are_freed_during_the_compilation():
    thresholds = gc.get_threshold()
    with _run_plan._with_rare_garbage_collection():
        first = weakref.ref(Cycle())
        # The generations of the collector: an object may survive a search or two.
        for _round in range(3 * _run_plan._NEW_OBJECTS):
            Cycle()
        assert first() is None
    assert gc.get_threshold() == thresholds


def test_nodes_are_described_when_they_are_read(tmp_path):
    found = compile_plan(make_inventory(SEED_NODES, SEED_OTHERS), "kong")
    nodes = found.parts["nodes"]
    assert nodes["a1"] == nodes["a1"]
    assert nodes["a1"] is not nodes["a1"]
    write_parts(tmp_path / "plan", found.parts)
    assert PartedPlan(tmp_path / "plan").as_dict() == found.plan


@pytest.mark.usefixtures("thawed")
def test_only_new_objects_are_searched_more_rarely():
    thresholds = gc.get_threshold()
    with _run_plan._with_rare_garbage_collection():
        assert gc.get_threshold() == (50_000, *thresholds[1:])
    assert gc.get_threshold() == thresholds


LOADER, TEMPLAR = object(), object()
WRONG = {**SEED_NODES, "a2": {**SEED_NODES["a2"], "kong_version": "99"}}
# The compiler warns of its sources, which are any address.
WARNED = {**SEED_NODES, "a2": {**SEED_NODES["a2"], "kong_admin_sources": ["any"], "kong_admin_allow_any": True}}


@pytest.fixture
def fleet(tmp_path, monkeypatch):
    """Return a fleet for the plans of a run, whose files are in a folder of the test."""
    found = SimpleNamespace(nodes=SEED_NODES, read=0, folder=tmp_path)

    def read_inventory(variables, loader):
        assert (variables["inventory_hostname"], loader) == ("a1", LOADER)
        found.read += 1
        return make_inventory(found.nodes, SEED_OTHERS)

    def compute_value(templar, value):
        assert templar is TEMPLAR
        if value == "{{ x }}":
            raise VariableError("x is undefined")
        return value

    monkeypatch.setattr(_run.constants, "DEFAULT_LOCAL_TMP", str(tmp_path))
    monkeypatch.setattr(_run_plan, "AnsibleInventory", read_inventory)
    monkeypatch.setattr(_run_plan, "compute_value", compute_value)
    return found


def get_plan(**variables):
    return _run_plan.get_plan("kong", {"inventory_hostname": "a1", **variables}, TEMPLAR, LOADER)


def check_before_facts():
    _run_plan.check_before_facts("kong", {"inventory_hostname": "a1"}, LOADER)


@pytest.mark.usefixtures("thawed")
def test_the_first_task_compiles_the_plan(fleet):
    first, second = get_plan(), get_plan()
    expected = compile_plan(make_inventory(SEED_NODES, SEED_OTHERS), "kong").plan
    path = str(fleet.folder / "gatehouse.kong.plan.kong")
    assert [(found.plan.as_dict(), found.is_new, found.path) for found in (first, second)] == [
        (expected, True, path),
        (expected, False, path),
    ]
    assert fleet.read == 1


@pytest.mark.usefixtures("thawed")
def test_errors_of_nodes_outside_of_the_limit_name_the_limit(fleet):
    fleet.nodes = {**SEED_NODES, "a2": {"kong_version": "0.10.4", "kong_site": "lan"}}
    inventory = make_inventory(fleet.nodes, SEED_OTHERS)
    within, outside = (share_findings(compile_plan(inventory, "kong", played).findings) for played in (["a2"], ["a1"]))
    assert within != outside
    for played, expected in ((["a2"], within), (["a1"], outside)):
        _run.keep_played("kong", played)
        with pytest.raises(_run_plan.RefusedError):
            get_plan()
        assert _run.read_refused("kong") == expected


@pytest.mark.usefixtures("thawed")
@pytest.mark.parametrize("act", [get_plan, check_before_facts])
def test_an_inventory_with_errors_is_refused_and_its_findings_are_kept(fleet, act):
    fleet.nodes = WRONG
    with pytest.raises(_run_plan.RefusedError, match="1 error ") as refused:
        act()
    kept = _run.read_refused("kong")
    assert [finding for finding in kept if finding["severity"] == "error"] == refused.value.errors
    assert [finding["hosts"] for finding in refused.value.errors] == [["a2"]]
    assert not (fleet.folder / "gatehouse.kong.plan.kong").exists()
    assert not _run.is_checked("kong")


@pytest.mark.usefixtures("thawed")
def test_variables_are_checked_once_before_facts(fleet):
    check_before_facts()
    assert (_run.is_checked("kong"), fleet.read) == (True, 1)
    check_before_facts()
    assert fleet.read == 1


@pytest.mark.usefixtures("thawed")
def test_variables_are_not_checked_if_there_is_a_plan(fleet):
    get_plan()
    check_before_facts()
    assert (_run.is_checked("kong"), fleet.read) == (False, 1)


@pytest.mark.usefixtures("thawed", "fleet")
@pytest.mark.parametrize(
    ("strict", "is_refused"), [(None, False), (False, False), ("no", False), (True, True), ("yes", True)]
)
def test_warnings_are_errors_of_a_strict_plan(fleet, strict, is_refused):
    fleet.nodes = WARNED
    if not is_refused:
        assert "warning" in {finding["severity"] for finding in get_plan(kong_strict=strict).plan.as_dict()["findings"]}
        return
    with pytest.raises(_run_plan.RefusedError):
        get_plan(kong_strict=strict)
    assert {finding["severity"] for finding in _run.read_refused("kong")} <= {"error", "info"}


@pytest.mark.usefixtures("thawed", "fleet")
@pytest.mark.parametrize(
    ("strict", "message"),
    [
        ("perhaps", "^kong_strict: 'perhaps': it must be true or false; correct or remove it$"),
        ("{{ x }}", "^kong_strict: its value cannot be computed; correct the template: x is undefined$"),
    ],
)
def test_a_wrong_value_of_kong_strict_is_an_error(strict, message):
    with pytest.raises(PlanError, match=message):
        get_plan(kong_strict=strict)


@pytest.mark.usefixtures("thawed")
def test_kong_strict_is_not_read_for_an_inventory_with_errors(fleet):
    fleet.nodes = WRONG
    with pytest.raises(_run_plan.RefusedError):
        get_plan(kong_strict="{{ x }}")
