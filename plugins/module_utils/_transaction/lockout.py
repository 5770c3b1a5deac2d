# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Prevents a ruleset that would block the connection of the controller to this host."""

from __future__ import annotations

import ipaddress
import os
import typing as t
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.gatehouse.kong.plugins.module_utils._host.networks import parse_range
from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.ruleset import ANY, Allow, Ruleset
from ansible_collections.gatehouse.kong.plugins.module_utils._transaction.transaction import LockoutError

_VARIABLE = b"SSH_CONNECTION="


@dataclass(frozen=True)
class Connection:
    """The TCP connection that Ansible uses, with the addresses that this host sees; both are text of one family."""

    client: str
    server: str
    port: int

    @property
    def family(self) -> str:
        """The address family, "ipv4" or "ipv6"."""
        return "ipv6" if ":" in self.server else "ipv4"

    @property
    def local(self) -> bool:
        """Whether the client is this host itself, which our rules never block."""
        return self.client == self.server or ipaddress.ip_address(self.client).is_loopback


def find_connection(pid: int | None = None, proc: Path = Path("/proc")) -> Connection | None:
    """Return the SSH connection that started this process, or the process with this id; None if there is none.

    sshd sets SSH_CONNECTION (ssh(1)). sudo and su remove the variable, but the processes above them still have it.
    """
    process = os.getpid() if pid is None else pid
    while process > 0:
        with suppress(OSError):
            variables = (proc / str(process) / "environ").read_bytes().split(b"\0")
            found = next((variable for variable in variables if variable.startswith(_VARIABLE)), None)
            if found:
                return _parse_connection(found[len(_VARIABLE) :].decode())
        process = _read_parent(proc / str(process) / "stat")
    return None


def prevent_lockout(want: Ruleset, connection: Connection) -> None:
    """Raise LockoutError unless the ruleset allows this connection."""
    entry = _find_entry(want, connection)
    if entry is None or entry.sources == ANY or connection.local:
        return
    member = parse_range(connection.family, connection.client)
    allowed = [address_set for address_set in want.sets if address_set.name in entry.set_names]
    if not any(address_set.select_family(connection.family).covers(member) for address_set in allowed):
        raise LockoutError(
            f"Ansible connects to this host from {connection.client} to port {connection.port} of "
            f"{connection.server}, and the ruleset would block this connection: the listener {entry.listener!r} is on "
            f"{entry.service} and allows {', '.join(entry.set_names) or 'no source'}. Add {connection.client} to the "
            "listener's sources, or move the listener to another port. Nothing was changed"
        )


def _find_entry(want: Ruleset, connection: Connection) -> Allow | None:
    """Return the entry that decides about the connection: the most specific address comes first, as in the rules."""
    breadths = {connection.server: 0, "0.0.0.0": 1, "::": 1, None: 2}
    entries = [
        entry
        for entry in want.allow
        if (entry.service.protocol, entry.service.port) == ("tcp", connection.port)
        and connection.family in entry.service.families
        and entry.service.address in breadths
    ]
    return min(entries, key=lambda entry: breadths[entry.service.address], default=None)


def _parse_connection(text: str) -> Connection | None:
    client, _client_port, server, port = (text.split() + [""] * 4)[:4]
    with suppress(ValueError):
        return Connection(_parse_address(client), _parse_address(server), int(port))
    return None


def _parse_address(text: str) -> str:
    address: t.Any = ipaddress.ip_address(text.partition("%")[0])
    return str(getattr(address, "ipv4_mapped", None) or address)


def _read_parent(stat: Path) -> int:
    with suppress(OSError):
        # proc(5): the program's name is in brackets and may contain any character.
        return int(stat.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[1])
    return 0
