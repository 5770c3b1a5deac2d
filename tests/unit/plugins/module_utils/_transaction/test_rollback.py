# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import time
from contextlib import contextmanager

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import Host, HostError
from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.data import ruleset_from_data
from ansible_collections.gatehouse.kong.plugins.module_utils._transaction import rollback_script
from ansible_collections.gatehouse.kong.plugins.module_utils._transaction.backend import Snapshot
from ansible_collections.gatehouse.kong.plugins.module_utils._transaction.lock import BUSY
from ansible_collections.gatehouse.kong.plugins.module_utils._transaction.rollback import (
    NAME,
    PENDING,
    PREVIOUS,
    STATE,
    Area,
    Form,
    Kept,
    Rollback,
)

RULES = ruleset_from_data(
    {
        "allow": [{"listener": "admin", "protocol": "tcp", "port": 8001, "address": None, "sources": ["friends"]}],
        "sets": {"friends": {"ipv4": ["192.0.2.0/28"], "ipv6": ["2001:db8::/64"]}},
    }
)
FILE, LINK, NEW = "/etc/own dir/it's a file", "/etc/link", "/etc/new/file"
UNIT = f"/etc/systemd/system/{NAME}.service"
WANTED = f"/etc/systemd/system/sysinit.target.wants/{NAME}.service"


class FakeHost(Host):
    """A host below a temporary folder. It records the commands that would start timers, and starts none."""

    systemd = True

    def __init__(self, root):
        super().__init__(root)
        self.timers, self.detached, self.stopped = [], [], []

    def run(self, *argv, stdin="", **limits):
        if argv[:2] == ("systemctl", "stop"):
            self.stopped.append(argv[2])
            return ""
        if argv[0] != "systemd-run":
            return super().run(*argv, stdin=stdin, **limits)
        if not self.systemd:
            raise HostError("no systemd")
        self.timers.append(argv)
        return ""

    def detach(self, *argv):
        self.detached.append(argv)


@pytest.fixture
def host(tmp_path):
    host = FakeHost(tmp_path)
    host.write(FILE, "old", 0o640)
    host.locate("/etc/systemd/system/sysinit.target.wants").mkdir(parents=True)
    host.locate("/var/lib").mkdir(parents=True)
    host.write("/run/gatehouse_kong.lock", "", 0o600)
    host.link(LINK, "somewhere")
    return host


@pytest.fixture
def rollback(host):
    return Rollback(host)


def snapshot(host):
    live = str(host.locate("/live"))
    return Snapshot((FILE, LINK, NEW), ((("sh", "-c", f"cat > '{live}'"), "it's the old state\n"),))


def change(host):
    """Change all files and the live state."""
    host.write(FILE, "new", 0o600)
    host.remove((LINK,))
    host.write(NEW, "new", 0o644)
    host.write("/live", "new", 0o644)


def read_all(host):
    def read_text(path):
        return str(path.readlink()) if path.is_symlink() else path.read_text() if path.is_file() else ""

    return {str(path): (read_text(path), path.lstat().st_mode) for path in host.root.rglob("*")}


def test_a_rollback_restores_all_files(host, rollback):
    host.write("/live", "it's the old state\n", 0o644)
    before = read_all(host)
    transaction = rollback.arm(snapshot(host), RULES)
    change(host)
    rollback.undo(transaction)
    host.remove_empty((STATE, "/etc/systemd/system/sysinit.target.wants"))
    host.locate("/etc/systemd/system/sysinit.target.wants").mkdir(exist_ok=True)
    assert read_all(host) == before


def test_a_removed_folder_is_restored_with_its_files(host, rollback):
    transaction = rollback.arm(snapshot(host), None)
    mode = host.locate(FILE).parent.stat().st_mode
    host.remove_tree("/etc/own dir")
    rollback.undo(transaction)
    assert (host.read(FILE), host.locate(FILE).parent.stat().st_mode) == ("old", mode)


