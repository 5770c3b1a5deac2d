# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Opens new TCP connections at a steady rate, and tells which got through: traffic.py RATE ADDRESS:PORT...

Each target gets RATE connections a second, until standard input ends. Prints one line of JSON: how many were tried, and how many got through, by
target. A connection whose first packet is dropped does not get through, as nobody waits for a second one.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import Counter
from contextlib import suppress

PATIENCE = 0.9  # seconds; the kernel sends a second SYN after one


async def connect(address: str, port: int, opened: Counter[str]) -> None:
    with suppress(OSError, asyncio.TimeoutError):
        _reader, writer = await asyncio.wait_for(asyncio.open_connection(address, port), PATIENCE)
        opened[f"{address}:{port}"] += 1
        writer.transport.abort()


async def main(rate: int, targets: list[str]) -> None:
    tried: Counter[str] = Counter()
    opened: Counter[str] = Counter()
    running: set[asyncio.Task[None]] = set()
    told_to_end = asyncio.create_task(asyncio.to_thread(sys.stdin.read))
    begin = time.monotonic()
    while not told_to_end.done():
        for target in targets:
            address, _colon, port = target.rpartition(":")
            task = asyncio.create_task(connect(address, int(port), opened))
            running.add(task)
            task.add_done_callback(running.discard)
            tried[target] += 1
        late = begin + sum(tried.values()) / rate / len(targets) - time.monotonic()
        await asyncio.sleep(max(late, 0))
    await asyncio.gather(*running)
    print(json.dumps({"tried": tried, "opened": opened}))


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), sys.argv[2:]))
