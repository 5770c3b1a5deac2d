# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
import pwd

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import Host, HostError
from ansible_collections.gatehouse.kong.plugins.module_utils._host.masters import Container, Master
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service import running
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.running import (
    KongFile,
    Running,
    find_fallbacks,
    find_running,
    find_starter,
    read_sources,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.unit_environment import Variable

NUMBER = "0123456789abcdef" * 4


class FakeHost(Host):
    """A host with units, whose properties `systemctl show` prints, and with one container."""

    manager, start = "", ""
    of_container = ("KONG_PG_PASSWORD=s=x", "KONG_LOG_LEVEL=info")

    def __init__(self, root="/", **units):
        super().__init__(root)
        self.units = units

    def which(self, program):
        return program

    def run(self, *argv, **_more):
        if argv[0] in ("podman", "docker"):
            if argv[2] != NUMBER:
                raise HostError("no such container")
            return json.dumps([{"Config": {"Env": ["PATH=/bin", *self.of_container]}}])
        if argv == ("systemctl", "show", "--property=Environment"):
            return f"Environment={self.manager}\n"
        if argv[-1] == "--value" and argv[3].startswith("--property=Exec"):
            return self.start if argv[3] == "--property=ExecStart" else ""
        unit = self.units.get(argv[2].partition(".")[0].replace("-", "_"))
        if "--value" in argv:
            return "loaded\n" if unit else "not-found\n"
        return "".join(f"{name}={value}\n" for name, value in (unit or {}).items())


@pytest.fixture
def run_master(monkeypatch, tmp_path):
    def put(unit=None, container=None):
        master = Master(tmp_path / "7", "/usr/local/kong", unit, container)
        monkeypatch.setattr(running, "find_master", lambda _prefix, **_more: master)

    monkeypatch.setattr(running, "find_master", lambda _prefix, **_more: None)
    return put


OF_PACKAGE = {"Type": "simple", "MainPID": "7", "ExecStart": "{ path=/usr/local/openresty/nginx/sbin/nginx ; }"}
OF_USER = {"Type": "forking", "MainPID": "0", "ExecStart": "{ path=/usr/local/bin/kong ; argv[]=kong start ; }"}
CRON = {"Type": "simple", "MainPID": "3", "ExecStart": "{ path=/usr/sbin/cron ; }"}
ONCE = {"Type": "oneshot", "MainPID": "0", "ExecStart": "{ path=/usr/local/bin/kong ; argv[]=kong start ; }"}


def find_unit(host, service="kong"):
    return find_running(host, service, "/usr/local/kong").unit


def test_a_running_kong_has_the_unit_of_its_nginx(run_master):
    run_master("kong-enterprise-edition.service")
    assert find_unit(FakeHost(kong=OF_USER, kong_enterprise_edition=OF_PACKAGE)) == "kong-enterprise-edition.service"
    run_master("gateway.service")
    assert find_unit(FakeHost(gateway=OF_USER)) == "gateway.service"


@pytest.mark.parametrize(("unit", "properties"), [(None, {}), ("cron.service", CRON), ("boot.service", ONCE)])
def test_a_kong_that_was_started_by_hand_has_no_unit(run_master, unit, properties):
    run_master(unit)
    assert find_unit(FakeHost(kong=OF_PACKAGE, cron=properties, boot=properties)) == ""


def test_the_unit_that_the_user_names_may_have_any_command(run_master):
    run_master("api.service")
    assert find_unit(FakeHost(api=CRON), "api") == "api.service"


@pytest.mark.parametrize(
    ("service", "units", "expected"),
    [
        ("kong", {"kong": OF_PACKAGE, "kong_enterprise_edition": OF_PACKAGE}, "kong.service"),
        ("kong", {"kong_enterprise_edition": OF_PACKAGE}, "kong-enterprise-edition.service"),
        ("gateway", {"kong_enterprise_edition": OF_PACKAGE}, ""),
        ("kong", {}, ""),
    ],
)
def test_a_kong_that_does_not_run_has_the_named_unit(run_master, service, units, expected):
    assert find_unit(FakeHost(**units), service) == expected


@pytest.mark.parametrize("engine", ["podman", "docker"])
def test_the_variables_of_a_container(run_master, tmp_path, engine):
    run_master(container=Container(engine, NUMBER))
    found = find_running(FakeHost(kong=OF_PACKAGE), "kong", "/usr/local/kong", in_container=True)
    assert found.unit == ""
    sources = read_sources(FakeHost(tmp_path), found, KongFile("", "conf", {}), ["log_level"])
    origin = f"the environment of container {NUMBER[:12]}"
    assert sources.variables == {
        "KONG_PG_PASSWORD": Variable("s=x", origin),
        "KONG_LOG_LEVEL": Variable("info", origin),
    }


def test_a_variable_of_a_container_whose_value_is_in_a_file(run_master, tmp_path, monkeypatch):
    """The entrypoint of the image reads the file, which may be a secret. Its value is not that of a missing line."""
    run_master(container=Container("docker", NUMBER))
    given = (
        "KONG_ADMIN_LISTEN_FILE=/run/secrets/a",
        "KONG_PG_PASSWORD_FILE=",
        "KONG_PG_USER=u",
        "KONG_PG_USER_FILE=/u",
    )
    monkeypatch.setattr(FakeHost, "of_container", given)
    host, file = FakeHost(tmp_path), KongFile("", "conf", {})
    found = find_running(host, "kong", "/usr/local/kong", in_container=True)
    variables = read_sources(host, found, file, ["admin_listen"]).variables
    origin = f"the environment of container {NUMBER[:12]}"
    assert variables["KONG_ADMIN_LISTEN"] == Variable("", f"KONG_ADMIN_LISTEN_FILE in {origin}", is_known=False)
    assert variables["KONG_PG_USER"] == Variable("u", origin)
    assert "KONG_PG_PASSWORD" not in variables
    assert find_fallbacks(host, found, file, ["admin_listen"]) == {}


def test_the_variables_of_a_container_that_come_from_kongs_file(run_master, tmp_path):
    """Otherwise the old value in the container would block each change of the file."""
    run_master(container=Container("docker", NUMBER))
    (tmp_path / "kong.env").write_text("KONG_LOG_LEVEL=info\nKONG_PG_PASSWORD=other\n")
    found = find_running(FakeHost(), "kong", "/usr/local/kong")
    file = KongFile("/kong.env", "env", {})
    sources = read_sources(FakeHost(tmp_path), found, file, ["log_level", "pg_password"])
    assert {*sources.variables} == {"KONG_PG_PASSWORD"}


def test_a_container_of_another_user_has_unknown_variables(run_master, tmp_path):
    run_master(container=Container("podman", "0" * 64))
    found = find_running(FakeHost(), "kong", "/usr/local/kong", in_container=True)
    assert read_sources(FakeHost(tmp_path), found, KongFile("", "conf", {}), []).variables == {}


def make_host(tmp_path):
    folder = tmp_path / "etc/kong"
    folder.mkdir(parents=True)
    (folder / "kong.conf").write_text("log_level = info # x\n")
    (folder / "kong.env").write_text("KONG_LOG_LEVEL=info\nKONG_ROLE=traditional\n")
    (folder / "other.env").write_text("KONG_ROLE=data_plane\n")
    files = "/etc/kong/kong.env (ignore_errors=yes)\nEnvironmentFiles=/etc/kong/other.env (ignore_errors=no)"
    return FakeHost(tmp_path, kong={**OF_PACKAGE, "Environment": "KONG_SSL=on", "EnvironmentFiles": files})


def test_the_values_of_the_file_and_the_variables_of_the_unit(tmp_path):
    host = make_host(tmp_path)
    file = KongFile("/etc/kong/kong.conf", "conf", {"role": "traditional"})
    sources = read_sources(host, Running(None, "kong.service"), file, ["log_level", "role"])
    assert (sources.file, sources.prepared) == ({"log_level": "info", "role": None}, None)
    assert sources.changed == (tmp_path / "etc/kong/kong.conf").stat().st_mtime
    assert {name: variable.origin for name, variable in sources.variables.items()} == {
        "KONG_SSL": "Environment= of kong.service",
        "KONG_LOG_LEVEL": "/etc/kong/kong.env",
        "KONG_ROLE": "/etc/kong/other.env",
    }


def test_with_variables_as_kongs_file_only_other_variables_override_it(tmp_path):
    host = make_host(tmp_path)
    file = KongFile("/etc/kong/kong.env", "env", {})
    sources = read_sources(host, Running(None, "kong.service"), file, ["log_level", "role"])
    assert sources.file == {"log_level": "info", "role": "traditional"}
    assert {*sources.variables} == {"KONG_SSL", "KONG_ROLE"}


@pytest.mark.parametrize("value", ["0.0.0.0:80", "'0.0.0.0:80'", '"0.0.0.0:80" '])
def test_systemd_removes_the_quotes_of_a_file_of_variables(tmp_path, value):
    host = make_host(tmp_path)
    (tmp_path / "etc/kong/kong.env").write_text(f"KONG_PROXY_LISTEN={value}\n")
    file, names = KongFile("/etc/kong/kong.env", "env", {}), ["proxy_listen", "role"]
    assert read_sources(host, UNIT, file, names).file == {"proxy_listen": "0.0.0.0:80", "role": None}
    assert running.read_quoted(host, UNIT, file, names) == {"proxy_listen": "0.0.0.0:80"}
    assert running.read_quoted(host, UNIT, KongFile("/etc/kong/kong.env", "conf", {}), names) == {}


def test_a_container_keeps_the_quotes_of_a_file_of_variables(run_master, tmp_path):
    run_master(container=Container("docker", NUMBER))
    (tmp_path / "kong.env").write_text('KONG_LOG_LEVEL="info"\n')
    found = find_running(FakeHost(tmp_path), "kong", "/usr/local/kong", in_container=True)
    sources = read_sources(FakeHost(tmp_path), found, KongFile("/kong.env", "env", {}), ["log_level"])
    assert sources.file == {"log_level": '"info"'}


UNIT = Running(None, "kong.service")


@pytest.fixture
def installed(monkeypatch):
    monkeypatch.setattr(
        running, "find_installed_defaults", lambda *_lua: {"log_level": "notice", "role": "of the package"}
    )


def test_the_values_without_lines_are_those_of_variables_then_defaults(tmp_path, installed):
    host = make_host(tmp_path)
    names = ["log_level", "role", "ssl", "database"]
    found = find_fallbacks(host, UNIT, KongFile("/etc/kong/kong.conf", "conf", {"ssl": "off"}), names)
    assert found == {"log_level": "info", "role": "data_plane", "ssl": "on"}
    assert find_fallbacks(host, Running(None, ""), KongFile("", "conf", {"ssl": "off"}), names) == {
        "log_level": "notice", "role": "of the package", "ssl": "off",
    }  # fmt: skip


@pytest.mark.parametrize(
    "more",
    [
        {"manager": "KONG_SSL=on"},
        {"Environment": "KONG_SSL=on", "FragmentPath": "/run/systemd/system/kong.service"},
    ],
)
def test_a_variable_that_the_next_boot_removes_does_not_count(tmp_path, installed, more):
    host = make_host(tmp_path)
    host.manager, host.units["kong"] = more.pop("manager", ""), {**OF_PACKAGE, **more}
    (tmp_path / "run/systemd/system").mkdir(parents=True)
    (tmp_path / "run/systemd/system/kong.service").write_text("[Service]\nEnvironment=KONG_SSL=on\n")
    assert "ssl" not in find_fallbacks(host, UNIT, KongFile("/etc/kong/kong.conf", "conf", {}), ["ssl"])


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("kong start", {"log_level": "info", "database": "postgres", "ssl": "on"}),
        ("kong start -c /k.conf", {"log_level": "debug", "database": "postgres", "ssl": "on"}),
        ("/opt/start", {"ssl": "on"}),
    ],
)
def test_below_a_file_of_variables_is_the_kong_conf_of_the_unit(tmp_path, installed, command, expected):
    host = make_host(tmp_path)
    (tmp_path / "k.conf").write_text("log_level = debug\n")
    host.units["kong"]["EnvironmentFiles"] = "/etc/kong/kong.env (ignore_errors=yes)"
    host.start = f"{{ path=/x ; argv[]={command} ; ignore_errors=no ; }}"
    file = KongFile("/etc/kong/kong.env", "env", {"database": "postgres"})
    found = find_fallbacks(host, UNIT, file, ["log_level", "database", "ssl"])
    assert {name: found.get(name) for name in ("log_level", "database", "ssl") if name in found} == expected
    assert read_sources(host, UNIT, file, ["log_level"]).defaults.get("log_level") == expected.get("log_level")


