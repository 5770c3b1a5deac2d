# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lock of a host, which only root can open."""

from __future__ import annotations

import fcntl
import os
import subprocess
import tempfile
from pathlib import Path

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import Host, HostError
from ansible_collections.gatehouse.kong.plugins.module_utils._transaction.lock import (
    find_holder,
    open_lock,
    take_lock,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._transaction.rollback import Rollback

LOCK = "/run/gatehouse_kong.lock"
NOBODY = 65534
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")


@pytest.fixture
def host():
    """Return a host whose folders any user can enter, unlike folders below tmp_path."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        root.chmod(0o755)
        for name in ("run", "var/lib"):
            (root / name).mkdir(parents=True)
        yield Host(root)


@pytest.fixture
def handle(host):
    handle = open_lock(host)
    yield handle
    os.close(handle)


def hold(path, user=None):
    """Start a process that locks a path with flock, as `user`; return the process and its first line of output."""
    script = 'exec 9< "$1" && flock 9 && echo locked && exec sh -c "read line" "$2"'
    process = subprocess.Popen(
        ["sh", "-c", script, "sh", str(path), "a\x1b[31mb"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, user=user,
    )  # fmt: skip
    return process, process.stdout.readline()


def end(process):
    process.kill()
    process.communicate()


def test_only_its_owner_can_open_the_file(host, handle):
    assert host.locate(LOCK).stat().st_mode & 0o7777 == 0o600
    assert (os.fstat(handle).st_ino, os.get_inheritable(handle)) == (host.locate(LOCK).stat().st_ino, False)


@as_root
def test_another_user_blocks_no_run(host, handle):
    blocking, line = hold(host.locate("/var/lib"), NOBODY)
    refused, refused_line = hold(host.locate(LOCK), NOBODY)
    try:
        assert line == "locked\n"
        assert (refused_line, "Permission denied" in refused.stderr.read()) == ("", True)
        with Rollback(host).hold_lock():
            assert find_holder(handle) == f"process {os.getpid()} ({read_own_command()})"
    finally:
        end(blocking)
        end(refused)


def read_own_command():
    return ascii(Path("/proc/self/cmdline").read_text().replace("\0", " ").strip())[1:-1]


def test_the_message_of_a_timed_out_wait_names_the_holder(host, handle):
    process, line = hold(host.locate(LOCK))
    try:
        assert line == "locked\n"
        with pytest.raises(HostError) as caught:
            take_lock(handle, 0.2)
    finally:
        end(process)
    message = str(caught.value)
    assert f"{LOCK} for 0.2 seconds: process {process.pid} (" in message
    assert message.endswith("Wait for it, or end it; nothing was changed")
    assert (r"a\x1b[31mb)" in message, "\x1b" in message) == (True, False)


def test_a_released_lock_can_be_taken(host, handle):
    process, _line = hold(host.locate(LOCK))
    end(process)
    take_lock(handle, 5)
    other = open_lock(host)
    with pytest.raises(BlockingIOError):
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.close(other)


def test_a_process_that_only_waits_is_not_the_holder(host, handle):
    assert find_holder(handle) is None


def test_the_lock_is_free_after_a_run(host, handle):
    rollback = Rollback(host)
    with rollback.hold_lock(), rollback.hold_lock():
        assert find_holder(handle) is not None
    assert find_holder(handle) is None
    with pytest.raises(ValueError, match="a fault"), rollback.hold_lock():
        raise ValueError("a fault")
    take_lock(handle, 0)


def make_link(path):
    path.symlink_to("/etc/passwd")


def make_open_file(path):
    path.touch()
    path.chmod(0o644)


def make_pipe(path):
    os.mkfifo(path, 0o600)


@pytest.mark.parametrize(
    "make, reason", [(make_link, "symbolic links"), (make_pipe, "remove it"), (make_open_file, "remove it")]
)
def test_a_file_that_other_users_could_open_is_refused(host, make, reason):
    make(host.locate(LOCK))
    with pytest.raises(HostError, match=rf"{LOCK}.*{reason}"):
        open_lock(host)


@as_root
def test_a_file_of_another_user_is_refused(host):
    open_lock(host)
    os.chown(host.locate(LOCK), NOBODY, -1)
    with pytest.raises(HostError, match="not a file that only root can open"):
        open_lock(host)


@as_root
def test_without_root_it_cannot_be_opened(host):
    os.close(open_lock(host))
    child = os.fork()
    if not child:
        os.setuid(NOBODY)
        try:
            open_lock(host)
        except HostError as error:
            os._exit(0 if "Permission denied" in str(error) else 2)
        finally:
            os._exit(1)
    assert os.waitpid(child, 0)[1] == 0
