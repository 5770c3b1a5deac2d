# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Actual answers of the kernel: a client, a router and a server in network namespaces, and real Serf agents.

The tests need root, iproute2, nftables and serf. Objects outside these three namespaces are not changed.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time

import pytest

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="only root can create network namespaces"),
    pytest.mark.skipif(
        not all(map(shutil.which, ("ip", "nft", "serf"))), reason="needs the packages iproute2, nftables and serf"
    ),
]

CLIENT, ROUTER, SERVER = (f"gkprobe{os.getpid()}{end}" for end in "crs")
SERVER4, SERVER6 = "10.2.0.2", "fd02::2"

LINKS = f"""
link add c0 netns {CLIENT} type veth peer name r0 netns {ROUTER}
link add s0 netns {SERVER} type veth peer name r1 netns {ROUTER}
-n {CLIENT} address add 10.1.0.2/24 dev c0
-n {CLIENT} address add fd01::2/64 dev c0 nodad
-n {ROUTER} address add 10.1.0.1/24 dev r0
-n {ROUTER} address add fd01::1/64 dev r0 nodad
-n {ROUTER} address add 10.2.0.1/24 dev r1
-n {ROUTER} address add fd02::1/64 dev r1 nodad
-n {SERVER} address add {SERVER4}/24 dev s0
-n {SERVER} address add {SERVER6}/64 dev s0 nodad
-n {CLIENT} link set lo up
-n {SERVER} link set lo up
-n {CLIENT} link set c0 up
-n {ROUTER} link set r0 up
-n {ROUTER} link set r1 up
-n {SERVER} link set s0 up
-n {CLIENT} route add 10.2.0.0/16 via 10.1.0.1
-n {CLIENT} route add fd02::/16 via fd01::1
-n {SERVER} route add default via 10.2.0.1
-n {SERVER} route add default via fd02::1
-n {CLIENT} route add blackhole 10.9.1.0/24
-n {CLIENT} route add blackhole fd09:1::/64
-n {CLIENT} route add prohibit 10.9.2.0/24
-n {CLIENT} route add prohibit fd09:2::/64
-n {CLIENT} route add unreachable 10.9.3.0/24
-n {CLIENT} route add unreachable fd09:3::/64
-n {ROUTER} route add blackhole 10.2.1.0/24
-n {ROUTER} route add blackhole fd02:1::/64
-n {ROUTER} route add prohibit 10.2.2.0/24
-n {ROUTER} route add prohibit fd02:2::/64
-n {ROUTER} route add unreachable 10.2.3.0/24
-n {ROUTER} route add unreachable fd02:3::/64
"""

# A kernel limits the ICMP errors to an address per second. Here, every probe needs an ICMP error.
SETTINGS = ("net.ipv4.icmp_ratelimit=0", "net.ipv6.icmp.ratelimit=0")

REJECTS = """
    meta l4proto { tcp, udp } th dport 1001 drop
    tcp dport 1002 reject with tcp reset
    meta l4proto { tcp, udp } th dport 1003 reject with icmpx type port-unreachable
    meta l4proto { tcp, udp } th dport 1004 reject with icmpx type admin-prohibited
    meta l4proto { tcp, udp } th dport 1005 reject with icmpx type host-unreachable
    meta l4proto { tcp, udp } th dport 1006 reject with icmpx type no-route
    meta nfproto ipv4 meta l4proto { tcp, udp } th dport 1007 reject with icmp type net-prohibited
    meta nfproto ipv4 meta l4proto { tcp, udp } th dport 1008 reject with icmp type host-prohibited
    meta nfproto ipv4 meta l4proto { tcp, udp } th dport 1009 reject with icmp type prot-unreachable
    meta nfproto ipv6 meta l4proto { tcp, udp } th dport 1010 reject with icmpv6 type policy-fail
    meta nfproto ipv6 meta l4proto { tcp, udp } th dport 1011 reject with icmpv6 type reject-route
"""

