# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Frames with the first packet of a connection."""

from __future__ import annotations

import socket
import struct
from typing import NamedTuple

FROM, TO = bytes.fromhex("020000000102"), bytes.fromhex("020000000101")  # friend and node, see conftest.py
ETHER_TYPE = {"ipv4": 0x0800, "ipv6": 0x86DD}
AF = {"ipv4": socket.AF_INET, "ipv6": socket.AF_INET6}
NUMBER = {"tcp": 6, "udp": 17}
SYN = 2
SOURCE_PORT = 40000


class Sent(NamedTuple):
    """The first packet of a connection."""

    family: str
    protocol: str
    source: str
    address: str
    port: int


def build_frame(sent):
    source, address = (socket.inet_pton(AF[sent.family], text) for text in (sent.source, sent.address))
    if sent.protocol == "tcp":
        segment = struct.pack("!HHIIBBHHH", SOURCE_PORT, sent.port, 1, 0, 5 << 4, SYN, 64240, 0, 0)
    else:
        segment = struct.pack("!HHHH", SOURCE_PORT, sent.port, 13, 0) + b"hello"
    at = 16 if sent.protocol == "tcp" else 6
    pseudo = source + address + struct.pack("!II", len(segment), NUMBER[sent.protocol])
    segment = segment[:at] + compute_checksum(pseudo + segment) + segment[at + 2 :]
    number, length = NUMBER[sent.protocol], len(segment)
    if sent.family == "ipv4":
        header = struct.pack("!BBHHHBBH", 0x45, 0, 20 + length, 0, 0, 64, number, 0) + source + address
        header = header[:10] + compute_checksum(header) + header[12:]
    else:
        header = struct.pack("!IHBB", 6 << 28, length, number, 64) + source + address
    return TO + FROM + struct.pack("!H", ETHER_TYPE[sent.family]) + header + segment


def compute_checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return struct.pack("!H", ~total & 0xFFFF)
