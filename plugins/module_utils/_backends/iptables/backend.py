# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The early part on hosts without nft: our own chains in the table mangle, with sources in ipsets, and a boot unit.

The jump to our chain is the first rule of mangle INPUT. The chain drops packets of unauthorised sources to managed ports
and marks authorised packets, which then pass the host's own rules. The loaded text names only our chains and sets, and
iptables-restore --noflush does not change other chains.
"""

from __future__ import annotations

import re
import time
import typing as t
from contextlib import suppress
from functools import cached_property

from ansible_collections.gatehouse.kong.plugins.module_utils._backends.iptables.boot import (
    UNIT_PARTS,
    Programs,
    parse_script,
    render_removal,
    render_script,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._backends.iptables.late_saved import list_restored_files
from ansible_collections.gatehouse.kong.plugins.module_utils._backends.iptables.rules import (
    JUMP,
    are_same_rules,
    make_rules,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._backends.iptables.state import (
    Chain,
    State,
    interpret_state,
    parse_chain,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._host.boot_unit import compare_parts, install, uninstall
from ansible_collections.gatehouse.kong.plugins.module_utils._host.family import FAMILIES
from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import Host, HostError
from ansible_collections.gatehouse.kong.plugins.module_utils._host.paths import SCRIPT_FILE
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.conflict import Conflict, Translation
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.ipset import parse_sets
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.iptables_conflicts import (
    without_ipv6,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.iptables_programs import (
    find_program,
    list_families,
    read_variant,
    refuse_mixture,
    require_programs,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.ruleset import Ruleset
from ansible_collections.gatehouse.kong.plugins.module_utils._transaction.backend import Live, Snapshot

if t.TYPE_CHECKING:
    from ansible_collections.gatehouse.kong.plugins.module_utils._backends.iptables.steps import Step

# Another program can hold the lock of iptables-legacy (/run/xtables.lock) for a moment. The nft variant has no lock.
_WAIT = ("--wait", "10")
# The message of ipset for IPSET_ERR_BUSY (ipset:lib/errcode.c, 7.17).
_BUSY = re.compile(r"Error in line (\d+): .*is in use by a kernel component")
# Pauses in seconds while a set is in use, about three seconds in total.
_PAUSES = (0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 0)


class Iptables:
    """The early part in iptables, in its nft or its legacy variant."""

    name = "the table mangle of iptables"

    def __init__(self, host: Host) -> None:
        self._host = host
        self._saved: dict[str, str] = {}
        self._found: State | None = None

    def require(self) -> None:
        """Check programs, privileges, systemd and a writable /etc, and that only one variant has rules. Raises HostError."""
        if self._host.which("ipset") is None:
            raise HostError("ipset is not installed on this host: install the package ipset")
        require_programs(self._host, self._variant)
        self._host.require_net_admin()
        self._host.require_systemd()
        self._host.require_writable("/etc")
        refuse_mixture(self._host, self._variant)

    def read(self) -> Live[Ruleset]:
        """Return the loaded chains and sets. If the kernel has no IPv6, the IPv6 rules are read from the boot file."""
        return interpret_state(self._read_state())

    def compare_persisted(self, want: Ruleset | None) -> tuple[str, ...]:
        """Return the differences in the boot script, the unit and its links."""
        return compare_parts(self._host, UNIT_PARTS, None if want is None else self._render_script(want))

    def find_conflicts(self, want: Ruleset) -> tuple[Conflict, ...]:
        """Return a warning if the kernel has no IPv6. Raises HostError for published ports, which need nft."""
        published = sorted(str(entry.service) for entry in want.allow if entry.published)
        if published:
            raise HostError(
                f"{published[0]} is a published port, but this host lacks nft, which must filter the forwarded packets: "
                "install the package nftables"
            )
        return () if "ipv6" in self._families else without_ipv6(want, SCRIPT_FILE)

    def find_translations(self) -> tuple[Translation, ...]:
        """Return no translations: the late part returns them."""
        return ()

    def validate(self, want: Ruleset | None, *, check_mode: bool) -> None:
        """Run `iptables-restore --test` on rules that would change, without their sets, which do not exist yet.

        Raises HostError for a ruleset that counts packets, which needs nft.
        """
        if want is not None and want.count_days:
            variable = "kong_firewall_state: staged" if want.staged else "kong_firewall_record"
            raise HostError(
                f"{variable} counts packets, and this host lacks nft, which must count them: install the package nftables"
            )
        if want is None or not check_mode:
            return
        from ansible_collections.gatehouse.kong.plugins.module_utils._backends.iptables.steps import load_text  # noqa: PLC0415

        for family in self._families:
            chain = self._read_state().chains[family]
            if not are_same_rules(chain.rules or (), make_rules(want, family, self._read_state().find_name)):
                self._restore(family, load_text(chain, make_rules(want, family, None)), "--test")

    def snapshot(self, live: Live[Ruleset], want: Ruleset | None) -> Snapshot:  # noqa: ARG002 -- the same for each change
        """Return the files of the unit, and a script that restores the current ruleset from any state."""
        script = render_removal(self._programs) if live.ruleset is None else self._render_script(live.ruleset)
        files = UNIT_PARTS.paths
        return Snapshot(files, ((("sh",), script),))

    def apply(self, want: Ruleset | None) -> tuple[str, ...]:
        """Load the ruleset in steps. If a step fails, restore the previous ruleset.

        The rules do not depend on connection states, so they also end existing connections of removed sources.
        """
        before = self.read().ruleset
        try:
            self._load(want)
        except HostError:
            # If this fails too, the next run reports and repairs the difference.
            with suppress(HostError):
                self._load(before)
            raise
        return ()

    def persist(self, want: Ruleset | None) -> None:
        """Write the boot script and its unit, or remove both."""
        if want is None:
            uninstall(self._host, UNIT_PARTS)
        else:
            install(self._host, UNIT_PARTS, self._render_script(want))

    @cached_property
    def _variant(self) -> str:
        return read_variant(self._host)

    @property
    def _families(self) -> tuple[str, ...]:
        return list_families(self._host)

    def _load(self, want: Ruleset | None) -> None:
        from ansible_collections.gatehouse.kong.plugins.module_utils._backends.iptables.steps import (  # noqa: PLC0415
            plan_removal,
            plan_steps,
        )

        state, self._found = self._read_state(), None
        for step in plan_removal(state) if want is None else plan_steps(state, want):
            self._run_step(step)

    def _run_step(self, step: Step) -> None:
        if step.kind in FAMILIES:
            self._restore(step.kind, step.text)
        else:
            self._change_sets(step.text.splitlines())

    def _change_sets(self, lines: list[str]) -> None:
        """Change sets. Wait while a set is in use: iptables-nft frees replaced rules later."""
        for pause in _PAUSES:
            try:
                self._host.run("ipset", "restore", stdin="\n".join((*lines, "")))
            except HostError as error:
                rejected = _BUSY.search(str(error))
                if not rejected or not pause:
                    raise
                lines = lines[int(rejected[1]) - 1 :]  # ipset has executed the lines before it
                time.sleep(pause)
            else:
                return

    def _restore(self, family: str, text: str, *options: str) -> None:
        self._host.run(f"{self._choose_program(family)}-restore", *_WAIT, "--noflush", *options, stdin=text)

    def _read_state(self) -> State:
        if self._found is None:
            self._saved = {family: self._host.run(f"{self._choose_program(family)}-save") for family in self._families}
            chains = {family: self._read_chain(family) for family in FAMILIES}
            self._found = State(chains, parse_sets(self._host.run("ipset", "save")), self._families)
        return self._found

    def _read_chain(self, family: str) -> Chain:
        if family in self._saved:
            return parse_chain(self._saved[family])
        waiting = parse_script(self._host.read(SCRIPT_FILE) or "", family)
        return Chain(waiting, (JUMP,), first=True) if waiting else Chain()

    def _choose_program(self, family: str) -> str:
        return find_program(self._host, family, self._variant)

    @property
    def _programs(self) -> Programs:
        ipset = self._host.which("ipset") or "/usr/sbin/ipset"
        return Programs(ipset, self._choose_program("ipv4"), self._choose_program("ipv6"))

    def _render_script(self, ruleset: Ruleset) -> str:
        return render_script(ruleset, self._programs, list_restored_files(self._host))
