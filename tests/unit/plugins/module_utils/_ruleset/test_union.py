# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import ipaddress
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.data import ruleset_from_data
from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.ruleset import ANY, Ruleset, select_entries
from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.union import unite

ANYWHERE, HERE, EVERY = "0.0.0.0", "192.0.2.1", None
SETS = {"ops": ["198.51.100.1/32"], "peers": ["198.51.100.2/32", "198.51.100.3/32"]}


def make_ruleset(*rules, **sets):
    """Return a ruleset from (port, address, sources) of tcp ports, and from the members of sets by name."""
    members = {**SETS, **sets}
    allow = [{"listener": "proxy", "protocol": "tcp", "port": port, "address": address, "sources": sources}
             for port, address, sources in rules]  # fmt: skip
    used = {name for _port, _address, sources in rules if sources != ANY for name in sources}
    return ruleset_from_data({"allow": allow, "sets": {name: {"ipv4": members[name]} for name in used}})


def list_rules(united):
    return [(entry.service.port, entry.service.address, entry.sources) for entry in united.allow]


CASES = {
    "a host without rules": (None, [(80, ANYWHERE, ANY)], [(80, ANYWHERE, ANY)]),
    "the port changes": ([(8000, ANYWHERE, ANY)], [(80, ANYWHERE, ANY)], [(80, ANYWHERE, ANY), (8000, ANYWHERE, ANY)]),
    "the listener changes from every address to loopback": (
        [(8001, ANYWHERE, ["ops"])],
        [(8001, "127.0.0.1", [])],
        [(8001, ANYWHERE, ("ops",)), (8001, "127.0.0.1", ("ops",))],
    ),
    "the listener changes to every address: the specific rule allows the sources of both": (
        [(8001, HERE, ["ops"])],
        [(8001, ANYWHERE, ["peers"])],
        [(8001, ANYWHERE, ("peers",)), (8001, HERE, ("ops", "peers"))],
    ),
    "the wildcard rule decides without a specific rule": (
        [(8001, EVERY, ["ops"])],
        [(8001, ANYWHERE, ["peers"])],
        [(8001, ANYWHERE, ("ops", "peers")), (8001, EVERY, ("ops",))],
    ),
    "a rule for IPv6 does not affect IPv4": (
        [(8001, "::", ["ops"])],
        [(8001, HERE, ["peers"])],
        [(8001, HERE, ("peers",)), (8001, "::", ("ops",))],
    ),
    "any source and a set become any source": ([(80, HERE, ["ops"])], [(80, HERE, ANY)], [(80, HERE, ANY)]),
}


@pytest.mark.parametrize("live, want, united", CASES.values(), ids=CASES)
def test_the_sources_of_both_rulesets_are_allowed(live, want, united):
    assert list_rules(unite(live and make_ruleset(*live), make_ruleset(*want))) == united


@pytest.mark.parametrize(
    "live, want, expected",
    [
        (None, (True, 14), (True, 14)),
        (None, (False, 0), (False, 0)),
        ((True, 14), (False, 0), (True, 14)),
        ((False, 0), (True, 7), (True, 7)),
        ((False, 30), (False, 7), (False, 7)),
        ((True, 14), (True, 7), (True, 7)),
    ],
)
def test_the_union_drops_no_more_than_either_ruleset(live, want, expected):
    plain = make_ruleset((80, HERE, ["ops"]))
    old, new = (mode and replace(plain, staged=mode[0], count_days=mode[1]) for mode in (live, want))
    united = unite(old, new)
    assert (united.staged, united.count_days) == expected
    assert unite(united, new) == united


def test_a_removed_member_is_not_allowed_on_an_added_port():
    """Change set peers and add a port for it in one step: 198.51.100.9 leaves the set, port 9000 is added."""
    live = make_ruleset((7946, HERE, ["peers"]), peers=["198.51.100.2/32", "198.51.100.9/32"])
    united = unite(live, make_ruleset((9000, HERE, ["peers"])))
    assert list_rules(united) == [(7946, HERE, ("peers-before",)), (9000, HERE, ("peers",))]
    assert {source_set.name: source_set.ipv4.format() for source_set in united.sets} == {
        "peers": SETS["peers"],
        "peers-before": ["198.51.100.2/32", "198.51.100.9/32"],
    }


def allows(ruleset: Ruleset | None, port: int, address: str, source: str) -> bool | None:
    """Tell whether a packet is allowed; None if no rule matches its destination."""
    members = {source_set.name: source_set for source_set in ruleset.sets} if ruleset else {}
    for entry in select_entries(ruleset, "ipv4") if ruleset else ():
        if entry.service.port == port and entry.service.address in (address, ANYWHERE, EVERY):
            number = int(ipaddress.ip_address(source))
            return entry.sources == ANY or any(members[name].ipv4.covers((number, number)) for name in entry.set_names)
    return None


NAMES = st.sampled_from(("a", "b"))
SOURCES = st.one_of(st.just(ANY), st.lists(NAMES, unique=True, max_size=2))
MEMBERS = st.lists(st.integers(1, 4).map("198.51.100.{}/32".format), min_size=1, max_size=3, unique=True)
PORTS = st.dictionaries(
    st.tuples(st.sampled_from((1, 2)), st.sampled_from((HERE, "192.0.2.2", ANYWHERE, EVERY))), SOURCES, max_size=5
)


@st.composite
def draw_ruleset(draw):
    listed = [(port, address, sources) for (port, address), sources in draw(PORTS).items()]
    return make_ruleset(*listed, a=draw(MEMBERS), b=draw(MEMBERS))


@given(draw_ruleset(), draw_ruleset())
def test_a_packet_is_allowed_if_one_of_the_two_rulesets_allows_it(live, want):
    united = unite(live, want)
    for port in (1, 2):
        for address in (HERE, "192.0.2.2", "192.0.2.3"):
            for last in range(1, 6):
                packet = (port, address, f"198.51.100.{last}")
                verdicts = [allows(before, *packet) for before in (live, want)]
                decided = [verdict for verdict in verdicts if verdict is not None]
                assert allows(united, *packet) == (any(decided) if decided else None)


@given(draw_ruleset(), draw_ruleset())
def test_a_second_union_changes_nothing(live, want):
    united = unite(live, want)
    assert unite(united, want) == united


@pytest.mark.parametrize("published", [("live",), ("want",), ("live", "want")])
@pytest.mark.parametrize("sources", [ANY, ["ops"]])
def test_a_port_that_is_published_in_one_of_the_two_is_published(published, sources):
    """Otherwise no rule would match forwarded packets until the second phase of the change."""
    entries = make_ruleset((80, EVERY, sources))
    live, want = (
        replace(entries, allow=tuple(replace(entry, published=name in published) for entry in entries.allow))
        for name in ("live", "want")
    )
    assert [entry.published for entry in unite(live, want).allow] == [True]
