# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The ping of HashiCorp memberlist, the gossip protocol inside Serf: renders a ping and parses its ack.

Source of every number and layout: net.go and util.go of hashicorp/memberlist, the versions of 2014 (type 0 to 10) and of
2024 (types appended, none changed). A message is a type byte and a msgpack map. A node answers a ping whose Node is empty,
or its own name, with an ack that has the same SeqNo.
"""

from __future__ import annotations

import struct
from zlib import crc32

PING, ACK, COMPOUND, COMPRESSED, CHECKED = 0, 2, 7, 9, 12

# The limit of a UDP datagram. A sender keeps an ack, with the gossip after it, under 1,400 bytes.
LARGEST_MESSAGE = 65535

_INTEGERS = {0xCC: ">B", 0xCD: ">H", 0xCE: ">I", 0xCF: ">Q", 0xD0: ">b", 0xD1: ">h", 0xD2: ">i", 0xD3: ">q"}
_LENGTHS = {0xC4: ">B", 0xC5: ">H", 0xC6: ">I", 0xD9: ">B", 0xDA: ">H", 0xDB: ">I"}


class MessageError(ValueError):
    """The bytes are not a message that memberlist sends."""


class _Reader:
    """A sequential reader of msgpack: integers, byte strings, nil and maps, which are the types that memberlist uses."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._position = 0

    def take(self, size: int) -> bytes:
        taken = self._data[self._position : self._position + size]
        if len(taken) < size:
            raise MessageError(f"the message ends early; missing bytes: {size - len(taken)}")
        self._position += size
        return taken

    def read_number(self, layout: str) -> int:
        value: int = struct.unpack(layout, self.take(struct.calcsize(layout)))[0]
        return value

    def read_value(self) -> int | bytes | None:
        first = self.read_number(">B")
        if first <= 0x7F:
            return first
        if 0xA0 <= first <= 0xBF:
            return self.take(first - 0xA0)
        if first in _INTEGERS:
            return self.read_number(_INTEGERS[first])
        if first in _LENGTHS:
            return self.take(self.read_number(_LENGTHS[first]))
        if first == 0xC0:
            return None
        raise MessageError(f"unexpected msgpack type {first:#04x}")

    def read_mapping(self) -> dict[int | bytes | None, int | bytes | None]:
        first = self.read_number(">B")
        if not 0x80 <= first <= 0x8F:
            raise MessageError(f"unexpected msgpack type {first:#04x} in place of a map")
        return {self.read_value(): self.read_value() for _entry in range(first - 0x80)}


def make_ping(sequence: int) -> bytes:
    """Return the datagram of a ping with this SeqNo (0 to 2**32 - 1) and without the name of a node."""
    return b"\x00\x82\xa5SeqNo\xce" + struct.pack(">I", sequence) + b"\xa4Node\xa0"


def make_marked_ping(mark: int) -> bytes:
    """Return the datagram of a ping with a unique SeqNo (0 to 2**64 - 1). Only a placeholder listener answers it."""
    return b"\x00\x82\xa5SeqNo\xcf" + struct.pack(">Q", mark) + b"\xa4Node\xa0"


def read_acks(packet: bytes) -> list[int]:
    """Return the SeqNo of every ack in a datagram; none if it has only other messages.

    A sender adds the layers in a fixed order: compound, compression, checksum. They are removed in the opposite order.
    Raises MessageError for a datagram that is no message of memberlist.
    """
    plain = _decompress(_remove_checksum(packet))
    return [_read_sequence(message) for message in _split(plain) if message[:1] == bytes([ACK])]


def _read_sequence(message: bytes) -> int:
    sequence = _Reader(message[1:]).read_mapping().get(b"SeqNo")
    if not isinstance(sequence, int):
        raise MessageError("an ack without SeqNo")
    return sequence


def _remove_checksum(packet: bytes) -> bytes:
    if packet[:1] != bytes([CHECKED]):
        return packet
    reader = _Reader(packet[1:])
    if reader.read_number(">I") != crc32(packet[5:]):
        raise MessageError("the checksum does not match")
    return packet[5:]


def _decompress(packet: bytes) -> bytes:
    if packet[:1] != bytes([COMPRESSED]):
        return packet
    fields = _Reader(packet[1:]).read_mapping()
    data = fields.get(b"Buf")
    if fields.get(b"Algo") != 0 or not isinstance(data, bytes):
        raise MessageError("compressed with an unknown algorithm")
    return _decompress_lzw(data)


def _split(packet: bytes) -> list[bytes]:
    if not packet:
        raise MessageError("an empty message")
    if packet[0] > CHECKED:
        raise MessageError(f"unknown message type {packet[0]}")
    if packet[0] != COMPOUND:
        return [packet]
    reader = _Reader(packet[1:])
    sizes = [reader.read_number(">H") for _part in range(reader.read_number(">B"))]
    return [reader.take(size) for size in sizes]


class _Codes:
    """A reader of codes with a varying number of bits, least significant bit first."""

    def __init__(self, data: bytes) -> None:
        self._data = iter(data)
        self._bits = self._held = 0

    def take(self, width: int) -> int:
        while self._held < width:
            byte = next(self._data, None)
            if byte is None:
                raise MessageError("compressed data without an end")
            self._bits |= byte << self._held
            self._held += 8
        code = self._bits & ((1 << width) - 1)
        self._bits >>= width
        self._held -= width
        return code


def _decompress_lzw(data: bytes) -> bytes:
    """Decompress data from Go's compress/lzw with memberlist's options: least significant bit first, 8-bit literals.

    It is the LZW of GIF.
    """
    clear, end = 256, 257
    codes, output, previous = _Codes(data), bytearray(), b""
    fresh = [bytes([value]) for value in range(256)] + [b"", b""]
    table = list(fresh)
    while True:
        code = codes.take(len(table).bit_length())
        if code == end:
            return bytes(output)
        if code == clear:
            table, previous = list(fresh), b""
            continue
        # A code that is not in the table yet means the previous string followed by its own first byte.
        entry = table[code] if code < len(table) else previous + previous[:1]
        if code > len(table) or not entry or len(output) + len(entry) > LARGEST_MESSAGE:
            raise MessageError("damaged compressed data")
        output += entry
        if previous:
            table.append(previous + entry[:1])
        previous = entry
