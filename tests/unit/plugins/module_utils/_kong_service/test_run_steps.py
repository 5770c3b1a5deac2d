# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Steps, their environment and the checks after them, with doubles of processes, sockets and time."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from types import SimpleNamespace

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import PROGRAMS, Host, HostError
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service import commands as steps
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service import effect, run
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.nginx import Nginx
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
NOT_RUNNING = "Kong is not running: its listener is not open"
NGINX = Nginx("/usr/local/kong", "10", frozenset({"11"}))
OPEN = Socket("tcp", 8000, "127.0.0.1", "nginx", "/usr/local/kong")


@pytest.fixture
def world(monkeypatch):
    """Record commands and pauses; `sockets` and `draining` have the answers, of which the last is repeated."""
    made = SimpleNamespace(ran=[], pauses=[], now=0.0, sockets=[[OPEN]], asked=[], draining=[0], silent=[], status=0)
    made.directories = []

    def take_next(answers):
        return answers.pop(0) if len(answers) > 1 else answers[0]

    def complete(argv, seconds, *, environment, directory):
        made.ran.append((argv, seconds, environment))
        made.directories.append(directory)
        if isinstance(made.status, Exception):
            raise made.status
        return subprocess.CompletedProcess(argv, made.status, "out 1\nout 2\n", made.stderr)

    def read_sockets(unit="", prefix=""):
        made.asked.append((unit, prefix))
        return Sockets(tuple(take_next(made.sockets)), unit or prefix)

    def wait(seconds):
        made.pauses.append(seconds)
        made.now += seconds

    def rehearse(_kong, _nginx):
        if isinstance(made.settings, Exception):
            raise made.settings
        return made.settings

    made.stderr, made.errors, made.settings, made.ineffective = "", [], {"a": "b"}, [[]]
    made.nginx = [NGINX, Nginx("/usr/local/kong", "10", frozenset({"12"}))]
    monkeypatch.setattr(steps, "run_program", complete)
    monkeypatch.setattr(steps, "read_sockets", read_sockets)
    monkeypatch.setattr(steps, "time", SimpleNamespace(sleep=wait, monotonic=lambda: made.now))
    monkeypatch.setattr(run, "read_sockets", read_sockets)
    monkeypatch.setattr(run, "rehearse", rehearse)
    monkeypatch.setattr(run, "find_nginx", lambda _prefix, *, in_container: made.nginx[0])
    monkeypatch.setattr(effect, "find_nginx", lambda _prefix, *, in_container: made.nginx[-1])
    monkeypatch.setattr(run, "mark_logs", lambda unit, nginx, _log: (unit, nginx))
    monkeypatch.setattr(run, "read_errors", lambda _host, _mark: made.errors)
    monkeypatch.setattr(run, "find_ineffective", lambda *_given: take_next(made.ineffective))
    monkeypatch.setattr(
        run, "find_silent", lambda http: [listener for listener in http if listener.name in made.silent]
    )
    monkeypatch.setattr(run, "count_draining", lambda _unit: take_next(made.draining))
    monkeypatch.setattr(run, "time", SimpleNamespace(sleep=wait, monotonic=lambda: made.now))
    return made


def list_commands(world):
    return [" ".join(argv) for argv, _seconds, _environment in world.ran]


def make_wanted(looks=3, http=()):
    return Wanted((PROXY,), http, looks)


def test_a_reload_that_is_enough(world):
    world.draining = [2, 1, 0]
    assert bring_up(Host(), KONG, "reload", make_wanted(), 10) == Done("reload", (), (), 0)
    assert (list_commands(world), world.pauses) == (["reload it"], [0, 0.2, 0.2])
    assert world.asked == [("", "/usr/local/kong")] * 2


def test_old_workers_are_waited_for_only_so_long(world):
    world.draining = [3]
    assert bring_up(Host(), KONG, "reload", make_wanted(), 1) == Done("reload", (), (), 3)
    assert sum(world.pauses) == pytest.approx(1, abs=0.21)


def test_a_reload_that_is_not_enough_is_checked_five_times(world):
    world.sockets = [*[[]] * 6, [OPEN]]
    done = bring_up(Host(), KONG, "reload", make_wanted(30), 10)
    assert (done.how, done.wrong, len(done.reasons)) == ("restart", (), 1)
    assert done.reasons == (f"the reload was not enough: {NOT_RUNNING}",)
    assert (list_commands(world), world.pauses) == (["reload it", "restart it"], [0, 1, 1, 1, 1, 0])


