# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The translations of a gateway as one own table of nftables, which a transaction replaces as a whole.

The loaded table is compared with its listing after the last change, because nft before 1.1 does not list the ports of
`ct original` as it reads them. The host keeps that listing, the translations and the interfaces of the outside addresses.
"""

from __future__ import annotations

import difflib
import json
import shlex
import sys
import typing as t
from dataclasses import dataclass, field, replace

from ansible_collections.gatehouse.kong.plugins.module_utils._backends.nftables.backend import Nftables
from ansible_collections.gatehouse.kong.plugins.module_utils._backends.nftables.saved import (
    find_files_with_our_rules,
    without_ours,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._gateway import flows
from ansible_collections.gatehouse.kong.plugins.module_utils._gateway.changing import list_present_addresses
from ansible_collections.gatehouse.kong.plugins.module_utils._gateway.conflicts import find_nat_conflicts, refuse_host
from ansible_collections.gatehouse.kong.plugins.module_utils._gateway.flows import (
    Targets,
    end_stale_flows,
    make_request,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._gateway.model import Nat, nat_from_data, nat_to_data
from ansible_collections.gatehouse.kong.plugins.module_utils._gateway.nftables import TABLE, Interfaces, render_nat
from ansible_collections.gatehouse.kong.plugins.module_utils._gateway.reverse_paths import find_strict_filters
from ansible_collections.gatehouse.kong.plugins.module_utils._host.addresses import (
    find_connected_interfaces,
    find_interfaces,
    list_interfaces,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._host.boot_unit import (
    EARLY,
    BootUnit,
    compare_parts,
    install,
    uninstall,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._host.foreign_python import make_script
from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import Host, HostError
from ansible_collections.gatehouse.kong.plugins.module_utils._host.third_party_files import clean_file
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.boot_losses import find_boot_losses
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.conflict import Conflict, Translation
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.nft_listing import Listing
from ansible_collections.gatehouse.kong.plugins.module_utils._transaction.backend import Live, Snapshot
from ansible_collections.gatehouse.kong.plugins.module_utils._transaction.rollback import Area, Form

AREA = Area(
    "/var/lib/gatehouse_kong_nat",
    "gatehouse-kong-nat-rollback",
    Form(nat_to_data, lambda data: nat_from_data(**data)),
)
DIRECTORY = "/etc/gatehouse_kong_nat"
FILE = f"{DIRECTORY}/nat.nft"
STATE_FILE = f"{DIRECTORY}/state.json"
UNIT = "gatehouse-kong-nat.service"
# The rollback is complete even if a flow cannot be ended.
_END_FLOWS = ("sh", "-c", f"{shlex.quote(sys.executable or 'python3')} - || true")

_DROP_IN = """\
# Written by gatehouse.kong: loads its translations again after this unit has flushed all rules.
[Service]
ExecStartPost=-{command}
ExecReload=-{command}
"""


def make_boot_unit(host: Host) -> BootUnit:
    """Return the unit that loads our table at boot, with its drop-in for nftables.service."""
    command = f"{host.which('nft') or '/usr/sbin/nft'} -f {FILE}"
    return BootUnit(
        UNIT,
        description="translations of a gateway",
        target=EARLY,
        after="nftables.service",
        command=command,
        directory=DIRECTORY,
        file=FILE,
        drop_ins=(("nftables.service", _DROP_IN.format(command=command)),),
    )


@dataclass(frozen=True)
class _Kept:
    """The data of the last change: None and empty if the host has no translations of ours."""

    nat: Nat | None = None
    interfaces: Interfaces = field(default_factory=dict)
    listing: tuple[str, ...] = ()


class NatTable:
    """The table of one host."""

    name = f"the table inet {TABLE} of nftables"

    def __init__(self, host: Host) -> None:
        self._host = host
        self._listing = Listing(host)
        self._unit = make_boot_unit(host)

    def is_untouched(self) -> bool:
        """Tell whether the host has none of our files: they are written before rules are loaded, and removed after them."""
        paths = (DIRECTORY, AREA.state, *self._unit.unit_files)
        return not any(self._host.locate(path).exists() for path in paths)

    def require(self) -> None:
        """Check that nft, systemd, a writable /etc and the privilege to change rules are available. Raises HostError."""
        Nftables(self._host, self._listing).require()

    def read(self) -> Live[Nat]:
        """Return the translations of the last change, and a line for each difference of the loaded table."""
        kept = self._kept
        lines = difflib.unified_diff(kept.listing, self._list_table(), lineterm="", n=0)
        drift = [line for line in lines if line[:1] in "+-" and line[:3] not in ("+++", "---")]
        if kept.nat is not None:
            drift += _compare_interfaces(kept.interfaces, self._find_interfaces(kept.nat))
        return Live(kept.nat, tuple(drift))

    def read_usable(self) -> Nat | None:
        """Return the translations of the last change whose outside address the host still has."""
        nat = self._kept.nat
        if nat is None:
            return None
        found = self._find_interfaces(nat)
        return replace(
            nat,
            forwards=tuple(forward for forward in nat.forwards if forward.is_routed or forward.outside in found),
            egress=tuple(entry for entry in nat.egress if entry.outside in found),
        )

    def compare_persisted(self, want: Nat | None) -> tuple[str, ...]:
        """Return the differences in the boot file, the unit and its links, and saved copies of our rules."""
        copies = tuple(f"{file}: has rules of gatehouse.kong" for file in find_files_with_our_rules(self._host))
        return (*compare_parts(self._host, self._unit, None if want is None else self._render(want)), *copies)

    def find_conflicts(self, want: Nat) -> tuple[Conflict, ...]:
        """Return third-party rules and settings that translate or drop packets of our forwards, and losses at the next boot.

        Raises HostError if the host cannot be a gateway, or does not have an outside address.
        """
        refuse_host(self._host, want)
        filters = find_strict_filters(self._host, want, self._locate_addresses(want))
        losses = find_boot_losses(self._host, self._unit, "the translations of this gateway", AREA.name)
        return (*find_nat_conflicts(self._host, self._listing, want), *filters, *losses)

    def find_translations(self) -> tuple[Translation, ...]:
        """Return nothing: find_conflicts compares the translations of the host itself."""
        return ()

    def validate(self, want: Nat | None, *, check_mode: bool) -> None:
        """Run `nft --check` on the table in check mode; otherwise loading checks the transaction."""
        if check_mode:
            self._host.run("nft", "--check", "--file", "-", stdin=self._render(want))

    def snapshot(self, live: Live[Nat], want: Nat | None) -> Snapshot:
        """Return the files of the unit, the data of the last change, its table, and a script that ends flows of `want`."""
        table = render_nat(live.ruleset, self._kept.interfaces)
        request = make_request(self._list_targets(want), self._list_targets(live.ruleset))
        load = ((("nft", "--file", "-"), table), (_END_FLOWS, make_script(flows, request)))
        return Snapshot((*self._unit.paths, STATE_FILE), load)

    def apply(self, want: Nat | None) -> tuple[str, ...]:
        """Load the table in one transaction, and end the tracked flows that changed forwards still send elsewhere."""
        before = self._kept.nat
        self._host.run("nft", "--file", "-", stdin=self._render(want))
        if want is None:
            self._host.remove((STATE_FILE,))
        else:
            self._keep(want)
        try:
            self._host.call(end_stale_flows, self._list_targets(before), self._list_targets(want))
        except OSError as error:
            return (f"tracked flows of changed forwards were not ended ({error.strerror}); they end by themselves",)
        return ()

    def persist(self, want: Nat | None) -> None:
        """Write the boot file and its unit, or remove both, and remove copies of our rules from the host's files."""
        for file in find_files_with_our_rules(self._host):
            clean_file(self._host, file, without_ours)
        if want is None:
            uninstall(self._host, self._unit)
        else:
            install(self._host, self._unit, self._render(want))

    def _render(self, want: Nat | None) -> str:
        return render_nat(want, {} if want is None else self._locate_addresses(want))

    def _find_interfaces(self, nat: Nat) -> Interfaces:
        """Return the interface of each outside address. For a shared address it is the interface of the address's network.

        An address that may change has its interface in `nat`.
        """
        shared, named = {*nat.shared}, dict(nat.interfaces)
        own = [address for address in nat.outside_addresses if address not in shared and address not in named]
        connected = self._host.call(find_connected_interfaces, nat.shared) if shared else {}
        present = self._host.call(list_interfaces) if named else set()
        stated = {address: name for address, name in named.items() if name in present}
        return {**self._host.call(find_interfaces, own), **connected, **stated}

    def _locate_addresses(self, want: Nat) -> Interfaces:
        """Return the interface of each outside address. Raises HostError if the host cannot hold an address."""
        found = self._find_interfaces(want)
        missing = [address for address in want.outside_addresses if address not in found]
        named = dict(want.interfaces)
        if missing and missing[0] in named:
            raise HostError(
                f"this host has no network interface {named[missing[0]]}, so no packet to {missing[0]} arrives there. Add the "
                "interface, or correct outside_interface or device of the mapping"
            )
        if missing and missing[0] in want.shared:
            raise HostError(
                f"no network of this host contains {missing[0]}, which it shares with another gateway. Give an interface of this "
                "host an address of that network, or correct outside or device of the mapping"
            )
        if missing:
            raise HostError(
                f"this host does not have the outside address {missing[0]}, so no packet to it arrives. Add the address to an "
                "interface of this host, or correct outside or device of the mapping"
            )
        return found

    def _list_targets(self, nat: Nat | None) -> Targets:
        return {} if nat is None else _list_targets(nat, list_present_addresses(self._host, nat))

    def _list_table(self) -> list[str]:
        """Return our table as nft lists it, without counters and handles; nothing if it is not loaded."""
        table = {"family": "inet", "name": TABLE}
        if not any(table.items() <= item.get("table", {}).items() for item in self._listing.objects):
            return []
        return self._host.run("nft", "--stateless", "list", "table", "inet", TABLE).splitlines()

    @property
    def _kept(self) -> _Kept:
        """The data that the last change wrote. Data that cannot be read counts as none, so that all rules are loaded again."""
        try:
            data = json.loads(self._host.read(STATE_FILE) or "")
            return _Kept(nat_from_data(**data["nat"]), dict(data["interfaces"]), tuple(data["listing"]))
        except (ValueError, KeyError, TypeError, AttributeError):
            return _Kept()

    def _keep(self, nat: Nat) -> None:
        self._listing = Listing(self._host)
        data = {
            "nat": nat_to_data(nat),
            "interfaces": dict(self._locate_addresses(nat)),
            "listing": self._list_table(),
        }
        self._host.make_directory(DIRECTORY, 0o700)
        self._host.write(STATE_FILE, json.dumps(data, indent=2) + "\n", 0o600)


def _compare_interfaces(kept: Interfaces, found: Interfaces) -> list[str]:
    """Return a line for each outside address that is not on the interface that our rules name."""
    return [
        f"{address}: our rules name the interface {name}, and the address is on {found.get(address, 'no interface')}"
        for address, name in kept.items()
        if found.get(address) != name
    ]


def _list_targets(nat: Nat, present: t.Mapping[str, t.Set[str]]) -> Targets:
    """Return the address and port inside of each translated forward, by its protocol, address and port outside.

    A forward of an interface has an entry for each present address of the interface.
    """
    return {
        (forward.service.protocol, address, forward.service.port): forward.target
        for forward in nat.forwards
        if not forward.is_routed
        for address in (forward.outside, *present.get(forward.outside, ()))
    }