def test_the_time_starts_when_the_change_is_complete(host, rollback):
    transaction = rollback.arm(snapshot(host), RULES)
    assert ["--on-active=0s" in timer for timer in host.timers] == [True]
    change(host)
    rollback.start_countdown(transaction, 42)
    _watch, (*options, shell, flag, text) = host.timers
    assert ("--on-active=42s" in options, shell, flag, host.detached) == (True, "/bin/sh", "-c", [])
    host.run(shell, flag, text)
    assert (host.read(FILE), rollback.find_pending(), transaction in text) == ("old", None, True)


@pytest.mark.parametrize("finished", [True, False])
def test_a_run_that_ends_before_its_change_is_complete_is_undone(host, rollback, finished):
    transaction = rollback.arm(snapshot(host), RULES)
    ((*options, shell, flag, text),) = host.timers
    assert "--on-active=0s" in options
    change(host)
    if finished:
        rollback.start_countdown(transaction, 42)
    host.run(shell, flag, text)
    assert (host.read(FILE), rollback.find_pending()) == (("new", transaction) if finished else ("old", None))


def test_the_timer_starts_before_the_change_counts_as_complete(host, rollback, monkeypatch):
    """If the run is killed between the two steps, the timer or the waiting process undoes the change."""
    transaction = rollback.arm(snapshot(host), RULES)
    change(host)
    monkeypatch.setattr(host, "remove", refuse)
    with pytest.raises(HostError, match="killed"):
        rollback.start_countdown(transaction, 42)
    monkeypatch.undo()
    assert len(host.timers) == 2
    host.run(*host.timers[0][-3:])
    assert (host.read(FILE), rollback.find_pending()) == ("old", None)


def refuse(*_words):
    raise HostError("killed")


def test_a_change_after_a_finished_change_is_not_finished(host, rollback):
    rollback.start_countdown(rollback.arm(snapshot(host), RULES), 42)
    rollback.arm(snapshot(host), None)
    change(host)
    host.run(*host.timers[-1][-3:])
    assert (host.read(FILE), rollback.find_pending()) == ("old", None)


@pytest.mark.parametrize("finished", [True, False])
def test_without_systemd_a_process_waits(host, rollback, finished):
    host.systemd = False
    transaction = rollback.arm(snapshot(host), RULES)
    change(host)
    if finished:
        rollback.start_countdown(transaction, 0)
    with subprocess.Popen(host.detached[-1], start_new_session=True) as process:
        assert process.wait(10) == 0
    assert (len(host.detached), rollback.find_pending(), host.read(FILE)) == (1 + finished, None, "old")


def test_a_rollback_that_cannot_be_started_leaves_no_files(host, rollback, monkeypatch):
    monkeypatch.setattr(host, "detach", refuse)
    host.systemd = False
    with pytest.raises(HostError, match="killed"):
        rollback.arm(snapshot(host), RULES)
    assert [path for path in (UNIT, WANTED, PENDING) if host.locate(path).exists()] == []


@pytest.mark.parametrize("keep", [True, False])
def test_a_confirmed_change_cannot_be_undone(host, rollback, keep):
    transaction = rollback.arm(snapshot(host), RULES)
    change(host)
    with rollback.claim(transaction):
        rollback.commit(keep=keep)
    rollback.undo(transaction)
    host.run(*host.timers[0][-3:])
    assert host.read(FILE) == "new"
    assert [path for path in (UNIT, WANTED, PENDING) if host.locate(path).exists()] == []
    assert rollback.read_previous() == (Kept(RULES) if keep else None)


def test_a_transitional_state_is_no_target_of_a_rollback(host, rollback):
    marker = host.locate(f"{STATE}/transitional")
    for before, transitional in ((RULES, True), (None, True), (None, False)):
        transaction = rollback.arm(snapshot(host), before)
        with rollback.claim(transaction):
            rollback.commit(keep=True, transitional=transitional)
        assert (rollback.read_previous(), marker.exists()) == (Kept(RULES), transitional)
        assert not transitional or marker.stat().st_mode & 0o7777 == 0o600
    for before in (None, RULES):
        rollback.arm(snapshot(host), before)
        rollback.commit(keep=True)
        assert rollback.read_previous() == Kept(before)


