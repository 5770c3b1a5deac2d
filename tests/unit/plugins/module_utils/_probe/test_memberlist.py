# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from struct import pack
from zlib import crc32

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._probe.memberlist import (
    MessageError,
    _decompress_lzw,
    make_ping,
    read_acks,
)

# Two acks of Serf 0.9.4 in Debian 12. SeqNo 0xfffffff4: an ack with its coordinate only. SeqNo 0xfffffff0: a compound with
# user events.
SERF_PLAIN = bytes.fromhex(
    "0982a4416c676f00a3427566da00660005083a05254c1e366fc290d10640500042aa82905153670e9d3665dcd05906a0a3c78ea58ac891f346"
    "ceb21ff83e763485a44c9a336836fa2087af16a27168e28db252660c268e2a3b020d3a5465d18f473d26151a9469d35253cac471f2c6d9bfab"
    "f40202"
)
SERF_COMPOUND = bytes.fromhex(
    "0982a4416c676f00a3427566da0128000f1000a009000f0099100a10740a4a983c6cde8421a30d80a00084540521a3a6ce1c3a6dcab8a1b30c"
    "80c993264b159123e78d9c653ff0a134690a49993467d090f4410e5f2d44e3d0c41b65a5cc184c25679a4caa94e94ca728a19e94ba546955ab"
    "a5a69489e3e48db37f60e11130446a231939a4140800206055123763c2c87113864e9a376e02906a52864e1851ff0091ea4aa68ca839314841"
    "7149a7d9070544e7b83115a0800001050a20184048d49021c34a31a19226a480c161428a2a23a3e1c388132be23953b70c9a371ecb80a04dc7"
    "36ee39ba79fbcebdbbf66de2c28f032fde5b7970e3bf9f378fce7cf8f2e4d4b123874e7c73e7cfa147972ea3d7496ac36562b88628912280d9"
    "dcafc7976e9dbef3eaf7b5cb9fbe9dfffefaf865375f80c40504"
)

ACK = b"\x02\x81\xa5SeqNo\x07"
PAYLOAD_ACK = b"\x02\x82\xa5SeqNo\xce\xff\xff\xff\xf0\xa7Payload\xda\x00\x03abc"
ALIVE = b"\x04\x82\xabIncarnation\x01\xa4Node\xa2a1"


def build_compound(*messages: bytes) -> bytes:
    return b"\x07" + bytes([len(messages)]) + b"".join(pack(">H", len(m)) for m in messages) + b"".join(messages)


def add_checksum(message: bytes) -> bytes:
    return b"\x0c" + pack(">I", crc32(message)) + message


def compress_lzw(data: bytes) -> bytes:
    """Compress with the LZW of GIF: codes of 9 to 12 bits, the lowest bit first, 256 clears, 257 ends."""
    fresh = {bytes([value]): value for value in range(256)}
    codes, table, width = [(256, 9)], dict(fresh), 9
    known = b""
    for value in data:
        longer = known + bytes([value])
        if longer in table:
            known = longer
            continue
        codes.append((table[known], width))
        if len(table) + 2 == 4095:
            codes.append((256, width))
            table, width = dict(fresh), 9
        else:
            table[longer] = len(table) + 2
            width = (len(table) + 1).bit_length()
        known = bytes([value])
    if known:
        codes.append((table[known], width))
        # This code adds a string to the table of the reader, which may increase the width of its next code.
        width = min(12, (len(table) + 2).bit_length())
    codes.append((257, width))
    digits = "".join(format(code, f"0{size}b")[::-1] for code, size in codes)
    return bytes(int(digits[start : start + 8][::-1], 2) for start in range(0, len(digits), 8))


def compress(message: bytes, algorithm: int = 0) -> bytes:
    data = compress_lzw(message)
    return b"\x09\x82\xa4Algo" + bytes([algorithm]) + b"\xa3Buf\xda" + pack(">H", len(data)) + data


