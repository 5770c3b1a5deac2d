# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The chain ufw-after-input of a family as it is loaded: the place of our rule in it, and the rules without effect."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from ansible_collections.gatehouse.kong.plugins.module_utils._backends.ufw.late_session import (
    END,
    is_ours,
    list_chain_rules,
    plan_chain_commands,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._host.family import FAMILY
from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import HostError
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.conflict import Conflict
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.ends import END as DROPPED
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.ends import (
    POLICY,
    Step,
    make_first_packet,
    walk_steps,
    without_effect,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.iptables_rule import parse_rule
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.iptables_save import (
    select_table,
    split_saved,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.iptables_walk import (
    find_conflicts,
    parse_chains,
    parse_table,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.names import LATE_RULE
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.walk import ACCEPT
from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.ruleset import Ruleset, Service

_FIRST_JUMP = "-A INPUT -j {}-before-input"
_USER_JUMP = "-A {0}-before-input -j {0}-user-input"
_AFTER_JUMP = "-A INPUT -j {}-after-input"


@dataclass(frozen=True)
class LateChain:
    """The chain of a family, and the output of iptables-save or ip6tables-save; empty if ufw has loaded no rules."""

    family: str
    saved: str

    @property
    def name(self) -> str:
        """The name of the chain."""
        return f"{self._prefix}-after-input"

    @property
    def _prefix(self) -> str:
        return f"ufw{FAMILY[self.family].suffix}"

    def require_loaded(self) -> None:
        """Raise HostError unless packets pass ufw's chains before our rule."""
        program = FAMILY[self.family].iptables
        lines = self.saved.splitlines()
        jumps = [jump.format(self._prefix) for jump in (_FIRST_JUMP, _AFTER_JUMP, _USER_JUMP)]
        missing = next((jump for jump in jumps if jump not in lines), None)
        if missing is None:
            return
        chain = f"{self._prefix}-before-logging-input"
        # ufw adds its jumps to INPUT only if this chain is missing (/lib/ufw/ufw-init-functions, ufw_start).
        flushed = missing.startswith("-A INPUT") and f":{chain} " in self.saved
        fix = f"`{program} -F {chain}; {program} -X {chain}; ufw reload`" if flushed else "`ufw reload`"
        raise HostError(
            f"the rules of ufw are not loaded: {program}-save has no line `{missing}`. "
            f"Load them with {fix}, or disable ufw with `ufw disable`"
        )

    def list_rules(self) -> list[str]:
        """Return the loaded rules of the chain; no rules if the chain is not loaded."""
        return list_chain_rules("\n".join(select_table(self.saved, "filter")), self.name) or []

    def find_place(self, want: Ruleset | None) -> str:
        """Return the place of our rule in the chain: before the first rule at which all new packets to a port leave the chain.

        Such a rule is from an administrator, or ufw's own rule for a port of NetBIOS, SMB or DHCP.
        """
        if want is None:
            return ""
        found = self._find_first_end(want)
        return found.text if found else END

    def _find_first_end(self, want: Ruleset) -> Step | None:
        """Return the first rule of the chain that drops every new packet to a managed port, or sends it to ufw's default."""
        steps = (step for _service, steps in self._walk(want) for step in steps)
        found = (step for step in steps if step.rule and step.kind in (DROPPED, POLICY))
        return min(found, key=lambda step: step.position, default=None)

    def _walk(self, want: Ruleset) -> Iterator[tuple[Service, tuple[Step, ...]]]:
        """Yield the steps of new packets in the chain for each managed port. Other chains get no accept rule.

        Packets that leave the chain reach ufw's default, so the chain is like a base chain.
        """
        table = parse_table(self.saved, "filter")
        lines = {name: [line for line in found if not is_ours(line, LATE_RULE)] for name, found in table.items()}
        chains = parse_chains(lines)
        if self.name in chains:
            for service in _list_services(want, self.family):
                packet = make_first_packet(service, self.family)
                yield service, walk_steps(chains, chains[self.name], packet, closed=chains)

    def compare(self, want: Ruleset | None) -> Iterator[str]:
        """Yield a line for each copy of our rule that is missing, unexpected or misplaced."""
        wanted = self.find_place(want)
        saved, chain = "\n".join(select_table(self.saved, "filter")), self.name
        if not plan_chain_commands(saved, chain, LATE_RULE, wanted):
            return
        program, rules = FAMILY[self.family].iptables, self.list_rules()
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

    def find_conflicts(self, want: Ruleset) -> tuple[Conflict, ...]:
        """Return the rules that drop packets to our ports, as far as our rule does not accept them before."""
        rules = [line for line in self.list_rules() if not is_ours(line, LATE_RULE)]
        wanted = self.find_place(want)
        place = rules.index(wanted) if wanted in rules else len(rules)
        return find_conflicts(self.saved, want, self.family, [(self.name, place)])

    def find_ineffective_rules(self, want: Ruleset) -> Iterator[Conflict]:
        """Yield a warning for each rule without effect, because it follows our rule or the chains of ufw."""
        end = self._find_first_end(want)
        void: dict[str, list[Service]] = {}
        for service, steps in self._walk(want):
            for step in without_effect(steps, {end.chain: end.position} if end else {}):
                void.setdefault(step.text, []).append(service)
        for line, services in void.items():
            yield _warn_of_exempt_rule(self.family, line, "follows the rule of gatehouse.kong", services)
        table = parse_table(self.saved, "filter")
        lines = [*table["INPUT"]]
        following = lines[lines.index(_AFTER_JUMP.format(self._prefix)) + 1 :]
        for line in (line for line in following if f" -j {self._prefix}-" not in line):
            rule = parse_rule(line, frozenset(table))
            services = [service for service in _list_services(want, self.family)
                        if any(action.verdict != ACCEPT for action in rule.evaluate(make_first_packet(service, self.family)).actions)]  # fmt: skip
            if services:
                yield _warn_of_exempt_rule(
                    self.family, line, "follows the chains of ufw, which accept authorised packets", services
                )


def _list_services(want: Ruleset, family: str) -> list[Service]:
    return [entry.service for entry in want.allow if entry.sources and family in entry.service.families]


def _warn_of_exempt_rule(family: str, line: str, reason: str, services: Iterable[Service]) -> Conflict:
    """Return the warning about a rule of the host that has no effect on authorised packets."""
    return Conflict(
        certain=False,
        where=f"table filter of {FAMILY[family].iptables}",
        reason=f"`{line}` {reason}",
        ports=tuple(map(str, services)),
        advice="Move it to the top of INPUT, or use `ufw insert 1 deny from ...`",
        effect="exempt",
    )


def _find_misplaced(program: str, rules: Sequence[str], present: str, wanted: str) -> Iterator[str]:
    """Yield a line with the rule that our rule must not follow or precede."""
    after = rules[rules.index(present) + 1 :]
    if wanted != END and wanted not in after:
        yield f"{program} rule follows `{wanted}`, which drops authorised packets"
    elif after and after[0] != wanted:
        yield f"{program} rule precedes `{after[0]}`, which therefore has no effect"
