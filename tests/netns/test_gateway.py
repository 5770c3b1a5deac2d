# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A NAT gateway: the node forwards port 9000 of its address on the link to `friend` to port 80 of `ally`, which is inside.

`friend` and `outsider` are outside. The gateway is the default route of `ally` and `outsider`.
"""

from __future__ import annotations

import re
import socket
from contextlib import suppress
from types import MappingProxyType

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._gateway import table
from ansible_collections.gatehouse.kong.plugins.module_utils._gateway.model import nat_from_data, nat_to_data
from ansible_collections.gatehouse.kong.plugins.module_utils._gateway.table import AREA, NatTable
from ansible_collections.gatehouse.kong.plugins.module_utils._host.conntrack import Flow, end_flows
from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import Host, HostError
from ansible_collections.gatehouse.kong.plugins.module_utils._transaction.rollback import Rollback
from ansible_collections.gatehouse.kong.plugins.module_utils._transaction.transaction import (
    ConflictError,
    Guard,
    confirm,
    converge,
)
from ansible_collections.gatehouse.kong.tests.netns.conftest import SILENCE, run_ip

OUTSIDE = MappingProxyType({"ipv4": "10.0.1.1", "ipv6": "fd00:1::1"})
GATEWAY = {"ipv4": "10.0.2.1", "ipv6": "fd00:2::1"}
INSIDE = {"ipv4": "10.0.2.2", "ipv6": "fd00:2::2"}
FRIEND = MappingProxyType({"ipv4": "10.0.1.2", "ipv6": "fd00:1::2"})
BITS = {"ipv4": 32, "ipv6": 128}
NODAD = MappingProxyType({"ipv4": (), "ipv6": ("nodad",)})
PORT = 9000
FORWARDING = ("net.ipv4.ip_forward", "net.ipv6.conf.all.forwarding")
# The address, the port and the protocol of a connection, with the family.
KINDS = [(protocol, family) for protocol in ("tcp", "udp") for family in OUTSIDE]

OWN_RULES = """
table inet own {
    chain nat { type nat hook prerouting priority dstnat; policy accept; tcp dport 7000 dnat ip to 10.0.2.2:7000; }
    chain out { type nat hook postrouting priority srcnat; policy accept; oifname "friend" masquerade; }
    chain forward {
        type filter hook forward priority filter; policy drop;
        ct state { established, related } accept
        iifname "ally" oifname "friend" accept
    }
}
"""


@pytest.fixture(scope="module")
def gateway(wires):
    """The wires, with forwarding, and with routes to the gateway."""
    node = wires.get_namespace("node")
    for key in FORWARDING:
        run_ip("netns", "exec", node, "sysctl", "-qw", f"{key}=1")
    for name, link in (("ally", 2), ("outsider", 3)):
        run_ip("-n", wires.get_namespace(name), "-4", "route", "replace", "default", "via", f"10.0.{link}.1")
        run_ip("-n", wires.get_namespace(name), "-6", "route", "replace", "default", "via", f"fd00:{link}::1")
    return wires


@pytest.fixture
def lab(gateway, tmp_path):
    gateway.start(tmp_path)
    yield gateway
    gateway.close()
    run_ip("netns", "exec", gateway.get_namespace("node"), "sysctl", "-qw", f"{FORWARDING[0]}=1")


def make_nat(port=80, friends=FRIEND, *, hairpin=True):
    """Return the translations in both families, over tcp and udp."""
    forwards = [
        {
            "listener": "cluster",
            "protocol": protocol,
            "outside": OUTSIDE[family],
            "outside_port": PORT,
            "inside": INSIDE[family],
            "inside_port": port,
            "sources": ["peers"],
            "hairpin": {"callers": [f"{INSIDE[family]}/{BITS[family]}"], "source": GATEWAY[family]}
            if hairpin
            else None,
        }
        for protocol, family in KINDS
    ]
    egress = [{"inside": INSIDE[family], "outside": OUTSIDE[family]} for family in OUTSIDE]
    peers = {family: [f"{address}/{BITS[family]}"] for family, address in friends.items()}
    return nat_from_data(forwards, egress, {"peers": peers})


NAT = make_nat()


def apply(lab, want, *, check_mode=False):
    """Execute both phases of a run of the module. Each run has new objects."""
    guard = Guard(Rollback(lab.host, AREA), 30)
    outcome = converge(NatTable(lab.host), want, guard, check_mode=check_mode)
    if outcome.transaction:
        confirm(NatTable(lab.host), want, Rollback(lab.host, AREA), outcome.transaction, keep=False)
    return outcome


def dial(lab, name, listener, endpoint, kind):
    """Dial an endpoint with a kind (protocol and family). Return the client and the source that the listener sees, or None if no packet arrives."""
    protocol, family = kind
    client = lab.open_socket(name, family, socket.SOCK_STREAM if protocol == "tcp" else socket.SOCK_DGRAM)
    with suppress(TimeoutError, ConnectionRefusedError):
        client.connect(endpoint)
        if protocol == "udp":
            client.send(b"hello")
            return client, listener.recvfrom(9)[1][0]
        served, source = listener.accept()
        lab._sockets.append(served)
        return client, source[0]
    return None


def find_source(lab, name, protocol="tcp", family="ipv4", *, port=80):
    """Return the source that the node inside sees of a caller that dials the forward, or None."""
    listener = lab.open_listener(port, protocol, family, "ally")
    found = dial(lab, name, listener, (OUTSIDE[family], PORT), (protocol, family))
    listener.close()
    return found and found[1]


def list_files(lab):
    """Return the files of the node, without the lock."""
    found = (path for folder in ("etc", "var") for path in (lab.host.root / folder).rglob("*") if path.is_file())
    return sorted(str(path.relative_to(lab.host.root)) for path in found)


def run_nft(lab, *words):
    return Host.run(lab.host, "ip", "netns", "exec", lab.host.namespace, "nft", *words)


def has_table(lab):
    return "gatehouse_kong_nat" in run_nft(lab, "list", "tables")


@pytest.mark.parametrize(("protocol", "family"), KINDS)
def test_a_forward_serves_its_sources_and_the_inside_only(lab, protocol, family):
    apply(lab, NAT)
    assert find_source(lab, "friend", protocol, family) == FRIEND[family]
    assert find_source(lab, "outsider", protocol, family) is None
    assert find_source(lab, "ally", protocol, family) == GATEWAY[family]


@pytest.mark.parametrize(("protocol", "family"), KINDS)
def test_the_host_inside_has_the_outside_address_as_source(lab, protocol, family):
    apply(lab, NAT)
    listener = lab.open_listener(7946, protocol, family, "friend")
    found = dial(lab, "ally", listener, (FRIEND[family], 7946), (protocol, family))
    assert found[1] == OUTSIDE[family]


def test_a_forward_for_any_source(lab):
    forward = {
        "listener": "proxy", "protocol": "tcp", "outside": OUTSIDE["ipv4"], "outside_port": PORT,
        "inside": INSIDE["ipv4"], "inside_port": 80, "sources": "any", "hairpin": None,
    }  # fmt: skip
    apply(lab, nat_from_data([forward], [], {}))
    assert find_source(lab, "outsider") == "10.0.3.2"


def test_a_second_run_changes_nothing_and_a_removal_leaves_nothing(lab):
    lab.run_nft(OWN_RULES + "add rule inet own forward meta mark & 0x10000000 == 0x10000000 accept\n")
    rules, files = lab.list_ruleset(), list_files(lab)
    assert apply(lab, NAT).changed
    assert lab.list_ruleset() == rules
    second = apply(lab, NAT)
    assert (second.changed, second.drift, second.stale, second.conflicts) == (False, (), (), ())
    assert apply(lab, None).changed
    assert not has_table(lab)
    assert (lab.list_ruleset(), list_files(lab)) == (rules, files)
    assert NatTable(lab.host).is_untouched()


def test_check_mode_changes_nothing(lab):
    files = list_files(lab)
    assert apply(lab, NAT, check_mode=True).changed
    assert not has_table(lab)
    assert list_files(lab) == files


def select_forwards(conflicts):
    """Return the conflicts that are not about connections from inside."""
    return [conflict for conflict in conflicts if not conflict.ports[0].startswith("connections from")]


EGRESS_RULE = '        iifname "ally" oifname "friend" accept\n'


@pytest.mark.parametrize(("rules", "certain"), [(OWN_RULES, False), (OWN_RULES.replace(EGRESS_RULE, ""), True)])
def test_a_chain_that_drops_is_named_with_the_rule_that_opens_it(lab, rules, certain):
    """A rule for an interface may accept the packets: only a packet can tell."""
    lab.run_nft(rules)
    try:
        conflicts = apply(lab, NAT, check_mode=True).conflicts
    except ConflictError as error:
        conflicts = error.conflicts
    conflicts = select_forwards(conflicts)
    assert {(conflict.where, conflict.certain) for conflict in conflicts} == {
        ("nftables chain inet own forward", certain)
    }
    assert not has_table(lab)
    (command,) = {conflict.advice.partition("Run `nft '")[2].partition("'`")[0] for conflict in conflicts}
    run_nft(lab, command)
    rules = lab.list_ruleset()
    assert select_forwards(apply(lab, NAT).conflicts) == []
    for protocol, family in KINDS:
        assert find_source(lab, "friend", protocol, family) == FRIEND[family]
        assert find_source(lab, "ally", protocol, family) == GATEWAY[family]
        assert find_source(lab, "outsider", protocol, family) is None
    assert lab.list_ruleset() == rules


def test_a_chain_that_accepts_translated_packets_is_no_conflict(lab):
    lab.run_nft(OWN_RULES + "add rule inet own forward ct status dnat accept\n")
    assert apply(lab, NAT).conflicts == ()
    assert find_source(lab, "friend") == FRIEND["ipv4"]
    assert find_source(lab, "outsider") is None


def test_a_chain_that_drops_all_connections_of_the_inside_is_named(lab):
    """The rule for our mark opens forwards only."""
    mark = "meta mark & 0x10000000 == 0x10000000 accept"
    lab.run_nft(f"{OWN_RULES.replace(EGRESS_RULE, '')}add rule inet own forward {mark}\n")
    (conflict,) = apply(lab, NAT).conflicts
    assert str(conflict) == (
        "nftables chain inet own forward may block connections from 10.0.2.2 that leave with 10.0.1.1, connections from fd00:2::2 "
        "that leave with fd00:1::1: its policy is drop. If these hosts connect to other sites, accept their new connections there, "
        "and the replies"
    )
    run_nft(lab, "add rule inet own forward ip saddr 10.0.2.2 accept")
    assert apply(lab, NAT, check_mode=True).conflicts[0].ports == (
        "connections from fd00:2::2 that leave with fd00:1::1",
    )


ESTABLISHED = "ct state established accept\n"
BOTH_PORTS = "tcp 9000 at 10.0.1.1, udp 9000 at 10.0.1.1"


@pytest.mark.parametrize(
    ("policy", "rules", "dropped"),
    [
        ("accept", "ip saddr 10.0.1.2 drop", {("tcp", "friend"), ("udp", "friend")}),
        ("accept", "ip saddr 10.0.1.2 tcp dport 80 reject", {("tcp", "friend")}),
        ("accept", "ip saddr { 10.0.1.2, 10.0.3.2 } udp dport 80 drop", {("udp", "friend"), ("udp", "outsider")}),
        ("accept", "ip saddr 10.0.1.2 ip daddr 10.0.2.9 drop", set()),
        ("accept", "ip saddr 10.0.9.0/24 drop", set()),
        ("drop", f"{ESTABLISHED}ip saddr 10.0.3.2 accept", {("tcp", "friend"), ("udp", "friend")}),
        ("drop", f"{ESTABLISHED}ip saddr {{ 10.0.1.0/24, 10.0.3.2 }} accept", set()),
        ("drop", f"{ESTABLISHED}ip saddr 10.0.1.2 udp dport 80 accept\nip saddr 10.0.3.2 accept", {("tcp", "friend")}),
    ],
)
def test_a_rule_that_drops_some_sources_is_named_with_them(lab, policy, rules, dropped):
    """The warning has the same sources as the packets that are dropped."""
    sources = {"friend": FRIEND["ipv4"], "outsider": "10.0.3.2"}
    data = nat_to_data(make_nat(hairpin=False))
    data["forwards"] = [item for item in data["forwards"] if item["outside"] == OUTSIDE["ipv4"]]
    nat = nat_from_data(
        **{**data, "egress": [], "sets": {"peers": {"ipv4": [f"{address}" for address in sources.values()]}}}
    )
    lab.run_nft(
        f"table inet own {{\nchain forward {{\ntype filter hook forward priority filter; policy {policy}\n{rules}\n}}\n}}\n"
    )
    conflicts = apply(lab, nat).conflicts
    assert {(conflict.certain, conflict.effect, conflict.stops) for conflict in conflicts} <= {(True, "part", False)}
    named = " ".join(port for conflict in conflicts for port in conflict.ports)
    by_packets = {
        (protocol, name) for protocol in ("tcp", "udp") for name in sources if find_source(lab, name, protocol) is None
    }
    assert by_packets == dropped
    for name, address in sources.items():
        assert (address in named) == any(name == other for _protocol, other in dropped)
    assert {protocol for protocol in ("tcp", "udp") if f"{protocol} 9000" in named} == {
        protocol for protocol, _name in dropped
    }


def test_the_text_of_a_warning_about_some_sources(lab):
    lab.run_nft(
        "table inet own {\nchain forward {\ntype filter hook forward priority filter\nip saddr 10.0.1.2 drop\n}\n}\n"
    )
    (conflict,) = apply(lab, make_nat()).conflicts
    assert re.sub(" # handle [0-9]+", "", str(conflict)) == (
        f"nftables chain inet own forward blocks {BOTH_PORTS} from 10.0.1.2: its rule `ip saddr 10.0.1.2 drop` in chain forward. "
        "If this is no ban, accept these sources there before"
    )


LEAVE = "connections from 10.0.2.2 that leave with 10.0.1.1"


@pytest.mark.parametrize(
    ("rule", "ports"),
    [
        ("ip saddr 10.0.2.2 meta l4proto udp drop", (f"udp {LEAVE}",)),
        ("ip saddr 10.0.2.2 ip daddr 10.0.1.0/24 meta l4proto tcp drop", (f"tcp {LEAVE} to 10.0.1.2",)),
        ("ip saddr 10.0.2.2 ip daddr 10.0.1.2 drop", (f"tcp {LEAVE} to 10.0.1.2", f"udp {LEAVE} to 10.0.1.2")),
        ("ip saddr 10.0.2.2 ip daddr 10.0.1.3 drop", None),
        ("ip saddr 10.0.2.2 tcp dport 7946 drop", None),
        ("ip saddr 10.0.2.9 drop", None),
    ],
)
def test_a_rule_that_drops_some_connections_of_the_inside_is_named_with_them(lab, rule, ports):
    chain = "table inet own {\nchain forward {\ntype filter hook forward priority filter\nct state established accept\n"
    lab.run_nft(f"{chain}{rule}\n}}\n}}\n")
    conflicts = apply(lab, make_nat(hairpin=False)).conflicts
    assert [(conflict.ports, conflict.stops) for conflict in conflicts] == ([(ports, False)] if ports else [])
    for protocol in ("tcp", "udp"):
        listener = lab.open_listener(7000, protocol, "ipv4", "friend")
        passed = dial(lab, "ally", listener, (FRIEND["ipv4"], 7000), (protocol, "ipv4"))
        assert (passed is None) == any(text.startswith(protocol) for text in ports or ())


def test_a_strict_reverse_path_filter_is_named(lab):
    node = lab.get_namespace("node")
    run_ip("netns", "exec", node, "sysctl", "-qw", "net.ipv4.conf.friend.rp_filter=1")
    try:
        assert apply(lab, NAT).conflicts == ()
        (conflict,) = apply(lab, make_nat(friends={"ipv4": "10.0.3.2"})).conflicts
    finally:
        run_ip("netns", "exec", node, "sysctl", "-qw", "net.ipv4.conf.friend.rp_filter=0")
    assert str(conflict) == (
        "net.ipv4.conf.friend.rp_filter may block tcp 9000 at 10.0.1.1, udp 9000 at 10.0.1.1: it is strict, and the route to "
        "10.0.3.2 leaves through outsider. If packets from there arrive through friend, set it to 2, or correct the route"
    )


DOCKER = """\
*filter
:FORWARD DROP [0:0]
:DOCKER-USER - [0:0]
-A FORWARD -j DOCKER-USER
-A FORWARD -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -i docker0 ! -o docker0 -j ACCEPT
-A DOCKER-USER -j RETURN
COMMIT
"""


def test_the_chains_of_docker_need_the_mark(lab):
    lab.host.run("iptables-nft-restore", "--noflush", stdin=DOCKER)
    nat = make_nat()
    conflicts = apply(lab, nat, check_mode=True).conflicts
    assert [(conflict.where, conflict.certain) for conflict in conflicts] == [
        ("nftables chain ip filter FORWARD", False)
    ]
    assert "iptables -I DOCKER-USER -m mark --mark 0x10000000/0x10000000 -j ACCEPT" in conflicts[0].advice
    lab.host.run("iptables-nft", "-I", "DOCKER-USER", "-m", "mark", "--mark", "0x10000000/0x10000000", "-j", "ACCEPT")
    assert apply(lab, nat).conflicts == ()
    assert find_source(lab, "friend") == FRIEND["ipv4"]
    assert find_source(lab, "ally") == GATEWAY["ipv4"]
    lab.host.run("iptables-nft-restore", stdin="*filter\n:FORWARD ACCEPT [0:0]\nCOMMIT\n")


# The chains of ufw 0.36.2 with `ufw default deny routed`.
UFW = """\
*filter
:FORWARD DROP [0:0]
:ufw-after-forward - [0:0]
:ufw-before-forward - [0:0]
:ufw-reject-forward - [0:0]
:ufw-user-forward - [0:0]
-A FORWARD -j ufw-before-forward
-A FORWARD -j ufw-after-forward
-A FORWARD -j ufw-reject-forward
-A ufw-before-forward -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A ufw-before-forward -j ufw-user-forward
COMMIT
"""


@pytest.mark.parametrize("rejects", [False, True])
def test_the_chains_of_ufw_need_the_mark(lab, rejects):
    lab.host.run("iptables-nft-restore", "--noflush", stdin=UFW)
    if rejects:
        lab.host.run("iptables-nft", "-A", "ufw-reject-forward", "-j", "REJECT")
    with pytest.raises(ConflictError) as refused:
        apply(lab, NAT)
    accept = "-A ufw-after-forward -m mark --mark 0x10000000/0x10000000 -j ACCEPT"
    assert f"write `{accept}` into /etc/ufw/after.rules before COMMIT" in str(refused.value)
    lab.host.run("iptables-nft", *accept.split())
    assert select_forwards(apply(lab, NAT).conflicts) == []
    assert find_source(lab, "friend") == FRIEND["ipv4"]
    assert find_source(lab, "ally") == GATEWAY["ipv4"]
    assert find_source(lab, "outsider") is None
    lab.host.run("iptables-nft-restore", stdin="*filter\n:FORWARD ACCEPT [0:0]\nCOMMIT\n")


def test_a_rule_of_ufw_that_drops_is_named(lab):
    rule = "-A ufw-user-forward -d 10.0.2.2 -j DROP\n"
    lab.host.run("iptables-nft-restore", "--noflush", stdin=UFW.replace("COMMIT", f"{rule}COMMIT"))
    with pytest.raises(ConflictError, match=r"in chain ufw-user-forward. It belongs to ufw: find its number with"):
        apply(lab, NAT)
    lab.host.run("iptables-nft-restore", stdin="*filter\n:FORWARD ACCEPT [0:0]\nCOMMIT\n")


@pytest.mark.parametrize(
    ("rule", "conflicts"),
    [
        ("tcp dport 9000 dnat ip to 10.0.2.2:81", True),
        ("ip daddr 10.0.1.1 udp dport 9000 dnat ip to 10.0.2.9:80", True),
        ("tcp dport 9000 dnat ip to 10.0.2.2:80", False),
        ("ip daddr 10.0.3.1 tcp dport 9000 dnat ip to 10.0.2.2:81", False),
    ],
)
def test_a_third_party_translation_of_the_port_is_refused(lab, rule, conflicts):
    lab.run_nft(f"table inet own {{\nchain nat {{\ntype nat hook prerouting priority dstnat;\n{rule}\n}}\n}}\n")
    if not conflicts:
        assert apply(lab, NAT).changed
        return
    with pytest.raises(
        ConflictError, match=r"nftables chain inet own nat translates .* and the plan leads to 10.0.2.2:80"
    ):
        apply(lab, NAT)
    assert not has_table(lab)


def test_a_host_that_does_not_forward_is_refused(lab):
    run_ip("netns", "exec", lab.get_namespace("node"), "sysctl", "-qw", f"{FORWARDING[0]}=0")
    with pytest.raises(HostError, match=r"^net.ipv4.ip_forward is not 1"):
        apply(lab, NAT)
    assert apply(lab, None).changed is False


def test_a_host_without_the_outside_address_is_refused(lab):
    run_ip("-n", lab.get_namespace("node"), "address", "add", "10.0.1.7/24", "dev", "friend")
    nat = nat_from_data([], [{"inside": "10.0.2.2", "outside": "10.0.1.7"}], {})
    try:
        apply(lab, nat)
        assert 'oifname "friend"' in lab.host.read("/etc/gatehouse_kong_nat/nat.nft")
    finally:
        run_ip("-n", lab.get_namespace("node"), "address", "delete", "10.0.1.7/24", "dev", "friend")
    assert NatTable(lab.host).read().drift == (
        "10.0.1.7: our rules name the interface friend, and the address is on no interface",
    )
    with pytest.raises(HostError, match=r"^this host does not have the outside address 10.0.1.7"):
        apply(lab, nat)


def test_the_gateway_that_holds_a_shared_address_translates(lab):
    """Keepalived moves the address without a run."""
    shared = "10.0.1.9"
    data = {**nat_to_data(NAT), "egress": [{"inside": INSIDE["ipv4"], "outside": shared}], "shared_addresses": [shared]}
    data["forwards"] = [{**item, "outside": shared} for item in data["forwards"] if item["outside"] == OUTSIDE["ipv4"]]
    apply(lab, nat_from_data(**data))
    listener = lab.open_listener(80, "tcp", "ipv4", "ally")
    move = ("-n", lab.get_namespace("node"), "address", "add", f"{shared}/32", "dev", "friend")
    call = (lab, "friend", listener, (shared, PORT), ("tcp", "ipv4"))
    run_ip(*move)
    lab.announce("friend", shared)
    try:
        assert dial(*call)[1] == FRIEND["ipv4"]
        assert dial(lab, "outsider", *call[2:]) is None
        outside = lab.open_listener(7000, "tcp", "ipv4", "friend")
        assert dial(lab, "ally", outside, (FRIEND["ipv4"], 7000), ("tcp", "ipv4"))[1] == shared
        assert NatTable(lab.host).read().drift == ()
    finally:
        run_ip(*("delete" if word == "add" else word for word in move))
    assert NatTable(lab.host).read().drift == ()
    assert not apply(lab, nat_from_data(**data)).changed


def make_dynamic(port=80, friends=FRIEND, addresses=OUTSIDE):
    """Return the translations at the interface to `friend`, with the addresses that the plan knows."""
    data = nat_to_data(make_nat(port, friends))
    families = {OUTSIDE[family]: addresses[family] for family in OUTSIDE}
    for item in (*data["forwards"], *data["egress"]):
        item["outside"] = families[item["outside"]]
    return nat_from_data(**{**data, "outside_interfaces": dict.fromkeys(addresses.values(), "friend")})


# An address that the interface had once. The rules do not name it.
FORMER = MappingProxyType({"ipv4": "10.0.1.77", "ipv6": "fd00:1::77"})


@pytest.mark.parametrize(("protocol", "family"), KINDS)
def test_an_interface_serves_each_of_its_addresses(lab, protocol, family):
    lab.run_nft(OWN_RULES + "add rule inet own forward meta mark & 0x10000000 == 0x10000000 accept\n")
    apply(lab, make_dynamic(addresses=FORMER))
    assert find_source(lab, "friend", protocol, family) == FRIEND[family]
    assert find_source(lab, "ally", protocol, family) == GATEWAY[family]
    assert find_source(lab, "outsider", protocol, family) is None
    outside = lab.open_listener(7946, protocol, family, "friend")
    assert dial(lab, "ally", outside, (FRIEND[family], 7946), (protocol, family))[1] == OUTSIDE[family]


def test_an_address_of_another_interface_is_not_translated(lab):
    apply(lab, make_dynamic(friends={"ipv4": "10.0.3.2"}))
    listener = lab.open_listener(80, "tcp", "ipv4", "ally")
    for name, address in (("outsider", "10.0.3.1"), ("ally", "10.0.2.1")):
        assert dial(lab, name, listener, (address, PORT), ("tcp", "ipv4")) is None


def test_a_new_address_of_an_interface_changes_no_rule(lab):
    apply(lab, make_dynamic(addresses=FORMER))
    rules = run_nft(lab, "list", "ruleset")
    assert NatTable(lab.host).read().drift == ()
    assert apply(lab, make_dynamic()).changed
    assert run_nft(lab, "list", "ruleset") == rules
    assert not apply(lab, make_dynamic()).changed


# The next address of the interface, with its prefix length.
NEXT = MappingProxyType({"ipv4": ("10.0.1.99", 24), "ipv6": ("fd00:1::99", 64)})


@pytest.mark.parametrize(("protocol", "family"), KINDS)
def test_a_forward_works_after_the_address_of_its_interface_has_changed(lab, protocol, family):
    """No run follows the change. The old address is served no longer."""
    lab.run_nft(OWN_RULES.replace('oifname "friend" masquerade;', ""))
    run_nft(lab, "add rule inet own forward meta mark & 0x10000000 == 0x10000000 accept")
    apply(lab, make_dynamic())
    assert find_source(lab, "friend", protocol, family) == FRIEND[family]
    (address, length), node = NEXT[family], lab.get_namespace("node")
    old = f"{OUTSIDE[family]}/{length}"
    # The kernel deletes an address with the other addresses of its network if it is the first of them.
    run_ip("-n", node, "address", "delete", old, "dev", "friend")
    run_ip("-n", node, "address", "add", f"{address}/{length}", "dev", "friend", *NODAD[family])
    lab.announce("friend", address)
    try:
        kind = (protocol, family)
        listener = lab.open_listener(80, protocol, family, "ally")
        sources = {}
        for name in ("friend", "ally", "outsider"):
            found = dial(lab, name, listener, (address, PORT), kind)
            sources[name] = found and found[1]
        outside = lab.open_listener(7946, protocol, family, "friend")
        left = dial(lab, "ally", outside, (FRIEND[family], 7946), kind)
        drift = NatTable(lab.host).read().drift
    finally:
        run_ip("-n", node, "address", "delete", f"{address}/{length}", "dev", "friend")
        run_ip("-n", node, "address", "add", old, "dev", "friend", *NODAD[family])
    assert sources == {"friend": FRIEND[family], "ally": GATEWAY[family], "outsider": None}
    assert left[1] == address
    assert drift == ()


def test_a_translation_of_a_present_address_is_refused(lab):
    lab.run_nft(
        "table inet own {\nchain nat {\ntype nat hook prerouting priority dstnat;\n"
        f"ip daddr {OUTSIDE['ipv4']} tcp dport {PORT} dnat ip to 10.0.2.2:81\n}}\n}}\n"
    )
    with pytest.raises(
        ConflictError, match=r"nftables chain inet own nat translates .* and the plan leads to 10.0.2.2:80"
    ):
        apply(lab, make_dynamic(addresses=FORMER))


def test_a_third_party_forward_of_another_interface_stays(lab):
    """It leads from the same port to the same address inside, and the sources of the plan do not limit it."""
    rule = f"iifname outsider ip daddr 10.0.3.1 tcp dport {PORT} dnat ip to 10.0.2.2:80"
    lab.run_nft(f"table inet own {{\nchain nat {{\ntype nat hook prerouting priority dstnat;\n{rule}\n}}\n}}\n")
    apply(lab, make_dynamic())
    listener = lab.open_listener(80, "tcp", "ipv4", "ally")
    assert dial(lab, "outsider", listener, ("10.0.3.1", PORT), ("tcp", "ipv4"))[1] == "10.0.3.2"


def test_a_run_ends_no_flow_of_an_interface_whose_forward_is_unchanged(lab):
    apply(lab, make_dynamic(addresses=FORMER))
    listener = lab.open_listener(80, "udp", "ipv4", "ally")
    dial(lab, "friend", listener, (OUTSIDE["ipv4"], PORT), ("udp", "ipv4"))
    flow = Flow("udp", (OUTSIDE["ipv4"], PORT), (INSIDE["ipv4"], 80))
    assert apply(lab, make_dynamic(friends={**FRIEND, "ipv6": "fd00:1::7"}, addresses=FORMER)).changed
    assert flow in list_flows(lab)


def test_a_changed_forward_of_an_interface_moves_the_flows_at_its_present_address(lab):
    apply(lab, make_dynamic(addresses=FORMER))
    old, new = (lab.open_listener(port, "udp", "ipv4", "ally") for port in (80, 81))
    client, _source = dial(lab, "friend", old, (OUTSIDE["ipv4"], PORT), ("udp", "ipv4"))
    apply(lab, make_dynamic(81, addresses=FORMER))
    client.send(b"more")
    assert new.recv(4) == b"more"


def test_a_missing_interface_is_refused(lab):
    data = {**nat_to_data(make_dynamic()), "outside_interfaces": dict.fromkeys(OUTSIDE.values(), "ppp7")}
    with pytest.raises(HostError, match=r"^this host has no network interface ppp7, so no packet to 10.0.1.1"):
        apply(lab, nat_from_data(**data))


def make_routed(sources):
    """Return forwards to the host inside at its own address, without NAT."""
    forwards = [
        {"listener": "status", "protocol": protocol, "outside": INSIDE[family], "outside_port": 80,
         "inside": INSIDE[family], "inside_port": 80, "sources": ["peers"], "hairpin": None}
        for protocol, family in KINDS
    ]  # fmt: skip
    return nat_from_data(forwards, [], {"peers": {family: [f"{address}"] for family, address in sources.items()}})


OUTSIDER = MappingProxyType({"ipv4": "10.0.3.2", "ipv6": "fd00:3::2"})
OPEN = "add rule inet own forward meta mark & 0x10000000 == 0x10000000 accept\n"


@pytest.mark.parametrize(("protocol", "family"), KINDS)
def test_a_forward_without_nat_passes_its_sources_only(lab, protocol, family):
    listener, kind = lab.open_listener(80, protocol, family, "ally"), (protocol, family)
    lab.run_nft(OWN_RULES.replace("ct state { established, related } accept", "") + OPEN)
    call = (lab, "outsider", listener, (INSIDE[family], 80), kind)
    assert dial(*call) is None
    apply(lab, make_routed(OUTSIDER))
    found = dial(*call)
    assert found[1] == OUTSIDER[family]
    # Replies have the mark too.
    client, source = found[0], found[0].getsockname()[:2]
    served = lab._sockets[-1] if protocol == "tcp" else listener
    if protocol == "tcp":
        served.sendall(b"reply")
    else:
        served.sendto(b"reply", source)
    assert client.recv(5) == b"reply"
    lab.run_nft("flush ruleset")
    apply(lab, make_routed(FRIEND))
    assert dial(*call) is None
    assert not apply(lab, make_routed(FRIEND)).changed


def test_a_forward_without_nat_needs_no_address_and_leaves_other_ports(lab):
    apply(lab, make_routed(FRIEND))
    assert NatTable(lab.host).read().drift == ()
    listener = lab.open_listener(81, "tcp", "ipv6", "ally")
    assert dial(lab, "outsider", listener, (INSIDE["ipv6"], 81), ("tcp", "ipv6"))[1] == OUTSIDER["ipv6"]


def test_a_chain_that_drops_packets_without_nat_is_named(lab):
    """A rule for translated packets does not accept them."""
    lab.run_nft(OWN_RULES.replace(EGRESS_RULE, "") + "add rule inet own forward ct status dnat accept\n")
    with pytest.raises(
        ConflictError, match=r"nftables chain inet own forward blocks tcp 80 at 10.0.2.2, tcp 80 at fd00:2::2, udp"
    ):
        apply(lab, make_routed(OUTSIDER))
    run_nft(lab, *OPEN.split())
    assert apply(lab, make_routed(OUTSIDER)).conflicts == ()


def test_a_translation_of_the_port_is_a_conflict_without_nat_only_at_the_address(lab):
    rule = "table inet own {{\nchain nat {{\ntype nat hook prerouting priority dstnat;\n{}tcp dport 80 dnat ip to 10.0.2.9\n}}\n}}\n"
    lab.run_nft(rule.format(""))
    assert apply(lab, make_routed(OUTSIDER)).conflicts == ()
    apply(lab, None)
    lab.run_nft("flush ruleset\n" + rule.format("ip daddr 10.0.2.2 "))
    with pytest.raises(ConflictError, match=r"inet own nat translates .* and the plan leads to 10.0.2.2:80"):
        apply(lab, make_routed(OUTSIDER))


def test_a_shared_address_outside_of_every_network_is_refused(lab):
    nat = nat_from_data([], [{"inside": INSIDE["ipv4"], "outside": "10.7.0.1"}], {}, ["10.7.0.1"])
    with pytest.raises(HostError, match=r"^no network of this host contains 10.7.0.1, which it shares"):
        apply(lab, nat)


def test_a_source_that_left_ends_and_changes_members_only(lab):
    apply(lab, NAT)
    listener = lab.open_listener(80, "udp", "ipv4", "ally")
    client, _source = dial(lab, "friend", listener, (OUTSIDE["ipv4"], PORT), ("udp", "ipv4"))
    before = [line for line in run_nft(lab, "list", "ruleset").splitlines() if "saddr" in line]
    apply(lab, make_nat(friends={"ipv4": "10.0.3.2"}))
    assert [line for line in run_nft(lab, "list", "ruleset").splitlines() if "saddr" in line] == before
    client.send(b"more")
    with pytest.raises(TimeoutError):
        listener.recv(4)
    listener.close()
    assert find_source(lab, "outsider") == "10.0.3.2"


def test_a_changed_forward_moves_its_flows_and_no_other(lab):
    apply(lab, NAT)
    old, new = (lab.open_listener(port, "udp", "ipv4", "ally") for port in (80, 81))
    client, _source = dial(lab, "friend", old, (OUTSIDE["ipv4"], PORT), ("udp", "ipv4"))
    other_listener = lab.open_listener(7946, "udp", "ipv4", "friend")
    other, _source = dial(lab, "ally", other_listener, (FRIEND["ipv4"], 7946), ("udp", "ipv4"))
    before = other.getsockname()
    apply(lab, make_nat(81))
    client.send(b"more")
    assert new.recv(4) == b"more"
    other.send(b"more")
    data, source = other_listener.recvfrom(4)
    assert (data, source) == (b"more", (OUTSIDE["ipv4"], before[1]))


def test_a_flow_from_before_the_forward_is_translated(lab):
    """The kernel tracks the flow to the gateway itself, because a third-party rule needs its state."""
    lab.run_nft("table inet own {\nchain input {\ntype filter hook input priority filter;\nct state new accept\n}\n}\n")
    own = lab.open_listener(PORT, "udp", "ipv4", "node")
    client, _source = dial(lab, "friend", own, (OUTSIDE["ipv4"], PORT), ("udp", "ipv4"))
    inside = lab.open_listener(80, "udp", "ipv4", "ally")
    apply(lab, NAT)
    client.send(b"more")
    assert inside.recv(4) == b"more"


def test_a_change_that_is_not_confirmed_is_undone(lab):
    apply(lab, NAT)
    rules, files = run_nft(lab, "list", "ruleset"), list_files(lab)
    state = lab.host.read("/etc/gatehouse_kong_nat/state.json")
    rollback = Rollback(lab.host, AREA)
    for want in (make_nat(81), None):
        outcome = converge(NatTable(lab.host), want, Guard(rollback, 30), check_mode=False)
        rollback.undo(outcome.transaction)
        assert run_nft(lab, "list", "ruleset") == rules
        assert lab.host.read("/etc/gatehouse_kong_nat/state.json") == state
        assert list_files(lab) == files
    assert apply(lab, NAT).changed is False


def test_the_first_change_that_is_not_confirmed_leaves_no_table(lab):
    rollback = Rollback(lab.host, AREA)
    outcome = converge(NatTable(lab.host), NAT, Guard(rollback, 30), check_mode=False)
    rollback.undo(outcome.transaction)
    assert not has_table(lab)
    assert list_files(lab) == []


def list_flows(lab):
    """Return the tracked flows of the node."""
    found: list[Flow] = []
    lab.host.call(end_flows, found.append)
    return {*found}


def open_flow(lab, name, listener, endpoint, kind):
    """Dial an endpoint, and return the sockets of both ends."""
    client, _source = dial(lab, name, listener, endpoint, kind)
    if kind[0] == "udp":
        return client, listener
    lab._sockets[-1].settimeout(SILENCE)
    return client, lab._sockets[-1]


@pytest.mark.parametrize(("protocol", "family"), KINDS)
def test_the_rollback_of_a_moved_forward_moves_its_flows_and_no_other(lab, protocol, family):
    """The script ends the flows, as after the timer of a change that no run confirms."""
    apply(lab, NAT)
    kind = (protocol, family)
    kept = [open_flow(lab, name, lab.open_listener(7946, *kind, to), (address, 7946), kind)
            for name, to, address in (("ally", "friend", FRIEND[family]), ("outsider", "ally", INSIDE[family]))]  # fmt: skip
    old, new = (lab.open_listener(port, *kind, "ally") for port in (80, 81))
    rollback = Rollback(lab.host, AREA)
    outcome = converge(NatTable(lab.host), make_nat(81), Guard(rollback, 30), check_mode=False)
    client, _server = open_flow(lab, "friend", new, (OUTSIDE[family], PORT), kind)
    before = list_flows(lab)
    rollback.undo(outcome.transaction)
    assert before - list_flows(lab) == {Flow(protocol, (OUTSIDE[family], PORT), (INSIDE[family], 81))}
    client.send(b"more")
    if protocol == "udp":
        assert old.recv(4) == b"more"
    else:  # the old destination does not know the connection
        with pytest.raises(ConnectionResetError):
            client.recv(4)
    assert all(map(lab.passes, kept))


def test_the_rollback_of_a_first_forward_ends_its_flows_and_no_other(lab):
    """Third-party rules accept packets of established flows, and forward port 7000."""
    lab.run_nft(OWN_RULES + OPEN + "add rule inet own forward tcp dport 7000 accept\n")
    third_party = lab.open_listener(7000, "tcp", "ipv4", "ally")
    kept = open_flow(lab, "friend", third_party, (OUTSIDE["ipv4"], 7000), ("tcp", "ipv4"))
    listener = lab.open_listener(80, "udp", "ipv4", "ally")
    rollback = Rollback(lab.host, AREA)
    outcome = converge(NatTable(lab.host), NAT, Guard(rollback, 30), check_mode=False)
    client, source = dial(lab, "friend", listener, (OUTSIDE["ipv4"], PORT), ("udp", "ipv4"))
    # The flow is established after a reply.
    listener.sendto(b"reply", (source, client.getsockname()[1]))
    assert client.recv(5) == b"reply"
    rollback.undo(outcome.transaction)
    assert not lab.passes((client, listener))
    assert lab.passes(kept)


def test_the_rollback_of_a_removal_translates_a_flow_that_began_after_it(lab):
    """The kernel tracks the flow to the gateway itself, because a third-party rule needs its state."""
    lab.run_nft("table inet own {\nchain input {\ntype filter hook input priority filter;\nct state new accept\n}\n}\n")
    apply(lab, NAT)
    rollback = Rollback(lab.host, AREA)
    outcome = converge(NatTable(lab.host), None, Guard(rollback, 30), check_mode=False)
    own = lab.open_listener(PORT, "udp", "ipv4", "node")
    client, _source = dial(lab, "friend", own, (OUTSIDE["ipv4"], PORT), ("udp", "ipv4"))
    inside = lab.open_listener(80, "udp", "ipv4", "ally")
    rollback.undo(outcome.transaction)
    assert lab.passes((client, inside))


def test_a_rollback_that_cannot_end_flows_is_complete(lab, monkeypatch):
    monkeypatch.setattr(table, "make_script", lambda _module, _request: "raise SystemExit(1)")
    apply(lab, NAT)
    rules = run_nft(lab, "list", "ruleset")
    rollback = Rollback(lab.host, AREA)
    outcome = converge(NatTable(lab.host), make_nat(81), Guard(rollback, 30), check_mode=False)
    rollback.undo(outcome.transaction)
    assert run_nft(lab, "list", "ruleset") == rules
    assert rollback.find_pending() is None


def test_the_rules_are_the_same_after_a_boot(lab):
    apply(lab, NAT)
    lab.run_nft("flush ruleset")
    assert NatTable(lab.host).read().drift
    run_nft(lab, "-f", str(lab.host.locate("/etc/gatehouse_kong_nat/nat.nft")))
    assert apply(lab, NAT).changed is False


def test_a_changed_table_is_drift_and_repaired(lab):
    apply(lab, NAT)
    lab.run_nft("flush chain inet gatehouse_kong_nat forward")
    drift = NatTable(lab.host).read().drift
    assert len(drift) == 16
    assert all(line.startswith("-") for line in drift)
    assert apply(lab, NAT).drift == drift
    assert apply(lab, NAT).changed is False
    assert find_source(lab, "outsider") is None
