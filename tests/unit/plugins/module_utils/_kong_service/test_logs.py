# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The reason of a failure, from the journal and from nginx's error log."""

from __future__ import annotations

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import HostError
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service import logs
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.logs import (
    find_errors,
    find_refusals,
    mark_logs,
    read_errors,
    summarise,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.nginx import Nginx
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.plan import Kong

BIND = "2026/11/30 17:55:56 [emerg] 10#10: bind() to 0.0.0.0:81 failed (98: Address already in use)"
JOURNAL = """Starting kong.service - Kong...
nginx: [emerg] bind() to 0.0.0.0:81 failed (98: Address already in use)
kong.service: Failed at step EXEC spawning /usr/local/bin/kong: No such file or directory
kong.service: Failed with result 'exit-code'.
"""


class FakeHost:
    def __init__(self, journal="", has_journal=True):
        self.journal, self.has_journal, self.calls = journal, has_journal, []

    def which(self, program):
        return f"/bin/{program}" if self.has_journal else None

    def run(self, *argv):
        self.calls.append(argv)
        if isinstance(self.journal, Exception):
            raise self.journal
        return self.journal


@pytest.fixture
def log(tmp_path):
    file = tmp_path / "logs/error.log"
    file.parent.mkdir()
    file.write_text("[emerg] an old error\n")
    return file


def make_nginx(tmp_path):
    return Nginx(str(tmp_path), "10")


def test_only_new_lines_are_read(log, tmp_path):
    mark = mark_logs("", make_nginx(tmp_path))
    assert read_errors(FakeHost(), mark) == []
    with log.open("a") as file:
        file.write(f"{BIND}\n2026/11/30 17:55:57 [notice] 10#10: reconfiguring\n")
    assert read_errors(FakeHost(), mark) == [BIND]


def test_a_log_that_was_rotated_or_cut_off_is_read_from_its_start(log, tmp_path):
    mark = mark_logs("", make_nginx(tmp_path))
    log.write_text("[emerg] short\n")
    assert read_errors(FakeHost(), mark) == ["[emerg] short"]
    log.rename(tmp_path / "logs/error.log.1")
    log.write_text("[alert] new\n" + "x" * 99 + "\n")
    assert read_errors(FakeHost(), mark) == ["[alert] new"]
    log.unlink()
    assert read_errors(FakeHost(), mark) == []


def test_of_a_long_log_only_the_end_is_read(log, tmp_path, monkeypatch):
    monkeypatch.setattr(logs, "_BYTES", 40)
    mark = mark_logs("", make_nginx(tmp_path))
    log.write_text("[emerg] far away\n" + "x" * 80 + "\n[emerg] last\n")
    assert read_errors(FakeHost(), mark) == ["[emerg] last"]


def test_an_error_before_the_lines_of_some_seconds_is_read(log, tmp_path):
    """Otherwise a reload that nginx refused would become a restart."""
    host, mark = FakeHost(), mark_logs("kong.service", make_nginx(tmp_path))
    with log.open("a") as file:
        file.write(f"{BIND}\n" + "2026/11/30 17:55:57 [notice] 11#11: *1 [lua] a line of a request\n" * 20_000)
    assert read_errors(host, mark) == [BIND]
    assert "--lines=100000" in host.calls[1]


def test_the_log_of_the_running_nginx_is_read_too(tmp_path):
    other = tmp_path / "other.log"
    other.touch()
    mark = mark_logs("", Nginx(str(tmp_path), "10", error_log=str(other)))
    other.write_text(BIND)
    assert read_errors(FakeHost(), mark) == [BIND]


@pytest.mark.parametrize("setting", ["own.log", "{}/own.log"])
def test_the_log_of_an_nginx_that_does_not_run_yet(tmp_path, setting):
    kong = Kong((3, 9), "/kong.conf", settings={"proxy_error_log": setting.format(tmp_path)})
    mark = mark_logs("", Nginx(str(tmp_path)), kong.error_log)
    (tmp_path / "own.log").write_text(BIND)
    assert read_errors(FakeHost(), mark) == [BIND]
    assert mark_logs("", Nginx(str(tmp_path)), "/dev/stderr").files.keys() == {f"{tmp_path}/logs/error.log"}


def test_the_journal_of_the_unit(tmp_path):
    host, mark = FakeHost(JOURNAL), mark_logs("kong.service", make_nginx(tmp_path))
    assert read_errors(host, mark) == JOURNAL.splitlines()[1:3]
    assert host.calls[0] == ("journalctl", "--sync")
    assert host.calls[1][1:3] == ("--unit=kong.service", f"--since=@{mark.time:.6f}")
    assert read_errors(FakeHost(HostError("no journal")), mark) == []
    assert read_errors(FakeHost(JOURNAL, has_journal=False), mark) == []
    assert read_errors(FakeHost(JOURNAL), mark_logs("", make_nginx(tmp_path))) == []


def test_errors_about_requests_are_left_out():
    request = "[error] 12#12: *7 connect() failed (111: Connection refused), client: 10.0.0.1, server: kong"
    assert find_errors([request, " Error: no \n", "[warn] 1#1: x", "all good"]) == ["Error: no"]


# The function `ansicolors` resets the colour before and after a text.
COLOURED = "\x1b[0m\x1b[31m[ERR] \x1b[0m\x1b[0mCould not start serf: Failed to start the Serf agent: no address"


def test_errors_of_kong_0_6_to_0_8():
    lines = ["\x1b[0m\x1b[34m[INFO] \x1b[0m\x1b[0mLeaving cluster..", COLOURED, "==> Failed to start the Serf agent: x"]
    errors = find_errors(lines)
    assert errors == [
        "[ERR] Could not start serf: Failed to start the Serf agent: no address",
        "==> Failed to start the Serf agent: x",
    ]
    assert summarise([*errors, "[error] 11#11: noise"], {}) == (*errors,)


@pytest.mark.parametrize(
    "line, refuses",
    [
        (BIND, True),
        ("nginx: [emerg] unknown directive", True),
        ("Error: /etc/kong/kong.conf: bad value", True),
        ("2026/11/30 17:55:56 [error] 10#10: init_by_lua error: x", True),
        ("[ERR] Could not start Kong", True),
        ("==> Failed to start the Serf agent: x", True),
        ("2026/11/30 17:55:56 [error] 11#11: *1 [lua] no database", False),
        ("kong.service: Failed to load environment files: No such file", False),
    ],
)
def test_errors_that_refuse_a_configuration(line, refuses):
    assert bool(find_refusals([line], "10")) is refuses


def test_a_summary_has_the_last_different_errors_that_end_the_program():
    assert summarise([BIND, BIND, "[error] 11#11: noise"], {}) == (
        "[emerg] bind() to 0.0.0.0:81 failed (98: Address already in use)",
    )
    assert summarise(["2026/11/30 17:55:56 [error] 11#11: *1 [lua] x"], {}) == ("[error] [lua] x",)
    assert summarise([f"Error: {number}" for number in range(9)], {}) == tuple(f"Error: {n}" for n in range(4, 9))
    assert len(summarise(["Error: " + "x" * 999], {})[0]) == 300


def test_a_summary_has_no_secrets():
    variables = {
        "KONG_PG_PASSWORD": "hunter22",
        "KONG_LOG_LEVEL": "debug",
        "KONG_SSL_CERT_KEY": "abc",
        "KONG_ADMIN_TOKEN": "t0k3n",
    }
    (line,) = summarise(["Error: pg_password = of the file"], variables)
    assert line == "Error: pg_password = <hidden>"
    (line,) = summarise(["Error: cannot log in with 'hunter22' at debug, abc, t0k3n"], variables)
    assert line == "Error: cannot log in with '<hidden>' at debug, abc, <hidden>"


def test_a_summary_has_no_part_of_a_secret():
    """A secret that contains another one, a `#` of Kong's file, and a word that nginx names."""
    stated = {
        "pg_password": "hunter22",
        "KONG_CASSANDRA_PASSWORD": "hunter22-admin",
        "admin_token": r"to\#ken",
        "nginx_proxy_proxy_set_header": 'Authorization "Bearer s3cr3tw0rd" error',
    }
    (line,) = summarise(['Error: hunter22-admin, hunter22, to#ken; unknown parameter "s3cr3tw0rd" at error'], stated)
    assert line == 'Error: <hidden>, <hidden>, <hidden>; unknown parameter "<hidden>" at error'
