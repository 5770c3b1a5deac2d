# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host with several addresses: the address to dial, its source address by network, and temporary IPv6 addresses."""

from __future__ import annotations

import pytest

from ansible_collections.gatehouse.kong.plugins.plugin_utils._address import Addresses
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.hosts import read_host
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.interfaces import OwnAddresses
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.variables import HostVariables
from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils.fleets import (
    list_warnings,
    make_inventory,
    plan_fleet,
)

STABLE, TEMPORARY = "2001:db8:1:0:dc42:b9ff:fecf:5c9c", "2001:db8:1:0:2b6e:52b6:ca81:999d"
DHCP = "2001:db8:1::a0c"


def make_ipv4(address, prefix):
    return {"address": address, "prefix": str(prefix), "broadcast": ""}


def make_ipv6(*addresses, prefix=64):
    return [{"address": address, "prefix": str(prefix), "scope": "global"} for address in addresses]


def make_facts(default4=None, default6=None, **interfaces):
    """Return facts as ansible-core gives them on Linux; an interface name has _ for -."""
    listed = {4: [], 6: []}
    for data in interfaces.values():
        listed[4] += [item["address"] for key in ("ipv4", "ipv4_secondaries") for item in as_list(data.get(key))]
        listed[6] += [item["address"] for item in data.get("ipv6", [])]
    return {
        "interfaces": [name.replace("_", "-") if name.startswith("br_") else name for name in interfaces],
        "all_ipv4_addresses": listed[4],
        "all_ipv6_addresses": listed[6],
        "default_ipv4": {"address": default4} if default4 else {},
        "default_ipv6": {"address": default6} if default6 else {},
        **interfaces,
    }


def as_list(value):
    return value if isinstance(value, list) else [value] if value else []


# The facts of a namespace with a router advertisement and use_tempaddr=2, read with ansible-core 2.19. The kernel lists the
# temporary address first, Ansible last.
MEASURED = make_facts(
    None,
    TEMPORARY,
    e0_1={"ipv4_secondaries": [make_ipv4("10.9.0.7", 24)]},
    br_0123456789ab={
        "type": "bridge",
        "ipv4": make_ipv4("172.18.0.1", 16),
        "ipv6": make_ipv6("fe80::2cb8:96ff:fe95:81b4"),
    },
    e0={
        "ipv4": make_ipv4("10.9.0.5", 24),
        "ipv4_secondaries": [make_ipv4("10.9.0.100", 32), make_ipv4("10.9.0.7", 24)],
        "ipv6": make_ipv6(STABLE, "fe80::dc42:b9ff:fecf:5c9c", TEMPORARY),
        "macaddress": "de:42:b9:cf:5c:9c",
    },
)
TWO = make_facts("192.168.1.5", eth0={"ipv4": make_ipv4("192.168.1.5", 24)}, eth1={"ipv4": make_ipv4("10.30.0.5", 16)})
NO_ROUTE = make_facts(None, eth0={"ipv4": make_ipv4("192.168.1.5", 24)}, eth1={"ipv4": make_ipv4("10.30.0.5", 16)})

