# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Calls the proxy of each node repeatedly: caller.py RATE OLD_PORT NEW_PORT ADDRESS...

Makes RATE calls a second to each address until standard input ends: at the old port and, without an answer, at the new port.
Prints a line of JSON with the results of each address. `answered`: an HTTP response. `refused`: the host accepts the packets,
but no process listens. `silent`: the firewall drops the packets to both ports. `unsure`: no answer while this program itself had
to wait for the machine, which is no result.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import Counter

PATIENCE = 0.9  # seconds; the kernel sends a second SYN after a second
TICK = 0.05
LATE = 0.2  # seconds; with such a delay an answer may be late, too


async def ask(address: str, port: int) -> str:
    try:
        return await asyncio.wait_for(exchange(address, port), PATIENCE)
    except asyncio.TimeoutError:
        return "silent"
    except OSError:
        return "refused"


async def exchange(address: str, port: int) -> str:
    reader, writer = await asyncio.open_connection(address, port)
    try:
        writer.write(b"GET / HTTP/1.0\r\n\r\n")
        return "answered" if (await reader.read(12)).startswith(b"HTTP/1.1 200") else "refused"
    finally:
        writer.transport.abort()


class Clock:
    """The last time when this program had to wait for the machine."""

    def __init__(self) -> None:
        self.late = 0.0

    async def run(self) -> None:
        while True:
            begin = time.monotonic()
            await asyncio.sleep(TICK)
            if time.monotonic() - begin > TICK + LATE:
                self.late = time.monotonic()


async def call(address: str, ports: tuple[int, ...], counted: Counter[str], clock: Clock) -> None:
    """Call like a client that knows both ports; the listener may move between two attempts."""
    results, begin = [], time.monotonic()
    for port in (*ports, ports[0]):
        results.append(await ask(address, port))
        if results[-1] == "answered":
            break
    counted[min(results) if results[-1] == "answered" or clock.late < begin else "unsure"] += 1


async def main(rate: int, ports: tuple[int, int], addresses: list[str]) -> None:
    counted: dict[str, Counter[str]] = {address: Counter() for address in addresses}
    clock = Clock()
    ticking = asyncio.create_task(clock.run())
    running: set[asyncio.Task[None]] = set()
    told_to_end = asyncio.create_task(asyncio.to_thread(sys.stdin.read))
    begin, rounds = time.monotonic(), 0
    while not told_to_end.done():
        for address in addresses:
            task = asyncio.create_task(call(address, ports, counted[address], clock))
            running.add(task)
            task.add_done_callback(running.discard)
        rounds += 1
        await asyncio.sleep(max(begin + rounds / rate - time.monotonic(), 0))
    await asyncio.gather(*running)
    ticking.cancel()
    print(json.dumps(counted))


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), (int(sys.argv[2]), int(sys.argv[3])), sys.argv[4:]))
