# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Messages to ipset in the kernel, as linux/netfilter/ipset/ip_set.h defines them. tests/netns sends them to a kernel."""

from __future__ import annotations

import errno
import socket
import struct

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._backends.iptables import ipset_kernel
from ansible_collections.gatehouse.kong.plugins.module_utils._backends.iptables.ipset_kernel import (
    SetsError,
    change,
    save_sets,
)

# The commands of enum ipset_cmd, with NFNL_SUBSYS_IPSET.
CREATE, DESTROY, SWAP, LIST, ADD = (6 << 8 | kind for kind in (2, 3, 6, 7, 9))
NESTED, NETWORK_ORDER = 0x8000, 0x4000
REQUEST, ACK, DUMP, EXCLUSIVE = 0x1, 0x4, 0x300, 0x200


class Kernel:
    """A fake kernel that records each request. Its answer to a listing has the messages in `sets`, by name."""

    def __init__(self, sets=(), refuses=None):
        self.sets, self.refuses, self.asked = dict(sets), refuses, []

    def __enter__(self):
        return self

    def __exit__(self, *_error):
        return None

    def send(self, data):
        _length, kind, flags = struct.unpack_from("=IHH", data)
        self.asked.append((kind, flags, data[16:]))

    def recv(self, _size):
        kind, _flags, body = self.asked[-1]
        error = self.refuses[1] if self.refuses and len(self.asked) - 1 == self.refuses[0] else 0
        messages = []
        if kind == LIST:
            name = [value for key, value in read(body[4:]) if key == 2]
            names = [name[0].rstrip(b"\0").decode()] if name else self.sets
            messages = [(LIST, message) for listed in names for message in self.sets[listed][: None if name else 1]]
        messages.append((2, struct.pack("=i", -error)) if error or kind != LIST else (3, bytes(4)))
        return b"".join(struct.pack("=IHHII", 16 + len(data), what, 0, 1, 0) + data + bytes(-len(data) % 4)
                        for what, data in messages)  # fmt: skip


def attribute(kind, value):
    return struct.pack("=HH", 4 + len(value), kind) + value + bytes(-len(value) % 4)


def read(data):
    """Return the type and the value of each attribute."""
    found, at = [], 0
    while at < len(data):
        length, kind = struct.unpack_from("=HH", data, at)
        found.append((kind, data[at + 4 : at + length]))
        at += length + 3 & ~3
    return found


@pytest.fixture
def kernel(monkeypatch):
    def make(**sets_or_refusal):
        made = Kernel(**sets_or_refusal)
        monkeypatch.setattr(ipset_kernel, "connect", lambda protocol: made if protocol == 12 else None)
        return made

    return make


HEAD = struct.pack("!BBH", socket.AF_INET, 0, 0)


def message(*attributes):
    return HEAD + attribute(1, b"\6") + b"".join(attributes)


def named(name, kind=2):
    return attribute(kind, name.encode() + b"\0")


def entry(packed, length=None):
    address = attribute((2 if len(packed) == 16 else 1) | NETWORK_ORDER, packed)
    cidr = b"" if length is None else attribute(3, bytes([length]))
    return attribute(7 | NESTED, attribute(1 | NESTED, address) + cidr)


def added(name, *entries):
    return message(named(name), attribute(9 | NETWORK_ORDER, bytes(4)), attribute(8 | NESTED, b"".join(entries)))


def created(name, family, limit=1048576):
    limits = attribute(7 | NESTED, attribute(19 | NETWORK_ORDER, struct.pack("!I", limit)))
    return message(named(name), named("hash:net", 3), attribute(4, b"\6"), attribute(5, bytes([family])), limits)


FOUR, SIX = socket.inet_pton(socket.AF_INET, "10.0.0.0"), socket.inet_pton(socket.AF_INET6, "fd00::1")


def test_lines_are_commands(kernel):
    made = kernel()
    change(
        [
            "create gkong4-a hash:net family inet maxelem 1048576",
            "create gkong6-a hash:net family inet6 maxelem 7",
            "add gkong4-a 10.0.0.0/24",
            "add gkong4-a 10.0.0.0",
            "add gkong6-a fd00::1/128",
            "swap gkong4-a gkong4-a~",
            "destroy gkong4-a~",
        ]
    )
    assert [(kind, body) for kind, _flags, body in made.asked] == [
        (CREATE, created("gkong4-a", socket.AF_INET)),
        (CREATE, created("gkong6-a", socket.AF_INET6, 7)),
        (ADD, added("gkong4-a", entry(FOUR, 24), entry(FOUR))),
        (ADD, added("gkong6-a", entry(SIX, 128))),
        (SWAP, message(named("gkong4-a"), named("gkong4-a~", 3))),
        (DESTROY, message(named("gkong4-a~"))),
    ]
    assert {flags for _kind, flags, _body in made.asked} == {REQUEST | ACK | EXCLUSIVE}


