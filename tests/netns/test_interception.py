# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Intercepted packets on a real kernel. The client is friend, the node is the gateway, and the server is behind ally."""

from __future__ import annotations

import json
import re
import socket
import threading
from contextlib import suppress

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import HostError
from ansible_collections.gatehouse.kong.plugins.module_utils._interception.interceptor import (
    SCRIPT_FILE,
    STATE_FILE,
    UNIT,
    Interceptor,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._interception.model import interception_from_data
from ansible_collections.gatehouse.kong.plugins.module_utils._interception.script import ROUTES
from ansible_collections.gatehouse.kong.plugins.module_utils._transaction.rollback import Rollback
from ansible_collections.gatehouse.kong.plugins.module_utils._transaction.transaction import ConflictError
from ansible_collections.gatehouse.kong.tests.netns.nodes import Node

# The addresses of the server behind the gateway.
SERVER = {"ipv4": "10.0.0.1", "ipv6": "fd00:99::1"}
FRIEND = {"ipv4": "10.0.1.2", "ipv6": "fd00:1::2"}
FAMILIES = ("ipv4", "ipv6")
KINDS = ("nftables", "iptables-nft", "iptables-legacy")
RULE = "-m mark --mark 0x30000000/0x30000000 -m comment --comment gatehouse.kong-transparent -j ACCEPT"
LISTED = RULE.replace("gatehouse.kong-transparent", '"gatehouse.kong-transparent"')
TRANSPARENT = {"ipv4": (socket.IPPROTO_IP, 19), "ipv6": (socket.IPPROTO_IPV6, 75)}  # linux/in.h, linux/in6.h


def make_rule(family="ipv4", method="tproxy", **given):
    return {
        "method": method,
        "family": family,
        "destinations": [f"{SERVER[family]}/{32 if family == 'ipv4' else 128}"],
        "ports": [80],
        "interfaces": [],
        "listener": "proxy",
        "address": None,
        "port": 8000,
        "sources": "any",
        "own": False,
        **given,
    }


class Gateway:
    """The node with a backend. It forwards between its neighbours. Sockets of the test represent Kong and the server."""

    def __init__(self, lab, kind):
        self.lab = lab
        self.node = Node(lab, kind)
        for sysctl in ("net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1", "net.ipv4.conf.all.src_valid_mark=0"):
            lab.host.run("sysctl", "-qw", sysctl)
        for family, option in (("ipv4", "-4"), ("ipv6", "-6")):
            self._run_ip(
                "ally",
                option,
                "address",
                "replace",
                f"{SERVER[family]}/{'32' if option == '-4' else '128'}",
                "dev",
                "lo",
            )
            self._run_ip("node", option, "route", "replace", SERVER[family], "via", lab.get_address("ally", family))
            for name in ("friend", "ally", "outsider"):
                self._run_ip(name, option, "route", "replace", "default", "via", lab.get_address(name, family, end=1))

    def _run_ip(self, name, *words):
        self.lab.host.__class__.__base__.run(self.lab.host, "ip", "-n", self.lab.get_namespace(name), *words)

    def converge(self, *rules, absent=False, check_mode=False):
        want = None if absent else interception_from_data(rules)
        return Interceptor(self.lab.host).converge(want, check_mode=check_mode)

    def drop_by_default(self):
        """Drop by default, and load the firewall rules for port 8002, which include the accept rule."""
        if self.node.name == "nftables":
            self.lab.run_nft("table inet own {\nchain input { type filter hook input priority 0; policy drop; "
                             "ip6 nexthdr ipv6-icmp accept; ip saddr @banned drop; }\n"
                             "set banned { type ipv4_addr; }\n}")  # fmt: skip
        elif self.node.name == "iptables":
            self.node.restore("*filter\n:INPUT DROP\nCOMMIT\n")
            self.node.restore("*filter\n:INPUT DROP\n-A INPUT -p ipv6-icmp -j ACCEPT\nCOMMIT\n", "ip6tables")
        self.lab.converge({"allow": [
            {"listener": "proxy", "protocol": "tcp", "port": 8002, "address": None, "sources": "any"},
        ]})  # fmt: skip

    def drop_source(self, source):
        """Drop a source as an administrator does."""
        if self.node.name == "nftables":
            self.lab.run_nft(f"add element inet own banned {{ {source} }}")
        else:
            self.node.restore(f"*filter\n-I INPUT -s {source} -j DROP\nCOMMIT\n")

    def open_socket(self, name, family, address, port, transparent=False):
        made = self.lab.open_socket(name, family, socket.SOCK_STREAM)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == "ipv6":
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        if transparent:
            made.setsockopt(*TRANSPARENT[family], 1)
        made.bind((address or ("0.0.0.0" if family == "ipv4" else "::"), port))
        made.listen()
        return made

    def open_kong(self, family="ipv4", address=None, port=8000, transparent=True):
        return self.open_socket("node", family, address, port, transparent)

    def open_server(self, family="ipv4", port=80):
        return self.open_socket("ally", family, None, port)

    def dial(self, listener, family="ipv4", name="friend", to=None, port=80):
        """Return the client's address and the local address that the listener sees, or None if no connection arrives.

        A connection is tried twice, because the machine can be busy.
        """
        tries = (self._dial_once(listener, family, name, to, port) for _number in range(2))
        return next((actual for actual in tries if actual), None)

    def _dial_once(self, listener, family, name, to, port):
        client = self.lab.open_socket(name, family, socket.SOCK_STREAM)
        with suppress(TimeoutError, ConnectionRefusedError):
            client.connect((to or SERVER[family], port))
            served, peer = listener.accept()
            self.lab._sockets.append(served)
            served.settimeout(0.4)
            client.send(b"hello")
            assert served.recv(9) == b"hello"
            return peer[0], served.getsockname()[:2]
        client.close()  # otherwise it would try again, and could connect later
        return None

    def list_our_objects(self):
        """Return the lines of all our objects in the kernel."""
        text = ""
        for option in ("-4", "-6"):
            text += self.lab.host.run("ip", option, "rule", "show")
            with suppress(HostError):
                text += self.lab.host.run("ip", option, "route", "show", "table", str(ROUTES))
        for program in ("iptables", "ip6tables"):
            text += "".join(self.lab.host.run(f"{program}-{kind}-save") for kind in ("nft", "legacy"))
        text += self.lab.host.run("nft", "list", "tables")
        words = ("GATEHOUSE", "gatehouse", str(ROUTES), str(ROUTES + 1), str(ROUTES + 2))
        # A counter of packets and bytes may have the number of a table.
        text = re.sub(r"\[\d+:\d+\]", "", text)
        return [line for line in text.splitlines() if any(word in line for word in words)]

    def boot(self):
        """Remove all rules, and then run the commands of the enabled units."""
        self.node.clean(start=self.node.name == "ufw")
        for option in ("-4", "-6"):
            for number in range(3):
                with suppress(HostError):
                    self.lab.host.run("ip", option, "rule", "del", "pref", str(ROUTES + number))
            with suppress(HostError):
                self.lab.host.run("ip", option, "route", "flush", "table", str(ROUTES))
        assert self.lab.host.locate(f"/etc/systemd/system/sysinit.target.wants/{UNIT}").is_symlink()
        self.lab.host.run("sh", str(self.lab.host.locate(SCRIPT_FILE)))


@pytest.fixture
def gateway(lab, request):
    made = Gateway(lab, request.param)
    yield made
    with suppress(HostError):
        made.converge(absent=True)
    made.node.clean(start=False)


each_kind = pytest.mark.parametrize("gateway", KINDS, indirect=True)
both_kinds = pytest.mark.parametrize("gateway", KINDS[:2], indirect=True)
each_firewall = pytest.mark.parametrize("gateway", [*KINDS, "ufw"], indirect=True)
on_nftables = pytest.mark.parametrize("gateway", ["nftables"], indirect=True)


@each_kind
@pytest.mark.parametrize("family", FAMILIES)
def test_selected_packets_reach_kong_which_sees_the_original_destination(gateway, family):
    server, other = gateway.open_server(family), gateway.open_server(family, port=81)
    assert gateway.dial(server, family) == (FRIEND[family], (SERVER[family], 80))

    gateway.converge(make_rule(family))
    # Kong is stopped, or lacks the flag: no packet bypasses it.
    assert gateway.dial(server, family) is None
    plain = gateway.open_kong(family, transparent=False)
    assert gateway.dial(plain, family) is None
    assert gateway.dial(server, family) is None
    plain.close()

    kong = gateway.open_kong(family)
    assert gateway.dial(kong, family) == (FRIEND[family], (SERVER[family], 80))
    assert gateway.dial(other, family, port=81) == (FRIEND[family], (SERVER[family], 81))
    # Connections to the node itself are not affected, even on the same port.
    own = gateway.open_socket("node", family, gateway.lab.get_address("friend", family, end=1), 80)
    assert gateway.dial(own, family, to=gateway.lab.get_address("friend", family, end=1))
    # The other family is not intercepted.
    elsewhere = "ipv6" if family == "ipv4" else "ipv4"
    assert gateway.dial(gateway.open_server(elsewhere), elsewhere)

    assert not gateway.converge(make_rule(family)).changed
    gateway.boot()
    assert gateway.dial(kong, family) == (FRIEND[family], (SERVER[family], 80))
    assert not gateway.converge(make_rule(family)).changed


@on_nftables
def test_a_run_waits_for_another_run_on_the_same_host(gateway):
    def converge():
        actual.append(gateway.converge(make_rule()).changed)

    actual = []
    run = threading.Thread(target=converge)
    with Rollback(gateway.lab.host).hold_lock():
        run.start()
        run.join(1)
        assert actual == []
    run.join()
    assert actual == [True]


@both_kinds
@pytest.mark.parametrize("method", ["tproxy", "redirect"])
def test_packets_of_an_unauthorised_source_are_dropped_and_do_not_bypass_kong(gateway, method):
    server, kong = gateway.open_server(), gateway.open_kong()
    gateway.converge(make_rule(method=method, sources=["10.0.1.0/24"]))
    actual = ("10.0.0.1", 80) if method == "tproxy" else ("10.0.1.1", 8000)
    assert gateway.dial(kong) == (FRIEND["ipv4"], actual)
    assert gateway.dial(kong, name="outsider") is None
    assert gateway.dial(server, name="outsider") is None
    gateway.converge(make_rule(method=method, sources=[]))
    assert gateway.dial(kong) is None
    assert gateway.dial(server) is None


@each_kind
@pytest.mark.parametrize("family", FAMILIES)
def test_redirected_to_a_port_and_to_an_address(gateway, family):
    server, kong = gateway.open_server(family), gateway.open_kong(family, transparent=False)
    own = gateway.lab.get_address("friend", family, end=1)
    length = 32 if family == "ipv4" else 128
    mine = make_rule(family, "redirect", destinations=[f"{own}/{length}"], own=True)
    gateway.converge(make_rule(family, "redirect"), mine)
    assert gateway.dial(kong, family) == (FRIEND[family], (own, 8000))
    assert gateway.dial(kong, family, to=own) == (FRIEND[family], (own, 8000))
    kong.close()
    assert gateway.dial(server, family) is None

    bound = gateway.open_kong(
        family, address=gateway.lab.get_address("outsider", family, end=1), port=8001, transparent=False
    )
    there = gateway.lab.get_address("outsider", family, end=1)
    gateway.converge(make_rule(family, "redirect", address=there, port=8001))
    assert gateway.dial(bound, family) == (FRIEND[family], (there, 8001))
    gateway.boot()
    assert gateway.dial(bound, family) == (FRIEND[family], (there, 8001))


@both_kinds
def test_interfaces_networks_ports_and_a_listener_on_loopback(gateway):
    server, kong = gateway.open_server(), gateway.open_kong(address="127.0.0.1")
    ports = [80, *range(1000, 1020)]
    gateway.converge(make_rule(interfaces=["friend"], destinations=["0.0.0.0/0"], ports=ports, address="127.0.0.1"))
    assert gateway.dial(kong) == (FRIEND["ipv4"], ("10.0.0.1", 80))
    assert gateway.dial(kong, port=1019) == (FRIEND["ipv4"], ("10.0.0.1", 1019))
    assert gateway.dial(kong, to="10.77.1.1") == (FRIEND["ipv4"], ("10.77.1.1", 80))
    assert gateway.dial(server, name="outsider")
    # "Every destination" excludes the node itself: its own services are not affected.
    own = gateway.open_socket("node", "ipv4", "10.0.1.1", 80)
    assert gateway.dial(own, to="10.0.1.1") == (FRIEND["ipv4"], ("10.0.1.1", 80))


@each_kind
def test_removal_removes_all_our_objects_and_no_third_party_objects(gateway):
    def list_third_party_rules():
        # iptables-nft leaves empty tables. Other programs do the same.
        lines, tables = gateway.node.list_third_party_rules()
        skeleton = re.compile(r"\*|COMMIT|:\S+ ACCEPT")
        empty = [f"table {family} {table}" for family in ("ip", "ip6") for table in ("filter", "mangle", "nat")]
        return [line for line in lines if not skeleton.match(line)], [line for line in tables if line not in empty]

    gateway.node.restore(
        "*mangle\n-A PREROUTING -p tcp --dport 9 -j ACCEPT\nCOMMIT\n*nat\n-A PREROUTING -p tcp --dport 9 -j ACCEPT\nCOMMIT\n"
    )
    before = list_third_party_rules()
    assert gateway.list_our_objects() == []
    gateway.converge(make_rule(), make_rule("ipv6"), make_rule(method="redirect", ports=[82]))
    assert gateway.list_our_objects()
    assert list_third_party_rules() == before
    gateway.converge(absent=True)
    assert (gateway.list_our_objects(), list_third_party_rules()) == ([], before)
    root = gateway.lab.host.root
    files = [path for path in root.rglob("*gatehouse*") if path != root / "run/gatehouse_kong.lock"]
    assert files == []
    assert not gateway.converge(absent=True).changed
    assert Interceptor(gateway.lab.host).is_untouched()
    assert gateway.dial(gateway.open_server())


@both_kinds
def test_check_mode_changes_nothing_and_returns_the_same_result(gateway):
    foretold = gateway.converge(make_rule(), check_mode=True)
    assert (gateway.list_our_objects(), gateway.lab.host.read(STATE_FILE)) == ([], None)
    assert foretold == gateway.converge(make_rule())
    assert (foretold.before, foretold.after) == (
        "",
        "tcp 80 to 10.0.0.1/32: tproxy to port 8000 (proxy), from any source\n",
    )
    assert foretold.changed


@each_kind
def test_removed_objects_are_reported_and_restored(gateway):
    kong, server = gateway.open_kong(), gateway.open_server()
    gateway.converge(make_rule())
    # Without its route, an intercepted packet would be forwarded. It is dropped instead.
    gateway.lab.host.run("ip", "rule", "del", "pref", str(ROUTES + 1))
    assert gateway.dial(kong) is None
    assert gateway.dial(server) is None
    assert "-ipv4 712:" in " ".join(gateway.converge(make_rule()).drift)
    assert gateway.dial(kong)
    gateway.lab.host.run("nft", "delete", "table", "inet", "gatehouse_kong_transparent")
    assert gateway.converge(make_rule()).drift
    assert gateway.dial(kong)
    assert not gateway.converge(make_rule()).changed


@both_kinds
@pytest.mark.parametrize("method", ["tproxy", "redirect"])
def test_packets_that_another_nat_of_the_host_forwards_are_not_intercepted(gateway, method):
    """Simulate a published port of a container: packets to the host are forwarded after a translation."""
    server = gateway.open_server()
    gateway.lab.run_nft("table ip own {\nchain pre { type nat hook prerouting priority dstnat; "
                        "ip daddr 10.0.1.1 tcp dport 8080 dnat to 10.0.0.1:80; }\n}")  # fmt: skip
    gateway.converge(make_rule(method=method, destinations=["0.0.0.0/0"]))
    assert gateway.dial(server, to="10.0.1.1", port=8080)
    assert gateway.dial(server) is None


@on_nftables
def test_the_mark_does_not_affect_the_check_of_sources(gateway):
    gateway.lab.host.run("sysctl", "-qw", "net.ipv4.conf.all.src_valid_mark=1", "net.ipv4.conf.all.rp_filter=1")
    gateway.lab.host.run("sysctl", "-qw", "net.ipv4.tcp_fwmark_accept=1")
    kong = gateway.open_kong()
    gateway.converge(make_rule())
    assert gateway.dial(kong) == (FRIEND["ipv4"], ("10.0.0.1", 80))
    gateway.lab.host.run("sysctl", "-qw", "net.ipv4.conf.all.rp_filter=0", "net.ipv4.tcp_fwmark_accept=0")


@on_nftables
def test_a_host_that_drops_by_default_is_a_conflict_until_it_accepts_the_mark(gateway):
    kong = gateway.open_kong()
    gateway.lab.run_nft("table inet own {\nchain input { type filter hook input priority 0; policy drop; }\n}")
    with pytest.raises(ConflictError, match=r"tcp 80 at 10\.0\.0\.1.*its policy is drop"):
        gateway.converge(make_rule())
    assert gateway.list_our_objects() == []
    gateway.lab.run_nft("insert rule inet own input meta mark & 0x10000000 == 0x10000000 accept")
    gateway.converge(make_rule())
    assert gateway.dial(kong)


@each_firewall
@pytest.mark.parametrize("family", FAMILIES)
def test_a_host_that_drops_by_default_accepts_only_intercepted_packets(gateway, family):
    gateway.drop_by_default()
    kong = gateway.open_kong(family)
    gateway.converge(make_rule(family))
    assert gateway.dial(kong, family) == (FRIEND[family], (SERVER[family], 80))
    own = gateway.lab.get_address("friend", family, end=1)
    assert gateway.dial(gateway.open_kong(family, port=8003), family, to=own, port=8003) is None
    gateway.boot()
    gateway.drop_by_default()
    assert gateway.dial(kong, family) == (FRIEND[family], (SERVER[family], 80))


@each_firewall
def test_a_third_party_ban_is_effective_for_intercepted_packets(gateway):
    gateway.drop_by_default()
    gateway.drop_source(FRIEND["ipv4"])
    kong = gateway.open_kong()
    gateway.converge(make_rule())
    assert gateway.dial(kong) is None
    assert gateway.dial(kong, name="outsider")
    gateway.drop_source("10.0.3.2")
    assert gateway.dial(kong, name="outsider") is None


@pytest.mark.parametrize("gateway", ["iptables-nft", "iptables-legacy"], indirect=True)
def test_iptables_without_the_accept_rule_of_the_firewall_is_an_error(gateway):
    gateway.node.restore("*filter\n:INPUT DROP\n-A INPUT -p tcp --dport 22 -j ACCEPT\nCOMMIT\n")
    with pytest.raises(ConflictError, match=r"tcp 80 at 10\.0\.0\.1"):
        gateway.converge(make_rule())
    assert gateway.list_our_objects() == []


NOT_LOCAL = """\
*filter
:ufw-not-local -
-I ufw-before-input 3 -j ufw-not-local
-A ufw-not-local -m addrtype --dst-type LOCAL -j RETURN
-A ufw-not-local -m addrtype --dst-type MULTICAST -j RETURN
-A ufw-not-local -m addrtype --dst-type BROADCAST -j RETURN
-A ufw-not-local -j DROP
COMMIT
"""


@pytest.mark.parametrize("gateway", ["ufw"], indirect=True)
def test_ufw_drops_packets_to_other_hosts_before_its_users_rules(gateway):
    ufw = gateway.lab.host.locate("/etc/ufw/ufw.conf")
    ufw.write_text("ENABLED=yes\n")
    gateway.node.restore(NOT_LOCAL)
    gateway.drop_by_default()
    kong = gateway.open_kong()
    gateway.converge(make_rule())
    assert gateway.dial(kong) == (FRIEND["ipv4"], ("10.0.0.1", 80))
    gateway.lab.host.run("iptables", "-D", "INPUT", *RULE.split())
    assert gateway.dial(kong) is None
    assert gateway.converge(make_rule()).drift == (f"--A INPUT {LISTED}",)
    assert gateway.dial(kong)
    ufw.write_text("ENABLED=no\n")
    assert gateway.converge(make_rule()).stale
    assert not [line for line in gateway.list_our_objects() if "transparent" in line and "-A INPUT" in line]


@each_kind
def test_marks_of_third_parties_are_ignored(gateway):
    gateway.drop_by_default()
    kong, other = gateway.open_kong(), gateway.open_kong(port=8003)
    gateway.converge(make_rule(sources=["10.0.3.0/24"]))
    mark = "meta mark set 0x30000000"
    for hook, priority in (("prerouting", "raw"), ("prerouting", "dstnat"), ("input", "mangle")):
        gateway.lab.run_nft(f"table inet forged_{hook}_{priority} {{\n"
                            f"chain c {{ type filter hook {hook} priority {priority}; {mark}; }}\n}}")  # fmt: skip
    assert gateway.dial(kong) is None
    assert gateway.dial(other, to="10.0.1.1", port=8003) is None


@on_nftables
@pytest.mark.parametrize("refused", ["run", "write"])
def test_a_failed_change_restores_the_previous_state(gateway, monkeypatch, refused):
    monkeypatch.setattr(Interceptor, "_persist", lambda *_args: gateway.lab.host.run("false"))
    with pytest.raises(HostError, match="false failed"):
        gateway.converge(make_rule())
    monkeypatch.undo()
    assert gateway.list_our_objects() == []
    assert Interceptor(gateway.lab.host).is_untouched()
    gateway.converge(make_rule(ports=[81]))
    before, files = gateway.list_our_objects(), json.loads(gateway.lab.host.read(STATE_FILE))

    def refuse(path, *_rest):
        raise HostError(f"cannot write {path}")

    if refused == "run":
        run = gateway.lab.host.run
        monkeypatch.setattr(
            gateway.lab.host,
            "run",
            lambda *argv, stdin="": (
                refuse("sh") if "dport 80 " in stdin and argv[0] == "sh" else run(*argv, stdin=stdin)
            ),
        )
    else:
        monkeypatch.setattr(gateway.lab.host, "write", refuse)
    with pytest.raises(HostError, match="cannot write"):
        gateway.converge(make_rule())
    monkeypatch.undo()
    assert (gateway.list_our_objects(), json.loads(gateway.lab.host.read(STATE_FILE))) == (before, files)
    assert not gateway.converge(make_rule(ports=[81])).changed
