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
from collections.abc import Callable, Iterable, Iterator, Sequence

from ansible_collections.gatehouse.kong.plugins.module_utils._backends.ufw import late_session
from ansible_collections.gatehouse.kong.plugins.module_utils._backends.ufw.files import FILES
from ansible_collections.gatehouse.kong.plugins.module_utils._backends.ufw.late_session import (
    END,
    TEMPORARY,
    SessionError,
    edit_text,
    find_section,
    is_ours,
    list_chain_rules,
    plan_chain_commands,
    read_text,
    split_lines,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import Host, HostError
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.conflict import Conflict, Translation
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.ends import END as DROPPED
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.ends import (
    POLICY,
    Step,
    make_first_packet,
    walk_steps,
    without_effect,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.iptables_conflicts import (
    find_translations,
    without_ipv6,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.iptables_programs import PROGRAM
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.iptables_rule import parse_rule
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.iptables_save import (
    select_table,
    split_saved,
    with_raw_bytes,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.iptables_walk import (
    find_conflicts,
    parse_chains,
    parse_table,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.names import LATE_RULE
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.walk import ACCEPT
from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.ruleset import FAMILIES, Ruleset, Service
from ansible_collections.gatehouse.kong.plugins.module_utils._transaction.backend import Snapshot

CHAINS = {"ipv4": "ufw-after-input", "ipv6": "ufw6-after-input"}
_LOCK = "/run/ufw.lock"
_DEFAULTS = "/etc/default/ufw"
_WITH_IPV6 = re.compile(r"""^\s*IPV6=(["']?)yes\1\s*$""", re.IGNORECASE | re.MULTILINE)
_FIRST_JUMP = "-A INPUT -j {}-before-input"
_USER_JUMP = "-A {0}-before-input -j {0}-user-input"
_AFTER_JUMP = "-A INPUT -j {}-after-input"


class UfwLate:
    """The late part for hosts whose firewall is ufw, 0.36 or later."""

    name = "ufw"

    def __init__(self, host: Host) -> None:
        self._host = host
        self._saved: dict[str, str] = {}

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
        self._saved = {family: self._host.run(f"{PROGRAM[family]}-save") for family in self._loaded_families}
        for family, saved in self._saved.items():
            _require_loaded(family, saved)
        return tuple(
            line for family in self._saved for line in self._compare_rules(family, self._find_place(family, ruleset))
        )

    def compare_persisted(self, want: Ruleset | None) -> tuple[str, ...]:
        """Return a line for each of ufw's files in which our rule is missing, unexpected or misplaced.

        Raises HostError if a file that ufw loads has no place for the rule.
        """
        lines = []
        for family, file in FILES.items():
            text = self._read_text(family)
            if (
                want is not None
                and family in self._enabled_families
                and not find_section(split_lines(text), CHAINS[family])
            ):
                raise HostError(
                    f"{file} has no table `*filter` with the chain {CHAINS[family]} that ends in a line `COMMIT`. "
                    f"Restore it from /usr/share/ufw{file.removeprefix('/etc/ufw')}"
                )
            if edit_text(text, CHAINS[family], LATE_RULE, with_raw_bytes(self._find_place(family, want))) != text:
                lines.append(f"{file}: differs")
            if self._host.locate(file + TEMPORARY).exists():
                lines.append(f"{file}{TEMPORARY}: temporary file of a killed run")
        return tuple(lines)

    def find_conflicts(self, want: Ruleset) -> tuple[Conflict, ...]:
        """Return the rules that drop packets to our ports, rules that have no effect, and a warning if ufw drops IPv6."""
        found = [
            conflict
            for family in self._saved
            for conflict in (*self._find_conflicts(family, want), *self._find_ineffective_rules(family, want))
        ]
        return (*found, *(() if "ipv6" in self._loaded_families else self._check_ipv6(want)))

    def find_translations(self) -> tuple[Translation, ...]:
        """Return the translations of iptables."""
        return find_translations(self._saved)

    def validate(self, want: Ruleset | None, *, check_mode: bool) -> None:
        """Run `iptables-restore --test` in check mode on the change of the loaded chains."""
        if check_mode:
            self._run_session(self._request(lambda family: self._find_place(family, want), _leave_unchanged), "--test")

    def snapshot(self, ruleset: Ruleset | None) -> Snapshot:
        """Return a command that adds our rule to the chains and files that have it now, and removes it from the rest.

        Whole files are not restored, because an administrator can edit them before the rollback.
        """
        from ansible_collections.gatehouse.kong.plugins.module_utils._host.foreign_python import (  # noqa: PLC0415
            find_interpreter,
            make_script,
        )

        def find_current_place(lines: Iterable[str], family: str) -> str:
            return (self._find_place(family, ruleset) or END) if any(is_ours(line, LATE_RULE) for line in lines) else ""

        request = self._request(
            lambda family: find_current_place(self._list_rules(family), family),
            lambda family: find_current_place(split_lines(self._read_text(family)), family),
        )
        return Snapshot((), ((find_interpreter(self._host, "ufw"), make_script(late_session, request)),))

    def apply(self, want: Ruleset | None) -> tuple[str, ...]:
        """Add our rule to the loaded chains, or remove it, if a chain differs."""
        if any(True for family in self._saved for _line in self._compare_rules(family, self._find_place(family, want))):
            self._run_session(self._request(lambda family: self._find_place(family, want), _leave_unchanged))
        return ()

    def persist(self, want: Ruleset | None) -> None:
        """Add our rule to ufw's files, or remove it from them."""
        self._run_session(self._request(_leave_unchanged, lambda family: self._find_place_in_file(family, want)))

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

    def _list_rules(self, family: str) -> list[str]:
        """Return the loaded rules of the chain; no rules if the chain is not loaded."""
        return list_chain_rules("\n".join(select_table(self._saved.get(family, ""), "filter")), CHAINS[family]) or []

    def _find_place(self, family: str, want: Ruleset | None) -> str:
        """Return the place of our rule in the chain: before the first rule at which all new packets to a port leave the chain.

        Such a rule is from an administrator, or ufw's own rule for a port of NetBIOS, SMB or DHCP.
        """
        if want is None:
            return ""
        found = self._find_first_end(family, want)
        return found.text if found else END

    def _find_first_end(self, family: str, want: Ruleset) -> Step | None:
        """Return the first rule of the chain that drops every new packet to a managed port, or sends it to ufw's default."""
        steps = (step for _service, steps in self._walk_chain(family, want) for step in steps)
        found = (step for step in steps if step.rule and step.kind in (DROPPED, POLICY))
        return min(found, key=lambda step: step.position, default=None)

    def _walk_chain(self, family: str, want: Ruleset) -> Iterator[tuple[Service, tuple[Step, ...]]]:
        """Yield the steps of new packets in the chain for each managed port. Other chains get no accept rule.

        Packets that leave the chain reach ufw's default, so the chain is like a base chain.
        """
        table = parse_table(self._saved.get(family, ""), "filter")
        lines = {name: [line for line in found if not is_ours(line, LATE_RULE)] for name, found in table.items()}
        chains = parse_chains(lines)
        if CHAINS[family] in chains:
            for service in _list_services(want, family):
                packet = make_first_packet(service, family)
                yield service, walk_steps(chains, chains[CHAINS[family]], packet, closed=chains)

    def _compare_rules(self, family: str, wanted: str) -> Iterator[str]:
        """Yield a line for each copy of our rule that is missing, unexpected or misplaced."""
        saved, chain = "\n".join(select_table(self._saved[family], "filter")), CHAINS[family]
        if not plan_chain_commands(saved, chain, LATE_RULE, wanted):
            return
        program, rules = PROGRAM[family], self._list_rules(family)
        present = [line for line in rules if is_ours(line, LATE_RULE)]
        elsewhere = [line for line in split_saved(saved) if is_ours(line, LATE_RULE) and line not in present]
        yield from (f"{program} rule in the wrong chain: {line}" for line in elsewhere)
        if not wanted:
            yield from (f"unexpected {program} rule: {line}" for line in present)
        elif not present:
            yield f"{program} rule missing: -A {chain} {LATE_RULE}"
        elif len(present) > 1:
            yield f"{program} rule present {len(present)} times: {present[0]}"
        else:
            yield from _find_misplaced(program, rules, present[0], wanted)

    def _find_conflicts(self, family: str, want: Ruleset) -> tuple[Conflict, ...]:
        rules = [line for line in self._list_rules(family) if not is_ours(line, LATE_RULE)]
        wanted = self._find_place(family, want)
        place = rules.index(wanted) if wanted in rules else len(rules)
        return find_conflicts(self._saved[family], want, family, [(CHAINS[family], place)])

    def _find_ineffective_rules(self, family: str, want: Ruleset) -> Iterator[Conflict]:
        """Yield a warning for each rule without effect, because it follows our rule or the chains of ufw."""
        end = self._find_first_end(family, want)
        void: dict[str, list[Service]] = {}
        for service, steps in self._walk_chain(family, want):
            for step in without_effect(steps, {end.chain: end.position} if end else {}):
                void.setdefault(step.text, []).append(service)
        for line, services in void.items():
            yield _warn_of_exempt_rule(family, line, "follows the rule of gatehouse.kong", services)
        table = parse_table(self._saved[family], "filter")
        lines = [*table["INPUT"]]
        following = lines[lines.index(_AFTER_JUMP.format(_get_prefix(family))) + 1 :]
        for line in (line for line in following if f" -j {_get_prefix(family)}-" not in line):
            rule = parse_rule(line, frozenset(table))
            services = [service for service in _list_services(want, family)
                        if any(action.verdict != ACCEPT for action in rule.evaluate(make_first_packet(service, family)).actions)]  # fmt: skip
            if services:
                yield _warn_of_exempt_rule(
                    family, line, "follows the chains of ufw, which accept authorised packets", services
                )

    def _check_ipv6(self, want: Ruleset) -> tuple[Conflict, ...]:
        if not self._host.locate("/proc/net/if_inet6").exists():
            return without_ipv6(want, FILES["ipv6"])
        entries = [entry for entry in want.allow if "ipv6" in entry.service.families and entry.sources]
        ports = tuple(f"IPv6 to {entry.service}" for entry in entries)
        reason = f"{_DEFAULTS} has no IPV6=yes, so ufw drops all IPv6 packets"
        advice = f"Set IPV6=yes in {_DEFAULTS} and run `ufw reload`, unless that is intended"
        return (Conflict(certain=False, where="ufw", reason=reason, ports=ports, advice=advice),) if ports else ()

    def _find_place_in_file(self, family: str, want: Ruleset | None) -> str:
        """Return the place of our rule in ufw's file, or "" if the file has no place for it."""
        return (
            self._find_place(family, want) if find_section(split_lines(self._read_text(family)), CHAINS[family]) else ""
        )

    def _run_session(self, request: dict[str, t.Any], *options: str) -> None:
        try:
            self._host.call(late_session.bring, {**request, "options": options})
        except SessionError as error:
            raise HostError(f"ufw: {error}") from error

    def _request(self, loaded: Callable[[str], str | None], in_file: Callable[[str], str | None]) -> dict[str, t.Any]:
        """Return a request to the session. The callables return the wanted place for each family."""
        parts = [
            {
                "chain": CHAINS[family],
                "file": str(self._host.locate(FILES[family])),
                "save": self._choose_program(family, "save"),
                "restore": self._choose_program(family, "restore"),
                "loaded": _format_place(loaded(family)) if family in self._saved else None,
                "in_file": _format_place(in_file(family)),
            }
            for family in FAMILIES
        ]
        return {"rule": LATE_RULE, "options": (), "lock": str(self._host.locate(_LOCK)), "parts": parts}

    def _choose_program(self, family: str, action: str) -> str:
        name = f"{PROGRAM[family]}-{action}"
        return self._host.which(name) or name


def _format_place(place: str | None) -> str | None:
    """Return a place in the form that the session reads, or None."""
    return None if place is None else with_raw_bytes(place)


def _leave_unchanged(_family: str) -> None:
    """Return None: the request that leaves a chain or file unchanged."""
    return


def _list_services(want: Ruleset, family: str) -> list[Service]:
    return [entry.service for entry in want.allow if entry.sources and family in entry.service.families]


def _warn_of_exempt_rule(family: str, line: str, reason: str, services: Iterable[Service]) -> Conflict:
    """Return the warning about a rule of the host that has no effect on authorised packets."""
    return Conflict(
        certain=False,
        where=f"table filter of {PROGRAM[family]}",
        reason=f"`{line}` {reason}",
        ports=tuple(map(str, services)),
        advice="Move it to the top of INPUT, or use `ufw insert 1 deny from ...`",
        effect="exempt",
    )


def _get_prefix(family: str) -> str:
    return "ufw6" if family == "ipv6" else "ufw"


def _find_misplaced(program: str, rules: Sequence[str], present: str, wanted: str) -> Iterator[str]:
    """Yield a line with the rule that our rule must not follow or precede."""
    after = rules[rules.index(present) + 1 :]
    if wanted != END and wanted not in after:
        yield f"{program} rule follows `{wanted}`, which drops authorised packets"
    elif after and after[0] != wanted:
        yield f"{program} rule precedes `{after[0]}`, which therefore has no effect"


def _require_loaded(family: str, saved: str) -> None:
    """Raise HostError unless packets pass ufw's chains before our rule."""
    prefix, program = _get_prefix(family), PROGRAM[family]
    lines = saved.splitlines()
    jumps = [jump.format(prefix) for jump in (_FIRST_JUMP, _AFTER_JUMP, _USER_JUMP)]
    missing = next((jump for jump in jumps if jump not in lines), None)
    if missing is None:
        return
    chain = f"{prefix}-before-logging-input"
    # ufw adds its jumps to INPUT only if this chain is missing (/lib/ufw/ufw-init-functions, ufw_start).
    flushed = missing.startswith("-A INPUT") and f":{chain} " in saved
    fix = f"`{program} -F {chain}; {program} -X {chain}; ufw reload`" if flushed else "`ufw reload`"
    raise HostError(
        f"the rules of ufw are not loaded: {program}-save has no line `{missing}`. "
        f"Load them with {fix}, or disable ufw with `ufw disable`"
    )