# Facts, variables, the addresses to dial, the source by network, and the codes of findings.
CASES = {
    "one address": (make_facts("10.0.0.1", eth0={"ipv4": make_ipv4("10.0.0.1", 24)}), {}, "10.0.0.1", {}, []),
    "one address without a default route": (
        make_facts(eth0={"ipv4": make_ipv4("10.0.0.1", 24)}), {}, "10.0.0.1", {}, [],
    ),
    "the same address twice": (
        {"all_ipv4_addresses": ["10.0.0.1", "10.0.0.1"]}, {}, "10.0.0.1", {}, [],
    ),
    "one address at two interfaces": (
        make_facts("10.0.0.1", eth0={"ipv4": make_ipv4("10.0.0.1", 24)}, eth1={"ipv4": make_ipv4("10.0.0.1", 24)}), {}, "10.0.0.1", {}, [],
    ),
    "two networks": (
        TWO, {}, "192.168.1.5",
        {"192.168.1.0/24": "192.168.1.5", "10.30.0.0/16": "10.30.0.5", "0.0.0.0/0": "192.168.1.5"}, [],
    ),
    "two networks, the other address is chosen": (
        TWO, {"kong_address_networks": ["10.30.0.0/16", "192.168.0.0/16"]}, "10.30.0.5",
        {"192.168.1.0/24": "192.168.1.5", "10.30.0.0/16": "10.30.0.5", "0.0.0.0/0": "192.168.1.5"}, [],
    ),
    "a source outside the bounds": (
        TWO, {"kong_address_networks": ["10.30.0.0/16"]}, "10.30.0.5",
        {"192.168.1.0/24": None, "10.30.0.0/16": "10.30.0.5", "0.0.0.0/0": None}, [],
    ),
    "kong_address": (TWO, {"kong_address": "10.30.0.5"}, "10.30.0.5", {}, []),
    "no default route": (
        NO_ROUTE, {"kong_address_networks": ["10.30.0.0/16", "192.168.0.0/16"]}, "10.30.0.5",
        {"192.168.1.0/24": "192.168.1.5", "10.30.0.0/16": "10.30.0.5", "0.0.0.0/0": None}, [],
    ),
    "no default route, nothing chosen": (NO_ROUTE, {}, None, None, ["address-ambiguous"]),
    "two interfaces in one network": (
        make_facts(eth0={"ipv4": make_ipv4("10.0.0.1", 24)}, eth1={"ipv4": make_ipv4("10.0.0.2", 24)}),
        {"kong_address_networks": "10.0.0.0/8"}, "10.0.0.1", {"10.0.0.0/24": None, "0.0.0.0/0": None}, [],
    ),
    "two interfaces in one network, one of them of the default route": (
        make_facts("10.0.0.2", eth0={"ipv4": make_ipv4("10.0.0.1", 24)}, eth1={"ipv4": make_ipv4("10.0.0.2", 24)}),
        {}, "10.0.0.2", {"10.0.0.0/24": None, "0.0.0.0/0": "10.0.0.2"}, [],
    ),
    "two interfaces in one IPv6 network, and an address from DHCP": (
        make_facts(None, DHCP, eth0={"ipv6": [*make_ipv6(DHCP, prefix=128), *make_ipv6(STABLE)]}, eth1={"ipv6": make_ipv6("2001:db8:1::7")}),
        {}, DHCP, {"2001:db8:1::/64": None, "::/0": DHCP}, [],
    ),
    "a unique local address of the interface of the default route, measured": (
        make_facts(None, "2001:db8:1::5", eth0={"ipv6": make_ipv6("2001:db8:1::5", "fd00:2::5")}), {}, "2001:db8:1::5",
        {"2001:db8:1::/64": "2001:db8:1::5", "fd00:2::/64": "fd00:2::5", "fc00::/7": "fd00:2::5", "::/0": "2001:db8:1::5"}, [],
    ),
    "a unique local address of another interface, measured": (
        make_facts(None, "2001:db8:1::5", eth0={"ipv6": make_ipv6("2001:db8:1::5")}, eth1={"ipv6": make_ipv6("fd00:2::5")}), {}, "2001:db8:1::5",
        {"2001:db8:1::/64": "2001:db8:1::5", "fd00:2::/64": "fd00:2::5", "::/0": "2001:db8:1::5"}, [],
    ),
    "two unique local addresses": (
        make_facts(None, "2001:db8:1::5", eth0={"ipv6": make_ipv6("2001:db8:1::5", "fd00:2::5", "fd00:3::5")}), {}, "2001:db8:1::5",
        {"2001:db8:1::/64": "2001:db8:1::5", "fd00:2::/64": "fd00:2::5", "fd00:3::/64": "fd00:3::5", "fc00::/7": None,
         "::/0": "2001:db8:1::5"}, [],
    ),
    "a unique local address that may be deprecated": (
        make_facts(None, "2001:db8:1::5", eth0={"ipv6": [*make_ipv6("2001:db8:1::5"), *make_ipv6("fd00:2::5", prefix=128)]}), {}, "2001:db8:1::5",
        {"2001:db8:1::/64": "2001:db8:1::5", "fc00::/7": None, "::/0": "2001:db8:1::5"}, [],
    ),
    "two global addresses of one interface, measured": (
        make_facts(None, "2001:db8:1::5", eth0={"ipv6": make_ipv6("2001:db8:1::5", "2a00:1::5")}), {}, "2001:db8:1::5",
        {"2001:db8:1::/64": "2001:db8:1::5", "2a00:1::/64": "2a00:1::5", "2800::/5": "2a00:1::5", "::/0": "2001:db8:1::5"}, [],
    ),
    "a temporary address that the kernel prefers to an address of another network": (
        make_facts(None, TEMPORARY, eth0={"ipv6": make_ipv6(STABLE, TEMPORARY, "2a00:1::5")}), {}, STABLE,
        {"2001:db8:1::/64": TEMPORARY, "2a00:1::/64": "2a00:1::5", "::/0": TEMPORARY}, ["address-temporary"],
    ),
    "a secondary address and its label": (
        make_facts("10.9.0.5", e0_1={"ipv4_secondaries": [make_ipv4("10.9.0.7", 24)]},
                   e0={"ipv4": make_ipv4("10.9.0.5", 24), "ipv4_secondaries": [make_ipv4("10.9.0.7", 24)]}),
        {}, "10.9.0.5", {}, [],
    ),
    "docker": (
        make_facts("10.0.0.1", docker0={"ipv4": make_ipv4("172.17.0.1", 16)}, eth0={"ipv4": make_ipv4("10.0.0.1", 24)}),
        {}, "10.0.0.1", {}, [],
    ),
    "docker without a default route": (
        make_facts(None, docker0={"ipv4": make_ipv4("172.17.0.1", 16)}, br_0123456789ab={"ipv4": make_ipv4("172.18.0.1", 16)},
                   eth0={"ipv4": make_ipv4("10.0.0.1", 24)}),
        {}, "10.0.0.1", {}, [],
    ),
    "a bridge that an administrator made": (
        make_facts("10.0.0.1", br0={"ipv4": make_ipv4("192.168.3.1", 24)}, eth0={"ipv4": make_ipv4("10.0.0.1", 24)}),
        {}, "10.0.0.1", {"192.168.3.0/24": "192.168.3.1", "10.0.0.0/24": "10.0.0.1", "0.0.0.0/0": "10.0.0.1"}, [],
    ),
    "a virtual address": (
        make_facts("10.9.0.5", eth0={"ipv4": make_ipv4("10.9.0.5", 24), "ipv4_secondaries": [make_ipv4("10.9.0.100", 32)]}),
        {"kong_virtual_addresses": "10.9.0.100"}, "10.9.0.5", {}, [],
    ),
    "a virtual address without a default route": (
        make_facts(None, eth0={"ipv4": make_ipv4("10.9.0.5", 24), "ipv4_secondaries": [make_ipv4("10.9.0.100", 32)]}),
        {"kong_virtual_addresses": "10.9.0.100"}, "10.9.0.5", {}, [],
    ),
    "a virtual address in its own network": (
        make_facts("10.9.0.5", eth0={"ipv4": make_ipv4("10.9.0.5", 24)}, eth1={"ipv4": make_ipv4("10.30.0.100", 24)}),
        {"kong_virtual_addresses": "10.30.0.100"}, "10.9.0.5", {}, [],
    ),
    "temporary, measured": (
        MEASURED, {"kong_virtual_addresses": "10.9.0.100", "kong_address_networks": ["10.9.0.5", "2001:db8::/32"]},
        f"10.9.0.5 {STABLE}", {"2001:db8:1::/64": TEMPORARY, "::/0": TEMPORARY, "10.9.0.0/24": "10.9.0.5", "0.0.0.0/0": None},
        ["address-temporary"],
    ),
    "a stable address with a random identifier": (
        make_facts(None, TEMPORARY, eth0={"ipv6": make_ipv6(TEMPORARY)}), {}, TEMPORARY, {}, [],
    ),
    "temporary by the default route": (
        make_facts(None, TEMPORARY, eth0={"ipv6": make_ipv6(STABLE, TEMPORARY)}), {}, STABLE,
        {"2001:db8:1::/64": TEMPORARY, "::/0": TEMPORARY}, ["address-temporary"],
    ),
    "temporary, but the kernel prefers the stable address": (
        make_facts(None, STABLE, eth0={"ipv6": make_ipv6(STABLE, TEMPORARY)}), {}, STABLE, {}, [],
    ),
    "temporary without a default route": (
        make_facts(eth0={"ipv6": make_ipv6(STABLE, TEMPORARY)}), {}, STABLE,
        {"2001:db8:1::/64": STABLE, "::/0": None}, ["address-temporary"],
    ),
    "temporary and kong_address": (
        make_facts(None, TEMPORARY, eth0={"ipv6": make_ipv6(STABLE, TEMPORARY)}), {"kong_address": STABLE}, STABLE, {}, [],
    ),
    "temporary in kong_address": (
        make_facts(None, TEMPORARY, eth0={"ipv6": make_ipv6(STABLE, TEMPORARY)}),
        {"kong_address": TEMPORARY}, TEMPORARY, {}, ["address-temporary"],
    ),
    "temporary in kong_address_query": (
        make_facts(None, STABLE, eth0={"ipv6": make_ipv6(STABLE, TEMPORARY)}),
        {"kong_address_query": "ansible_facts.eth0.ipv6[1].address"}, TEMPORARY,
        {"2001:db8:1::/64": STABLE, "::/0": STABLE}, ["address-temporary"],
    ),
    "temporary in kong_nat_egress": (
        make_facts(None, STABLE, eth0={"ipv6": make_ipv6(STABLE, TEMPORARY)}), {"kong_nat_egress": TEMPORARY}, STABLE, {}, ["address-temporary"],
    ),
    "two static addresses": (
        make_facts(None, "2001:db8:1::78", eth0={"ipv6": make_ipv6("2001:db8:1::77", "2001:db8:1::78")}), {}, "2001:db8:1::78", {}, [],
    ),
    "an address from DHCP, measured": (
        make_facts(None, DHCP, eth0={"ipv6": [*make_ipv6(DHCP, prefix=128), *make_ipv6(STABLE)]}), {}, DHCP, {}, [],
    ),
    "an address from DHCP that is not the source of the default route": (
        make_facts(None, STABLE, eth0={"ipv6": [*make_ipv6(STABLE), *make_ipv6(DHCP, prefix=128)]}), {}, STABLE,
        {"2001:db8:1::/64": None, "::/0": STABLE}, [],
    ),
    "an address from DHCP that the kernel prefers to a temporary address": (
        make_facts(None, DHCP, eth0={"ipv6": [*make_ipv6(DHCP, prefix=128), *make_ipv6(STABLE, TEMPORARY)]}), {}, DHCP, {}, [],
    ),
    "an address from DHCP of another network": (
        make_facts(None, STABLE, eth0={"ipv6": [*make_ipv6(STABLE), *make_ipv6("2001:db8:2::a0c", prefix=128)]}), {}, STABLE,
        {"2001:db8:1::/64": STABLE, "2001:db8:2::/47": None, "::/0": STABLE}, [],
    ),
    "an address from DHCP, and a temporary address that the kernel prefers": (
        make_facts(None, TEMPORARY, eth0={"ipv6": [*make_ipv6(STABLE, TEMPORARY), *make_ipv6(DHCP, prefix=128)]}), {}, STABLE,
        {"2001:db8:1::/64": TEMPORARY, "::/0": TEMPORARY}, ["address-temporary"],
    ),
    "several IPv6 networks without a default route": (
        make_facts("10.0.0.1", eth0={"ipv4": make_ipv4("10.0.0.1", 24), "ipv6": make_ipv6("2001:db8:1::5", "fd00::5")}), {}, "10.0.0.1",
        {"2001:db8:1::/64": "2001:db8:1::5", "fd00::/64": "fd00::5", "::/0": None}, [],
    ),
    "BSD": (
        {
            "interfaces": ["em0", "em1"], "all_ipv4_addresses": ["10.0.0.1", "10.1.0.1"], "default_ipv4": {"address": "10.0.0.1"},
            "em0": {"ipv4": [{"address": "10.0.0.1", "netmask": "255.255.255.0", "network": "10.0.0.0"}]},
            "em1": {"ipv4": [{"address": "10.1.0.1", "netmask": "255.255.0.0", "network": "10.1.0.0"}]},
        },
        {}, "10.0.0.1", {"10.0.0.0/24": "10.0.0.1", "10.1.0.0/16": "10.1.0.1", "0.0.0.0/0": "10.0.0.1"}, [],
    ),
    "facts of the wrong type": (
        {
            "interfaces": ["eth0", "eth1", "eth2", 7], "all_ipv4_addresses": ["10.0.0.1"], "eth0": "up", "eth1": {"ipv4": "10.0.0.1"},
            "eth2": {"ipv4": {"address": "10.0.0.1", "prefix": "x"}, "ipv6": [None, {"address": "fd00::1"}]},
        },
        {}, "10.0.0.1", {}, [],
    ),
}  # fmt: skip