def test_entries_are_sent_a_thousand_at_a_time(kernel):
    made = kernel()
    change([f"add a 10.0.{number // 256}.{number % 256}" for number in range(2001)] + ["add b 10.0.0.0"])
    sizes = [len(read(dict(read(body[4:]))[8 | NESTED])) for _kind, _flags, body in made.asked]
    assert sizes == [1000, 1000, 1, 1]


LINES = ["create a hash:net family inet maxelem 1", *[f"add a 10.0.0.{number}" for number in range(3)], "destroy b"]
# The rejected command, its code, the number of its first line, a part of the message, and whether the set is in use.
REFUSED = [
    (0, 4099, 0, "too many", False),
    (1, 4103, 1, "already", False),
    (2, 4100, 4, "in use", True),
    (2, errno.ENOENT, 4, "No such file", False),
]


@pytest.mark.parametrize("command, code, number, word, busy", REFUSED)
def test_the_error_of_a_rejected_command_names_its_line(kernel, command, code, number, word, busy):
    made = kernel(refuses=(command, code))
    with pytest.raises(SetsError, match=word) as refused:
        change(LINES)
    assert (refused.value.number, refused.value.busy) == (number, busy)
    assert f"`{LINES[number]}`" in str(refused.value)
    assert len(made.asked) == command + 1


MAXELEM = (19, struct.pack("!I", 9))


def member(packed, length, kind=None):
    """Return an entry in the form that the kernel lists: without the flag for the byte order."""
    address = attribute(kind or (2 if len(packed) == 16 else 1), packed)
    return attribute(7 | NESTED, attribute(1 | NESTED, address) + attribute(3, bytes([length])))


def listing(name, family, *entries, kind="hash:net", options=(MAXELEM,)):
    """Return the messages of a set: its options, then its entries."""
    data = b"".join(attribute(key | NETWORK_ORDER, value) for key, value in options)
    head = message(named(name), named(kind, 3), attribute(5, bytes([family])), attribute(7 | NESTED, data))
    return [head, message(named(name), attribute(8 | NESTED, b"".join(entries)))]


def test_sets_are_listed_as_ipset_saves_them(kernel):
    known = tuple((key, struct.pack("!I", 9)) for key in (17, 18, 19, 21, 24, 25, 26))
    made = kernel(
        sets={
            "gkong4-a": listing("gkong4-a", socket.AF_INET, member(FOUR, 24), member(FOUR, 25), options=known),
            "foreign": listing("foreign", socket.AF_INET, kind="list:set"),
            "gkong6-a": listing("gkong6-a", socket.AF_INET6, member(SIX, 128)),
            "gkong6-b": listing("gkong6-b", socket.AF_INET6)[:1],
        }
    )
    assert save_sets(("gkong4-", "gkong6-")) == (
        "create gkong4-a hash:net family inet maxelem 9\nadd gkong4-a 10.0.0.0/24\nadd gkong4-a 10.0.0.0/25\n"
        "create gkong6-a hash:net family inet6 maxelem 9\nadd gkong6-a fd00::1/128\n"
        "create gkong6-b hash:net family inet6 maxelem 9\n"
    )
    names_only = attribute(6 | NETWORK_ORDER, struct.pack("!I", 2))
    assert list(made.asked) == [
        (LIST, REQUEST | DUMP, message(names_only)),
        *((LIST, REQUEST | DUMP, message(named(name))) for name in ("gkong4-a", "gkong6-a", "gkong6-b")),
    ]
    assert save_sets(("none",)) == ""


NOMATCH = attribute(7 | NESTED, attribute(1 | NESTED, attribute(1, FOUR)) + attribute(8, bytes(4)))
# Sets that the module does not support.
OTHERS = {
    "another type": listing("gkong4-a", socket.AF_INET, kind="hash:ip"),
    "another family": listing("gkong4-a", socket.AF_UNIX),
    "a timeout": listing("gkong4-a", socket.AF_INET, options=(MAXELEM, (6, bytes(4)))),
    "an entry that does not match": listing("gkong4-a", socket.AF_INET, member(FOUR, 24), NOMATCH),
    "an address of another kind": listing("gkong4-a", socket.AF_INET, member(FOUR, 24, kind=2)),
}


@pytest.mark.parametrize("case", OTHERS)
def test_unsupported_sets_are_left_to_the_program(kernel, case):
    kernel(sets={"gkong4-a": OTHERS[case]})
    assert save_sets(("gkong4-",)) is None
    assert save_sets(("gkong6-",)) == ""
