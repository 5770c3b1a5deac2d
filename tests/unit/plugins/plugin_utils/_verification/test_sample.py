# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Properties of every sample, for random fleets and numbers of probes."""

from __future__ import annotations

import random

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from ansible_collections.gatehouse.kong.plugins.plugin_utils._address import find_family
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.queries import get_host
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification import probes as probes_module
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.probes import list_callers, list_probes_from
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.result import compare, format_verification
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.sample import choose_sample
from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils._fleet.test_networks import (
    ATTACHED,
    NETWORKS,
    make_host,
)
from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils._plan.test_plan_properties import (
    as_inventory,
    make_random_fleet,
)
from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils._plan.test_shared_sets import (
    SHARED,
    assign_sites,
    compile_with,
)
from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils.fleets import (
    SEED_NODES,
    SEED_OTHERS,
    make_gossip_sites,
    make_hybrid_sites,
    plan_fleet,
)

AS_EXPECTED = {"open": "open", "filtered": "filtered", "closed": "refused"}


def make_fleet(seed):
    """Return the plan of a fleet of several sites, clusters and kinds of sources."""
    rng = random.Random(seed)
    sites = [f"s{number}" for number in range(rng.randint(1, 3))]
    nodes = {}
    for number in range(rng.randint(2, 9)):
        site = rng.choice(sites)
        address = f"10.{sites.index(site)}.0.{number + 1}"
        nodes[f"n{number}"] = {
            "kong_site": site,
            "kong_flat_network": rng.random() < 0.5,
            "kong_address": [address, f"fd00::{number + 1:x}"] if rng.random() < 0.3 else address,
            "kong_admin_listen": rng.choice(
                ["0.0.0.0:8001", "127.0.0.1:8001", "0.0.0.0:8001, 0.0.0.0:8444 ssl", "off"]
            ),
            "kong_admin_sources": rng.choice([["nobody"], ["x0"], ["x0", "n1"], ["10.0.0.0/16"]]),
            "kong_proxy_sources": rng.choice([["any"], ["x1"], ["@kong"]]),
        }
    others = {name: {"kong_site": rng.choice(sites), "kong_address": f"10.{number}.9.9"}
              for number, name in enumerate(("x0", "x1"))}  # fmt: skip
    return plan_fleet(nodes, others)


def get_listener(probe):
    return probe.target, probe.listener, probe.bound, probe.port, probe.protocol, find_family(probe.dialled.address)


def list_all_probes(plan):
    return {probe for caller in list_callers(plan) for probe in list_probes_from(plan, caller)}


def check_coverage(probes, everything):
    """Check that each listener has an allowed caller and another caller, if they exist."""
    for way in (True, False):
        assert {get_listener(probe) for probe in everything if (probe.expected == "open") is way} == {
            get_listener(probe) for probe in probes if (probe.expected == "open") is way
        }


def list_outside(plan, probes):
    """Return each forward that an allowed caller of another site dials: the listener and the endpoint."""
    names = (*plan["nodes"], *plan["hosts"])
    hosts = {name: get_host(plan, name) for name in names}
    return {
        (get_listener(probe), probe.dialled)
        for probe in probes
        if probe.expected == "open"
        and hosts[probe.caller].site != hosts[probe.target].site
        and probe.dialled.address in {mapping.outside for mapping in hosts[probe.target].nat}
    }


def test_each_forward_is_dialled_from_outside():
    """Most callers of the control plane are at its own site."""
    node = {"kong_version": "3.4", "kong_role": "data_plane"}
    mappings = [{"outside": f"198.18.1.{number}", "sites": [f"s{number}"]} for number in (1, 2)]
    near = {f"d{number}": {**node, "kong_site": "s0", "kong_address": f"10.0.0.{number + 1}"} for number in range(1, 9)}
    far = {f"e{number}": {**node, "kong_site": f"s{number}", "kong_address": f"192.0.2.{number}"} for number in (1, 2)}
    cp = {"kong_version": "3.4", "kong_role": "control_plane", "kong_site": "s0", "kong_address": "10.0.0.1"}
    for turn in range(4):  # the name decides which caller is first
        plan = plan_fleet({f"cp{turn}": {**cp, "kong_nat": mappings}, **near, **far})
        probes, everything = list_chosen(plan, 1), list_all_probes(plan)
        assert list_outside(plan, probes) == list_outside(plan, everything)
        dialled = {probe.dialled.address for probe in probes if (probe.target, probe.port) == (f"cp{turn}", 8005)}
        assert {"198.18.1.1", "198.18.1.2"} <= dialled


def test_outside_address_for_each_site():
    mappings = [{"outside": f"198.18.1.{number}", "sites": [f"s{number}"]} for number in (1, 2)]
    nodes = {
        f"n{number}": {
            "kong_site": f"s{number}",
            "kong_address": f"192.0.2.{number}",
            "kong_proxy_sources": [f"198.18.1.{number}"],
        }
        for number in (1, 2)
    }
    plan = plan_fleet(nodes | {"far": {"kong_site": "far", "kong_address": "10.0.0.1", "kong_nat": mappings}})
    opened = {probe.target for probe in list_chosen(plan, 1) if probe.caller == "far" and probe.expected == "open"}
    assert opened == {"n1", "n2"}


