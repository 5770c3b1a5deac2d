# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Makes a host intercept what it is told to, now and after a boot: the same look for a real run and for check mode.

A change needs no way back by itself as one of the firewall does: addresses of the host, and so SSH to it, are left out
by the rules themselves. What is in the kernel is compared with how it was listed right after the last change, which the
host keeps with the catches that made it.
"""

from __future__ import annotations

import difflib
import json
import typing as t
from contextlib import suppress
from dataclasses import dataclass, field

from ansible_collections.gatehouse.kong.plugins.module_utils._backends.detect import ufw
from ansible_collections.gatehouse.kong.plugins.module_utils._backends.registry import SYSTEMS, choose
from ansible_collections.gatehouse.kong.plugins.module_utils._host.boot_unit import (
    BootUnit,
    install,
    stale_parts,
    uninstall,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import Host, HostError
from ansible_collections.gatehouse.kong.plugins.module_utils._interception.iptables import render_tables
from ansible_collections.gatehouse.kong.plugins.module_utils._interception.model import (
    TPROXY,
    Interception,
    catches_from_data,
    catches_to_data,
    of_family,
    text_of,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._interception.nftables import render_interception
from ansible_collections.gatehouse.kong.plugins.module_utils._interception.script import (
    IPTABLES,
    NFTABLES,
    Programs,
    render_load,
    render_removal,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._interception.traces import listing_of
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.iptables_programs import (
    families_of,
    program,
    require_programs,
    variant_of,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.ruleset import ANY, Allow, Service, make_ruleset
from ansible_collections.gatehouse.kong.plugins.module_utils._transaction.backend import Obstacle
from ansible_collections.gatehouse.kong.plugins.module_utils._transaction.rollback import Rollback
from ansible_collections.gatehouse.kong.plugins.module_utils._transaction.transaction import ObstacleError

AUTO = "auto"
DIRECTORY = "/etc/gatehouse_kong_transparent"
SCRIPT_FILE = f"{DIRECTORY}/load.sh"
STATE_FILE = f"{DIRECTORY}/state.json"
UNIT = "gatehouse-kong-transparent.service"

_UNIT_TEXT = f"""\
# Written by gatehouse.kong.
[Unit]
Description=Packets that gatehouse.kong leads to Kong
DefaultDependencies=no
Wants=network-pre.target
Before=network-pre.target shutdown.target
Conflicts=shutdown.target
After=local-fs.target systemd-modules-load.service nftables.service
After=netfilter-persistent.service iptables.service ip6tables.service

[Service]
Type=oneshot
RemainAfterExit=yes
StandardInput=null
TimeoutStartSec=120
ExecStart=/bin/sh {SCRIPT_FILE}
ExecReload=/bin/sh {SCRIPT_FILE}

