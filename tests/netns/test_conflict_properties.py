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
from ansible_collections.gatehouse.kong.tests.netns.conftest import enter_namespace, run_ip

CASES = int(os.environ.get("GATEHOUSE_KONG_CASES", "280"))
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

    def get_address(self, family):
        return str(ipaddress.ip_network(NETWORK[family])[256 + self.number])

    def list_packets(self):
        for family, name in IP.items():
            if self.family in ("inet", name):
                for protocol in ("tcp", "udp"):
                    for port in PORTS:
                        for source in SOURCES[family]:
                            yield frames.Sent(family, protocol, source, self.get_address(family), port)


@pytest.fixture(scope="module")
def node(wires, tmp_path_factory):
    """The node of the lab. It has all addresses of the programs."""
    wires.start(tmp_path_factory.mktemp("node"))
    for family, network in NETWORK.items():
        run_ip("-n", wires.get_namespace("node"), f"-{family[-1]}", "route", "replace", "local", network, "dev", "lo")
    return wires


def send(lab, packets):
    with enter_namespace(lab.get_namespace("friend")):
        link = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    with link:
        link.bind(("to-node", 0))
        for sent in packets:
            link.send(frames.build_frame(sent))


def read_recorded(lab, name):
    """Return the packets in a set of the recorder."""
    found = set()
    for family, number in (("ipv4", "4"), ("ipv6", "6")):
        listed = json.loads(lab.host.run("nft", "-j", "list", "set", "inet", "recorder", name + number))["nftables"]
        for element in next(item["set"] for item in listed if "set" in item).get("elem", ()):
            address, source, protocol, port = element["concat"]
            found.add(frames.Sent(family, protocol, source, address, port))
    return found


def collect_classes(program):
    """Yield classes of packets for the analysis: packets of authorised sources, and packets of the other source."""
    sent = list(program.list_packets())
    for key in dict.fromkeys((packet.family, packet.protocol, packet.port) for packet in sent):
        same = [packet for packet in sent if (packet.family, packet.protocol, packet.port) == key]
        for members, mark in ((same[:AUTHORISED], MARKED), (same[AUTHORISED:], UNMARKED)):
            family, protocol, port = key
            sources = parse_networks(family, [packet.source for packet in members])
            addresses = parse_networks(family, [program.get_address(family)])
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
        for members, packet in collect_classes(program):
            answer = analyse(chains_of(program), program, packet)
            for sent in members:
                assert sent in arrived, sent
                answers[answer] += 1
                assert answer in (None, sent in passed), f"{sent}: {answer}\n{json.dumps(program, indent=1)}"
    return answers


def check_answers(answers, unknown, record):
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

    def choose(self, *choices):
        return self.random.choice(choices)

    def choose_some(self, choices, most):
        return self.random.sample(choices, self.random.randint(1, most))

    def decide(self, share):
        return self.random.random() < share


