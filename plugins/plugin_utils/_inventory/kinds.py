# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The kinds of all variables, and the reader of a value of any kind.

A reader takes a value as Ansible computes it, which is not null. It returns the value in a single form, or raises KindError
with the reason and the fix. It checks the type only; the content is checked where the variable is used.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.kind import Kind
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.kind_lists import (
    read_addresses,
    read_batches,
    read_items,
    read_mapping,
    read_mappings,
    read_some_items,
    read_sources,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.kind_literals import check_literal
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.kind_scalars import (
    read_anything,
    read_boolean,
    read_choice,
    read_command,
    read_host_path,
    read_number,
    read_switch,
    read_text,
    read_whole_number,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.generations import ROLES


def read_kind(kind: Kind, value: Any) -> Any:
    """Return a value in the form of its kind, or None if it is null. Raises KindError."""
    if value is None:
        return None
    if not kind.is_query and isinstance(value, str):
        check_literal(kind, value.strip())
    return kind.read(kind, value)


def _list_choices(choices: Sequence[str]) -> str:
    return f"{', '.join(choices[:-1])} or {choices[-1]}"


def _make_choices(*choices: str) -> Kind:
    return Kind(_list_choices(choices), choices[0], read_choice, choices=choices)


NAME = Kind("text", "east", read_text)
ROLE = Kind(_list_choices(ROLES), "data_plane", read_text)
TARGET = Kind("conf or env", "env", read_text)
PATH = Kind("a path", "/srv/kong/plan.json", read_text)
HOST_PATH = Kind("the absolute path of a file", "/etc/kong/kong.conf", read_host_path)
ENDPOINT = Kind("ADDRESS:PORT as text", "192.0.2.10:8005", read_text)
ADDRESS_QUERY = Kind("a JMESPath query as text", "ansible_facts.eth1.ipv4.address", read_text, is_query=True)
NAT_QUERY = Kind("a JMESPath query as text", "[{outside: cmdb.public_ip}]", read_text, is_query=True)
BOOLEAN = Kind("true or false", True, read_boolean)
SWITCH = Kind("true or false", True, read_switch)
ADDRESSES = Kind("one IPv4 and/or one IPv6 address", ["192.0.2.10", "2001:db8::10"], read_addresses)
VIRTUAL_ADDRESSES = Kind("a list of addresses", ["192.0.2.100", "2001:db8::100"], read_items)
NETWORKS = Kind("a list of addresses and networks", ["10.0.0.0/8", "192.0.2.10"], read_some_items)
NAMES = Kind("a list of hosts and groups", ["bastion", "@operators"], read_items)
SOURCES = Kind("a list of sources", ["10.0.0.50", "@operators"], read_sources)
PUBLICATIONS = Kind("a list of published ports", ["80:8000", "443:8443"], read_items)
MAPPINGS = Kind("a list of mappings", [{"outside": "203.0.113.7"}], read_mappings)
INTERCEPTIONS = Kind(
    "a list of mappings", [{"destinations": ["10.0.0.1"], "ports": [80], "listen_port": 8000}], read_mappings
)
SETTINGS = Kind("a mapping of Kong settings to values", {"log_level": "info"}, read_mapping, is_secret=True)
WHOLE_NUMBER = Kind("a whole number, 0 or more", 30, read_whole_number)
COUNT = Kind("a whole number, 1 or more", 20000, read_whole_number, least=1)
# The limits of kong_probe.
TRIES = Kind("a whole number from 1 to 10", 2, read_whole_number, least=1, most=10)
TIMEOUT = Kind("a number of seconds from 0.01 to 60", 2, read_number, least=0.01, most=60)
# The controller needs this time for a new connection, see the option rollback_timeout of kong_firewall.
ROLLBACK_SECONDS = Kind("a whole number of seconds, 5 or more", 30, read_whole_number, least=5)
# The limits of kong_firewall.
DAYS = Kind("a whole number of days from 1 to 365", 14, read_whole_number, least=1, most=365)
BACKEND = _make_choices("auto", "firewalld", "iptables", "nftables", "ufw")
FIREWALL_STATE = _make_choices("present", "staged", "merged", "absent", "rolled_back")
GATEWAY_STATE = _make_choices("present", "absent", "rolled_back")
PRESENCE = _make_choices("present", "absent")
COMMAND = Kind("a command as text", "docker restart kong", read_command, is_query=True)
# The keyword serial of a play takes a number, a percentage, or a list of both.
BATCHES = Kind("a number, a percentage or a list of them", [1, "10%"], read_batches)
# Kong's own grammar has its own errors: versions, listen values, switches and ports.
VERSION = Kind("a version", "3.9", read_anything)
LISTEN = Kind("a listen value", ["0.0.0.0:8000", "0.0.0.0:8443 ssl"], read_anything)
