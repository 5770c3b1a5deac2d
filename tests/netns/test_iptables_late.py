# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The accept rule for iptables, with packets: bans of the host hold, and its defaults do not stop authorised sources."""

from __future__ import annotations

import re
import socket
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._backends.iptables.late import IptablesLate
from ansible_collections.gatehouse.kong.plugins.module_utils._backends.nftables.backend import Nftables
from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import HostError
from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.ruleset import ruleset_from_data

PROGRAM = {"ipv4": "iptables", "ipv6": "ip6tables"}
EMPTY = "*filter\n:INPUT ACCEPT\n:FORWARD ACCEPT\n:OUTPUT ACCEPT\nCOMMIT\n"
WANT = ruleset_from_data(
    {
        "allow": [
            {"listener": "proxy", "protocol": "tcp", "port": 8000, "sources": "any"},
            {"listener": "admin", "protocol": "tcp", "port": 8001, "sources": ["admins"]},
            {"listener": "cluster", "protocol": "udp", "port": 7946, "sources": ["admins"]},
        ],
        "sets": {"admins": {"ipv4": ["10.0.1.2", "10.0.2.2"], "ipv6": ["fd00:1::2", "fd00:2::2"]}},
    }
)
BASE = (
    "-A INPUT -i lo -j ACCEPT",
    "-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
    "-A INPUT -p ipv6-icmp -j ACCEPT",
    "-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT",
)
REJECT = {"ipv4": "icmp-host-prohibited", "ipv6": "icmp6-adm-prohibited"}
REJECT_UDP = {"ipv4": "icmp-port-unreachable", "ipv6": "icmp6-port-unreachable"}


class Node:
    """The node with a kind of iptables, the early part and the late part; `friend` is A, `ally` is B."""

    def __init__(self, lab, variant, family):
        self.lab, self.variant, self.family = lab, variant, family
        self.host = lab.host
        which = self.host.which
        self.host.which = lambda name: which(f"iptables-{variant}" if name == "iptables" else name)
        addresses = self.host.path("/proc/net/if_inet6")
        addresses.parent.mkdir(parents=True)
        addresses.touch()
        self.listeners = {port: lab.listen(port, "udp" if port == 7946 else "tcp", family)
                          for port in (8000, 8001, 7946, 9000)}  # fmt: skip

    def clean(self):
        for kind in ("nft", "legacy"):
            for program in PROGRAM.values():
                self.host.run(f"{program}-{kind}-restore", stdin=EMPTY)
        self.lab.nft("flush ruleset")
        with suppress(HostError):
            self.host.run("ipset", "destroy")

    @property
    def address(self):
        return {name: self.lab.address(name, self.family) for name in NAMES}

    def own(self, *lines, policy="ACCEPT", program=None):
        """Load lines as the rules of the host; {A}, {B} and the kind of reject are filled in."""
        lines = [line.format(A=self.address["friend"], B=self.address["ally"], R=REJECT[self.family],
                             RU=REJECT_UDP[self.family]) for line in lines]  # fmt: skip
        lines = [line for line in lines if "ipv6-icmp" not in line or self.family == "ipv6"]
        chains = sorted({line.split()[1] for line in lines} - {"INPUT"})
        text = ["*filter", f":INPUT {policy}", *(f":{chain} -" for chain in chains), *lines, "COMMIT", ""]
        self.host.run(f"{self.program}-restore", stdin="\n".join(text))

    @property
    def program(self):
        return f"{PROGRAM[self.family]}-{self.variant}"

    def add(self, rule):
        self.host.run(self.program, *rule.format(A=self.address["friend"], B=self.address["ally"],
                                                 U=self.address["stranger"]).split())  # fmt: skip

    def early(self, want=WANT):
        early = Nftables(self.host)
        early.read()
        early.apply(want)

    def late(self, want=WANT):
        """Load the late part as a run does; return the differences that were found before."""
        late = IptablesLate(self.host)
        before = late.read(want)
        late.apply(want)
        assert late.read(want) == ()
        return before

    def drift(self, want=WANT):
        return IptablesLate(self.host).read(want)

    def listing(self):
        return self.host.run(f"{self.program}-save", "-t", "filter")

    def foreign(self):
        """The rules that are not ours."""
        lines = [line for line in self.listing().splitlines() if "gatehouse.kong" not in line and line[0] != "#"]
        return [re.sub(r"\[\d+:\d+\]", "", line) for line in lines]

    def connects(self, name, port):
        """Whether a neighbour opens a connection: refusals by a rule are errors of several kinds."""
        client = self.lab.socket(name, self.family, socket.SOCK_STREAM)
        try:
            client.connect((self.lab.address(name, self.family, end=1), port))
        except OSError:
            return False
        finally:
            client.close()
        return True

    def senders(self):
        """The neighbours whose datagrams arrive."""
        for name in NAMES:
            client = self.lab.socket(name, self.family, socket.SOCK_DGRAM)
            client.sendto(b"hello", (self.lab.address(name, self.family, end=1), 7946))
        found = set()
        with suppress(TimeoutError):
            while True:
                found.add(self.listeners[7946].recvfrom(9)[1][0])
        return [name for name in NAMES if self.address[name] in found]

    def reach(self):
        """Which of A, B and U get in at which managed port, in the order of ports, such as "A8000 B8000 A7946"."""
        pairs = [(name, port) for port in (8000, 8001) for name in NAMES]
        with ThreadPoolExecutor(len(pairs)) as pool:
            opened = [*pool.map(lambda pair: self.connects(*pair), pairs)]
        found = [pair for pair, open_ in zip(pairs, opened, strict=True) if open_]
        found += [(name, 7946) for name in self.senders()]
        return " ".join(f"{NAMES[name]}{port}" for name, port in found)


NAMES = {"friend": "A", "ally": "B", "stranger": "U"}
EVERYTHING = "A8000 B8000 U8000 A8001 B8001 A7946 B7946"
WITHOUT_B = "A8000 U8000 A8001 A7946"


@pytest.fixture(params=["nft-ipv4", "nft-ipv6", "legacy-ipv4", "legacy-ipv6"])
def node(lab, request):
    made = Node(lab, *request.param.split("-"))
    made.clean()
    made.early()
    yield made
    made.clean()


DEFAULTS = {
    "policy drop": (BASE, "DROP"),
    "final reject": ((*BASE, "-A INPUT -j REJECT --reject-with {R}"), "ACCEPT"),
    "an end for each protocol": (
        (*BASE, "-A INPUT -p tcp -j REJECT --reject-with tcp-reset", "-A INPUT -p udp -j REJECT --reject-with {RU}",
         "-A INPUT -j REJECT"),
        "ACCEPT",
    ),
    "log and drop": ((*BASE, "-A INPUT -j LOG", "-A INPUT -j DROP"), "ACCEPT"),
    "a chain of the administrator": ((*BASE, "-A INPUT -j ADMIN", "-A ADMIN -j DROP"), "ACCEPT"),
    "no rule for established": (("-A INPUT -p ipv6-icmp -j ACCEPT",), "DROP"),
    "a chain for each protocol": (
        ("-A INPUT -p tcp -j TCP", "-A INPUT -p udp -j UDP", "-A TCP -j DROP", "-A UDP -j DROP"), "ACCEPT"
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", DEFAULTS)
def test_authorised_sources_pass_the_default(node, name):
    lines, policy = DEFAULTS[name]
    node.own(*lines, policy=policy)
    before = node.foreign()
    assert node.reach() == ""

    assert node.late() != ()

    assert node.reach() == EVERYTHING
    assert not node.connects("friend", 9000)
    assert node.foreign() == before
