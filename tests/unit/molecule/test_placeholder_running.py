# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os

import _config
import _nginx
import _running
import commands
import main
import pytest


@pytest.fixture(autouse=True)
def prefix(tmp_path, monkeypatch):
    monkeypatch.setattr(_running, "PREFIX", tmp_path)
    return tmp_path


def keep(version: str, **settings: str) -> dict[str, str]:
    """Keep settings like `kong prepare`; return the lines of the file by key, the first of several lines."""
    _running.keep(_config.make(version, settings, {}))
    text = _running.locate_file(_config.release_line(version)).read_text()
    return dict(line.split(" = ", 1) for line in reversed(text.splitlines()) if " = " in line)


def test_the_format_of_2_8():
    found = keep("2.8.5", proxy_listen="0.0.0.0:80, [::]:80", log_level="info", pg_password="a#b", trusted_ips="")
    assert found["proxy_listen"] == "0.0.0.0:80,[::]:80"
    assert found["log_level"] == "info"
    assert found["pg_password"] == "a#b"
    assert "trusted_ips" not in found
    assert found["cluster_listen"] == "0.0.0.0:8005"  # no filter by role
    assert found["status_listen"] == "off"


@pytest.mark.parametrize(("version", "mode"), [("0.10.4", 0o644), ("1.5.1", 0o640), ("2.8.5", 0o640)])
def test_the_mode_of_the_file(version, mode):
    """It has passwords. The umask of Debian is 022."""
    before = os.umask(0o022)
    keep(version)
    os.umask(before)
    assert _running.locate_file(_config.release_line(version)).stat().st_mode & 0o777 == mode


def test_the_format_of_0_10(prefix):
    found = keep("0.10.4", ssl="off")
    assert found["ssl"] == "false"
    assert (found["proxy_ip"], found["proxy_port"]) == ("0.0.0.0", "8000")
    assert (prefix / ".kong_env").exists()


def test_0_9_has_another_file_and_0_8_has_none(prefix):
    keep("0.9.9")
    assert [path.name for path in prefix.iterdir()] == ["kong.conf"]
    _running.keep(_config.make("0.8.3", {}, {}))
    assert [path.name for path in prefix.iterdir()] == ["kong.conf"]


@pytest.mark.parametrize(
    ("version", "keeps_the_end"), [("0.11.2", False), ("0.12.3", True), ("2.2.2", True), ("2.3.3", False)]
)
def test_the_end_of_a_longer_old_file_stays_from_0_12_to_2_2(version, keeps_the_end):
    keep(version, proxy_listen="0.0.0.0:80", log_level="notice" * 100)
    present = keep(version)
    assert present["proxy_listen"].startswith("0.0.0.0:8000")
    assert (_running.read(_config.release_line(version))["proxy_listen"] == "0.0.0.0:80") is keeps_the_end


@pytest.fixture
def prepare(prefix, monkeypatch):
    """Return a function that runs `kong prepare` with variables, and returns the settings in the prefix."""
    monkeypatch.setattr(commands._nginx, "prepare", lambda _config, _node: None)
    monkeypatch.setattr(commands, "keep_prepared", lambda _config: None)
    monkeypatch.setattr(commands, "locate_pid_file", lambda _line, name: prefix / "pids" / name)

    def run(file, **variables):
        monkeypatch.setattr(commands, "read_environment", lambda: {"KONG_VERSION": "2.8.5", **variables})
        commands.prepare(file)
        return _running.read((2, 8))

    return run


def test_a_preparation_without_the_variables_of_the_start_resets_their_settings(prefix, prepare):
    """The running nginx does not notice it, so .kong_env is not what runs."""
    file = prefix / "kong.conf"
    file.write_text("log_level = info\n")
    started = prepare(file, KONG_STATUS_LISTEN="0.0.0.0:8105", KONG_REAL_IP_HEADER="X-Forwarded-For")
    assert (started["status_listen"], started["real_ip_header"]) == ("0.0.0.0:8105", "X-Forwarded-For")
    by_hand = prepare(file)
    assert (by_hand["status_listen"], by_hand["real_ip_header"]) == ("off", "X-Real-IP")
    assert started["log_level"] == by_hand["log_level"] == "info"


def test_a_reload_of_old_versions_reads_the_settings_back():
    keep("1.5.1", status_listen="0.0.0.0:8105", real_ip_header="X-Forwarded-For")
    config = _config.make("1.5.1", _running.read((1, 5)), {"KONG_STATUS_LISTEN": "127.0.0.1:8105"})
    assert config.settings["status_listen"] == "127.0.0.1:8105"
    assert config.settings["real_ip_header"] == "X-Forwarded-For"


def test_switches_are_read_back():
    keep("0.12.3", ssl="off", admin_ssl="on")
    opened = [listener.setting for listener in _config.make("0.12.3", _running.read((0, 12)), {}).listeners]
    assert "proxy_listen_ssl" not in opened
    assert "admin_listen_ssl" in opened


def test_the_placeholder_starts_again_without_the_variables_of_kong(monkeypatch):
    started = []
    monkeypatch.setattr(main.os, "environ", {"PATH": "/bin", "KONG_STATUS_LISTEN": "0.0.0.0:8105"})
    monkeypatch.setattr(main.os, "execve", lambda *arguments: started.append(arguments[2]))
    main._forget_variables()
    assert started == [{"PATH": "/bin"}]
    monkeypatch.setattr(main.os, "environ", {"PATH": "/bin"})
    main._forget_variables()
    assert started == [{"PATH": "/bin"}]


def reload(monkeypatch, version, file=None):
    """Return the settings that `kong reload` prepares."""
    prepared = []
    monkeypatch.setattr(commands, "read_environment", lambda: {"KONG_VERSION": version})
    monkeypatch.setattr(commands, "_prepare", prepared.append)
    monkeypatch.setattr(commands._nginx, "reload", lambda: None)
    commands.reload(file)
    return prepared[0].settings


@pytest.mark.parametrize(
    ("version", "level", "workers"), [("2.2.2", "notice", "2"), ("2.3.3", "debug", "2"), ("3.9.1", "debug", "2")]
)
def test_a_reload_keeps_values_that_were_derived_from_the_old_file(prefix, monkeypatch, version, level, workers):
    keep(version, nginx_worker_processes="2")
    (prefix / "new.conf").write_text("nginx_worker_processes = 1\nlog_level = debug\n")
    found = reload(monkeypatch, version, prefix / "new.conf")
    assert (found["log_level"], found["nginx_main_worker_processes"]) == (level, workers)


def test_a_reload_without_a_file_reads_the_prefix(monkeypatch):
    keep("3.9.1", log_level="debug")
    assert reload(monkeypatch, "3.9.1")["log_level"] == "debug"


def test_directives_are_in_the_configuration_of_nginx():
    given = {"nginx_main_worker_processes": "2", "nginx_main_timer_resolution": "1s", "proxy_error_log": "stderr"}
    text = _nginx.render(_config.make("3.9.1", given, {"KONG_NGINX_HTTP_BOGUS": "on"}), "node")
    lines = text.splitlines()
    assert {"worker_processes 2;", "timer_resolution 1s;", "bogus on;", "error_log stderr notice;"} <= {*lines}
    assert "worker_processes 1;" in _nginx.render(_config.make("0.14.1", {}, {}), "node")
