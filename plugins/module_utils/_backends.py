# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The firewall systems there are, and which of them rules a host."""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass

from ansible_collections.gatehouse.kong.plugins.module_utils._backend import Backend
from ansible_collections.gatehouse.kong.plugins.module_utils._host import Host, HostError
from ansible_collections.gatehouse.kong.plugins.module_utils._nftables_place import WHOLE
from ansible_collections.gatehouse.kong.plugins.module_utils._places import (
    SCRIPT_FILE,
    UFW_RECORD,
    own_firewalld_files,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._published import WithPublished

AUTO = "auto"

# systemd keeps such a link for each unit that runs, for its journal; reading it takes no process.
_FIREWALLD_RUNS = "/run/systemd/units/invocation:firewalld.service"
_UFW_CONF = "/etc/ufw/ufw.conf"
_UFW_ENABLED = re.compile(r"""^\s*ENABLED=(["']?)yes\1\s*$""", re.IGNORECASE | re.MULTILINE)

# Tables of iptables-legacy that are loaded, one a line, and the programs that tell what is in them and beside them.
_FAMILIES = (("/proc/net/ip_tables_names", "iptables"), ("/proc/net/ip6_tables_names", "ip6tables"))
_RULE = re.compile(r"^-A |^:\S+ (?!ACCEPT|-)", re.MULTILINE)


@dataclass(frozen=True)
class System:
    """A firewall system: `rules` tells why it rules a host, or None; `make` is its backend.

    A `manager` owns the host's whole policy, so that whatever it does not open stays shut, whoever else accepts it.
    `keeps` tells whether files of that backend are on the host.
    """

    name: str
    manager: bool
    rules: t.Callable[[Host], str | None]
    make: t.Callable[[Host], Backend]
    keeps: t.Callable[[Host], bool]


@dataclass(frozen=True)
class Choice:
    """The system that a host's rules are written to, and why."""

    backend: Backend
    reason: str


def _firewalld(host: Host) -> str | None:
    return "firewalld is active" if host.path(_FIREWALLD_RUNS).is_symlink() else None


def _ufw(host: Host) -> str | None:
    enabled = host.which("ufw") and _UFW_ENABLED.search(host.read(_UFW_CONF) or "")
    return f"ufw is enabled in {_UFW_CONF}" if enabled else None


def _only_by_name(_host: Host) -> None:
    """Whoever writes iptables rules by hand tells so: rules of that kind are on most hosts, put there by programs."""


def _nothing_else(_host: Host) -> str:
    return "no other firewall rules this host"


# A host has one firewall, and reading the code of the others takes longer than to look at its rules; so a backend is
# loaded when it is made.
def _make_firewalld(host: Host) -> Backend:
    from ansible_collections.gatehouse.kong.plugins.module_utils._firewalld import Firewalld  # noqa: PLC0415

    return Firewalld(host)


def _make_ufw(host: Host) -> Backend:
    from ansible_collections.gatehouse.kong.plugins.module_utils._ufw import Ufw  # noqa: PLC0415

    return Ufw(host)


def _make_iptables(host: Host) -> Backend:
    from ansible_collections.gatehouse.kong.plugins.module_utils._iptables import Iptables  # noqa: PLC0415

    return Iptables(host)


def _make_nftables(host: Host) -> Backend:
    from ansible_collections.gatehouse.kong.plugins.module_utils._nftables import Nftables  # noqa: PLC0415

    return Nftables(host)


def _with_published(make: t.Callable[[Host], Backend]) -> t.Callable[[Host], Backend]:
    """A backend that holds published ports in a table beside it."""
    return lambda host: WithPublished(host, make(host))


# In the order in which they are asked; the last one takes every host.
SYSTEMS = (
    System(
        "firewalld", True, _firewalld, _with_published(_make_firewalld), lambda host: bool(own_firewalld_files(host))
    ),
    System("ufw", True, _ufw, _with_published(_make_ufw), lambda host: host.path(UFW_RECORD).exists()),
    System(
        "iptables", False, _only_by_name, _with_published(_make_iptables), lambda host: host.path(SCRIPT_FILE).exists()
    ),
    System("nftables", False, _nothing_else, _make_nftables, lambda host: host.path(WHOLE.file).exists()),
)
NAMES = tuple(sorted(system.name for system in SYSTEMS))


def choose(host: Host, name: str, systems: tuple[System, ...] = SYSTEMS) -> Choice:
    """The backend of this name, or with AUTO that of the system which rules the host.

    HostError where more than one does, and where old and new iptables are mixed.
    """
    if name != AUTO:
        return _choice(host, next(system for system in systems if system.name == name), "it was asked for")
    found = [(system, reason) for system in systems for reason in [system.rules(host)] if reason]
    managers = [reason for system, reason in found if system.manager]
    if len(managers) > 1:
        raise HostError(
            f"{' and '.join(managers)}: two programs manage this host's firewall, and each undoes the other's work. "
            "Turn one of them off (`systemctl disable --now firewalld`, or `ufw disable`)"
        )
    _refuse_mixture(host)
    return _choice(host, *found[0])


def _choice(host: Host, system: System, reason: str) -> Choice:
    before = tuple(other.make(host) for other in SYSTEMS if other.name != system.name and other.keeps(host))
    if not before:
        return Choice(system.make(host), reason)
    from ansible_collections.gatehouse.kong.plugins.module_utils._succession import Succession  # noqa: PLC0415

    return Choice(Succession(system.make(host), before), reason)


def _refuse_mixture(host: Host) -> None:
    """HostError where rules of iptables-legacy and of iptables-nft are loaded at once: the kernel asks both."""
    for names, program in _FAMILIES:
        # Without a table of the old kind, which is how nearly all hosts are, this starts no process.
        if host.read(names) and all(_has_rules(host, f"{program}-{kind}-save") for kind in ("legacy", "nft")):
            raise HostError(
                f"rules of {program}-legacy and of {program}-nft are loaded at once, and a packet must pass both. "
                f"Compare `{program}-legacy-save` with `{program}-nft-save` and remove the rules of one, or name the "
                "backend, which then goes beside them"
            )


def _has_rules(host: Host, program: str) -> bool:
    # A chain with another policy than ACCEPT counts as a rule; chains without a policy are listed with "-".
    return host.which(program) is not None and bool(_RULE.search(host.run(program)))
