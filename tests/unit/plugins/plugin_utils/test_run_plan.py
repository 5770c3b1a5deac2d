# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The memory of a compilation: the variables of a host are freed when the next hosts are read."""

from __future__ import annotations

import gc
import weakref

import pytest

from ansible_collections.gatehouse.kong.plugins.plugin_utils import _run_plan
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.compile import compile_plan
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