def test_below_the_variables_of_a_container_nothing_is_known(run_master, tmp_path, installed):
    run_master(container=Container("docker", NUMBER))
    host = FakeHost(tmp_path)
    found = find_running(host, "kong", "/usr/local/kong", in_container=True)
    assert find_fallbacks(host, found, KongFile("/kong.env", "env", {}), ["log_level", "role"]) == {"log_level": "info"}
    assert find_fallbacks(host, found, KongFile("/kong.conf", "conf", {"role": "x"}), ["role"]) == {"role": "x"}


def test_a_missing_file_and_a_file_that_kong_does_not_read(tmp_path):
    host = FakeHost(tmp_path)
    (tmp_path / "k").write_text("[section]\n")
    for path in ("/missing", "/k"):
        sources = read_sources(host, Running(None, ""), KongFile(path, "conf", {}), ["role"])
        assert sources.file.get("role") is None


@pytest.mark.parametrize(
    ("effective", "unit", "expected"),
    [
        (0, None, ""),
        (1, None, pwd.getpwuid(1).pw_name),
        (54321, None, "54321"),
        (1, "kong.service", ""),
        (None, None, ""),
    ],
)
def test_the_user_who_started_a_kong_by_hand(run_master, tmp_path, effective, unit, expected):
    assert find_starter(find_running(FakeHost(), "kong", "/usr/local/kong")) == ""
    run_master(unit)
    if effective is not None:
        (tmp_path / "7").mkdir()
        (tmp_path / "7/status").write_text(f"Name:\tnginx\nUid:\t1000\t{effective}\t0\t0\n")
    assert find_starter(find_running(FakeHost(kong=OF_PACKAGE), "kong", "/usr/local/kong")) == expected
