# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Verifies that the Serf agents of a lab are a working cluster, and prints the failures.

    python3 serf_check.py SCENARIO_FOLDER --member a1=192.168.10.11:7946 --member b1=192.168.10.5:9000 ...
                          [--source a1=192.168.10.5,192.168.10.12 ...] [--seconds 60]

For the given time, from every member: all members are alive and known by the given addresses; `serf reachability`
receives an ack of every member; all other members receive a user event within 2 seconds. With --source: the gossip
(udp) that reaches the node comes from exactly these addresses. The state "alive" is not enough: Serf also shows it for
nodes that half of the cluster cannot reach.

Prints a line for each verification and a line for each reason of a failure. The exit status is 1 if a verification fails.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import chain
from pathlib import Path

from _podman import LabError, Paths, enter, run

EVENTS = "/var/log/kong-placeholder-events.log"
EVENT_SECONDS = 2.0
SAMPLE_SECONDS = 2.0
TABLE = "gatehouse_lab_check"
# Before any filter, so the set has the sources of all arriving packets, also of those that are dropped.
WATCH = """table ip {table} {{
  set sources {{ type ipv4_addr; size 4096; flags dynamic; }}
  chain prerouting {{
    type filter hook prerouting priority -450;
    iifname != "lo" udp dport {port} add @sources {{ ip saddr }}
  }}
}}
"""

Members = dict[str, str]  # node -> advertised address
Run = Callable[..., str]


def watch_members(ask: Run, members: Members, node: str, seconds: float) -> list[str]:
    """Check the members repeatedly, and return each kind of failure once."""
    found: dict[str, None] = {}
    deadline = time.monotonic() + seconds
    while True:
        found.update(
            dict.fromkeys(find_wrong_members(json.loads(ask(node, "serf", "members", "-format", "json")), members))
        )
        if time.monotonic() >= deadline:
            return [f"{node} {text}" for text in found]
        time.sleep(SAMPLE_SECONDS)


def find_wrong_members(answer: dict[str, list[dict[str, str]]], members: Members) -> list[str]:
    """Return the differences between `serf members` and the expected members, including unexpected left or failed nodes."""
    actual = {_find_node(member["name"]): (member["addr"], member["status"]) for member in answer["members"]}
    expected = {node: (address, "alive") for node, address in members.items()}
    return [
        f"sees {node} as {' '.join(actual.get(node, ['absent']))}, not {' '.join(expected.get(node, ['absent']))}"
        for node in sorted({*actual, *expected})
        if actual.get(node) != expected.get(node)
    ]


def _find_node(name: str) -> str:
    """Return the node of an agent's name, which is <hostname>_<cluster_listen>_<random>."""
    return name.partition("_")[0]


def check_reachability(ask: Run, members: Members, node: str) -> list[str]:
    try:
        answer = ask(node, "serf", "reachability", "-verbose")
    except LabError as error:  # serf's exit status is 1 when an ack is missing
        answer = str(error)
    acks = {_find_node(name) for name in re.findall(r"Ack from '([^']+)'", answer)}
    return [f"{node} receives no ack of {other}" for other in members if other not in acks]


def check_event(ask: Run, members: Members, node: str) -> list[str]:
    """Send a user event like Kong, and return the members that do not receive it in time; all share the kernel's clock."""
    token = uuid.uuid4().hex
    sent = time.time_ns()
    ask(node, "serf", "event", "-coalesce=false", "kong", token)
    waiting = {other for other in members if other != node}
    deadline = time.monotonic() + EVENT_SECONDS + 0.5
    while waiting and time.monotonic() < deadline:
        time.sleep(0.1)
        for other in sorted(waiting):
            heard = re.search(rf"^(\d+) user kong {token}\b", _log(ask, other), re.MULTILINE)
            if heard and int(heard[1]) - sent <= EVENT_SECONDS * 1e9:
                waiting.discard(other)
    return [f"{other} does not receive the event of {node} within {EVENT_SECONDS:g} s" for other in sorted(waiting)]


def _log(ask: Run, node: str) -> str:
    return ask(node, "sh", "-c", f"cat {EVENTS} 2>/dev/null || true")


def watch(ask: Run, node: str) -> None:
    """Record the sources of the gossip that reaches the node, in an nftables table."""
    sockets = ask(node, "ss", "--no-header", "--listening", "--udp", "--numeric", "--processes")
    ports = re.findall(r":(\d+)\s+\S+\s+users:\(\(\"serf\"", sockets)
    if not ports:
        raise LabError(f"{node}: no Serf agent listens")
    ask(node, "sh", "-c", f"nft delete table ip {TABLE} 2>/dev/null || true")
    ask(node, "nft", "-f", "-", text=WATCH.format(table=TABLE, port=ports[0]))


def check_sources(ask: Run, node: str, expected: set[str]) -> list[str]:
    """Return the differences between the recorded and the expected sources, and remove the table."""
    listed = json.loads(ask(node, "nft", "--json", "list", "set", "ip", TABLE, "sources"))
    ask(node, "nft", "delete", "table", "ip", TABLE)
    actual = {str(address) for entry in listed["nftables"] for address in entry.get("set", {}).get("elem", [])}
    return [
        *(f"{node} gets unexpected gossip from {address}" for address in sorted(actual - expected)),
        *(f"{node} gets no gossip from {address}" for address in sorted(expected - actual)),
    ]


def check(ask: Run, members: Members, expected: dict[str, set[str]], seconds: float) -> dict[str, list[str]]:
    """Return all verifications: description -> failures."""
    for node in expected:
        watch(ask, node)
    with ThreadPoolExecutor() as pool:
        sampled = pool.map(partial(watch_members, ask, members, seconds=seconds), members)
        acked = pool.map(partial(check_reachability, ask, members), members)
        heard = [failure for node in members for failure in check_event(ask, members, node)]
        results = {
            f"{', '.join(members)}: each sees all members alive at their addresses for {seconds:g} s": list(
                chain(*sampled)
            ),
            "each member receives the acks of all members": list(chain(*acked)),
            f"each member receives the events of all other members within {EVENT_SECONDS:g} s": heard,
        }
    for node, addresses in expected.items():
        results[f"{node} gets gossip only from {', '.join(sorted(addresses))}"] = check_sources(ask, node, addresses)
    return results


def _list_pairs(texts: list[str]) -> dict[str, str]:
    return dict(text.split("=", 1) for text in texts)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description="Verify that the Serf agents of a lab are a working cluster.")
    parser.add_argument("scenario", type=Path, help="folder with lab.yml")
    parser.add_argument("--member", action="append", required=True, metavar="NODE=IP:PORT")
    parser.add_argument("--source", action="append", default=[], metavar="NODE=IP,IP...")
    parser.add_argument("--seconds", type=float, default=60.0)
    options = parser.parse_args(arguments)
    paths = Paths(options.scenario.resolve().name)
    expected = {node: set(text.split(",")) for node, text in _list_pairs(options.source).items()}

    def ask(node: str, *command: str, text: str | None = None) -> str:
        return run([*enter(paths, node), *command], text)

    try:
        results = check(ask, _list_pairs(options.member), expected, options.seconds)
    except LabError as error:
        print(f"serf_check: {error}", file=sys.stderr)
        return 1
    for verification, failures in results.items():
        print(f"{'FAILED' if failures else 'ok'}: {verification}")
        print("".join(f"  {failure}\n" for failure in failures), end="")
    return 1 if any(results.values()) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
