# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The effect of a reload: the workers of nginx, and the settings that were prepared last."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import Host
from ansible_collections.gatehouse.kong.plugins.module_utils._host.masters import Master
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service import effect, prepared
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service import running as _running
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.effect import (
    Expected,
    explain_unverified,
    find_ineffective,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.nginx import Nginx
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.plan import Kong

BEFORE = Nginx("/before", "10", frozenset({"11", "12"}))


@pytest.fixture
def running(tmp_path, monkeypatch):
    """Return a function that sets what runs and what is prepared, and returns why the reload has no effect."""

    def look(
        workers, prepared="workers = 1", wanted=None, conf="worker_processes 1;", *, before=BEFORE, version=(3, 9),
        root=Path("/"),
    ):  # fmt: skip
        folder = tmp_path if root == Path("/") else root / "srv/kong"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / ".kong_env").write_text(prepared)
        (folder / "nginx.conf").write_text(f"daemon off;\n{conf}\n")
        now = Nginx(str(tmp_path) if root == Path("/") else "/srv/kong", "10", frozenset(workers), root=root)
        monkeypatch.setattr(effect, "find_nginx", lambda _prefix, *, in_container: now)
        return find_ineffective(Host(), Kong(version, "/kong.conf"), Expected(before, wanted))

    return look


def test_a_reload_with_effect_has_no_error(running):
    assert running({"13"}, wanted={"workers": "1"}) == []
    assert running({"13"}) == []
    assert running({"13", "14"}, conf="worker_processes  2;") == []
    assert running({"13", "14"}, conf="") == []


def test_the_number_of_workers_may_be_that_of_the_processors(running, monkeypatch):
    monkeypatch.setattr(effect.os, "sysconf", {"SC_NPROCESSORS_ONLN": 2}.get)
    assert running({"13", "14"}, conf="worker_processes auto;") == []
    assert len(running({"13"}, conf="worker_processes auto;")) == 1


def test_a_kong_in_a_container_has_the_files_of_its_container(running, tmp_path):
    root = tmp_path / "7/root"
    (line,) = running({"13", "14"}, root=root)
    assert line == "the number of nginx's workers is 2, and worker_processes in /srv/kong/nginx.conf is 1"
    assert running({"13"}, root=root, wanted={"workers": "1"}) == []
    assert len(running({"13"}, root=root, wanted={"workers": "2"})) == 1
    # Some C libraries count the processors of the container.
    assert running({"13"} | {str(number) for number in range(99)} - BEFORE.workers, "", None, "worker_processes auto;",
                   root=root) == []  # fmt: skip


def test_old_workers_are_an_error(running):
    assert running({"11", "13"}) == ["nginx still has its old workers"]


def test_another_number_of_workers_is_an_error(running, tmp_path):
    (line,) = running({"13", "14"})
    assert line == f"the number of nginx's workers is 2, and worker_processes in {tmp_path}/nginx.conf is 1"


def test_old_values_are_named_without_the_values(running, tmp_path):
    wanted = {"workers": "1", "pg_password": "new", "log_level": "info"}
    (line,) = running({"13"}, "workers = 1\npg_password = old", wanted)
    assert line == f"{tmp_path} does not have the values of /kong.conf: log_level, pg_password"
    (line,) = running({"13"}, wanted={"workers": "1", **dict.fromkeys("abcdefg", "1")})
    assert line.endswith(": a, b, c, d, e and 2 more")


def test_the_end_of_an_older_text_is_no_difference(running):
    wanted = {"workers": "1", "log_level": "info"}
    prepared = "workers = 1\nlog_level = info\nel = debug\nlog_level = debug\n"
    assert running({"13"}, prepared, wanted, version=(2, 2)) == []
    assert running({"13"}, prepared.replace("workers = 1", "workers = 2"), wanted, version=(2, 2)) != []
    assert running({"13"}, "workers = 1\n", wanted, version=(2, 3)) != []


