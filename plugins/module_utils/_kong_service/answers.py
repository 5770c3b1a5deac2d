# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Checks whether listeners answer requests. nginx accepts connections before its workers can answer."""

from __future__ import annotations

import socket
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.sockets import Listener

# nginx answers this request on a TLS port too, with status 400, before it looks for a route or requires a certificate.
_REQUEST = b"GET / HTTP/1.0\r\n\r\n"
_SECONDS = 3
_SELF = {"0.0.0.0": "127.0.0.1", "*": "127.0.0.1", "::": "::1"}


def find_silent(listeners: Iterable[Listener]) -> list[Listener]:
    """Return the listeners, all of them http or https over tcp, that do not answer a request from this host."""
    asked = list(listeners)
    with ThreadPoolExecutor(max_workers=max(len(asked), 1)) as threads:
        answers = list(threads.map(_answers, asked))
    return [listener for listener, answered in zip(asked, answers) if not answered]


def _answers(listener: Listener) -> bool:
    address = _SELF.get(listener.address, listener.address).strip("[]")
    with suppress(OSError), socket.create_connection((address, listener.port), timeout=_SECONDS) as connection:
        connection.sendall(_REQUEST)
        return bool(connection.recv(1))
    return False
