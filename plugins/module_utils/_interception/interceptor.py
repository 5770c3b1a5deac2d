# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Loads the intercept rules of a host, now and at boot. Check mode takes the same steps and stops before the change.

A change has no timed rollback, because the rules exclude the host's own addresses and so do not affect SSH to the host. The
loaded rules are compared with their listing after the last change. The host keeps that listing, and the intercept rules as
data.
"""

from __future__ import annotations

import difflib
import json
import typing as t
from contextlib import suppress
from dataclasses import dataclass, field

from ansible_collections.gatehouse.kong.plugins.module_utils._backends.detect import explain_ufw
from ansible_collections.gatehouse.kong.plugins.module_utils._backends.nftables.backend import Nftables
from ansible_collections.gatehouse.kong.plugins.module_utils._host.boot_unit import (
    EARLY,
    BootUnit,
    compare_parts,
    install,
    uninstall,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._host.family import FAMILY
from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import Host, HostError
from ansible_collections.gatehouse.kong.plugins.module_utils._interception.model import (
    TPROXY,
    Interception,
    format_interception,
    interception_from_data,
    interception_to_data,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._interception.nftables import render_interception
from ansible_collections.gatehouse.kong.plugins.module_utils._interception.script import (
    Programs,
    render_load,
    render_removal,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._interception.traces import list_traces
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.boot_losses import find_boot_losses
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.conflict import Conflict
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.iptables_programs import (
    find_program,
    list_families,
    read_variant,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.iptables_walk import (
    Place,
    find_conflicts,
    parse_table,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.names import LATE_RULE
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.nft_listing import Listing
from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.ruleset import (
    ANY,
    Allow,
    Ruleset,
    Service,
    make_ruleset,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._transaction.rollback import Rollback
from ansible_collections.gatehouse.kong.plugins.module_utils._transaction.transaction import ConflictError

DIRECTORY = "/etc/gatehouse_kong_transparent"
SCRIPT_FILE = f"{DIRECTORY}/load.sh"
STATE_FILE = f"{DIRECTORY}/state.json"
UNIT = "gatehouse-kong-transparent.service"

_DROP_IN = f"""\
# Written by gatehouse.kong: loads its rules again after this unit has flushed all rules.
[Service]
ExecStartPost=-/bin/sh {SCRIPT_FILE}
"""
_DROP_INS = (
    ("nftables.service", f"{_DROP_IN}ExecReload=-/bin/sh {SCRIPT_FILE}\n"),
    ("netfilter-persistent.service", _DROP_IN),
)
UNIT_PARTS = BootUnit(
    UNIT,
    description="intercept rules",
    target=EARLY,
    after="local-fs.target systemd-modules-load.service nftables.service ufw.service netfilter-persistent.service"
    " iptables.service ip6tables.service",
    command=f"/bin/sh {SCRIPT_FILE}",
    directory=DIRECTORY,
    file=SCRIPT_FILE,
    drop_ins=_DROP_INS,
)


@dataclass(frozen=True)
class Outcome:
    """The result of a run, in check mode of a planned run: intercept rules before and after as text, and the differences."""

    before: str
    after: str
    drift: tuple[str, ...]
    stale: tuple[str, ...]
    changed: bool
    conflicts: tuple[Conflict, ...] = field(default=())


@dataclass(frozen=True)
class _Found:
    """The intercept rules that the host keeps, and the differences in the kernel."""

    interception: Interception | None
    drift: tuple[str, ...]


def read_kept_interception(host: Host) -> list[dict[str, t.Any]]:
    """Return the intercept rules of the last change, as plain data; none if the host intercepts nothing."""
    return _read_kept(host)["interception"] or []


def _read_kept(host: Host) -> dict[str, t.Any]:
    """Return the data that the last change wrote; empty if it cannot be read, so that all rules are loaded again."""
    try:
        kept = json.loads(host.read(STATE_FILE) or "")
        return {key: kept[key] for key in ("interception", "listing")}
    except (ValueError, KeyError, TypeError):
        return {"interception": None, "listing": []}


class Interceptor:
    """The interception of one host."""

    def __init__(self, host: Host) -> None:
        self._host = host

    def is_untouched(self) -> bool:
        """Tell whether the host has none of our files: they are written before rules are loaded, and removed after them."""
        return not any(self._host.locate(path).exists() for path in (UNIT_PARTS.directory, *UNIT_PARTS.unit_files))

    def converge(self, want: Interception | None, *, check_mode: bool) -> Outcome:
        """Load the rules of `want` (None: remove all of our rules), or in check mode only return the planned changes.

        Raises HostError or ConflictError; the host is left unchanged.
        """
        # Without the lock, another run could compare loaded rules with a listing that is not written yet.
        with Rollback(self._host).hold_lock():
            return self._converge(want, check_mode=check_mode)

    def _converge(self, want: Interception | None, *, check_mode: bool) -> Outcome:
        self._require(want)
        found = self._read_state()
        conflicts = self.find_conflicts(want) if want else ()
        if any(conflict.stops for conflict in conflicts):
            raise ConflictError(conflicts)
        stale = compare_parts(self._host, UNIT_PARTS, None if want is None else self._render_script(want))
        changed = found.interception != want or bool(found.drift) or bool(stale)
        outcome = Outcome(
            format_interception(found.interception), format_interception(want), found.drift, stale, changed, conflicts
        )
        if want is not None and outcome.changed:
            self._host.run("nft", "--check", "--file", "-", stdin=render_interception(want))
        if outcome.changed and not check_mode:
            self._change(found, want)
        return outcome

    def _require(self, want: Interception | None) -> None:
        if self._host.which("ip") is None:
            raise HostError("ip is not installed on this host: install the package iproute2")
        if want is not None and self._host.which("nft") is None:
            raise HostError("nft is not installed on this host: install the package nftables")
        self._host.require_net_admin()
        self._host.require_systemd()
        self._host.require_writable("/etc")

    def _read_state(self) -> _Found:
        kept = _read_kept(self._host)
        listed = list_traces(self._host, self._programs)
        lines = difflib.unified_diff(kept["listing"], listed, lineterm="", n=0)
        drift = tuple(line for line in lines if line[:1] in "+-" and line[:3] not in ("+++", "---"))
        interception = None if kept["interception"] is None else interception_from_data(kept["interception"])
        return _Found(interception, drift)

    def find_conflicts(self, want: Interception) -> tuple[Conflict, ...]:
        """Return the third-party rules that drop intercepted packets, and losses at the next boot."""
        return (*self._find_rule_conflicts(want), *find_boot_losses(self._host, UNIT_PARTS, "the intercept rules"))

    def _find_rule_conflicts(self, want: Interception) -> tuple[Conflict, ...]:
        """Return the third-party rules that drop packets which TPROXY delivers to Kong with their original destination."""
        entries = {
            Service("tcp", port, destination): Allow(rule.listener, Service("tcp", port, destination), ANY)
            for rule in want
            if rule.method == TPROXY and rule.sources != ()
            for destination in _to_bind_addresses(rule.family, rule.destinations)
            for port in rule.ports
        }
        if not entries:
            return ()
        ruleset = make_ruleset(entries.values(), ())
        found = Nftables(self._host, Listing(self._host)).find_conflicts(ruleset)
        found += self._find_legacy_conflicts(ruleset)
        # Rules that accept or divert packets are no conflict: packets are intercepted, and their sources checked, before them.
        return tuple(conflict for conflict in found if conflict.effect == "drop")

    def _find_legacy_conflicts(self, ruleset: Ruleset) -> tuple[Conflict, ...]:
        """Return the conflicts with rules of iptables-legacy, which nft does not list."""
        if not self._host.which("iptables") or read_variant(self._host) != "legacy":
            return ()
        programs = {family: find_program(self._host, family, "legacy") for family in list_families(self._host)}
        saved = {family: self._host.run(f"{path}-save") for family, path in programs.items()}
        return tuple(
            conflict
            for family, text in saved.items()
            for conflict in find_conflicts(text, ruleset, family, _find_places(text))
        )

    def _change(self, found: _Found, want: Interception | None) -> None:
        before = self._host.read(SCRIPT_FILE)
        try:
            if want is not None:
                self._write_script(self._render_script(want))
            self._load(want)
            self._persist(want)
        except HostError:
            # If this fails as well, the next run reports and repairs the differences.
            with suppress(HostError):
                self._load(found.interception)
                if before is None:
                    self._host.remove_tree(DIRECTORY)
                else:
                    self._write_script(before)
            raise

    def _write_script(self, text: str) -> None:
        self._host.make_directory(DIRECTORY, 0o700)
        self._host.write(SCRIPT_FILE, text, 0o600)

    def _load(self, want: Interception | None) -> None:
        self._host.run("sh", stdin=render_removal(self._programs) if want is None else self._render_script(want))

    def _persist(self, want: Interception | None) -> None:
        if want is None:
            uninstall(self._host, UNIT_PARTS)
            return
        kept = {
            "interception": interception_to_data(want),
            "listing": list_traces(self._host, self._programs),
        }
        install(self._host, UNIT_PARTS, self._render_script(want))
        self._host.write(STATE_FILE, json.dumps(kept, indent=2) + "\n", 0o600)

    def _render_script(self, want: Interception) -> str:
        return render_load(want, self._programs, ufw=bool(explain_ufw(self._host)))

    @property
    def _programs(self) -> Programs:
        paths = {name: self._host.which(name) or f"/usr/sbin/{name}" for name in ("ip", "nft", "iptables")}
        return Programs(**{**paths, **({} if self._host.which("ufw") else {"iptables": ""})})


def _find_places(saved: str) -> list[Place]:
    """Return the positions of the firewall's accept rule in the table filter, counted without that rule."""
    found: list[Place] = []
    for chain, lines in parse_table(saved, "filter").items():
        plain = [line.replace('"', "") for line in lines]
        numbers = [number for number, line in enumerate(plain) if line.endswith(f" {LATE_RULE}")]
        found += [(chain, number - before) for before, number in enumerate(numbers)]
    return found


def _to_bind_addresses(family: str, destinations: tuple[str, ...]) -> list[str]:
    """Return single addresses as they are, and the wildcard of the family for networks."""
    single = f"/{FAMILY[family].bits}"
    return [text[: -len(single)] if text.endswith(single) else FAMILY[family].wildcard for text in destinations]
