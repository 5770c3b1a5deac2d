# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The properties of Kong's systemd unit that a host reports."""

from __future__ import annotations

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import Host, HostError
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.unit import (
    find_unit,
    read_commands,
    read_directory,
    read_user,
)


class FakeHost(Host):
    """A host whose systemd reports `values` by property; an exception is raised."""

    def __init__(self, *, has_systemd=True, **values):
        super().__init__()
        self.has_systemd, self.values, self.calls = has_systemd, values, []

    def which(self, program):
        assert program == "systemctl"
        return "/bin/systemctl" if self.has_systemd else None

    def run(self, *argv, **_limits):
        self.calls.append(argv)
        value = self.values[argv[3].removeprefix("--property=")]
        if isinstance(value, Exception):
            raise value
        return f"{value}\n"


@pytest.mark.parametrize(
    "service, host, expected",
    [
        ("kong", FakeHost(LoadState="loaded"), "kong.service"),
        ("kong.service", FakeHost(LoadState="loaded"), "kong.service"),
        ("kong.target", FakeHost(LoadState="loaded"), "kong.target"),
        ("kong", FakeHost(LoadState="not-found"), ""),
        ("kong", FakeHost(LoadState=HostError("no")), ""),
        ("kong", FakeHost(has_systemd=False), ""),
        ("", FakeHost(), ""),
    ],
)
def test_the_unit_of_a_service(service, host, expected):
    assert find_unit(host, service) == expected
    assert host.calls in ([], [("systemctl", "show", expected or "kong.service", "--property=LoadState", "--value")])


SHOWN = (
    "{ path=/usr/local/bin/kong ; argv[]=/usr/local/bin/kong prepare -p /usr/local/kong ; ignore_errors=no ; start_time=[n/a] ; }\n"
    "{ path=/bin/sh ; argv[]=/bin/sh -c 'kong reload; kill -HUP 1' ; ignore_errors=yes ; start_time=[n/a] ; }"
)


def test_the_commands_of_a_unit():
    host = FakeHost(ExecStart="{ path=/x ; argv[]=/x -d ; ignore_errors=no ; }", ExecReload=SHOWN)
    assert read_commands(host, "kong.service", "ExecStart", "ExecReload") == (
        ("/x", "-d"),
        ("/usr/local/bin/kong", "prepare", "-p", "/usr/local/kong"),
        ("/bin/sh", "-c", "kong", "reload", "kill", "-HUP", "1"),
    )
    assert host.calls[1] == ("systemctl", "show", "kong.service", "--property=ExecReload", "--value")
    assert read_commands(FakeHost(), "", "ExecReload") == ()
    assert read_commands(FakeHost(ExecReload=""), "kong.service", "ExecReload") == ()


@pytest.mark.parametrize("user, expected", [("kong", "kong"), ("root", ""), ("0", ""), ("", "")])
def test_the_user_of_a_unit(user, expected):
    assert read_user(FakeHost(User=user), "kong.service") == expected
    assert read_user(FakeHost(), "") == ""


@pytest.mark.parametrize(
    "shown, expected", [("/", "/"), ("/usr", "/usr"), ("!/usr", "/usr"), ("!/missing", "/"), ("~", "/"), ("", "/")]
)
def test_the_working_directory_of_a_unit(shown, expected):
    assert read_directory(FakeHost(WorkingDirectory=shown), "kong.service") == expected
    assert read_directory(FakeHost(), "") == ""
