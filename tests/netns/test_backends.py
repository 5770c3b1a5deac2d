# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Behaviour that all backends and both variants of iptables share, verified with packets on a real kernel."""

from __future__ import annotations

import json
import re
import select
import socket
import subprocess
import threading
from contextlib import suppress
from itertools import cycle
from pathlib import Path

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._backends.outcome import report
from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import HostError
from ansible_collections.gatehouse.kong.plugins.module_utils._host.paths import SCRIPT_FILE
from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.data import ruleset_from_data
from ansible_collections.gatehouse.kong.plugins.module_utils._transaction.rollback import Rollback
from ansible_collections.gatehouse.kong.plugins.module_utils._transaction.transaction import ConflictError, inspect
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.drift import format_drift, gather
from ansible_collections.gatehouse.kong.tests.netns.nodes import Node

GOLDEN = Path(__file__).parents[1] / "golden" / "nftables"
SILENCE = 0.4  # seconds; after this time, no more packets arrive


KINDS = ["nftables", "iptables-nft", "iptables-legacy", "ufw", "mangle-nft", "mangle-legacy"]


@pytest.fixture(params=KINDS)
def node(request, lab):
    made = Node(lab, request.param)
    yield made
    made.clean()


@pytest.fixture(params=["nft", "legacy"])
def iptables(request, lab):
    """A host without nft."""
    made = Node(lab, f"mangle-{request.param}")
    yield made
    made.clean()


def make_entry(port, sources, protocol="tcp", address=None):
    return {"listener": f"l{port}", "protocol": protocol, "port": port, "address": address, "sources": sources}


def make_ruleset(*allow, friends=("10.0.1.2/32",), friends6=("fd00:1::2/128",), **others):
    sets = {"friends": {"ipv4": list(friends), "ipv6": list(friends6)}}
    return {"allow": list(allow), "sets": {**sets, **{name: {"ipv4": list(ipv4)} for name, ipv4 in others.items()}}}


ADMIN = make_entry(8001, ["friends"])
GOSSIP = [make_entry(7946, ["friends"], "tcp"), make_entry(7946, ["friends"], "udp")]
EVERYTHING = make_ruleset(
    ADMIN,
    *GOSSIP,
    make_entry(8000, "any", address="0.0.0.0"),
    make_entry(8002, [], address="0.0.0.0"),
    make_entry(8003, [], address="10.0.1.1"),
    make_entry(7373, []),
)

# The source, the protocol, the family, the port, and whether a packet arrives.
TABLE = [
    ("friend", "tcp", "ipv4", 8001, True),
    ("friend", "tcp", "ipv6", 8001, True),
    ("outsider", "tcp", "ipv4", 8001, False),
    ("outsider", "tcp", "ipv6", 8001, False),
    ("friend", "udp", "ipv4", 8001, True),
    ("outsider", "udp", "ipv4", 8001, True),  # only tcp 8001 is managed
    ("friend", "tcp", "ipv4", 7946, True),
    ("friend", "udp", "ipv4", 7946, True),
    ("friend", "udp", "ipv6", 7946, True),
    ("outsider", "tcp", "ipv4", 7946, False),
    ("outsider", "udp", "ipv4", 7946, False),
    ("outsider", "udp", "ipv6", 7946, False),
    ("outsider", "tcp", "ipv4", 8000, True),
    ("friend", "tcp", "ipv4", 8002, False),
    ("friend", "tcp", "ipv6", 8002, True),  # 0.0.0.0 is not an IPv6 address
    ("friend", "tcp", "ipv4", 8003, False),
    ("outsider", "tcp", "ipv4", 8003, True),  # the packet goes to another address of the node
    ("friend", "tcp", "ipv4", 7373, False),
    ("friend", "tcp", "ipv6", 7373, False),
    ("node", "tcp", "ipv4", 7373, True),
    ("node", "tcp", "ipv6", 7373, True),
    ("node", "tcp", "ipv4", 8001, True),
    ("node", "udp", "ipv4", 7946, True),
    ("outsider", "tcp", "ipv4", 22, True),
    ("outsider", "udp", "ipv6", 53, True),
]


# Packets that do not match the rules above. A host that drops by default drops them.
UNMANAGED = {
    ("friend", "udp", "ipv4", 8001),
    ("outsider", "udp", "ipv4", 8001),
    ("friend", "tcp", "ipv6", 8002),
    ("outsider", "tcp", "ipv4", 8003),
}


def get_table(node):
    """Return the table for a firewall manager; the ufw of the lab drops by default."""
    return [(*row[:4], row[4] and not (node.name == "ufw" and row[:4] in UNMANAGED)) for row in TABLE]


def arrives(lab, table):
    """Return the table with the actual result of each packet."""
    keys = {(port, protocol, family) for _name, protocol, family, port, _passes in table}
    sockets = {key: lab.open_listener(*key) for key in keys}
    return [
        (name, protocol, family, port, lab.connect(name, sockets[port, protocol, family], protocol, family) is not None)
        for name, protocol, family, port, _passes in table
    ]


