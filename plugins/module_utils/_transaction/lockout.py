# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Refuses a ruleset that would refuse the controller itself, as this host sees it."""

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
    """The TCP connection that Ansible uses, as this host sees it; addresses as text, of one family."""

    client: str
    server: str
    port: int

    @property
    def family(self) -> str:
        """The address family, "ipv4" or "ipv6"."""
        return "ipv6" if ":" in self.server else "ipv4"

    @property
    def local(self) -> bool:
        """Whether it comes from this host itself, which rules never refuse."""
        return self.client == self.server or ipaddress.ip_address(self.client).is_loopback


def find_connection(pid: int | None = None, proc: Path = Path("/proc")) -> Connection | None:
    """The SSH connection that this process, or the one with this id, runs for; None if it runs for none.

    sshd tells it in SSH_CONNECTION (ssh(1)). sudo and su drop that, but the processes above them still have it.
    """
    at = os.getpid() if pid is None else pid
    while at > 0:
        with suppress(OSError):
            words = (proc / str(at) / "environ").read_bytes().split(b"\0")
            found = next((word for word in words if word.startswith(_VARIABLE)), None)
            if found:
                return _connection(found[len(_VARIABLE) :].decode())
        at = _parent(proc / str(at) / "stat")
    return None


def refuse_lockout(want: Ruleset, connection: Connection) -> None:
    """LockoutError if the ruleset shuts the port of this connection to its client."""
    entry = _entry_of(want, connection)
    if entry is None or entry.sources == ANY or connection.local:
        return
    member = parse_range(connection.family, connection.client)
    allowed = [one for one in want.sets if one.name in entry.set_names]
    if not any(one.of(connection.family).covers(member) for one in allowed):
        raise LockoutError(
            f"Ansible is connected to this host from {connection.client} to port {connection.port} at "
            f"{connection.server}, and the ruleset would refuse that: the listener {entry.listener!r} is on "
            f"{entry.service} and allows {', '.join(entry.set_names) or 'nobody'}. Add {connection.client} to the "
            "listener's sources, or keep the listener off the port that Ansible uses. Nothing was changed"
        )


def _entry_of(want: Ruleset, connection: Connection) -> Allow | None:
    """The entry that decides about the connection: the one for the fewest addresses, as in the rules' order."""
    breadths = {connection.server: 0, "0.0.0.0": 1, "::": 1, None: 2}
    entries = [
        entry
        for entry in want.allow
        if (entry.service.protocol, entry.service.port) == ("tcp", connection.port)
        and connection.family in entry.service.families
        and entry.service.address in breadths
    ]
    return min(entries, key=lambda entry: breadths[entry.service.address], default=None)


def _connection(text: str) -> Connection | None:
    client, _client_port, server, port = (text.split() + [""] * 4)[:4]
    with suppress(ValueError):
        return Connection(_address(client), _address(server), int(port))
    return None


def _address(text: str) -> str:
    address: t.Any = ipaddress.ip_address(text.partition("%")[0])
    return str(getattr(address, "ipv4_mapped", None) or address)


def _parent(stat: Path) -> int:
    with suppress(OSError):
        # proc(5): the program's name is in brackets and may hold anything.
        return int(stat.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[1])
    return 0