def test_a_removal_after_merged_rules_leaves_nothing_to_return_to(host, rollback):
    """The next rules are a change of their own: their rollback removes them."""
    rollback.arm(snapshot(host), RULES)
    rollback.commit(keep=True, transitional=True)
    rollback.arm(snapshot(host), RULES)
    rollback.forget()
    assert rollback.read_previous() is None
    rollback.arm(snapshot(host), None)
    rollback.commit(keep=True)
    assert rollback.read_previous() == Kept(None)


def test_each_change_has_its_own_id(host, rollback):
    ids = {rollback.arm(snapshot(host), RULES) for _change in range(3)}
    assert len(ids) == 3
    assert all(re.fullmatch("[0-9a-f]{16}", transaction) for transaction in ids)


def test_changes_of_two_areas_do_not_mix(host, rollback):
    other = Rollback(host, Area("/var/lib/other", "other-rollback", Form(str.upper, str.lower)))
    first, second = rollback.arm(snapshot(host), RULES), other.arm(snapshot(host), "rules of another kind")
    assert (rollback.find_pending(), other.find_pending()) == (first, second)
    assert host.read("/var/lib/other/pending/ruleset.json") == '"RULES OF ANOTHER KIND"'
    assert other.read_before_pending() == Kept("rules of another kind")
    other.forget()
    assert (rollback.find_pending(), other.find_pending()) == (first, None)
    assert not host.locate("/var/lib/other").exists()
    assert not host.locate("/etc/systemd/system/other-rollback.service").exists()
    assert host.stopped == ["other-rollback-*.timer"]


def test_forget_removes_all_files(host, rollback):
    before = sorted(host.root.rglob("*"))
    rollback.arm(snapshot(host), None)
    rollback.commit(keep=True)
    rollback.arm(snapshot(host), RULES)
    assert rollback.find_leftovers(None)
    rollback.forget()
    assert host.stopped == [f"{NAME}-*.timer"]
    host.locate("/etc/systemd/system/sysinit.target.wants").mkdir(exist_ok=True)
    assert (sorted(host.root.rglob("*")), rollback.find_leftovers(None), rollback.read_previous()) == (before, (), None)


def test_the_boot_unit_exists_while_the_change_waits(host, rollback):
    rollback.arm(snapshot(host), None)
    assert f"ConditionPathExists={PENDING}/undo\n" in host.read(UNIT)
    assert (host.locate(WANTED).readlink(), rollback.find_leftovers(RULES) != ()) == (
        host.locate(UNIT).__class__(UNIT),
        True,
    )


def test_an_unconfirmed_change_is_reported_with_the_command_that_completes_it(host, rollback):
    rollback.arm(snapshot(host), None)
    (line,) = rollback.find_leftovers(RULES)
    assert line.startswith(f"{PENDING}: a run ended before it confirmed its change")
    assert line.endswith("repeat the run (ansible-playbook gatehouse.kong.site)")


@pytest.mark.parametrize("path", [UNIT, WANTED, f"{STATE}/rubbish"])
def test_the_next_run_removes_what_a_killed_run_left(host, rollback, path):
    host.write(f"{path}/undo" if path.endswith("rubbish") else path, "", 0o644)
    assert rollback.find_leftovers(RULES) == (f"{path}: left by a run or rollback that was killed",)
    rollback.arm(snapshot(host), RULES)
    rollback.commit(keep=True)
    assert (rollback.find_leftovers(RULES), os.path.lexists(host.locate(path))) == ((), False)


def test_a_broken_link_of_the_boot_unit_is_left_over(host, rollback):
    host.link(WANTED, UNIT)
    assert rollback.find_leftovers(RULES) == (f"{WANTED}: left by a run or rollback that was killed",)