def test_a_restart_is_checked_once_per_second(world):
    world.sockets = [[], [], [], [OPEN]]
    assert bring_up(Host(), KONG, "restart", make_wanted(3), 10) == Done("restart", (), ())
    assert world.pauses == [0, 1, 1]
    world.sockets, world.asked = [[]], []
    assert bring_up(Host(), KONG, "restart", make_wanted(2), 10).wrong == (NOT_RUNNING,)
    assert len(world.asked) == 3


def test_the_prefix_of_kong_finds_its_sockets(world):
    find_errors(Kong((3, 9), "/kong.conf", prefix="/srv/kong"), make_wanted())
    find_errors(Kong((3, 9), "/kong.conf", prefix="/srv/kong", unit="kong.service"), make_wanted())
    assert world.asked == [("", "/srv/kong"), ("kong.service", "/srv/kong")]


def test_a_listener_that_does_not_answer_is_wrong(world):
    world.silent = ["proxy"]
    (line,) = find_errors(KONG, make_wanted(http=(PROXY,)))
    assert line.startswith("proxy: ")
    assert find_errors(KONG, make_wanted()) == []


OWN = {"PATH": f"/bin:{PROGRAMS}", "LANG": "C"}


@pytest.mark.parametrize(
    "as_kong, unit, variables, expected",
    [
        (False, "kong.service", {"OF_UNIT": "1"}, OWN),
        (True, "", {}, OWN),
        (True, "kong.service", {"OF_UNIT": "1"}, {"OF_UNIT": "1", "PATH": PROGRAMS}),
        (True, "kong.service", {"PATH": "/opt"}, {"PATH": "/opt"}),
    ],
)
def test_kongs_own_programs_get_exactly_the_variables_of_a_start(
    world, monkeypatch, as_kong, unit, variables, expected
):
    environment = {"PATH": "/bin", "LANG": "C", "KONG_ADMIN_LISTEN": "x"}
    monkeypatch.setattr(steps, "os", SimpleNamespace(environ=environment))
    monkeypatch.setenv("PATH", "/bin")
    kong = replace(KONG, unit=unit, variables=variables, directory="/etc/kong" if unit else "")
    steps.run_step(Step(("kong", "prepare"), as_kong=as_kong), kong)
    ((_argv, seconds, environment),) = world.ran
    assert environment == expected
    assert (seconds >= 60, world.directories) == (True, ["/etc/kong" if as_kong and unit else ""])


@pytest.mark.parametrize(
    "stderr, shown", [("", "out 1 / out 2"), ("".join(f"{n}\n" for n in range(9)), "4 / 5 / 6 / 7 / 8")]
)
def test_a_failed_step_shows_its_last_lines(world, stderr, shown):
    world.status, world.stderr = 3, stderr
    (line,) = bring_up(Host(), KONG, "restart", make_wanted(), 0).wrong
    assert line == f"`restart it` failed with status 3: {shown}"
    steps.run_step(Step(("kong", "quit"), required=False), KONG)
    world.status = HostError("no kong")
    with pytest.raises(ServiceError, match="no kong"):
        steps.run_step(Step(("kong", "quit"), required=False), KONG)


def test_a_failed_step_shows_its_errors_without_secrets(world):
    world.status, world.stderr = 1, "Error: invalid:\nnginx: [emerg] no hunter22 in nginx.conf:9\n\n  Run with --vv\n"
    kong = Kong((3, 9), "/kong.conf", restart_command="restart it", variables={"KONG_PG_PASSWORD": "hunter22"})
    (line,) = bring_up(Host(), kong, "restart", make_wanted(), 0).wrong
    assert line.endswith("status 1: Error: invalid: / [emerg] no <hidden> in nginx.conf:9")


def test_a_step_that_settles_waits_for_serf(world):
    serf = Socket("tcp", 7373, "127.0.0.1", "serf", None)
    world.sockets = [[serf, OPEN], [serf], [OPEN]]
    steps.run_step(Step(("systemctl", "stop", "kong"), settles=True), KONG)
    assert world.pauses == [0.2, 0.2]
    steps.run_step(Step(("systemctl", "stop", "kong")), KONG)
    assert len(world.asked) == 3


