# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""NAT devices from connections that both ends show."""

from __future__ import annotations

import pytest

from ansible_collections.gatehouse.kong.plugins.plugin_utils._adopt.links import (
    list_egress,
    list_mappings,
    list_unmatched,
    match_ends,
    match_links,
)
from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils._adopt.found import (
    make_host,
    make_link,
    make_settings,
)

OUTSIDE = "203.0.113.5:9005"


def make_control(name, address, *links):
    found = [make_link(f"{address}:8005", peer) for peer in links]
    return make_host(name, address, settings=make_settings(role="control_plane"), links=found)


def make_data(name, address, *links):
    """Return a data plane with connections, each from a port to an end."""
    found = [make_link(f"{address}:{port}", peer) for port, peer in links]
    return make_host(name, address, settings=make_settings(role="data_plane"), links=found)


def describe(hosts):
    matches = match_links(hosts)
    mappings = {host.name: [mapping for mapping, _text in list_mappings(host.name, matches)] for host in hosts}
    egress = {host.name: [*list_egress(host, hosts, matches)] for host in hosts}
    return {name: (mappings[name], egress[name]) for name in mappings if mappings[name] or egress[name]}


MAPPED = [{"outside": "203.0.113.5", "outside_port": 9005, "inside_port": 8005}]


@pytest.mark.parametrize(
    ("hosts", "expected"),
    [
        ([make_control("c", "10.0.0.1", "10.0.1.1:40"), make_data("d", "10.0.1.1", (40, "10.0.0.1:8005"))], {}),
        ([make_control("c", "10.0.0.1", "198.51.100.9:40"), make_data("d", "10.0.1.1", (40, "10.0.0.1:8005"))],
         {"d": ([], ["198.51.100.9"])}),
        ([make_control("c", "10.0.0.1", "10.0.1.1:40"), make_data("d", "10.0.1.1", (40, OUTSIDE))], {"c": (MAPPED, [])}),
        # A NAT device that both are behind hides the source; it is no egress of the site.
        ([make_control("c", "10.0.0.1", "10.0.0.254:40"), make_data("d", "10.0.0.2", (40, OUTSIDE))], {"c": (MAPPED, [])}),
        # The NAT device changed the source port.
        ([make_control("c", "10.0.0.1", "198.51.100.9:41"), make_data("d", "10.0.1.1", (40, OUTSIDE))], {}),
        # Another port of a node that has the dialled address.
        ([make_control("c", "10.0.0.1", "10.0.1.1:40"), make_data("d", "10.0.1.1", (40, "10.0.0.1:9005"))], {}),
        ([make_control("c", "10.0.0.1", "198.51.100.9:40"), make_data("d", "10.0.1.1", (40, "10.0.0.1:9005"))], {}),
        # Two connections with one source port cannot be told apart.
        ([make_control("c", "10.0.0.1", "198.51.100.9:40", "198.51.100.8:40"), make_data("d", "10.0.1.1", (40, OUTSIDE))], {}),
        ([make_control("c", "10.0.0.1", "198.51.100.9:40"), make_data("d", "10.0.1.1", (40, OUTSIDE)),
          make_data("e", "10.0.2.1", (40, OUTSIDE))], {}),
        # One outside port of two control planes is a load balancer.
        ([make_control("c", "10.0.0.1", "198.51.100.9:40"), make_control("f", "10.0.0.2", "198.51.100.8:41"),
          make_data("d", "10.0.1.1", (40, OUTSIDE)), make_data("e", "10.0.2.1", (41, OUTSIDE))], {}),
    ],
    ids=["direct", "egress", "forward", "hairpin", "other port", "not dialled", "not dialled by NAT", "two sources", "two callers", "balancer"],
)  # fmt: skip
def test_a_connection_that_both_ends_show_tells_the_nat_devices(hosts, expected):
    assert describe(hosts) == expected


def test_the_evidence_names_the_other_end_of_all_connections():
    control = make_control("c", "10.0.0.1", "198.51.100.9:40", "198.51.100.9:41", "198.51.100.8:42")
    data = make_data("d10", "10.0.1.1", (40, OUTSIDE), (41, OUTSIDE)), make_data("d9", "10.0.2.1", (42, OUTSIDE))
    hosts = [control, *data]
    matches = match_links(hosts)
    assert [*list_mappings("c", matches)] == [
        (MAPPED[0], "observed: connections of d9, d10 to 203.0.113.5 port 9005 arrive at its port 8005")
    ]
    assert list_egress(data[0], hosts, matches) == {"198.51.100.9": "observed: the source of its connections to c"}


def make_listing(name, address, *entries, **more):
    """Return a control plane that keeps data planes: id, name of the host and address of each."""
    listed = [dict(zip(("id", "hostname", "ip"), entry, strict=True)) for entry in entries]
    return make_host(name, address, settings=make_settings(role="control_plane"), data_planes=listed, **more)


def make_named(name, address, hostname, number="", role="data_plane"):
    return make_host(name, address, settings=make_settings(role=role), hostname=hostname, id=number)


SEEN = "198.51.100.9"


