# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether what listens also answers: nginx takes connections as soon as its master has the sockets."""

from __future__ import annotations

import socket
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.sockets import Listener

# nginx answers it on a TLS port as well, with status 400, and before any route or certificate is asked for.
_REQUEST = b"GET / HTTP/1.0\r\n\r\n"
_SECONDS = 3
_SELF = {"0.0.0.0": "127.0.0.1", "*": "127.0.0.1", "::": "::1"}


def silent(listeners: Iterable[Listener]) -> list[Listener]:
    """Those of the listeners, all of them http or https over tcp, that answer nothing when this host asks them."""
    asked = list(listeners)
    with ThreadPoolExecutor(max_workers=max(len(asked), 1)) as threads:
        answers = list(threads.map(_answers, asked))
    return [one for one, answered in zip(asked, answers) if not answered]


def _answers(listener: Listener) -> bool:
    address = _SELF.get(listener.address, listener.address).strip("[]")
    with suppress(OSError), socket.create_connection((address, listener.port), timeout=_SECONDS) as connection:
        connection.sendall(_REQUEST)
        return bool(connection.recv(1))
    return False
