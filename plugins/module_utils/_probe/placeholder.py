# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Starts and ends the placeholder process, which listens in place of Kong. A host runs at most one of them."""

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

from ansible_collections.gatehouse.kong.plugins.module_utils._host.foreign_python import make_script
from ansible_collections.gatehouse.kong.plugins.module_utils._probe import placeholder_session as _placeholder_session

CONTROL = Path("/run/gatehouse_kong_placeholder.sock")
_PATIENCE = 10
_START_SECONDS = 30
_WILDCARD = {"*": "0.0.0.0"}
# The place in the order in which addresses are bound; all other addresses are last. A socket at [::] may accept IPv4 too.
_ORDER = {"::": 0, "0.0.0.0": 1}


class PlaceholderError(Exception):
    """The placeholder process did not start or does not end."""


def list_wanted(listeners: Iterable[Mapping[str, t.Any]]) -> list[dict[str, t.Any]]:
    """Return an entry for each listener and protocol of a plan; listeners with a host name are omitted.

    Wildcards are first: after an address is bound, the wildcard of its port cannot be bound.
    """
    entries = [
        {
            "name": listener["name"],
            "protocol": protocol,
            "port": listener["port"],
            "address": address,
            "only_ipv6": "ipv6only=off" not in (listener.get("flags") or ()),
        }
        for listener in listeners
        for address in [_WILDCARD.get(listener["address"], listener["address"]).strip("[]")]
        if _is_address(address)
        for protocol in listener["protocols"]
    ]
    return sorted(entries, key=lambda entry: _ORDER.get(entry["address"], len(_ORDER)))


def start(
    listeners: Iterable[Mapping[str, t.Any]], seconds: int, control: Path = CONTROL, *, listen: bool = True
) -> dict[str, t.Any]:
    """Start a process that observes datagrams for the udp listeners and, with `listen`, opens the free ports.

    Returns the placeholder listeners, the listeners that could not be opened with the reasons, and by address family the
    reason why the process cannot observe. Raises PlaceholderError.
    """
    stop(control)
    request = {"listeners": list_wanted(listeners), "seconds": seconds, "control": str(control), "listen": listen}
    process = subprocess.Popen(
        [sys.executable, "-c", make_script(_placeholder_session, request)],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True, cwd="/",
    )  # fmt: skip
    with t.cast("t.IO[bytes]", process.stdout) as printed:
        if not select.select([printed], [], [], _START_SECONDS)[0]:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise PlaceholderError(f"the placeholder process for Kong did not start within {_START_SECONDS} seconds")
        line = printed.readline()
    if not line:
        raise PlaceholderError(f"the placeholder process for Kong ended with status {process.wait()}")
    result: dict[str, t.Any] = json.loads(line)
    # The process keeps running. A return code prevents Python's warning about it.
    process.returncode = 0
    return result


def stop(control: Path = CONTROL) -> dict[str, t.Any] | None:
    """End the process, wait for its end, and return its observations; None if no process runs. Raises PlaceholderError."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.settimeout(_PATIENCE)
        try:
            sock.connect(str(control))
            with sock.makefile("rb") as output:
                # The process closes the connection when it ends.
                text = output.read()
        except (FileNotFoundError, ConnectionRefusedError, ConnectionResetError):
            # The process was killed or ended by its alarm, and did not remove its socket.
            with suppress(FileNotFoundError):
                control.unlink()
            return None
        except OSError as error:
            raise PlaceholderError(f"the placeholder process for Kong does not end ({control}): {error}") from error
    result: dict[str, t.Any] | None = json.loads(text) if text else None
    return result


def _is_address(text: str) -> bool:
    with suppress(ValueError):
        return bool(ip_address(text))
    return False
