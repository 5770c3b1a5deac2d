# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Starts and ends the process that listens in Kong's place, one on a host."""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import sys
import typing as t
from collections.abc import Iterable, Mapping
from contextlib import suppress
from ipaddress import ip_address
from pathlib import Path

from ansible_collections.gatehouse.kong.plugins.module_utils._host.foreign_python import script_of
from ansible_collections.gatehouse.kong.plugins.module_utils._probe import placeholder_session as _placeholder_session

CONTROL = Path("/run/gatehouse_kong_placeholder.sock")
_PATIENCE = 10
_START_SECONDS = 30
_WILDCARD = {"*": "0.0.0.0"}


class PlaceholderError(Exception):
    """The process did not start or does not end."""


def wanted(listeners: Iterable[Mapping[str, t.Any]]) -> list[dict[str, t.Any]]:
    """One entry for each listener and protocol of a plan that has an address and not a name."""
    return [
        {
            "name": one["name"],
            "protocol": protocol,
            "port": one["port"],
            "address": address,
            "only_ipv6": "ipv6only=off" not in (one.get("flags") or ()),
        }
        for one in listeners
        for address in [_WILDCARD.get(one["address"], one["address"]).strip("[]")]
        if _is_address(address)
        for protocol in one["protocols"]
    ]


def start(
    listeners: Iterable[Mapping[str, t.Any]], seconds: int, control: Path = CONTROL, *, listen: bool = True
) -> dict[str, t.Any]:
    """Have a process watch the udp listeners, and stand in wherever nobody listens if it is to `listen`.

    What it could bind, and what not and why; by family why it does not see. Raises PlaceholderError.
    """
    stop(control)
    request = {"listeners": wanted(listeners), "seconds": seconds, "control": str(control), "listen": listen}
    process = subprocess.Popen(
        [sys.executable, "-c", script_of(_placeholder_session, request)],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True, cwd="/",
    )  # fmt: skip
    with t.cast("t.IO[bytes]", process.stdout) as printed:
        if not select.select([printed], [], [], _START_SECONDS)[0]:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise PlaceholderError(
                f"the process that is to listen in Kong's place did not start within {_START_SECONDS} seconds"
            )
        told = printed.readline()
    if not told:
        raise PlaceholderError(f"the process that is to listen in Kong's place ended with status {process.wait()}")
    result: dict[str, t.Any] = json.loads(told)
    # It goes on by itself, so nobody waits for its end.
    process.returncode = 0
    return result


def stop(control: Path = CONTROL) -> dict[str, t.Any] | None:
    """End the process and wait until it is gone; what it saw, None where there was none. Raises PlaceholderError."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.settimeout(_PATIENCE)
        try:
            sock.connect(str(control))
            with sock.makefile("rb") as told:
                # To the end of what it says, which is its own.
                text = told.read()
        except (FileNotFoundError, ConnectionRefusedError, ConnectionResetError):
            # Its alarm or somebody else ended it, and left the name behind.
            with suppress(FileNotFoundError):
                control.unlink()
            return None
        except OSError as error:
            raise PlaceholderError(
                f"the process that listens in Kong's place does not end ({control}): {error}"
            ) from error
    result: dict[str, t.Any] | None = json.loads(text) if text else None
    return result


def _is_address(text: str) -> bool:
    with suppress(ValueError):
        return bool(ip_address(text))
    return False
