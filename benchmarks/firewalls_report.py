# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the ways cost, compared with the least that a run can do; and what rules cost on the way of a packet."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from firewalls import Timing
from packets import TEMPLATE, Cost
from ways import LARGE_NAME, LARGE_SOURCES, PING

OURS = "kong_firewall"
# What is promised at this number of peers: times as long as one file and its load, by the host's system.
JUDGED_PEERS = 200
BARS = {"nftables": 1.3, "iptables": 1.3, "firewalld": 1.6, "ufw": 1.6}
# And at this number: a first run, times as long as with the fewest, and an unchanged one, times as long as a bare ping.
MOST_PEERS = 500
GROWTH, UNCHANGED = 1.3, 1.5
LARGE_SECONDS = 15
# The least share of connections and the longest round trip of a packet with our rules, compared with no rules at all.
SHARE, LONGER = 0.8, 1.25
_FLOORS = {"nftables": "copy, nft -f", "iptables": "copy, iptables-restore"}

_HEADINGS = ("peers", "host", "way", "first", "again", "tasks first", "tasks again", "floor x", "again x")
_SECTION = """\
## The firewall

One node: 2 proxy ports for anyone, an Admin API for 10 hosts, gossip over tcp and udp with so many peers. Seconds of whole
runs of `ansible-playbook`, first and unchanged, and of them what the tasks took; medians, a looped module once. The
floor is one file and its load: `nft -f`, or `iptables-restore` on the host with iptables. Of it "floor x" is how many
times as long a first run takes, "again x" an unchanged one. It looks at nothing but its file: what somebody changed in
the kernel stays, and nothing returns by itself from a change that shuts the controller out.

Fails unless for 200 peers both runs take at most 1.3 times the floor with nftables and iptables, and 1.6 times with
firewalld and ufw; and for 500 a first run takes at most 1.3 times as long as for the fewest, and an unchanged one at most
1.5 times as long as a run that only pings. Most of what an unchanged run takes more, Ansible spends on the controller, once
a run for all hosts: it puts a module's code together.

The last rows are one run each with 5,000 sources that are allowed at 6 ports. No host may take more than 15 seconds.

```text
{table}
```
"""
_PACKETS = """\
## The way of a packet

Between network namespaces; the client is the last of so many sources of a port. Connections a second, sequentially, and the
round trip of a datagram in microseconds, each with the rules and without any; medians. The client connects to both servers
in turns of 0.1 seconds. The share and the times are medians of the ratios of neighbouring turns. The row `copy, nft -f` is
the file that an administrator writes for the same ports.

Fails unless our rules leave a share of at least 0.8, and a round trip takes at most 1.25 times as long.

```text
{table}
```
"""


def table(seen: Sequence[Timing]) -> str:
    rows = [_HEADINGS, *(_row(one, _floor(seen, one)) for one in seen)]
    return aligned(rows)


def aligned(rows: Sequence[tuple[str, ...]]) -> str:
    """Rows of cells as text in columns."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def _row(one: Timing, floor: Timing | None) -> tuple[str, ...]:
    times = (one.first, one.again, one.first_tasks, one.again_tasks)
    ratios = (f"{one.first / floor.first:.2f}", f"{one.again / floor.again:.2f}") if floor else ("", "")
    return (str(one.peers), one.host, one.way, *(f"{seconds:.2f}" for seconds in times), *ratios)


def _floor(seen: Iterable[Timing], of: Timing) -> Timing | None:
    way = _FLOORS.get(of.host, _FLOORS["iptables" if of.host == "ufw" else "nftables"])
    return next((one for one in seen if (one.way, one.peers) == (way, of.peers) and of.way != PING), None)


def failures(seen: Sequence[Timing]) -> list[str]:
    """Return a line for each promise that is not kept."""
    slow = [
        f"{timing.host}, {LARGE_SOURCES} sources at 6 ports: the first run takes {timing.first:.1f} s, more than {LARGE_SECONDS} s"
        for timing in seen
        if timing.way == LARGE_NAME and timing.first > LARGE_SECONDS
    ]
    return slow + [
        f"{one.host}, {one.peers} peers: the {kind} run takes {ratio:.2f} times {than}, more than {most}"
        for one in seen
        if one.way == OURS
        for kind, ratio, than, most in _judged(seen, one)
        if ratio > most
    ]


def _judged(seen: Sequence[Timing], one: Timing) -> Iterator[tuple[str, float, str, float]]:
    """Each promise that the measurement is about: which run, its ratio, to what, and the most that it may be."""
    floor = _floor(seen, one)
    if floor and one.peers == JUDGED_PEERS:
        yield "first", one.first / floor.first, "the floor", BARS[one.host]
        yield "unchanged", one.again / floor.again, "the floor", BARS[one.host]
    if one.peers == MOST_PEERS:
        fewest = min((other for other in seen if (other.way, other.host) == (OURS, one.host)), key=_peers)
        yield "first", one.first / fewest.first, f"that for {fewest.peers}", GROWTH
        (ping,) = (other for other in seen if (other.way, other.peers) == (PING, one.peers))
        yield "unchanged", one.again / ping.again, "a ping", UNCHANGED


def _peers(one: Timing) -> int:
    return one.peers


def markdown(seen: Sequence[Timing]) -> str:
    """Return the documentation of the measurements."""
    return _SECTION.format(table=table(seen))


def packet_table(seen: Sequence[Cost]) -> str:
    headings = ("system", "sources", "connections", "without", "share", "round trip", "without", "times")
    rows = [
        (
            cost.system,
            str(cost.sources),
            f"{cost.rate:.0f}",
            f"{cost.bare_rate:.0f}",
            f"{cost.share:.2f}",
            f"{cost.trip:.1f}",
            f"{cost.bare_trip:.1f}",
            f"{cost.longer:.2f}",
        )
        for cost in seen
    ]
    return aligned([headings, *rows])


def packet_failures(seen: Sequence[Cost]) -> list[str]:
    """Return a line for each system whose rules cost a packet too much."""
    return [
        f"packets, {cost.system}, {cost.sources} sources: a share of {cost.share:.2f}, {cost.longer:.2f} times the round trip"
        for cost in seen
        if cost.system != TEMPLATE and (cost.share < SHARE or cost.longer > LONGER)
    ]


def packet_markdown(seen: Sequence[Cost]) -> str:
    """Return the documentation of the measurements."""
    return _PACKETS.format(table=packet_table(seen))
