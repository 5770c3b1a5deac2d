# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The port at which Ansible connects to a host over SSH. No listener of Kong can use it at the same address.

Sources: the connection plugin ansible.builtin.ssh for the variables and the order of the options of `ssh`; ssh(1) and
ssh_config(5): of several values of a parameter, the first counts.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator
from functools import lru_cache
from getopt import GetoptError, getopt

from ansible_collections.gatehouse.kong.plugins.plugin_utils._address import (
    AddressError,
    canonicalise_address,
    contains,
    is_private,
    parse_port,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.facts import get_facts, list_fact_addresses
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.model import Host
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.variables import HostVariables
from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.model import Listener

SSH_PORT = 22
# The key of a host's variables that has the options of the connection in the configuration of Ansible.
CONFIGURED = "configured ssh options"
CONFIGURED_OPTIONS = ("port", "ssh_args", "ssh_common_args", "ssh_extra_args")
_OVER_SSH = ("ssh", "smart", "paramiko", "paramiko_ssh")
_PROGRAM = ("ssh", "smart")  # the others do not run `ssh`
# The options of `ssh` as getopt(3) describes them (main in ssh.c). They may be joined: `-Cp 2222`.
_OPTIONS = "1246ab:c:e:fgi:kl:m:no:p:qstvxAB:CD:E:F:GI:J:KL:MNO:P:Q:R:S:TVw:W:XYy"
_PORT = re.compile(r"""\s*port(?:\s*=\s*|\s+)"?(\d+)"?\s*""", re.IGNORECASE)


def read_ssh_port(variables: HostVariables) -> int:
    """Return the port at which Ansible connects to the host: from its variables, else from Ansible's configuration.

    The configuration files of `ssh` itself are not read: `ssh -G` would run the commands of their `Match exec` for each node.
    """
    options = dict(variables.read_value(CONFIGURED, {}))
    port = parse_port(
        variables.read_value("ansible_port") or variables.read_value("ansible_ssh_port") or options.get("port")
    )
    before, *after = (
        _find_port(str(variables.read_value(f"ansible_{name}", options.get(name)) or ""))
        if _runs_ssh(variables)
        else None
        for name in CONFIGURED_OPTIONS[1:]
    )
    return next((found for found in (before, port, *after) if found), SSH_PORT)


@lru_cache(maxsize=1024)  # most hosts have the same arguments
def _find_port(arguments: str) -> int | None:
    """Return the port in arguments of `ssh`, None if they have none or if `ssh` would reject them."""
    try:
        options, _words = getopt(shlex.split(arguments), _OPTIONS)
    except (ValueError, GetoptError):
        return None
    # `-p PORT` is `-o Port=PORT`.
    settings = (f"port={value}" if option == "-p" else value for option, value in options if option in ("-p", "-o"))
    found = next(filter(None, map(_PORT.fullmatch, settings)), None)
    return parse_port(found[1]) if found else None


def _runs_ssh(variables: HostVariables) -> bool:
    return _read_plugin(variables) in _PROGRAM


def _read_plugin(variables: HostVariables) -> str:
    """Return the name of the connection plugin without its collection."""
    return str(variables.read_value("ansible_connection", "ssh")).rpartition(".")[2]


def find_ssh_conflicts(
    variables: HostVariables, host: Host, own: frozenset[str], listeners: Iterable[Listener]
) -> Iterator[tuple[Listener, int]]:
    """Yield each listener that needs the port of the SSH server, and that port. ``own`` are the addresses of the host.

    Nothing is yielded if Ansible connects otherwise, or through a NAT device, which may change the port.
    """
    port = read_ssh_port(variables)
    for listener in listeners:
        everywhere = listener.is_wildcard or listener.bound is None
        uses_port = listener.port == port and "tcp" in listener.protocols and (everywhere or listener.address in own)
        if uses_port and _has_direct_connection(variables, host, own):
            yield listener, port


def _has_direct_connection(variables: HostVariables, host: Host, own: frozenset[str]) -> bool:
    """Tell whether Ansible connects to the host over SSH, without a NAT device."""
    if _read_plugin(variables) not in _OVER_SSH:
        return False
    target = _choose_target(variables)
    if not _is_address(target):
        return ":" not in target and not host.nat
    return target in own or _is_likely_own(variables, host, target)


def _is_likely_own(variables: HostVariables, host: Host, target: str) -> bool:
    """Tell whether an address that the inventory does not list is the host's own, such as that of a management network.

    The facts list all addresses of the host. Without facts, a private address is the host's own unless it is that of a NAT device.
    """
    devices = (*host.egress, *(mapping.outside for mapping in host.nat))
    has_facts = bool(list_fact_addresses(get_facts(variables)))
    return not has_facts and is_private(target) and not any(contains(device, target) for device in devices)


def _choose_target(variables: HostVariables) -> str:
    """Return the address or name to which Ansible connects."""
    given = variables.read_value("ansible_host") or variables.read_value("ansible_ssh_host") or variables.host
    return canonicalise_address(str(given)) if _is_address(str(given)) else str(given)


def _is_address(text: str) -> bool:
    try:
        canonicalise_address(text)
    except AddressError:
        return False
    return True