def test_packets_arrive_as_the_ruleset_allows(node):
    node.lab.converge(EVERYTHING)
    assert arrives(node.lab, get_table(node)) == get_table(node)


def test_packets_arrive_as_the_ruleset_allows_after_a_reboot(node):
    node.lab.converge(EVERYTHING)
    node.reboot()
    assert arrives(node.lab, get_table(node)) == get_table(node)
    assert not node.lab.converge(EVERYTHING).changed
    node.load()
    assert not node.lab.converge(EVERYTHING).changed


def test_without_rules_all_packets_of_the_table_arrive(lab):
    """Check that the rules, and not the lab, block packets in the other tests."""
    closed = [(*row[:4], True) for row in TABLE if not row[4]]
    assert arrives(lab, closed) == closed


PUBLISHES = "tcp 80 at every address is a published port, but this host lacks nft"
NEEDS_NFT = {
    "published": PUBLISHES,
    "staged": PUBLISHES,
    "recorded": "kong_firewall_record counts packets, and this host lacks nft",
}


@pytest.mark.parametrize("case", sorted(path.stem for path in GOLDEN.glob("*.nft")))
def test_the_listed_rules_of_each_golden_case_give_the_same_ruleset(node, case):
    data = json.loads((GOLDEN / f"{case}.json").read_text())
    if not node.has_nft and case in NEEDS_NFT:
        with pytest.raises(HostError, match=NEEDS_NFT[case]):
            node.lab.converge(data)
        return
    assert node.lab.converge(data).changed
    assert node.lab.read().ruleset == ruleset_from_data(data)
    assert not node.lab.converge(data).changed


def test_check_mode_changes_nothing_and_returns_the_changes_of_the_run(node):
    node.lab.converge(make_ruleset(*GOSSIP))
    before = (node.lab.read(), sorted(node.lab.host.root.rglob("*")), node.list_third_party_rules())
    predicted = node.lab.converge(EVERYTHING, check_mode=True)
    assert (node.lab.read(), sorted(node.lab.host.root.rglob("*")), node.list_third_party_rules()) == before
    assert node.lab.converge(EVERYTHING) == predicted


# The literal commands of administrators. Both rules drop TCP packets of unknown connections that do not begin one.
NOT_SYN = ("-A", "INPUT", "-p", "tcp", "!", "--syn", "-m", "state", "--state", "NEW", "-j", "DROP")
NOT_SYN_BEFORE_ROUTING = """
table inet bad-ct-states {
    chain prerouting {
        type filter hook prerouting priority -150; policy accept;
        ct state invalid drop
        ct state new tcp flags & (fin|syn|rst|ack) != syn drop
    }
}
"""


@pytest.mark.parametrize("by", ["iptables", "nft"])
def test_a_rule_that_drops_packets_without_syn_is_no_conflict(node, by):
    if by == "nft":
        node.lab.run_nft(NOT_SYN_BEFORE_ROUTING)
    else:
        for program in ("iptables", "ip6tables"):
            node.lab.host.run(f"{program}-{node.variant or 'nft'}", *NOT_SYN)
    outcome = node.lab.converge(make_ruleset(ADMIN, *GOSSIP, make_entry(8000, "any", address="0.0.0.0")))
    assert (outcome.conflicts, outcome.changed) == ((), True)
    table = [row for row in get_table(node) if row[3] in (8000, 7946) or row[1:4:2] == ("tcp", 8001)]
    assert {passes for *_packet, passes in table} == {True, False}
    assert arrives(node.lab, table) == table


MARK = 0x10000000
# Our mark on every packet, at each place before our early part.
IPTABLES_MARKS = """\
*raw
-I PREROUTING 1 -j MARK --set-xmark 0x10000000/0x10000000
COMMIT
*mangle
-I PREROUTING 1 -j MARK --set-mark 0x10000000
-I INPUT 1 -j MARK --set-mark 0x10000000
COMMIT
"""
NFT_MARKS = """
table inet forged {
    chain prerouting { type filter hook prerouting priority -300; meta mark set 0x10000000; }
    chain input { type filter hook input priority -150; meta mark set 0xffffffff; }
}
"""
DROPS_BY_DEFAULT = """\
*filter
:INPUT DROP [0:0]
-A INPUT -i lo -j ACCEPT
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
COMMIT
"""
NFT_DROPS_BY_DEFAULT = """
table inet own {
    chain input {
        type filter hook input priority filter; policy drop;
        iif "lo" accept
        ct state established,related accept
    }
}
"""


def drop_by_default(node):
    """Make the host drop packets that no rule accepts, as the ufw of the lab does."""
    if node.name == "nftables":
        node.lab.run_nft(NFT_DROPS_BY_DEFAULT)
    elif node.name != "ufw":
        for program in ("iptables", "ip6tables"):
            node.restore(DROPS_BY_DEFAULT, program)


