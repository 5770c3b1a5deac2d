# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The clients in the access log of the Admin API."""

from __future__ import annotations

import os

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service import access_log
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.access_log import DEFAULT_LOG, list_logged

PREFIX = "/usr/local/kong"


def make_line(address, request="GET /status"):
    return f'{address} - - [01/Dec/2026:10:00:00 +0000] "{request} HTTP/1.1" 200 9 "-" "curl/7.88.1"\n'


def write_log(root, text, path=f"{PREFIX}/{DEFAULT_LOG}"):
    log = root / path.lstrip("/")
    log.parent.mkdir(parents=True)
    log.write_bytes(text.encode())


def test_each_client_is_listed_once_without_loopback(tmp_path):
    addresses = ["10.0.0.9", "127.0.0.1", "10.0.0.9", "fd00::2", "::1", "unix:", "2026/12/01"]
    write_log(tmp_path, "".join(map(make_line, addresses)) + "\n\u00e9 no line of nginx\n")
    assert list_logged(tmp_path, PREFIX, DEFAULT_LOG) == ["10.0.0.9", "fd00::2"]


@pytest.mark.parametrize(
    "request_line", ["GET /v1/outlet?node_id=81bb&node_hostname=dp", "GET /v1/wrpc", "POST /v2/outlet"]
)
def test_a_data_plane_is_no_client_of_the_admin_api(tmp_path, request_line):
    write_log(tmp_path, make_line("10.0.0.9", request_line) + make_line("10.0.0.8", "GET /services/v1/routes"))
    assert list_logged(tmp_path, PREFIX, DEFAULT_LOG) == ["10.0.0.8"]


def test_an_absolute_path_is_below_the_root_of_kong(tmp_path):
    write_log(tmp_path, make_line("10.0.0.9"), "/var/log/kong/admin.log")
    assert list_logged(tmp_path, PREFIX, "/var/log/kong/admin.log") == ["10.0.0.9"]


@pytest.mark.parametrize("log", ["off", "syslog:server=10.0.0.1", "/dev/stdout", "logs/missing.log"])
def test_a_log_that_is_not_a_file_has_no_clients(tmp_path, log):
    assert list_logged(tmp_path, PREFIX, log) == []


def test_a_pipe_is_not_opened(tmp_path):
    (tmp_path / "dev").mkdir()
    os.mkfifo(tmp_path / "dev/stdout")
    assert list_logged(tmp_path, PREFIX, "/dev/stdout") == []


def test_only_the_newest_part_of_a_large_log_is_read(tmp_path, monkeypatch):
    newest = make_line("10.0.0.9")
    monkeypatch.setattr(access_log, "_MOST_BYTES", len(newest))
    write_log(tmp_path, make_line("10.0.0.8") + newest)
    assert list_logged(tmp_path, PREFIX, DEFAULT_LOG) == ["10.0.0.9"]
