# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The table of a gateway, compared with a golden file; tests/netns sends packets."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._gateway.model import nat_from_data
from ansible_collections.gatehouse.kong.plugins.module_utils._gateway.nftables import render_nat
from ansible_collections.gatehouse.kong.tests.unit.plugins.module_utils._gateway.nats import (
    ALL,
    EGRESS,
    INTERFACES,
    SEED,
    SETS,
    make_nat,
)

GOLDEN = Path(__file__).parents[4] / "golden" / "gateway" / "all.nft"


def render_rules(nat):
    """Return the rules, without the elements of sets."""
    return [line for line in render_nat(nat, INTERFACES).splitlines() if "elements" not in line]


def test_the_table_matches_its_golden_file():
    assert render_nat(nat_from_data(*ALL), INTERFACES) == GOLDEN.read_text(encoding="utf-8")


def test_the_table_of_an_interface_matches_its_golden_file():
    nat = nat_from_data(*ALL, (), INTERFACES)
    golden = GOLDEN.with_name("interface.nft")
    assert render_nat(nat, INTERFACES) == golden.read_text(encoding="utf-8")


def test_a_new_address_of_an_interface_changes_nothing():
    texts = {
        render_nat(nat_from_data([{**SEED, "outside": address}], [{**EGRESS, "outside": address}], SETS, (),
                                 {address: "wan0"}), {address: "wan0"})
        for address in ("192.168.10.5", "198.51.100.7")
    }  # fmt: skip
    assert len(texts) == 1


def test_rules_of_an_address_precede_rules_of_an_interface():
    """The interface may have the address too."""
    other = {**SEED, "outside": "192.168.10.6", "inside": "192.168.23.46"}
    nat = nat_from_data([SEED, other], [], SETS, (), {"192.168.10.5": "wan0"})
    rules = [line for line in render_nat(nat, INTERFACES).splitlines() if " dnat ip to " in line]
    assert ["192.168.23.46:80" in rule for rule in rules] == [True, False, False]


@pytest.mark.parametrize("interfaces", [{}, {"192.168.23.45": "lan0"}])
def test_a_forward_without_nat_has_only_filter_rules(interfaces):
    routed = {**SEED, "outside": SEED["inside"], "outside_port": SEED["inside_port"]}
    nat = nat_from_data([routed], [], SETS, (), interfaces)
    rules = [line.strip() for line in render_nat(nat, {}).splitlines() if 'comment "cluster"' in line]
    match = "ct original ip daddr 192.168.23.45 meta l4proto tcp ct original proto-dst 80"
    accept = 'meta mark set meta mark | 0x10000000 accept comment "cluster"'
    assert rules == [
        f"ct direction original {match} ip saddr @peers_ipv4 {accept}",
        f"ct direction original {match} ip saddr @hairpin-192.168.23.45-80-tcp {accept}",
        f'ct direction original {match} drop comment "cluster"',
        f"ct direction reply {match} {accept}",
    ]
    assert nat.outside_addresses == ()


def test_a_removal_is_the_header_of_each_table():
    removal = render_nat(None, {})
    assert removal.endswith("add table inet gatehouse_kong_nat\ndelete table inet gatehouse_kong_nat\n")
    assert render_nat(nat_from_data(*ALL), INTERFACES).startswith(removal)


def test_new_members_change_no_rule():
    other = nat_from_data([SEED], [], {"peers": {"ipv4": ["192.0.2.1"]}})
    empty = nat_from_data([SEED], [], {"peers": {}})
    assert render_rules(other) == render_rules(empty)
    assert render_nat(other, INTERFACES) != render_nat(empty, INTERFACES)


def test_without_an_allowed_source_the_port_is_dropped():
    rules = [
        line.strip() for line in render_rules(make_nat(sources=[], hairpin=None)) if "ct direction original" in line
    ]
    assert [rule.rpartition('"cluster"')[0].split()[-2] for rule in rules] == ["drop"]
