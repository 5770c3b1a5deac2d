# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the kernel holds of ours, for both families, and what that means as a ruleset."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from ansible_collections.gatehouse.kong.plugins.module_utils._backends.iptables.rules import (
    CHAIN,
    JUMP,
    MARK_CHAIN,
    TABLE,
    make_rules,
    read_rules,
    same_rules,
    spelled,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._host.networks import Networks, from_ranges
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.ipset import (
    LiveSet,
    other_name,
    set_name,
    wanted_sets,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.iptables_programs import PROGRAM
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.iptables_save import table_lines
from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.ruleset import (
    FAMILIES,
    Allow,
    Ruleset,
    Service,
    SourceSet,
    make_ruleset,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._transaction.backend import Live


@dataclass(frozen=True)
class Chain:
    """Our chain in the filter table of one family.

    `rules` are its lines, None where there is no chain; `jumps` are the lines of other chains that lead to it; `first`
    tells whether the one from INPUT is the first there.
    """

    rules: tuple[str, ...] | None = None
    jumps: tuple[str, ...] = ()
    first: bool = False

    @property
    def hooked(self) -> bool:
        """Whether each packet to the host comes through it before anything else of the filter table, and once."""
        return self.first and self.jumps == (JUMP,)

    @property
    def set_names(self) -> set[str]:
        """The names in ipset of the sets that it names, in lines of ours or of somebody else's."""
        words = [line.split() for line in self.rules or ()]
        return {after for line in words for word, after in zip(line, line[1:]) if word == "--match-set"}


@dataclass(frozen=True)
class State:
    """Our chains by family, our sets by name, and the families whose chains the kernel really has."""

    chains: Mapping[str, Chain]
    sets: Mapping[str, LiveSet]
    families: tuple[str, ...]

    @cached_property
    def busy_sets(self) -> set[str]:
        """The sets that packets are compared with."""
        return {name for family in self.families for name in self.chains[family].set_names}

    def name_of(self, name: str, family: str) -> str:
        """The one of a set's two names in ipset that packets are compared with, or else that there is, or its first."""
        first = set_name(name, family)
        names = (first, other_name(first))
        return next((one for known in (self.busy_sets, self.sets) for one in names if one in known), first)


def parse_chain(saved: str) -> Chain:
    """Our chain in the output of iptables-save or ip6tables-save."""
    lines = table_lines(saved, TABLE)
    if not any(line.startswith(f":{CHAIN} ") for line in lines):
        return Chain()
    rules = tuple(line for line in lines if line.startswith((f"-A {CHAIN} ", f"-A {MARK_CHAIN} ")))
    jumps = tuple(line for line in lines if line.endswith((f" -j {CHAIN}", f" -g {CHAIN}")))
    first = next((line for line in lines if line.startswith("-A INPUT ")), None)
    return Chain(rules, jumps, first == JUMP)


def live_of(state: State) -> Live:
    """The ruleset that the state stands for, and a line for each thing in it that does not belong there."""
    if all(chain.rules is None for chain in state.chains.values()):
        return Live(None, tuple(f"set {name}: no rule uses it" for name in sorted(state.sets)))
    ruleset = _ruleset(state)
    return Live(ruleset, (*_rule_drift(state, ruleset), *_set_drift(state, ruleset)))


def _ruleset(state: State) -> Ruleset:
    entries: dict[Service, Allow] = {}
    names: dict[str, dict[str, str]] = {}
    for family in FAMILIES:
        found, sets = read_rules(state.chains[family].rules or ())
        for entry in found:
            entries.setdefault(entry.service, entry)
        for name, ours in sets.items():
            names.setdefault(name, {})[family] = ours
    sources = [SourceSet(name, *(_members(state, name, family, ours) for family in FAMILIES))
               for name, ours in names.items()]  # fmt: skip
    return make_ruleset(entries.values(), sources)


def _members(state: State, name: str, family: str, ours: Mapping[str, str]) -> Networks:
    """What a set holds. Where no rule of its family names it, it is the one that there is."""
    live = state.sets.get(ours.get(family) or state.name_of(name, family))
    return live.networks if live else from_ranges(family, ())


def _rule_drift(state: State, ruleset: Ruleset) -> Iterator[str]:
    for family, chain in state.chains.items():
        expected, found = make_rules(ruleset, family, state.name_of), chain.rules or ()
        if same_rules(found, expected) and chain.hooked:
            continue
        program = PROGRAM[family]
        known, present = ({spelled(line) for line in lines} for lines in (expected, found))
        odd = [f"{program} rule: {line}" for line in found if spelled(line) not in known]
        odd += [f"{program} rule missing: {line}" for line in expected if spelled(line) not in present]
        odd += [f"{program} rule: {line}" for line in chain.jumps if line != JUMP]
        odd += [] if chain.hooked else [f"{program}: {_hook(chain)}"]
        yield from odd or [f"{program}: the rules of {CHAIN} are in another order, or repeated"]


def _hook(chain: Chain) -> str:
    if JUMP not in chain.jumps:
        return f"nothing leads from INPUT to {CHAIN}"
    return f"the jump to {CHAIN} is not the first rule of INPUT, or not once"


def _set_drift(state: State, ruleset: Ruleset) -> Iterator[str]:
    wanted = wanted_sets(ruleset, state.name_of)
    for name, live in sorted(state.sets.items()):
        yield from (f"set {name}: {text}" for text in live.oddities)
        if name not in wanted:
            yield f"set {name}: no rule uses it, or only for a moment"
    yield from (f"set {name}: missing" for name in sorted({*wanted} - {*state.sets}))