def read(known, variables):
    host = HostVariables.read(make_inventory({"n": {"ansible_facts": known, **variables}}), "n")
    return read_host(host), [finding.code for finding in host.findings]


@pytest.mark.parametrize("case", CASES)
def test_addresses_and_sources(case):
    known, variables, address, networks, codes = CASES[case]
    host, found = read(known, variables)
    assert found == codes
    if address is not None:
        assert (" ".join(host.address.list_all()), dict(host.networks)) == (address, networks)


def test_the_smallest_network_decides():
    known = make_facts("10.0.0.1", eth0={"ipv4": make_ipv4("10.0.0.1", 8)}, eth1={"ipv4": make_ipv4("10.30.0.5", 16)})
    host, _codes = read(known, {})
    sources = {dialled: host.choose_source(dialled) for dialled in ("10.30.9.9", "10.31.0.1", "192.0.2.1", "fd00::1")}
    assert sources == {"10.30.9.9": "10.30.0.5", "10.31.0.1": "10.0.0.1", "192.0.2.1": "10.0.0.1", "fd00::1": None}


def test_an_unknown_source_is_the_address_of_the_host():
    host, _codes = read(NO_ROUTE, {"kong_address_networks": ["10.30.0.0/16", "192.168.0.0/16"]})
    assert (host.find_known_source("192.0.2.1"), host.choose_source("192.0.2.1")) == (None, "10.30.0.5")


