# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.data import ruleset_from_data
from ansible_collections.gatehouse.kong.plugins.module_utils._transaction.lockout import (
    Connection,
    LockoutError,
    find_connection,
    prevent_lockout,
)

SETS = {"admins": {"ipv4": ["192.0.2.0/28"], "ipv6": ["2001:db8::/64"]}}
V4 = Connection("192.0.2.7", "198.51.100.1", 22)
V6 = Connection("2001:db8::7", "2001:db8:1::1", 22)


def make_ruleset(*entries):
    allow = [{"protocol": "tcp", "port": 22, "address": None, **entry} for entry in entries]
    return ruleset_from_data({"allow": allow, "sets": SETS})


def make_entry(sources, listener="proxy", **other):
    return {"listener": listener, "sources": sources, **other}


ALLOWED = {
    "another port": (V4, [make_entry([], port=8001)]),
    "another protocol": (V4, [make_entry([], protocol="udp")]),
    "any source": (V4, [make_entry("any")]),
    "a source": (V4, [make_entry(["admins"])]),
    "an IPv6 source": (V6, [make_entry(["admins"])]),
    "the other family": (V6, [make_entry([], address="0.0.0.0")]),
    "another address": (V4, [make_entry([], address="198.51.100.2")]),
    "the entry for the address comes first": (V4, [make_entry("any", address="198.51.100.1"), make_entry([], "other")]),
    "the entry for the family comes first": (V4, [make_entry([], "other"), make_entry("any", address="0.0.0.0")]),
    "the host itself": (Connection("198.51.100.1", "198.51.100.1", 22), [make_entry([])]),
    "loopback": (Connection("127.0.0.1", "127.0.0.1", 22), [make_entry([])]),
}
BLOCKED = {
    "no source": (V4, [make_entry([])]),
    "not a source": (Connection("192.0.2.16", "198.51.100.1", 22), [make_entry(["admins"])]),
    "IPv6": (Connection("2001:db8:0:1::", "2001:db8:1::1", 22), [make_entry(["admins"], address="::")]),
    "entry for the address": (V4, [make_entry([], address="198.51.100.1"), make_entry("any", "other")]),
}


@pytest.mark.parametrize("case", ALLOWED)
def test_a_ruleset_that_allows_the_controller_passes(case):
    connection, entries = ALLOWED[case]
    prevent_lockout(make_ruleset(*entries), connection)


@pytest.mark.parametrize("case", BLOCKED)
def test_a_ruleset_that_blocks_the_controller_is_an_error(case):
    connection, entries = BLOCKED[case]
    with pytest.raises(LockoutError, match=rf"from {connection.client} to port 22 .*'proxy'.*Nothing was changed"):
        prevent_lockout(make_ruleset(*entries), connection)


PROGRAM = """\
from ansible_collections.gatehouse.kong.plugins.module_utils._transaction.lockout import find_connection
print(find_connection())
"""


@pytest.mark.parametrize(
    "text, expected",
    [
        ("192.0.2.7 50000 198.51.100.1 22", "Connection(client='192.0.2.7', server='198.51.100.1', port=22)"),
        ("fe80::1%eth0 50000 fe80::2%eth0 22", "Connection(client='fe80::1', server='fe80::2', port=22)"),
        ("::ffff:192.0.2.7 5 ::ffff:192.0.2.1 22", "Connection(client='192.0.2.7', server='192.0.2.1', port=22)"),
        ("UNKNOWN 65535 UNKNOWN 65535", "None"),
        ("", "None"),
    ],
)
def test_a_process_finds_the_connection_of_its_parent(text, expected):
    """sudo removes the variable from the environment of its command."""
    drop = ["env", "-u", "SSH_CONNECTION", sys.executable, "-c", PROGRAM]
    shell = " ".join(f"'{word}'" for word in drop) + "; true"
    environment = {**os.environ, "SSH_CONNECTION": text}
    done = subprocess.run(["sh", "-c", shell], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == expected


def test_a_process_without_the_variable_has_no_connection(tmp_path):
    (tmp_path / "7").mkdir()
    (tmp_path / "7" / "environ").write_bytes(b"HOME=/\0")
    (tmp_path / "7" / "stat").write_text("7 (a) b (c) S 0 7 7")
    assert find_connection(7, tmp_path) is None
