# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Random rules, compared with the kernel's verdict on real packets. Each certain answer of the analysis must be true.

Each case is a program of a few chains. A dispatcher sends the packets to a destination address into one program, so that
thousands of programs are loaded in one transaction. Chains before and after it record the packets that arrived and the
packets that were accepted. GATEHOUSE_KONG_CASES sets the number of programs for each kind of firewall, GATEHOUSE_KONG_SEED
another seed.
"""

from __future__ import annotations

import ipaddress
import json
import os
import random
import re
import socket
from collections import Counter
from dataclasses import replace
from typing import NamedTuple

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import HostError
from ansible_collections.gatehouse.kong.plugins.module_utils._host.networks import parse_networks
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.iptables_walk import parse_chains, parse_table
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.nft_walk import parse_tables
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.packet import MARKED, UNMARKED, Packet
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.walk import DROP, Walk
from ansible_collections.gatehouse.kong.tests.netns import frames
from ansible_collections.gatehouse.kong.tests.netns.conftest import inside, ip

CASES = int(os.environ.get("GATEHOUSE_KONG_CASES", "250"))
SEED = int(os.environ.get("GATEHOUSE_KONG_SEED", "1"))
PORTS = (8001, 7946, 22)
# Two sources in a set, whose packets have our mark, and another source.
SOURCES = {"ipv4": ("10.0.1.2", "10.0.1.3", "10.0.1.200"), "ipv6": ("fd00:1::2", "fd00:1::3", "fd00:1::c8")}
AUTHORISED = 2
NETWORK = {"ipv4": "10.77.0.0/16", "ipv6": "fd00:77::/64"}
IP = {"ipv4": "ip", "ipv6": "ip6"}

CONTRADICTION = "Error: conflicting "
RECORDER = """
table inet recorder {
    set came4 {
        type ipv4_addr . ipv4_addr . inet_proto . inet_service
        size 65535
        flags dynamic
    }
    set came6 {
        type ipv6_addr . ipv6_addr . inet_proto . inet_service
        size 65535
        flags dynamic
    }
    set passed4 {
        type ipv4_addr . ipv4_addr . inet_proto . inet_service
        size 65535
        flags dynamic
    }
    set passed6 {
        type ipv6_addr . ipv6_addr . inet_proto . inet_service
        size 65535
        flags dynamic
    }
    chain before {
        type filter hook input priority -10; policy accept;
        ip daddr 10.77.0.0/16 update @came4 { ip daddr . ip saddr . meta l4proto . th dport }
        ip6 daddr fd00:77::/64 update @came6 { ip6 daddr . ip6 saddr . meta l4proto . th dport }
        ip saddr { 10.0.1.2, 10.0.1.3 } meta mark set 0x10000000
        ip6 saddr { fd00:1::2, fd00:1::3 } meta mark set 0x10000000
    }
    chain after {
        type filter hook input priority 90; policy accept;
        ip daddr 10.77.0.0/16 update @passed4 { ip daddr . ip saddr . meta l4proto . th dport }
        ip6 daddr fd00:77::/64 update @passed6 { ip6 daddr . ip6 saddr . meta l4proto . th dport }
    }
}
"""


class Program(NamedTuple):
    """Chains of a table, by name. The first chain is the base chain, which has a policy."""

    number: int
    family: str  # of the table, in the notation of nft
    policy: str
    chains: dict[str, list[str]]

    @property
    def base(self):
        return next(iter(self.chains))

    def address(self, family):
        return str(ipaddress.ip_network(NETWORK[family])[256 + self.number])

    def packets(self):
        for family, name in IP.items():
            if self.family in ("inet", name):
                for protocol in ("tcp", "udp"):
                    for port in PORTS:
                        for source in SOURCES[family]:
                            yield frames.Sent(family, protocol, source, self.address(family), port)


@pytest.fixture(scope="module")
def node(wires, tmp_path_factory):
    """The node of the lab. It has all addresses of the programs."""
    wires.start(tmp_path_factory.mktemp("node"))
    for family, network in NETWORK.items():
        ip("-n", wires.namespace("node"), f"-{family[-1]}", "route", "replace", "local", network, "dev", "lo")
    return wires


def send(lab, packets):
    with inside(lab.namespace("friend")):
        link = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    with link:
        link.bind(("to-node", 0))
        for sent in packets:
            link.send(frames.frame(sent))


def recorded(lab, name):
    """Return the packets in a set of the recorder."""
    found = set()
    for family, number in (("ipv4", "4"), ("ipv6", "6")):
        listed = json.loads(lab.host.run("nft", "-j", "list", "set", "inet", "recorder", name + number))["nftables"]
        for element in next(item["set"] for item in listed if "set" in item).get("elem", ()):
            address, source, protocol, port = element["concat"]
            found.add(frames.Sent(family, protocol, source, address, port))
    return found


def classes(program):
    """Yield classes of packets for the analysis: packets of authorised sources, and packets of the other source."""
    sent = list(program.packets())
    for key in dict.fromkeys((packet.family, packet.protocol, packet.port) for packet in sent):
        same = [packet for packet in sent if (packet.family, packet.protocol, packet.port) == key]
        for members, mark in ((same[:AUTHORISED], MARKED), (same[AUTHORISED:], UNMARKED)):
            family, protocol, port = key
            sources = parse_networks(family, [packet.source for packet in members])
            addresses = parse_networks(family, [program.address(family)])
            yield members, Packet(family, protocol, port, sources, addresses, mark=mark)


def analyse(chains, program, packet):
    """Return True for "certainly passes", False for "certainly dropped", None for unknown."""
    base = replace(chains[program.base], policy=program.policy)
    verdicts = {outcome.verdict == DROP for outcome in Walk(chains, packet).walk_base(base)}
    return verdicts == {False} if len(verdicts) == 1 else None


def compare(programs, chains_of, arrived, passed):
    """Compare the answers with the actual results. Return the number of packets for each answer."""
    answers = Counter()
    for program in programs:
        for members, packet in classes(program):
            answer = analyse(chains_of(program), program, packet)
            for sent in members:
                assert sent in arrived, sent
                answers[answer] += 1
                assert answer in (None, sent in passed), f"{sent}: {answer}\n{json.dumps(program, indent=1)}"
    return answers


def assert_useful(answers, unknown, record):
    """Check that most answers are certain, in both directions."""
    total = sum(answers.values())
    record("pairs", {"total": total, **{str(answer): number for answer, number in answers.items()}})
    assert total >= CASES * 18
    assert answers[None] / total < unknown
    assert min(answers[True], answers[False]) / total > 0.15


class Generator:
    """A generator of random rules. Each rule has at most one protocol and one family, because nft rejects contradictions."""

    def __init__(self, seed):
        self.random = random.Random(seed)

    def one(self, *choices):
        return self.random.choice(choices)

    def some(self, choices, most):
        return self.random.sample(choices, self.random.randint(1, most))

    def chance(self, share):
        return self.random.random() < share


class NftGenerator(Generator):
    """A generator of programs in the syntax of nft."""

    def program(self, number):
        family = self.one("inet", "inet", "inet", "ip", "ip6")
        names = [f"p{number}{suffix}" for suffix in ("", "a", "b")]
        chains = {name: [self.rule(family, names[at + 1 :]) for _rule in range(self.random.randint(1, 4))]
                  for at, name in enumerate(names)}  # fmt: skip
        return Program(number, family, self.one("accept", "drop"), chains)

    def rule(self, table, targets):
        self.table = table
        self.protocol = self.one("tcp", "udp", "tcp", "udp", "tcp", "udp", self.one("sctp", "dccp", "udplite"))
        parts = []
        if self.chance(0.55):
            parts.append(self.transport())
        if self.chance(0.35):
            parts.append(self.network(self.one("ip", "ip6") if table == "inet" else table))
        if self.chance(0.3) or not parts:
            parts.append(self.anything())
        if len(parts) == 1 and self.chance(0.15):
            # nft (1.0.6) does not list it together with a header of that protocol, even if both contradict each other.
            parts = [f"meta protocol {self.one('', '!= ')}{self.one('ip', 'ip6', 'arp', '{ ip, ip6 }')}"]
        self.random.shuffle(parts)
        if self.chance(0.2):
            parts = [*(parts if self.chance(0.5) else []), self.statement()]
        return " ".join([*parts, self.verdict(targets)])

    def port_test(self):
        port = str(self.one(*PORTS, 80))
        return self.one(
            port, f"!= {port}", f"< {port}", f"<= {port}", f"> {port}", f">= {port}", "8000-8010", "!= 7000-8000",
            "{ 22, 8000-8010 }", "!= { 80, 7946 }", "{ 7946 }", "@ports", "!= @ports", "& 0xff == 0x41", "& 0xf != 0xa",
        )  # fmt: skip

    def transport(self):
        protocol = self.protocol
        flags = self.one(
            f"tcp flags & (fin | syn | rst | ack) {self.one('==', '!=')} {self.one('syn', 'ack', '(syn | ack)')}",
            f"tcp flags {self.one('', '== ', '!= ')}{self.one('syn', 'ack', 'fin')}",
            f"tcp flags {self.one('', '!= ')}{{ syn, syn | ack }}",
            f"tcp flags & {self.one('syn', '(rst | psh)')} {self.one('==', '!=')} 0",
            "tcp option maxseg size 1-500",
        )
        return self.one(
            *([flags] * 3 if protocol == "tcp" else []),
            f"{protocol} dport {self.port_test()}",
            f"{protocol} dport {self.port_test()}",
            f"th dport {self.port_test()}",
            f"{protocol} sport {self.one('', '!= ')}{self.one('40000', '1024-65535', '{ 53, 67 }')}",
            f"meta l4proto {self.one('', '!= ')}{self.one('tcp', 'udp', 'icmp', '{ tcp, udp }', '{ icmp, sctp }')}",
            f"meta l4proto . th dport {self.one('', '!= ')}{{ {self.one('tcp', 'udp')} . {self.one(*PORTS)}, udp . 53 }}",
            f"{protocol} {'type' if protocol == 'dccp' else 'checksum'} {self.one('', '!= ')}0",
        )

    def network(self, name):
        family = {"ip": "ipv4", "ip6": "ipv6"}[name]
        negation = self.one("", "!= ")
        addresses = [*SOURCES[family], {"ip": "192.0.2.7", "ip6": "2001:db8::7"}[name]]
        networks = {"ip": ["10.0.1.0/24", "10.0.0.0/8", "10.0.1.2/31", "192.0.2.0/24"],
                    "ip6": ["fd00:1::/64", "fd00:1::2/127", "2001:db8::/32", "fd00::/16"]}[name]  # fmt: skip
        protocol = self.one("tcp", "udp")
        return self.one(
            f"{name} saddr {negation}{self.one(*addresses)}",
            f"{name} saddr {negation}{self.one(*networks)}",
            f"{name} saddr {negation}{{ {', '.join(self.some(addresses, 3))} }}",
            f"{name} saddr {negation}{addresses[0]}-{addresses[1]}",
            f"{name} saddr {negation}@few{name}",
            f"{name} daddr {negation}{self.one(*networks, NETWORK[family])}",
            f"{name} saddr . th dport {negation}{{ {self.one(*addresses)} . 8001, {self.one(*addresses)} . 22 }}",
            f"{name} saddr . meta l4proto {negation}{{ {self.one(*addresses)} . {protocol} }}",
            {"ip": f"ip protocol {negation}{protocol}", "ip6": f"ip6 nexthdr {negation}{protocol}"}[name],
            {"ip": f"ip ttl {negation}64", "ip6": f"ip6 hoplimit {negation}64"}[name],
            {"ip": f"icmp type {negation}echo-request", "ip6": f"icmpv6 type {negation}echo-request"}[name],
            f"{name} dscp {negation}cs1",
        )

    def anything(self):
        return self.one(
            f"ct state {self.one('', '!= ')}{self.one('new', 'established', '{ new, related }', '{ established, invalid }')}",
            f"ct state {self.one('new,untracked', 'established,related')}",
            f"ct status {self.one('dnat', 'snat')}",
            f"ct direction {self.one('', '!= ')}original",
            *[f"meta mark & 0x10000000 {self.one('==', '!=')} {self.one('0', '0x10000000')}"] * 3,
            f"meta mark {self.one('', '!= ')}{self.one('0x1', '0x10000000', '0x20000000')}",
            f"meta mark & 0x10000001 == {self.one('0x10000000', '0x1')}",
            *([f"meta nfproto {self.one('', '!= ')}{self.one('ipv4', 'ipv6')}"] if self.table == "inet" else []),
            f"iifname {self.one('', '!= ')}{self.one('lo', 'friend', 'eth*')}",
            f"iifname {self.one('', '!= ')}{{ lo, eth7 }}",
            f"fib daddr type {self.one('', '!= ')}{self.one('local', 'broadcast', '{ local, multicast }')}",
            f"meta pkttype {self.one('', '!= ')}{self.one('host', 'broadcast', '{ host, multicast }')}",
            f"meta length {self.one('<', '>')} 50",
            f"limit rate {self.one('', 'over ')}1/hour",
            "numgen random mod 2 0",
            "counter",
        )

    def statement(self):
        protocol = self.protocol
        return self.one(
            "counter",
            "meta mark set 0x1",
            "meta mark set meta mark | 0x2",
            "meta mark set meta mark & 0xefffffff",
            *["meta mark set meta mark ^ 0x10000000"] * 2,
            f"meta mark set {protocol} dport map {{ 8001 : 0x10000000, 25 : 0x2 }}",
            "meta mark set ct mark",
            "ct mark set meta mark",
        )

    def verdict(self, targets):
        plain = [
            "accept", "drop", "accept", "drop", "return", "continue",
            self.one("reject", "reject with icmpx type admin-prohibited") if self.table == "inet" else "reject",
        ]  # fmt: skip
        onward = [f"{how} {target}" for target in targets for how in ("jump", "goto")]
        if self.chance(0.2):
            return self.verdict_map([*plain[:-1], *onward])
        return self.one(*plain, *onward, *onward)

    def verdict_map(self, verdicts):
        protocol = self.one(self.protocol, "th")
        first, second = self.one(*verdicts), self.one(*verdicts)
        return self.one(
            f"{protocol} dport vmap {{ 8001 : {first}, 7000-7999 : {second} }}",
            f"{protocol} dport vmap {{ {self.one(*PORTS)} : {first}, * : {second} }}",
            f"ct state vmap {{ new : {first}, established : {second} }}",
            f"meta l4proto vmap {{ tcp : {first}, udp : {second} }}",
            f"meta l4proto . th dport vmap {{ tcp . 8001 : {first}, udp . 7946 : {second} }}",
            f"{protocol} dport vmap @verdicts",
        )


TABLE_SETS = """
    set ports {
        type inet_service
        flags interval
        elements = { 22, 8000-8010 }
    }
    map verdicts {
        type inet_service : verdict
        elements = { 22 : drop, 7946 : accept }
    }
    set fewip {
        type ipv4_addr
        elements = { 10.0.1.2 }
    }
    set fewip6 {
        type ipv6_addr
        elements = { fd00:1::2 }
    }
