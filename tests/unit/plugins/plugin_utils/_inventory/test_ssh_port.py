# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Listeners on the port of the SSH server through which Ansible connects."""

from __future__ import annotations

import pytest

from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.ssh_port import CONFIGURED
from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils.fleets import find_only_error, plan_fleet

N = {"kong_version": "3.9", "kong_address": "10.0.0.1"}
NAT = [{"outside": "203.0.113.1", "inside_port": 2222}]
TAKEN = {
    "every address": {"kong_proxy_listen": "0.0.0.0:22"},
    "every address of both families": {"kong_proxy_listen": "[::]:22 ipv6only=off"},
    "the address of the host": {"kong_proxy_listen": "10.0.0.1:22"},
    "an address in the facts": {
        "kong_proxy_listen": "10.9.0.1:22",
        "ansible_facts": {"all_ipv4_addresses": ["10.0.0.1", "10.9.0.1"]},
    },
    "a host name": {"kong_proxy_listen": "kong.example:22"},
    "a stream": {"kong_stream_listen": "0.0.0.0:22"},
    "another port": {"ansible_port": 2222, "kong_proxy_listen": "0.0.0.0:2222"},
    "another port as text": {"ansible_port": "2222", "kong_proxy_listen": "0.0.0.0:2222"},
    "the old name of the port": {"ansible_ssh_port": 2222, "kong_proxy_listen": "0.0.0.0:2222"},
    "connection to the address": {"ansible_host": "10.0.0.1", "kong_proxy_listen": "0.0.0.0:22"},
    "connection to the address behind NAT": {
        "ansible_host": "10.0.0.1",
        "ansible_port": 2222,
        "kong_proxy_listen": "0.0.0.0:2222",
        "kong_nat": NAT,
    },
    "a management network": {"ansible_host": "172.16.0.5", "kong_proxy_listen": "0.0.0.0:22"},
    "a management network of a host behind NAT": {
        "ansible_host": "172.16.0.5",
        "ansible_port": 2222,
        "kong_proxy_listen": "10.0.0.1:2222",
        "kong_nat": NAT,
        "kong_nat_egress": "203.0.113.1",
    },
    "a management network in the facts": {
        "ansible_host": "198.51.100.5",
        "kong_proxy_listen": "0.0.0.0:22",
        "ansible_facts": {"all_ipv4_addresses": ["10.0.0.1", "198.51.100.5"]},
    },
    "a published port": {"kong_published_ports": ["22:8000"]},
}
TAKEN |= {
    f"arguments: {name} {arguments}": {f"ansible_{name}": arguments, "kong_proxy_listen": "0.0.0.0:2222"}
    for name in ("ssh_args", "ssh_common_args", "ssh_extra_args")
    for arguments in (
        "-o Port=2222",
        "-oport=2222",
        "-C -o 'Port 2222'",
        "-p 2222",
        "-p2222 -p 22",
        "-o User=x -p 2222",
        "-Cp 2222",
        "-4Cp2222",
        "-Co Port=2222",
        "-o 'Port=\"2222\"'",
        "-Ci ~/.ssh/key -vvvp 2222",
    )
}
TAKEN |= {
    "the first argument counts": {
        "ansible_ssh_args": "-p 2222",
        "ansible_port": 22,
        "kong_proxy_listen": "0.0.0.0:2222",
    },
    "the port precedes the last arguments": {
        "ansible_port": 2222,
        "ansible_ssh_common_args": "-p 22",
        "kong_proxy_listen": "0.0.0.0:2222",
    },
    "the port of another host": {
        "ansible_ssh_common_args": "-o ProxyCommand='ssh -p 2222 -W %h:%p jump' -J jump:2222",
        "kong_proxy_listen": "0.0.0.0:22",
    },
    "the value of another joined option": {
        "ansible_ssh_extra_args": "-Ci -p2222 -lp2222",
        "kong_proxy_listen": "0.0.0.0:22",
    },
    "the value of another option": {"ansible_ssh_extra_args": "-i -p2222", "kong_proxy_listen": "0.0.0.0:22"},
    "arguments that cannot be split": {"ansible_ssh_extra_args": "'-p 2222", "kong_proxy_listen": "0.0.0.0:22"},
    "arguments of another plugin": {
        "ansible_connection": "paramiko",
        "ansible_ssh_extra_args": "-p 2222",
        "kong_proxy_listen": "0.0.0.0:22",
    },
    "the port in Ansible's configuration": {CONFIGURED: {"port": 2222}, "kong_proxy_listen": "0.0.0.0:2222"},
    "arguments in Ansible's configuration": {
        CONFIGURED: {"ssh_args": "-C", "ssh_extra_args": "-p 2222"},
        "kong_proxy_listen": "0.0.0.0:2222",
    },
    "a variable precedes the configuration": {
        CONFIGURED: {"port": 2222},
        "ansible_port": 22,
        "kong_proxy_listen": "0.0.0.0:22",
    },
}
FREE = {
    "the default port if the configuration has another": {
        CONFIGURED: {"port": 2222},
        "kong_proxy_listen": "0.0.0.0:22",
    },
    "the default port if the arguments have another": {
        "ansible_ssh_extra_args": "-o Port=2222",
        "kong_proxy_listen": "0.0.0.0:22",
    },
    "loopback": {"kong_proxy_listen": "127.0.0.1:22"},
    "udp": {"kong_stream_listen": "0.0.0.0:22 udp"},
    "an address that the host may get": {"kong_proxy_listen": "10.9.0.1:22"},
    "the default port if SSH uses another port": {"ansible_port": 2222, "kong_proxy_listen": "0.0.0.0:22"},
    "no connection over SSH": {"ansible_connection": "local", "kong_proxy_listen": "0.0.0.0:22"},
    "a port of the NAT device": {
        "ansible_host": "203.0.113.1",
        "ansible_port": 2222,
        "kong_proxy_listen": "0.0.0.0:2222",
        "kong_nat": NAT,
    },
    "a private address of the NAT device": {
        "ansible_host": "192.168.10.5",
        "ansible_port": 2222,
        "kong_proxy_listen": "0.0.0.0:2222, 0.0.0.0:8000",
        "kong_nat": [{"outside": "192.168.10.5", "inside_port": 8000}],
    },
    "a private address of the egress": {
        "ansible_host": "192.168.10.5",
        "ansible_port": 2222,
        "kong_proxy_listen": "0.0.0.0:2222",
        "kong_nat_egress": "192.168.10.5",
    },
    "a private address that the facts do not have": {
        "ansible_host": "172.16.0.5",
        "ansible_port": 2222,
        "kong_proxy_listen": "0.0.0.0:2222",
        "ansible_facts": {"all_ipv4_addresses": ["10.0.0.1"]},
    },
    "a public address that may be that of a NAT device": {
        "ansible_host": "203.0.113.1",
        "ansible_port": 2222,
        "kong_proxy_listen": "0.0.0.0:2222",
    },
    "a tunnel": {"ansible_host": "127.0.0.1", "ansible_port": 2222, "kong_proxy_listen": "0.0.0.0:2222"},
    "a name that may be that of the NAT device": {
        "ansible_port": 2222,
        "kong_proxy_listen": "0.0.0.0:2222",
        "kong_nat": NAT,
    },
    "a port of the container": {"kong_proxy_listen": "0.0.0.0:22", "kong_published_ports": ["8000:22"]},
}


@pytest.mark.parametrize("case", TAKEN)
def test_port_is_taken(case):
    error = find_only_error({"n": {**N, **TAKEN[case]}})
    assert error.code == "ssh-port-taken"
    assert error.variable in TAKEN[case]
    for part in ("SSH server of this host", "Use another port"):
        assert part in error.message


@pytest.mark.parametrize("case", FREE)
def test_port_is_free(case):
    assert plan_fleet({"n": {**N, **FREE[case]}})


def test_the_name_of_a_host_is_the_target_without_another():
    """A public address as name may be that of a NAT device, but the host's own address is not."""
    moved = {**N, "ansible_port": 2222, "kong_proxy_listen": "0.0.0.0:2222"}
    assert plan_fleet({"203.0.113.7": moved})
    assert find_only_error({"10.0.0.1": moved}).code == "ssh-port-taken"
