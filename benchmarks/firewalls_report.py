# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The report about the run times of the ways, and about the cost of rules for a packet."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from firewalls import Timing
from packets import COUNTED, TEMPLATE, Cost
from ways import LARGE_NAME, LARGE_SOURCES

OURS = "kong_firewall"
# The bars at this number of peers: the ratio to a single file and its load, by the host's system.
JUDGED_PEERS = 200
BARS = {"nftables": 1.3, "iptables": 1.3, "firewalld": 1.6, "ufw": 1.6}
# And at this number: the ratio of a first run to that with the fewest peers, and of an unchanged run to a ping.
MOST_PEERS = 500
GROWTH, UNCHANGED = 1.3, 1.5
LARGE_SECONDS = 15
# The least share of connections and the longest round trip of a packet with our rules, compared with no rules at all.
SHARE, LONGER = 0.8, 1.25
# The least share of connections if their packets are counted, compared with the same staged rules without a counted packet.
COUNTED_SHARE = 0.97
_FLOORS = {"nftables": "copy, nft -f", "iptables": "copy, iptables-restore"}

_HEADINGS = ("peers", "host", "way", "first", "again", "tasks first", "tasks again", "floor x", "again x", "ping x")
_SECTION = """\
## The firewall

A node has 2 proxy ports for any source, an Admin API for 10 hosts, and gossip over tcp and udp with the given number of
peers. The table shows the seconds of whole runs of `ansible-playbook` and the seconds of their tasks, for a first run
and for an unchanged run. The times are medians, except for looped modules, which are measured once. Ratios are medians of
the ratios within a round of all ways. A round has the fastest of three unchanged runs of each way. The floor is a run that
copies a single file and loads it: `nft -f`, or `iptables-restore` on the host with iptables. "floor x" is the ratio of a
first run to the floor, "again x" the ratio of an unchanged run. The floor checks only its file: it does not find changes in
the kernel, and it does not roll back a change that locks the controller out. "ping x" is the ratio of an unchanged run to a run
that only pings the same host, just before it, the median of three pairs in a round.

The benchmark fails unless

- for 200 peers both runs take at most 1.3 times the floor with nftables and iptables, and 1.6 times with firewalld and ufw,
- for 500 peers a first run takes at most 1.3 times as long as for the fewest peers, and an unchanged run at most 1.5 times
  as long as a run that only pings the same host,
- a first run with 5,000 sources that are allowed at 6 ports takes at most 15 seconds on every host. The last rows of the
  table are these runs.

Most of the additional time of an unchanged run is spent on the host: its Python compiles the code of the module.

```text
{table}
```
"""
_PACKETS = """\
## The cost of the rules for a packet

Measured between network namespaces. The client is the last of the given number of sources of a port. The table shows
sequential connections a second, and the round trip of a datagram in microseconds, each with rules and without rules. All
values are medians. The client connects to both servers in turns of 0.1 seconds. "share" and "times" are medians of the ratios
of neighbouring turns. The row `copy, nft -f` is the file that an administrator writes for the same ports. The rows
`staged, counted` show the cost of counting alone: both servers have staged rules, and "without" is the server that does not
count the client, because it is a source.

The benchmark fails unless our rules leave a share of at least 0.8, counting leaves 0.97, and a round trip takes at most 1.25 times
as long.

```text
{table}
```
"""


def format_table(measured: Sequence[Timing]) -> str:
    rows = [_HEADINGS, *(_format_row(timing, _find_floor(measured, timing)) for timing in measured)]
    return align(rows)


def align(rows: Sequence[tuple[str, ...]]) -> str:
    """Return rows of cells as text in columns."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def _format_row(timing: Timing, floor: Timing | None) -> tuple[str, ...]:
    times = (timing.compute_seconds(column) for column in ("first", "again", "first_tasks", "again_tasks"))
    ratios = (_to_floor(timing, floor, column) for column in ("first", "again"))
    to_ping = f"{timing.compute_seconds('to_ping'):.2f}"
    return (str(timing.peers), timing.host, timing.way, *(f"{seconds:.2f}" for seconds in times), *ratios, to_ping)


def _to_floor(timing: Timing, floor: Timing | None, column: str) -> str:
    """Return the ratio to the floor as text. A loop runs once, so it is compared with the median of the floor."""
    if floor is None:
        return ""
    comparable = len(timing.rounds) == len(floor.rounds)
    ratio = (
        timing.compute_ratio(floor, column)
        if comparable
        else timing.compute_seconds(column) / floor.compute_seconds(column)
    )
    return f"{ratio:.2f}"


def _find_floor(measured: Iterable[Timing], of: Timing) -> Timing | None:
    way = _FLOORS.get(of.host, _FLOORS["iptables" if of.host == "ufw" else "nftables"])
    return next((timing for timing in measured if (timing.way, timing.peers) == (way, of.peers)), None)


def list_failures(measured: Sequence[Timing]) -> list[str]:
    """Return a line for each bar that is missed."""
    slow = [
        f"{timing.host}, {LARGE_SOURCES} sources at 6 ports: the first run takes {timing.compute_seconds('first'):.1f} s, more than {LARGE_SECONDS} s"
        for timing in measured
        if timing.way == LARGE_NAME and timing.compute_seconds("first") > LARGE_SECONDS
    ]
    return slow + [
        f"{timing.host}, {timing.peers} peers: the {kind} run takes {ratio:.2f} times {than}, more than {most}"
        for timing in measured
        if timing.way == OURS
        for kind, ratio, than, most in _list_ratios(measured, timing)
        if ratio > most
    ]


def _list_ratios(measured: Sequence[Timing], timing: Timing) -> Iterator[tuple[str, float, str, float]]:
    """Yield each ratio that has a bar: the run, the ratio, its base, and the bar."""
    floor = _find_floor(measured, timing)
    if floor and timing.peers == JUDGED_PEERS:
        yield "first", timing.compute_ratio(floor, "first"), "the floor", BARS[timing.host]
        yield "unchanged", timing.compute_ratio(floor, "again"), "the floor", BARS[timing.host]
    if timing.peers == MOST_PEERS:
        fewest = min((other for other in measured if (other.way, other.host) == (OURS, timing.host)), key=_count_peers)
        yield "first", timing.compute_ratio(fewest, "first"), f"that for {fewest.peers}", GROWTH
        yield "unchanged", timing.compute_seconds("to_ping"), "a ping", UNCHANGED


def _count_peers(timing: Timing) -> int:
    return timing.peers


def render_markdown(measured: Sequence[Timing]) -> str:
    """Return the documentation of the measurements."""
    return _SECTION.format(table=format_table(measured))


def format_packet_table(measured: Sequence[Cost]) -> str:
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
        for cost in measured
    ]
    return align([headings, *rows])


def list_packet_failures(measured: Sequence[Cost]) -> list[str]:
    """Return a line for each system whose rules slow packets down too much."""
    return [
        f"packets, {cost.system}, {cost.sources} sources: a share of {cost.share:.2f}, {cost.longer:.2f} times the round trip"
        for cost in measured
        if cost.system != TEMPLATE
        and (cost.share < (COUNTED_SHARE if cost.system == COUNTED else SHARE) or cost.longer > LONGER)
    ]


def render_packet_markdown(measured: Sequence[Cost]) -> str:
    """Return the documentation of the measurements."""
    return _PACKETS.format(table=format_packet_table(measured))
