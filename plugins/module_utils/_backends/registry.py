# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The firewall managers, and the choice of the backend for a host."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ansible_collections.gatehouse.kong.plugins.module_utils._backends.firewall import Firewall, Leftovers
from ansible_collections.gatehouse.kong.plugins.module_utils._backends.late import Late
from ansible_collections.gatehouse.kong.plugins.module_utils._backends.nftables.place import FILE, LATE_FILE
from ansible_collections.gatehouse.kong.plugins.module_utils._backends.ufw.files import keeps_rule
from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import Host
from ansible_collections.gatehouse.kong.plugins.module_utils._host.paths import (
    SCRIPT_FILE,
    has_iptables_accepts,
    list_own_firewalld_files,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.names import IPTABLES_BASES
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.nft_listing import Listing
from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.ruleset import Ruleset
from ansible_collections.gatehouse.kong.plugins.module_utils._transaction.backend import Backend

AUTO = "auto"
Objects = t.List[t.Dict[str, t.Any]]


@dataclass(frozen=True)
class System:
    """A firewall manager: `late` creates its late part, and `keeps` tells whether files of that part are on the host.

    `late_chains` are the manager's own base chains (family, table, name), whose conflicts the late part reports. `planned`
    returns the objects that nft will list after the late part is loaded.
    """

    name: str
    late: t.Callable[[Host, Listing], Late]
    late_chains: frozenset[tuple[str, str, str]]
    keeps: t.Callable[[Host], bool]
    planned: t.Callable[[Listing, Ruleset], Objects] = lambda listing, _want: listing.objects


@dataclass(frozen=True)
class Choice:
    """The backend for a host, the reason for its firewall manager, and the name of the early part."""

    backend: Backend[Ruleset]
    reason: str
    early: str


# Only the code for the firewall manager of the host is imported. Importing all takes longer than reading the rules.
def _make_firewalld(host: Host, listing: Listing) -> Late:
    from ansible_collections.gatehouse.kong.plugins.module_utils._backends.firewalld.late import (  # noqa: PLC0415
        FirewalldLate,
    )

    return FirewalldLate(host, listing)


def _make_ufw(host: Host, _listing: Listing) -> Late:
    from ansible_collections.gatehouse.kong.plugins.module_utils._backends.ufw.late import UfwLate  # noqa: PLC0415

    return UfwLate(host)


def _make_iptables(host: Host, _listing: Listing) -> Late:
    from ansible_collections.gatehouse.kong.plugins.module_utils._backends.iptables.late import (  # noqa: PLC0415
        IptablesLate,
    )

    return IptablesLate(host)


def _make_nftables(host: Host, listing: Listing) -> Late:
    from ansible_collections.gatehouse.kong.plugins.module_utils._backends.nftables.late import (  # noqa: PLC0415
        NftablesLate,
    )

    return NftablesLate(host, listing)


def _plan_objects(listing: Listing, want: Ruleset) -> Objects:
    from ansible_collections.gatehouse.kong.plugins.module_utils._backends.nftables.late import (  # noqa: PLC0415
        with_late_rules,
    )

    return with_late_rules(listing, want)


def _make_table(host: Host, listing: Listing, system: System) -> Backend[Ruleset]:
    from ansible_collections.gatehouse.kong.plugins.module_utils._backends.nftables.backend import (  # noqa: PLC0415
        Nftables,
    )

    return Nftables(host, listing, system.late_chains, system.planned)


def _make_mangle(host: Host) -> Backend[Ruleset]:
    from ansible_collections.gatehouse.kong.plugins.module_utils._backends.iptables.backend import (  # noqa: PLC0415
        Iptables,
    )

    return Iptables(host)


_INPUT = frozenset({("ip", "filter", "INPUT"), ("ip6", "filter", "INPUT")})
_IPTABLES = frozenset((family, *place) for family in ("ip", "ip6") for place in IPTABLES_BASES)
_FIREWALLD = frozenset({("inet", "firewalld", "filter_INPUT"), *_INPUT})

SYSTEMS = (
    System("firewalld", _make_firewalld, _FIREWALLD, lambda host: bool(list_own_firewalld_files(host))),
    System("ufw", _make_ufw, _IPTABLES, keeps_rule),
    System("iptables", _make_iptables, _IPTABLES, has_iptables_accepts),
    System("nftables", _make_nftables, frozenset(), lambda host: host.locate(LATE_FILE).exists(), _plan_objects),
)
NAMES = tuple(sorted(system.name for system in SYSTEMS))


def choose(host: Host, name: str) -> Choice:
    """Return the backend for the named firewall manager, or with AUTO for the detected firewall manager of the host.

    Raises HostError if two managers are enabled, or if rules of both variants of iptables are loaded.
    """
    manager, reason = _detect_manager(host) if name == AUTO else (name, "set by the option backend")
    system = next(system for system in SYSTEMS if system.name == manager)
    listing = Listing(host)
    # If nft was removed from the host, our table may still be loaded and drop new sources. The early part then requires nft.
    # A reload of firewalld can remove all rules of iptables, so there the early part requires nft as well.
    by_nft = host.which("nft") is not None or host.locate(FILE).exists() or manager == "firewalld"
    early = _make_table(host, listing, system) if by_nft else _make_mangle(host)
    left_early = (_make_mangle(host),) if by_nft and host.locate(SCRIPT_FILE).exists() else ()
    left_late = tuple(other.late(host, listing) for other in SYSTEMS if other is not system and other.keeps(host))
    return Choice(
        Firewall(host, early, system.late(host, listing), Leftovers(left_early, left_late)), reason, early.name
    )


def _detect_manager(host: Host) -> tuple[str, str]:
    from ansible_collections.gatehouse.kong.plugins.module_utils._backends.detect import find_manager  # noqa: PLC0415

    found = find_manager(host)
    return found.name, found.reason