def set_marks(node):
    """Set our mark on packets, as programs of third parties do."""
    for program in ("iptables", "ip6tables"):
        node.restore(IPTABLES_MARKS, program)
    if node.has_nft:
        node.lab.run_nft(NFT_MARKS)


@pytest.mark.parametrize("first", [False, True], ids=["after our run", "before our run"])
def test_a_forged_mark_opens_no_port(node, first, monkeypatch):
    """Rules set the mark, and the programs that connect set it with SO_MARK. Only our rules open ports on these hosts."""
    open_socket = node.lab.open_socket

    def open_marked(*words):
        made = open_socket(*words)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, MARK)
        return made

    monkeypatch.setattr(node.lab, "open_socket", open_marked)
    drop_by_default(node)
    steps = [lambda: node.lab.converge(EVERYTHING), lambda: set_marks(node)]
    for step in steps[::-1] if first else steps:
        step()
    managed = [
        ("friend", "tcp", "ipv4", 8001, True),
        ("outsider", "tcp", "ipv6", 8001, False),
        ("outsider", "udp", "ipv4", 7946, False),
        ("outsider", "tcp", "ipv4", 8000, True),
    ]
    other = [("outsider", "tcp", "ipv6", 8002, False), ("outsider", "tcp", "ipv4", 22, node.name == "ufw")]
    # Without nft, rules that INPUT of mangle had before our run follow our jump: a documented limitation.
    table = managed if first and not node.has_nft else managed + other
    assert arrives(node.lab, table) == table


KEEPS_STATE = "*filter\n-A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT\nCOMMIT\n"


@pytest.mark.parametrize("own", ["", KEEPS_STATE], ids=["plain host", "host that accepts established connections"])
def test_a_removed_source_loses_its_connection_and_another_source_does_not(node, own):
    node.restore(own)
    listeners = {protocol: node.lab.open_listener(7946, protocol) for protocol in ("tcp", "udp")}
    node.lab.converge(make_ruleset(*GOSSIP, friends=["10.0.1.2/32", "10.0.2.2/32"]))
    flows = {
        (name, protocol): node.lab.connect(name, listener, protocol)
        for name in ("friend", "ally")
        for protocol, listener in listeners.items()
    }
    assert all(node.lab.passes(flow) for flow in flows.values())
    node.lab.converge(make_ruleset(*GOSSIP, friends=["10.0.1.2/32"]))
    assert [key for key, flow in flows.items() if node.lab.passes(flow)] == [("friend", "tcp"), ("friend", "udp")]


FOREIGN = """\
*raw
-A PREROUTING -s 203.0.113.9/32 -j ACCEPT
COMMIT
*nat
:DOCKER - [0:0]
-A PREROUTING -p tcp -m tcp --dport 18000 -j DNAT --to-destination 172.17.0.2:8000
COMMIT
*filter
:f2b-sshd - [0:0]
:DOCKER-USER - [0:0]
-A INPUT -p tcp -m multiport --dports 22 -j f2b-sshd
-A INPUT -m set --match-set banned src -m comment --comment "an own rule" -j DROP
-A FORWARD -j DOCKER-USER
-A f2b-sshd -s 203.0.113.7/32 -j REJECT --reject-with icmp-port-unreachable
-A f2b-sshd -j RETURN
-A DOCKER-USER -j RETURN
COMMIT
"""


def test_third_party_rules_are_preserved(node):
    node.lab.host.run("ipset", "restore", stdin="create banned hash:ip\nadd banned 203.0.113.8\n")
    node.restore(FOREIGN)
    before = node.list_third_party_rules()
    for data in (EVERYTHING, make_ruleset(*GOSSIP), make_ruleset(*GOSSIP, friends=["10.0.2.2/32"]), None):
        # An empty new table filter or mangle contains no rule.
        assert node.lab.converge(data).changed
        assert without_tables(node.list_third_party_rules()) == without_tables(before)
    assert "an own rule" in str(before)


def without_tables(listed):
    kept, native = listed
    bare = re.compile(r"^\*|^COMMIT$|^:(INPUT|FORWARD|OUTPUT|PREROUTING|POSTROUTING) ACCEPT ")
    tables = [line for line in native if " filter" not in line and " mangle" not in line]
    return [line for line in kept if not bare.search(line)], tables


def test_a_comment_that_is_not_utf8(node):
    """The comment was written on a terminal with another encoding."""
    chain = "ufw-user-input" if node.name == "ufw" else "INPUT"
    rule = ("-p", "icmp", "-m", "comment", "--comment", "f\udcfcr mich", "-j", "ACCEPT")
    node.lab.host.run(f"iptables-{node.variant or 'nft'}", "-A", chain, *rule)
    before = node.list_third_party_rules()
    assert r"f\xfcr mich" in str(before).replace("\\\\", "\\")
    for data in (EVERYTHING, make_ruleset(*GOSSIP), None):
        assert node.lab.converge(data).changed
        assert without_tables(node.list_third_party_rules()) == without_tables(before)


