# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The steps from the state found to the ruleset asked for, none of which lets in a stranger or refuses a source.

Two facts shape them. A load of iptables-restore replaces the rules of one family's table at once, and a `swap` of ipset
the content of one set at once, but nothing changes two sets, or sets and rules, together. And rules keep hold of the
sets they name: those can be swapped, and neither renamed nor destroyed.

So growing the sets, changing the rules and shrinking the sets is not enough: a source that is new in a set would for a
moment also reach the ports that only the old rules open to that set. And swaps one after the other may take a source out
of one set before it comes into the other. Instead the rules of a family are always those of the old ruleset with the old
members, or those of the new with the new:

- Where one set is all that changes in a family, it is swapped: one moment, one process.
- Otherwise each set that changes comes under the other of its two names, which no rule has yet. Loading rules that name
  these is the one moment at which everything changes.
- What no rule names goes last, or before everything.

IPv4 and IPv6 change one after the other, which no packet can notice: it is of one family.
"""

from __future__ import annotations

from dataclasses import dataclass

from ansible_collections.gatehouse.kong.plugins.module_utils._backends.iptables.rules import (
    CHAIN,
    MARK_CHAIN,
    TABLE,
    make_rules,
    same_rules,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._backends.iptables.state import Chain, State
from ansible_collections.gatehouse.kong.plugins.module_utils._host.networks import Networks
from ansible_collections.gatehouse.kong.plugins.module_utils._host.paths import SET_PREFIX
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.ipset import (
    SetNames,
    destroy,
    exchange,
    fill,
    other_name,
    rebuild,
    wanted_sets,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.ruleset import Ruleset

SETS = "sets"


@dataclass(frozen=True)
class Step:
    """One process: what is loaded into "ipv4" or "ipv6" rules by iptables-restore, or by `ipset restore` into SETS."""

    kind: str
    text: str


def removal_steps(state: State) -> list[Step]:
    """The steps that leave no trace."""
    rules = [Step(family, load_text(state.chains[family], None)) for family in state.families
             if state.chains[family].rules is not None]  # fmt: skip
    return [*rules, *_set_step(destroy(sorted(state.sets)))]


def steps(state: State, want: Ruleset) -> list[Step]:
    """The steps to a ruleset; none where the state is that already."""
    return _Change(state, want).steps()


def load_text(chain: Chain, rules: tuple[str, ...] | None) -> str:
    """The input for iptables-restore --noflush that makes these the chain's rules, or removes the chain (None).

    Naming a chain with a colon makes it, or empties the one that is there; other chains stay as they are.
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
        self._sets = wanted_sets(want, state.name_of)
        wrong = {name for name, networks in self._sets.items() if not self._is_right(name, networks)}
        self._idle_wrong = sorted(wrong - state.busy_sets)
        self._surplus = {*state.sets} - {*self._sets}
        # By family: sets that packets are being compared with, and that need other members.
        self._changing = {
            family: sorted(name for name in wrong & state.busy_sets if name.startswith(SET_PREFIX[family]))
            for family in state.families
        }
        self._renamed = {
            name
            for family, names in self._changing.items()
            if len(names) > 1 or not self._is_loaded(family, state.name_of)
            for name in names
        }

    def _is_right(self, name: str, networks: Networks) -> bool:
        return name in self._state.sets and self._state.sets[name].holds(networks)

    def steps(self) -> list[Step]:
        loads = [self._load(family) for family in self._state.families if not self._is_loaded(family, self._next_name)]
        rest = destroy([*sorted(self._renamed), *sorted(self._surplus & self._state.busy_sets)])
        return [*_set_step(self._prepare()), *loads, *_set_step(rest)]

    def _is_loaded(self, family: str, names: SetNames) -> bool:
        chain = self._state.chains[family]
        return chain.hooked and same_rules(chain.rules or (), make_rules(self._want, family, names))

    def _next_name(self, name: str, family: str) -> str:
        now = self._state.name_of(name, family)
        return other_name(now) if now in self._renamed else now

    def _prepare(self) -> list[str]:
        """Sets that no rule names: the old ones go, and the new ones come, of which some are swapped."""
        lines = destroy(sorted(self._surplus - self._state.busy_sets))
        for name in self._idle_wrong:
            lines += rebuild(name, self._sets[name], self._state.sets)
        for name in (name for names in self._changing.values() for name in names):
            lines += fill(other_name(name), self._sets[name])
            lines += [] if name in self._renamed else exchange(name)
        return lines

    def _load(self, family: str) -> Step:
        return Step(family, load_text(self._state.chains[family], make_rules(self._want, family, self._next_name)))


def _set_step(lines: list[str]) -> list[Step]:
    return [Step(SETS, "".join(f"{line}\n" for line in lines))] if lines else []
