# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The cost of our rules for a packet: between network namespaces, with thousands of sources.

The client is the last source. It connects in turns to a server with the rules that the module loads, and to a server
without rules. For the cost of counting, both servers are staged, and only the first counts the packets of the client.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from ways import format_nft, make_peers, make_ruleset

from ansible_collections.gatehouse.kong.plugins.module_utils._backends.iptables import late_boot
from ansible_collections.gatehouse.kong.plugins.module_utils._backends.iptables.boot import Programs, render_script
from ansible_collections.gatehouse.kong.plugins.module_utils._backends.iptables.late_place import Place
from ansible_collections.gatehouse.kong.plugins.module_utils._backends.nftables.render import render_table
from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.data import ruleset_from_data

ENDS = [sys.executable, str(Path(__file__).resolve().parent / "packets_ends.py")]
TEMPLATE = "copy, nft -f"
SYSTEMS = (TEMPLATE, "nftables", "iptables", "iptables, without nft")
COUNTED = "staged, counted"
SOURCES = (1_000, 10_000)
_SECONDS = 6.0
# Counting costs little, so it needs more turns than the whole ruleset.
_COUNTED_SECONDS = 20.0
_STAGED = {"staged": True, "count_days": 14}
_CLIENT, _RULES, _BARE = (f"gkbench{os.getpid()}{end}" for end in ("client", "rules", "bare"))
# The client is .2 on the wire to each server.
_SERVERS = {_RULES: "10.99.0.1", _BARE: "10.99.1.1"}


@dataclass(frozen=True)
class Cost:
    """Connections a second and microseconds of a round trip, with rules and without; medians.

    `share` and `longer` are the medians of the ratios of neighbouring slices: of the connections, and of the round trips.
    """

    system: str
    sources: int
    rate: float
    bare_rate: float
    share: float
    trip: float
    bare_trip: float
    longer: float


def measure(rounds: int) -> list[Cost]:
    """Measure every system with every number of sources."""
    with _lay_wires(), _run_servers():
        costs = [_measure(system, sources, rounds * _SECONDS) for system in SYSTEMS for sources in SOURCES]
        return [*costs, *(_measure(COUNTED, sources, rounds * _COUNTED_SECONDS) for sources in SOURCES)]


def _measure(system: str, sources: int, seconds: float) -> Cost:
    print(f"packets: {system}, {sources} sources ...", file=sys.stderr, flush=True)
    _flush()
    if system == COUNTED:
        _load_counting(sources)
    else:
        _load(system, [*make_peers(sources - 1), "10.99.0.2"])
    slices = json.loads(_run_at(_CLIENT, [*ENDS, "dial", str(seconds), *_SERVERS.values()]))
    return compute_cost(system, sources, slices)


def compute_cost(system: str, sources: int, slices: list[list[tuple[float, float]]]) -> Cost:
    """Return the medians of slices; each slice has the connections and the round trip with rules, and without."""
    rates, bare_rates = ([pair[end][0] for pair in slices] for end in (0, 1))
    trips, bare_trips = ([pair[end][1] for pair in slices] for end in (0, 1))
    return Cost(
        system, sources,
        median(rates), median(bare_rates), _compute_median_ratio(rates, bare_rates),
        median(trips), median(bare_trips), _compute_median_ratio(trips, bare_trips),
    )  # fmt: skip


def _compute_median_ratio(values: list[float], bare: list[float]) -> float:
    return median(value / other for value, other in zip(values, bare, strict=True))


def _load(system: str, sources: list[str]) -> None:
    """Load the administrator's file, or the early part of the system and, with iptables, the late part in INPUT."""
    rules = ruleset_from_data(make_ruleset(sources))
    programs = Programs(*(shutil.which(name) or name for name in ("ipset", "iptables", "ip6tables")))
    if system == "iptables, without nft":
        _run_at(_RULES, ["sh", "-s"], render_script(rules, programs))
    else:
        _run_at(_RULES, ["nft", "-f", "-"], format_nft(sources) if system == TEMPLATE else render_table(rules))
    if system.startswith("iptables"):
        paths = {"ipv4": programs.iptables, "ipv6": programs.ip6tables}
        places = {family: [Place("INPUT", 0)] for family in paths}
        _run_at(_RULES, ["sh", "-s"], late_boot.render_script(places, paths))


def _load_counting(sources: int) -> None:
    """Load staged rulesets of the same size: the client is a source of only the second, so only the first counts its packets."""
    for name, last in ((_RULES, "10.98.0.2"), (_BARE, "10.99.1.2")):
        rules = ruleset_from_data({**make_ruleset([*make_peers(sources - 1), last]), **_STAGED})
        _run_at(name, ["nft", "-f", "-"], render_table(rules))


def _flush() -> None:
    for name in _SERVERS:
        _run_at(name, ["nft", "flush", "ruleset"])
    time.sleep(0.2)  # until the kernel has released the sets
    _run_at(_RULES, ["ipset", "destroy"])


@contextmanager
def _run_servers() -> Iterator[None]:
    servers = []
    try:
        for name, address in _SERVERS.items():
            server = subprocess.Popen([*_enter_namespace(name), *ENDS, "serve", address], stdout=subprocess.PIPE)
            servers.append(server)
            assert server.stdout
            server.stdout.readline()
        yield
    finally:
        for server in servers:
            server.kill()
            server.communicate()


@contextmanager
def _lay_wires() -> Iterator[None]:
    try:
        for name in (_CLIENT, *_SERVERS):
            _run_ip("netns", "add", name)
            _run_ip("-n", name, "link", "set", "lo", "up")
        for number, (name, address) in enumerate(_SERVERS.items()):
            wire = f"wire{number}"
            _run_ip("link", "add", wire, "netns", _CLIENT, "type", "veth", "peer", "name", wire, "netns", name)
            for end, of in ((_CLIENT, f"{address[:-1]}2"), (name, address)):
                _run_ip("-n", end, "address", "add", f"{of}/24", "dev", wire)
                _run_ip("-n", end, "link", "set", wire, "up")
        yield
    finally:
        for name in (_CLIENT, *_SERVERS):
            subprocess.run(["ip", "netns", "delete", name], check=False, capture_output=True)


def _run_ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True)


def _enter_namespace(name: str) -> list[str]:
    return ["ip", "netns", "exec", name]


def _run_at(name: str, command: list[str], given: str = "") -> str:
    return subprocess.run(
        [*_enter_namespace(name), *command], input=given, capture_output=True, text=True, check=True
    ).stdout
