# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Our loaded chains and sets of both families, and the ruleset that they represent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from ansible_collections.gatehouse.kong.plugins.module_utils._backends.iptables.rules import (
    CHAIN,
    JUMP,
    MARK_CHAIN,
    TABLE,
    are_same_rules,
    make_rules,
    read_rules,
    without_quotes,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._host.family import FAMILIES, FAMILY
from ansible_collections.gatehouse.kong.plugins.module_utils._host.networks import Networks, from_ranges
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.ipset import (
    LiveSet,
    list_wanted_sets,
    set_name,
    swap_name,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.iptables_save import select_table
from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.ruleset import (
    Allow,
    Ruleset,
    Service,
    SourceSet,
    make_ruleset,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._transaction.backend import Live


@dataclass(frozen=True)
class Chain:
    """Our chain in the table mangle of one family.

    `rules` are its lines, or None if the chain is missing. `jumps` are the lines of other chains that lead to it. `first`
    tells whether the jump in INPUT is the first rule there.
    """

    rules: tuple[str, ...] | None = None
    jumps: tuple[str, ...] = ()
    first: bool = False

    @property
    def hooked(self) -> bool:
        """True if each packet to the host passes the chain exactly once, before all other rules of INPUT."""
        return self.first and self.jumps == (JUMP,)

    @property
    def set_names(self) -> set[str]:
        """Names in ipset of the sets that its lines use, third-party lines included."""
        words = [line.split() for line in self.rules or ()]
        return {after for line in words for word, after in zip(line, line[1:]) if word == "--match-set"}


@dataclass(frozen=True)
class State:
    """Our chains by family, our sets by name, and the families that the kernel supports."""

    chains: Mapping[str, Chain]
    sets: Mapping[str, LiveSet]
    families: tuple[str, ...]

    @cached_property
    def busy_sets(self) -> set[str]:
        """Names of the sets that loaded rules use."""
        return {name for family in self.families for name in self.chains[family].set_names}

    def find_name(self, name: str, family: str) -> str:
        """Return the name of a set in ipset: the name in use, or else the name of a loaded set, or else its first name."""
        first = set_name(name, family)
        candidates = (first, swap_name(first))
        return next((found for known in (self.busy_sets, self.sets) for found in candidates if found in known), first)


def parse_chain(saved: str) -> Chain:
    """Return our chain in the output of iptables-save or ip6tables-save."""
    lines = select_table(saved, TABLE)
    if not any(line.startswith(f":{CHAIN} ") for line in lines):
        return Chain()
    rules = tuple(line for line in lines if line.startswith((f"-A {CHAIN} ", f"-A {MARK_CHAIN} ")))
    jumps = tuple(line for line in lines if line.endswith((f" -j {CHAIN}", f" -g {CHAIN}")))
    first = next((line for line in lines if line.startswith("-A INPUT ")), None)
    return Chain(rules, jumps, first == JUMP)


def interpret_state(state: State) -> Live[Ruleset]:
    """Return the ruleset that the state represents, and a line for each unexpected object."""
    if all(chain.rules is None for chain in state.chains.values()):
        return Live(None, tuple(f"set {name}: unused" for name in sorted(state.sets)))
    ruleset = _parse_ruleset(state)
    return Live(ruleset, (*_compare_rules(state, ruleset), *_set_drift(state, ruleset)))


def _parse_ruleset(state: State) -> Ruleset:
    entries: dict[Service, Allow] = {}
    names: dict[str, dict[str, str]] = {}
    for family in FAMILIES:
        found, sets = read_rules(state.chains[family].rules or ())
        for entry in found:
            entries.setdefault(entry.service, entry)
        for name, ipset_name in sets.items():
            names.setdefault(name, {})[family] = ipset_name
    sources = [SourceSet(name, *(_read_members(state, name, family, ipset_names) for family in FAMILIES))
               for name, ipset_names in names.items()]  # fmt: skip
    return make_ruleset(entries.values(), sources)


def _read_members(state: State, name: str, family: str, ipset_names: Mapping[str, str]) -> Networks:
    """Return the members of the set in use, or of the loaded set if no rule of the family uses it."""
    live = state.sets.get(ipset_names.get(family) or state.find_name(name, family))
    return live.networks if live else from_ranges(family, ())


def _compare_rules(state: State, ruleset: Ruleset) -> Iterator[str]:
    for family, chain in state.chains.items():
        expected, found = make_rules(ruleset, family, state.find_name), chain.rules or ()
        if are_same_rules(found, expected) and chain.hooked:
            continue
        program = FAMILY[family].iptables
        known, present = ({without_quotes(line) for line in lines} for lines in (expected, found))
        odd = [f"unexpected {program} rule: {line}" for line in found if without_quotes(line) not in known]
        odd += [f"{program} rule missing: {line}" for line in expected if without_quotes(line) not in present]
        odd += [f"unexpected {program} rule: {line}" for line in chain.jumps if line != JUMP]
        odd += [] if chain.hooked else [f"{program}: {_describe_jump(chain)}"]
        yield from odd or [f"{program}: the rules of {CHAIN} are in another order or repeated"]


def _describe_jump(chain: Chain) -> str:
    if JUMP not in chain.jumps:
        return f"the jump from INPUT to {CHAIN} is missing"
    return f"the jump to {CHAIN} is not the first rule of INPUT, or is repeated"


def _set_drift(state: State, ruleset: Ruleset) -> Iterator[str]:
    wanted = list_wanted_sets(ruleset, state.find_name)
    for name, live in sorted(state.sets.items()):
        yield from (f"set {name}: {text}" for text in live.oddities)
        if name not in wanted:
            yield f"set {name}: unused, or used only during a change"
    yield from (f"set {name}: missing" for name in sorted({*wanted} - {*state.sets}))
