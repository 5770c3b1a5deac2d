# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The ufw backend: rules of ufw's own kind, which `ufw status` shows with our comment, before those of its owner.

They go into ufw's files and into the chain that it has loaded, each in one step. `ufw reload` would flush its chains,
in which time it lets strangers in or nobody. Default policies, and whether ufw is on, are its owner's.
"""

from __future__ import annotations

import re
import typing as t
from collections.abc import Iterable, Iterator
from functools import cached_property, partial

from ansible_collections.gatehouse.kong.plugins.module_utils._backends.ufw import session as _ufw_session
from ansible_collections.gatehouse.kong.plugins.module_utils._backends.ufw.rules import Rule, make_rules
from ansible_collections.gatehouse.kong.plugins.module_utils._backends.ufw.session import (
    END,
    RULES,
    Ours,
    chain_lines,
    edit_chain,
    edit_file,
    live_line,
    ours_of,
    read_record,
    refuses_one_source,
    without_counters,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import Host, HostError
from ansible_collections.gatehouse.kong.plugins.module_utils._host.paths import UFW_RECORD
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
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.nft_tables import generation
from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.ruleset import (
    FAMILIES,
    Ruleset,
    ruleset_from_data,
    ruleset_to_data,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._transaction.backend import (
    Live,
    Obstacle,
    Snapshot,
    Translation,
)

FILES = {"ipv4": "/etc/ufw/user.rules", "ipv6": "/etc/ufw/user6.rules"}
CHAINS = {"ipv4": "ufw-user-input", "ipv6": "ufw6-user-input"}
_LOCK = "/run/ufw.lock"
_DEFAULTS = "/etc/default/ufw"
_WITH_IPV6 = re.compile(r"""^\s*IPV6=(["']?)yes\1\s*$""", re.IGNORECASE | re.MULTILINE)
_WAYS = ("-A INPUT -j ufw{}-before-input", "-A ufw{}-before-input -j ufw{}-user-input")


def _comes_with_ours(chain: str, line: str) -> bool:
    """Whether a rule is one of the chain in which ours are, and ours will be put before it."""
    return line.startswith(chain) and not refuses_one_source(line)


class Ufw:
    """The backend for hosts whose firewall is ufw, 0.36 or later."""

    name = "ufw"

    def __init__(self, host: Host) -> None:
        self._host = host
        self._saved: dict[str, str] = {}
        self._counted: dict[str, str] = {}
        self._generation: bytes | None = None
        self._made: list[tuple[Ruleset, str, tuple[Rule, ...]]] = []
        self._known: dict[str, t.Any] | None = None

    def require(self) -> None:
        """Refuse a host without ufw and iptables, rights, systemd, or a writable /etc."""
        for program in ("ufw", "iptables-save", "iptables-restore"):
            if self._host.which(program) is None:
                raise HostError(f"this host has no program {program}. Install the packages ufw and iptables")
        self._host.require_net_admin()
        self._host.require_systemd()
        self._host.require_writable("/etc/ufw")

    def read(self) -> Live:
        """The ruleset of the record, and what of the loaded chains is not as it would be made.

        HostError where ufw is enabled and its chains are not loaded, or packets do not come through them.
        """
        self._generation = self._host.call(generation)
        self._counted = {family: self._host.run(f"{PROGRAM[family]}-save", "-c") for family in self._families}
        self._saved = {family: without_counters(text) for family, text in self._counted.items()}
        for family, saved in self._saved.items():
            self._require_loaded(family, saved)
            self._require_readable(FILES[family])
        data = self._record["ruleset"]
        ruleset = None if data is None else ruleset_from_data(data)
        return Live(ruleset, tuple(self._drift(ruleset)))

    def stale(self, want: Ruleset | None) -> tuple[str, ...]:
        """What of ufw's files differs, and of the record."""
        lines = []
        for family, file in FILES.items():
            text = self._host.read(file) or ""
            if edit_file(text, self._ours(want, family), CHAINS[family]) != text:
                lines.append(f"{file}: differs")
        expected = {family: sorted(rule.tuple for rule in self._rules(want, family)) for family in FAMILIES}
        recorded = {family: sorted(self._record["known"].get(family, [])) for family in FAMILIES}
        return (*lines, *([f"{UFW_RECORD}: differs"] if recorded != expected else []))

    def obstacles(self, want: Ruleset) -> tuple[Obstacle, ...]:
        """Other tables of iptables and chains of nftables, and IPv6 where ufw refuses all of it."""
        found = (*other_tables(self._saved, want), *self._before_ours(want))
        found += nftables_obstacles(self._host, want, self._saved if variant_of(self._host) == "nft" else {})
        return found if "ipv6" in self._families else (*found, *self._no_ipv6(want))

    def translations(self) -> tuple[Translation, ...]:
        """Those of iptables."""
        return translations_of(self._saved)

    def validate(self, want: Ruleset | None, *, check_mode: bool) -> None:
        """`iptables-restore --test` on the chains as they would be."""
        if check_mode:
            self._session(want, test=True)

    def snapshot(self, live: Live) -> Snapshot:
        """No file as a whole: its owner may change it meanwhile. A session puts our rules back into what is there."""
        from ansible_collections.gatehouse.kong.plugins.module_utils._host.foreign_python import (  # noqa: PLC0415
            interpreter_of,
            script_of,
        )

        request = self._request(live.ruleset, live=True, files=True)
        return Snapshot((), ((interpreter_of(self._host, "ufw"), script_of(_ufw_session, request)),))

    def apply(self, want: Ruleset | None) -> tuple[str, ...]:
        """Replace our rules in the loaded chains, and end what they no longer allow."""
        self._session(want, [family for family in self._families if not self._is_right(want, family)], live=True)
        from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.flows import end_flows  # noqa: PLC0415

        return end_flows(self._host, want)

    def persist(self, want: Ruleset | None) -> None:
        """Replace our rules in ufw's files; in the loaded chains too, where only the spelling of sources changes."""
        respelled = want is not None and self._record["ruleset"] != ruleset_to_data(want)
        self._session(want, files=True, live=respelled)

    @property
    def _record(self) -> dict[str, t.Any]:
        if self._known is None:
            self._known = read_record(str(self._host.path(UFW_RECORD)))
        return self._known

    def _still_saved(self) -> dict[str, str]:
        """What was loaded when that was read, if nothing has changed since. Rules of iptables-legacy do not tell."""
        same = self._generation is not None and variant_of(self._host) == "nft" and generation() == self._generation
        # What is no text, as in a comment of somebody's, is only told there, as \xff and the like.
        return {family: text for family, text in self._counted.items() if same and "\\x" not in text}

    @cached_property
    def _families(self) -> tuple[str, ...]:
        """The families that ufw has loaded rules for."""
        ipv6 = _WITH_IPV6.search(self._host.read(_DEFAULTS) or "") and self._host.path("/proc/net/if_inet6").exists()
        return FAMILIES if ipv6 else ("ipv4",)

    def _require_loaded(self, family: str, saved: str) -> None:
        number = "6" if family == "ipv6" else ""
        for way in _WAYS:
            line = way.format(number, number)
            if line not in saved.splitlines():
                raise HostError(
                    f"ufw is enabled, but its rules are not loaded: {PROGRAM[family]}-save has no line `{line}`. "
                    "Load them with `ufw reload`, or turn ufw off with `ufw disable`"
                )

    def _require_readable(self, file: str) -> None:
        text = self._host.read(file) or ""
        for marker in (RULES, END):
            if marker not in text:
                raise HostError(
                    f"{file} has no line `{marker.strip()}`, by which ufw marks its rules. Have ufw write it anew, as by "
                    "`ufw allow ssh`, or reinstall the package"
                )

    def _rules(self, ruleset: Ruleset | None, family: str) -> tuple[Rule, ...]:
        """None for IPv6 where ufw is told to have none of it."""
        if not ruleset or (family == "ipv6" and not _WITH_IPV6.search(self._host.read(_DEFAULTS) or "")):
            return ()
        # Equal rulesets may spell their networks differently, so it has to be the very same one.
        found = next((rules for made, of, rules in self._made if made is ruleset and of == family), None)
        if found is None:
            found = make_rules(ruleset, family)
            self._made.append((ruleset, family, found))
        return found

    def _ours(self, ruleset: Ruleset | None, family: str) -> Ours:
        return ours_of(self._record, family, self._host.read(FILES[family]) or "", self._rules(ruleset, family))

    def _drift(self, ruleset: Ruleset | None) -> Iterator[str]:
        for family, saved in self._saved.items():
            chain, ours = CHAINS[family], self._ours(ruleset, family)
            have = chain_lines(saved, chain) or []
            want = edit_chain(have, ours, chain)
            if have == want:
                continue
            program = PROGRAM[family]
            odd = [f"{program} rule missing: {line}" for line in want if line not in have]
            odd += [f"{program} rule: {line}" for line in {live_line(rule, chain) for rule in ours.known}
                    if line in have and line not in want]  # fmt: skip
            yield from sorted(odd) or self._in_between(ruleset, family, ours)

    def _in_between(self, ruleset: Ruleset | None, family: str, ours: Ours) -> list[str]:
        """A line for each rule of others that comes before ours where it matters, or one if none does."""
        chain = CHAINS[family]
        mine = {live_line(rule, chain) for rule in ours.tuples}
        found = before_ours(family, self._saved[family], ruleset or Ruleset(), mine.__contains__, chain)
        lines = [str(one) for one in found]
        return lines or [f"{PROGRAM[family]}: rules of others stand before ours in {chain}, or between them"]

    def _before_ours(self, want: Ruleset) -> Iterator[Obstacle]:
        """Rules that stay before ours: those outside ufw's chain of rules, and those that refuse one source."""
        for family, saved in self._saved.items():
            ours_begin = partial(_comes_with_ours, f"-A {CHAINS[family]} ")
            yield from before_ours(family, saved, want, ours_begin)

    def _no_ipv6(self, want: Ruleset) -> tuple[Obstacle, ...]:
        if not self._host.path("/proc/net/if_inet6").exists():
            return without_ipv6(want, FILES["ipv6"])
        entries = [entry for entry in want.allow if "ipv6" in entry.service.families and entry.sources]
        ports = tuple(f"IPv6 to {entry.service}" for entry in entries)
        reason = f"{_DEFAULTS} has no IPV6=yes, so ufw refuses every IPv6 packet"
        advice = f"Set IPV6=yes in {_DEFAULTS} and run `ufw reload`, unless that is meant"
        return (Obstacle(certain=False, where="ufw", reason=reason, ports=ports, advice=advice),) if ports else ()

    def _session(self, want: Ruleset | None, families: Iterable[str] | None = None, **what: bool) -> None:
        request = self._request(want, families, **{"live": False, "files": False, **what})
        self._known = None
        try:
            self._host.call(_ufw_session.bring, request, self._still_saved)
        except _ufw_session.SessionError as error:
            raise HostError(f"ufw: {error}") from error

    def _is_right(self, want: Ruleset | None, family: str) -> bool:
        """Whether nothing has to change in the loaded chain, as it was when it was read, if it was."""
        saved = self._saved.get(family)
        have = chain_lines(saved, CHAINS[family]) if saved else None
        return have is not None and have == edit_chain(have, self._ours(want, family), CHAINS[family])

    def _program(self, family: str, end: str) -> str:
        name = f"{PROGRAM[family]}-{end}"
        return self._host.which(name) or name

    def _request(self, want: Ruleset | None, families: Iterable[str] | None = None, **what: bool) -> dict[str, t.Any]:
        """What a session is to do; with `families`, in the loaded chains of those only."""
        parts = {
            family: {
                "chain": CHAINS[family],
                "file": str(self._host.path(FILES[family])),
                "save": self._program(family, "save"),
                "restore": self._program(family, "restore"),
                "live": family in (self._families if families is None else families),
                "rules": self._rules(want, family),
            }
            for family in FAMILIES
        }
        ruleset = None if want is None else ruleset_to_data(want)
        places = {"record": str(self._host.path(UFW_RECORD)), "lock": str(self._host.path(_LOCK))}
        return {"families": parts, "ruleset": ruleset, **places, **what}