TEMPORARY_UNIT = f"/etc/systemd/system/.{NAME}.service.gatehouse-kong.abc"


def test_the_next_run_removes_a_temporary_file_of_the_boot_unit(host, rollback):
    host.write(TEMPORARY_UNIT, "", 0o600)
    assert rollback.find_leftovers(RULES) == (f"{TEMPORARY_UNIT}: left by a run or rollback that was killed",)
    rollback.arm(snapshot(host), RULES)
    rollback.commit(keep=True)
    assert rollback.find_leftovers(RULES) == ()


def test_a_rollback_removes_temporary_files_of_a_killed_run(host, rollback):
    before = read_all(host)
    transaction = rollback.arm(snapshot(host), RULES)
    change(host)
    for path in (FILE, NEW):
        folder, _slash, name = path.rpartition("/")
        host.locate(f"{folder}/.{name}.gatehouse-kong.abc").touch()
    rollback.undo(transaction)
    host.locate(WANTED).parent.mkdir(exist_ok=True)
    assert {path for path in read_all(host) if "/etc/" in path} == {path for path in before if "/etc/" in path}


def test_each_change_makes_the_boot_unit(host, rollback):
    rollback.arm(snapshot(host), RULES)
    text = host.read(UNIT)
    host.remove((UNIT, WANTED))
    rollback.arm(snapshot(host), RULES)
    assert (host.read(UNIT), str(host.locate(WANTED).readlink())) == (text, UNIT)


def test_restored_files_are_on_the_disk_before_their_copies_are_removed(host, rollback, tmp_path, monkeypatch):
    programs, log = tmp_path / "programs", tmp_path / "log"
    programs.mkdir()
    pending = host.locate(PENDING)
    (programs / "sync").write_text(f"#!/bin/sh\n[ ! -d '{pending}' ] || echo \"$*\" >>'{log}'\n")
    (programs / "sync").chmod(0o755)
    monkeypatch.setattr(rollback_script, "PROGRAMS", f"{programs}:{rollback_script.PROGRAMS}")
    transaction = rollback.arm(snapshot(host), RULES)
    change(host)
    rollback.undo(transaction)
    assert log.read_text() == f"-- {host.locate(FILE)}\n"


OTHER_FILE = "/etc/other/file"


def make_other_snapshot(host):
    """Return the snapshot of a change that writes other files and has another state in the kernel."""
    live, log = host.locate("/other live"), host.locate("/log")
    command = f"cat {shlex.quote(str(host.locate(FILE)))} >> '{log}'; cat > '{live}'"
    return Snapshot((OTHER_FILE, FILE), ((("sh", "-c", command), "no rules of the other backend\n"),))


@pytest.mark.parametrize("changes", [2, 11])
def test_after_unconfirmed_changes_the_state_before_the_first_change_is_restored(host, rollback, changes):
    """The backends differ if the firewall manager changes, or if a first container port is published."""
    host.write("/live", "it's the old state\n", 0o644)
    host.write("/other live", "no rules of the other backend\n", 0o644)
    before = read_all(host)
    rollback.start_countdown(rollback.arm(snapshot(host), RULES), 30)
    change(host)
    for _change in range(changes - 1):
        last = rollback.arm(make_other_snapshot(host), None)
        host.write(OTHER_FILE, "new", 0o644)
        host.write(FILE, "newer", 0o644)
        host.write("/other live", "rules", 0o644)
        rollback.start_countdown(last, 30)
    host.run(*host.timers[-1][-3:])
    # The commands of each layer read the files that were restored for that layer.
    assert host.read("/log") == "newer" * (changes - 2) + "new"
    host.remove(("/log",))
    host.remove_empty((STATE,))
    host.locate("/etc/systemd/system/sysinit.target.wants").mkdir(exist_ok=True)
    assert read_all(host) == before


def test_the_target_of_a_rollback_is_the_state_before_the_first_change(host, rollback):
    rollback.arm(snapshot(host), RULES)
    rollback.arm(make_other_snapshot(host), None)
    rollback.commit(keep=True)
    assert rollback.read_previous() == Kept(RULES)