def test_a_ping_is_a_message_of_memberlist_with_an_empty_node():
    assert make_ping(0xFFFFFFF0) == bytes.fromhex("0082a55365714e6fcefffffff0a44e6f6465a0")


@pytest.mark.parametrize(
    ("packet", "sequences"),
    [
        (ACK, [7]),
        (PAYLOAD_ACK, [0xFFFFFFF0]),
        (b"\x02\x81\xa5SeqNo\xcc\xff", [255]),
        (b"\x02\x81\xa5SeqNo\xcd\x01\x00", [256]),
        (b"\x02\x81\xa5SeqNo\xcf" + pack(">Q", 2**32 - 1), [2**32 - 1]),
        (b"\x02\x82\xa7Payload\xc0\xa5SeqNo\x07", [7]),
        (b"\x02\x82\xa7Payload\xc4\x02ab\xa5SeqNo\x07", [7]),
        (b"\x02\x82\xd9\x07Payload\xa0\xa5SeqNo\x07", [7]),
        (build_compound(PAYLOAD_ACK, ALIVE, ACK), [0xFFFFFFF0, 7]),
        (add_checksum(ACK), [7]),
        (add_checksum(compress(build_compound(ACK, ALIVE))), [7]),
        (compress(ACK), [7]),
        (SERF_PLAIN, [0xFFFFFFF4]),
        (SERF_COMPOUND, [0xFFFFFFF0]),
        (ALIVE, []),
        (build_compound(ALIVE), []),
        (make_ping(1), []),
    ],
)
def test_acks_are_found_in_every_layer(packet, sequences):
    assert read_acks(packet) == sequences


@pytest.mark.parametrize("size", [1, 2, 250, 255, 256, 257, 258, 3837, 3838, 3839, 3840, 20000])
@pytest.mark.parametrize("step", [0, 1, 7, 31])
def test_messages_of_every_length_are_decompressed(size, step):
    noise = bytes((i * step + i * i // 97 * step) % 256 for i in range(size))
    assert _decompress_lzw(compress_lzw(noise)) == noise


@pytest.mark.parametrize(
    ("packet", "reason"),
    [
        (b"", "empty"),
        (b"HTTP/1.1 400", "unknown message type 72"),
        (b"\xf4\x05label", "unknown message type 244"),
        (b"\x02", "ends early; missing bytes: 1"),
        (b"\x02\x81\xa5SeqNo", "ends early; missing bytes: 1"),
        (b"\x02\x81\xa5SeqNo\xce\x00", "ends early; missing bytes: 3"),
        (b"\x02\x81\xa4Node\xa0", "without SeqNo"),
        (b"\x02\x81\xa5SeqNo\xa17", "without SeqNo"),
        (b"\x02\x07", "0x07 in place of a map"),
        (b"\x02\x81\xa5SeqNo\xca\x00\x00\x00\x00", "unexpected msgpack type 0xca"),
        (b"\x07", "ends early; missing bytes: 1"),
        (build_compound(ACK)[:-1], "ends early; missing bytes: 1"),
        (b"\x0c\x00\x00\x00\x00" + ACK, "checksum"),
        (b"\x0c\x00", "ends early; missing bytes: 3"),
        (compress(ACK, algorithm=1), "unknown algorithm"),
        (compress(compress(ACK)), None),
        (b"\x09\x82\xa4Algo\x00\xa3Buf\xa3\x00\x01\xff", "damaged"),
        (b"\x09\x82\xa4Algo\x00\xa3Buf\xa1\x00", "without an end"),
        (b"\x09\x82\xa4Algo\x00\xa3Buf\xa0", "without an end"),
    ],
)
def test_invalid_messages_are_an_error_or_ignored(packet, reason):
    if reason is None:
        assert read_acks(packet) == []
        return
    with pytest.raises(MessageError, match=reason):
        read_acks(packet)


def test_a_small_packet_cannot_decompress_to_a_large_message():
    with pytest.raises(MessageError, match="damaged"):
        read_acks(compress(b"\x08" + bytes(10**6)))