@pytest.mark.parametrize(
    ("hosts", "expected"),
    [
        ([make_named("d", "10.0.1.1", "dp1"), make_listing("c", "10.0.0.1", ("7f", "dp1", SEEN))], [SEEN]),
        ([make_named("d", "10.0.1.1", "dp1"), make_listing("c", "10.0.0.1", ("7f", "dp2", SEEN))], []),
        ([make_named("d", "10.0.1.1", "dp1"), make_listing("c", "10.0.0.1", ("7f", "dp1", "10.0.1.1"))], []),
        ([make_named("d", "10.0.1.1", "dp1"), make_listing("c", "10.0.1.2", ("7f", "dp1", SEEN))], []),
        ([make_named("d", "10.0.1.1", ""), make_listing("c", "10.0.0.1", ("7f", "", SEEN))], []),
        # The id is certain, and the name is not.
        ([make_named("d", "10.0.1.1", "dp1", "7f"), make_listing("c", "10.0.0.1", ("7f", "x", SEEN), ("8a", "dp1", "192.0.2.1"))], [SEEN]),
        ([make_named("d", "10.0.1.1", "dp1", "7f"), make_listing("c", "10.0.0.1", ("8a", "dp1", SEEN))], [SEEN]),
        # An entry of an earlier start has the same name.
        ([make_named("d", "10.0.1.1", "dp1"), make_listing("c", "10.0.0.1", ("7f", "dp1", SEEN), ("8a", "dp1", "192.0.2.1"))], []),
        ([make_named("d", "10.0.1.1", "dp1"), make_named("e", "10.0.2.1", "dp1"), make_listing("c", "10.0.0.1", ("7f", "dp1", SEEN))], []),
        ([make_named("d", "10.0.1.1", "dp1"), make_listing("c", "10.0.0.1", ("", "dp2", SEEN))], []),
        ([make_named("d", "10.0.1.1", ""), make_listing("c", "10.0.0.1", ("7f", "", SEEN), hostname="ctl")], []),
        ([make_named("d", "10.0.1.1", "dp1", role="traditional"), make_listing("c", "10.0.0.1", ("7f", "dp1", SEEN))], []),
    ],
    ids=["name", "other name", "own address", "same network", "no name", "id", "unknown id", "two entries", "two hosts",
         "id of neither", "no name of a data plane", "no data plane"],
)  # fmt: skip
def test_a_control_plane_keeps_the_address_of_a_data_plane(hosts, expected):
    assert [*list_egress(hosts[0], hosts, match_links(hosts))] == expected


def test_an_open_connection_precedes_the_list_of_data_planes():
    links = [make_link("10.0.0.1:8005", "198.51.100.8:40")]
    listed = [{"id": "7f", "hostname": "dp1", "ip": SEEN}]
    settings = make_settings(role="control_plane")
    control = make_host("c", "10.0.0.1", settings=settings, links=links, data_planes=listed)
    links = [make_link("10.0.1.1:40", "10.0.0.1:8005")]
    data = make_host("d", "10.0.1.1", settings=make_settings(role="data_plane"), hostname="dp1", links=links)
    hosts = [control, data]
    assert [*list_egress(data, hosts, match_links(hosts))] == ["198.51.100.8"]
    listing = make_listing("c", "10.0.0.1", ("7f", "dp1", SEEN))
    named = make_named("d", "10.0.1.1", "dp1")
    assert list_egress(named, [named, listing], []) == {SEEN: "observed: its address in the list of data planes of c"}


def test_an_end_that_no_host_has_and_no_control_plane_shows_is_unmatched():
    control = make_control("c", "10.0.0.1", "198.51.100.9:40")
    links = (40, OUTSIDE), (41, "10.0.0.1:8005"), (42, "192.0.2.1:8005"), (43, "192.0.2.1:8005")
    data = make_data("d", "10.0.1.1", *links)
    hosts = [control, data]
    matches = match_links(hosts)
    assert list_unmatched(data, hosts, matches) == [("192.0.2.1", 8005)]
    assert list_unmatched(control, hosts, matches) == []


def test_a_connection_of_another_data_plane_is_no_match():
    control = make_control("c", "10.0.0.1", "198.51.100.9:40")
    data = make_data("d", "10.0.1.1", (40, OUTSIDE)), make_data("e", "10.0.2.1", (41, OUTSIDE))
    hosts = [control, *data]
    matches = match_links(hosts)
    assert [list_unmatched(host, hosts, matches) for host in data] == [[], [("203.0.113.5", 9005)]]


def test_evidence_names_no_measured_connection_because_each_run_measures_others():
    node = make_control("c", "10.0.0.1", "198.51.100.9:40")
    used = make_data("d", "10.0.1.1", (40, OUTSIDE))
    other = make_data("e", "10.0.1.2", (41, OUTSIDE))
    (sent,), (also_sent,) = used.kongs[0].links, other.kongs[0].links
    (received,) = node.kongs[0].links
    also_received = received._replace(peer_port=41)
    found = [
        *match_ends([(used, sent)], [(node, received)]),
        *match_ends([(used, sent)], [(node, received)], is_measured=True),
        *match_ends([(other, also_sent)], [(node, also_received)], is_measured=True),
    ]
    ((_mapping, evidence),) = list_mappings("c", found)
    assert evidence == "observed: connections of d to 203.0.113.5 port 9005 arrive at its port 8005"
    ((_mapping, without),) = list_mappings("c", found[1:])
    assert without == "observed: measured connections to 203.0.113.5 port 9005 arrive at its port 8005"
    sources = [list_egress(host, [node, used, other], found) for host in (used, other)]
    assert sources == [
        {"198.51.100.9": "observed: the source of its connections to c"},
        {"198.51.100.9": "observed: the source of its measured connections"},
    ]


def test_a_connection_that_both_ends_show_alike_is_no_end_of_a_forwarded_connection():
    control, near = make_control("c", "10.0.0.1", "198.51.100.9:40"), make_control("f", "10.0.0.2", "10.0.0.3:40")
    data = make_data("d", "10.0.1.1", (40, OUTSIDE)), make_data("e", "10.0.0.3", (40, "10.0.0.2:8005"))
    assert describe([control, near, *data]) == {"c": (MAPPED, []), "d": ([], ["198.51.100.9"])}
