# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The tracked flows that a change leaves behind, and lost addresses. tests/netns tests the table of a host."""

from __future__ import annotations

import json

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._gateway import table
from ansible_collections.gatehouse.kong.plugins.module_utils._gateway.flows import make_stale_test
from ansible_collections.gatehouse.kong.plugins.module_utils._gateway.model import nat_from_data, nat_to_data
from ansible_collections.gatehouse.kong.plugins.module_utils._gateway.table import _list_targets
from ansible_collections.gatehouse.kong.plugins.module_utils._host.conntrack import Flow
from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import Host
from ansible_collections.gatehouse.kong.tests.unit.plugins.module_utils._gateway.nats import (
    EGRESS,
    OVER_IPV6,
    SEED,
    SETS,
    make_nat,
)

OUTSIDE, OLD, NEW = ("192.168.10.5", 9000), ("192.168.23.45", 80), ("192.168.23.45", 81)
BEFORE, AFTER = make_nat(), make_nat(inside_port=81)


@pytest.mark.parametrize(
    ("before", "after", "dialled", "replies", "stale"),
    [
        (BEFORE, AFTER, OUTSIDE, OLD, True),
        (BEFORE, AFTER, OUTSIDE, NEW, False),
        (BEFORE, AFTER, OUTSIDE, OUTSIDE, True),  # tracked before there was a forward
        (None, AFTER, OUTSIDE, OUTSIDE, True),
        (BEFORE, None, OUTSIDE, OLD, True),
        (BEFORE, None, OUTSIDE, OUTSIDE, False),
        (BEFORE, AFTER, ("192.168.10.5", 9001), OLD, False),
        (BEFORE, AFTER, ("192.168.10.6", 9000), OLD, False),
    ],
)
def test_flows_that_lead_elsewhere_are_ended(before, after, dialled, replies, stale):
    is_stale = make_stale_test(*(_list_targets(nat, {}) if nat else {} for nat in (before, after)))
    assert is_stale(Flow("tcp", dialled, replies)) is stale
    assert is_stale(Flow("udp", dialled, replies)) is False


def test_a_forward_of_an_interface_leads_from_each_address_of_its_family():
    nat = nat_from_data([SEED, OVER_IPV6], [], SETS, (), {"192.168.10.5": "wan0", "2001:db8::5": "wan0"})
    present = {"192.168.10.5": {"192.168.10.7"}, "2001:db8::5": {"2001:db8::7", "fe80::1"}}
    assert _list_targets(nat, present) == {
        **{("tcp", address, 9000): OLD for address in ("192.168.10.5", "192.168.10.7")},
        **{("udp", address, 9000): ("fd00::45", 80) for address in ("2001:db8::5", "2001:db8::7", "fe80::1")},
    }


def test_a_forward_without_nat_ends_no_flow():
    routed = nat_from_data([{**SEED, "outside": OLD[0], "outside_port": OLD[1]}], [], SETS)
    assert _list_targets(routed, {}) == {}


def test_translations_of_addresses_that_the_host_lost_are_not_usable(tmp_path, monkeypatch):
    monkeypatch.setattr(table, "find_interfaces", lambda _addresses: {"192.168.10.5": "wan0"})
    lost = {"outside": "192.168.10.6"}
    nat = nat_from_data([SEED, {**SEED, **lost}], [EGRESS, {**lost, "inside": "192.168.23.46"}], SETS)
    host = Host(root=tmp_path)
    assert table.NatTable(host).read_usable() is None
    host.make_directory(table.DIRECTORY, 0o700)
    host.write(table.STATE_FILE, json.dumps({"nat": nat_to_data(nat), "interfaces": {}, "listing": []}), 0o600)
    assert table.NatTable(host).read_usable() == make_nat()


def test_a_forward_without_nat_is_usable_without_its_address(tmp_path, monkeypatch):
    monkeypatch.setattr(table, "find_interfaces", lambda _addresses: {})
    routed = nat_from_data([{**SEED, "outside": OLD[0], "outside_port": OLD[1]}], [], SETS)
    host = Host(root=tmp_path)
    host.make_directory(table.DIRECTORY, 0o700)
    host.write(table.STATE_FILE, json.dumps({"nat": nat_to_data(routed), "interfaces": {}, "listing": []}), 0o600)
    assert table.NatTable(host).read_usable() == routed


def test_translations_are_restored_from_the_data_of_a_rollback():
    data = json.loads(json.dumps(table.AREA.form.to_data(make_nat())))
    assert table.AREA.form.from_data(data) == make_nat()
