# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Hosts and Kongs, from facts and the results of kong_adopt_info."""

from __future__ import annotations

import pytest

from ansible_collections.gatehouse.kong.plugins.plugin_utils._adopt.model import SETTINGS, read_found_host
from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils._adopt.found import KONG, make_access

INTERFACES = {
    "interfaces": ["lo", "eth0", "br-lan", "tun0", "gone"],
    "lo": {"ipv4": {"address": "127.0.0.1", "netmask": "255.0.0.0"}},
    "eth0": {
        "ipv4": {"address": "10.0.0.1", "netmask": "255.255.255.0"},
        "ipv4_secondaries": [{"address": "10.1.0.1", "netmask": "255.255.0.0"}],
        "ipv6": [{"address": "fd00::1", "prefix": "64"}, {"address": "fe80::1", "prefix": "64"}],
    },
    "br_lan": {"ipv6": [{"address": "fd01::1", "prefix": "56"}]},
    "tun0": {"ipv4": {"address": "10.8.0.1"}},
}
ADDRESSES = {"10.0.0.1", "10.1.0.1", "fd00::1", "fd01::1", "10.8.0.1"}


@pytest.mark.parametrize(
    ("default", "address", "network"),
    [
        ({"default_ipv4": {"address": "10.0.0.1"}, "default_ipv6": {"address": "fd00::1"}}, "10.0.0.1", "10.0.0.0/24"),
        ({"default_ipv4": {"address": "10.1.0.1"}}, "10.1.0.1", "10.1.0.0/16"),
        ({"default_ipv4": {}, "default_ipv6": {"address": "fd01::1"}}, "fd01::1", "fd01::/56"),
        ({"default_ipv4": {"address": "10.8.0.1"}}, "10.8.0.1", ""),
        ({}, "", ""),
    ],
    ids=["IPv4 first", "secondary", "IPv6", "without a netmask", "several"],
)
def test_the_address_of_a_host_is_that_of_its_default_route(default, address, network):
    found = read_found_host("a", {**INTERFACES, **default}, {"kongs": []})
    assert (found.address, found.network, found.addresses) == (address, network, ADDRESSES)


@pytest.mark.parametrize("bridge", ["docker0", "podman0", "cni-podman0", "br-0123456789ab", "br-lan"])
def test_a_bridge_for_containers_has_no_address_of_the_host(bridge):
    """Bridges with other names may be those of the host's own network."""
    bridged = {"ipv4": {"address": "172.17.0.1", "netmask": "255.255.0.0"}}
    own = {"ipv4": {"address": "10.0.0.1", "netmask": "255.255.255.0"}}
    facts = {"interfaces": [bridge, "eth0"], bridge.replace("-", "_"): bridged, "eth0": own}
    found = read_found_host("a", facts, {"kongs": []})
    assert (found.address, found.network) == (("", "") if bridge == "br-lan" else ("10.0.0.1", "10.0.0.0/24"))
    assert found.addresses == {"10.0.0.1", "172.17.0.1"}


@pytest.mark.parametrize(
    ("result", "error"),
    [(None, "it did not answer"), ({"failed": True}, "it did not answer"), ({"msg": "no root"}, "no root"),
     ({"kongs": [KONG]}, "")],
)  # fmt: skip
def test_a_host_without_a_result_has_an_error(result, error):
    found = read_found_host("a", {}, result)
    assert (found.error, len(found.kongs)) == (error, 0 if error else 1)


@pytest.mark.parametrize(
    ("start", "expected"),
    [
        ({"unit": "kong.service"}, "kong.service"),
        ({"unit": ""}, "by hand"),
        ({"unit": "", "starter": "alice"}, "by hand by alice"),
        ({"unit": "podman.service", "container": "0123456789ab"}, "container 0123456789ab"),
    ],
)
def test_the_start_of_a_kong_is_readable(start, expected):
    [kong] = read_found_host("a", {}, {"kongs": [{**KONG, **start}]}).kongs
    assert kong.start == expected


def test_the_settings_of_the_cluster_are_read_too():
    assert {"role", "cluster_control_plane", "cluster.advertise", "admin_listen"} <= {*SETTINGS}


@pytest.mark.parametrize(
    ("sources", "text"),
    [
        (["fd00::1/128", "fd00::/64", "192.0.2.7/32"], "fd00::1, fd00::/64, 192.0.2.7"),
        (["10.0.0.0/24"] * 20, ", ".join(["10.0.0.0/24"] * 20)),
        (["10.0.0.0/24"] * 21, ", ".join([*["10.0.0.0/24"] * 20, "1 more network"])),
        ([], "no source"),
    ],
)
def test_sources_as_text(sources, text):
    [kong] = read_found_host("a", {}, {"kongs": [{**KONG, "access": [make_access(8001, *sources)]}]}).kongs
    assert str(kong.access[0]) == text