def test_a_second_change_that_cannot_be_saved_preserves_the_first(host, rollback, monkeypatch):
    first = rollback.arm(snapshot(host), RULES)
    change(host)
    monkeypatch.setattr(host, "copy", refuse)
    with pytest.raises(HostError, match="killed"):
        rollback.arm(make_other_snapshot(host), None)
    monkeypatch.undo()
    assert rollback.find_pending() == first
    rollback.undo(first)
    assert host.read(FILE) == "old"


def test_a_command_that_hangs_is_killed_after_its_time_limit(host, rollback, monkeypatch):
    monkeypatch.setattr(rollback_script, "SECONDS", 1)
    then = ("sh", "-c", f"cat > '{host.locate('/live')}'")
    transaction = rollback.arm(Snapshot((FILE,), ((("sleep", "60"), ""), (then, "restored"))), RULES)
    change(host)
    with pytest.raises(HostError, match="status 1"):
        rollback.undo(transaction)
    assert (host.read("/live"), host.read(FILE), rollback.find_pending()) == ("restored", "old", transaction)


def test_only_root_can_read_the_saved_state(host, rollback):
    host.locate(STATE).mkdir(mode=0o755)
    rollback.arm(snapshot(host), RULES)
    pending = host.locate(PENDING)
    found = {str(path.relative_to(pending)): path.stat().st_mode & 0o7777 for path in pending.rglob("*")
             if not path.is_symlink()}  # fmt: skip
    assert found.pop("layer000000/file1", None) is None
    assert (host.locate(STATE).stat().st_mode & 0o7777, pending.stat().st_mode & 0o7777) == (0o700, 0o700)
    assert found == {
        "ruleset.json": 0o600, "undo": 0o700, "repeat": 0o700, "id": 0o600, "unfinished": 0o600, "reserve": found["reserve"],
        "layer000000": 0o700, "layer000000/undo": 0o600, "layer000000/load0": 0o600, "layer000000/file0": 0o640,
    }  # fmt: skip


def test_space_is_reserved_only_while_a_change_waits(host, rollback):
    rollback.arm(snapshot(host), RULES)
    assert host.locate(f"{PENDING}/reserve").stat().st_size == 1 << 20
    rollback.commit(keep=True)
    files = {path.name for path in host.locate(PREVIOUS).rglob("*") if path.is_file()}
    assert ("ruleset.json" in files, "reserve" in files) == (True, False)


def test_a_second_change_keeps_the_first_rollback_and_disables_the_first_timer(host, rollback):
    first = rollback.arm(snapshot(host), RULES)
    change(host)
    second = rollback.arm(snapshot(host), None)
    rollback.undo(first)
    assert (host.read(FILE), rollback.find_pending()) == ("new", second)
    with pytest.raises(HostError, match="another run"), rollback.claim(first):
        pass
    rollback.undo(second)
    assert host.read(FILE) == "old"


@pytest.mark.parametrize("forgotten", [True, False])
def test_a_confirmation_after_the_rollback_is_an_error(host, rollback, forgotten):
    transaction = rollback.arm(snapshot(host), RULES)
    rollback.undo(transaction)
    if forgotten:
        host.remove_tree(STATE)
    with pytest.raises(HostError, match="not confirmed in time"), rollback.claim(transaction):
        pass


def test_the_script_waits_for_a_confirmation_that_is_under_way(host, rollback):
    transaction = rollback.arm(snapshot(host), RULES)
    change(host)
    with rollback.claim(transaction):
        script = subprocess.Popen(["sh", host.locate(f"{PENDING}/undo"), transaction])
        with pytest.raises(subprocess.TimeoutExpired):
            script.wait(0.3)
        rollback.commit(keep=True)
    assert (script.wait(10), host.read(FILE)) == (0, "new")


LOCK = "/run/gatehouse_kong.lock"


