# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Connections to other hosts that are held, and the connections of other hosts in that time."""

from __future__ import annotations

import socket
import threading

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service import measure
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.connections import Link
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.measure import hold_connections


@pytest.fixture
def clock(monkeypatch):
    """Let each sleep take the time that it was asked for, without waiting."""
    times = [0.0]
    monkeypatch.setattr(measure.time, "monotonic", lambda: times[0])
    monkeypatch.setattr(measure.time, "sleep", lambda seconds: times.__setitem__(0, times[0] + seconds))
    return times


@pytest.fixture
def end():
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()


def test_connections_are_held_until_the_end(clock, end, monkeypatch):
    opened = []

    def list_links(ports, dialled, proc):
        assert (ports, dialled) == ({8001}, ())
        opened.append(clock[0])
        # A connection arrives and ends during the measurement, and another connection stays.
        return [Link("10.0.0.1", 8001, "10.0.0.9", 4000 + min(len(opened), 2))]

    monkeypatch.setattr(measure, "list_links", list_links)
    sent, received = hold_connections([end, ("127.0.0.1", 1), ("no address", 80)], {8001}, 1.0)
    (link,) = sent
    assert (link.address, link.peer, link.peer_port) == ("127.0.0.1", *end)
    assert opened == [0.0, 0.5, 1.0]
    assert received == [Link("10.0.0.1", 8001, "10.0.0.9", port) for port in (4001, 4002)]


def test_a_blocked_end_does_not_delay_other_ends(clock, end, monkeypatch):
    together, connect = threading.Barrier(3), socket.create_connection

    def connect_together(address, timeout):
        together.wait(10)
        return connect(address, timeout)

    monkeypatch.setattr(measure.socket, "create_connection", connect_together)
    assert len(hold_connections([end] * 3, (), 0.0)[0]) == 3


def test_a_host_without_a_kong_only_connects(clock, end):
    sent, received = hold_connections([end], (), 1.0)
    assert (len(sent), received) == (1, [])


def test_a_connection_ends_with_a_reset(clock):
    with socket.create_server(("127.0.0.1", 0)) as server:
        hold_connections([server.getsockname()], (), 0.0)
        connection = server.accept()[0]
        with connection, pytest.raises(ConnectionResetError):
            connection.recv(1)
