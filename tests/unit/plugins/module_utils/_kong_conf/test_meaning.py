# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._kong_conf.meaning import is_same, parse_endpoints

LISTEN = "0.0.0.0:80, 0.0.0.0:443 http2 ssl reuseport backlog=1024"


@pytest.mark.parametrize(
    ("name", "first", "second"),
    [
        ("proxy_listen", LISTEN, "0.0.0.0:80,0.0.0.0:443 ssl  http2 backlog=1024 reuseport"),
        ("proxy_listen", "ssl 0.0.0.0:443", "0.0.0.0:443 ssl"),
        ("proxy_listen", "[::]:443 so_keepalive=30m::10 ssl", "[::]:443 ssl so_keepalive=30m::10"),
        ("proxy_listen", "*:80 ssl", "0.0.0.0:80 ssl"),
        ("proxy_listen", "[::]:80, [FD00::0:1]:80", "[0000:0000:0000:0000:0000:0000:0000:0000]:80,[fd00::1]:80"),
        ("trusted_ips", "10.0.0.0/8, 192.168.0.0/16", "10.0.0.0/8,192.168.0.0/16"),
        ("admin_ssl", "on", "true"),
        ("http2", "off", "false"),
        ("status_listen", " off ", "off"),
        ("pg_password", r"a\#b", "a#b"),
        ("nginx_http_server_tokens", "off", "off"),
    ],
)
def test_texts_with_one_meaning(name, first, second):
    assert is_same(name, first, second)


@pytest.mark.parametrize(
    ("name", "first", "second"),
    [
        ("proxy_listen", LISTEN, "0.0.0.0:80"),
        ("proxy_listen", "0.0.0.0:80 ssl", "0.0.0.0:80"),
        ("admin_listen", "127.0.0.1:8001", "0.0.0.0:8001"),
        ("proxy_listen", "[::]:80", "0.0.0.0:80"),
        ("proxy_listen", "[fd00::1]:80", "[fd00::1]:81"),
        ("admin_ssl", "on", "off"),
        ("pg_password", "a, b", "a,b"),
        ("pg_password", "on", "true"),
        ("nginx_http_log_format", "a,b", "a, b"),
        ("nginx_http_gzip", "on", "true"),
    ],
)
def test_texts_with_two_meanings(name, first, second):
    assert not is_same(name, first, second)


def test_the_endpoints_of_a_listen_value():
    assert parse_endpoints(LISTEN) == {("0.0.0.0:80", False), ("0.0.0.0:443", False)}
    assert parse_endpoints("ssl 0.0.0.0:9100, 0.0.0.0:9100 udp so_keepalive=1:2:3") == {
        ("0.0.0.0:9100", False),
        ("0.0.0.0:9100", True),
    }
    assert parse_endpoints("*:80, [0::0]:80") == {("0.0.0.0:80", False), ("[::]:80", False)}
    assert parse_endpoints("off") == frozenset()