RUN = """
import json, sys
from ansible_collections.gatehouse.kong.plugins.module_utils._probe.probe import Limits, parse_probe, run_probes
wanted, limits = json.load(sys.stdin)
print(json.dumps(run_probes([parse_probe(probe) for probe in wanted], Limits(*limits))))
"""


def run(*command, **options):
    return subprocess.run(command, check=True, capture_output=True, text=True, **options).stdout


def run_inside(namespace, *command, **options):
    return run("ip", "netns", "exec", namespace, *command, **options)


def load_rules(namespace, hook="input", lines=""):
    chain = f"chain c {{\n type filter hook {hook} priority 0\n{lines}\n}}"
    run_inside(namespace, "nft", "-f", "-", input=f"flush ruleset\ntable inet t {{\n{chain}\n}}\n")


@pytest.fixture(scope="module")
def network():
    for namespace in (CLIENT, ROUTER, SERVER):
        # Remove a namespace of a killed run with the same process id.
        subprocess.run(["ip", "netns", "delete", namespace], check=False, capture_output=True)
        run("ip", "netns", "add", namespace)
    try:
        for line in LINKS.strip().splitlines():
            run("ip", *line.split())
        for namespace in (ROUTER, SERVER):
            run_inside(namespace, "sysctl", "-qw", *SETTINGS)
        run_inside(ROUTER, "sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1")
        # On new links, IPv6 packets pass only after a second or two.
        assert look(("tcp", SERVER6, 1999), timeout=1, tries=10)["tcp", SERVER6, 1999][0] == "refused"
        yield
    finally:
        for namespace in (CLIENT, ROUTER, SERVER):
            run("ip", "netns", "del", namespace)


