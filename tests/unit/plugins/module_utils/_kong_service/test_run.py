# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import socket
import sys
from dataclasses import replace

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import Host
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service import commands as _commands
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service import run as _service_run
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service import sockets as _sockets
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.plan import Kong
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.run import Done, Wanted, bring_up
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.sockets import Listener

CONF = "/etc/kong/kong.conf"


@pytest.fixture
def wanted(monkeypatch):
    """Return the listeners for a port on which this program listens in place of Kong, without answering."""
    monkeypatch.setattr(_sockets, "_find_by_hand", lambda _prefix, _proc: {str(os.getpid())})
    monkeypatch.setattr(_service_run, "count_draining", lambda _unit: 0)  # this machine may have a real nginx
    with socket.create_server(("127.0.0.1", 0)) as server:
        listener = Listener("proxy", "tcp", server.getsockname()[1], "127.0.0.1")
        yield Wanted((listener,), (), looks=1)


def make_wanted(looks):
    return Wanted((Listener("proxy", "tcp", 1, "127.0.0.1"),), (), looks)


@pytest.fixture
def command(tmp_path):
    """Return a function that makes commands which record their execution."""
    log = tmp_path / "log"

    def make(name, status=0):
        script = f"open({str(log)!r}, 'a').write({name + ' '!r}); print('said {name}'); raise SystemExit({status})"
        return f'{sys.executable} -c "{script}"'

    make.ran = lambda: log.read_text().split() if log.exists() else []
    return make


def test_after_a_successful_reload_kong_is_not_restarted(command, wanted):
    kong = Kong((3, 9), CONF, restart_command=command("restart"), reload_command=command("reload"))
    done = bring_up(Host(), kong, "reload", wanted, 0)
    assert replace(done, unverified="") == Done("reload", (), ())
    assert done.unverified == "the nginx of the Kong in /usr/local/kong was not found"
    assert command.ran() == ["reload"]


def test_if_a_reload_is_not_enough_kong_is_restarted(command):
    kong = Kong((3, 9), CONF, restart_command=command("restart"), reload_command=command("reload"))
    done = bring_up(Host(), kong, "reload", make_wanted(1), 0)
    assert command.ran() == ["reload", "restart"]
    assert (done.how, done.wrong) == ("restart", ("Kong is not running: its listener is not open",))
    assert done.reasons == ("the reload was not enough: Kong is not running: its listener is not open",)


def test_a_stop_runs_only_the_stop_command(command, wanted, tmp_path):
    program = tmp_path / "kong"
    program.write_text(f"#!/bin/sh\necho $1 >> {tmp_path}/log\n")
    program.chmod(0o755)
    kong = Kong((3, 9), CONF, program=str(program))
    done = bring_up(Host(), kong, "stop", Wanted((), (), 1), 0)
    assert (command.ran(), done.how, done.draining) == (["quit"], "stop", 0)


def test_the_error_of_a_failed_command_has_its_output(command, wanted):
    kong = Kong((3, 9), CONF, restart_command=command("restart", status=3))
    (wrong,) = bring_up(Host(), kong, "restart", wanted, 0).wrong
    assert "failed with status 3: said restart" in wrong


def test_a_command_that_hangs_is_killed(command, wanted, monkeypatch):
    monkeypatch.setattr(_commands, "_COMMAND_SECONDS", 1)
    (wrong,) = bring_up(Host(), Kong((3, 9), CONF, restart_command="sleep 1000"), "restart", wanted, 0).wrong
    assert wrong == "`sleep 1000` did not end within 1 seconds, and was killed"


def test_a_listener_has_to_answer(command, wanted, monkeypatch):
    monkeypatch.setattr(_service_run, "find_silent", list)
    kong = Kong((3, 9), CONF, restart_command=command("restart"))
    done = bring_up(Host(), kong, "restart", Wanted(wanted.listeners, wanted.listeners, 1), 0)
    assert done.wrong == (f"proxy: the listener on {wanted.listeners[0]} does not answer",)


def test_without_checks_no_listener_is_missing(command):
    kong = Kong((3, 9), CONF, restart_command=command("restart"))
    assert bring_up(Host(), kong, "restart", make_wanted(0), 0).wrong == ()


def test_kong_does_not_get_the_variables_of_the_caller(command, wanted, tmp_path, monkeypatch):
    monkeypatch.setitem(os.environ, "KONG_PROXY_LISTEN", "0.0.0.0:1")
    output = f"import os; open({str(tmp_path / 'result')!r}, 'w').write(str('KONG_PROXY_LISTEN' in os.environ))"
    bring_up(Host(), Kong((3, 9), CONF, restart_command=f'{sys.executable} -c "{output}"'), "restart", wanted, 0)
    assert (tmp_path / "result").read_text() == "False"


@pytest.mark.parametrize(
    ("prefix", "expected"), [("", ("", "/usr/local/kong")), ("/srv/kong", ("", "/srv/kong"))], ids=["default", "own"]
)
def test_sockets_are_searched_by_the_prefix_of_kong(prefix, expected, monkeypatch):
    asked = []

    def read_sockets(*arguments):
        asked.append(arguments)
        return _sockets.Sockets((), "")

    monkeypatch.setattr(_service_run, "read_sockets", read_sockets)
    assert _service_run.find_errors(Kong((3, 9), CONF, prefix=prefix), Wanted((), (), looks=1)) == []
    assert asked == [expected]
