# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._kong_conf.secrets import (
    find_passwords,
    hide_secrets,
    is_secret,
    mask,
)


@pytest.mark.parametrize(
    ("key", "secret"),
    [
        ("pg_password", True),
        ("cluster.encrypt", True),
        ("cluster_encrypt_key", True),
        ("admin_gui_session_conf", True),
        ("vault_hcv_approle_secret_id", True),
        ("proxy_server", True),
        ("proxy_listen", False),
        ("ssl_key_path", False),
        ("cluster_keyring_file", False),
        ("nginx_conf", False),
        ("license_data", True),
        ("LICENSE_DATA", True),
        ("nginx_http_include", True),
        ("nginx_proxy_proxy_set_header", True),
        ("nginx_http_lua_ssl_trusted_certificate", True),
        ("nginx_main_env", True),
        ("nginx_user", False),
        ("nginx_user_secret_thing", True),
        ("nginx_daemon", False),
        ("nginx_working_dir", False),
        ("nginx_worker_processes", False),
        ("nginx_main_worker_rlimit_nofile", False),
        ("nginx_events_worker_connections", False),
        ("nginx_http_client_max_body_size", False),
        ("nginx_http_ssl_protocols", False),
        ("nginx_stream_ssl_dhparam", False),
        ("nginx_proxy_real_ip_header", False),
        ("nginx_http_upstream_keepalive", False),
        ("nginx-http-include", True),
        ("nginx-http-charset", False),
        ("my_nginx_thing", False),
    ],
)
def test_is_secret(key, secret):
    assert is_secret(key) is secret
    assert ("x" in mask(key, "x")) is not secret


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("pg_password = a b # c\r\nx = 1\r\n", "pg_password = <hidden>\r\nx = 1\r\n"),
        ("#pg_password = old\n", "#pg_password = <hidden>\n"),
        ("pg_password=a \\\n  b\nx = 1\n", "pg_password= <hidden>\nx = 1\n"),
        ("pg_password=a \\ \r\n\r\n # c\n\t b \\\n c\nx = 1\n", "pg_password= <hidden>\nx = 1\n"),
        ("pg_password =\nx = 1\n", "pg_password =\nx = 1\n"),
        ("postgres:\n  password: a\n  port: 1\n", "postgres:\n  password: <hidden>\n  port: 1\n"),
        ("postgres: {user: u, 'password': a}\n", "postgres: {user: u, 'password': <hidden>\n"),
        ("export KONG_PG_PASSWORD=a\n", "export KONG_PG_PASSWORD= <hidden>\n"),
        ("proxy_listen = 0.0.0.0:80\n", "proxy_listen = 0.0.0.0:80\n"),
        ("license_data = {}\n", "license_data = <hidden>\n"),
        ("nginx_proxy_proxy_set_header = Authorization x\n", "nginx_proxy_proxy_set_header = <hidden>\n"),
        ("# nginx_http_include=/a\n", "# nginx_http_include= <hidden>\n"),
        ("KONG_NGINX_HTTP_INCLUDE=a\n", "KONG_NGINX_HTTP_INCLUDE= <hidden>\n"),
        ("nginx_http_charset = utf-8\n", "nginx_http_charset = utf-8\n"),
        ("KONG_NGINX_MAIN_USER=kong\n", "KONG_NGINX_MAIN_USER=kong\n"),
        ("nginx_user = kong kong\n", "nginx_user = kong kong\n"),
        ("nginx_http_charset_map = a\n", "nginx_http_charset_map = <hidden>\n"),
    ],
)
def test_hide_secrets(text, expected):
    assert hide_secrets(text) == expected


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("pg_password = a\nproxy_listen = x\nredis_password='b'\npg_password = c\n", ["pg_password", "redis_password"]),
        ("# pg_password = a\npg_password =\npg_password = # none\npg_password = ''\n", []),
        ("ssl_cert_key = /etc/ssl/kong.key\npg_password = {vault://env/pg-password}\n", []),
        ("ssl_cert_key = -----BEGIN\n", ["ssl_cert_key"]),
        ("KONG_PG_PASSWORD=a\n", ["KONG_PG_PASSWORD"]),
        ("postgres:\n  password: a\ncluster:\n  encrypt: 'k'\n", ["password", "encrypt"]),
        ("license_data = {}\n", ["license_data"]),
        ("nginx_http_include = /a\n", []),
    ],
)
def test_passwords_in(text, names):
    assert find_passwords(text) == names