def add_a_comment_of_two_lines(node, chain):
    rule = ("-p", "icmp", "-m", "comment", "--comment", "two\nlines", "-j", "ACCEPT")
    node.lab.host.run(f"iptables-{node.variant or 'nft'}", "-A", chain, *rule)


def test_a_comment_of_two_lines(node):
    add_a_comment_of_two_lines(node, "INPUT")
    before = node.list_third_party_rules()
    assert 'lines" -j ACCEPT' in str(before)
    for data in (EVERYTHING, make_ruleset(*GOSSIP), None):
        assert node.lab.converge(data).changed
        assert without_tables(node.list_third_party_rules()) == without_tables(before)


def read_files(node):
    """Return every file of the host with its text, except the lock, which only a boot removes."""
    paths = node.lab.host.root.rglob("*")
    return {path: path.read_bytes() if path.is_file() else None for path in paths if path.name != "gatehouse_kong.lock"}


# Rules of fail2ban 1.0.2 (iptables-multiport) with a ban, and of Docker 20.10 without containers.
FAIL2BAN = """*filter
:f2b-kong -
-I INPUT 1 -p tcp -m multiport --dports 8000,8001,8444 -j f2b-kong
-A f2b-kong -s {banned} -j REJECT
-A f2b-kong -j RETURN
COMMIT
"""
DOCKER = """*filter
:FORWARD DROP
:DOCKER -
:DOCKER-ISOLATION-STAGE-1 -
:DOCKER-USER -
-A FORWARD -j DOCKER-USER
-A FORWARD -j DOCKER-ISOLATION-STAGE-1
-A FORWARD -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -o docker0 -j DOCKER
-A FORWARD -i docker0 ! -o docker0 -j ACCEPT
-A DOCKER-ISOLATION-STAGE-1 -j RETURN
-A DOCKER-USER -j RETURN
COMMIT
*nat
:DOCKER -
-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER
-A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE
-A DOCKER -i docker0 -j RETURN
COMMIT
"""
# A container publishes a port; a restart of Docker writes its rules again; an administrator removes them after a stop.
PUBLISHING = """*nat
-A DOCKER ! -i docker0 -p tcp -m tcp --dport 18080 -j DNAT --to-destination 172.17.0.2:80
COMMIT
*filter
-A DOCKER -d 172.17.0.2/32 ! -i docker0 -o docker0 -p tcp -m tcp --dport 80 -j ACCEPT
COMMIT
"""
RESTARTING = f"*nat\n-F\n-X\nCOMMIT\n*filter\n-F FORWARD\nCOMMIT\n{DOCKER}"
REMOVED = """*nat
-F
-X
COMMIT
*filter
:FORWARD ACCEPT
-F FORWARD
-F DOCKER
-F DOCKER-ISOLATION-STAGE-1
-F DOCKER-USER
-X DOCKER
-X DOCKER-ISOLATION-STAGE-1
-X DOCKER-USER
COMMIT
"""
STOPPED = (
    "*filter\n-D INPUT -p tcp -m multiport --dports 8000,8001,8444 -j f2b-kong\n-F f2b-kong\n-X f2b-kong\nCOMMIT\n"
)
FINE = {"listeners": {"report": []}, "settings": {"changed_settings": [], "path": "/k"}}


def report_drift(node, rules):
    """Return the lines of the playbook drift for the firewall of the node, from the result of kong_firewall_info."""
    outcome = inspect(node.lab.backend(node.lab.host), ruleset_from_data(rules), Rollback(node.lab.host))
    drift = gather({"nodes": {"k1": {}}}, {"k1": {**FINE, "firewall": {"report": report(outcome)}}})
    return format_drift(drift.as_dict())


def test_a_restart_of_fail2ban_or_docker_is_not_drift(node):
    rules = make_ruleset(ADMIN, friends=("10.0.1.2/32", "10.0.2.2/32"))
    node.lab.converge(rules)
    quiet = ["1 of 1 node checked: no difference from the plan"]
    assert report_drift(node, rules) == quiet
    listener = node.lab.open_listener(8001)
    for text in (FAIL2BAN.format(banned="10.0.1.2"), DOCKER):
        node.restore(text)
        assert report_drift(node, rules) == quiet
        assert node.lab.connect("friend", listener) is None
        assert not node.lab.converge(rules).changed
    node.restore(STOPPED)
    assert report_drift(node, rules) == quiet
    assert node.lab.connect("friend", listener)
    node.restore(FAIL2BAN.format(banned="192.0.2.1"))
    assert report_drift(node, rules) == quiet
    assert node.lab.connect("friend", listener)


