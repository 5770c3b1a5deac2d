# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import ipaddress
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.ruleset import (
    ANY,
    Ruleset,
    entries_of,
    ruleset_from_data,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.union import unite

ANYWHERE, HERE, EVERY = "0.0.0.0", "192.0.2.1", None
SETS = {"ops": ["198.51.100.1/32"], "peers": ["198.51.100.2/32", "198.51.100.3/32"]}


def ruleset(*rules, **sets):
    """(port, address, sources) for each tcp port; sets by name."""
    members = {**SETS, **sets}
    allow = [{"listener": "proxy", "protocol": "tcp", "port": port, "address": address, "sources": sources}
             for port, address, sources in rules]  # fmt: skip
    used = {name for _port, _address, sources in rules if sources != ANY for name in sources}
    return ruleset_from_data({"allow": allow, "sets": {name: {"ipv4": members[name]} for name in used}})


def rules(united):
    return [(one.service.port, one.service.address, one.sources) for one in united.allow]


CASES = {
    "a host without rules": (None, [(80, ANYWHERE, ANY)], [(80, ANYWHERE, ANY)]),
    "a port moves": ([(8000, ANYWHERE, ANY)], [(80, ANYWHERE, ANY)], [(80, ANYWHERE, ANY), (8000, ANYWHERE, ANY)]),
    "a bind narrows to loopback": (
        [(8001, ANYWHERE, ["ops"])],
        [(8001, "127.0.0.1", [])],
        [(8001, ANYWHERE, ("ops",)), (8001, "127.0.0.1", ("ops",))],
    ),
    "a bind widens: the narrow rule lets in whom the wide one does": (
        [(8001, HERE, ["ops"])],
        [(8001, ANYWHERE, ["peers"])],
        [(8001, ANYWHERE, ("peers",)), (8001, HERE, ("ops", "peers"))],
    ),
    "a wide rule decides where there is no narrow one": (
        [(8001, EVERY, ["ops"])],
        [(8001, ANYWHERE, ["peers"])],
        [(8001, ANYWHERE, ("ops", "peers")), (8001, EVERY, ("ops",))],
    ),
    "IPv6 is another matter": (
        [(8001, "::", ["ops"])],
        [(8001, HERE, ["peers"])],
        [(8001, HERE, ("peers",)), (8001, "::", ("ops",))],
    ),
    "anyone and some are anyone": ([(80, HERE, ["ops"])], [(80, HERE, ANY)], [(80, HERE, ANY)]),
}


@pytest.mark.parametrize("live, want, united", CASES.values(), ids=CASES)
def test_both_are_let_in(live, want, united):
    assert rules(unite(live and ruleset(*live), ruleset(*want))) == united


def test_a_set_that_changes_lets_nobody_into_the_new_port():
    """198.51.100.9 leaves the peers in the moment in which port 9000 opens to them."""
    live = ruleset((7946, HERE, ["peers"]), peers=["198.51.100.2/32", "198.51.100.9/32"])
    united = unite(live, ruleset((9000, HERE, ["peers"])))
    assert rules(united) == [(7946, HERE, ("peers-before",)), (9000, HERE, ("peers",))]
    assert {one.name: one.ipv4.texts() for one in united.sets} == {
        "peers": SETS["peers"],
        "peers-before": ["198.51.100.2/32", "198.51.100.9/32"],
    }


def lets_in(one: Ruleset | None, port: int, address: str, source: str) -> bool | None:
    """Whether a packet gets in; None where no rule is about it."""
    members = {each.name: each for each in one.sets} if one else {}
    for entry in entries_of(one, "ipv4") if one else ():
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
def rulesets(draw):
    listed = [(port, address, sources) for (port, address), sources in draw(PORTS).items()]
    return ruleset(*listed, a=draw(MEMBERS), b=draw(MEMBERS))


@given(rulesets(), rulesets())
def test_who_gets_in_is_who_gets_in_by_one_of_the_two(live, want):
    united = unite(live, want)
    for port in (1, 2):
        for address in (HERE, "192.0.2.2", "192.0.2.3"):
            for last in range(1, 6):
                packet = (port, address, f"198.51.100.{last}")
                by_each = [verdict for one in (live, want) if (verdict := lets_in(one, *packet)) is not None]
                assert lets_in(united, *packet) == (any(by_each) if by_each else None)


@given(rulesets(), rulesets())
def test_united_again_it_stays_the_same(live, want):
    united = unite(live, want)
    assert unite(united, want) == united


@pytest.mark.parametrize("published", [("live",), ("want",), ("live", "want")])
@pytest.mark.parametrize("sources", [ANY, ["ops"]])
def test_a_port_that_is_published_in_one_of_the_two_is_published(published, sources):
    """Else what is forwarded to the container would be judged by nobody until the second half of the change."""
    live, want = (
        replace(one, allow=tuple(replace(entry, published=name in published) for entry in one.allow))
        for name, one in (("live", ruleset((80, EVERY, sources))), ("want", ruleset((80, EVERY, sources))))
    )
    assert [entry.published for entry in unite(live, want).allow] == [True]
