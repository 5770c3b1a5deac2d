# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The firewall systems there are, and the backend of the one that rules a host."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ansible_collections.gatehouse.kong.plugins.module_utils._backends.nftables.place import BESIDE, WHOLE, Place
from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import Host
from ansible_collections.gatehouse.kong.plugins.module_utils._host.paths import (
    SCRIPT_FILE,
    UFW_RECORD,
    own_firewalld_files,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._transaction.backend import Backend

AUTO = "auto"


@dataclass(frozen=True)
class System:
    """A firewall system: `make` is its backend, and `keeps` tells whether files of that backend are on the host."""

    name: str
    make: t.Callable[[Host], Backend]
    keeps: t.Callable[[Host], bool]


@dataclass(frozen=True)
class Choice:
    """The system that a host's rules are written to, and why."""

    backend: Backend
    reason: str


# A host has one firewall, and reading the code of the others takes longer than to look at its rules; so a backend is
# loaded when it is made.
def _make_firewalld(host: Host) -> Backend:
    from ansible_collections.gatehouse.kong.plugins.module_utils._backends.firewalld.backend import Firewalld  # noqa: PLC0415

    return Firewalld(host)


def _make_ufw(host: Host) -> Backend:
    from ansible_collections.gatehouse.kong.plugins.module_utils._backends.ufw.backend import Ufw  # noqa: PLC0415

    return Ufw(host)


def _make_iptables(host: Host) -> Backend:
    from ansible_collections.gatehouse.kong.plugins.module_utils._backends.iptables.backend import Iptables  # noqa: PLC0415

    return Iptables(host)


def _make_nftables(host: Host, place: Place = WHOLE) -> Backend:
    from ansible_collections.gatehouse.kong.plugins.module_utils._backends.nftables.backend import Nftables  # noqa: PLC0415

    return Nftables(host, place)


def _with_published(make: t.Callable[[Host], Backend]) -> t.Callable[[Host], Backend]:
    """A backend that holds published ports in a table beside it."""

    def both(host: Host) -> Backend:
        from ansible_collections.gatehouse.kong.plugins.module_utils._backends.published import WithPublished  # noqa: PLC0415

        return WithPublished(host, make(host))

    return both


SYSTEMS = (
    System("firewalld", _with_published(_make_firewalld), lambda host: bool(own_firewalld_files(host))),
    System("ufw", _with_published(_make_ufw), lambda host: host.path(UFW_RECORD).exists()),
    System("iptables", _with_published(_make_iptables), lambda host: host.path(SCRIPT_FILE).exists()),
    System("nftables", _make_nftables, lambda host: host.path(WHOLE.file).exists()),
)
NAMES = tuple(sorted(system.name for system in SYSTEMS))


def choose(host: Host, name: str) -> Choice:
    """The backend of this name, or with AUTO that of the system which rules the host.

    HostError where more than one does, and where old and new iptables are mixed.
    """
    ruler, reason = _ruler(host) if name == AUTO else (name, "it was asked for")
    return _choice(host, next(system for system in SYSTEMS if system.name == ruler), reason)


def _ruler(host: Host) -> tuple[str, str]:
    from ansible_collections.gatehouse.kong.plugins.module_utils._backends.detect import ruler_of  # noqa: PLC0415

    found = ruler_of(host)
    return found.name, found.reason


def _choice(host: Host, system: System, reason: str) -> Choice:
    before = tuple(other.make(host) for other in SYSTEMS if other.name != system.name and other.keeps(host))
    if system.name == "nftables" and host.path(BESIDE.file).exists():
        # It holds also where what it was loaded beside is off, and cannot be asked any more.
        before = (*before, _make_nftables(host, BESIDE))
    if not before:
        return Choice(system.make(host), reason)
    from ansible_collections.gatehouse.kong.plugins.module_utils._backends.handover import Succession  # noqa: PLC0415

    return Choice(Succession(system.make(host), before), reason)
