# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The accept rule for iptables, with packets: bans of the host stay effective, and authorised sources can connect."""

from __future__ import annotations

import re
import socket
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._backends.iptables.late import IptablesLate
from ansible_collections.gatehouse.kong.plugins.module_utils._backends.nftables.backend import Nftables
from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import HostError
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.nft_listing import Listing
from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.data import ruleset_from_data

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
    """The node with a variant of iptables, the early part and the late part. A is `friend`, B is `ally`, U is `outsider`."""

    def __init__(self, lab, variant, family):
        self.lab, self.variant, self.family = lab, variant, family
        self.host = lab.host
        which = self.host.which
        self.host.which = lambda name: which(f"iptables-{variant}" if name == "iptables" else name)
        addresses = self.host.locate("/proc/net/if_inet6")
        addresses.parent.mkdir(parents=True)
        addresses.touch()
        self.listeners = {port: lab.open_listener(port, "udp" if port == 7946 else "tcp", family)
                          for port in (8000, 8001, 7946, 9000)}  # fmt: skip

    def clean(self):
        for kind in ("nft", "legacy"):
            for program in PROGRAM.values():
                self.host.run(f"{program}-{kind}-restore", stdin=EMPTY)
        self.lab.run_nft("flush ruleset")
        with suppress(HostError):
            self.host.run("ipset", "destroy")

    @property
    def address(self):
        return {name: self.lab.get_address(name, self.family) for name in NAMES}

    def load_own_rules(self, *lines, policy="ACCEPT", program=None):
        """Load lines as the rules of the host. The placeholders {A}, {B}, {R} and {RU} are filled in."""
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
                                                 U=self.address["outsider"]).split())  # fmt: skip

    def load_early(self, want=WANT):
        early = Nftables(self.host, Listing(self.host), frozenset())
        early.read()
        early.apply(want)

    def load_late(self, want=WANT):
        """Load the late part as a run does, and return the differences that it found."""
        late = IptablesLate(self.host)
        before = late.read(want)
        late.apply(want)
        assert late.read(want) == ()
        return before

    def find_drift(self, want=WANT):
        return IptablesLate(self.host).read(want)

    def list_filter(self):
        return self.host.run(f"{self.program}-save", "-t", "filter")

    def count_packets(self):
        """Return the number of packets that reached the last rule of the chain ADMIN."""
        saved = self.host.run(f"{self.program}-save", "-c")
        return int(re.search(r"^\[(\d+):\d+\] -A ADMIN -j DROP$", saved, re.MULTILINE)[1])

    def list_rules(self):
        """Return the rules and policies without their counters."""
        lines = [line for line in self.list_filter().splitlines() if line[0] != "#"]
        return [re.sub(r"\[\d+:\d+\]", "", line) for line in lines]

    def list_third_party_rules(self):
        """Return the third-party rules."""
        return [line for line in self.list_rules() if "gatehouse.kong" not in line]

    def reaches(self, name, port):
        """Tell whether a neighbour can open a connection. A rejected connection gives errors of several kinds."""
        client = self.lab.open_socket(name, self.family, socket.SOCK_STREAM)
        try:
            client.connect((self.lab.get_address(name, self.family, end=1), port))
        except OSError:
            return False
        finally:
            client.close()
        return True

    def list_senders(self):
        """Return the neighbours whose datagrams arrive."""
        for name in NAMES:
            client = self.lab.open_socket(name, self.family, socket.SOCK_DGRAM)
            client.sendto(b"hello", (self.lab.get_address(name, self.family, end=1), 7946))
        found = set()
        with suppress(TimeoutError):
            while True:
                found.add(self.listeners[7946].recvfrom(9)[1][0])
        return [name for name in NAMES if self.address[name] in found]

    def describe_reach(self):
        """Return the neighbours A, B and U that reach the managed ports, in the order of ports: "A8000 B8000 A7946"."""
        pairs = [(name, port) for port in (8000, 8001) for name in NAMES]
        with ThreadPoolExecutor(len(pairs)) as pool:
            opened = [*pool.map(lambda pair: self.reaches(*pair), pairs)]
        found = [pair for pair, open_ in zip(pairs, opened, strict=True) if open_]
        found += [(name, 7946) for name in self.list_senders()]
        return " ".join(f"{NAMES[name]}{port}" for name, port in found)


