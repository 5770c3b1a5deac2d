# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Opens new TCP connections at a steady rate, and counts the successful ones: traffic.py RATE PATIENCE ADDRESS:PORT...

Each target gets RATE connections a second, until standard input ends; each attempt ends after PATIENCE seconds. Prints a
line of JSON with the numbers of attempts and of opened connections of each target. `again` are the connections whose first
packet had no answer. The kernel counts them, so they are correct even if this program is late on a busy machine.
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


async def connect(address: str, port: int, patience: float, opened: Counter[str], again: Counter[str]) -> None:
    with suppress(OSError, asyncio.TimeoutError):
        _reader, writer = await asyncio.wait_for(asyncio.open_connection(address, port), patience)
        sock = writer.get_extra_info("socket")
        opened[f"{address}:{port}"] += 1
        information = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, RETRANSMITTED.size)
        again[f"{address}:{port}"] += RETRANSMITTED.unpack(information)[0] > 0
        writer.transport.abort()


async def main(rate: int, patience: float, targets: list[str]) -> None:
    tried: Counter[str] = Counter()
    opened: Counter[str] = Counter()
    again: Counter[str] = Counter()
    running: set[asyncio.Task[None]] = set()
    told_to_end = asyncio.create_task(asyncio.to_thread(sys.stdin.read))
    begin = time.monotonic()
    while not told_to_end.done():
        for target in targets:
            address, _colon, port = target.rpartition(":")
            task = asyncio.create_task(connect(address, int(port), patience, opened, again))
            running.add(task)
            task.add_done_callback(running.discard)
            tried[target] += 1
        late = begin + sum(tried.values()) / rate / len(targets) - time.monotonic()
        await asyncio.sleep(max(late, 0))
    await asyncio.gather(*running)
    print(json.dumps({"tried": tried, "opened": opened, "again": again}))


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), float(sys.argv[2]), sys.argv[3:]))