def test_docker_starts_restarts_and_stops(node):
    """Allowed sources connect, other sources do not, a ban holds, and nothing is drift."""
    rules = make_ruleset(ADMIN, friends=("10.0.1.2/32", "10.0.2.2/32"))
    expected = {
        ("friend", "ipv4"): True,
        ("friend", "ipv6"): True,
        ("ally", "ipv4"): False,
        ("outsider", "ipv4"): False,
    }
    listeners = {family: node.lab.open_listener(8001, "tcp", family) for family in ("ipv4", "ipv6")}

    def connect(name, family):
        return node.lab.connect(name, listeners[family], "tcp", family) is not None

    drop_by_default(node)
    node.lab.converge(rules)
    node.restore("*filter\n-I INPUT 1 -s 10.0.2.2 -j DROP\nCOMMIT\n")
    for text in (DOCKER, PUBLISHING, RESTARTING, PUBLISHING, REMOVED):
        node.restore(text)
        assert {key: connect(*key) for key in expected} == expected
        assert report_drift(node, rules) == ["1 of 1 node checked: no difference from the plan"]
        assert not node.lab.converge(rules).changed
    node.restore("*filter\n-D INPUT -s 10.0.2.2 -j DROP\nCOMMIT\n")
    assert connect("ally", "ipv4")


def test_absent_removes_all_our_rules_and_files(node):
    files = read_files(node)
    node.lab.converge(EVERYTHING)
    assert read_files(node) != files
    assert node.lab.converge(None).changed
    assert (read_files(node), node.lab.read().ruleset) == (files, None)
    assert not node.lab.converge(None).changed


def test_a_host_without_ipv6_addresses(node):
    every = "net.ipv6.conf.all.disable_ipv6"
    node.lab.host.run("sysctl", "-qw", f"{every}=1")
    try:
        assert not node.lab.host.run("ip", "-6", "address")
        node.lab.converge(EVERYTHING)
        table = [row for row in get_table(node) if row[2] == "ipv4"]
        assert arrives(node.lab, table) == table
        assert not node.lab.converge(EVERYTHING).changed
    finally:
        node.lab.host.run("sysctl", "-qw", f"{every}=0")
        node.lab.add_addresses()


def test_thousands_of_sources(node):
    many = [f"10.{64 + number // 16384}.{number // 64 % 256}.{number % 64 * 4}/31" for number in range(20000)]
    data = make_ruleset(ADMIN, friends=["10.0.1.2/32", *many])
    assert node.lab.converge(data).changed
    assert not node.lab.converge(data).changed
    assert node.lab.connect("friend", node.lab.open_listener(8001))


CHANGES = [
    make_ruleset(make_entry(8001, ["friends", "more"], "udp"), make_entry(8002, [], "udp"), friends=friends, more=more)
    for friends, more in (
        (["10.0.1.2/32"], []),
        ([], ["10.0.1.2/32"]),
        (["10.0.1.0/24"], ["10.9.0.0/16"]),
        (["10.0.1.2/32"], ["10.0.1.2/32"]),
    )
] + [make_ruleset(make_entry(8001, ["friends"], "udp"), make_entry(8002, ["more"], "udp"), more=["10.9.0.1/32"])]


ENOUGH = 20000  # packets


class Traffic(threading.Thread):
    """UDP packets as fast as possible, with short pauses: from a friend to port 8001, and from an outsider to port 8002."""

    def __init__(self, lab):
        super().__init__()
        self.done, self.sent, self.arrived = threading.Event(), [], {"friend": [], "outsider": []}
        self._pairs = {}
        for name, port in (("friend", 8001), ("outsider", 8002)):
            self._pairs[name] = lab.open_socket(name, "ipv4", socket.SOCK_DGRAM), lab.open_listener(port, "udp")
            self._pairs[name][0].connect((lab.get_address(name, end=1), port))

    def run(self):
        while not self.done.wait(0.0005):
            few = [f"{number}".encode() for number in range(len(self.sent), len(self.sent) + 20)]
            self.sent += few
            for packet in few:
                for client, _server in self._pairs.values():
                    client.send(packet)
            self._receive(0)
        self._receive(SILENCE)

    def _receive(self, seconds):
        for name, (_client, server) in self._pairs.items():
            while select.select([server], [], [], seconds)[0]:
                self.arrived[name].append(server.recv(9))


def test_packets_while_the_rules_change(node):
    """Change sets, rules and both repeatedly. Each packet of the friend arrives, and no packet of the outsider."""
    node.lab.converge(CHANGES[0])
    traffic = Traffic(node.lab)
    traffic.start()
    for number, data in enumerate(cycle(CHANGES)):
        if number >= 3 * len(CHANGES) and len(traffic.sent) > ENOUGH:
            break
        node.lab.converge(data)
    traffic.done.set()
    traffic.join()
    # Several processors handle packets, so packets can arrive in another order.
    lost = sorted(set(traffic.sent) - set(traffic.arrived["friend"]), key=int)
    assert (lost, traffic.arrived["outsider"]) == ([], [])


