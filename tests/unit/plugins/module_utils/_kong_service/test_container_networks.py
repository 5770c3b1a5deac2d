# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The interfaces of a host to the networks of containers, and the programs that listen on published ports."""

from __future__ import annotations

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._host.addresses import (
    find_connected_interfaces,
    list_addresses,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import Host
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.container_networks import (
    has_listener,
    list_inner_bridges,
    make_container_finder,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.ruleset import Service
from ansible_collections.gatehouse.kong.tests.unit.plugins.module_utils._kong_service.test_connections import (
    HEAD,
    make_row,
)

SERVICE = Service("tcp", 80, None)
EVERY6 = "0" * 32


def test_only_bridges_whose_ports_are_all_of_containers_are_inner(tmp_path):
    ports = {"docker0": ["veth1a", "veth2b"], "br0": ["eth0", "veth3c"], "br-1": []}
    for bridge, names in ports.items():
        for name in names:
            (tmp_path / bridge / "brif" / name).mkdir(parents=True)
        (tmp_path / bridge / "brif").mkdir(parents=True, exist_ok=True)
    (tmp_path / "eth0").mkdir()
    assert list_inner_bridges(tmp_path) == {"docker0"}


@pytest.mark.parametrize(
    ("own", "service", "expected"),
    [
        ("00000000:0050", SERVICE, True),
        ("0D00000A:0050", SERVICE, True),
        ("0100007F:0050", SERVICE, False),
        ("00000000:0051", SERVICE, False),
        ("00000000:0050", Service("tcp", 80, "10.0.0.13"), True),
        ("0D00000A:0050", Service("tcp", 80, "10.0.0.13"), True),
        ("0E00000A:0050", Service("tcp", 80, "10.0.0.13"), False),
        ("00000000:0050", Service("udp", 80, None), False),
    ],
)
def test_a_program_that_listens(tmp_path, own, service, expected):
    (tmp_path / "net").mkdir()
    (tmp_path / "net/tcp").write_text(HEAD + make_row(own, "00000000:0000", "0A"))
    assert has_listener(service, "ipv4", tmp_path) is expected


def test_a_program_that_listens_at_every_address_of_ipv6(tmp_path):
    (tmp_path / "net").mkdir()
    (tmp_path / "net/tcp6").write_text(HEAD + make_row(f"{EVERY6}:0050", f"{EVERY6}:0000", "0A"))
    (tmp_path / "net/udp6").write_text(HEAD + make_row(f"{EVERY6}:0051", f"{EVERY6}:0000", "07"))
    for family in ("ipv4", "ipv6"):
        assert has_listener(SERVICE, family, tmp_path)
        assert has_listener(Service("udp", 81, None), family, tmp_path)


def test_a_program_that_listens_for_ipv4_only(tmp_path):
    (tmp_path / "net").mkdir()
    (tmp_path / "net/tcp").write_text(HEAD + make_row("00000000:0050", "00000000:0000", "0A"))
    assert not has_listener(SERVICE, "ipv6", tmp_path)


@pytest.fixture
def find(monkeypatch):
    """Return a function that finds the container on a host with addresses of both families."""

    def call(function, *args):
        if function is list_addresses:
            return {"10.0.0.13", "127.0.0.1", "172.18.0.1", "fd00::13", "::1"}
        if function is find_connected_interfaces:
            return dict.fromkeys(args[0], "br-1")
        return {list_inner_bridges: frozenset(["docker0"]), has_listener: True}[function]

    host = Host()
    monkeypatch.setattr(host, "call", call)
    return make_container_finder(host, ["172.18.0.2", "fd00:18::2"])


@pytest.mark.parametrize(
    ("family", "service", "own", "interfaces"),
    [
        ("ipv4", SERVICE, ["10.0.0.13/32", "172.18.0.1/32"], {"172.18.0.2": "br-1"}),
        ("ipv6", SERVICE, ["fd00::13/128"], {"fd00:18::2": "br-1"}),
        ("ipv4", Service("tcp", 80, "10.0.0.13"), ["10.0.0.13/32"], {"172.18.0.2": "br-1"}),
        ("ipv4", Service("tcp", 80, "0.0.0.0"), ["10.0.0.13/32", "172.18.0.1/32"], {"172.18.0.2": "br-1"}),
    ],
)
def test_the_container_behind_a_published_port(find, family, service, own, interfaces):
    found = find(service, family, 8000)
    assert (found.own.format(), found.interfaces, found.port) == (own, interfaces, 8000)
    assert (found.inner, found.has_listener) == ({"docker0", "br-1"}, True)
