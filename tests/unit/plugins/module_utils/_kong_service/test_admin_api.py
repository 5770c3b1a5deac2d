# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the Admin API answers on its own host, asked over real sockets."""

from __future__ import annotations

import json
import socket
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service import admin_api
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.admin_api import (
    AdminAnswer,
    DataPlane,
    ask_admin_api,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.sockets import Socket

ROOT = {"version": "2.8.5", "configuration": {"pg_password": "secret"}}
LISTED = {"id": "7f", "hostname": "dp1", "ip": "198.51.100.9", "last_seen": 1}
FIRST = "/clustering/data-planes?size=1000"
SECOND = "/clustering/data-planes?size=1000&offset=x"


@contextmanager
def serve(pages, status=200):
    """Serve pages over HTTP at a port of the loopback address, and yield the port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            page = pages.get(self.path)
            self.send_response(404 if page is None else status)
            self.end_headers()
            self.wfile.write(page if isinstance(page, bytes) else json.dumps(page).encode())

        def log_message(self, *_words):
            """Print nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


def ask(pages, status=200, address="127.0.0.1"):
    with serve(pages, status) as port:
        return ask_admin_api([Socket("tcp", port, address)], {port})


@pytest.mark.parametrize("address", ["127.0.0.1", "0.0.0.0"])
def test_the_version_is_that_of_the_running_kong(address):
    assert ask({"/": ROOT}, address=address) == AdminAnswer("2.8.5")


@pytest.mark.parametrize(
    ("version", "expected"),
    [("0.10.4", "0.10.4"), ("3.4.3.5-enterprise-edition", "3.4.3.5-enterprise-edition"), ("3.10.0.2", "3.10.0.2"),
     ("2.0.0rc1", "2.0.0"), ("x", ""), (None, "")],
)  # fmt: skip
def test_a_version_has_three_numbers_and_that_of_enterprise_four(version, expected):
    assert ask({"/": {"version": version}}).version == expected


@pytest.mark.parametrize("page", [b"", b"not JSON", b"[]", b'"2.8.5"'])
def test_another_answer_is_none(page):
    assert ask({"/": page}) == AdminAnswer()


@pytest.mark.parametrize("status", [401, 301, 500])
def test_an_answer_with_another_status_is_none(status):
    assert ask({"/": ROOT}, status) == AdminAnswer()


def test_a_port_that_does_not_speak_http_is_none(monkeypatch):
    monkeypatch.setattr(admin_api, "_SECONDS", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        assert ask_admin_api([Socket("tcp", port, "127.0.0.1")], {port}) == AdminAnswer()
    assert ask_admin_api([Socket("tcp", port, "127.0.0.1")], {port}) == AdminAnswer()


def test_only_the_ports_of_the_admin_api_are_asked():
    with serve({"/": ROOT}) as port:
        assert ask_admin_api([Socket("tcp", port, "127.0.0.1")], {port + 1}) == AdminAnswer()
        assert ask_admin_api([Socket("udp", port, "127.0.0.1")], {port}) == AdminAnswer()
        closed = Socket("tcp", 1, "127.0.0.1")
        assert ask_admin_api([closed, Socket("tcp", port, "127.0.0.1")], {1, port}).version == "2.8.5"


def test_all_pages_of_data_planes_are_read():
    other = {**LISTED, "hostname": "dp2"}
    pages = {
        "/": ROOT,
        FIRST: {"data": [LISTED, {"id": "x"}, 7], "next": SECOND},
        SECOND: {"data": [other], "next": None},
    }
    assert ask(pages).data_planes == (DataPlane("7f", "dp1", "198.51.100.9"), DataPlane("7f", "dp2", "198.51.100.9"))


@pytest.mark.parametrize("data", [7, True, "x", {}, {"id": 1}, None])
def test_a_page_without_a_list_has_no_data_planes(data):
    assert ask({"/": ROOT, FIRST: {"data": data}}) == AdminAnswer("2.8.5")


def test_pages_without_an_end_are_left(monkeypatch):
    monkeypatch.setattr(admin_api, "_MOST_PAGES", 3)
    assert len(ask({"/": ROOT, FIRST: {"data": [LISTED], "next": FIRST}}).data_planes) == 3