[Install]
WantedBy=sysinit.target
"""
_DROP_IN = f"""\
# Written by gatehouse.kong: brings its rules back after this unit's flush.
[Service]
ExecStartPost=-/bin/sh {SCRIPT_FILE}
"""
_DROP_INS = (
    ("nftables.service", f"{_DROP_IN}ExecReload=-/bin/sh {SCRIPT_FILE}\n"),
    ("netfilter-persistent.service", _DROP_IN),
)
UNIT_PARTS = BootUnit(UNIT, _UNIT_TEXT, ("sysinit.target",), _DROP_INS, DIRECTORY, SCRIPT_FILE)


@dataclass(frozen=True)
class Outcome:
    """What a run did, or in check mode would do: catches before and after as text, and what did not belong."""

    backend: str
    before: str
    after: str
    drift: tuple[str, ...]
    stale: tuple[str, ...]
    changed: bool
    obstacles: tuple[Obstacle, ...] = field(default=())


@dataclass(frozen=True)
class _Found:
    """The catches that the host keeps, the backend that loaded them, and how the kernel differs from that."""

    catches: Interception | None
    backend: str | None
    drift: tuple[str, ...]


def backend_of(host: Host, name: str) -> str:
    """The backend of this name, or with AUTO the one that goes with the host's firewall.

    ufw's own rules are rules of iptables, and only an accept before them in the same table lets a caught packet in.
    """
    if name != AUTO:
        return name
    systems = {system.name: system for system in SYSTEMS}
    by_iptables = ufw(host) or systems["iptables"].keeps(host)
    return IPTABLES if by_iptables else NFTABLES


class Interceptor:
    """One host and the backend that its interception is written to."""

    def __init__(self, host: Host, backend: str) -> None:
        self._host = host
        self.backend = backend

    def is_untouched(self) -> bool:
        """Whether there is nothing of ours on the host: files come before what they load, and go after it."""
        return not any(self._host.path(path).exists() for path in (UNIT_PARTS.directory, *UNIT_PARTS.unit_files))

    def converge(self, want: Interception | None, *, check_mode: bool) -> Outcome:
        """Bring the host to `want` (None: no trace of ours), or with check_mode only tell what that would change.

        Raises HostError, the host being as before, and ObstacleError.
        """
        # Another run would compare what is loaded with what this one has not written yet.
        with Rollback(self._host).alone():
            return self._converge(want, check_mode=check_mode)

    def _converge(self, want: Interception | None, *, check_mode: bool) -> Outcome:
        self._require(want)
        found = self._look(everything=want is None)
        obstacles = self._obstacles(want or ())
        if any(obstacle.stops for obstacle in obstacles):
            raise ObstacleError(obstacles)
        stale = stale_parts(self._host, UNIT_PARTS, None if want is None else self._script(self.backend, want))
        loads = found.catches != want or bool(found.drift) or found.backend not in (None, self.backend)
        outcome = Outcome(
            self.backend, text_of(found.catches), text_of(want), found.drift, stale, loads or bool(stale), obstacles
        )
        if want is not None and outcome.changed:
            self._validate(want)
        if outcome.changed and not check_mode:
            self._change(found, want)
        return outcome

    def _require(self, want: Interception | None) -> None:
        if self._host.which("ip") is None:
            raise HostError("ip is not installed on this host: install the package iproute2")
        if want is not None and self.backend == NFTABLES and self._host.which("nft") is None:
            raise HostError("nft is not installed on this host: install the package nftables")
        if want is not None and self.backend == IPTABLES:
            require_programs(self._host, variant_of(self._host))
        self._host.require_net_admin()
        self._host.require_systemd()
        self._host.require_writable("/etc")

    def _look(self, *, everything: bool) -> _Found:
        kept = self._kept()
        backends = {NFTABLES, IPTABLES} if everything else {self.backend, kept["backend"]}
        listed = listing_of(self._host, self._programs, backends)
        lines = difflib.unified_diff(kept["listing"], listed, lineterm="", n=0)
        drift = tuple(line for line in lines if line[:1] in "+-" and line[:3] not in ("+++", "---"))
        catches = None if kept["catches"] is None else catches_from_data(kept["catches"])
        return _Found(catches, kept["backend"], drift)

    def _kept(self) -> dict[str, t.Any]:
        """What the last change left; nothing where that cannot be read, so that all is loaded anew."""
        try:
            kept = json.loads(self._host.read(STATE_FILE) or "")
            return {key: kept[key] for key in ("catches", "backend", "listing")}
        except (ValueError, KeyError, TypeError):
            return {"catches": None, "backend": None, "listing": []}

    def _obstacles(self, want: Interception) -> tuple[Obstacle, ...]:
        """Chains of the host's own that refuse what TPROXY hands to Kong, addressed to somebody else as it is."""
        entries = {
            Service("tcp", port, destination): Allow(one.listener, Service("tcp", port, destination), ANY)
            for one in want
            if one.method == TPROXY and one.sources != ()
            for destination in _addresses(one.family, one.destinations)
            for port in one.ports
        }
        if not entries:
            return ()
        firewall = choose(self._host, self.backend).backend
        found = firewall.obstacles(make_ruleset(entries.values(), ()))
        # What is caught is caught before anybody else diverts it, and whom others accept is judged where it is caught.
        return tuple(obstacle for obstacle in found if obstacle.effect == "drop")

    def _validate(self, want: Interception) -> None:
        """Have the host's own tools check what would be loaded."""
        if self.backend == NFTABLES:
            self._host.run("nft", "--check", "--file", "-", stdin=render_interception(want))
            return
        for family in families_of(self._host):
            restore = f"{program(self._host, family, variant_of(self._host))}-restore"
            for table, lines in render_tables(of_family(want, family)).items():
                own = [line for line in lines if not line.startswith("-I ")]
                text = "".join(f"{line}\n" for line in (f"*{table}", *own, "COMMIT"))
                self._host.run(restore, "--wait", "10", "--noflush", "--test", stdin=text)

    def _change(self, found: _Found, want: Interception | None) -> None:
        before = self._host.read(SCRIPT_FILE)
        try:
            if want is not None:
                self._write_script(self._script(self.backend, want))
            self._load(self.backend, want)
            if found.backend not in (None, self.backend):
                self._host.run("sh", stdin=render_removal((str(found.backend),), self._programs, routes=False))
            self._persist(want)
        except HostError:
            # What hinders the way back as well is told by the next run, and repaired by it.
            with suppress(HostError):
                self._load(found.backend or self.backend, found.catches)
                if before is None:
                    self._host.remove_tree(DIRECTORY)
                else:
                    self._write_script(before)
            raise

    def _write_script(self, text: str) -> None:
        self._host.make_directory(DIRECTORY, 0o700)
        self._host.write(SCRIPT_FILE, text, 0o600)

    def _load(self, backend: str, want: Interception | None) -> None:
        if want is None:
            programs = {NFTABLES: "nft", IPTABLES: "iptables"}
            backends = tuple(name for name, program in programs.items() if self._host.which(program))
            self._host.run("sh", stdin=render_removal(backends, self._programs, routes=True))
        else:
            self._host.run("sh", stdin=self._script(backend, want))

    def _persist(self, want: Interception | None) -> None:
        if want is None:
            uninstall(self._host, UNIT_PARTS)
            return
        kept = {
            "backend": self.backend,
            "catches": catches_to_data(want),
            "listing": listing_of(self._host, self._programs, {self.backend}),
        }
        install(self._host, UNIT_PARTS, self._script(self.backend, want))
        self._host.write(STATE_FILE, json.dumps(kept, indent=2) + "\n", 0o600)

    def _script(self, backend: str, want: Interception) -> str:
        return render_load(backend, want, self._programs)

    @property
    def _programs(self) -> Programs:
        found = [self._host.which(name) or f"/usr/sbin/{name}" for name in ("ip", "nft")]
        variant = variant_of(self._host) if self._host.which("iptables") else "nft"
        return Programs(*found, *(program(self._host, family, variant) for family in ("ipv4", "ipv6")))


def _addresses(family: str, destinations: tuple[str, ...]) -> list[str]:
    """Single addresses as they are, and what stands for a family where there are networks."""
    single = "/32" if family == "ipv4" else "/128"
    wildcard = "0.0.0.0" if family == "ipv4" else "::"
    return [text[: -len(single)] if text.endswith(single) else wildcard for text in destinations]
