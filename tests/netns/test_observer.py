# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The observer on the node sees the packets that its rules accept, with every firewall and behind every NAT."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import contextmanager

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._probe.placeholder import start, stop
from ansible_collections.gatehouse.kong.plugins.module_utils._probe.probe import Limits, parse_probe, run_probes
from ansible_collections.gatehouse.kong.tests.netns.conftest import enter_namespace

LET_IN, DROPPED, UNHEARD, REJECTED = 5301, 5302, 5303, 5304
FAMILIES = ("ipv4", "ipv6")
IPTABLES = f"""\
*filter
:INPUT ACCEPT [0:0]
-A INPUT -p udp --dport {DROPPED} -j DROP
COMMIT
"""
RULES = {
    "nftables": f"table inet t {{ chain c {{ type filter hook input priority 0; udp dport {DROPPED} drop; }}; }}",
    "iptables-nft": IPTABLES,
    "iptables-legacy": IPTABLES,
    # No connection tracking, and a drop before connection tracking.
    "raw": f"table inet t {{ chain c {{ type filter hook prerouting priority raw; notrack; udp dport {DROPPED} drop; }}; }}",
}


@contextmanager
def watch_packets(lab, tmp_path, listen=False):
    """Yield a dictionary that is filled with the packets that the node saw."""
    control, observed = tmp_path / "control", {}
    streams = [{"name": "stream", "protocols": ["udp"], "address": "*", "port": LET_IN}]
    with enter_namespace(lab.get_namespace("node")):
        assert start(streams, 60, control, listen=listen)["blind"] == {}
    yield observed
    observed.update(stop(control))


def send_probes(lab, client, *ports, family="ipv4"):
    """Return the marks of probes to ports of the node, with the result of each probe."""
    where = lab.get_address(client, family, end=1)
    probes = [parse_probe({"name": "", "kind": "udp", "address": where, "port": port}) for port in ports]
    with enter_namespace(lab.get_namespace(client)):
        results = run_probes(probes, Limits(timeout=0.2, tries=1, workers=50))
    return {result["mark"]: result["result"] for result in results}


def load(lab, system):
    if system.startswith("iptables"):
        for program in ("iptables", "ip6tables"):
            lab.host.run(f"{program}{system.removeprefix('iptables')}-restore", stdin=RULES[system])
    else:
        lab.host.run("nft", "-f", "-", stdin=RULES[system])


@pytest.fixture(params=RULES)
def ruled(request, lab):
    load(lab, request.param)
    yield lab
    lab.run_nft("flush ruleset")
    for program in ("iptables", "ip6tables"):
        lab.host.run(f"{program}-legacy-restore", stdin="*filter\n:INPUT ACCEPT [0:0]\nCOMMIT\n")


def test_accepted_and_dropped_packets(ruled, tmp_path):
    for family in FAMILIES:
        for port in (LET_IN, DROPPED):
            ruled.open_listener(port, "udp", family)
    answers = {}
    with watch_packets(ruled, tmp_path) as observed:
        for family in FAMILIES:
            answers[family] = send_probes(ruled, "friend", LET_IN, DROPPED, UNHEARD, family=family)
    for met in answers.values():
        let_in, dropped, unheard = met
        assert list(met.values()) == ["silent", "silent", "refused"]
        assert {let_in, dropped, unheard} <= set(observed["arrived"])
        assert (let_in in observed["let_in"], dropped in observed["let_in"], unheard in observed["let_in"]) == (
            True,
            False,
            False,
        )
    assert len(observed["let_in"]) == len(observed["unheard"]) == 2
    assert observed["blind"] == {}


def test_two_callers_behind_one_nat_are_told_apart(lab, tmp_path):
    """The NAT gives both callers the same address and new ports. The node accepts one of them."""
    lab.open_listener(LET_IN, "udp")
    nat = "table ip t { chain c { type nat hook postrouting priority srcnat; udp dport 5301 snat to 10.0.1.2:40001-40002; }; }"
    lab.host.run("ip", "netns", "exec", lab.get_namespace("friend"), "nft", "-f", "-", stdin=nat)
    lab.run_nft("add table inet t; add chain inet t c { type filter hook input priority 0; }")
    lab.run_nft("add rule inet t c udp sport 40001 drop")
    try:
        with watch_packets(lab, tmp_path) as observed:
            marks = set(send_probes(lab, "friend", LET_IN, LET_IN))
    finally:
        lab.host.run("ip", "netns", "exec", lab.get_namespace("friend"), "nft", "flush", "ruleset")
    assert set(observed["arrived"]) == marks
    assert len(observed["let_in"]) == 1
    assert set(observed["let_in"]) < marks


def test_a_placeholder_answers_and_is_observed_as_a_listener(lab, tmp_path):
    with watch_packets(lab, tmp_path, listen=True) as observed:
        met = send_probes(lab, "friend", LET_IN)
    assert list(met.values()) == ["open"]
    assert observed["let_in"] == list(met)


def test_hundreds_of_simultaneous_packets_are_all_observed(lab, tmp_path):
    lab.open_listener(LET_IN, "udp")
    with watch_packets(lab, tmp_path) as observed:
        marks = set(send_probes(lab, "friend", *[LET_IN] * 300))
    assert (observed["blind"], set(observed["let_in"])) == ({}, marks)


WATCH = """
import json, sys
from pathlib import Path
from ansible_collections.gatehouse.kong.plugins.module_utils._probe.placeholder import start, stop
control = Path(sys.argv[1])
streams = [{"name": "stream", "protocols": ["udp"], "address": "*", "port": 5301}]
result = start(streams, 60, control, listen=False)
observed = stop(control)
print(json.dumps([result["blind"], observed and observed["blind"]]))
"""


def watch_blind(lab, tmp_path, *wrapper):
    command = [
        "ip",
        "netns",
        "exec",
        lab.get_namespace("node"),
        *wrapper,
        sys.executable,
        "-c",
        WATCH,
        str(tmp_path / "c"),
    ]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    return json.loads(done.stdout)


def test_an_observer_without_privileges_reports_that_and_ends(lab, tmp_path):
    no = "Operation not permitted"
    assert watch_blind(lab, tmp_path, "setpriv", "--bounding-set", "-net_raw") == [{"ipv4": no, "ipv6": no}, None]


def test_a_host_without_ipv6_sees_the_other_family(lab, tmp_path):
    off = ["sh", "-c", 'sysctl -qw net.ipv6.conf.lo.disable_ipv6=1; exec "$@"', "-"]
    try:
        found = watch_blind(lab, tmp_path, *off)
    finally:
        lab.host.run("sysctl", "-qw", "net.ipv6.conf.lo.disable_ipv6=0")
    assert found == [{"ipv6": "Cannot assign requested address"}] * 2
