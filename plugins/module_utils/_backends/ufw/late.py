# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The late part on ufw: a rule for each family, in the chain ufw-after-input and in /etc/ufw/after.rules.

A packet passes the rules of `ufw allow`, `deny` and `limit` first, then ufw-after-input, then ufw's default. The rule is
the same for every ruleset. The file and the loaded chain are each changed atomically, without `ufw reload`, which empties
all chains of ufw for a moment. ufw itself does not write these files.
"""

from __future__ import annotations

import re
import typing as t
from collections.abc import Iterable

from ansible_collections.gatehouse.kong.plugins.module_utils._backends.ufw import late_session
from ansible_collections.gatehouse.kong.plugins.module_utils._backends.ufw.files import FILES
from ansible_collections.gatehouse.kong.plugins.module_utils._backends.ufw.late_chain import LateChain
from ansible_collections.gatehouse.kong.plugins.module_utils._backends.ufw.late_session import (
    END,
    TEMPORARY,
    SessionError,
    edit_text,
    find_section,
    is_ours,
    read_text,
    split_lines,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._host.family import FAMILIES, FAMILY
from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import Host, HostError
from ansible_collections.gatehouse.kong.plugins.module_utils._host.text import remove_prefix
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.conflict import Conflict, Translation
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.iptables_conflicts import (
    find_translations,
    without_ipv6,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.iptables_save import (
    with_raw_bytes,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.names import LATE_RULE
from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.ruleset import Ruleset
from ansible_collections.gatehouse.kong.plugins.module_utils._transaction.backend import Snapshot

_LOCK = "/run/ufw.lock"
_DEFAULTS = "/etc/default/ufw"
_WITH_IPV6 = re.compile(r"""^\s*IPV6=(["']?)yes\1\s*$""", re.IGNORECASE | re.MULTILINE)

_FindPlace = t.Callable[[LateChain], t.Optional[str]]


class UfwLate:
    """The late part for hosts whose firewall is ufw, 0.36 or later."""

    name = "ufw"

    def __init__(self, host: Host) -> None:
        self._host = host
        self._chains = {family: LateChain(family, "") for family in FAMILIES}

    def require(self) -> None:
        """Check that ufw, iptables, systemd, a writable /etc/ufw and the privilege to change rules are available."""
        for program in ("ufw", "iptables-save", "iptables-restore"):
            if self._host.which(program) is None:
                raise HostError(f"the program {program} is missing on this host. Install the packages ufw and iptables")
        self._host.require_net_admin()
        self._host.require_systemd()
        self._host.require_writable("/etc/ufw")

    def read(self, ruleset: Ruleset | None) -> tuple[str, ...]:
        """Return a line for each difference in the loaded chains.

        Raises HostError if ufw's chains are not loaded, or if packets do not pass them.
        """
        for family in FAMILIES:
            saved = self._host.run(f"{FAMILY[family].iptables}-save") if family in self._loaded_families else ""
            self._chains[family] = LateChain(family, saved)
        for chain in self._loaded:
            chain.require_loaded()
        return tuple(line for chain in self._loaded for line in chain.compare(ruleset))

    def compare_persisted(self, want: Ruleset | None) -> tuple[str, ...]:
        """Return a line for each of ufw's files in which our rule is missing, unexpected or misplaced.

        Raises HostError if a file that ufw loads has no place for the rule.
        """
        lines = []
        for family, file in FILES.items():
            text = self._read_text(family)
            chain = self._chains[family]
            is_needed = want is not None and family in self._enabled_families
            if is_needed and not find_section(split_lines(text), chain.name):
                raise HostError(
                    f"{file} has no table `*filter` with the chain {chain.name} that ends in a line `COMMIT`. "
                    f"Restore it from /usr/share/ufw{remove_prefix(file, '/etc/ufw')}"
                )
            if edit_text(text, chain.name, LATE_RULE, with_raw_bytes(chain.find_place(want))) != text:
                lines.append(f"{file}: differs")
            if self._host.locate(file + TEMPORARY).exists():
                lines.append(f"{file}{TEMPORARY}: temporary file of a killed run")
        return tuple(lines)

    def find_conflicts(self, want: Ruleset) -> tuple[Conflict, ...]:
        """Return the rules that drop packets to our ports, rules that have no effect, and a warning if ufw drops IPv6."""
        found = [
            conflict
            for chain in self._loaded
            for conflict in (*chain.find_conflicts(want), *chain.find_ineffective_rules(want))
        ]
        return (*found, *(() if "ipv6" in self._loaded_families else self._check_ipv6(want)))

    def find_translations(self) -> tuple[Translation, ...]:
        """Return the translations of iptables."""
        return find_translations({chain.family: chain.saved for chain in self._loaded})

    def validate(self, want: Ruleset | None, *, check_mode: bool) -> None:
        """Run `iptables-restore --test` in check mode on the change of the loaded chains."""
        if check_mode:
            self._run_session(self._request(lambda chain: chain.find_place(want), _leave_unchanged), "--test")

    def snapshot(self, ruleset: Ruleset | None) -> Snapshot:
        """Return a command that adds our rule to the chains and files that have it now, and removes it from the rest.

        Whole files are not restored, because an administrator can edit them before the rollback.
        """
        from ansible_collections.gatehouse.kong.plugins.module_utils._host.foreign_python import (  # noqa: PLC0415
            find_interpreter,
            make_script,
        )

        def find_current_place(chain: LateChain, lines: Iterable[str]) -> str:
            return (chain.find_place(ruleset) or END) if any(is_ours(line, LATE_RULE) for line in lines) else ""

        request = self._request(
            lambda chain: find_current_place(chain, chain.list_rules()),
            lambda chain: find_current_place(chain, split_lines(self._read_text(chain.family))),
        )
        return Snapshot((), ((find_interpreter(self._host, "ufw"), make_script(late_session, request)),))

    def apply(self, want: Ruleset | None) -> tuple[str, ...]:
        """Add our rule to the loaded chains, or remove it, if a chain differs."""
        if any(True for chain in self._loaded for _line in chain.compare(want)):
            self._run_session(self._request(lambda chain: chain.find_place(want), _leave_unchanged))
        return ()

    def persist(self, want: Ruleset | None) -> None:
        """Add our rule to ufw's files, or remove it from them."""
        self._run_session(self._request(_leave_unchanged, lambda chain: self._find_place_in_file(chain, want)))

    @property
    def _loaded(self) -> list[LateChain]:
        """The chains that ufw has loaded."""
        return [chain for chain in self._chains.values() if chain.saved]

    @property
    def _enabled_families(self) -> tuple[str, ...]:
        """The families for which ufw loads rules, if the kernel supports them."""
        return FAMILIES if _WITH_IPV6.search(self._host.read(_DEFAULTS) or "") else ("ipv4",)

    @property
    def _loaded_families(self) -> tuple[str, ...]:
        """The families for which ufw has loaded rules."""
        kernel = FAMILIES if self._host.locate("/proc/net/if_inet6").exists() else ("ipv4",)
        return tuple(family for family in self._enabled_families if family in kernel)

    def _read_text(self, family: str) -> str:
        return read_text(str(self._host.locate(FILES[family]))) or ""

    def _check_ipv6(self, want: Ruleset) -> tuple[Conflict, ...]:
        if not self._host.locate("/proc/net/if_inet6").exists():
            return without_ipv6(want, FILES["ipv6"])
        entries = [entry for entry in want.allow if "ipv6" in entry.service.families and entry.sources]
        ports = tuple(f"IPv6 to {entry.service}" for entry in entries)
        reason = f"{_DEFAULTS} has no IPV6=yes, so ufw drops all IPv6 packets"
        advice = f"Set IPV6=yes in {_DEFAULTS} and run `ufw reload`, unless that is intended"
        return (Conflict(certain=False, where="ufw", reason=reason, ports=ports, advice=advice),) if ports else ()

    def _find_place_in_file(self, chain: LateChain, want: Ruleset | None) -> str:
        """Return the place of our rule in ufw's file, or "" if the file has no place for it."""
        return chain.find_place(want) if find_section(split_lines(self._read_text(chain.family)), chain.name) else ""

    def _run_session(self, request: dict[str, t.Any], *options: str) -> None:
        try:
            self._host.call(late_session.bring, {**request, "options": options})
        except SessionError as error:
            raise HostError(f"ufw: {error}") from error

    def _request(self, loaded: _FindPlace, in_file: _FindPlace) -> dict[str, t.Any]:
        """Return a request to the session. The callables return the wanted place in each chain."""
        parts = [
            {
                "chain": chain.name,
                "file": str(self._host.locate(FILES[family])),
                "save": self._choose_program(family, "save"),
                "restore": self._choose_program(family, "restore"),
                "loaded": _format_place(loaded(chain)) if chain.saved else None,
                "in_file": _format_place(in_file(chain)),
            }
            for family, chain in self._chains.items()
        ]
        return {"rule": LATE_RULE, "options": (), "lock": str(self._host.locate(_LOCK)), "parts": parts}

    def _choose_program(self, family: str, action: str) -> str:
        name = f"{FAMILY[family].iptables}-{action}"
        return self._host.which(name) or name


def _format_place(place: str | None) -> str | None:
    """Return a place in the form that the session reads, or None."""
    return None if place is None else with_raw_bytes(place)


def _leave_unchanged(_chain: LateChain) -> None:
    """Return None: the request that leaves a chain or file unchanged."""
    return