@pytest.fixture
def serf(network):
    started = []

    def start(address, *more):
        agent = ["serf", "agent", "-node", "s1", "-bind", address, "-rpc-addr", "127.0.0.1:7373", "-profile", "wan"]
        command = ["ip", "netns", "exec", SERVER, *agent, *more]
        started.append(subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
        wait_for_serf()

    yield start
    for process in started:
        process.terminate()
        process.wait(timeout=20)


def wait_for_serf():
    for _look in range(100):
        answer = subprocess.run(["ip", "netns", "exec", SERVER, "serf", "info"], check=False, capture_output=True)
        if answer.returncode == 0:
            return
        time.sleep(0.1)
    pytest.fail("serf did not start within 10 seconds")


def look(*probes, timeout=2.0, tries=2, workers=500):
    """Send probes (kind, address, port) from the client. Return {probe: (result, detail)}."""
    wanted = [{"name": "", "kind": kind, "address": address, "port": port} for kind, address, port in probes]
    text = json.dumps([wanted, [timeout, tries, workers]])
    results = json.loads(run_inside(CLIENT, sys.executable, "-c", RUN, input=text, env=make_environment()))
    return {
        (result["kind"], result["address"], result["port"]): (result["result"], result["detail"]) for result in results
    }


def make_environment():
    return {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}


def find_differences(expected, **limits):
    found = look(*expected, **limits)
    return {probe: (expected[probe], found[probe]) for probe in expected if not matches(expected[probe], found[probe])}


def matches(expected, found):
    return expected[0] == found[0] and expected[1] in found[1]


QUIET = "no answer in "


def expect_per_family(kind, port, ipv4, ipv6):
    return {(kind, SERVER4, port): ipv4, (kind, SERVER6, port): ipv6}


# The actions of the target's own firewall, and the results of the probes.
TARGET = {
    **expect_per_family("tcp", 1001, ("filtered", QUIET), ("filtered", QUIET)),
    **expect_per_family("memberlist", 1001, ("filtered", QUIET), ("filtered", QUIET)),
    **expect_per_family("tcp", 1999, ("refused", "ECONNREFUSED: connection"), ("refused", "ECONNREFUSED: connection")),
    **expect_per_family("memberlist", 1999, ("refused", "ICMP port unreachable"), ("refused", "ICMP port unreachable")),
    **expect_per_family("tcp", 1002, ("refused", "ECONNREFUSED: connection"), ("refused", "ECONNREFUSED: connection")),
    **expect_per_family("tcp", 1003, ("filtered", "ECONNREFUSED: ICMP port"), ("filtered", "ECONNREFUSED: ICMP port")),
    **expect_per_family(
        "memberlist", 1003, ("refused", "ECONNREFUSED: ICMP port"), ("refused", "ECONNREFUSED: ICMP port")
    ),
    **expect_per_family("tcp", 1004, ("filtered", "EHOSTUNREACH: ICMP admin"), ("filtered", "EACCES: ICMP admin")),
    **expect_per_family(
        "memberlist", 1004, ("filtered", "EHOSTUNREACH: ICMP admin"), ("filtered", "EACCES: ICMP admin")
    ),
    **expect_per_family(
        "tcp", 1005, ("unreachable", "EHOSTUNREACH: ICMP host"), ("unreachable", "EHOSTUNREACH: ICMP addr")
    ),
    **expect_per_family("memberlist", 1005, ("unreachable", "ICMP host"), ("unreachable", "ICMP address")),
    **expect_per_family(
        "tcp", 1006, ("unreachable", "ENETUNREACH: ICMP net"), ("unreachable", "ENETUNREACH: ICMP no route")
    ),
    **expect_per_family("memberlist", 1006, ("unreachable", "ICMP network"), ("unreachable", "ICMP no route")),
    ("tcp", SERVER4, 1007): ("filtered", "ENETUNREACH: ICMP network prohibited from 10.2.0.2"),
    ("memberlist", SERVER4, 1007): ("filtered", "ENETUNREACH: ICMP network prohibited"),
    ("tcp", SERVER4, 1008): ("filtered", "EHOSTUNREACH: ICMP host prohibited"),
    ("memberlist", SERVER4, 1008): ("filtered", "EHOSTUNREACH: ICMP host prohibited"),
    ("tcp", SERVER4, 1009): ("filtered", "ENOPROTOOPT: ICMP protocol unreachable"),
    ("memberlist", SERVER4, 1009): ("filtered", "ENOPROTOOPT: ICMP protocol unreachable"),
    ("tcp", SERVER6, 1010): ("filtered", "EACCES: ICMP source address"),
    ("memberlist", SERVER6, 1010): ("filtered", "EACCES: ICMP source address"),
    ("tcp", SERVER6, 1011): ("filtered", "EACCES: ICMP reject route"),
    ("memberlist", SERVER6, 1011): ("filtered", "EACCES: ICMP reject route"),
}

# Routes and neighbours. Routes of the client fail immediately, without ICMP. Routes of the router answer with ICMP.
ROUTES = {
    "10.9.1.1": ("unreachable", "EINVAL: a blackhole route"),
    "fd09:1::1": ("unreachable", "EINVAL: a blackhole route"),
    "10.9.2.1": ("filtered", "EACCES: prohibited by a route"),
    "fd09:2::1": ("filtered", "EACCES: prohibited by a route"),
    "10.9.3.1": ("unreachable", "EHOSTUNREACH: no route"),
    "fd09:3::1": ("unreachable", "EHOSTUNREACH: no route"),
    "10.8.0.1": ("unreachable", "ENETUNREACH: no route"),
    "fd08::1": ("unreachable", "ENETUNREACH: no route"),
    "10.2.1.1": ("filtered", QUIET),
    "fd02:1::1": ("filtered", QUIET),
    "10.2.2.1": ("filtered", "EHOSTUNREACH: ICMP administratively prohibited from 10.1.0.1"),
    "fd02:2::1": ("filtered", "EACCES: ICMP administratively prohibited from fd01::1"),
    "10.2.3.1": ("unreachable", "EHOSTUNREACH: ICMP host unreachable from 10.1.0.1"),
    "fd02:3::1": ("unreachable", "ENETUNREACH: ICMP no route from fd01::1"),
    "10.2.77.1": ("unreachable", "ENETUNREACH: ICMP network unreachable from 10.1.0.1"),
    "fd02:77::1": ("unreachable", "ENETUNREACH: ICMP no route from fd01::1"),
    "10.1.0.77": ("unreachable", "EHOSTUNREACH: ICMP host unreachable from 10.1.0.2"),
    "fd01::77": ("unreachable", "EHOSTUNREACH: ICMP address unreachable from fd01::2"),
    "10.2.0.77": ("unreachable", "EHOSTUNREACH: ICMP host unreachable from 10.1.0.1"),
    "fd02::77": ("unreachable", "EHOSTUNREACH: ICMP address unreachable from fd01::1"),
}


def test_every_action_of_a_firewall(network):
    load_rules(SERVER, lines=REJECTS)
    assert find_differences(TARGET, timeout=0.5) == {}


def test_the_same_firewall_on_the_router_is_named_as_the_sender(network):
    load_rules(SERVER)
    load_rules(ROUTER, hook="forward", lines=REJECTS)
    found = look(("tcp", SERVER4, 1004), ("tcp", SERVER6, 1004), ("memberlist", SERVER4, 1004))
    load_rules(ROUTER)
    assert set(found.values()) == {
        ("filtered", "EHOSTUNREACH: ICMP administratively prohibited from 10.1.0.1"),
        ("filtered", "EACCES: ICMP administratively prohibited from fd01::1"),
    }


@pytest.mark.parametrize("kind", ["tcp", "memberlist"])
def test_routes_and_neighbours(network, kind):
    # Linux needs 3 seconds to detect a missing neighbour. A router without a route sends about one error per second to an
    # address, and only its first namespace can change that (net.ipv4.route.error_cost): a probe may have to wait.
    assert find_differences({(kind, address, 1): result for address, result in ROUTES.items()}, tries=6) == {}


def test_rules_of_the_probing_host_itself(network):
    load_rules(CLIENT, hook="output", lines=REJECTS)
    expected = {
        ("tcp", SERVER4, 1001): ("filtered", QUIET),
        ("memberlist", SERVER4, 1001): ("filtered", "EPERM: dropped by the rules of this host"),
        ("tcp", SERVER4, 1002): ("refused", "ECONNREFUSED: connection refused"),
        ("tcp", SERVER4, 1004): ("filtered", "EHOSTUNREACH: ICMP administratively prohibited from 10.1.0.2"),
        ("memberlist", SERVER4, 1004): ("filtered", "EPERM: ICMP administratively prohibited from 10.1.0.2"),
        ("tcp", SERVER6, 1004): ("filtered", "EACCES: ICMP administratively prohibited from fd01::2"),
        ("memberlist", SERVER6, 1004): ("filtered", "EPERM: ICMP administratively prohibited from fd01::2"),
    }
    found = find_differences(expected, timeout=0.5)
    load_rules(CLIENT)
    assert found == {}


def test_a_host_without_ipv6_is_reported(network):
    off = f"{CLIENT}o"
    run("ip", "netns", "add", off)
    try:
        run_inside(off, "sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1")
        text = json.dumps([[{"name": "", "kind": "tcp", "address": "::1", "port": 1}], [1, 1, 1]])
        (result,) = json.loads(run_inside(off, sys.executable, "-c", RUN, input=text, env=make_environment()))
    finally:
        run("ip", "netns", "del", off)
    assert result["result"] == "unreachable"
    assert result["detail"].split(":")[0] in {"EADDRNOTAVAIL", "ENETUNREACH"}


@pytest.mark.parametrize(
    ("lines", "tcp", "gossip"),
    [
        ("", "open", "open"),
        ("tcp dport 7946 drop", "filtered", "open"),
        ("udp dport 7946 drop", "open", "filtered"),
        ("udp dport 7946 reject", "open", "refused"),
        ("meta l4proto { tcp, udp } th dport 7946 reject with icmpx type admin-prohibited", "filtered", "filtered"),
    ],
)
def test_a_real_serf_agent_behind_a_firewall(serf, lines, tcp, gossip):
    load_rules(SERVER, lines=lines)
    serf(f"{SERVER4}:7946")
    found = look(("tcp", SERVER4, 7946), ("memberlist", SERVER4, 7946), timeout=1.0)
    load_rules(SERVER)
    assert [result for result, _detail in found.values()] == [tcp, gossip]


def test_a_real_serf_agent_over_ipv6(serf):
    serf(f"[{SERVER6}]:7946")
    assert look(("memberlist", SERVER6, 7946)) == {("memberlist", SERVER6, 7946): ("open", "ack")}


def test_a_real_serf_agent_with_gossip_to_pass_on(serf):
    """The ack is the first part of a compressed compound message of up to 1,400 bytes: codes of 9 to 11 bits."""
    serf(f"{SERVER4}:7946")
    for number in range(12):
        run_inside(SERVER, "serf", "event", "-coalesce=false", f"event{number}", os.urandom(50).hex())
    found = [look(("memberlist", SERVER4, 7946)) for _look in range(3)]
    assert found == [{("memberlist", SERVER4, 7946): ("open", "ack")}] * 3


def test_a_serf_agent_with_a_key_looks_filtered_but_the_observer_sees_the_packets(serf, tmp_path):
    serf(f"{SERVER4}:7946", "-encrypt", "Z2F0ZWhvdXNlLmtvbmcxNg==")
    gossip = [{"name": "cluster", "protocols": ["udp"], "address": SERVER4, "port": 7946}]
    watch(f"start({gossip}, 60, control, listen=False)", tmp_path)
    found = look(("tcp", SERVER4, 7946), ("memberlist", SERVER4, 7946), ("udp", SERVER4, 7946), timeout=0.5)
    observer = json.loads(watch("stop(control)", tmp_path))
    assert [result for result, _detail in found.values()] == ["open", "filtered", "silent"]
    assert (len(observer["let_in"]), observer["arrived"]) == (1, observer["let_in"])


def watch(call, folder):
    """Return the result of a call of the placeholder on the server."""
    module = "ansible_collections.gatehouse.kong.plugins.module_utils._probe.placeholder"
    code = (
        f"import json; from pathlib import Path; from {module} import start, stop; control = Path({str(folder)!r}, 'c')"
    )
    return run_inside(SERVER, sys.executable, "-c", f"{code}; print(json.dumps({call}))", env=make_environment())


def test_a_nat_device_that_forwards_tcp_but_not_udp(serf):
    serf(f"{SERVER4}:7946")
    nat = "type nat hook prerouting priority -100"
    forward = f"ip daddr 10.1.0.1 {{}} dport 9000 dnat ip to {SERVER4}:7946"
    for protocol, expected in (("tcp", ["open", "refused"]), ("udp", ["refused", "open"])):
        table = f"flush ruleset\ntable inet t {{\nchain c {{\n{nat}\n{forward.format(protocol)}\n}}\n}}\n"
        run_inside(ROUTER, "nft", "-f", "-", input=table)
        found = look(("tcp", "10.1.0.1", 9000), ("memberlist", "10.1.0.1", 9000))
        assert [result for result, _detail in found.values()] == expected
    load_rules(ROUTER)


def test_two_thousand_silent_targets_need_a_limited_number_of_packets_and_files(network):
    load_rules(SERVER, lines="tcp dport 2000-3999 counter drop\nudp dport 2000-3999 counter drop")
    ports = range(2000, 3000)
    wanted = [(kind, SERVER4, port) for kind in ("tcp", "memberlist") for port in ports]
    limited = f"import resource; resource.setrlimit(resource.RLIMIT_NOFILE, (256, 256))\n{RUN}"
    probes = [{"name": "", "kind": kind, "address": address, "port": port} for kind, address, port in wanted]
    text = json.dumps([probes, [0.2, 2, 5000]])
    results = json.loads(run_inside(CLIENT, sys.executable, "-c", limited, input=text, env=make_environment()))
    counters = json.loads(run_inside(SERVER, "nft", "-j", "list", "ruleset"))
    load_rules(SERVER)
    packets = [
        e["counter"]["packets"]
        for item in counters["nftables"]
        if "rule" in item
        for e in item["rule"]["expr"]
        if "counter" in e
    ]
    assert {result["result"] for result in results} == {"filtered"}
    assert packets == [2000, 2000]
