# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The networks that a chain drops, compared with an evaluation of each network alone, for random chains."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.gatehouse.kong.plugins.module_utils._gateway.partial_drops import find_dropped
from ansible_collections.gatehouse.kong.plugins.module_utils._host.networks import from_members, from_ranges
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.walk import ACCEPT, DROP, Chain, Outcome

CHAIN = Chain("forward")
FIRST, SECOND = object(), object()  # two rules
PASSES, DROPS = (Outcome(ACCEPT), None), (Outcome(DROP), FIRST)
OTHER_DROPS, BANS, MAY_DROP = (
    (Outcome(DROP, named=True), SECOND),
    (Outcome(DROP, ban=True), SECOND),
    (Outcome(DROP), FIRST),
)
# The outcomes of the packets of an address.
KINDS = {
    "passed": [PASSES],
    "dropped": [DROPS],
    "dropped by another rule": [OTHER_DROPS],
    "dropped for certain by one of both": [DROPS, OTHER_DROPS],
    "banned in part": [PASSES, BANS],
    "unknown": [PASSES, MAY_DROP],
}


def make_walk(kinds):
    """Return the outcomes of all addresses of a network."""

    def walk(networks):
        found = {}
        for first, last in networks.ranges:
            for address in range(first, last + 1):
                found.update((outcome, (CHAIN, rule)) for outcome, rule in KINDS[kinds[address]])
        return found

    return walk


def make_networks(kinds):
    return from_members("ipv4", [(address, address) for address in kinds])


@given(st.dictionaries(st.integers(1, 40), st.sampled_from([*KINDS]), max_size=12))
def test_the_parts_are_those_of_each_address_alone(kinds):
    parts = find_dropped(make_walk(kinds), make_networks(kinds))
    if "unknown" in kinds.values():
        assert parts is None
        return
    dropped = {address for address, kind in kinds.items() if kind.startswith("dropped")}
    ranges = [addresses for part in parts for addresses in part.networks.ranges]
    assert from_ranges("ipv4", ranges) == from_ranges("ipv4", [(address, address) for address in dropped])
    assert sum(last - first + 1 for first, last in ranges) == len(dropped)
    assert len({id(part.rule) for part in parts}) == len(parts)
    rules = {"dropped": FIRST, "dropped by another rule": SECOND, "dropped for certain by one of both": FIRST}
    for part in parts:
        assert {
            rules[kinds[address]] for first, last in part.networks.ranges for address in range(first, last + 1)
        } == {part.rule}


def test_the_number_of_evaluations_does_not_grow_with_equal_sources():
    calls = []
    kinds = dict.fromkeys(range(0, 400, 2), "passed")
    walk = make_walk(kinds)

    def count(networks):
        calls.append(networks)
        return walk(networks)

    assert find_dropped(count, make_networks(kinds)) == []
    assert len(calls) == 1
    kinds[200] = "dropped"
    calls.clear()
    assert [part.networks.format() for part in find_dropped(count, make_networks(kinds))] == [["0.0.0.200/32"]]
    assert len(calls) < 20