@pytest.mark.parametrize("version", [(1, 5), (2, 3)])
def test_a_setting_without_a_line_is_empty(running, version):
    """Kong leaves out empty values, such as trusted_ips, so the reload had no effect."""
    (line,) = running({"13"}, wanted={"workers": "1", "trusted_ips": "10.0.0.0/8"}, version=version)
    assert line.endswith(": trusted_ips")


def test_the_effect_is_not_checked_if_kong_was_not_found(running):
    assert running({"11"}, "workers = 2", {"workers": "1"}, before=Nginx("/before")) == []
    unknown = explain_unverified(Host(), Kong((3, 9), "/kong.conf"), Expected(Nginx("/before"), {"workers": "1"}))
    assert unknown == "the nginx of the Kong in /before was not found"
    assert explain_unverified(Host(), Kong((3, 9), "/kong.conf"), Expected(BEFORE, {"workers": "1"})) == ""


def refuse(*_given, **_more):
    raise OSError("no")


def test_settings_that_cannot_be_read_are_not_compared(running, monkeypatch):
    assert running({"13"}, "", {"workers": "1"}) == []
    monkeypatch.setattr(Path, "read_text", refuse)
    assert find_ineffective(Host(), Kong((3, 9), "/kong.conf"), Expected(BEFORE, {"workers": "1"})) == []


@pytest.fixture
def by_own_command(tmp_path, monkeypatch):
    """Return a function that compares Kong's file with the prefix in a container, without a test of the file."""
    root, conf = tmp_path / "7/root", tmp_path / "kong.conf"
    (root / "srv/kong").mkdir(parents=True)
    master = Master(tmp_path / "7", "/srv/kong", shares_network=False)
    now = Nginx("/srv/kong", "7", frozenset({"13"}), root=root)
    asked = []

    def find_master(prefix, *, unit, in_container):
        asked.append((prefix, in_container))
        return master

    monkeypatch.setattr(_running, "find_master", find_master)
    monkeypatch.setattr(effect, "find_nginx", lambda _prefix, *, in_container: now)
    monkeypatch.setattr(prepared, "find_start", lambda _master: conf.stat().st_mtime + 60)

    def compare(settings, text, variables=()):
        conf.write_text("".join(f"{name} = {value}\n" for name, value in settings.items()))
        (root / "srv/kong/.kong_env").write_text(text)
        found = {name: _running.Variable(value, "container") for name, value in dict(variables).items()}
        monkeypatch.setattr(_running, "_find_variables", lambda _host, _running: found)
        kong = Kong((3, 9), str(conf), settings=settings, reload_command="docker exec kong kong reload")
        expected = Expected(replace(BEFORE, prefix="/srv/kong"), None, in_container=True)
        lines = find_ineffective(Host(), kong, expected)
        assert {*asked} == {("/srv/kong", True)}
        compare.unverified = explain_unverified(Host(), kong, expected)
        return lines

    compare.conf = conf
    return compare


def test_after_a_reload_by_an_own_command_the_prefix_is_compared_with_the_file(by_own_command):
    settings = {"log_level": "info", "pg_password": "new", "proxy_listen": "0.0.0.0:80, [::]:80"}
    text = "log_level = info\npg_password = new\nproxy_listen = 0.0.0.0:80,[::]:80\nrole = traditional\n"
    assert by_own_command(settings, text) == []
    (line,) = by_own_command(settings, text.replace("new", "old").replace("info", "notice"))
    assert line == f"/srv/kong does not have the values of {by_own_command.conf}: log_level, pg_password"


def test_a_known_setting_without_a_line_is_empty(by_own_command, tmp_path):
    """The names of all settings are those of the Kong in the container."""
    settings, text = {"trusted_ips": "10.0.0.0/8", "port_maps": "80:8000"}, "log_level = notice\n"
    assert by_own_command(settings, text) == []
    assert by_own_command.unverified == "/srv/kong/.kong_env does not show the values of port_maps, trusted_ips"
    lua = tmp_path / "7/root/usr/local/share/lua/5.1/kong/templates"
    lua.mkdir(parents=True)
    (lua / "kong_defaults.lua").write_text("return [[\ntrusted_ips = NONE\nport_maps = NONE\n]]\n")
    (line,) = by_own_command(settings, text)
    assert line.endswith(": port_maps, trusted_ips")
    assert by_own_command(settings, "trusted_ips = 10.0.0.0/8\nport_maps = 80:8000\n") == []
    assert by_own_command.unverified == ""
    # Kong leaves out an empty value.
    assert by_own_command({"trusted_ips": ""}, text) == []


