# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The early part in nftables: a separate table, replaced in one transaction and loaded at boot by a separate unit.

It drops packets of unauthorised sources to managed ports and marks authorised packets. It is used on every host with nft,
whatever the host's firewall manager is: a reload of firewalld, ufw or netfilter-persistent does not change it.
"""

from __future__ import annotations

import typing as t

from ansible_collections.gatehouse.kong.plugins.module_utils._backends.nftables.boot import make_boot_unit
from ansible_collections.gatehouse.kong.plugins.module_utils._backends.nftables.parse import (
    find_names_in_use,
    parse_table,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._backends.nftables.render import (
    render_change,
    render_table,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._backends.nftables.saved import (
    find_files_with_our_rules,
    without_ours,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._host.boot_unit import compare_parts, install, uninstall
from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import Host, HostError
from ansible_collections.gatehouse.kong.plugins.module_utils._host.third_party_files import clean_file
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.conflict import Conflict, Translation
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.names import (
    CHAIN,
    EGRESS,
    FORWARD,
    INGRESS,
    PREROUTING,
    PRIORITY,
    TABLE,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.nft_listing import Listing
from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.ruleset import Ruleset
from ansible_collections.gatehouse.kong.plugins.module_utils._transaction.backend import Live, Snapshot

Objects = t.List[t.Dict[str, t.Any]]
Planned = t.Callable[[Listing, Ruleset], Objects]
Key = t.Tuple[str, str, str]

_OURS = frozenset({("inet", TABLE, CHAIN), ("inet", TABLE, FORWARD)})
_NAT_HOOKS = (PREROUTING, "output")


def _as_it_is(listing: Listing, _want: Ruleset) -> Objects:
    return listing.objects


class Nftables:
    """The early part.

    `late_chains` are base chains (family, table, name) whose conflicts the late part reports. `planned` returns the objects
    that nft will list after the late part for a ruleset is loaded.
    """

    name = "the table inet gatehouse_kong of nftables"

    def __init__(
        self,
        host: Host,
        listing: Listing | None = None,
        late_chains: frozenset[Key] = frozenset(),
        planned: Planned = _as_it_is,
    ) -> None:
        self._host = host
        self._listing = listing or Listing(host)
        self._late_chains = late_chains
        self._planned = planned
        self._translations: list[Translation] = []
        self._found: Live[Ruleset] = Live(None)
        self._names: dict[str, str] = {}

    def require(self) -> None:
        """Check that nft, systemd, a writable /etc and the privilege to change rules are available. Raises HostError."""
        if self._host.which("nft") is None:
            raise HostError("nft is not installed on this host: install the package nftables")
        self._host.require_net_admin()
        self._host.require_systemd()
        self._host.require_writable("/etc")

    def read(self) -> Live[Ruleset]:
        """Return the loaded ruleset, with all elements of its sets, and a line for each unexpected object."""
        table = {"family": "inet", "name": TABLE}
        if not any(table.items() <= item.get("table", {}).items() for item in self._listing.objects):
            self._found = Live(None)
            return self._found
        listed = self._listing.query("list", "table", "inet", TABLE)
        self._names = find_names_in_use(listed)
        self._found = parse_table(listed)
        return self._found

    def compare_persisted(self, want: Ruleset | None) -> tuple[str, ...]:
        """Return the differences in the boot file, the unit and its links, and saved copies of our rules."""
        copies = tuple(f"{file}: has rules of gatehouse.kong" for file in find_files_with_our_rules(self._host))
        text = None if want is None else render_table(want)
        return (*compare_parts(self._host, make_boot_unit(self._host), text), *copies)

    def find_conflicts(self, want: Ruleset) -> tuple[Conflict, ...]:
        """Return third-party chains that drop packets of authorised sources, or divert them."""
        published = any(entry.published for entry in want.allow)
        hooks = (INGRESS, PREROUTING, CHAIN, EGRESS, *((FORWARD,) if published else ()))
        if not self._has_third_party_chains(hooks):
            return ()
        from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.nft_conflicts import (  # noqa: PLC0415
            Own,
            find_conflicts,
        )
        from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.nft_xtables import (  # noqa: PLC0415
            read_saved,
            with_options,
        )
        from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.translations import (  # noqa: PLC0415
            parse_saved_translations,
        )

        objects = self._planned(self._listing, want)
        for family, saved in read_saved(self._host, objects).items():
            self._translations += parse_saved_translations(saved, f"{family}tables")
            objects = with_options(objects, family, saved)
        return find_conflicts(objects, want, Own(_OURS | self._late_chains, PRIORITY, self._listing.of_files))

    def find_translations(self) -> tuple[Translation, ...]:
        """Return the destination translations of nftables, and of the iptables variant that uses nftables."""
        if not self._has_third_party_chains(_NAT_HOOKS):
            return ()
        from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.translations import (  # noqa: PLC0415
            parse_listed_translations,
        )

        return (*parse_listed_translations(self._listing.objects), *self._translations)

    def validate(self, want: Ruleset | None, *, check_mode: bool) -> None:
        """Run `nft --check` on the whole table in check mode; otherwise loading checks each transaction."""
        if check_mode:
            self._host.run("nft", "--check", "--file", "-", stdin=render_table(want))

    def snapshot(self, live: Live[Ruleset], want: Ruleset | None) -> Snapshot:  # noqa: ARG002 -- the same for each change
        """Return the files of the unit, and the table: as nft lists it if it contains counts, or more than our rules."""
        text = render_table(live.ruleset)
        if live.drift or live.counts:
            text = render_table(None) + self._host.run("nft", "list", "table", "inet", TABLE)
        unit = make_boot_unit(self._host)
        return Snapshot(unit.paths, ((("nft", "--file", "-"), text),))

    def apply(self, want: Ruleset | None) -> tuple[str, ...]:
        """Load the rules in one transaction, so that the old or the new rules are always loaded.

        A new table, or a table that a third party changed, is replaced as a whole.
        """
        steps: tuple[str, ...] = (render_table(want),)
        if want is not None and self._found.ruleset is not None and not self._found.drift:
            steps = render_change(self._found.ruleset, self._names, want)
        for text in steps:
            self._host.run("nft", "--file", "-", stdin=text)
        return ()

    def persist(self, want: Ruleset | None) -> None:
        """Write the boot file and its unit, or remove both, and remove copies of our rules from the host's files."""
        for file in find_files_with_our_rules(self._host):
            clean_file(self._host, file, without_ours)
        if want is None:
            uninstall(self._host, make_boot_unit(self._host))
        else:
            install(self._host, make_boot_unit(self._host), render_table(want))

    def _has_third_party_chains(self, hooks: tuple[str, ...]) -> bool:
        """Tell whether one of the hooks has a third-party base chain, except chains that the late part checks."""
        known = _OURS | self._late_chains
        chains = [item["chain"] for item in self._listing.objects if "chain" in item]
        return any(chain.get("hook") in hooks and (chain["family"], chain["table"], chain["name"]) not in known
                   for chain in chains)  # fmt: skip
