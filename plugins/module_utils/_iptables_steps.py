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
- Otherwise the new members come under temporary names, which no rule has yet. Loading rules that name these is the one
  moment at which everything changes. Then nobody looks at the sets with the real names: they are made anew, and rules
  that name them, and mean the same, replace the others.
- What no rule names goes last, or before everything.

IPv4 and IPv6 change one after the other, which no packet can notice: it is of one family.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ansible_collections.gatehouse.kong.plugins.module_utils._ipset import (
    destroy,
    exchange,
    fill,
    rebuild,
    set_name,
    temporary,
    wanted_sets,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._iptables_rules import (
    CHAIN,
    JUMP,
    make_rules,
    same_rules,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._iptables_state import Chain, State
from ansible_collections.gatehouse.kong.plugins.module_utils._networks import Networks
from ansible_collections.gatehouse.kong.plugins.module_utils._places import SET_PREFIX
from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset import Ruleset

SETS = "sets"
_HOOKED = Chain((), (JUMP,), first=True)


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
    lines = [f":{CHAIN} - [0:0]"]
    if rules is None or not chain.hooked:
        lines += [f"-D{jump[2:]}" for jump in chain.jumps]
    if rules is None:
        lines.append(f"-X {CHAIN}")
    else:
        lines += [*([] if chain.hooked else [f"-I INPUT 1 -j {CHAIN}"]), *rules]
    return "".join(f"{line}\n" for line in ("*filter", *lines, "COMMIT"))


class _Change:
    def __init__(self, state: State, want: Ruleset) -> None:
        self._state = state
        self._want = want
        self._sets = wanted_sets(want)
        busy = state.busy_sets
        wrong = {name for name, networks in self._sets.items() if not self._is_right(name, networks)}
        self._idle_wrong = sorted(wrong - busy)
        self._surplus = {*state.sets} - {*self._sets}
        self._idle_surplus = self._surplus - busy
        # By family: sets that packets are being compared with, and that need other members.
        self._changing = {
            family: sorted(name for name in wrong & busy if name.startswith(SET_PREFIX[family]))
            for family in state.families
        }

    def _is_right(self, name: str, networks: Networks) -> bool:
        return name in self._state.sets and self._state.sets[name].holds(networks)

    def steps(self) -> list[Step]:
        swapped = [
            name for family in self._state.families if not self._detour(family) for name in self._changing[family]
        ]
        detour = [name for family in self._state.families if self._detour(family) for name in self._changing[family]]
        prepared = [*self._prepare([*swapped, *detour]), *(line for name in swapped for line in exchange(name))]
        moment = self._loads(detour)
        settled = [line for name in detour for line in rebuild(name, self._sets[name], self._state.sets)]
        final = [self._load(family, _HOOKED, ()) for family in self._state.families if self._detour(family)]
        rest = destroy([*map(temporary, detour), *sorted(self._surplus - self._idle_surplus)])
        return [*_set_step(prepared), *moment, *_set_step(settled), *final, *_set_step(rest)]

    def _detour(self, family: str) -> bool:
        """Whether a family's sets cannot just be swapped."""
        changing = len(self._changing[family])
        return changing > 1 or bool(changing and not self._rules_stay(family))

    def _rules_stay(self, family: str) -> bool:
        chain = self._state.chains[family]
        return chain.hooked and same_rules(chain.rules or (), make_rules(self._want, family))

    def _prepare(self, changing: Iterable[str]) -> list[str]:
        """Sets that no rule names: the old ones go, the new ones come, and the next members of the others wait."""
        lines = destroy(sorted(self._idle_surplus))
        for name in self._idle_wrong:
            lines += rebuild(name, self._sets[name], self._state.sets)
        return [*lines, *(line for name in changing for line in fill(temporary(name), self._sets[name]))]

    def _loads(self, waiting: list[str]) -> list[Step]:
        changing = (family for family in self._state.families if self._detour(family) or not self._rules_stay(family))
        return [self._load(family, self._state.chains[family], waiting) for family in changing]

    def _load(self, family: str, chain: Chain, waiting: Iterable[str]) -> Step:
        def name_now(name: str, of: str) -> str:
            final = set_name(name, of)
            return temporary(final) if final in waiting else final

        return Step(family, load_text(chain, make_rules(self._want, family, name_now)))


def _set_step(lines: list[str]) -> list[Step]:
    return [Step(SETS, "".join(f"{line}\n" for line in lines))] if lines else []
