# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the rules cost on the way of a packet: between two network namespaces of our own, with thousands of sources.

The client is the last of them. What is loaded is what the module loads, and each state takes turns with no rules at all.
"""

from __future__ import annotations

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

from ways import peers_of, ruleset

from ansible_collections.gatehouse.kong.plugins.module_utils._backends.iptables.boot import Programs, render_script
from ansible_collections.gatehouse.kong.plugins.module_utils._backends.nftables.render import render_table
from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.ruleset import ruleset_from_data

HERE = Path(__file__).resolve().parent
SOURCES = (1_000, 10_000)
_SECONDS = 2.0
_NAMES = tuple(f"gkbench{os.getpid()}{end}" for end in "ab")


@dataclass(frozen=True)
class Cost:
    """Connections a second and microseconds of a round trip, with rules and in the same rounds without."""

    system: str
    sources: int
    rate: float
    bare_rate: float
    trip: float
    bare_trip: float


def measure(rounds: int) -> list[Cost]:
    """Measure every system with every number of sources."""
    with _wire():
        return [_measure(system, sources, rounds) for system in ("nftables", "iptables") for sources in SOURCES]


def _measure(system: str, sources: int, rounds: int) -> Cost:
    print(f"packets: {system}, {sources} sources ...", file=sys.stderr, flush=True)
    seen = []
    for _round in range(rounds):
        _flush()
        bare = _probe()
        _load(system, sources)
        seen.append((*_probe(), *bare))
    _flush()
    rate, trip, bare_rate, bare_trip = (median(one) for one in zip(*seen, strict=True))
    return Cost(system, sources, rate, bare_rate, trip, bare_trip)


def _load(system: str, sources: int) -> None:
    data = ruleset([*peers_of(sources - 1), "10.99.0.2"])
    # The ports of the probes are those of the gossip cluster: tcp and udp.
    rules = ruleset_from_data(data)
    if system == "nftables":
        _at(0, ["nft", "-f", "-"], render_table(rules))
    else:
        programs = Programs(*(shutil.which(name) or name for name in ("ipset", "iptables", "ip6tables")))
        _at(0, ["sh", "-s"], render_script(rules, programs))


def _flush() -> None:
    _at(0, ["nft", "flush", "ruleset"])
    time.sleep(0.2)  # until the kernel has let go of sets
    _at(0, ["ipset", "destroy"])


def _probe() -> tuple[float, float]:
    """Connections a second, and microseconds of a round trip."""
    server = subprocess.Popen([*_within(0), sys.executable, str(HERE / "packets_ends.py"), "serve"], stdout=-1)
    try:
        assert server.stdout
        server.stdout.readline()
        rate, trip = _at(1, [sys.executable, str(HERE / "packets_ends.py"), "dial", str(_SECONDS)]).split()
    finally:
        server.kill()
        server.communicate()
    return float(rate), float(trip)


@contextmanager
def _wire() -> Iterator[None]:
    a, b = _NAMES
    try:
        for name in _NAMES:
            _ip("netns", "add", name)
        _ip("link", "add", "wire", "netns", a, "type", "veth", "peer", "name", "wire", "netns", b)
        for number, name in enumerate(_NAMES, 1):
            _ip("-n", name, "address", "add", f"10.99.0.{number}/24", "dev", "wire")
            _ip("-n", name, "link", "set", "wire", "up")
            _ip("-n", name, "link", "set", "lo", "up")
        yield
    finally:
        for name in _NAMES:
            subprocess.run(["ip", "netns", "delete", name], check=False, capture_output=True)


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True)


def _within(end: int) -> list[str]:
    return ["ip", "netns", "exec", _NAMES[end]]


def _at(end: int, command: list[str], given: str = "") -> str:
    return subprocess.run([*_within(end), *command], input=given, capture_output=True, text=True, check=True).stdout