@pytest.fixture
def processes(node, monkeypatch):
    """The programs that run on the node, in order."""
    started = []

    class Counted(subprocess.Popen):
        def __init__(self, argv, *words, **named):
            within = ["ip", "netns", "exec", node.lab.host.namespace]
            words_of_it = argv[4:] if list(argv[:4]) == within else argv
            started.append(Path(words_of_it[0]).name.replace(f"-{node.variant}-", "-"))
            super().__init__(argv, *words, **named)

    monkeypatch.setattr(subprocess, "Popen", Counted)
    return started


SAVES, LOADS = ["iptables-save", "ip6tables-save"], ["iptables-restore", "ip6tables-restore"]
# Programs of a first run, of a run without changes, and of a run that removes a peer. A change includes both phases.
PROCESSES = {
    "nftables": (["nft"] * 3, ["nft"] * 2, ["nft"] * 6),
    "iptables": (["nft", *SAVES, "nft", "sh", *SAVES, *SAVES], ["nft"] * 2 + SAVES, ["nft"] * 5 + SAVES * 2),
    "ufw": (["nft", *SAVES, "nft", *LOADS, *SAVES, *SAVES], ["nft"] * 2 + SAVES, ["nft"] * 5 + SAVES * 2),
    "mangle": (
        [*SAVES, *SAVES, *LOADS, "sh", *SAVES, *SAVES, "ipset", "ipset"],
        [*SAVES * 2, "ipset"],
        [*SAVES * 3, "ipset", "ipset"],
    ),
}


@pytest.mark.parametrize("peers", [10, 500])
def test_the_number_of_processes_does_not_depend_on_the_number_of_peers(node, processes, peers):
    friends = [f"10.9.{number // 100}.{number % 100 * 2}/32" for number in range(peers)]
    for data, expected in zip(
        (
            make_ruleset(ADMIN, friends=friends),
            make_ruleset(ADMIN, friends=friends),
            make_ruleset(ADMIN, friends=friends[1:]),
        ),
        PROCESSES[node.name if node.has_nft else "mangle"],
        strict=True,
    ):
        processes.clear()
        node.lab.converge(data)
        assert sorted(processes) == sorted(expected)


def test_a_change_of_ports_and_sources_of_both_families_takes_few_processes(node, processes):
    node.lab.converge(EVERYTHING)
    processes.clear()
    changed = make_ruleset(
        ADMIN, make_entry(8123, ["friends", "others"]), friends6=["fd00:2::2/128"], others=["10.0.3.0/24"]
    )
    assert node.lab.converge(changed).changed
    assert len(processes) <= 9 + 2 * (not node.has_nft)


LOOPBACK = '-A GATEHOUSE-KONG -i lo -m comment --comment "the host reaches itself" -j RETURN'
DRIFT = {
    "rule": ("iptables", "-A GATEHOUSE-KONG -p tcp -m tcp --dport 22 -j DROP", "--dport 22"),
    "rule first": ("ip6tables", "-I GATEHOUSE-KONG -p tcp -m tcp --dport 8001 -j ACCEPT", "--dport 8001 -j ACCEPT"),
    "rule missing": ("ip6tables", "-D GATEHOUSE-KONG 1", "missing"),
    "order": ("iptables", f"-D GATEHOUSE-KONG 1\n{LOOPBACK}", "order"),
    "jump second": ("iptables", "-I INPUT 1 -p tcp -m tcp --dport 25 -j ACCEPT", "not the first rule of INPUT"),
    "no marks": ("iptables", "-F GATEHOUSE-KONG-MARK", "missing"),
    "second jump": ("iptables", "-A INPUT -j GATEHOUSE-KONG", "is repeated"),
    "jump of another chain": ("iptables", "-A FORWARD -j GATEHOUSE-KONG", "-A FORWARD"),
    "empty": ("iptables", "-F GATEHOUSE-KONG", "missing"),
    "member": ("ipset", "add gkong4-friends 10.0.3.2", ""),
    "excluded member": ("ipset", "add gkong4-friends 10.0.3.2 nomatch", "nomatch"),
    "set": ("ipset", "create gkong4-other hash:ip", "gkong4-other"),
    "no members": ("ipset", "flush gkong6-friends", ""),
    "set with a timeout": ("ipset", "create x hash:net timeout 60\nswap x gkong4-friends\ndestroy x", "timeout"),
}  # fmt: skip


@pytest.mark.parametrize("case", DRIFT)
def test_a_third_party_change_is_reported_and_repaired(iptables, case):
    program, text, word = DRIFT[case]
    iptables.lab.converge(EVERYTHING)
    if program == "ipset":
        iptables.lab.host.run("ipset", "restore", stdin=f"{text}\n")
    else:
        iptables.restore(f"*mangle\n{text}\nCOMMIT\n", program)
    outcome = iptables.lab.converge(EVERYTHING)
    assert outcome.changed
    assert any(word in line for line in outcome.drift) if word else outcome.diff.members
    assert iptables.lab.converge(EVERYTHING) == iptables.lab.converge(EVERYTHING, check_mode=True)
    assert not iptables.lab.converge(EVERYTHING).changed
    assert arrives(iptables.lab, TABLE) == TABLE


