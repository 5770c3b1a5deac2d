# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The translations of a gateway as data and as text."""

from __future__ import annotations

import re

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._gateway.model import (
    NatError,
    format_nat,
    nat_from_data,
    nat_to_data,
)
from ansible_collections.gatehouse.kong.tests.unit.plugins.module_utils._gateway.nats import (
    ALL,
    EGRESS,
    OVER_IPV6,
    PROXY,
    SEED,
    SETS,
    make_nat,
)


def test_the_same_translations_in_another_order_are_equal():
    forwards, egress, sets = ALL
    assert nat_from_data(forwards[::-1], egress, sets) == nat_from_data(*ALL)
    two = [EGRESS, {**EGRESS, "inside": "192.168.23.5"}]
    assert [entry.inside for entry in nat_from_data([], two, {}).egress] == ["192.168.23.5", "192.168.23.45"]


def test_data_are_the_same_after_a_round_trip():
    nat = nat_from_data(*ALL)
    assert nat_from_data(**nat_to_data(nat)) == nat


def test_shared_addresses():
    nat = nat_from_data(*ALL, ["2001:db8::5", "192.168.10.50", "192.168.10.5", "192.168.10.5"])
    assert nat.shared == ("192.168.10.5", "192.168.10.50", "2001:db8::5")
    assert nat_from_data(**nat_to_data(nat)) == nat
    with pytest.raises(NatError, match="shared_addresses is 'x'; expected one address"):
        nat_from_data(*ALL, ["x"])


def test_interfaces_of_outside_addresses():
    interfaces = {"192.168.10.5": "wan0", "2001:0db8::5": "wan0"}
    nat = nat_from_data(*ALL, (), interfaces)
    assert nat.interfaces == (("192.168.10.5", "wan0"), ("2001:db8::5", "wan0"))
    assert nat_from_data(**nat_to_data(nat)) == nat
    assert nat_from_data(*ALL, (), {**dict([*interfaces.items()][::-1])}) == nat
    assert "192.168.10.5 is the address of the interface wan0, and may change\n" in format_nat(nat)


@pytest.mark.parametrize(
    ("shared", "interfaces", "message"),
    [
        ([], {"x": "wan0"}, "outside_interfaces is 'x'; expected one address"),
        (
            [],
            {"192.168.10.5": 'a"b'},
            "outside_interfaces.192.168.10.5 is 'a\"b'; expected the name of a network interface",
        ),
        ([], {"192.168.10.5": "a" * 16}, "expected the name of a network interface"),
        ([], {"192.168.10.5": None}, "outside_interfaces.192.168.10.5 is None; expected"),
        (["192.168.10.5"], {"192.168.10.5": "wan0"}, "192.168.10.5 is in shared_addresses and in outside_interfaces"),
        (
            [],
            {"192.168.10.5": "wan0", "192.168.10.6": "wan0"},
            "outside_interfaces has wan0 for 192.168.10.5 and 192.168.10.6; give one address of each family",
        ),
    ],
)
def test_interfaces_that_no_rule_can_have(shared, interfaces, message):
    with pytest.raises(NatError, match=re.escape(message)):
        nat_from_data(*ALL, shared, interfaces)


def test_the_text_of_a_forward_without_nat():
    routed = {**OVER_IPV6, "outside": OVER_IPV6["inside"], "outside_port": 80, "hairpin": None}
    assert format_nat(nat_from_data([routed], [], {"peers": {}})) == (
        "udp 80 at fd00::45 without NAT (cluster), from peers\n"
    )


def test_the_text_for_a_diff():
    assert format_nat(None) == ""
    assert format_nat(nat_from_data([SEED, PROXY], [EGRESS], SETS, ["192.168.10.5"])).splitlines() == [
        "tcp 80 at 192.168.10.5 to 192.168.23.45:8000 (proxy), from any source",
        "tcp 9000 at 192.168.10.5 to 192.168.23.45:80 (cluster), from peers; from 192.168.23.45/32 with the source 192.168.23.254",
        "connections from 192.168.23.45 leave with 192.168.10.5",
        "another gateway may hold 192.168.10.5",
        "set peers: 192.168.10.11/32",
        "set peers: 192.168.10.12/32",
        "set peers: 2001:db8::/64",
    ]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"outside": "0.0.0.0"}, "forwards[0].outside is '0.0.0.0'; expected one address, without a zone"),
        ({"outside": "x"}, "forwards[0].address is 'x'; expected an address"),
        ({"outside": "fe80::1%eth0"}, "forwards[0].address is 'fe80::1%eth0'"),
        ({"outside_port": 0}, "forwards[0].port is 0"),
        ({"sources": ["x"]}, "forwards[0].sources names the unknown set 'x'"),
        ({"inside": "fd00::1"}, "forwards[0].inside is 'fd00::1'; expected one address of the family of 192.168.10.5"),
        ({"inside": "x"}, "forwards[0].inside is 'x'"),
        ({"inside_port": 65536}, "forwards[0].inside_port is 65536"),
        (
            {"hairpin": {"callers": ["192.168.23.1/24"], "source": "192.168.23.254"}},
            "forwards[0].hairpin.callers: '192.168.23.1/24' is not a network: ",
        ),
        ({"hairpin": {"callers": [], "source": "fd00::1"}}, "forwards[0].hairpin.source is 'fd00::1'"),
    ],
)
def test_wrong_forwards(changes, message):
    with pytest.raises(NatError) as caught:
        make_nat(**changes)
    assert str(caught.value).startswith(message)


def test_a_port_has_one_forward():
    with pytest.raises(NatError, match=r"tcp 9000 at 192.168.10.5 has two entries"):
        nat_from_data([SEED, {**SEED, "inside_port": 81}], [], SETS)


def test_a_host_has_one_source():
    with pytest.raises(NatError, match=r"^egress has 192.168.23.45 twice, with 192.168.10.5 and 192.168.10.6$"):
        nat_from_data([], [EGRESS, EGRESS, {**EGRESS, "outside": "192.168.10.6"}], {})
    with pytest.raises(NatError, match=r"^egress.0..outside is 'fd00::1'"):
        nat_from_data([], [{**EGRESS, "outside": "fd00::1"}], {})
