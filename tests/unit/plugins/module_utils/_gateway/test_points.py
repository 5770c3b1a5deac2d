# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._gateway import points, table
from ansible_collections.gatehouse.kong.plugins.module_utils._gateway.model import nat_to_data
from ansible_collections.gatehouse.kong.plugins.module_utils._gateway.points import NAT, make_points
from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import Host
from ansible_collections.gatehouse.kong.plugins.module_utils._transaction.rollback import Rollback
from ansible_collections.gatehouse.kong.tests.unit.plugins.module_utils._gateway.nats import make_nat

BEFORE, AFTER = make_nat(), make_nat(inside_port=81)


@pytest.fixture
def gateway(tmp_path, monkeypatch):
    """A gateway whose translations are those of its file."""
    monkeypatch.setattr(table.NatTable, "_list_table", lambda _table: ())
    monkeypatch.setattr(table, "find_interfaces", lambda _addresses: {})
    return Host(tmp_path)


def set_nat(host, nat):
    host.make_directory(table.DIRECTORY, 0o700)
    data = {"nat": nat_to_data(nat), "interfaces": {}, "listing": []}
    host.write(table.STATE_FILE, json.dumps(data), 0o600)


def open_points(host):
    return make_points(host, Rollback(host, table.AREA))


@pytest.mark.parametrize("before", [None, BEFORE])
def test_the_translations_before_a_run_are_found_after_it(gateway, before):
    if before:
        set_nat(gateway, before)
    open_points(gateway).take((), [NAT], {}, "7")
    set_nat(gateway, AFTER)
    open_points(gateway).keep()
    point = open_points(gateway).find()
    assert (point.run, point.parts) == ("7", {NAT: before and nat_to_data(before)})


def test_a_gateway_that_a_run_did_not_change_has_no_point(gateway):
    set_nat(gateway, BEFORE)
    open_points(gateway).take((), [NAT], {}, "7")
    assert open_points(gateway).find() is None
    open_points(gateway).keep()
    set_nat(gateway, AFTER)
    assert open_points(gateway).find() is None


def test_the_points_of_a_node_are_separate(gateway):
    set_nat(gateway, BEFORE)
    open_points(gateway).take((), [NAT], {}, "7")
    assert gateway.locate("/var/lib/gatehouse_kong_nat/restore_points/taken").exists()
    assert not gateway.locate("/var/lib/gatehouse_kong").exists()


def test_translations_that_wait_for_confirmation_are_not_those_before_a_run(gateway, monkeypatch):
    set_nat(gateway, AFTER)
    pending = Rollback(gateway, table.AREA)
    monkeypatch.setattr(pending, "find_pending", lambda: "id")
    monkeypatch.setattr(pending, "read_before_pending", lambda: points.Kept(BEFORE))
    make_points(gateway, pending).take((), [NAT], {}, "7")
    assert open_points(gateway).find().parts == {NAT: nat_to_data(BEFORE)}
