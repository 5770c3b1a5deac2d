# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sockets for the flag `transparent`, which Kong adds to nginx with a patch and which Debian's nginx does not have.

This process opens them and nginx inherits them (ngx_set_inherited_sockets in src/core/nginx.c reads the variable NGINX). So
nginx sees the original destination of each connection, like Kong's nginx. Needs CAP_NET_RAW or CAP_NET_ADMIN.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable

from _config import Listener

FLAG = "transparent"
_OPTION = {
    socket.AF_INET: (socket.IPPROTO_IP, 19),
    socket.AF_INET6: (socket.IPPROTO_IPV6, 75),
}  # linux/in.h, linux/in6.h
_BACKLOG = 511  # nginx's default


def open_sockets(listeners: Iterable[Listener]) -> list[socket.socket]:
    return [_open(listener.address) for listener in listeners if FLAG in listener.flags]


def _open(address: str) -> socket.socket:
    host, _colon, port = address.rpartition(":")
    family = socket.AF_INET6 if host.startswith("[") else socket.AF_INET
    opened = socket.socket(family, socket.SOCK_STREAM)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    opened.setsockopt(*_OPTION[family], 1)
    if family == socket.AF_INET6:
        opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    opened.bind((host.strip("[]"), int(port)))
    opened.listen(_BACKLOG)
    return opened