class NftGenerator(Generator):
    """A generator of programs in the syntax of nft."""

    def make_program(self, number):
        family = self.choose("inet", "inet", "inet", "ip", "ip6")
        names = [f"p{number}{suffix}" for suffix in ("", "a", "b")]
        chains = {name: [self.make_rule(family, names[at + 1 :]) for _rule in range(self.random.randint(1, 4))]
                  for at, name in enumerate(names)}  # fmt: skip
        return Program(number, family, self.choose("accept", "drop"), chains)

    def make_rule(self, table, targets):
        self.table = table
        self.protocol = self.choose("tcp", "udp", "tcp", "udp", "tcp", "udp", self.choose("sctp", "dccp", "udplite"))
        parts = []
        if self.decide(0.55):
            parts.append(self.make_transport_test())
        if self.decide(0.35):
            parts.append(self.make_network_test(self.choose("ip", "ip6") if table == "inet" else table))
        if self.decide(0.3) or not parts:
            parts.append(self.make_other_test())
        if len(parts) == 1 and self.decide(0.15):
            # nft (1.0.6) does not list it together with a header of that protocol, even if both contradict each other.
            parts = [f"meta protocol {self.choose('', '!= ')}{self.choose('ip', 'ip6', 'arp', '{ ip, ip6 }')}"]
        self.random.shuffle(parts)
        if self.decide(0.2):
            parts = [*(parts if self.decide(0.5) else []), self.make_statement()]
        return " ".join([*parts, self.choose_verdict(targets)])

    def make_port_test(self):
        port = str(self.choose(*PORTS, 80))
        return self.choose(
            port, f"!= {port}", f"< {port}", f"<= {port}", f"> {port}", f">= {port}", "8000-8010", "!= 7000-8000",
            "{ 22, 8000-8010 }", "!= { 80, 7946 }", "{ 7946 }", "@ports", "!= @ports", "& 0xff == 0x41", "& 0xf != 0xa",
        )  # fmt: skip

    def make_transport_test(self):
        protocol = self.protocol
        flags = self.choose(
            f"tcp flags & (fin | syn | rst | ack) {self.choose('==', '!=')} {self.choose('syn', 'ack', '(syn | ack)')}",
            f"tcp flags {self.choose('', '== ', '!= ')}{self.choose('syn', 'ack', 'fin')}",
            f"tcp flags {self.choose('', '!= ')}{{ syn, syn | ack }}",
            f"tcp flags & {self.choose('syn', '(rst | psh)')} {self.choose('==', '!=')} 0",
            "tcp option maxseg size 1-500",
        )
        return self.choose(
            *([flags] * 3 if protocol == "tcp" else []),
            f"{protocol} dport {self.make_port_test()}",
            f"{protocol} dport {self.make_port_test()}",
            f"th dport {self.make_port_test()}",
            f"{protocol} sport {self.choose('', '!= ')}{self.choose('40000', '1024-65535', '{ 53, 67 }')}",
            f"meta l4proto {self.choose('', '!= ')}{self.choose('tcp', 'udp', 'icmp', '{ tcp, udp }', '{ icmp, sctp }')}",
            f"meta l4proto . th dport {self.choose('', '!= ')}{{ {self.choose('tcp', 'udp')} . {self.choose(*PORTS)}, udp . 53 }}",
            f"{protocol} {'type' if protocol == 'dccp' else 'checksum'} {self.choose('', '!= ')}0",
        )

    def make_network_test(self, name):
        family = {"ip": "ipv4", "ip6": "ipv6"}[name]
        negation = self.choose("", "!= ")
        addresses = [*SOURCES[family], {"ip": "192.0.2.7", "ip6": "2001:db8::7"}[name]]
        networks = {"ip": ["10.0.1.0/24", "10.0.0.0/8", "10.0.1.2/31", "192.0.2.0/24"],
                    "ip6": ["fd00:1::/64", "fd00:1::2/127", "2001:db8::/32", "fd00::/16"]}[name]  # fmt: skip
        protocol = self.choose("tcp", "udp")
        return self.choose(
            f"{name} saddr {negation}{self.choose(*addresses)}",
            f"{name} saddr {negation}{self.choose(*networks)}",
            f"{name} saddr {negation}{{ {', '.join(self.choose_some(addresses, 3))} }}",
            f"{name} saddr {negation}{addresses[0]}-{addresses[1]}",
            f"{name} saddr {negation}@few{name}",
            f"{name} daddr {negation}{self.choose(*networks, NETWORK[family])}",
            f"{name} saddr . th dport {negation}{{ {self.choose(*addresses)} . 8001, {self.choose(*addresses)} . 22 }}",
            f"{name} saddr . meta l4proto {negation}{{ {self.choose(*addresses)} . {protocol} }}",
            {"ip": f"ip protocol {negation}{protocol}", "ip6": f"ip6 nexthdr {negation}{protocol}"}[name],
            {"ip": f"ip ttl {negation}64", "ip6": f"ip6 hoplimit {negation}64"}[name],
            {"ip": f"icmp type {negation}echo-request", "ip6": f"icmpv6 type {negation}echo-request"}[name],
            f"{name} dscp {negation}cs1",
        )

    def make_other_test(self):
        return self.choose(
            f"ct state {self.choose('', '!= ')}{self.choose('new', 'established', '{ new, related }', '{ established, invalid }')}",
            f"ct state {self.choose('new,untracked', 'established,related')}",
            f"ct status {self.choose('dnat', 'snat')}",
            f"ct direction {self.choose('', '!= ')}original",
            *[f"meta mark & 0x10000000 {self.choose('==', '!=')} {self.choose('0', '0x10000000')}"] * 3,
            f"meta mark {self.choose('', '!= ')}{self.choose('0x1', '0x10000000', '0x20000000')}",
            f"meta mark & 0x10000001 == {self.choose('0x10000000', '0x1')}",
            *([f"meta nfproto {self.choose('', '!= ')}{self.choose('ipv4', 'ipv6')}"] if self.table == "inet" else []),
            f"iifname {self.choose('', '!= ')}{self.choose('lo', 'friend', 'eth*')}",
            f"iifname {self.choose('', '!= ')}{{ lo, eth7 }}",
            f"fib daddr type {self.choose('', '!= ')}{self.choose('local', 'broadcast', '{ local, multicast }')}",
            f"meta pkttype {self.choose('', '!= ')}{self.choose('host', 'broadcast', '{ host, multicast }')}",
            f"meta length {self.choose('<', '>')} 50",
            f"limit rate {self.choose('', 'over ')}1/hour",
            "numgen random mod 2 0",
            "counter",
        )

    def make_statement(self):
        protocol = self.protocol
        return self.choose(
            "counter",
            "meta mark set 0x1",
            "meta mark set meta mark | 0x2",
            "meta mark set meta mark & 0xefffffff",
            *["meta mark set meta mark ^ 0x10000000"] * 2,
            f"meta mark set {protocol} dport map {{ 8001 : 0x10000000, 25 : 0x2 }}",
            "meta mark set ct mark",
            "ct mark set meta mark",
        )

    def choose_verdict(self, targets):
        plain = [
            "accept", "drop", "accept", "drop", "return", "continue",
            self.choose("reject", "reject with icmpx type admin-prohibited") if self.table == "inet" else "reject",
        ]  # fmt: skip
        onward = [f"{how} {target}" for target in targets for how in ("jump", "goto")]
        if self.decide(0.2):
            return self.make_verdict_map([*plain[:-1], *onward])
        return self.choose(*plain, *onward, *onward)

    def make_verdict_map(self, verdicts):
        protocol = self.choose(self.protocol, "th")
        first, second = self.choose(*verdicts), self.choose(*verdicts)
        return self.choose(
            f"{protocol} dport vmap {{ 8001 : {first}, 7000-7999 : {second} }}",
            f"{protocol} dport vmap {{ {self.choose(*PORTS)} : {first}, * : {second} }}",
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


def format_nft(programs):
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
                places = ", ".join(f"{program.get_address(ip_family)} : goto {program.base}" for program in mine)
                lines.append(f"{name} daddr vmap {{ {places} }}")
        # All other packets are for the programs of other tables.
        apart = " ".join(f"{IP[ip_family]} daddr != {{ {', '.join(program.get_address(ip_family) for program in mine)} }} accept\n"
                         for ip_family in IP if family in ("inet", IP[ip_family]))  # fmt: skip
        lines += [apart, "}", "}"]
    return "\n".join(lines)


def load(lab, text):
    """Load the rules without the few rules that nft rejects because they contradict themselves."""
    lines = text.splitlines()
    while refused := find_refused_lines(lab, lines):
        for number in refused:
            lines[number - 1] = "counter"


def find_refused_lines(lab, lines):
    try:
        lab.run_nft("\n".join(lines))
    except HostError as error:
        found = {int(number) for number in re.findall(r"/dev/stdin:(\d+):", str(error))}
        if not found or not all(CONTRADICTION in part for part in str(error).split("/dev/stdin:")[1:]):
            raise
        return found
    return set()


def test_nftables_rules(node, record_property):
    generate = NftGenerator(SEED)
    programs = [generate.make_program(number) for number in range(CASES)]
    load(node, "flush ruleset\n" + RECORDER + format_nft(programs))
    send(node, [sent for program in programs for sent in program.list_packets()])
    listed = json.loads(node.host.run("nft", "--json", "--terse", "list", "ruleset"))["nftables"]
    tables = parse_tables(listed)
    answers = compare(
        programs,
        lambda program: tables[program.family, f"{program.policy}s"],
        read_recorded(node, "came"),
        read_recorded(node, "passed"),
    )
    check_answers(answers, 0.35, record_property)


class IptablesGenerator(Generator):
    """A generator of programs in the format of iptables-save, each for one family."""

    def make_program(self, number):
        family = self.choose("ip", "ip6")
        names = [f"p{number}{suffix}" for suffix in ("", "a", "b")]
        chains = {name: [self.make_rule(family, names[at + 1 :]) for _rule in range(self.random.randint(1, 5))]
                  for at, name in enumerate(names)}  # fmt: skip
        return Program(number, family, self.choose("accept", "drop"), chains)

    def make_rule(self, family, targets):
        parts = []
        if self.decide(0.4):
            parts.append(self.make_address_test(family))
        if self.decide(0.65):
            parts.append(self.make_transport_test(family))
        if self.decide(0.4) or not parts:
            parts.append(self.make_other_test(family))
        return " ".join([*parts, self.choose_target(targets)])

    def negate_or_keep(self, text):
        return self.choose("", "! ") + text

    def make_address_test(self, family):
        name = {"ip": "ipv4", "ip6": "ipv6"}[family]
        length = {"ip": 32, "ip6": 128}[family]
        networks = {"ip": ["10.0.1.0/24", "10.0.0.0/8", "10.0.1.2/31", "192.0.2.0/24", "127.0.0.0/8"],
                    "ip6": ["fd00:1::/64", "fd00:1::2/127", "2001:db8::/32", "::1/128"]}[family]  # fmt: skip
        source = self.choose(*SOURCES[name])
        return self.choose(
            self.negate_or_keep(f"-s {source}/{length}"),
            self.negate_or_keep(f"-s {self.choose(*networks)}"),
            self.negate_or_keep(f"-d {self.choose(*networks, NETWORK[name])}"),
            f"-m iprange {self.negate_or_keep(f'--src-range {SOURCES[name][0]}-{SOURCES[name][1]}')}",
            f"-m set {self.negate_or_keep(f'--match-set few{family} src')}",
        )

    def choose_ports(self):
        return self.choose(*map(str, PORTS), "80", "8000:8010", ":1023", "1024:")

    def make_transport_test(self, family):
        protocol = self.choose("tcp", "udp")
        listed = ",".join(self.choose_some([*map(str, PORTS), "80", "8000:8010"], 3))
        flags = self.choose("FIN,SYN,RST,ACK SYN", "FIN,SYN,RST,ACK ACK", "ALL NONE", "SYN,RST SYN", "ALL SYN,ACK")
        return self.choose(
            self.negate_or_keep(f"-p {self.choose('tcp', 'udp', {'ip': 'icmp', 'ip6': 'ipv6-icmp'}[family], 'sctp')}"),
            f"-p {protocol} -m {protocol} {self.negate_or_keep(f'--dport {self.choose_ports()}')}",
            f"-p {protocol} -m {protocol} {self.negate_or_keep(f'--sport {self.choose_ports()}')}",
            f"-p tcp -m tcp {self.negate_or_keep('--syn')}",
            f"-p tcp -m tcp {self.negate_or_keep(f'--tcp-flags {flags}')}",
            f"-p {protocol} -m multiport {self.negate_or_keep(f'--dports {listed}')}",
            f"-p {protocol} -m multiport {self.negate_or_keep(f'--sports {listed}')}",
            f"-p {protocol} -m multiport {self.negate_or_keep(f'--ports {listed}')}",
            {"ip": "-p icmp -m icmp", "ip6": "-p ipv6-icmp -m icmp6"}[family]
            + f" {self.negate_or_keep({'ip': '--icmp-type 8', 'ip6': '--icmpv6-type 128'}[family])}",
        )

    def make_other_test(self, family):
        states = ",".join(self.choose_some(["NEW", "ESTABLISHED", "RELATED", "INVALID", "UNTRACKED"], 3))
        return self.choose(
            f"-m conntrack {self.negate_or_keep(f'--ctstate {states}')}",
            f"-m conntrack --ctstate {self.choose('DNAT', 'SNAT', 'ESTABLISHED,DNAT')}",
            f"-m state {self.negate_or_keep(f'--state {states}')}",
            *[f"-m mark {self.negate_or_keep('--mark 0x10000000/0x10000000')}"] * 2,
            f"-m mark {self.negate_or_keep('--mark ' + self.choose('0x0', '0x1', '0x1/0x1', '0x10000000'))}",
            f"-m addrtype {self.negate_or_keep('--dst-type ' + self.choose('LOCAL', 'UNICAST', 'MULTICAST'))}",
            f"-m addrtype {self.negate_or_keep('--src-type ' + self.choose('LOCAL', 'UNICAST', 'MULTICAST'))}",
            f"-m addrtype {self.negate_or_keep('--dst-type LOCAL')} --limit-iface-in",
            f"-m pkttype {self.negate_or_keep('--pkt-type ' + self.choose('unicast', 'broadcast', 'multicast'))}",
            self.negate_or_keep(f"-i {self.choose('lo', 'friend', 'eth+')}"),
            self.negate_or_keep("-f") if family == "ip" else "-m comment --comment none",
            f'-m comment --comment "{self.choose("-j DROP", "! -s 10.0.0.1", "it is free")}"',
            "-m limit --limit 1/hour",
            "-m statistic --mode random --probability 0.5",
            f"-m length {self.negate_or_keep('--length 0:50')}",
            {"ip": "-m ttl --ttl-eq 64", "ip6": "-m hl --hl-eq 64"}[family],
        )

    def choose_target(self, targets):
        onward = [f"{how} {target}" for target in targets for how in ("-j", "-g")]
        marks = ["0x1", "0x2/0x2", "0x0/0x10000000", "0x10000000/0x10000000", "0x0"]
        verdicts = ["ACCEPT", "DROP", "REJECT"]
        return self.choose(
            *(f"-j {verdict}" for verdict in [*verdicts, *verdicts, "RETURN"]),
            *onward, *onward,
            *[self.choose("", f"-j MARK --set-xmark {self.choose(*marks)}", "-j CONNMARK --restore-mark")] * 2,
        )  # fmt: skip


def format_iptables(programs, family):
    mine = [program for program in programs if program.family == family]
    lines = ["*filter", *(f":{name} -" for program in mine for name in program.chains)]
    for program in mine:
        to = f"-A INPUT -d {program.get_address({'ip': 'ipv4', 'ip6': 'ipv6'}[family])}"
        lines += [f"{to} -g {program.base}" if program.policy == "accept" else f"{to} -j {program.base}"]
        lines += [f"{to} -j DROP"] if program.policy == "drop" else []
        lines += [f"-A {name} {rule}" for name, rules in program.chains.items() for rule in rules]
    return "\n".join([*lines, "COMMIT", ""])


@pytest.mark.parametrize("variant", ["nft", "legacy"])
def test_iptables_rules(node, variant, record_property):
    generate = IptablesGenerator(SEED)
    programs = [generate.make_program(number) for number in range(CASES)]
    node.run_nft("flush ruleset\n" + RECORDER)
    node.host.run("sh", "-c", "ipset -exist create fewip hash:ip; ipset -exist add fewip 10.0.1.2; "
                  "ipset -exist create fewip6 hash:ip family inet6; ipset -exist add fewip6 fd00:1::2")  # fmt: skip
    chains = {}
    try:
        for family, program in (("ip", "iptables"), ("ip6", "ip6tables")):
            node.host.run(f"{program}-{variant}-restore", stdin=format_iptables(programs, family))
            table = parse_table(node.host.run(f"{program}-{variant}-save"), "filter")
            chains[family] = parse_chains(table)
        send(node, [sent for program in programs for sent in program.list_packets()])
        answers = compare(
            programs,
            lambda program: chains[program.family],
            read_recorded(node, "came"),
            read_recorded(node, "passed"),
        )
    finally:
        for program in ("iptables", "ip6tables"):
            node.host.run(f"{program}-{variant}-restore", stdin="*filter\nCOMMIT\n")
    check_answers(answers, 0.35, record_property)
