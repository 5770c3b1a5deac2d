# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The late part on ufw: one rule for each family, in ufw-after-input and in /etc/ufw/after.rules.

A packet passes the rules of `ufw allow`, `deny` and `limit` first, then ufw-after-input, then ufw's default. The rule is
the same for each ruleset. It goes into the file and into the loaded chain in one step each, without `ufw reload`, which
empties all chains of ufw for a moment. ufw itself writes neither file.
"""

from __future__ import annotations

import re
import typing as t
from collections.abc import Callable, Iterator

from ansible_collections.gatehouse.kong.plugins.module_utils._backends.ufw import late_session
from ansible_collections.gatehouse.kong.plugins.module_utils._backends.ufw.files import FILES
from ansible_collections.gatehouse.kong.plugins.module_utils._backends.ufw.late_session import (
    END,
    TEMPORARY,
    SessionError,
    chain_commands,
    chain_rules,
    edit_text,
    file_lines,
    file_section,
    is_ours,
    read_text,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import Host, HostError
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.iptables_foreign import (
    before_ours,
    other_tables,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.iptables_obstacles import (
    nftables_obstacles,
    translations_of,
    without_ipv6,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.iptables_programs import PROGRAM, variant_of
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.iptables_save import saved_lines, table_lines
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.names import LATE_RULE
from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.ruleset import FAMILIES, Ruleset
from ansible_collections.gatehouse.kong.plugins.module_utils._transaction.backend import (
    Obstacle,
    Snapshot,
    Translation,
)

CHAINS = {"ipv4": "ufw-after-input", "ipv6": "ufw6-after-input"}
_LOCK = "/run/ufw.lock"
_DEFAULTS = "/etc/default/ufw"
_WITH_IPV6 = re.compile(r"""^\s*IPV6=(["']?)yes\1\s*$""", re.IGNORECASE | re.MULTILINE)
# The path of a packet to our rule.
_JUMPS = (
    "-A INPUT -j ufw{}-before-input",
    "-A ufw{}-before-input -j ufw{}-user-input",
    "-A INPUT -j ufw{}-after-input",
)


class UfwLate:
    """The late part for hosts whose firewall is ufw, 0.36 or later."""

    name = "ufw"

    def __init__(self, host: Host) -> None:
        self._host = host
        self._saved: dict[str, str] = {}

    def require(self) -> None:
        """Raise HostError if ufw, iptables, systemd, the right to change them or a writable /etc/ufw is missing."""
        for program in ("ufw", "iptables-save", "iptables-restore"):
            if self._host.which(program) is None:
                raise HostError(f"this host has no program {program}. Install the packages ufw and iptables")
        self._host.require_net_admin()
        self._host.require_systemd()
        self._host.require_writable("/etc/ufw")

    def read(self, ruleset: Ruleset | None) -> tuple[str, ...]:
        """Return a line for each difference in the loaded chains.

        Raises HostError if ufw's chains are not loaded, or no packet passes them.
        """
        self._saved = {family: self._host.run(f"{PROGRAM[family]}-save") for family in self._loaded_families}
        for family, saved in self._saved.items():
            _require_loaded(family, saved)
        return tuple(line for family in self._saved for line in self._drift(family, _wanted(ruleset)))

    def stale(self, want: Ruleset | None) -> tuple[str, ...]:
        """Return a line for each of ufw's files that does not hold what is wanted.

        Raises HostError if a file that ufw loads has no place for the rule.
        """
        lines = []
        for family, file in FILES.items():
            text = self._text(family)
            if (
                want is not None
                and family in self._enabled_families
                and not file_section(file_lines(text), CHAINS[family])
            ):
                raise HostError(
                    f"{file} has no table `*filter` with the chain {CHAINS[family]} that ends in a line `COMMIT`. "
                    f"Restore it from /usr/share/ufw{file.removeprefix('/etc/ufw')}"
                )
            if edit_text(text, CHAINS[family], LATE_RULE, _wanted(want)) != text:
                lines.append(f"{file}: differs")
            if self._host.path(file + TEMPORARY).exists():
                lines.append(f"{file}{TEMPORARY}: left by a run that was killed")
        return tuple(lines)

    def obstacles(self, want: Ruleset) -> tuple[Obstacle, ...]:
        """Return the rules of iptables and nftables that drop packets to our ports, and IPv6 if ufw refuses it."""
        found = (*other_tables(self._saved, want), *self._before_rule(want))
        found += nftables_obstacles(self._host, want, self._saved if variant_of(self._host) == "nft" else {})
        return found if "ipv6" in self._loaded_families else (*found, *self._no_ipv6(want))

    def translations(self) -> tuple[Translation, ...]:
        """Return the translations of iptables."""
        return translations_of(self._saved)

    def validate(self, want: Ruleset | None, *, check_mode: bool) -> None:
        """Test the change of the loaded chains with iptables-restore."""
        if check_mode:
            self._session(self._request(lambda _family: _wanted(want), _untouched), "--test")

    def snapshot(self, ruleset: Ruleset | None) -> Snapshot:  # noqa: ARG002
        """Return a command that makes chains and files have our rule or not, as they do now.

        No file is restored as a whole: an administrator may edit it before the rollback.
        """
        from ansible_collections.gatehouse.kong.plugins.module_utils._host.foreign_python import (  # noqa: PLC0415
            interpreter_of,
            script_of,
        )

        request = self._request(self._present_in_chain, self._present_in_file)
        return Snapshot((), ((interpreter_of(self._host, "ufw"), script_of(late_session, request)),))

    def apply(self, want: Ruleset | None) -> tuple[str, ...]:
        """Add our rule to the loaded chains, or remove it."""
        self._session(self._request(lambda _family: _wanted(want), _untouched))
        return ()

    def persist(self, want: Ruleset | None) -> None:
        """Add our rule to ufw's files, or remove it."""
        self._session(self._request(_untouched, lambda family: self._place_in_file(family, _wanted(want))))

    @property
    def _enabled_families(self) -> tuple[str, ...]:
        """The families that ufw loads rules for, if the kernel has them."""
        return FAMILIES if _WITH_IPV6.search(self._host.read(_DEFAULTS) or "") else ("ipv4",)

    @property
    def _loaded_families(self) -> tuple[str, ...]:
        """The families that ufw has loaded rules for."""
        kernel = FAMILIES if self._host.path("/proc/net/if_inet6").exists() else ("ipv4",)
        return tuple(family for family in self._enabled_families if family in kernel)

    def _text(self, family: str) -> str:
        return read_text(str(self._host.path(FILES[family]))) or ""

    def _drift(self, family: str, wanted: str) -> Iterator[str]:
        """Return a line for each copy of our rule that is missing, extra or out of place."""
        saved, chain = "\n".join(table_lines(self._saved[family], "filter")), CHAINS[family]
        if not chain_commands(saved, chain, LATE_RULE, wanted):
            return
        program = PROGRAM[family]
        rules = chain_rules(saved, chain) or []
        present = [line for line in rules if is_ours(line, LATE_RULE)]
        elsewhere = [line for line in saved_lines(saved) if is_ours(line, LATE_RULE) and line not in present]
        yield from (f"{program} rule in the wrong chain: {line}" for line in elsewhere)
        if not wanted:
            yield from (f"{program} rule: {line}" for line in present)
        elif not present:
            yield f"{program} rule missing: -A {chain} {LATE_RULE}"
        elif len(present) > 1:
            yield f"{program} rule present {len(present)} times: {present[0]}"
        elif rules[-1] != present[0]:
            yield f"{program} rule is not the last of {chain}; after it comes `{rules[rules.index(present[0]) + 1]}`"

    def _before_rule(self, want: Ruleset) -> Iterator[Obstacle]:
        """Return the rules of the table filter that drop packets to our ports before our rule accepts them."""
        for family, saved in self._saved.items():
            found = before_ours(family, saved, want, lambda line: is_ours(line, LATE_RULE))
            yield from (obstacle for obstacle in found if obstacle.effect == "drop")

    def _no_ipv6(self, want: Ruleset) -> tuple[Obstacle, ...]:
        if not self._host.path("/proc/net/if_inet6").exists():
            return without_ipv6(want, FILES["ipv6"])
        entries = [entry for entry in want.allow if "ipv6" in entry.service.families and entry.sources]
        ports = tuple(f"IPv6 to {entry.service}" for entry in entries)
        reason = f"{_DEFAULTS} has no IPV6=yes, so ufw drops every IPv6 packet"
        advice = f"Set IPV6=yes in {_DEFAULTS} and run `ufw reload`, unless that is intended"
        return (Obstacle(certain=False, where="ufw", reason=reason, ports=ports, advice=advice),) if ports else ()

    def _present_in_chain(self, family: str) -> str | None:
        rules = chain_rules(self._saved.get(family, ""), CHAINS[family])
        return None if rules is None else END if any(is_ours(line, LATE_RULE) for line in rules) else ""

    def _present_in_file(self, family: str) -> str:
        return END if any(is_ours(line, LATE_RULE) for line in file_lines(self._text(family))) else ""

    def _place_in_file(self, family: str, wanted: str) -> str:
        """Return no place if ufw does not load the file and it has none."""
        return wanted if file_section(file_lines(self._text(family)), CHAINS[family]) else ""

    def _session(self, request: dict[str, t.Any], *options: str) -> None:
        try:
            self._host.call(late_session.bring, {**request, "options": options})
        except SessionError as error:
            raise HostError(f"ufw: {error}") from error

    def _request(self, loaded: Callable[[str], str | None], in_file: Callable[[str], str | None]) -> dict[str, t.Any]:
        """Return a request to the session; the callables give the wanted place for each family."""
        parts = [
            {
                "chain": CHAINS[family],
                "file": str(self._host.path(FILES[family])),
                "save": self._program(family, "save"),
                "restore": self._program(family, "restore"),
                "loaded": loaded(family) if family in self._saved else None,
                "in_file": in_file(family),
            }
            for family in FAMILIES
        ]
        return {"rule": LATE_RULE, "options": (), "lock": str(self._host.path(_LOCK)), "parts": parts}

    def _program(self, family: str, action: str) -> str:
        name = f"{PROGRAM[family]}-{action}"
        return self._host.which(name) or name


def _wanted(ruleset: Ruleset | None) -> str:
    """Return the wanted place of our rule: the end, or none without a ruleset."""
    return "" if ruleset is None else END


def _untouched(_family: str) -> None:
    """Return what leaves a part as it is."""
    return


def _require_loaded(family: str, saved: str) -> None:
    number = "6" if family == "ipv6" else ""
    lines = saved.splitlines()
    for jump in _JUMPS:
        line = jump.format(number, number)
        if line not in lines:
            raise HostError(
                f"the rules of ufw are not loaded: {PROGRAM[family]}-save has no line `{line}`. "
                "Load them with `ufw reload`, or turn ufw off with `ufw disable`"
            )
