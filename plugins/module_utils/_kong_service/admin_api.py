# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Answers of Kong's Admin API on its own host: the running version, and the data planes of a control plane.

The answer to `GET /` has the version since 0.6. It may also have passwords (0.9.0), so only the version leaves this module.
`GET /clustering/data-planes` exists since 2.2 (2.2.0:kong/api/routes/clustering.lua). Kong keeps a data plane in it for 14 days.
"""

from __future__ import annotations

import json
import re
import typing as t
from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException

from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.sockets import ANY4, ANY6, Socket

_SECONDS = 3.0
_MOST_BYTES = 16 << 20
_MOST_PAGES = 20
_LOOPBACK = {ANY4: "127.0.0.1", ANY6: "::1"}
# Kong Enterprise has a fourth number.
_VERSION = re.compile(r"\d+\.\d+\.\d+(?:\.\d+)?(?:-enterprise-edition)?")


@dataclass(frozen=True)
class DataPlane:
    """A data plane as its control plane knows it: its id, the name of its host, and the source address of its connection."""

    id: str
    hostname: str
    ip: str


@dataclass(frozen=True)
class AdminAnswer:
    """The running version, and the data planes of a control plane. Both are empty if the Admin API does not answer."""

    version: str = ""
    data_planes: t.Tuple[DataPlane, ...] = ()


def ask_admin_api(sockets: Iterable[Socket], ports: Collection[int]) -> AdminAnswer:
    """Return the answer of the first of these ports that answers over HTTP and without a password. `sockets` are Kong's own."""
    for sock in sockets:
        if sock.protocol == "tcp" and sock.port in ports:
            address = _LOOPBACK.get(sock.address, sock.address)
            found = _VERSION.match(str(_get(address, sock.port, "/").get("version", "")))
            if found:
                return AdminAnswer(found[0], tuple(_list_data_planes(address, sock.port)))
    return AdminAnswer()


def _list_data_planes(address: str, port: int) -> Iterator[DataPlane]:
    path: t.Any = "/clustering/data-planes?size=1000"
    for _page in range(_MOST_PAGES):
        page = _get(address, port, path)
        # An empty list of Lua is an object in JSON.
        entries = page.get("data")
        for entry in entries if isinstance(entries, list) else ():
            with suppress(KeyError, TypeError):
                yield DataPlane(*(str(entry[name]) for name in ("id", "hostname", "ip")))
        path = page.get("next")
        if not isinstance(path, str):
            return


def _get(address: str, port: int, path: str) -> dict[str, t.Any]:
    """Return the JSON object of a page, empty if there is none: another program, TLS, or a password."""
    connection = HTTPConnection(address, port, timeout=_SECONDS)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        text = answer.read(_MOST_BYTES) if answer.status == 200 else b""
        page = json.loads(text)
    except (OSError, HTTPException, ValueError):
        return {}
    finally:
        connection.close()
    return page if isinstance(page, dict) else {}
