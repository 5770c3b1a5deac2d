# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The firewalld backend: a policy, services and ipsets of our own, in its permanent configuration and in what it runs.

The policy is for packets from any zone to the host and comes before the zones, so it holds whatever zone an interface
is in. firewalld makes new objects only when it reads all its files again, in which time it refuses new connections; so
it is told to only for a new object or one that goes. Rules and members of sets change one by one.
"""

from __future__ import annotations

import json
import re
import typing as t
from functools import cached_property

from ansible_collections.gatehouse.kong.plugins.module_utils._backends.firewalld import session as _firewalld_session
from ansible_collections.gatehouse.kong.plugins.module_utils._backends.firewalld.files import (
    render_files,
    render_removal,
    stale_files,
    write_files,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._backends.firewalld.objects import (
    NOTHING,
    Objects,
    differences,
    frame,
    make_objects,
    read_ruleset,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import Host, HostError
from ansible_collections.gatehouse.kong.plugins.module_utils._host.paths import (
    FIREWALLD,
    POLICY,
    PREFIXES,
    own_firewalld_files,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.nft_obstacles import Own, find_obstacles
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.nft_xtables import needs_options, with_options
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.translations import (
    listed_translations,
    saved_translations,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.ruleset import Ruleset
from ansible_collections.gatehouse.kong.plugins.module_utils._transaction.backend import (
    Live,
    Obstacle,
    Snapshot,
    Translation,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._transaction.rollback import PENDING

_CHAIN = f"filter_IN_policy_{POLICY}_pre"
_OWN = Own(frozenset({("inet", "firewalld", "filter_INPUT")}), marked_after=None)
_WITH_IPTABLES = re.compile(r"^\s*FirewallBackend\s*=\s*iptables\b", re.MULTILINE)
_EARLIER = "its priority is lower, so it comes before ours, and what it accepts or refuses is final"
_LATER = "Give it a priority above -32000, as by `firewall-cmd --permanent --policy=NAME --set-priority=-100`"
_CHECK = "/run/gatehouse_kong_check"
_PARTS = ("zones", "helpers", "icmptypes", *PREFIXES)


class Firewalld:
    """The backend for hosts whose firewall is firewalld, 0.9 or later."""

    name = "firewalld"

    def __init__(self, host: Host) -> None:
        self._host = host
        self._lost: tuple[str, ...] = ()
        self._shown: dict[str, t.Any] = {}
        self._translations: list[Translation] = []

    def require(self) -> None:
        """Refuse a host without firewalld, rights, systemd, or a writable /etc."""
        if self._host.which("firewall-cmd") is None or self._host.which("firewall-offline-cmd") is None:
            raise HostError("this host has no firewall-cmd, so its firewall is not firewalld. Install firewalld")
        self._host.require_net_admin()
        self._host.require_systemd()
        self._host.require_writable(FIREWALLD)

    def read(self) -> Live:
        """What firewalld runs of ours, and where nft is installed, whether the kernel really has it."""
        self._shown = self._session({})
        objects = self._objects
        self._lost = self._missing_in_kernel() if objects["policies"] else ()
        return Live(read_ruleset(objects), (*differences(objects), *self._lost))

    def stale(self, want: Ruleset | None) -> tuple[str, ...]:
        """What of the permanent configuration differs."""
        return stale_files(self._host, render_files(make_objects(want)))

    def obstacles(self, want: Ruleset) -> tuple[Obstacle, ...]:
        """Panic mode, policies of others before ours, and chains beside firewalld's."""
        ports = tuple(str(entry.service) for entry in want.allow if entry.sources)
        panic = (Obstacle(certain=True, where="firewalld", reason="it is in panic mode, which refuses every packet",
                          ports=ports, advice="Leave it with `firewall-cmd --panic-off`"),)  # fmt: skip
        earlier = tuple(Obstacle(certain=False, where=f"firewalld's policy {name}", reason=_EARLIER, ports=ports,
                                 advice=_LATER, effect="accept") for name in self._shown["earlier"])  # fmt: skip
        return (*(panic if self._shown["panic"] else ()), *earlier, *self._chains_beside(want))

    def translations(self) -> tuple[Translation, ...]:
        """Those of firewalld's own forward ports and of others, where nft is installed."""
        return (*listed_translations(self._listed), *self._translations)

    def validate(self, want: Ruleset | None, *, check_mode: bool) -> None:  # noqa: ARG002 -- a reload checks too little
        """`firewall-offline-cmd --check-config` on our files alone, without those of the host."""
        if want is None:
            return
        try:
            for part in _PARTS:
                self._host.make_directory(f"{_CHECK}/{part}", 0o700)
            for path, text in render_files(make_objects(want), _CHECK).items():
                self._host.write(path, text, 0o600)
            self._host.write(f"{_CHECK}/firewalld.conf", self._host.read(f"{FIREWALLD}/firewalld.conf") or "", 0o600)
            self._host.run("firewall-offline-cmd", f"--system-config={self._host.path(_CHECK)}", "--check-config")
        finally:
            self._host.remove_tree(_CHECK)

    def snapshot(self, live: Live) -> Snapshot:  # noqa: ARG002 -- what firewalld shows says more than the ruleset
        """Our files, a script that removes those that came since, and a session that has firewalld run what it ran."""
        files = own_firewalld_files(self._host)
        request = {"want": self._objects, "reload": True, "kept": self._kept, "lenient": True}
        return Snapshot(files, ((("sh",), render_removal(files)), (self._interpreter, self._script(request))))

    def apply(self, want: Ruleset | None) -> tuple[str, ...]:
        """Have firewalld run it, where that takes a reload, from files written before; end what it no longer allows."""
        objects = make_objects(want)
        reload = bool(self._lost) or frame(objects) != frame(self._objects)
        if reload:
            write_files(self._host, render_files(objects))
        if self._lost:
            # firewalld removes its table first, and gives up where there is none.
            self._host.run("nft", "add", "table", "inet", "firewalld")
        self._session({"want": objects, "reload": reload, "kept": self._kept})
        from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.flows import end_flows  # noqa: PLC0415

        return end_flows(self._host, want)

    def persist(self, want: Ruleset | None) -> None:
        """Write the permanent configuration, or remove it."""
        write_files(self._host, render_files(make_objects(want)))

    @property
    def _objects(self) -> Objects:
        return {**NOTHING, **self._shown.get("objects", {})}

    @property
    def _kept(self) -> str:
        """Where what a reload loses of others waits: with the way back, so that both know of it."""
        return str(self._host.path(f"{PENDING}/others.json"))

    @property
    def _interpreter(self) -> tuple[str, ...]:
        from ansible_collections.gatehouse.kong.plugins.module_utils._host.foreign_python import interpreter_of  # noqa: PLC0415

        return interpreter_of(self._host, "firewall-cmd")

    def _session(self, request: dict[str, t.Any]) -> dict[str, t.Any]:
        """What firewalld says, asked in this process where its Python has the D-Bus library: that is twice as fast."""
        try:
            if _firewalld_session.dbus is not None:
                return self._host.call(_firewalld_session.answer, {"prefixes": PREFIXES, **request})
            said: dict[str, t.Any] = json.loads(self._host.run(*self._interpreter, stdin=self._script(request)))
        except _firewalld_session.SessionError as error:
            raise HostError(f"firewalld: {error}") from error
        except HostError as error:
            raise HostError(f"firewalld: {str(error).partition(': ')[2] or error}") from error
        return said

    @staticmethod
    def _script(request: dict[str, t.Any]) -> str:
        from ansible_collections.gatehouse.kong.plugins.module_utils._host.foreign_python import script_of  # noqa: PLC0415

        return script_of(_firewalld_session, {"prefixes": PREFIXES, **request})

    @cached_property
    def _listed(self) -> list[dict[str, t.Any]]:
        """What nft lists; nothing where it is not installed, which firewalld does not need."""
        if not self._host.which("nft"):
            return []
        listed: list[dict[str, t.Any]] = json.loads(self._host.run("nft", "--json", "--terse", "list", "ruleset"))[
            "nftables"
        ]
        return listed

    def _missing_in_kernel(self) -> tuple[str, ...]:
        """A line where somebody flushed firewalld's rules, of which it takes no notice."""
        if not self._listed or _WITH_IPTABLES.search(self._host.read(f"{FIREWALLD}/firewalld.conf") or ""):
            return ()
        rules = self._objects["policies"][POLICY].get("rich_rules", [])
        found = sum(item.get("rule", {}).get("chain") == _CHAIN for item in self._listed)
        return () if found >= len(rules) else (f"nftables chain {_CHAIN}: it has {found} of {len(rules)} rules",)

    def _chains_beside(self, want: Ruleset) -> tuple[Obstacle, ...]:
        listed = self._listed
        for family, program in (("ip", "iptables"), ("ip6", "ip6tables")):
            if needs_options(listed, family) and self._host.which(program):
                saved = self._host.run(f"{program}-save")
                self._translations += saved_translations(saved, program)
                listed = with_options(listed, family, saved)
        return find_obstacles(listed, want, _OWN)
