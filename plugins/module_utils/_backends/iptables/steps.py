# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The steps from the current state to a ruleset. No step accepts an unauthorised source or drops an authorised source.

iptables-restore replaces the rules of one family's table atomically, and the command `swap` of ipset replaces the content
of one set atomically. No command changes two sets, or sets and rules, together. A set that a rule uses can be swapped, but
it cannot be renamed or destroyed.

Adding members, changing the rules and then removing members is not safe: a new member of a set could also reach the ports
that only the old rules open to that set. Swapping several sets in turn is not safe either: a source that moves from one
set to another could be in no set for a moment. Therefore each family has either the old rules with the old members, or the
new rules with the new members:

- If only one set of a family changes, it is swapped. This is one atomic change.
- Otherwise each changed set is created under its other name, which no rule uses yet. Loading rules with these names
  changes the sets and the rules together.
- Unused sets are removed at the beginning or at the end.

IPv4 and IPv6 change one after the other. Each packet belongs to one family, so no packet is affected by that.
"""

from __future__ import annotations

from dataclasses import dataclass

from ansible_collections.gatehouse.kong.plugins.module_utils._backends.iptables.rules import (
    CHAIN,
    MARK_CHAIN,
    TABLE,
    are_same_rules,
    make_rules,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._backends.iptables.state import Chain, State
from ansible_collections.gatehouse.kong.plugins.module_utils._host.networks import Networks
from ansible_collections.gatehouse.kong.plugins.module_utils._host.paths import SET_PREFIX
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.ipset import (
    SetNames,
    destroy,
    fill,
    list_wanted_sets,
    rebuild,
    swap_contents,
    swap_name,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.ruleset import Ruleset

SETS = "sets"


@dataclass(frozen=True)
class Step:
    """A step: the input of iptables-restore for the kind "ipv4" or "ipv6", or of `ipset restore` for the kind SETS."""

    kind: str
    text: str


def plan_removal(state: State) -> list[Step]:
    """Return the steps that remove all our chains, rules and sets."""
    rules = [Step(family, load_text(state.chains[family], None)) for family in state.families
             if state.chains[family].rules is not None]  # fmt: skip
    return [*rules, *_set_step(destroy(sorted(state.sets)))]


def plan_steps(state: State, want: Ruleset) -> list[Step]:
    """Return the steps to a ruleset; no steps if the state represents it already."""
    return _Change(state, want).plan()


def load_text(chain: Chain, rules: tuple[str, ...] | None) -> str:
    """Return the input for iptables-restore --noflush that replaces the rules of our chain, or removes it (None).

    A line with a colon creates a chain or empties an existing chain. Other chains are not changed.
    """
    lines = [f":{name} - [0:0]" for name in (CHAIN, MARK_CHAIN)]
    if rules is None or not chain.hooked:
        lines += [f"-D{jump[2:]}" for jump in chain.jumps]
    if rules is None:
        lines += [f"-X {CHAIN}", f"-X {MARK_CHAIN}"]
    else:
        lines += [*([] if chain.hooked else [f"-I INPUT 1 -j {CHAIN}"]), *rules]
    return "".join(f"{line}\n" for line in (f"*{TABLE}", *lines, "COMMIT"))


class _Change:
    def __init__(self, state: State, want: Ruleset) -> None:
        self._state = state
        self._want = want
        self._sets = list_wanted_sets(want, state.find_name)
        wrong = {name for name, networks in self._sets.items() if not self._is_current(name, networks)}
        self._idle_wrong = sorted(wrong - state.busy_sets)
        self._surplus = {*state.sets} - {*self._sets}
        # By family: sets in use that need other members.
        self._changing = {
            family: sorted(name for name in wrong & state.busy_sets if name.startswith(SET_PREFIX[family]))
            for family in state.families
        }
        self._renamed = {
            name
            for family, names in self._changing.items()
            if len(names) > 1 or not self._is_loaded(family, state.find_name)
            for name in names
        }

    def _is_current(self, name: str, networks: Networks) -> bool:
        return name in self._state.sets and self._state.sets[name].holds(networks)

    def plan(self) -> list[Step]:
        loads = [
            self._load(family) for family in self._state.families if not self._is_loaded(family, self._choose_name)
        ]
        rest = destroy([*sorted(self._renamed), *sorted(self._surplus & self._state.busy_sets)])
        return [*_set_step(self._prepare()), *loads, *_set_step(rest)]

    def _is_loaded(self, family: str, names: SetNames) -> bool:
        chain = self._state.chains[family]
        return chain.hooked and are_same_rules(chain.rules or (), make_rules(self._want, family, names))

    def _choose_name(self, name: str, family: str) -> str:
        current = self._state.find_name(name, family)
        return swap_name(current) if current in self._renamed else current

    def _prepare(self) -> list[str]:
        """Return the lines that destroy unused sets, create new sets, and swap sets that change alone."""
        lines = destroy(sorted(self._surplus - self._state.busy_sets))
        for name in self._idle_wrong:
            lines += rebuild(name, self._sets[name], self._state.sets)
        for name in (name for names in self._changing.values() for name in names):
            lines += fill(swap_name(name), self._sets[name])
            lines += [] if name in self._renamed else swap_contents(name)
        return lines

    def _load(self, family: str) -> Step:
        return Step(family, load_text(self._state.chains[family], make_rules(self._want, family, self._choose_name)))


def _set_step(lines: list[str]) -> list[Step]:
    return [Step(SETS, "".join(f"{line}\n" for line in lines))] if lines else []