"""


def nft_text(programs):
    """Return a table for each family and policy, with a dispatcher."""
    lines = []
    for family, policy in dict.fromkeys((program.family, program.policy) for program in programs):
        mine = [program for program in programs if (program.family, program.policy) == (family, policy)]
        lines += [f"table {family} {policy}s {{", TABLE_SETS]
        lines += [line for program in mine for name, rules in reversed(program.chains.items())
                  for line in (f"chain {name} {{", *rules, "}")]  # fmt: skip
        lines += ["chain dispatcher {", f"type filter hook input priority 0; policy {policy};"]
        for ip_family, name in IP.items():
            if family in ("inet", name):
                places = ", ".join(f"{program.address(ip_family)} : goto {program.base}" for program in mine)
                lines.append(f"{name} daddr vmap {{ {places} }}")
        # All other packets are for the programs of other tables.
        apart = " ".join(f"{IP[ip_family]} daddr != {{ {', '.join(program.address(ip_family) for program in mine)} }} accept\n"
                         for ip_family in IP if family in ("inet", IP[ip_family]))  # fmt: skip
        lines += [apart, "}", "}"]
    return "\n".join(lines)


def load(lab, text):
    """Load the rules without the few rules that nft rejects because they contradict themselves."""
    lines = text.splitlines()
    while refused := refused_lines(lab, lines):
        for number in refused:
            lines[number - 1] = "counter"


def refused_lines(lab, lines):
    try:
        lab.nft("\n".join(lines))
    except HostError as error:
        found = {int(number) for number in re.findall(r"/dev/stdin:(\d+):", str(error))}
        if not found or not all(CONTRADICTION in part for part in str(error).split("/dev/stdin:")[1:]):
            raise
        return found
    return set()


def test_nftables_rules(node, record_property):
    generate = NftGenerator(SEED)
    programs = [generate.program(number) for number in range(CASES)]
    load(node, "flush ruleset\n" + RECORDER + nft_text(programs))
    send(node, [sent for program in programs for sent in program.packets()])
    listed = json.loads(node.host.run("nft", "--json", "--terse", "list", "ruleset"))["nftables"]
    tables = parse_tables(listed)
    answers = compare(
        programs,
        lambda program: tables[program.family, f"{program.policy}s"],
        recorded(node, "came"),
        recorded(node, "passed"),
    )
    assert_useful(answers, 0.35, record_property)


class IptablesGenerator(Generator):
    """A generator of programs in the format of iptables-save, each for one family."""

    def program(self, number):
        family = self.one("ip", "ip6")
        names = [f"p{number}{suffix}" for suffix in ("", "a", "b")]
        chains = {name: [self.rule(family, names[at + 1 :]) for _rule in range(self.random.randint(1, 5))]
                  for at, name in enumerate(names)}  # fmt: skip
        return Program(number, family, self.one("accept", "drop"), chains)

    def rule(self, family, targets):
        parts = []
        if self.chance(0.4):
            parts.append(self.address(family))
        if self.chance(0.65):
            parts.append(self.transport(family))
        if self.chance(0.4) or not parts:
            parts.append(self.anything(family))
        return " ".join([*parts, self.target(targets)])

    def no(self, text):
        return self.one("", "! ") + text

    def address(self, family):
        name = {"ip": "ipv4", "ip6": "ipv6"}[family]
        length = {"ip": 32, "ip6": 128}[family]
        networks = {"ip": ["10.0.1.0/24", "10.0.0.0/8", "10.0.1.2/31", "192.0.2.0/24", "127.0.0.0/8"],
                    "ip6": ["fd00:1::/64", "fd00:1::2/127", "2001:db8::/32", "::1/128"]}[family]  # fmt: skip
        source = self.one(*SOURCES[name])
        return self.one(
            self.no(f"-s {source}/{length}"),
            self.no(f"-s {self.one(*networks)}"),
            self.no(f"-d {self.one(*networks, NETWORK[name])}"),
            f"-m iprange {self.no(f'--src-range {SOURCES[name][0]}-{SOURCES[name][1]}')}",
            f"-m set {self.no(f'--match-set few{family} src')}",
        )

    def ports(self):
        return self.one(*map(str, PORTS), "80", "8000:8010", ":1023", "1024:")

    def transport(self, family):
        protocol = self.one("tcp", "udp")
        listed = ",".join(self.some([*map(str, PORTS), "80", "8000:8010"], 3))
        flags = self.one("FIN,SYN,RST,ACK SYN", "FIN,SYN,RST,ACK ACK", "ALL NONE", "SYN,RST SYN", "ALL SYN,ACK")
        return self.one(
            self.no(f"-p {self.one('tcp', 'udp', {'ip': 'icmp', 'ip6': 'ipv6-icmp'}[family], 'sctp')}"),
            f"-p {protocol} -m {protocol} {self.no(f'--dport {self.ports()}')}",
            f"-p {protocol} -m {protocol} {self.no(f'--sport {self.ports()}')}",
            f"-p tcp -m tcp {self.no('--syn')}",
            f"-p tcp -m tcp {self.no(f'--tcp-flags {flags}')}",
            f"-p {protocol} -m multiport {self.no(f'--dports {listed}')}",
            f"-p {protocol} -m multiport {self.no(f'--sports {listed}')}",
            f"-p {protocol} -m multiport {self.no(f'--ports {listed}')}",
            {"ip": "-p icmp -m icmp", "ip6": "-p ipv6-icmp -m icmp6"}[family]
            + f" {self.no({'ip': '--icmp-type 8', 'ip6': '--icmpv6-type 128'}[family])}",
        )

    def anything(self, family):
        states = ",".join(self.some(["NEW", "ESTABLISHED", "RELATED", "INVALID", "UNTRACKED"], 3))
        return self.one(
            f"-m conntrack {self.no(f'--ctstate {states}')}",
            f"-m conntrack --ctstate {self.one('DNAT', 'SNAT', 'ESTABLISHED,DNAT')}",
            f"-m state {self.no(f'--state {states}')}",
            *[f"-m mark {self.no('--mark 0x10000000/0x10000000')}"] * 2,
            f"-m mark {self.no('--mark ' + self.one('0x0', '0x1', '0x1/0x1', '0x10000000'))}",
            f"-m addrtype {self.no('--dst-type ' + self.one('LOCAL', 'UNICAST', 'MULTICAST'))}",
            f"-m addrtype {self.no('--src-type ' + self.one('LOCAL', 'UNICAST', 'MULTICAST'))}",
            f"-m addrtype {self.no('--dst-type LOCAL')} --limit-iface-in",
            f"-m pkttype {self.no('--pkt-type ' + self.one('unicast', 'broadcast', 'multicast'))}",
            self.no(f"-i {self.one('lo', 'friend', 'eth+')}"),
            self.no("-f") if family == "ip" else "-m comment --comment none",
            f'-m comment --comment "{self.one("-j DROP", "! -s 10.0.0.1", "it is free")}"',
            "-m limit --limit 1/hour",
            "-m statistic --mode random --probability 0.5",
            f"-m length {self.no('--length 0:50')}",
            {"ip": "-m ttl --ttl-eq 64", "ip6": "-m hl --hl-eq 64"}[family],
        )

    def target(self, targets):
        onward = [f"{how} {target}" for target in targets for how in ("-j", "-g")]
        marks = ["0x1", "0x2/0x2", "0x0/0x10000000", "0x10000000/0x10000000", "0x0"]
        verdicts = ["ACCEPT", "DROP", "REJECT"]
        return self.one(
            *(f"-j {verdict}" for verdict in [*verdicts, *verdicts, "RETURN"]),
            *onward, *onward,
            *[self.one("", f"-j MARK --set-xmark {self.one(*marks)}", "-j CONNMARK --restore-mark")] * 2,
        )  # fmt: skip


def iptables_text(programs, family):
    mine = [program for program in programs if program.family == family]
    lines = ["*filter", *(f":{name} -" for program in mine for name in program.chains)]
    for program in mine:
        to = f"-A INPUT -d {program.address({'ip': 'ipv4', 'ip6': 'ipv6'}[family])}"
        lines += [f"{to} -g {program.base}" if program.policy == "accept" else f"{to} -j {program.base}"]
        lines += [f"{to} -j DROP"] if program.policy == "drop" else []
        lines += [f"-A {name} {rule}" for name, rules in program.chains.items() for rule in rules]
    return "\n".join([*lines, "COMMIT", ""])


@pytest.mark.parametrize("variant", ["nft", "legacy"])
def test_iptables_rules(node, variant, record_property):
    generate = IptablesGenerator(SEED)
    programs = [generate.program(number) for number in range(CASES)]
    node.nft("flush ruleset\n" + RECORDER)
    node.host.run("sh", "-c", "ipset -exist create fewip hash:ip; ipset -exist add fewip 10.0.1.2; "
                  "ipset -exist create fewip6 hash:ip family inet6; ipset -exist add fewip6 fd00:1::2")  # fmt: skip
    chains = {}
    try:
        for family, program in (("ip", "iptables"), ("ip6", "ip6tables")):
            node.host.run(f"{program}-{variant}-restore", stdin=iptables_text(programs, family))
            table = parse_table(node.host.run(f"{program}-{variant}-save"), "filter")
            chains[family] = parse_chains(table)
        send(node, [sent for program in programs for sent in program.packets()])
        answers = compare(
            programs,
            lambda program: chains[program.family],
            recorded(node, "came"),
            recorded(node, "passed"),
        )
    finally:
        for program in ("iptables", "ip6tables"):
            node.host.run(f"{program}-{variant}-restore", stdin="*filter\nCOMMIT\n")
    assert_useful(answers, 0.35, record_property)
