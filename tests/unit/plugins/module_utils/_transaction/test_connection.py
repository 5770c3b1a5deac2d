# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The SSH connection of a process, read from a copy of /proc."""

from __future__ import annotations

import os

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._transaction.lockout import Connection, find_connection

HEAD = "192.0.2.7 50000 198.51.100.1 22"
FOUND = Connection("192.0.2.7", "198.51.100.1", 22)


def write_process(proc, number, parent, *variables):
    (proc / str(number)).mkdir()
    (proc / str(number) / "environ").write_bytes(b"".join(text.encode() + b"\0" for text in variables))
    (proc / str(number) / "stat").write_text(f"{number} (a) b (c 7) S {parent} 5 5")


@pytest.mark.parametrize(
    "text, expected",
    [
        (HEAD, FOUND),
        ("fe80::1%eth0 5 fe80::2%eth0 2222", Connection("fe80::1", "fe80::2", 2222)),
        ("::ffff:192.0.2.7 5 ::ffff:198.51.100.1 22", FOUND),
        (f"{HEAD} more", FOUND),
        ("192.0.2.7 50000 198.51.100.1", None),
        ("192.0.2.7 50000 198.51.100.1 ssh", None),
        ("UNKNOWN 65535 UNKNOWN 65535", None),
        ("", None),
    ],
)
def test_the_value_of_the_variable(tmp_path, text, expected):
    write_process(tmp_path, 9, 1, "HOME=/", f"SSH_CONNECTION={text}", "SSH_TTY=x")
    assert find_connection(9, tmp_path) == expected


def test_the_nearest_process_with_the_variable_counts(tmp_path):
    write_process(tmp_path, 9, 8, "XSSH_CONNECTION=1.2.3.4 1 1.2.3.5 22")
    write_process(tmp_path, 8, 7, f"SSH_CONNECTION={HEAD}")
    write_process(tmp_path, 7, 0, "SSH_CONNECTION=203.0.113.1 1 203.0.113.2 22")
    assert find_connection(9, tmp_path) == FOUND


def test_a_process_that_ends_while_it_is_read_has_none(tmp_path):
    write_process(tmp_path, 9, 8)
    assert find_connection(9, tmp_path) is None
    assert find_connection(5, tmp_path) is None


def test_this_process_is_the_first(tmp_path):
    write_process(tmp_path, os.getpid(), 0, f"SSH_CONNECTION={HEAD}")
    assert find_connection(proc=tmp_path) == FOUND


@pytest.mark.parametrize(
    "client, server, family, local",
    [
        ("192.0.2.7", "198.51.100.1", "ipv4", False),
        ("198.51.100.1", "198.51.100.1", "ipv4", True),
        ("127.0.0.2", "127.0.0.1", "ipv4", True),
        ("::1", "fd00::1", "ipv6", True),
        ("fd00::2", "fd00::1", "ipv6", False),
    ],
)
def test_family_and_place_of_the_client(client, server, family, local):
    connection = Connection(client, server, 22)
    assert (connection.family, connection.local) == (family, local)