class KilledError(BaseException):
    """An exception that no code handles. It represents SIGKILL."""


@pytest.mark.parametrize("survives", range(0, 24, 2))
def test_a_killed_run_leaves_the_old_or_the_new_ruleset_and_the_next_run_repairs_it(iptables, survives, monkeypatch):
    old = make_ruleset(ADMIN, *GOSSIP, friends=["10.0.1.2/32"])
    new = make_ruleset(make_entry(8001, ["friends"]), make_entry(7946, []), friends=["10.0.2.2/32"])
    iptables.lab.converge(old)
    run, left = iptables.lab.host.run, [survives]

    def count_step():
        if left[0] == 0:
            raise KilledError
        left[0] -= 1

    def run_until_killed(*argv, stdin=""):
        if "--noflush" in argv:
            count_step()
        if argv != ("ipset", "restore"):
            return run(*argv, stdin=stdin)
        for line in stdin.splitlines():
            count_step()
            run(*argv, stdin=f"{line}\n")
        return ""

    with monkeypatch.context() as patch, suppress(KilledError):
        patch.setattr(iptables.lab.host, "run", run_until_killed)
        iptables.lab.converge(new)
    for family in ("ipv4", "ipv6"):
        table = [(name, "tcp", family, port) for name in ("friend", "ally") for port in (8001, 7946)]
        actual = [row[4] for row in arrives(iptables.lab, [(*row, True) for row in table])]
        # The new set has no IPv6 member.
        ally = family == "ipv4"
        assert actual in ([True, True, False, False], [not ally, False, ally, False])
        iptables.lab.close()
    iptables.lab.converge(new)
    assert not iptables.lab.converge(new).changed


def test_a_failed_step_leaves_the_old_state(iptables, monkeypatch):
    iptables.lab.converge(EVERYTHING)
    run = iptables.lab.host.run

    def refuse(*argv, stdin="", **limits):
        if "ip6tables" in argv[0] and "--noflush" in argv and "--test" not in argv and "8123" in stdin:
            raise HostError("no more memory")
        return run(*argv, stdin=stdin, **limits)

    monkeypatch.setattr(iptables.lab.host, "run", refuse)
    with pytest.raises(HostError, match="no more memory"):
        iptables.lab.converge(make_ruleset(make_entry(8123, ["friends"]), friends=["10.0.2.2/32"]))
    assert not iptables.lab.converge(EVERYTHING).changed


def test_rules_that_another_program_saved_can_still_be_loaded_at_boot(iptables, tmp_path):
    iptables.lab.converge(make_ruleset(ADMIN, make_entry(8002, ["gone"]), gone=["10.0.3.2/32"]))
    iptables.restore("*filter\n-A INPUT -p tcp -m tcp --dport 9999 -j DROP\nCOMMIT\n")
    saved = iptables.lab.host.run(f"iptables-{iptables.variant}-save")
    iptables.lab.converge(EVERYTHING)
    for _done in boot_with_saved_rules(iptables, saved, tmp_path):
        pass
    assert not iptables.lab.converge(EVERYTHING).changed
    assert not iptables.lab.connect("outsider", iptables.lab.open_listener(9999))


def test_rules_saved_with_the_other_name_of_a_set_allow_the_same_sources_at_boot(iptables, tmp_path):
    now = make_ruleset(make_entry(8123, ["friends"]))
    iptables.lab.converge(make_ruleset(make_entry(8122, ["friends"]), friends=["10.0.2.2/32"]))
    iptables.lab.converge(now)
    saved = iptables.lab.host.run(f"iptables-{iptables.variant}-save")
    assert "gkong4-friends~" in saved
    port = iptables.lab.open_listener(8123)
    for _done in boot_with_saved_rules(iptables, saved, tmp_path):
        assert iptables.lab.connect("friend", port)
        assert not iptables.lab.connect("outsider", port)
    assert not iptables.lab.converge(now).changed


def boot_with_saved_rules(iptables, saved, folder):
    """Load saved rules as netfilter-persistent does, between the two calls of the drop-in.

    Yield after the saved rules are loaded, and again after our rules are loaded.
    """
    iptables.clean()
    (folder / "rules.v4").write_text(saved)
    script = folder / "load.sh"
    script.write_text(iptables.lab.host.locate(SCRIPT_FILE).read_text().replace("/etc/iptables/", f"{folder}/"))
    iptables.lab.host.run("sh", str(script), "sets")
    iptables.lab.host.run(f"iptables-{iptables.variant}-restore", stdin=saved)
    yield
    iptables.lab.host.run("sh", str(script))
    iptables.lab.host.run("sh", str(iptables.lab.host.locate("/etc/gatehouse_kong_accept/accept.sh")))
    yield