def test_the_number_of_workers_is_that_of_the_file(by_own_command):
    (line,) = by_own_command({"nginx_main_worker_processes": "1"}, "nginx_main_worker_processes = 2\n")
    assert line.endswith(": nginx_main_worker_processes")
    assert by_own_command({"nginx_main_worker_processes": "1"}, "nginx_main_worker_processes = 1\n") == []
    assert by_own_command.unverified == ""


WORKERS, ALIAS = "nginx_worker_processes", "nginx_main_worker_processes"


@pytest.mark.parametrize(
    ("settings", "prepared", "variables", "is_old"),
    [
        ({WORKERS: "1"}, {WORKERS: "1", ALIAS: "2"}, {}, True),
        ({WORKERS: "1"}, {WORKERS: "1", ALIAS: "1"}, {}, False),
        # Before 2.0 there is no alias.
        ({WORKERS: "1"}, {WORKERS: "1"}, {}, False),
        ({WORKERS: "1", ALIAS: "2"}, {WORKERS: "1", ALIAS: "2"}, {}, False),
        ({WORKERS: "1"}, {WORKERS: "1", ALIAS: "2"}, {"KONG_NGINX_MAIN_WORKER_PROCESSES": "2"}, False),
        ({WORKERS: "1"}, {WORKERS: "2", ALIAS: "2"}, {"KONG_NGINX_WORKER_PROCESSES": "2"}, False),
        ({WORKERS: "2"}, {WORKERS: "1", ALIAS: "2"}, {"KONG_NGINX_WORKER_PROCESSES": "1"}, True),
        ({"log_level": "info"}, {"log_level": "info", WORKERS: "1", ALIAS: "2"}, {}, False),
    ],
)
def test_a_reload_that_keeps_the_derived_number_of_workers(by_own_command, settings, prepared, variables, is_old):
    """nginx.conf has the old number then, like the running nginx."""
    lines = by_own_command(settings, "".join(f"{name} = {value}\n" for name, value in prepared.items()), variables)
    assert [line.rpartition(": ")[2] for line in lines] == [WORKERS] * is_old


def test_values_that_cannot_be_compared_are_unverified(by_own_command):
    settings = {
        "ssl_cert": "/a.pem",
        "lua_socket_pool_size": "30",
        "nginx_http_include": "/etc/a.conf",
        "log_level": "info",
    }
    text = "ssl_cert = /b.pem\nlua_socket_pool_size = 30\nnginx_http_include = /etc/b.conf\nlog_level = info\n"
    assert by_own_command(settings, text) == []
    assert by_own_command.unverified == "/srv/kong/.kong_env does not show the values of nginx_http_include, ssl_cert"
    assert by_own_command(settings, text, {"KONG_SSL_CERT": "/b.pem", "KONG_NGINX_HTTP_INCLUDE": "/etc/b.conf"}) == []
    assert by_own_command.unverified == ""


def test_a_variable_that_overrides_the_file_is_no_fault_of_the_reload(by_own_command):
    variables = {"KONG_LOG_LEVEL": "debug"}
    assert by_own_command({"log_level": "info"}, "log_level = debug\n", variables) == []


def test_without_the_settings_of_the_prefix_nothing_is_compared(by_own_command, monkeypatch):
    monkeypatch.setattr(prepared, "find_start", lambda _master: 0.0)
    assert by_own_command({"log_level": "info"}, "log_level = notice\n") == []
    assert by_own_command.unverified == "/srv/kong/.kong_env is newer than the processes of nginx"
    monkeypatch.setattr(prepared, "find_start", refuse)
    assert by_own_command({"log_level": "info"}, "log_level = notice\n") == []
    assert by_own_command.unverified == "/srv/kong/.kong_env cannot be read"