EMERG = '2026/11/30 17:55:59 [emerg] 10#10: unknown directive "bogus" in /usr/local/kong/nginx-kong.conf:9'
TAKEN = "2026/11/30 17:55:56 [emerg] 10#10: bind() to 127.0.0.1:8000 failed (98: Address already in use)"
GAVE_UP = "2026/11/30 17:55:56 [emerg] 10#10: still could not bind()"
OF_OTHER = Socket("tcp", 8000, "127.0.0.1", "python3", "other.service")
OLD = ["nginx still has its old workers"]
VALUES = ["/usr/local/kong does not have the values of /kong.conf: log_level"]


def test_a_rejected_file_is_found_before_kong_is_touched(world):
    world.settings = ServiceError("it rejects the file")
    for how in ("reload", "restart"):
        with pytest.raises(ServiceError, match="Kong was not touched, because it rejects the file"):
            bring_up(Host(), KONG, how, make_wanted(), 0)
    assert world.ran == []


def test_a_kong_that_does_not_run_is_started_in_any_case(world):
    """A rollback has to bring back a Kong that is down, even if a test of its file fails."""
    world.settings, world.nginx = ServiceError("it rejects the file"), [Nginx("/usr/local/kong")]
    world.sockets = [[], [OPEN]]
    assert bring_up(Host(), KONG, "restart", make_wanted(), 0) == Done("restart", (), ())
    world.sockets = [[]]
    assert bring_up(Host(), KONG, "restart", make_wanted(1), 0).wrong == (NOT_RUNNING, "it rejects the file")
    assert list_commands(world) == ["restart it"] * 2


def test_a_port_of_another_program_is_found_before_kong_is_touched(world):
    world.sockets = [[OF_OTHER]]
    for how in ("reload", "restart"):
        with pytest.raises(ServiceError, match=r"not touched.*tcp 127.0.0.1:8000 is used by python3"):
            bring_up(Host(), KONG, how, make_wanted(), 0)
    assert world.ran == []
    assert bring_up(Host(), KONG, "restart", make_wanted(0), 0).wrong == ()


def test_a_reload_has_to_bring_the_file_into_effect(world):
    world.ineffective = [OLD, OLD, []]
    assert bring_up(Host(), KONG, "reload", make_wanted(), 0) == Done("reload", (), ())
    assert world.pauses == [0, 1, 1]
    world.ineffective = [VALUES]
    done = bring_up(Host(), KONG, "reload", make_wanted(), 0)
    assert (done.how, done.reasons) == ("restart", (f"the reload was not enough: {VALUES[0]}",))


def test_a_reload_in_a_container_has_to_bring_the_file_into_effect(world):
    """The sockets of the container are not visible."""
    world.sockets, world.ineffective = [[]], [VALUES, []]
    assert bring_up(Host(), KONG, "reload", make_wanted(0), 0) == Done("reload", (), ())
    assert world.pauses == [0, 1]
    world.ineffective = [VALUES]
    assert bring_up(Host(), KONG, "reload", make_wanted(0), 0).how == "restart"
    world.ineffective, world.nginx = [OLD], [NGINX]
    assert bring_up(Host(), KONG, "reload", make_wanted(0), 0).refused


def test_a_slow_reload_is_waited_for(world):
    world.ineffective, world.nginx = [*[OLD] * 7, []], [NGINX]
    assert bring_up(Host(), KONG, "reload", make_wanted(10), 0) == Done("reload", (), ())
    assert list_commands(world) == ["reload it"]


def test_a_reload_that_nginx_does_not_take_is_no_restart_even_if_no_log_says_why(world):
    """The error log may be a pipe or syslog, and the running Kong is unharmed."""
    for errors in ([], ["2026/11/30 17:55:59 [error] 11#11: upstream failed"]):
        world.errors, world.ineffective, world.nginx, world.ran = errors, [OLD], [NGINX], []
        done = bring_up(Host(), KONG, "reload", make_wanted(), 0)
        assert (list_commands(world), done.how, done.refused) == (["reload it"], "reload", True)
        assert (done.wrong[0], "no error that says why" in done.wrong[-1]) == (OLD[0], True)