NAMES = {"friend": "A", "ally": "B", "outsider": "U"}
EVERYTHING = "A8000 B8000 U8000 A8001 B8001 A7946 B7946"
WITHOUT_B = "A8000 U8000 A8001 A7946"


@pytest.fixture(params=["nft-ipv4", "nft-ipv6", "legacy-ipv4", "legacy-ipv6"])
def node(lab, request):
    made = Node(lab, *request.param.split("-"))
    made.clean()
    made.load_early()
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
    "no rule for established connections": (("-A INPUT -p ipv6-icmp -j ACCEPT",), "DROP"),
    "a chain for each protocol": (
        ("-A INPUT -p tcp -j TCP", "-A INPUT -p udp -j UDP", "-A TCP -j DROP", "-A UDP -j DROP"), "ACCEPT"
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", DEFAULTS)
def test_authorised_sources_pass_the_default(node, name):
    lines, policy = DEFAULTS[name]
    node.load_own_rules(*lines, policy=policy)
    before = node.list_third_party_rules()
    assert node.describe_reach() == ""

    assert node.load_late() != ()

    assert node.describe_reach() == EVERYTHING
    assert not node.reaches("friend", 9000)
    assert node.list_third_party_rules() == before


def test_the_rule_moves_with_the_rules_of_the_host(node):
    """Other rules and their counters are preserved. Only our line differs."""
    node.load_own_rules(*BASE, "-A INPUT -j ADMIN", "-A ADMIN -j DROP")
    node.load_late()
    assert not node.reaches("friend", 9000)
    node.add("-I ADMIN 1 -s {U} -j DROP")
    node.add("-N OTHER")
    node.add("-A OTHER -j DROP")
    node.add("-I INPUT 1 -p udp -j OTHER")
    before, counted = node.list_third_party_rules(), node.count_packets()
    assert counted > 0

    assert node.load_late() == (f"{PROGRAM[node.family]}: the accept rule is missing in chain OTHER",)

    assert (node.list_third_party_rules(), node.count_packets()) == (before, counted)
    assert node.describe_reach() == "A8000 B8000 A8001 B8001 A7946 B7946"


# Rules that an administrator or a daemon adds, and the ports that A, B and U reach then.
BANS = {
    "ban on top": (["-I INPUT 1 -s {B} -j DROP"], WITHOUT_B),
    "fail2ban": (
        ["-N f2b-kong", "-A f2b-kong -j RETURN", "-I INPUT 1 -p tcp -m multiport --dports 8000,8001 -j f2b-kong",
         "-I f2b-kong 1 -s {B} -j REJECT"],
        f"{WITHOUT_B} B7946",
    ),
    "ban in the middle": (["-I INPUT 3 -s {B} -j DROP"], WITHOUT_B),
    "ban of an interface": (["-I INPUT 3 -i ally -j DROP"], WITHOUT_B),
    "ban of all interfaces except some": (
        ["-N X", "-A X -i friend -j RETURN", "-A X -i outsider -j RETURN", "-A X -j DROP", "-I INPUT 3 -j X"],
        WITHOUT_B,
    ),
    "chain of an interface": (["-N X", "-A X -j REJECT", "-I INPUT 1 -i ally -j X"], WITHOUT_B),
    "chain for an interface and for another ban": (
        ["-N X", "-A X -j DROP", "-I INPUT 1 -i ally -j X", "-I INPUT 1 -p icmp -j X"], WITHOUT_B
    ),
    "accept for every source": (["-I INPUT 1 -p tcp --dport 8001 -j ACCEPT"], EVERYTHING),
    "accept for one source": (["-I INPUT 1 -s {U} -j ACCEPT"], EVERYTHING),
}  # fmt: skip


@pytest.mark.parametrize("after", [False, True], ids=["before our run", "after our run"])
@pytest.mark.parametrize("name", BANS)
def test_bans_are_effective_and_accept_rules_do_not_open_managed_ports(node, name, after):
    commands, expected = BANS[name]
    node.load_own_rules(*BASE, "-A INPUT -j REJECT --reject-with {R}")
    if after:
        node.load_late()
    for command in commands:
        node.add(command)
    if not after:
        node.load_late()

    assert node.describe_reach() == expected
    assert node.find_drift() == ()


# Drops that are not reported, and the ports that A, B and U reach then.
UNSEEN = {
    "bans of all sources": (["-I INPUT 1 -s {A} -j DROP", "-I INPUT 1 -s {B} -j DROP"], "U8000"),
    "replies": (["-A OUTPUT -p tcp -m tcp --sport 8001 -j DROP"], "A8000 B8000 U8000 A7946 B7946"),
}


@pytest.mark.parametrize("name", UNSEEN)
def test_drops_that_are_not_reported_are_effective(node, name):
    commands, expected = UNSEEN[name]
    node.load_own_rules(*BASE, policy="DROP")
    node.load_late()
    for command in commands:
        node.add(command)
    assert node.describe_reach() == expected
    assert (_list_conflicts(node), node.find_drift()) == ([], ())


def test_a_set_of_all_sources_is_effective_and_not_reported(node):
    node.load_own_rules(*BASE, policy="DROP")
    node.load_late()
    node.host.run("ipset", "create", "bans", "hash:ip", "family", {"ipv4": "inet", "ipv6": "inet6"}[node.family])
    for name in ("friend", "ally"):
        node.host.run("ipset", "add", "bans", node.address[name])
    node.add("-I INPUT 1 -m set --match-set bans src -j DROP")
    assert node.describe_reach() == "U8000"
    assert (_list_conflicts(node), node.find_drift()) == ([], ())


def test_a_mark_that_another_program_sets_opens_no_port(node):
    node.load_own_rules(*BASE, policy="DROP")
    node.load_late()
    node.add("-t mangle -I PREROUTING 1 -j MARK --set-xmark 0x10000000/0x10000000")
    try:
        assert node.describe_reach() == EVERYTHING
        assert not node.reaches("outsider", 9000)
    finally:
        node.add("-t mangle -F PREROUTING")


def test_a_ban_in_a_shared_chain_is_a_warning_and_is_effective_before_the_jump(node):
    node.load_own_rules(*BASE, "-A INPUT -i to-nowhere -j X", "-A INPUT -j X", "-A X -s {B} -j DROP", "-A X -j DROP")
    node.load_late()
    assert node.describe_reach() == EVERYTHING
    interface, ban = sorted(_list_conflicts(node), key=lambda conflict: conflict.effect)
    effects = [(conflict.effect, conflict.certain) for conflict in (interface, ban)]
    assert effects == [("drop", False), ("exempt", False)]
    assert f"`-A X -s {node.address['ally']}/" in ban.reason
    node.add("-I INPUT 1 -s {B} -j DROP")
    assert node.describe_reach() == WITHOUT_B


def test_a_ban_with_a_set_and_a_rate_limit_are_effective(node):
    node.load_own_rules(*BASE, policy="DROP")
    node.load_late()
    node.host.run("ipset", "create", "bans", "hash:ip", "family", {"ipv4": "inet", "ipv6": "inet6"}[node.family])
    node.add("-I INPUT 1 -m set --match-set bans src -j DROP")
    node.add("-I INPUT 1 -p tcp --dport 8001 --syn -m hashlimit --hashlimit-above 3/hour --hashlimit-burst 3 "
             "--hashlimit-mode srcip --hashlimit-name kong -j DROP")  # fmt: skip
    node.host.run("ipset", "add", "bans", node.address["ally"])

    assert node.describe_reach() == WITHOUT_B
    assert [node.reaches("friend", 8001) for _attempt in range(3)] == [True, True, False]
    assert node.find_drift() == ()

    node.host.run("ipset", "del", "bans", node.address["ally"])
    assert node.reaches("ally", 8001)


def test_a_ban_in_a_chain_of_the_administrator_is_effective(node):
    node.load_own_rules(*BASE, "-A INPUT -j ADMIN", "-A ADMIN -s {B} -j DROP", "-A ADMIN -j LOG", "-A ADMIN -j DROP")
    node.load_late()
    assert node.describe_reach() == WITHOUT_B
    assert "-A ADMIN" in next(line for line in node.list_filter().splitlines() if "gatehouse.kong" in line)


def test_banned_packets_in_a_shared_chain_are_not_accepted(node):
    node.load_own_rules(
        *BASE, "-A INPUT -s {B} -j LOGDROP", "-A INPUT -j LOGDROP", "-A LOGDROP -j LOG", "-A LOGDROP -j DROP"
    )
    node.load_late()
    assert node.describe_reach() == WITHOUT_B


def test_a_ban_after_the_rule_is_reported_and_effective_after_the_next_run(node):
    node.load_own_rules(*BASE, policy="DROP")
    node.load_late()
    node.add("-A INPUT -s {B} -j DROP")
    assert node.describe_reach() == EVERYTHING

    (found,) = node.find_drift()
    assert found.startswith(f"{PROGRAM[node.family]}: the accept rule precedes `-A INPUT -s {node.address['ally']}/")
    assert node.load_late() == (found,)

    assert node.describe_reach() == WITHOUT_B


def test_a_new_default_before_the_rule_is_reported(node):
    node.load_own_rules(*BASE)
    node.load_late()
    node.add("-I INPUT 2 -p tcp -j DROP")
    assert node.load_late() == (
        f"{PROGRAM[node.family]}: the accept rule follows `-A INPUT -p tcp -j DROP`, which drops authorised packets",
    )
    assert node.describe_reach() == EVERYTHING


def test_without_the_early_part_the_rule_accepts_no_packet(node):
    node.load_own_rules(*BASE, policy="DROP")
    node.load_late()
    node.lab.run_nft("delete table inet gatehouse_kong")
    assert node.describe_reach() == ""


def test_removal_and_the_snapshot(node):
    """Removal removes our lines. The snapshot restores the rule without the code of the collection."""
    node.load_own_rules(*BASE, "-A INPUT -j REJECT --reject-with {R}")
    before = node.list_third_party_rules()
    late = IptablesLate(node.host)
    late.read(None)
    nothing = late.snapshot(None)
    late.apply(WANT)
    loaded = node.list_rules()
    rule = late.snapshot(WANT)

    assert late.apply(None) == ()
    assert late.read(None) == ()
    assert "gatehouse" not in node.list_filter()
    for (argv, script), expected in ((*rule.load, loaded), (*nothing.load, before)):
        node.host.run(*argv, stdin=script)
        assert node.list_rules() == expected
    assert node.list_third_party_rules() == before
    assert "gatehouse" not in node.list_filter()


def test_check_mode_loads_nothing(node):
    node.load_own_rules(*BASE, policy="DROP")
    before = node.list_rules()
    late = IptablesLate(node.host)
    late.read(WANT)
    late.validate(WANT, check_mode=True)
    assert node.list_rules() == before
    assert node.host.calls.count(("sh", "-s", "--", "--test")) == 1
    node.host.calls.clear()
    late.validate(WANT, check_mode=False)
    assert node.host.calls == []


@pytest.mark.parametrize("changes", [2, 9])
def test_other_programs_change_rules_at_the_same_time(node, changes):
    """After each attempt, append a ban after our rule. After three attempts, the change fails."""
    node.load_own_rules(*BASE)
    late = IptablesLate(node.host)
    late.read(WANT)
    run, left = node.host.run, [changes]

    def run_and_ban(*argv, stdin=""):
        text = run(*argv, stdin=stdin)
        if argv[0] == "sh" and left[0]:
            left[0] -= 1
            run(node.program, "-A", "INPUT", "-s", node.address["ally"], "-j", "DROP")
        return text

    node.host.run = run_and_ban
    if changes == 9:
        with pytest.raises(HostError, match="other programs change the iptables rules at the same time"):
            late.apply(WANT)
        assert left == [6]
    else:
        assert late.apply(WANT) == ()
        assert node.describe_reach() == WITHOUT_B
    del node.host.run


def test_translations(node):
    node.load_own_rules(*BASE)
    to = {"ipv4": "10.0.9.9:9000", "ipv6": "[fd00:9::9]:9000"}[node.family]
    text = f"*nat\n-A PREROUTING -p tcp -m tcp --dport 8000 -j DNAT --to-destination {to}\nCOMMIT\n"
    node.host.run(f"{node.program}-restore", "--noflush", stdin=text)
    late = IptablesLate(node.host)
    late.read(WANT)
    found = late.find_translations()
    node.host.run(f"{node.program}-restore", "--noflush", stdin="*nat\n-F\nCOMMIT\n")
    assert [(translation.port, translation.to_port) for translation in found] == [(8000, 9000)]


SCRIPT = "/etc/gatehouse_kong_accept/accept.sh"
UNIT = "/etc/systemd/system/gatehouse-kong-accept.service"
LINK = "/etc/systemd/system/multi-user.target.wants/gatehouse-kong-accept.service"
PLUGINS = "/usr/share/netfilter-persistent/plugins.d"
PLUGIN = f"{PLUGINS}/90-gatehouse-kong"
SETS_PLUGIN = f"{PLUGINS}/05-gatehouse-kong"
DROP_INS = tuple(
    f"/etc/systemd/system/{name}.service.d/gatehouse-kong-accept.conf" for name in ("iptables", "ip6tables")
)


def list_files(node):
    """Return the files of the node, without the files that the lab itself creates."""
    root = node.host.root
    paths = (path for path in root.rglob("*") if path.is_file() or path.is_symlink())
    return {f"/{path.relative_to(root)}" for path in paths} - {"/proc/net/if_inet6"}


@pytest.mark.parametrize("kind", ["iptables.service", "netfilter-persistent", "netfilter-persistent without nft"])
def test_the_persisted_files(node, kind):
    plugins = (
        [] if kind == "iptables.service" else [PLUGIN] if kind == "netfilter-persistent" else [PLUGIN, SETS_PLUGIN]
    )
    if plugins:
        node.host.locate(PLUGINS).mkdir(parents=True)
    which = node.host.which
    node.host.which = lambda name: None if name == "nft" and SETS_PLUGIN in plugins else which(name)
    node.load_own_rules(*BASE, policy="DROP")
    node.load_late()
    late = IptablesLate(node.host)
    late.read(WANT)
    expected = {SCRIPT, UNIT, LINK, *(plugins or DROP_INS)}
    assert {line.partition(":")[0] for line in late.compare_persisted(WANT)} == expected

    late.persist(WANT)

    assert late.compare_persisted(WANT) == ()
    assert list_files(node) == expected == {*late.snapshot(WANT).files} & list_files(node)
    for path in plugins:
        assert node.host.locate(path).stat().st_mode & 0o7777 == 0o755
        node.host.locate(path).chmod(0o644)
        assert late.compare_persisted(WANT) == (f"{path}: differs",)
        node.host.locate(path).chmod(0o755)
    assert {line.partition(":")[0] for line in late.compare_persisted(None)} >= expected - {SCRIPT}

    late.persist(None)

    assert late.compare_persisted(None) == ()
    assert list_files(node) == set()


def test_an_unneeded_plugin_is_removed(node):
    """A host with nft has none of our ipsets."""
    node.host.write(SETS_PLUGIN, "#!/bin/sh\n", 0o755)
    node.load_late()
    late = IptablesLate(node.host)
    late.read(WANT)
    assert f"{SETS_PLUGIN}: to be removed" in late.compare_persisted(WANT)
    late.persist(WANT)
    assert late.compare_persisted(WANT) == ()
    assert not node.host.locate(SETS_PLUGIN).exists()


def test_ipset_is_not_required(node):
    which = node.host.which
    node.host.which = lambda name: None if name == "ipset" else which(name)
    node.host.locate("/etc").mkdir(exist_ok=True)
    IptablesLate(node.host).require()


@pytest.mark.parametrize("saved_with_ours", [False, True])
def test_boot(node, saved_with_ours):
    """A saved file with our line can be loaded without our sets. The script adds the line once, whatever was saved."""
    node.load_own_rules(*BASE, "-A INPUT -j ADMIN", "-A ADMIN -j DROP")
    without = node.list_filter()
    node.load_late()
    late = IptablesLate(node.host)
    late.read(WANT)
    late.persist(WANT)
    saved, script = node.list_filter(), node.host.read(SCRIPT)
    node.clean()

    node.host.run(f"{node.program}-restore", stdin=saved if saved_with_ours else without)
    assert node.list_filter().count("gatehouse.kong") == int(saved_with_ours)
    node.load_early()
    assert node.describe_reach() == (EVERYTHING if saved_with_ours else "")
    for _again in range(2):
        node.host.run("sh", stdin=script)
        assert node.find_drift() == ()
    assert node.describe_reach() == EVERYTHING


def test_an_anchor_with_a_comment_that_is_not_utf8(node):
    """The comment of the rule after our rule contains bytes that are not UTF-8."""
    comment = '-m comment --comment "caf{} \\\\" -j DROP'
    ends = (f"-A ADMIN -p tcp --dport 22 {comment}".format("\udce8"), f"-A ADMIN {comment}".format("\udce9"))
    base = (line for line in BASE if "ipv6-icmp" not in line or node.family == "ipv6")
    text = "\n".join(["*filter", ":ADMIN -", *base, "-A INPUT -j ADMIN", *ends, "COMMIT\n"])
    file = node.host.locate("/rules")
    file.write_bytes(text.encode("utf-8", "surrogateescape"))
    load = ("sh", "-c", f"{node.program}-restore < {file}")
    node.host.run(*load)
    node.load_late()
    assert node.describe_reach() == EVERYTHING
    late = IptablesLate(node.host)
    late.read(WANT)
    late.persist(WANT)
    assert late.compare_persisted(WANT) == ()
    rules = node.list_rules()

    node.clean()
    node.load_early()
    node.host.run(*load)
    for _again in range(2):
        node.host.run("sh", str(node.host.locate(SCRIPT)))
        assert node.list_rules() == rules
    assert node.describe_reach() == EVERYTHING
    assert node.find_drift() == ()


def test_boot_without_the_recorded_chain(node):
    node.load_own_rules(*BASE, "-A INPUT -j ADMIN", "-A ADMIN -j DROP")
    late = IptablesLate(node.host)
    late.read(WANT)
    late.persist(WANT)
    node.load_own_rules(*BASE, "-A INPUT -s {B} -j DROP", "-A INPUT -j LOG", "-A INPUT -j REJECT --reject-with {R}")

    node.host.run("sh", stdin=node.host.read(SCRIPT))

    assert node.describe_reach() == WITHOUT_B
    assert node.find_drift() == ()


def test_the_script_without_the_chain_and_the_set_of_the_host(node):
    """A third party deleted its chain and the set of its ban. One of two recorded places remains."""
    node.host.run("ipset", "create", "bans", "hash:ip", "family", {"ipv4": "inet", "ipv6": "inet6"}[node.family])
    node.load_own_rules("-A INPUT -p ipv6-icmp -j ACCEPT", "-A INPUT -m set --match-set bans src -j DROP", "-A INPUT -p udp -j UDP",
                        "-A INPUT -p tcp -j TCP", "-A UDP -j DROP", "-A TCP -j DROP")  # fmt: skip
    late = IptablesLate(node.host)
    late.read(WANT)
    late.persist(WANT)
    node.load_own_rules("-A INPUT -p ipv6-icmp -j ACCEPT", "-A INPUT -s {B} -j DROP", "-A INPUT -p udp -j UDP", "-A UDP -j DROP",
                        "-A INPUT -p tcp -j DROP")  # fmt: skip
    node.host.run("ipset", "destroy")

    node.host.run("sh", str(node.host.locate(SCRIPT)))

    assert node.describe_reach() == WITHOUT_B
    assert node.find_drift() == ()


def test_a_saved_copy_is_cleaned_on_removal(node):
    path = "/etc/iptables/rules.v4"
    node.load_own_rules(*BASE, policy="DROP")
    before = node.list_filter()
    node.load_late()
    node.host.write(path, node.list_filter(), 0o640)
    late = IptablesLate(node.host)
    late.read(None)
    assert late.compare_persisted(None) == (f"{path}: has rules of gatehouse.kong",)

    late.persist(None)

    def list_rules(text):
        return [re.sub(r"\[\d+:\d+\]", "", line) for line in text.splitlines() if line[0] != "#"]

    assert late.compare_persisted(None) == ()
    assert list_rules(node.host.read(path)) == list_rules(before)
    assert node.host.locate(path).stat().st_mode & 0o7777 == 0o640


def test_a_saved_copy_of_the_early_part_is_cleaned_in_each_run(node):
    """If the sets were missing, iptables-restore would reject the file. With the sets, it would restore old rules."""
    path = "/etc/sysconfig/iptables"
    node.load_own_rules(*BASE, policy="DROP")
    node.load_late()
    late = IptablesLate(node.host)
    late.read(WANT)
    late.persist(WANT)
    saved = node.list_filter()
    early = f"-A INPUT -j GATEHOUSE-KONG\n-A GATEHOUSE-KONG -m set --match-set {SETS[node.family]} src -j RETURN\n"
    node.host.write(path, saved.replace("-A INPUT -i lo", f"{early}-A INPUT -i lo"), 0o600)
    assert late.compare_persisted(WANT) == (f"{path}: has rules of gatehouse.kong",)

    late.persist(WANT)

    assert late.compare_persisted(WANT) == ()
    assert node.host.read(path) == saved
    assert "gatehouse.kong" in saved


SETS = {"ipv4": "gkong4-admins", "ipv6": "gkong6-admins+"}


def test_warnings(node):
    """A limit that accepts has no effect, and a drop of every authorised source is a conflict."""
    limit = "-A INPUT -p tcp -m tcp --dport 8000 -m limit --limit 5/min -j ACCEPT"
    node.load_own_rules(*BASE, limit, "-A INPUT -s {A} -p tcp -m tcp --dport 8001 -j DROP", "-A INPUT -j DROP")
    node.load_late()
    found = describe_conflicts(node)
    assert found == {("exempt", False, "8000")}

    network = {"ipv4": "10.0.0.0/16", "ipv6": "fd00::/16"}[node.family]
    node.add(f"-I INPUT 1 -s {network} -p tcp --dport 8001 -j DROP")
    found = describe_conflicts(node)
    assert found == {("exempt", False, "8000"), ("drop", True, "8001")}


def test_a_file_that_cannot_be_loaded_at_boot(node):
    file = {"ipv4": "/etc/iptables/rules.v4", "ipv6": "/etc/iptables/rules.v6"}[node.family]
    node.host.link("/etc/systemd/system/multi-user.target.wants/netfilter-persistent.service", "/lib/any.service")
    node.host.write("/lib/systemd/system/netfilter-persistent.service", "[Service]\n", 0o644)
    node.load_own_rules(*BASE)
    node.host.write(file, node.list_filter(), 0o600)
    late = IptablesLate(node.host)
    late.read(WANT)
    before = node.list_rules()
    assert late.find_conflicts(WANT) == ()

    node.host.write(file, node.list_filter().replace("-j ACCEPT", "-m set --match-set f2b src -j ACCEPT", 1), 0o600)
    (found,) = late.find_conflicts(WANT)

    assert (found.where, found.certain, found.effect, found.stops) == (file, True, "boot", False)
    assert node.list_rules() == before


def describe_conflicts(node):
    return {
        (found.effect, found.certain, *(port.split()[1] for port in found.ports)) for found in _list_conflicts(node)
    }


def _list_conflicts(node):
    late = IptablesLate(node.host)
    late.read(WANT)
    return [found for found in late.find_conflicts(WANT) if found.where.endswith(f" {PROGRAM[node.family]}")]