@pytest.mark.parametrize("make", [make_gossip_sites, make_hybrid_sites])
def test_work_is_linear_in_sites(make, monkeypatch):
    calls = []
    for name in ("find_route_to", "list_route_sources"):
        monkeypatch.setattr(probes_module, name, count_calls(getattr(probes_module, name), calls))
    found = []
    for count in (60, 240):
        plan = plan_fleet(make(count))
        calls.clear()
        choose_sample(plan, 2000)
        found.append(len(calls))
    assert found[1] < 4.4 * found[0]


def count_calls(function, calls):
    def count_call(*arguments):
        calls.append(function)
        return function(*arguments)

    return count_call


def list_chosen(plan, pairs):
    return {probe for listed in choose_sample(plan, pairs).values() for probe in listed}


def test_all_probes_if_they_are_few():
    plan = plan_fleet(SEED_NODES, SEED_OTHERS)
    chosen = choose_sample(plan, 10**6)
    assert {name: set(probes) for name, probes in chosen.items()} == {
        caller: set(list_probes_from(plan, caller)) for caller in list_callers(plan)
    }


def test_probes_are_spread_over_all_hosts():
    plan = plan_fleet({f"n{number}": {"kong_address": f"10.0.0.{number + 1}"} for number in range(30)})
    shares = [len(probes) for probes in choose_sample(plan, 1000).values()]
    assert min(shares) > 5
    assert max(shares) < 100


def verify_sample(plan, chosen):
    probed = {
        caller: [{"name": probe.name, "result": AS_EXPECTED[probe.expected], "detail": ""} for probe in probes]
        for caller, probes in chosen.items()
    }
    return compare(plan, probed)


@pytest.mark.parametrize(("pairs", "sampled"), [(1, True), (10**6, False)])
def test_verification_reports_a_sample(pairs, sampled):
    plan = plan_fleet(SEED_NODES, SEED_OTHERS)
    verification = verify_sample(plan, choose_sample(plan, pairs))
    assert (verification.missing, verification.differences, verification.sampled) == ((), (), sampled)
    assert (" connections tested (a sample): " in format_verification(verification)[-1]) is sampled
    assert verification.blocked


def test_host_without_probes_is_not_missing():
    plan = plan_fleet(SEED_NODES, SEED_OTHERS)
    assert verify_sample(plan, {**choose_sample(plan, 1), "a1": []}).missing == ()


def test_hairpins_are_always_in_the_sample():
    mapping = {**SEED_NODES["b1"]["kong_nat"][0], "hairpin_source": "192.168.23.254"}
    plan = plan_fleet({**SEED_NODES, "b1": {**SEED_NODES["b1"], "kong_nat": [mapping]}}, SEED_OTHERS)
    own = {probe for probe in choose_sample(plan, 1)["b1"] if probe.target == "b1"}
    assert own == {probe for probe in list_probes_from(plan, "b1") if probe.target == "b1"}
    assert {probe.protocol for probe in own} == {"tcp", "udp"}


@pytest.mark.long
@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 200), st.integers(0, 100))
def test_a_sample(seed, pairs, more):
    plan = make_fleet(seed)
    everything = list_all_probes(plan)
    chosen = choose_sample(plan, pairs)
    probes = {probe for listed in chosen.values() for probe in listed}
    assert probes <= everything
    assert sum(map(len, chosen.values())) == len(probes)
    assert all(probe.caller == caller for caller, listed in chosen.items() for probe in listed)
    check_coverage(probes, everything)
    least = {probe for listed in choose_sample(plan, 1).values() for probe in listed}
    assert len(probes) == max(len(least), min(pairs, len(everything)))
    # A larger number only adds probes. The order of the inventory does not change the sample.
    assert probes <= {probe for listed in choose_sample(plan, pairs + more).values() for probe in listed}
    turned = {**plan, "nodes": dict(reversed(plan["nodes"].items())), "hosts": dict(reversed(plan["hosts"].items()))}
    if len(probes) in (len(least), len(everything)):
        assert {probe for listed in choose_sample(turned, pairs).values() for probe in listed} == probes


@pytest.mark.long
@settings(max_examples=150, deadline=None)
@given(st.integers(0, 2**32), st.booleans())
def test_a_small_sample_covers_any_fleet(seed, scattered):
    rng = random.Random(seed)
    fleet = make_random_fleet(rng)
    if scattered:
        assign_sites(fleet, rng)
    plan = compile_with(SHARED, as_inventory(fleet)).plan
    event("refused" if plan is None else "planned")
    if plan:
        probes, everything = list_chosen(plan, 1), list_all_probes(plan)
        check_coverage(probes, everything)
        assert list_outside(plan, probes) == list_outside(plan, everything)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(ATTACHED, st.integers(0, 3)), min_size=2, max_size=6),
    st.lists(st.sampled_from(["n1", "n2", "10.1.0.0/16", "192.168.0.0/24"]), min_size=1, max_size=2, unique=True),
)
def test_a_small_sample_covers_hosts_in_several_networks(hosts, terms):
    nodes = {}
    for number, (attached, at) in enumerate(hosts, 1):
        own = [NETWORKS[kind].format(number) for kind in attached]
        facts = make_host(*own, default=own[at % len(own)].partition("/")[0])
        nodes[f"n{number}"] = {**facts, "kong_proxy_sources": terms}
    plan = plan_fleet(nodes)
    check_coverage(list_chosen(plan, 1), list_all_probes(plan))
