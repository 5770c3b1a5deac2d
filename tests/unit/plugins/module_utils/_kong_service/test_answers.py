# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import socket
import threading

from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.answers import find_silent
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.sockets import Listener


def serve(server):
    connection, _peer = server.accept()
    with connection:
        assert connection.recv(100).startswith(b"GET / HTTP/1.0")
        connection.sendall(b"HTTP/1.1 404 Not Found\r\n\r\n")


def test_a_listener_that_does_not_answer_is_found(monkeypatch):
    monkeypatch.setattr("ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.answers._SECONDS", 0.5)
    with (
        socket.create_server(("127.0.0.1", 0)) as good,
        socket.create_server(("::1", 0), family=socket.AF_INET6) as mute,
    ):
        thread = threading.Thread(target=serve, args=(good,))
        thread.start()
        answers = Listener("proxy", "tcp", good.getsockname()[1], "0.0.0.0")
        silence = Listener("admin", "tcp", mute.getsockname()[1], "::")
        refused = Listener("status", "tcp", 1, "127.0.0.1")
        assert find_silent([answers, silence, refused]) == [silence, refused]
        thread.join()


def test_no_listeners():
    assert find_silent([]) == []