SAVED = "/etc/saved.rules"
IFUP_SCRIPT = "/etc/network/if-pre-up.d/zz-gatehouse-kong"


def test_a_script_of_ifup_that_restores_saved_rules(iptables):
    """The saved rules use a set with its other name, and replace the table mangle."""
    lab, now = iptables.lab, make_ruleset(make_entry(8123, ["friends"]))
    lab.host.write("/etc/network/if-pre-up.d/rules", f"iptables-restore < {SAVED}", 0o755)
    lab.converge(make_ruleset(make_entry(8122, ["friends"]), friends=["10.0.2.2/32"]))
    lab.converge(now)
    iptables.restore("*filter\n-A INPUT -p tcp -m tcp --dport 9999 -j DROP\nCOMMIT\n")
    saved = lab.host.run(f"iptables-{iptables.variant}-save")
    assert "gkong4-friends~" in saved
    for path in (SCRIPT_FILE, IFUP_SCRIPT):
        text = lab.host.read(path)
        for name in (SAVED, SCRIPT_FILE, "/etc/gatehouse_kong_accept/accept.sh"):
            text = text.replace(name, str(lab.host.locate(name)))
        lab.host.locate(path).write_text(text)
    port, banned = lab.open_listener(8123), lab.open_listener(9999)
    for rules in (saved, "*mangle\n:INPUT ACCEPT\nCOMMIT\n*filter\n-A INPUT -p tcp --dport 9999 -j DROP\nCOMMIT\n"):
        lab.host.locate(SAVED).write_text(rules)
        iptables.reboot()
        for _interface in range(2):
            lab.host.run(f"iptables-{iptables.variant}-restore", stdin=rules)
            lab.host.run("sh", str(lab.host.locate(IFUP_SCRIPT)))
            assert lab.connect("friend", port)
            assert not lab.connect("outsider", port)
            assert not lab.connect("friend", banned)
    assert lab.converge(now).changed
    assert not lab.converge(now).changed


def test_a_rollback_restores_the_state_before_the_change(iptables):
    """Load the snapshot of a state on top of another state."""
    states = (EVERYTHING, None, make_ruleset(*GOSSIP, friends=["10.0.2.2/32"]))
    for data in states:
        iptables.lab.converge(data)
        backend = iptables.lab.backend(iptables.lab.host)
        live = backend.read()
        commands = backend.snapshot(live, None).load
        for other in states:
            iptables.lab.converge(other)
            for argv, stdin in commands:
                iptables.lab.host.run(*argv, stdin=stdin)
            assert iptables.lab.read() == live


def test_rules_of_both_variants_are_an_error(iptables):
    other = {"nft": "legacy", "legacy": "nft"}[iptables.variant]
    loaded = iptables.lab.host.locate("/proc/net/ip_tables_names")
    loaded.write_text("filter\n")
    iptables.lab.converge(EVERYTHING)
    iptables.lab.host.run(f"iptables-{other}-restore", stdin="*filter\n-A INPUT -j DROP\nCOMMIT\n")
    with pytest.raises(HostError, match=rf"uses iptables-{iptables.variant}, but rules of iptables-{other} are"):
        iptables.lab.converge(make_ruleset(*GOSSIP))


def test_a_chain_of_nftables_that_drops_is_a_conflict_on_a_host_with_iptables(lab):
    node = Node(lab, "iptables-nft")
    try:
        lab.run_nft("table inet own {\nchain input { type filter hook input priority 0; policy drop; }\n}\n")
        with pytest.raises(ConflictError, match=r"chain inet own input blocks .*8001.*policy is drop\. Run `nft 'add"):
            lab.converge(EVERYTHING)
        assert lab.read().ruleset is None
    finally:
        node.clean()


def test_a_drop_of_every_authorised_packet_in_another_table_is_a_conflict(iptables):
    iptables.restore("*mangle\n-A PREROUTING -p tcp -m tcp --dport 1:9000 -j DROP\nCOMMIT\n")
    with pytest.raises(ConflictError, match=r"table mangle of iptables blocks .*tcp 8001"):
        iptables.lab.converge(EVERYTHING)


def test_a_kernel_without_ipv6(iptables):
    addresses = iptables.lab.host.locate("/proc/net/if_inet6")
    addresses.unlink()
    outcome = iptables.lab.converge(EVERYTHING)
    started = [Path(call[0]).name for call in iptables.lab.host.calls]
    assert not any("ip6" in name for name in started)
    assert "it runs without IPv6" in str(outcome.conflicts[0])
    table = [row for row in TABLE if row[2] == "ipv4"]
    assert arrives(iptables.lab, table) == table
    assert not iptables.lab.converge(EVERYTHING).changed
    iptables.lab.close()
    addresses.touch()
    iptables.lab.converge(EVERYTHING)
    assert arrives(iptables.lab, TABLE) == TABLE
