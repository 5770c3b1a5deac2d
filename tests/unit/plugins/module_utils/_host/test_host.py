# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import errno
import os
import re
import signal
import subprocess
import time
from pathlib import Path

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._host import host as _host
from ansible_collections.gatehouse.kong.plugins.module_utils._host import netlink
from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import Host, HostError


@pytest.fixture
def host(tmp_path):
    return Host(tmp_path)


def test_run_passes_the_input_and_returns_the_output(host):
    assert host.run("cat", stdin="hello") == "hello"


def test_bytes_that_are_not_utf8(host):
    """Write surrogates as bytes to files and to the input of programs. In the output, such a byte is an escape sequence."""
    assert host.run("od", "-An", "-tx1", stdin="\udce9ü\r\n") == " e9 c3 bc 0d 0a\n"
    assert host.run("printf", r"\351\r\n") == "\\xe9\r\n"
    host.write("/file", "\udce9\r\n", 0o600)
    assert host.locate("/file").read_bytes() == b"\xe9\r\n"
    assert host.holds("/file", "\udce9\r\n", 0o600)
    assert not host.holds("/file", "\udce8\r\n", 0o600)
    assert not host.holds("/missing", "", 0o600)


def test_an_error_of_run_contains_the_command_and_its_stderr(host):
    with pytest.raises(HostError, match=r"sh -c .* failed with status 3: no way"):
        host.run("sh", "-c", "echo no way >&2; exit 3")
    with pytest.raises(HostError, match="cannot run no-such-program: No such file"):
        host.run("no-such-program")


def test_a_command_that_hangs_is_killed_with_its_child_processes(host):
    """The child process holds the pipes of the command open, so reading would not end."""
    script = f"echo $$ > '{host.locate('/pid')}'; sleep 1000 & sleep 1000"
    with pytest.raises(HostError) as caught:
        host.run("sh", "-c", script, seconds=1)
    assert str(caught.value).startswith("`sh -c echo $$ > ")
    assert str(caught.value).endswith("` did not end within 1 seconds, and was killed")
    session = int((host.root / "pid").read_text())
    assert wait_for_members(session) == []


def test_the_message_of_a_timeout_fits_two_lines(host):
    with pytest.raises(HostError) as caught:
        host.run("sh", "-c", f"sleep 1000 # {'x' * 300}", seconds=1)
    assert len(str(caught.value)) < 200


def test_the_default_limit_of_a_command_is_two_minutes(host, monkeypatch):
    limits = []

    def complete(argv, seconds, **_more):
        limits.append(seconds)
        return subprocess.CompletedProcess(argv, 0, "", "")

    monkeypatch.setattr(_host, "run_program", complete)
    host.run("true")
    assert limits == [120]


# The process of the placeholder listener outlives its module. Sessions are started by Host.run, which limits their time.
OWN_LIMITS = {"host.py", "placeholder.py"}


def test_no_command_is_run_without_a_limit():
    sources = sorted((Path(__file__).parents[5] / "plugins" / "module_utils").rglob("*.py"))
    assert len(sources) > 50
    runs = {path for path in sources if re.search(r"subprocess\.|os\.(system|popen|spawn)", path.read_text())}
    assert {path.name for path in runs if not path.match("*session.py") and path.parent.name != "session"} == OWN_LIMITS


def test_a_netlink_socket_has_a_time_limit():
    with netlink.connect(netlink.ROUTE) as link:
        assert link.gettimeout() == 30


def list_running():
    return [path.name for path in Path("/proc").iterdir() if path.name.isdigit()]


def read_session(pid):
    """Return the session of a process, or None if it has ended."""
    try:
        words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if words[0] in "ZX" else int(words[3])


def wait_for_members(session, seconds=20):
    """Wait until a session has no process, at most for some seconds. Return the remaining processes.

    A killed process ends when the kernel schedules it next, which takes time on a busy machine.
    """
    deadline = time.monotonic() + seconds
    while (members := [pid for pid in list_running() if read_session(pid) == session]) and time.monotonic() < deadline:
        time.sleep(0.05)
    return members


def test_write_replaces_the_file_with_its_mode(host):
    host.write("/a", "one", 0o600)
    assert host.holds("/a", "one", 0o600)
    assert not host.holds("/a", "one", 0o644)
    host.write("/a", "two", 0o644)
    assert host.holds("/a", "two", 0o644)
    assert [path.name for path in host.root.iterdir()] == ["a"]