@pytest.mark.parametrize(
    "errors, holder",
    [
        ([EMERG], OPEN),
        ([TAKEN, GAVE_UP], OF_OTHER),
        (["[error] 10#10: init_by_lua error: x"], OPEN),
        (["Error: x"], OPEN),
    ],
)
def test_after_a_refused_reload_kong_is_not_restarted(world, errors, holder):
    world.errors, world.ineffective, world.nginx, world.sockets = errors, [OLD], [NGINX], [[OPEN]] * 6 + [[holder]]
    done = bring_up(Host(), KONG, "reload", make_wanted(), 0)
    assert (list_commands(world), done.how, done.refused) == (["reload it"], "reload", True)
    assert (done.wrong[0], len(done.wrong)) == (OLD[0], 1 + len(errors))


def test_a_failed_preparation_is_a_refused_reload(world):
    world.status, world.stderr, world.nginx = 1, "Error: no space left", [NGINX]
    done = bring_up(Host(), KONG, "reload", make_wanted(), 0)
    assert (list_commands(world), done.refused) == (["reload it"], True)


NOT_FOUND, RELOADED = [Nginx("/usr/local/kong")], [NGINX, Nginx("/usr/local/kong", "10", frozenset({"12"}))]


# The nginx of Kong is not found if two Kongs have the same prefix; the sockets of a container are not visible.
@pytest.mark.parametrize("looks, sockets", [(3, [OPEN]), (0, [])], ids=["host", "container"])
@pytest.mark.parametrize(
    "nginx, stderr",
    [
        (NOT_FOUND, "nginx: [emerg] unknown directive"),
        (NOT_FOUND, "Error: invalid value"),
        (NOT_FOUND, "timeout"),
        (RELOADED, "Error: invalid value"),
    ],
)
def test_after_a_failed_reload_command_kong_is_not_restarted(world, looks, sockets, nginx, stderr):
    world.status, world.stderr, world.nginx, world.sockets = 1, stderr, nginx, [sockets]
    done = bring_up(Host(), KONG, "reload", make_wanted(looks), 0)
    assert (list_commands(world), done.how, done.refused) == (["reload it"], "reload", True)
    assert done.wrong[0].startswith("`reload it` failed with status 1: ")


@pytest.mark.parametrize(
    "looks, stderr",
    [
        (1, "Error: it fails"),
        (1, "Unit kong.service is not active."),
        (0, "Error: nginx not running in prefix: /usr/local/kong"),
    ],
)
def test_a_kong_that_does_not_run_is_started_after_a_failed_reload(world, looks, stderr):
    world.status, world.stderr, world.nginx, world.sockets = 1, stderr, [Nginx("/usr/local/kong")], [[]]
    bring_up(Host(), KONG, "reload", make_wanted(looks), 0)
    assert list_commands(world) == ["reload it", "restart it"]


# Kong itself has the port on another address; nginx does not run any more, or has new workers.
@pytest.mark.parametrize(
    "errors, after",
    [
        ([TAKEN, GAVE_UP], NGINX),
        ([EMERG], Nginx("/usr/local/kong")),
        ([EMERG], Nginx("/usr/local/kong", "10", frozenset({"12"}))),
    ],
)
def test_a_reload_without_effect_for_another_reason_is_a_restart(world, errors, after):
    world.errors, world.ineffective, world.nginx = errors, [OLD], [NGINX, after]
    done = bring_up(Host(), KONG, "reload", make_wanted(), 0)
    assert (list_commands(world), done.how, done.wrong) == (["reload it", "restart it"], "restart", ())


def test_a_failed_restart_has_its_reason(world):
    world.errors, world.sockets = ["nginx: [emerg] no such user"], [[]]
    done = bring_up(Host(), KONG, "restart", make_wanted(1), 0)
    assert done.wrong == (NOT_RUNNING, "[emerg] no such user")


def refuse(_http):
    raise OSError("no /proc")


def test_an_unreadable_host_after_an_action_is_an_error_of_the_action(world, monkeypatch):
    monkeypatch.setattr(run, "find_silent", refuse)
    assert bring_up(Host(), KONG, "restart", make_wanted(1), 0).wrong == ("no /proc",)
