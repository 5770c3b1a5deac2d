# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The routes of this host to IPv4 addresses, over netlink (linux/rtnetlink.h)."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterable
from contextlib import closing, suppress

from ansible_collections.gatehouse.kong.plugins.module_utils._host import netlink

_GET_ROUTE = 26
_MESSAGE = struct.Struct("=BBBBBBBBI")  # struct rtmsg: family, length of the destination, six others, flags
_ATTRIBUTE = struct.Struct("=HH")  # length, type
_DESTINATION, _INTERFACE = 1, 4
_BITS = 32


def find_route_interfaces(addresses: Iterable[str]) -> dict[str, str]:
    """Return the interface through which packets to each address leave. Addresses without a route are left out.

    An address of the host itself has the interface lo. An error of the kernel raises OSError.
    """
    found = {}
    with closing(netlink.connect(netlink.ROUTE)) as link:
        for address in addresses:
            packed = socket.inet_aton(address)
            body = _MESSAGE.pack(socket.AF_INET, _BITS, 0, 0, 0, 0, 0, 0, 0)
            body += _ATTRIBUTE.pack(_ATTRIBUTE.size + len(packed), _DESTINATION) + packed
            with suppress(OSError):  # no route
                for message in netlink.query(link, _GET_ROUTE, body):
                    index = dict(netlink.parse_attributes(message[_MESSAGE.size :])).get(_INTERFACE)
                    if index:
                        found[address] = socket.if_indextoname(struct.unpack("=I", index)[0])
    return found
