# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The likely callers of any sets, compared with a search through all callers and networks."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.gatehouse.kong.plugins.plugin_utils._address import contains
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.allowed import Sets
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.members import list_networks
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.caller_sources import CallerSources

NETWORKS = (
    "10.0.0.0/8",
    "10.0.0.0/30",
    "10.0.0.1/32",
    "10.0.0.2/32",
    "10.0.0.9/32",
    "fd00::/64",
    "fd00::1/128",
    "::/0",
)
LISTED = st.lists(st.sampled_from(NETWORKS), max_size=4, unique=True)


def make_set(networks, **more):
    ipv6 = [network for network in networks if ":" in network]
    return {"ipv4": sorted(set(networks) - set(ipv6)), "ipv6": ipv6, **more}


@settings(max_examples=500, deadline=None)
@given(
    st.lists(st.lists(st.sampled_from(NETWORKS), min_size=1, max_size=2), min_size=1, max_size=6),
    st.tuples(LISTED, LISTED, LISTED),
    LISTED,
    st.lists(st.sampled_from(["shared", "including", "other"]), max_size=3, unique=True),
)
def test_likely_callers(sources, networks, excepted, names):
    shared, own, other = networks
    sets = {
        "shared": make_set(shared),
        "including": make_set(own, includes="shared", **{"except": [net for net in shared if net in excepted]}),
        "other": make_set(other),
    }
    callers = CallerSources(dict(enumerate(sources)), Sets(sets))
    allowing = [network for name in names for network in list_networks(sets, name)]
    allowed = {
        position
        for position, addresses in enumerate(sources)
        if all(any(contains(network, source) for network in allowing) for source in addresses)
    }
    for position, addresses in enumerate(sources):
        assert all(Sets(sets).allow(names, source) for source in addresses) is (position in allowed)
    likely = [list(map(set, callers.list_likely(names, allowed=way))) for way in (True, False)]
    assert allowed <= set.union(*likely[0])
    assert set(range(len(sources))) - allowed <= set.union(*likely[1])
    if "including" not in names:
        assert likely == [[allowed, set()], [set(range(len(sources))) - allowed, set()]]


def test_positions_are_in_ascending_order():
    positions = [64, 5, 1, 9000, 8]
    callers = CallerSources({key: ["10.0.0.1/32"] for key in positions}, Sets({"all": make_set(["10.0.0.0/8"])}))
    assert callers.list_likely(["all"], allowed=True) == (sorted(positions), [])
    assert callers.list_likely([], allowed=False) == (sorted(positions), [])
    assert callers.list_likely([], allowed=True) == callers.list_likely(["all"], allowed=False) == ([], [])
