# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.gatehouse.kong.plugins.module_utils._gateway.model import nat_from_data, nat_to_data
from ansible_collections.gatehouse.kong.plugins.module_utils._gateway.union import unite_nats
from ansible_collections.gatehouse.kong.tests.unit.plugins.module_utils._gateway.nats import (
    EGRESS,
    PROXY,
    SEED,
    SETS,
    make_nat,
)

OLD_SETS = {"peers": {"ipv4": ["192.168.10.12/32", "192.168.10.13/32"]}}
OLD = nat_from_data([SEED, PROXY], [EGRESS, {"inside": "192.168.23.5", "outside": "192.168.10.6"}], OLD_SETS)


def test_a_host_without_translations_gets_those_of_the_plan():
    assert unite_nats(None, make_nat()) == make_nat()


def test_forwards_sources_and_source_nat_of_both_are_kept():
    united = unite_nats(OLD, make_nat(outside_port=9001))
    data = nat_to_data(united)
    assert [forward["outside_port"] for forward in data["forwards"]] == [80, 9000, 9001]
    assert [forward["sources"] for forward in data["forwards"]] == ["any", ["peers-before"], ["peers"]]
    assert data["egress"] == nat_to_data(OLD)["egress"]
    assert data["sets"]["peers-before"]["ipv4"] == ["192.168.10.12/32", "192.168.10.13/32"]
    assert data["sets"]["peers"]["ipv4"] == SETS["peers"]["ipv4"]
    assert unite_nats(united, make_nat(outside_port=9001)) == united


def test_a_forward_of_both_allows_the_sources_and_the_callers_of_both():
    hairpin = {"callers": ["192.168.23.46/32"], "source": "192.168.23.254"}
    united = unite_nats(OLD, make_nat(hairpin=hairpin))
    forward = nat_to_data(united)["forwards"][1]
    assert forward["sources"] == ["peers", "peers-before"]
    assert forward["hairpin"]["callers"] == ["192.168.23.45/32", "192.168.23.46/32"]
    other = {**hairpin, "source": "192.168.23.253"}
    assert nat_to_data(unite_nats(OLD, make_nat(hairpin=other)))["forwards"][1]["hairpin"] == other


def test_shared_addresses_of_both_are_kept():
    """The forwards before the change may be at another shared address."""
    old, new = (nat_from_data([SEED], [EGRESS], SETS, [address]) for address in ("192.168.10.6", "192.168.10.5"))
    assert unite_nats(old, new).shared == ("192.168.10.5", "192.168.10.6")


def make_changing(address, **changes):
    """Return the worked example with an outside address that is the present address of wan0."""
    forward = {**SEED, "outside": address, **changes}
    return nat_from_data([forward], [{**EGRESS, "outside": address}], SETS, (), {address: "wan0"})


def test_a_new_address_of_an_interface_replaces_the_old_address():
    want = make_changing("192.168.10.7")
    assert unite_nats(make_changing("192.168.10.5"), want) == want


def test_an_interface_of_both_states_is_kept():
    """An address of the plan has an interface only if the plan says so."""
    old = make_changing("192.168.10.5", outside_port=9001)
    other = nat_from_data([{**SEED, "outside": "203.0.113.1"}], [], SETS)
    assert unite_nats(old, other).interfaces == (("192.168.10.5", "wan0"),)
    assert unite_nats(old, make_nat()).interfaces == ()
    assert unite_nats(make_nat(), make_changing("192.168.10.5")).interfaces == (("192.168.10.5", "wan0"),)


def test_a_forward_that_leads_elsewhere_is_as_in_the_plan():
    want = make_nat(inside_port=81)
    united = unite_nats(nat_from_data([SEED], [{**EGRESS, "outside": "192.168.10.6"}], OLD_SETS), want)
    assert united == want