def test_a_link_is_replaced_and_not_followed(host):
    (host.root / "target").write_text("old")
    (host.root / "a").symlink_to("target")
    assert not host.holds("/a", "old", 0o644)
    host.write("/a", "new", 0o600)
    assert ((host.root / "target").read_text(), host.read("/a")) == ("old", "new")


def test_a_full_disk_leaves_the_old_file_and_no_temporary_file(host, monkeypatch):
    host.write("/a", "old", 0o600)

    def fail(_handle):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(_host.os, "fsync", fail)
    with pytest.raises(HostError, match="cannot write /a: No space left on device"):
        host.write("/a", "new", 0o600)
    assert (host.read("/a"), [path.name for path in host.root.iterdir()]) == ("old", ["a"])


@pytest.mark.parametrize("is_written", [True, False])
def test_a_killed_write_leaves_a_file_that_the_next_write_or_removal_removes(host, is_written):
    other = host.root / ".a*.gatehouse-kong.abc"  # of the file `a*`
    other.touch()
    child = os.fork()
    if not child:
        try:
            _host.os.fsync = lambda _handle: os.kill(os.getpid(), signal.SIGKILL)
            host.write("/a", "killed", 0o600)
        finally:
            os._exit(1)
    os.waitpid(child, 0)
    (left,) = host.find_temporaries("/a")
    assert (host.root / left.lstrip("/")).read_text() == "killed"
    if is_written:
        host.write("/a", "", 0o600)
    host.remove(("/a",))
    assert [*host.root.iterdir()] == [other]


def test_write_creates_the_directory(host):
    host.write("/new/a", "", 0o600)
    assert host.holds("/new/a", "", 0o600)


def test_write_fails_if_the_parent_is_a_file(host):
    (host.root / "file").write_text("")
    with pytest.raises(HostError, match="cannot write /file/a"):
        host.write("/file/a", "", 0o600)


def test_systemd_is_required(host):
    with pytest.raises(HostError, match="would not survive a reboot"):
        host.require_systemd()
    (host.root / "run/systemd/system").mkdir(parents=True)
    host.require_systemd()


def test_a_read_only_file_system_is_an_error(host, monkeypatch):
    host.require_writable("/")
    flags = os.statvfs("/").f_flag

    class ReadOnly:
        f_flag = flags | os.ST_RDONLY

    monkeypatch.setattr(_host.os, "statvfs", lambda _path: ReadOnly)
    with pytest.raises(HostError, match="/ is on a read-only file system"):
        host.require_writable("/")


def test_a_missing_directory_is_an_error(host):
    with pytest.raises(HostError, match="the directory /etc/ufw is missing"):
        host.require_writable("/etc/ufw")


def test_a_detached_program_continues_in_its_own_session(host):
    done = host.locate("/done")
    host.detach("sh", "-c", f"ps -o sid= -p $$ > '{done}.part'; mv '{done}.part' '{done}'")
    deadline = time.monotonic() + 10
    while not done.exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert int(done.read_text()) != os.getsid(0)


def test_a_copy_has_the_same_mode_or_link_target(host):
    host.write("/a", "one", 0o640)
    host.link("/link/to", "nowhere")
    host.link("/link/to", "elsewhere")
    host.copy("/a", "/b")
    host.copy("/link/to", "/c")
    assert host.holds("/b", "one", 0o640)
    assert str(host.locate("/c").readlink()) == "nowhere"


def test_move_and_remove_tree(host):
    host.make_directory("/x/y", 0o700)
    host.write("/x/y/file", "text", 0o600)
    host.move("/x", "/z")
    assert host.read("/z/y/file") == "text"
    for _twice in range(2):
        host.remove_tree("/z")
    assert list(host.root.iterdir()) == []


@pytest.mark.parametrize(
    "act, words",
    [("move", "cannot rename /no to /x: No such file"), ("copy", "cannot copy /no to /x: No such file")],
)
def test_a_missing_file_cannot_be_moved_or_copied(host, act, words):
    with pytest.raises(HostError, match=words):
        getattr(host, act)("/no", "/x")