def test_no_facts():
    own = OwnAddresses.read({}, ())
    assert (own.usable, own.list_networks(Addresses()), own.temporary_sources) == ((), (), ())


def test_warning_names_all_temporary_addresses():
    other = TEMPORARY.replace("2001:db8:1:", "2001:db8:2:")
    known = make_facts(None, TEMPORARY, eth0={"ipv6": make_ipv6(STABLE, TEMPORARY)},
                       eth1={"ipv6": make_ipv6(STABLE.replace("2001:db8:1:", "2001:db8:2:"), other)})  # fmt: skip
    host = HostVariables.read(make_inventory({"n": {"ansible_facts": known}}), "n")
    read_host(host)
    [warning] = host.findings
    assert warning.detail == f"has {TEMPORARY}, {other}"


@pytest.mark.parametrize(
    ("terms", "expected"),
    [
        ([TEMPORARY], [("n", "kong_admin_sources", f"{TEMPORARY}/128")]),
        ([STABLE], []),
        (["2001:db8:1::/64"], []),
    ],
)
@pytest.mark.parametrize("is_node", [True, False])
def test_a_temporary_address_as_a_source(is_node, terms, expected):
    """No variable names the other host if it is not a node."""
    node = {"kong_address": "2001:db8:9::1", "kong_admin_listen": "[::]:8001", "kong_admin_gui_listen": "[::]:8002"}
    other = {"ansible_facts": make_facts(None, STABLE, eth0={"ipv6": make_ipv6(STABLE, TEMPORARY)})}
    nodes, others = {"n": {**node, "kong_admin_sources": terms}}, {"m": other}
    plan = plan_fleet({**nodes, **others}) if is_node else plan_fleet(nodes, others)
    found = list_warnings(plan, "address-temporary")
    assert [(warning["host"], warning["variable"], warning["value"]) for warning in found] == expected