@contextmanager
def hold_lock(host):
    """Hold the lock in another process, whose command line has a control character."""
    script = 'exec 9< "$1" && flock 9 && echo locked && exec sh -c "read line" "$2"'
    with subprocess.Popen(
        ["sh", "-c", script, "sh", str(host.locate(LOCK)), "a\x1b[31mb"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        try:
            assert process.stdout.readline() == b"locked\n"
            yield process
        finally:
            process.kill()


@pytest.fixture
def impatient(monkeypatch):
    """Let the script wait for a second only."""
    monkeypatch.setattr(rollback_script, "PATIENCE", 1)


@pytest.mark.usefixtures("impatient")
def test_a_rollback_waits_for_a_limited_time_and_names_the_holder(host, rollback):
    transaction = rollback.arm(snapshot(host), RULES)
    change(host)
    # An open file without a lock does not make a process the holder.
    with hold_lock(host) as process, host.locate(LOCK).open(), pytest.raises(HostError) as caught:
        rollback.undo(transaction)
    message = str(caught.value)
    assert f"failed with status {BUSY}: gatehouse.kong: cannot roll back yet: the lock {host.locate(LOCK)}" in message
    assert f"has been held for 1 seconds by process {process.pid} (sh -c read line a?[31mb). Wait for it" in message
    assert (host.read(FILE), rollback.find_pending(), "\x1b" in message) == ("new", transaction, False)
    rollback.undo(transaction)
    assert (host.read(FILE), rollback.find_pending()) == ("old", None)


def start_timer_command(host, log):
    """Run the command of the last timer."""
    with log.open("wb") as file:
        return subprocess.Popen(host.timers[-1][-3:], stderr=file)


def wait_for_text(file, text):
    deadline = time.monotonic() + 20
    while text not in file.read_text() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert text in file.read_text()


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("finished", [True, False])
def test_the_timer_repeats_a_rollback_until_the_lock_is_free(host, rollback, tmp_path, finished):
    transaction = rollback.arm(snapshot(host), RULES)
    change(host)
    if finished:
        rollback.start_countdown(transaction, 42)
    with hold_lock(host) as process:
        waiting = start_timer_command(host, tmp_path / "log")
        wait_for_text(tmp_path / "log", f"by process {process.pid} (")
        assert (waiting.poll(), host.read(FILE)) == (None, "new")
    assert (waiting.wait(20), host.read(FILE), rollback.find_pending()) == (0, "old", None)


@pytest.mark.usefixtures("impatient")
def test_a_waiting_rollback_ends_if_its_change_is_confirmed(host, rollback, tmp_path):
    transaction = rollback.arm(snapshot(host), RULES)
    change(host)
    rollback.start_countdown(transaction, 42)
    with rollback.claim(transaction):
        waiting = start_timer_command(host, tmp_path / "log")
        wait_for_text(tmp_path / "log", f"by process {os.getpid()} (")
        rollback.commit(keep=True)
    assert (waiting.wait(20), host.read(FILE)) == (0, "new")
    host.run("sh", str(host.locate(f"{PREVIOUS}/repeat")), transaction)
    assert host.read(FILE) == "new"


def test_systemd_reads_the_command_of_a_timer_again_after_a_reload(host, rollback):
    """systemd saves `;`, `$` and quotes with a backslash, and does not remove the backslash when it reads the command."""
    rollback.start_countdown(rollback.arm(snapshot(host), RULES), 42)
    assert [timer[-1] for timer in host.timers if set(timer[-1]) & set(';$`"\\')] == []


def read_boot_command(host):
    """Return the command of the unit that undoes the change at boot, with the paths of the test's host and no pauses."""
    line = next(line for line in host.read(UNIT).replace("\\\n", " ").splitlines() if line.startswith("ExecStart="))
    shell, flag, text = shlex.split(line.partition("=")[2].replace("$$", "$"))
    return shell, flag, text.replace(PENDING, str(host.locate(PENDING))).replace("in 2 5 0;", "in 0 0 0;")


@pytest.mark.usefixtures("impatient")
def test_a_boot_does_not_wait_for_the_lock_forever(host, rollback, tmp_path, monkeypatch):
    rollback.arm(snapshot(host), RULES)
    change(host)
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "systemd-run").write_text(f"#!/bin/sh\nprintf '%s\\0' \"$@\" > '{tmp_path}/later'\n")
    (programs / "systemd-run").chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    with hold_lock(host):
        assert subprocess.run(read_boot_command(host), check=False, timeout=20).returncode == 1
        assert host.read(FILE) == "new"
        *options, shell, script = (tmp_path / "later").read_text().rstrip("\0").split("\0")
        later = subprocess.Popen([shell, script], stderr=subprocess.PIPE)
        assert b"cannot roll back yet" in later.stderr.readline()
        assert (f"--unit={NAME}-boot" in options, "--no-block" in options, later.poll()) == (True, True, None)
    assert (later.wait(20), host.read(FILE), rollback.find_pending()) == (0, "old", None)
    later.stderr.close()


def test_a_boot_tries_a_rollback_three_times(host, rollback, tmp_path):
    attempts = host.locate("/attempts")
    command = f"echo >> '{attempts}'; [ $(wc -l < '{attempts}') = 3 ]"
    rollback.arm(Snapshot((FILE,), ((("sh", "-c", command), ""),)), RULES)
    change(host)
    assert subprocess.run(read_boot_command(host), check=False, timeout=60).returncode == 0
    assert (host.read("/attempts"), host.read(FILE), rollback.find_pending()) == ("\n" * 3, "old", None)


def test_a_rollback_that_fails_can_be_repeated(host, rollback):
    ok = host.locate("/ok")
    transaction = rollback.arm(Snapshot((FILE,), ((("test", "-e", str(ok)), ""),)), RULES)
    change(host)
    with pytest.raises(HostError, match="status 1"):
        rollback.undo(transaction)
    assert (host.read(FILE), rollback.find_pending()) == ("old", transaction)
    ok.touch()
    rollback.undo(transaction)
    assert rollback.find_pending() is None


def test_a_program_of_a_killed_run_keeps_the_lock_until_it_ends(tmp_path):
    """Otherwise a program of the killed run could change the rules after the rollback."""
    (tmp_path / "run").mkdir()
    started, ended = tmp_path / "started", tmp_path / "ended"
    child = os.fork()
    if not child:
        host = Host(tmp_path)
        with Rollback(host).hold_lock():
            host.run("sh", "-c", f"touch '{started}'; sleep 1; touch '{ended}'")
        os._exit(0)
    while not started.exists():
        time.sleep(0.01)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    assert not ended.exists()
    with Rollback(Host(tmp_path)).hold_lock():
        assert ended.exists()


def test_a_detached_program_does_not_keep_the_lock(tmp_path):
    (tmp_path / "run").mkdir()
    host = Host(tmp_path)
    with Rollback(host).hold_lock():
        host.detach("sh", "-c", f"echo $$ > {tmp_path}/new; mv {tmp_path}/new {tmp_path}/pid; exec sleep 60")
        assert host.inherited != ()
    assert host.inherited == ()
    deadline = time.monotonic() + 20
    while not (tmp_path / "pid").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    with Rollback(Host(tmp_path)).hold_lock():
        os.kill(int((tmp_path / "pid").read_text()), signal.SIGKILL)


def test_the_reserved_space_is_free_after_the_confirmation(host, rollback):
    transaction = rollback.arm(snapshot(host), RULES)
    assert host.locate("/var/lib/gatehouse_kong/pending/reserve").stat().st_size == 1 << 20
    with rollback.claim(transaction):
        rollback.commit(keep=True)
    names = {path.name for path in host.locate("/var/lib/gatehouse_kong/previous").iterdir()}
    assert names >= {"undo", "id", "ruleset.json"}
    assert "reserve" not in names
