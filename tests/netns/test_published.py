# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ports that a container publishes: packets that the node translates and forwards, as for Docker and podman."""

from __future__ import annotations

import re
import socket
from contextlib import suppress
from pathlib import Path

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._host.networks import parse_networks
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.container_networks import (
    make_container_finder,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.live_rules import read_live_rules
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.published_access import find_published_access
from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.data import ruleset_from_data
from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.ruleset import Service
from ansible_collections.gatehouse.kong.plugins.module_utils._transaction.backend import Live
from ansible_collections.gatehouse.kong.plugins.module_utils._transaction.rollback import Rollback
from ansible_collections.gatehouse.kong.plugins.module_utils._transaction.transaction import Guard, converge
from ansible_collections.gatehouse.kong.tests.netns.conftest import run_ip
from ansible_collections.gatehouse.kong.tests.netns.nodes import Node
from ansible_collections.gatehouse.kong.tests.netns.test_observer import FAMILIES, send_probes, watch_packets

CONTAINER = {"ipv4": "172.30.0.2", "ipv6": "fd00:30::2"}
BRIDGE = {"ipv4": "172.30.0.1", "ipv6": "fd00:30::1"}
PROGRAM = {"ipv4": "iptables", "ipv6": "ip6tables"}
INSIDE = {8000: 18000, 8001: 18001, 9000: 19000}  # published port and the container's; 9000 is not Kong's

# The rules of Docker 24 for these ports, without the chains that isolate its networks.
DOCKER = """\
*nat
:DOCKER - [0:0]
-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER
{translations}
COMMIT
*filter
:FORWARD DROP [0:0]
:DOCKER - [0:0]
:DOCKER-USER - [0:0]
-A FORWARD -j DOCKER-USER
-A FORWARD -o box -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -o box -j DOCKER
-A FORWARD -i box ! -o box -j ACCEPT
{accepts}
-A DOCKER-USER -j RETURN
COMMIT
"""


def format_docker_rules(family):
    translations, accepts = [], []
    for port, inside in INSIDE.items():
        for protocol in ("tcp", "udp"):
            to = f"[{CONTAINER[family]}]:{inside}" if family == "ipv6" else f"{CONTAINER[family]}:{inside}"
            match = f"-p {protocol} -m {protocol} --dport"
            translations.append(f"-A DOCKER ! -i box {match} {port} -j DNAT --to-destination {to}")
            accepts.append(f"-A DOCKER -d {CONTAINER[family]} ! -i box -o box {match} {inside} -j ACCEPT")
    return DOCKER.format(translations="\n".join(translations), accepts="\n".join(accepts))


@pytest.fixture(scope="module")
def box(wires):
    """A network namespace behind the node that represents a container."""
    name = wires.get_namespace("box")
    run_ip("netns", "delete", name, check=False)
    run_ip("netns", "add", name)
    run_ip(
        "link",
        "add",
        "to-node",
        "netns",
        name,
        "type",
        "veth",
        "peer",
        "name",
        "box",
        "netns",
        wires.get_namespace("node"),
    )
    ends = ((name, "to-node", CONTAINER, BRIDGE), (wires.get_namespace("node"), "box", BRIDGE, CONTAINER))
    for number, (namespace, device, own, other) in enumerate(ends):
        run_ip("-n", namespace, "link", "set", device, "address", f"02:00:00:00:30:0{number}", "up")
        for family, length in (("ipv4", 24), ("ipv6", 64)):
            run_ip(
                "-n", namespace, "address", "add", f"{own[family]}/{length}", "dev", device, *["nodad"][: length // 64]
            )
            run_ip(
                "-n",
                namespace,
                "neigh",
                "replace",
                other[family],
                "dev",
                device,
                "lladdr",
                f"02:00:00:00:30:0{1 - number}",
            )
    for family, number in (("-4", "ipv4"), ("-6", "ipv6")):
        run_ip("-n", name, family, "route", "add", "default", "via", BRIDGE[number])
    for key in ("net.ipv4.ip_forward", "net.ipv6.conf.all.forwarding"):
        run_ip("netns", "exec", wires.get_namespace("node"), "sysctl", "-qw", f"{key}=1")
    yield name
    run_ip("netns", "delete", name, check=False)


def make_docker_node(lab, kind):
    made = Node(lab, kind)
    for family, program in PROGRAM.items():
        made.restore(format_docker_rules(family), program)
    return made


@pytest.fixture(params=["nftables", "iptables-nft", "iptables-legacy", "ufw"])
def node(request, lab, box):
    made = make_docker_node(lab, request.param)
    yield made
    made.clean()


@pytest.fixture(params=["nftables", "ufw"])
def either(request, lab, box):
    """A node whose only table is our table, and a node with third-party rules."""
    made = make_docker_node(lab, request.param)
    yield made
    made.clean()


def make_entry(port, sources, *, published=True, protocol="tcp", address=None):
    return {"listener": f"l{port}", "protocol": protocol, "port": port, "address": address, "sources": sources,
            "published": published}  # fmt: skip


def make_ruleset(*allow, friends=("10.0.1.2/32",), friends6=("fd00:1::2/128",)):
    return {"allow": list(allow), "sets": {"friends": {"ipv4": list(friends), "ipv6": list(friends6)}}}


PUBLISHED = make_ruleset(
    make_entry(8000, "any"), make_entry(8001, ["friends"]), make_entry(8001, ["friends"], protocol="udp")
)


def open_listener(lab, port, protocol="tcp", family="ipv4"):
    """Open a socket in the container."""
    made = lab.open_socket("box", family, socket.SOCK_STREAM if protocol == "tcp" else socket.SOCK_DGRAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.bind((CONTAINER[family], INSIDE[port]))
    if protocol == "tcp":
        made.listen()
    return made


def dial(lab, neighbour, listener, port, *, protocol="tcp", family="ipv4", to=None):
    """Connect a neighbour to a published port of the node. Return a pair of sockets, or None if no packet arrives."""
    client = lab.open_socket(neighbour, family, socket.SOCK_STREAM if protocol == "tcp" else socket.SOCK_DGRAM)
    with suppress(TimeoutError, ConnectionRefusedError):
        client.connect((to or lab.get_address(neighbour, family, end=1), port))
        if protocol == "udp":
            client.send(b"hello")
            listener.recv(9)
            return client, listener
        served, _address = listener.accept()
        served.settimeout(0.4)
        lab._sockets.append(served)
        return client, served
    return None


def find_reached(lab, port, protocol, family):
    """Return the neighbours that can reach a published port."""
    listener = open_listener(lab, port, protocol, family)
    found = {
        neighbour
        for neighbour in ("friend", "outsider")
        if dial(lab, neighbour, listener, port, protocol=protocol, family=family)
    }
    listener.close()
    return found


BOTH, FRIEND = {"friend", "outsider"}, {"friend"}
EXPECTED = {(8000, "tcp"): BOTH, (8001, "tcp"): FRIEND, (8001, "udp"): FRIEND, (9000, "tcp"): BOTH}


def find_all_reached(lab):
    return {
        (port, protocol, family): find_reached(lab, port, protocol, family)
        for port, protocol in EXPECTED
        for family in ("ipv4", "ipv6")
    }


# Rules in DOCKER-USER, and the sources that they allow to the published port 8001.
OF_USERS = [
    ([], BOTH),
    (["-p tcp --dport 18001 -j DROP"], set()),
    (["-p tcp --dport 8001 -j DROP"], BOTH),
    (["-m conntrack --ctorigdstport 8001 --ctdir ORIGINAL ! -s 10.0.1.2 -j DROP"], FRIEND),
    (["-s 10.0.1.0/24 -j ACCEPT", "-o box -j DROP"], FRIEND),
]


def find_allowed(lab, port):
    """Return the neighbours that the rules allow to a published port, all of them or none, if they decide about all."""
    rules, service = read_live_rules(lab.host), Service("tcp", port, None)
    container = make_container_finder(lab.host, [CONTAINER["ipv4"]])(service, "ipv4", INSIDE[port])
    access = find_published_access(rules.tables, service, "ipv4", rules.networks["ipv4"], container)
    assert not access.reason, access.reason
    sources = {name: parse_networks("ipv4", [lab.get_address(name, "ipv4")]).ranges[0] for name in BOTH}
    return {name for name, source in sources.items() if access.allowed.covers(source)}


@pytest.mark.parametrize("backend", ["iptables-nft", "iptables-legacy"])
def test_the_allowed_sources_of_a_published_port_are_those_that_reach_it(lab, box, backend):
    node = make_docker_node(lab, backend)
    if backend == "iptables-legacy":
        names = lab.host.locate("/proc/net/ip_tables_names")
        names.parent.mkdir(parents=True, exist_ok=True)
        names.write_text("filter\nnat\n")
    try:
        for rules, expected in OF_USERS:
            node.restore(
                "\n".join(["*filter", "-F DOCKER-USER", *(f"-A DOCKER-USER {rule}" for rule in rules), "COMMIT", ""]),
                "iptables",
            )
            assert find_allowed(lab, 8001) == find_reached(lab, 8001, "tcp", "ipv4") == expected
    finally:
        node.clean()


def test_packets_to_a_container_arrive_as_the_ruleset_allows(node):
    foreign = node.list_third_party_rules()
    assert set(map(frozenset, find_all_reached(node.lab).values())) == {frozenset(BOTH)}
    node.lab.converge(PUBLISHED)
    expected = {(*key, family): neighbours for key, neighbours in EXPECTED.items() for family in ("ipv4", "ipv6")}
    assert find_all_reached(node.lab) == expected
    assert node.list_third_party_rules() == foreign
    assert node.lab.read().ruleset == ruleset_from_data(PUBLISHED)
    assert not node.lab.converge(PUBLISHED).changed


def test_packets_to_a_container_arrive_as_the_ruleset_allows_after_a_reboot(node):
    node.lab.converge(PUBLISHED)
    node.reboot()
    for family, program in PROGRAM.items():
        node.restore(format_docker_rules(family), program)
    assert find_reached(node.lab, 8001, "tcp", "ipv4") == FRIEND
    assert find_reached(node.lab, 8001, "udp", "ipv6") == FRIEND
    assert not node.lab.converge(PUBLISHED).changed


def test_packets_to_a_container_are_counted_by_the_published_port(either):
    lab = either.lab
    lab.converge({**PUBLISHED, "staged": True, "count_days": 14})
    for family in ("ipv4", "ipv6"):
        assert find_reached(lab, 8001, "udp", family) == BOTH
    counts = {(entry.source, entry.protocol, entry.port): entry.packets for entry in lab.read().counts.entries}
    assert counts == {(lab.get_address("outsider", family), "udp", 8001): 1 for family in ("ipv4", "ipv6")}
    assert lab.read().drift == ()


def test_a_port_that_is_published_at_one_address_only(either):
    """Packets to other addresses of the node are not blocked."""
    either.lab.converge(make_ruleset(make_entry(8001, [], address="10.0.3.1")))
    listener = open_listener(either.lab, 8001)
    assert dial(either.lab, "outsider", listener, 8001) is None
    assert dial(either.lab, "friend", listener, 8001)


def test_a_removed_source_loses_its_connection(node):
    node.lab.converge(make_ruleset(make_entry(8001, ["friends"]), friends=["10.0.1.2/32", "10.0.3.2/32"]))
    listener = open_listener(node.lab, 8001)
    kept, removed = (dial(node.lab, name, listener, 8001) for name in ("friend", "outsider"))
    assert node.lab.passes(kept)
    assert node.lab.passes(removed)
    node.lab.converge(PUBLISHED)
    assert node.lab.passes(kept)
    assert not node.lab.passes(removed)


def test_a_program_of_the_host_that_listens_on_the_published_port(either):
    """Docker's proxy does so without a translation, and podman without root."""
    either.lab.converge(make_ruleset(make_entry(8003, ["friends"])))
    listener = either.lab.open_listener(8003)
    assert either.lab.connect("friend", listener)
    assert either.lab.connect("outsider", listener) is None


def test_other_forwarded_packets_are_not_blocked(either):
    """Send packets to the container's own address, which are not addressed to the host."""
    either.lab.converge(make_ruleset(make_entry(18001, [])))
    run_ip("-n", either.lab.get_namespace("outsider"), "route", "replace", "172.30.0.0/24", "via", "10.0.3.1")
    listener = open_listener(either.lab, 8001)
    assert dial(either.lab, "outsider", listener, 18001, to=CONTAINER["ipv4"])


def test_the_rule_in_the_documentation_blocks_packets_to_the_container(either):
    """An administrator adds this rule against packets to the container's address through the node."""
    text = (Path(__file__).parents[2] / "docs" / "inventory.md").read_text()
    rule = re.search(r"`(iifname .* drop)`", text)[1].replace("docker0", "box")
    chain = "type filter hook forward priority filter; policy accept;"
    either.lab.run_nft(f"table inet own {{\nchain forward {{\n{chain}\n{rule}\n}}\n}}\n")
    either.lab.converge(PUBLISHED)
    run_ip("-n", either.lab.get_namespace("outsider"), "route", "replace", "172.30.0.0/24", "via", "10.0.3.1")
    listener = open_listener(either.lab, 8000)
    assert dial(either.lab, "outsider", listener, 18000, to=CONTAINER["ipv4"]) is None
    assert dial(either.lab, "outsider", listener, 8000)


def test_without_published_ports_packets_to_the_container_are_not_blocked(either):
    either.lab.converge(PUBLISHED)
    outcome = either.lab.converge(make_ruleset(make_entry(8001, ["friends"], published=False)))
    assert outcome.changed
    assert find_reached(either.lab, 8001, "tcp", "ipv4") == BOTH
    either.lab.converge(PUBLISHED)
    either.lab.converge(None)
    assert find_reached(either.lab, 8001, "tcp", "ipv4") == BOTH


def test_another_published_port_of_the_same_container_is_reported(node):
    """Port 9000 is published, but it is not in the ruleset."""
    node.lab.converge(PUBLISHED)
    conflicts = node.lab.converge(PUBLISHED).conflicts
    found = {str(conflict).partition(":")[0] for conflict in conflicts if conflict.effect == "publish"}
    assert "iptables chain DOCKER of table nat publishes tcp 9000 at every address" in found
    assert not [text for text in found if "tcp 800" in text]
    outcome = node.lab.converge(make_ruleset(make_entry(8001, ["friends"], published=False)))
    assert {conflict.effect for conflict in outcome.conflicts} == {"divert"}


@pytest.mark.parametrize("family", FAMILIES)
def test_the_observer_on_the_node_sees_forwarded_packets(either, tmp_path, family):
    either.lab.converge(PUBLISHED)
    open_listener(either.lab, 8001, "udp", family)
    with watch_packets(either.lab, tmp_path) as observed:
        (friend,), (outsider,) = (
            send_probes(either.lab, neighbour, 8001, family=family) for neighbour in ("friend", "outsider")
        )
    assert set(observed["arrived"]) == {friend, outsider}
    assert (observed["sent_on"], observed["let_in"], observed["unheard"]) == ([friend], [], [])


def begin(lab, data):
    """Execute the first phase of a change, without the confirmation. Return a function that rolls it back."""
    rollback = Rollback(lab.host)
    outcome = converge(lab.backend(lab.host), ruleset_from_data(data), Guard(rollback, 30), check_mode=False)
    return lambda: rollback.undo(outcome.transaction)


def test_an_unconfirmed_change_is_rolled_back(node):
    """Roll back to no rules, and then to previous rules, in the kernel and in files."""
    roll_back = begin(node.lab, PUBLISHED)
    assert find_reached(node.lab, 8001, "tcp", "ipv4") == FRIEND
    roll_back()
    assert find_reached(node.lab, 8001, "tcp", "ipv4") == BOTH
    assert node.lab.read() == Live(None)
    node.lab.converge(PUBLISHED)
    roll_back = begin(node.lab, make_ruleset(make_entry(8001, [])))
    assert find_reached(node.lab, 8001, "tcp", "ipv4") == set()
    roll_back()
    assert find_reached(node.lab, 8001, "tcp", "ipv4") == FRIEND
    assert not node.lab.converge(PUBLISHED).changed


def test_a_third_party_change_of_the_table_is_found_and_repaired(either):
    either.lab.converge(PUBLISHED)
    table = "gatehouse_kong"
    for fault in (
        f"insert rule inet {table} published accept",
        f"flush chain inet {table} forward",
        f"flush chain inet {table} published",
        f"add element inet {table} friends_ipv4 {{ 10.0.3.2 }}",
        f"delete table inet {table}",
    ):
        either.lab.run_nft(fault)
        outcome = either.lab.converge(PUBLISHED)
        assert outcome.changed, fault
        assert either.lab.read() == Live(ruleset_from_data(PUBLISHED))
    assert find_reached(either.lab, 8001, "tcp", "ipv4") == FRIEND


def test_absent_removes_all_our_rules_and_files(either):
    either.lab.converge(PUBLISHED)
    either.lab.converge(None)
    assert "gatehouse" not in either.lab.run_nft("list tables")
    assert not [str(path) for path in either.lab.host.locate("/etc").rglob("*gatehouse*")]
