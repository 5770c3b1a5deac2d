# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Opens new TCP connections at a steady rate, and counts the successful ones: traffic.py RATE PATIENCE ADDRESS:PORT...

Each target gets RATE connections a second, until standard input ends; each attempt ends after PATIENCE seconds. Prints a
line of JSON with the numbers of attempts and of opened connections of each target. `again` are the connections whose first
packet had no answer. The kernel counts them, so they are correct even if this program is late on a busy machine. `after` has
the same numbers of the attempts that began after a line on standard input.
"""

from __future__ import annotations

import asyncio
import json
import socket
import struct
import sys
import time
from collections import Counter
from contextlib import suppress

# tcpi_total_retrans of struct tcp_info, which counts SYNs too (linux/tcp.h)
RETRANSMITTED = struct.Struct("=100xI")


Counts = dict[str, Counter[str]]


def make_counts() -> Counts:
    return {name: Counter() for name in ("tried", "opened", "again")}


async def connect(target: str, patience: float, counts: tuple[Counts, ...]) -> None:
    address, _colon, port = target.rpartition(":")
    with suppress(OSError, asyncio.TimeoutError):
        _reader, writer = await asyncio.wait_for(asyncio.open_connection(address, int(port)), patience)
        sock = writer.get_extra_info("socket")
        information = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, RETRANSMITTED.size)
        for counted in counts:
            counted["opened"][target] += 1
            counted["again"][target] += RETRANSMITTED.unpack(information)[0] > 0
        writer.transport.abort()


async def read_input(marked: asyncio.Event) -> None:
    """Set the event after a line, and return at the end of standard input."""
    await asyncio.to_thread(sys.stdin.readline)
    marked.set()
    await asyncio.to_thread(sys.stdin.read)


async def main(rate: int, patience: float, targets: list[str]) -> None:
    every, after = make_counts(), make_counts()
    running: set[asyncio.Task[None]] = set()
    marked = asyncio.Event()
    told_to_end = asyncio.create_task(read_input(marked))
    begin = time.monotonic()
    while not told_to_end.done():
        counts = (every, after) if marked.is_set() else (every,)
        for target in targets:
            task = asyncio.create_task(connect(target, patience, counts))
            running.add(task)
            task.add_done_callback(running.discard)
            for counted in counts:
                counted["tried"][target] += 1
        late = begin + sum(every["tried"].values()) / rate / len(targets) - time.monotonic()
        await asyncio.sleep(max(late, 0))
    await asyncio.gather(*running)
    print(json.dumps({**every, "after": after}))


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), float(sys.argv[2]), sys.argv[3:]))
