# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""nftables tables and the generation ID of the ruleset, from messages of linux/netfilter/nf_tables.h."""

from __future__ import annotations

import errno
import struct

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter import nft_tables

NFNL_SUBSYS_NFTABLES, NFT_MSG_GETTABLE, NFT_MSG_GETGEN = 10, 1, 16


class Kernel:
    """A fake netlink socket that answers each request with given messages."""

    def __init__(self, answers, error=0):
        self.answers, self.error, self.asked = answers, error, []

    def __enter__(self):
        return self

    def __exit__(self, *_error):
        return None

    def send(self, data):
        self.asked.append((*struct.unpack_from("=IHH", data)[1:], data[16:]))

    def recv(self, _size):
        messages = [] if self.error else [(0xA00, message) for message in self.answers]
        messages.append(
            (2, struct.pack("=i", -self.error)) if self.error or self.asked[-1][1] & 0x4 else (3, b"\0\0\0\0")
        )
        return b"".join(struct.pack("=IHHII", 16 + len(data), kind, 0, 1, 0) + data + bytes(-len(data) % 4)
                        for kind, data in messages)  # fmt: skip


def build_attribute(kind, value):
    return struct.pack("=HH", 4 + len(value), kind) + value + bytes(-len(value) % 4)


def build_table(family, name):
    return struct.pack("!BBH", family, 0, 0) + build_attribute(2, b"\0\0\0\1") + build_attribute(1, name + b"\0")


@pytest.fixture
def kernel(monkeypatch):
    def make(*answers, error=0):
        made = Kernel(answers, error)
        monkeypatch.setattr(nft_tables, "connect", lambda protocol: made if protocol == 12 else None)
        return made

    return make


def test_tables(kernel):
    made = kernel(build_table(1, b"filter"), build_table(2, b"raw"), build_table(10, b"nat"), build_table(7, b"b"), build_table(5, b"n"), build_table(3, b"a"),
                  build_table(99, b"new"))  # fmt: skip
    assert nft_tables.list_nft_tables() == (
        ("inet", "filter"), ("ip", "raw"), ("ip6", "nat"), ("bridge", "b"), ("netdev", "n"), ("arp", "a"), ("", "new"),
    )  # fmt: skip
    assert made.asked == [(NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETTABLE, 0x301, b"\0\0\0\0")]


def test_a_kernel_without_nftables(kernel):
    kernel(error=errno.EINVAL)
    assert nft_tables.list_nft_tables() == ()
    assert not nft_tables.has_iptables_nft()
    assert nft_tables.read_generation() is None


def test_the_generation_id_of_the_ruleset(kernel):
    made = kernel(struct.pack("!BBH", 0, 0, 0) + build_attribute(1, b"\0\0\0\7") + build_attribute(2, b"\0\0\0\1"))
    assert nft_tables.read_generation() == b"\0\0\0\7"
    assert made.asked == [(NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETGEN, 0x5, b"\0\0\0\0")]
    kernel()
    assert nft_tables.read_generation() is None


@pytest.mark.parametrize(
    ("family", "name", "expected"),
    [
        (2, b"filter", True), (10, b"raw", True), (2, b"mangle", True), (2, b"nat", True), (10, b"security", True),
        (1, b"filter", False), (2, b"own", False),
    ],
)  # fmt: skip
def test_a_table_of_iptables(kernel, family, name, expected):
    kernel(build_table(2, b"other"), build_table(family, name))
    assert nft_tables.has_iptables_nft() is expected


def test_the_tables_that_iptables_can_use():
    assert nft_tables.name_iptables_tables(["ip6"]) == {
        ("ip6", name) for name in ("filter", "raw", "mangle", "nat", "security")
    }
