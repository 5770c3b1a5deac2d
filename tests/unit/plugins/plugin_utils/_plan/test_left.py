# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nodes of an older plan that left the fleet, and the command that removes our rules from them."""

from __future__ import annotations

import pytest

from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.left import (
    format_removal_command,
    make_left_findings,
)
from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils.fleets import planned


def plan(**addresses):
    return planned({name: {"kong_address": address} for name, address in addresses.items()})


OLD = plan(k1="10.0.0.1", k2="10.0.0.2", k10="10.0.0.10")


@pytest.mark.parametrize(
    ("new", "left"),
    [
        (OLD, []),
        (plan(k1="10.0.0.1", k2="10.0.0.2", k10="10.0.0.10", k11="10.0.0.11"), []),
        (plan(k1="10.0.0.1"), [["k2", "k10"]]),
        # A node with another name at the same place is the same host. Its rules must stay.
        (plan(k1="10.0.0.1", k2="10.0.0.2", renamed="10.0.0.10"), []),
        # A node with another address is the same node, and the next run changes it.
        (plan(k1="10.0.0.9", k2="10.0.0.2", k10="10.0.0.10"), []),
    ],
)
def test_nodes_that_left(new, left):
    found = make_left_findings(OLD, new, [], [])
    assert [finding["hosts"] for finding in found] == left
    assert {finding["code"] for finding in found} <= {"node-left"}


def test_a_host_that_is_still_in_the_inventory_needs_no_inventory_of_its_own():
    found = make_left_findings(OLD, plan(k1="10.0.0.1"), ["k1", "k2"], ["k1,k2,"])
    commands = {finding["hosts"][0]: finding["message"].partition("rules: ")[2] for finding in found}
    assert commands == {
        "k2": "ansible-playbook gatehouse.kong.remove -i k1,k2, -e leaving=k2",
        "k10": "ansible-playbook gatehouse.kong.remove -i k1,k2, -i k10, -e leaving=k10",
    }


def test_an_inventory_that_does_not_exist_is_not_in_the_command(tmp_path, monkeypatch):
    """Without -i, Ansible names its default inventory, which need not exist."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "our hosts.yml").touch()
    sources = [str(tmp_path / "our hosts.yml"), str(tmp_path / "missing")]
    assert format_removal_command(["a", "b"], [], sources) == (
        "ansible-playbook gatehouse.kong.remove -i 'our hosts.yml' -i a,b, -e leaving=a,b"
    )
