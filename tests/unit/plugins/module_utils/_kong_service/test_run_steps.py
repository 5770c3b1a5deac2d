# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Steps, their environment and the checks after them, with doubles of processes, sockets and time."""

from __future__ import annotations

import subprocess
from types import SimpleNamespace

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import HostError
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service import run
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.plan import Kong, ServiceError, Step
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.run import (
    Done,
    Wanted,
    bring_up,
    find_errors,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.sockets import Listener, Socket, Sockets

KONG = Kong((3, 9), "/kong.conf", reload_command="reload it", restart_command="restart it", variables={"OF_UNIT": "1"})
PROXY = Listener("proxy", "tcp", 8000, "127.0.0.1")
OPEN = Socket("tcp", 8000, "127.0.0.1", "nginx", "/usr/local/kong")


@pytest.fixture
def world(monkeypatch):
    """Record commands and pauses; `sockets` and `draining` have the answers, of which the last is repeated."""
    made = SimpleNamespace(ran=[], pauses=[], now=0.0, sockets=[[OPEN]], asked=[], draining=[0], silent=[], status=0)

    def next_of(answers):
        return answers.pop(0) if len(answers) > 1 else answers[0]

    def completed(argv, seconds, *, environment):
        made.ran.append((argv, seconds, environment))
        if isinstance(made.status, Exception):
            raise made.status
        return subprocess.CompletedProcess(argv, made.status, "out 1\nout 2\n", made.stderr)

    def read_sockets(unit="", prefix=""):
        made.asked.append((unit, prefix))
        return Sockets(tuple(next_of(made.sockets)), unit or prefix)

    def sleep(seconds):
        made.pauses.append(seconds)
        made.now += seconds

    made.stderr = ""
    monkeypatch.setattr(run, "completed", completed)
    monkeypatch.setattr(run, "read_sockets", read_sockets)
    monkeypatch.setattr(run, "find_silent", lambda http: [one for one in http if one.name in made.silent])
    monkeypatch.setattr(run, "draining", lambda _unit: next_of(made.draining))
    monkeypatch.setattr(run, "time", SimpleNamespace(sleep=sleep, monotonic=lambda: made.now))
    return made


def commands(world):
    return [" ".join(argv) for argv, _seconds, _environment in world.ran]


def wanted(looks=3, http=()):
    return Wanted((PROXY,), http, looks)


def test_a_reload_that_is_enough(world):
    world.draining = [2, 1, 0]
    assert bring_up(KONG, "reload", wanted(), 10) == Done("reload", (), (), 0)
    assert (commands(world), world.pauses) == (["reload it"], [0, 0.2, 0.2])
    assert world.asked == [("", "/usr/local/kong")]


def test_old_workers_are_waited_for_only_so_long(world):
    world.draining = [3]
    assert bring_up(KONG, "reload", wanted(), 1) == Done("reload", (), (), 3)
    assert sum(world.pauses) == pytest.approx(1, abs=0.21)


def test_a_reload_that_is_not_enough_is_checked_five_times(world):
    world.sockets = [*[[]] * 5, [OPEN]]
    done = bring_up(KONG, "reload", wanted(30), 10)
    assert (done.how, done.wrong, len(done.reasons)) == ("restart", (), 1)
    assert "proxy" in done.reasons[0]
    assert (commands(world), world.pauses) == (["reload it", "restart it"], [0, 1, 1, 1, 1, 0])


def test_a_restart_is_checked_once_per_second(world):
    world.sockets = [[], [], [OPEN]]
    assert bring_up(KONG, "restart", wanted(3), 10) == Done("restart", (), ())
    assert world.pauses == [0, 1, 1]
    world.sockets, world.asked = [[]], []
    assert [line.partition(":")[0] for line in bring_up(KONG, "restart", wanted(2), 10).wrong] == ["proxy"]
    assert len(world.asked) == 2


def test_the_prefix_of_kong_finds_its_sockets(world):
    find_errors(Kong((3, 9), "/kong.conf", prefix="/srv/kong"), wanted())
    find_errors(Kong((3, 9), "/kong.conf", prefix="/srv/kong", unit="kong.service"), wanted())
    assert world.asked == [("", "/srv/kong"), ("kong.service", "/srv/kong")]


def test_a_listener_that_does_not_answer_is_wrong(world):
    world.silent = ["proxy"]
    (line,) = find_errors(KONG, wanted(http=(PROXY,)))
    assert line.startswith("proxy: ")
    assert find_errors(KONG, wanted()) == []


@pytest.mark.parametrize("as_kong", [True, False])
def test_only_kongs_own_programs_get_the_variables_of_its_unit(world, monkeypatch, as_kong):
    monkeypatch.setattr(run, "os", SimpleNamespace(environ={"PATH": "/bin", "KONG_ADMIN_LISTEN": "x"}))
    run._run(Step(("kong", "prepare"), as_kong=as_kong), KONG)
    ((_argv, seconds, environment),) = world.ran
    assert environment == {"PATH": "/bin", **({"OF_UNIT": "1"} if as_kong else {})}
    assert seconds >= 60


@pytest.mark.parametrize(
    "stderr, shown", [("", "out 1 / out 2"), ("".join(f"{n}\n" for n in range(9)), "4 / 5 / 6 / 7 / 8")]
)
def test_a_failed_step_shows_its_last_lines(world, stderr, shown):
    world.status, world.stderr = 3, stderr
    (line,) = bring_up(KONG, "restart", wanted(), 0).wrong
    assert line == f"`restart it` failed with status 3: {shown}"
    run._run(Step(("kong", "quit"), required=False), KONG)
    world.status = HostError("no kong")
    with pytest.raises(ServiceError, match="no kong"):
        run._run(Step(("kong", "quit"), required=False), KONG)


def test_a_step_that_settles_waits_for_serf(world):
    serf = Socket("tcp", 7373, "127.0.0.1", "serf", None)
    world.sockets = [[serf, OPEN], [serf], [OPEN]]
    run._run(Step(("systemctl", "stop", "kong"), settles=True), KONG)
    assert world.pauses == [0.2, 0.2]
    run._run(Step(("systemctl", "stop", "kong")), KONG)
    assert len(world.asked) == 3
