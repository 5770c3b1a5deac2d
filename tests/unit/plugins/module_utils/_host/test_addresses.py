# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The addresses of this machine, which always has loopback."""

from __future__ import annotations

import errno
import socket

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._host import addresses

ABSENT = "192.0.2.77"  # RFC 5737


def test_held_addresses():
    assert addresses.find_held_addresses(["127.0.0.1", ABSENT]) == ["127.0.0.1"]
    assert addresses.find_held_addresses([]) == []
    with pytest.raises(ValueError, match="does not appear"):
        addresses.find_held_addresses(["10.0.0.0/8"])


def test_interfaces_of_addresses():
    assert addresses.find_interfaces(["127.0.0.1", ABSENT]) == {"127.0.0.1": "lo"}


def test_interfaces_of_connected_networks(monkeypatch):
    """The smallest network of another address of the host decides."""
    known = [("10.0.0.1", 8, 1), ("10.1.0.1", 24, 2), ("10.1.0.9", 32, 3), ("fd00::1", 64, 3), ("10.2.0.9", 24, 2)]
    monkeypatch.setattr(addresses, "_list_addresses", lambda: iter(known))
    monkeypatch.setattr(socket, "if_indextoname", lambda index: f"eth{index}")
    found = addresses.find_connected_interfaces(["10.1.0.9", "10.2.0.9", "10.9.0.1", "fd00::9", "fd01::9", ABSENT])
    assert found == {"10.1.0.9": "eth2", "10.2.0.9": "eth1", "10.9.0.1": "eth1", "fd00::9": "eth3"}


def test_no_request_to_the_kernel_without_addresses(monkeypatch):
    monkeypatch.setattr(addresses.netlink, "connect", lambda _protocol: pytest.fail("connected"))
    assert addresses.find_held_addresses([]) == []


@pytest.mark.parametrize(
    ("text", "expected"), [("10.0.0.1", True), ("fd00::1", True), ("*", False), ("a.example", False)]
)
def test_is_address(text, expected):
    assert addresses.is_address(text) is expected


class FakeSocket:
    def __init__(self, error):
        self.error = error

    def bind(self, _address):
        if self.error:
            raise OSError(self.error, "no")

    def close(self):
        pass


@pytest.mark.parametrize(("error", "expected"), [(0, True), (errno.EADDRNOTAVAIL, False)])
def test_is_bindable(monkeypatch, error, expected):
    monkeypatch.setattr(socket, "socket", lambda *_kind: FakeSocket(error))
    assert addresses.is_bindable(ABSENT) is expected


def test_another_error_is_not_hidden(monkeypatch):
    monkeypatch.setattr(socket, "socket", lambda *_kind: FakeSocket(errno.EACCES))
    with pytest.raises(OSError, match="no"):
        addresses.is_bindable(ABSENT)
