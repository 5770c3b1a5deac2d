# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The nftables backend: one table of our own, replaced in one transaction, loaded at boot by a unit of our own."""

from __future__ import annotations

import json
import typing as t

from ansible_collections.gatehouse.kong.plugins.module_utils._backends.nftables.parse import names_in_use, parse_table
from ansible_collections.gatehouse.kong.plugins.module_utils._backends.nftables.place import WHOLE, Place
from ansible_collections.gatehouse.kong.plugins.module_utils._backends.nftables.render import (
    render_change,
    render_table,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._host.boot_unit import (
    BootUnit,
    install,
    stale_parts,
    uninstall,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import Host, HostError
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.names import (
    CHAIN,
    FORWARD,
    PREROUTING,
    PRIORITY,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.ruleset import Ruleset
from ansible_collections.gatehouse.kong.plugins.module_utils._transaction.backend import (
    Live,
    Obstacle,
    Snapshot,
    Translation,
)

# Tables of iptables-legacy that are loaded, one a line.
_LEGACY = ("/proc/net/ip_tables_names", "/proc/net/ip6_tables_names")
_LEGACY_REASON = "the filter table of iptables-legacy is loaded, and nft does not list its rules"
_LEGACY_ADVICE = "Look at them with iptables-legacy-save or ip6tables-legacy-save"

_UNIT_TEXT = """\
# Written by gatehouse.kong.
[Unit]
Description=Rules of gatehouse.kong: who may reach Kong's ports
DefaultDependencies=no
Wants=network-pre.target
Before=network-pre.target shutdown.target
Conflicts=shutdown.target
After=nftables.service

[Service]
Type=oneshot
RemainAfterExit=yes
StandardInput=null
ExecStart={nft} -f {file}
ExecReload={nft} -f {file}

[Install]
WantedBy=sysinit.target
"""

# The file that nftables.service loads begins with `flush ruleset`, ours included. Tried with systemd 252: PartOf= and
# ReloadPropagatedFrom= in our unit bring it back after a restart and a reload, but not after a first start.
_DROP_IN = """\
# Written by gatehouse.kong: brings its own table back after this unit's `flush ruleset`.
[Service]
ExecStartPost=-{nft} -f {file}
ExecReload=-{nft} -f {file}
"""


class Nftables:
    """The backend for hosts whose firewall is nftables, or that have none."""

    def __init__(self, host: Host, place: Place = WHOLE) -> None:
        self.name = "nftables for published ports" if place.forwarded else "nftables"
        self._host = host
        self._place = place
        self._listed: list[dict[str, t.Any]] = []
        self._translations: list[Translation] = []
        self._found = Live(None)
        self._names: dict[str, str] = {}

    def require(self) -> None:
        """Refuse a host without nft, rights, systemd or a writable /etc."""
        if self._host.which("nft") is None:
            raise HostError("nft is not installed on this host: install the package nftables")
        self._host.require_net_admin()
        self._host.require_systemd()
        self._host.require_writable("/etc")

    def read(self) -> Live:
        """The live table, sets with all their elements."""
        mine = {"family": "inet", "name": self._place.table}
        if not any(mine.items() <= one.get("table", {}).items() for one in self._everything()):
            return Live(None)
        listed = self._list("list", "table", "inet", self._place.table)
        self._names = names_in_use(listed)
        self._found = Live(*parse_table(listed, forwarded=self._place.forwarded))
        return self._found

    def stale(self, want: Ruleset | None) -> tuple[str, ...]:
        """What of the boot file, the unit and its links differs."""
        return stale_parts(self._host, self._unit(), None if want is None else self._text(want))

    def obstacles(self, want: Ruleset) -> tuple[Obstacle, ...]:
        """Other chains on the same hooks that refuse what we allow."""
        return (*(self._chains_beside(want) if self._has_company() else ()), *self._legacy())

    def _chains_beside(self, want: Ruleset) -> tuple[Obstacle, ...]:
        from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.nft_obstacles import (  # noqa: PLC0415
            Own,
            find_obstacles,
        )
        from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.nft_xtables import (  # noqa: PLC0415
            needs_options,
            with_options,
        )
        from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.translations import (  # noqa: PLC0415
            saved_translations,
        )

        objects = self._everything()
        for family, program in (("ip", "iptables-nft-save"), ("ip6", "ip6tables-nft-save")):
            if needs_options(objects, family) and self._host.which(program):
                saved = self._host.run(program)
                self._translations += saved_translations(saved, program.partition("-")[0])
                objects = with_options(objects, family, saved)
        hooks = (FORWARD,) if self._place.forwarded else (PREROUTING, CHAIN, FORWARD)
        table = self._place.table
        own = Own(frozenset({("inet", table, CHAIN), ("inet", table, FORWARD)}), marked_after=PRIORITY)
        return find_obstacles(objects, want, own, hooks)

    def translations(self) -> tuple[Translation, ...]:
        """Those of nftables, and of the iptables that is nftables within."""
        if not self._has_company():
            return ()
        from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.translations import (  # noqa: PLC0415
            listed_translations,
        )

        return (*listed_translations(self._everything()), *self._translations)

    def _has_company(self) -> bool:
        """Whether a chain of others is on any hook. On a host that has no other firewall none is."""
        chains = (one["chain"] for one in self._everything() if "chain" in one)
        return any("hook" in chain and chain["table"] != self._place.table for chain in chains)

    def validate(self, want: Ruleset | None, *, check_mode: bool) -> None:
        """In check mode `nft --check` on the whole table. Each transaction of `apply` is checked when it is loaded."""
        if check_mode:
            self._host.run("nft", "--check", "--file", "-", stdin=self._text(want))

    def snapshot(self, live: Live) -> Snapshot:
        """The files of the unit, and the table: as it is listed where it holds more than our own rules."""
        text = self._text(live.ruleset)
        if live.drift:
            text = self._text(None) + self._host.run("nft", "list", "table", "inet", self._place.table)
        unit = self._unit()
        return Snapshot((unit.file, *unit.unit_files, *unit.links), ((("nft", "--file", "-"), text),))

    def apply(self, want: Ruleset | None) -> tuple[str, ...]:
        """One netlink transaction for the rules: the kernel has the old ones or the new ones, at no moment none.

        A table that is new, or that somebody else has changed, is made whole in one transaction. The rules keep no state, so
        they end flows by themselves.
        """
        steps: tuple[str, ...] = (self._text(want),)
        if want is not None and self._found.ruleset is not None and not self._found.drift:
            place = self._place
            steps = render_change(self._found.ruleset, self._names, want, place.table, forwarded=place.forwarded)
        for text in steps:
            self._host.run("nft", "--file", "-", stdin=text)
        return ()

    def persist(self, want: Ruleset | None) -> None:
        """Write the boot file and its unit, or remove both."""
        if want is None:
            uninstall(self._host, self._unit())
        else:
            install(self._host, self._unit(), self._text(want))

    def _legacy(self) -> tuple[Obstacle, ...]:
        """A warning where the old iptables filter is loaded as well: the kernel asks it too, and nft cannot see it."""
        if self._place.forwarded:
            return ()
        found = [path for path in _LEGACY if "filter" in (self._host.read(path) or "").split()]
        return tuple(
            Obstacle(certain=False, where=path, reason=_LEGACY_REASON, ports=("any port",), advice=_LEGACY_ADVICE)
            for path in found
        )

    def _text(self, want: Ruleset | None) -> str:
        return render_table(want, self._place.table, forwarded=self._place.forwarded)

    def _unit(self) -> BootUnit:
        place = self._place
        text, drop_in = (
            template.format(nft=self._host.which("nft"), file=place.file) for template in (_UNIT_TEXT, _DROP_IN)
        )
        return place.boot_unit(text, drop_in)

    def _everything(self) -> list[dict[str, t.Any]]:
        """The host's whole ruleset, listed once; terse, as other people's sets may be huge."""
        self._listed = self._listed or self._list("--terse", "list", "ruleset")
        return self._listed

    def _list(self, *words: str) -> list[dict[str, t.Any]]:
        return t.cast("list[dict[str, t.Any]]", json.loads(self._host.run("nft", "--json", *words))["nftables"])
