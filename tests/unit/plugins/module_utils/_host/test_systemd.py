# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import re
import socket
import struct
import tempfile
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._host import systemd as _systemd
from ansible_collections.gatehouse.kong.plugins.module_utils._host import systemd_bus
from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import Host, HostError
from ansible_collections.gatehouse.kong.plugins.module_utils._host.systemd import (
    SOCKET,
    schedule,
    start,
    start_new,
    start_timer,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._host.systemd_bus import SystemdError

# The body of the message that systemd-run of systemd 252 sends for
# systemd-run --collect --unit=abc-1 --description=Undo --on-active=30s --timer-property=AccuracySec=100ms /bin/sh -c 'true $x'
RECORDED = (
    b"\x0b\x00\x00\x00abc-1.timer\x00\x04\x00\x00\x00fail\x00\x00\x00\x00\xc8\x00\x00\x00\x0b\x00\x00\x00Description\x00"
    b"\x01s\x00\x00\x04\x00\x00\x00Undo\x00\x00\x00\x00\x0b\x00\x00\x00CollectMode\x00\x01s\x00\x00\x12\x00\x00\x00inactive"
    b"-or-failed\x00\x00\x00\x00\x00\x00\x0f\x00\x00\x00TimersMonotonic\x00\x05a(st)\x00\x00\x18\x00\x00\x00\x0b\x00\x00\x00"
    b"OnActiveSec\x00\x80\xc3\xc9\x01\x00\x00\x00\x00\x0c\x00\x00\x00AccuracyUSec\x00\x01t\x00\x00\x00\x00\x00\xa0\x86\x01"
    b"\x00\x00\x00\x00\x00\x11\x00\x00\x00RemainAfterElapse\x00\x01b\x00\x00\x00\x00\x00\x00\x00\x00\xbc\x00\x00\x00\x00\x00"
    b"\x00\x00\r\x00\x00\x00abc-1.service\x00\x00\x00\xa4\x00\x00\x00\x0b\x00\x00\x00Description\x00\x01s\x00\x00\x04\x00\x00"
    b"\x00Undo\x00\x00\x00\x00\x0b\x00\x00\x00CollectMode\x00\x01s\x00\x00\x12\x00\x00\x00inactive-or-failed\x00\x00\x00\x00"
    b"\x00\x00\t\x00\x00\x00ExecStart\x00\x07a(sasb)\x00\x004\x00\x00\x00\x00\x00\x00\x00\x07\x00\x00\x00/bin/sh\x00 \x00\x00"
    b"\x00\x07\x00\x00\x00/bin/sh\x00\x02\x00\x00\x00-c\x00\x00\x07\x00\x00\x00true $x\x00\x00\x00\x00\x00"
)
JOB_IS_DONE = (3, "s", "Unknown object")


def make_text(value):
    return 2, "s", value


def make_variant(value):
    return 2, "v", ("b", value) if isinstance(value, bool) else ("s", value)


class Systemd(threading.Thread):
    """A server that answers one connection, call by call. It records the calls, and the body of the last call."""

    def __init__(self, path, answers):
        super().__init__(daemon=True)
        self.path, self.answers = path, list(answers)
        self.calls, self.body = [], b""
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.bind(path)
        self._socket.listen()

    def run(self):
        with self._socket:
            link, _address = self._socket.accept()
        with link:
            assert re.fullmatch(rb"\0AUTH EXTERNAL (3\d)+\r\nBEGIN\r\n", link.recv(100))
            # A signal can follow directly, and be long.
            link.sendall(b"OK 0123\r\n" + self._build_message((4, "s", "a signal" * 1000)))
            for answer in self.answers:
                head = link.recv(16)
                length, _serial, fields = struct.unpack("<III", head[4:])
                rest = link.recv((fields + 7 & ~7) + length, socket.MSG_WAITALL)
                self.body = rest[fields + 7 & ~7 :]
                member = re.search(rb"\x03\x01s\x00.\x00{3}(\w+)", rest)[1].decode()
                self.calls.append(
                    self.body[self.body.rindex(b"\0", 0, -1) + 1 : -1].decode() if member == "Get" else member
                )
                link.sendall(self._build_message((4, "s", "a signal")) + self._build_message(answer))

    @staticmethod
    def _build_message(answer):
        kind, signature, value = answer
        body, head = bytearray(), bytearray()
        systemd_bus._put_all(body, signature, [value] if signature else [])
        systemd_bus._put_all(head, "yyyyuua(yv)", (ord("l"), kind, 0, 1, len(body), 1, [(5, ("u", 1))]))
        systemd_bus._pad(head, 8)
        return bytes(head + body)


@pytest.fixture
def systemd():
    with tempfile.TemporaryDirectory(prefix="systemd-") as folder:  # a socket's path has at most 107 characters

        def start_server(*answers):
            server = Systemd(f"{folder}/private", answers)
            server.start()
            return server

        yield start_server


def test_the_request_for_a_timer_equals_the_request_of_systemd_run(systemd):
    server = systemd(make_text("/job/1"))
    start_timer(server.path, "abc-1", "Undo", 30, "true $x")
    assert (server.calls, server.body) == (["StartTransientUnit"], RECORDED)


def test_start_waits_until_the_unit_is_active(systemd):
    server = systemd(
        make_text("/x"),
        make_variant(False),
        make_text("/job/1"),
        make_variant("running"),
        JOB_IS_DONE,
        make_text("/x"),
        make_variant("active"),
    )
    start_new(server.path, "x.service", ())
    assert server.calls == ["LoadUnit", "NeedDaemonReload", "StartUnit", "State", "State", "LoadUnit", "ActiveState"]


def test_units_are_reloaded_if_the_file_of_a_loaded_unit_changed(systemd):
    loaded = make_text("/x"), make_variant(False), make_text("/y"), make_variant(True)
    server = systemd(*loaded, (2, "", None), make_text("/job/1"), JOB_IS_DONE, make_text("/x"), make_variant("failed"))
    with pytest.raises(SystemdError, match=r"its state is failed\. See `systemctl status x\.service`"):
        start_new(server.path, "x.service", ("y.service",))
    assert server.calls[:6] == ["LoadUnit", "NeedDaemonReload", "LoadUnit", "NeedDaemonReload", "Reload", "StartUnit"]


def test_the_error_of_systemd_is_raised(systemd):
    server = systemd((3, "s", "Unit x.service not found."))
    with pytest.raises(SystemdError, match="not found"):
        start_new(server.path, "x.service", ())


@pytest.mark.parametrize(
    ("call", "names"),
    [
        (lambda host: start(host, "x.service", ()), "start of x.service"),
        (lambda host: schedule(host, "abc-1", "Undo", 30, "true"), "timer abc-1"),
    ],
)
def test_systemd_accepts_the_connection_and_does_not_answer(monkeypatch, tmp_path, call, names):
    for module in (_systemd, systemd_bus):
        monkeypatch.setattr(module, "SECONDS", 1)
    with tempfile.TemporaryDirectory(prefix="systemd-") as folder, socket.socket(socket.AF_UNIX) as silent:
        silent.bind(f"{folder}/private")
        silent.listen()
        host = make_host(tmp_path, f"{folder}/private")
        with pytest.raises(HostError) as caught:
            call(host)
    assert str(caught.value) == (f"systemd did not complete the {names} within 1 seconds. See `systemctl list-jobs`")
    assert host.calls == []


def test_a_job_that_does_not_end(systemd, monkeypatch, tmp_path):
    moments = iter([0, 1, 119, 121])
    monkeypatch.setattr(_systemd, "time", SimpleNamespace(monotonic=lambda: next(moments), sleep=lambda _seconds: None))
    server = systemd(make_text("/x"), make_variant(False), make_text("/job/1"), *[make_variant("waiting")] * 3)
    with pytest.raises(HostError, match=r"did not complete the start of x\.service within 120 seconds"):
        start(make_host(tmp_path, server.path), "x.service", ())
    assert server.calls == ["LoadUnit", "NeedDaemonReload", "StartUnit", "State", "State", "State"]


def make_host(root, path):
    host = FakeHost(root)
    host.locate(SOCKET).parent.mkdir(parents=True)
    host.locate(SOCKET).symlink_to(path)
    return host


class FakeHost(Host):
    def __init__(self, root):
        super().__init__(root)
        self.calls = []

    def run(self, *argv, stdin=""):
        self.calls.append(argv[:2])
        return ""


def test_without_the_socket_systemctl_and_systemd_run_are_used(tmp_path):
    host = FakeHost(tmp_path)
    schedule(host, "abc-1", "Undo", 30, "true")
    start(host, "x.service", ())
    assert host.calls == [("systemd-run", "--quiet"), ("systemctl", "daemon-reload"), ("systemctl", "start")]


def test_an_error_of_systemd_becomes_a_host_error(systemd):
    server = systemd((3, "s", "no"))
    host = make_host(Path(server.path).parent, server.path)
    with pytest.raises(HostError, match="systemd did not create the timer abc-1: no"):
        schedule(host, "abc-1", "Undo", 30, "true")
    assert host.calls == []


@pytest.mark.parametrize(
    ("text", "commands"),
    [
        (
            "Unit x.service failed to load properly: Device or resource busy",
            [("systemctl", "stop", "x.service"), ("systemctl", "daemon-reload"), ("systemctl", "start", "x.service")],
        ),
        ("Unit x.service is masked.", None),
    ],
)
def test_a_unit_whose_file_was_removed_while_it_was_active_is_stopped_first(tmp_path, monkeypatch, text, commands):
    def refuse(*_words):
        raise SystemdError(text)

    host, run = Host(tmp_path), []
    monkeypatch.setattr(_systemd, "start_new", refuse)
    monkeypatch.setattr(host, "run", lambda *words: run.append(words))
    if commands is None:
        with pytest.raises(HostError, match="is masked"):
            start(host, "x.service", ())
    else:
        start(host, "x.service", ())
    assert run == (commands or [])
