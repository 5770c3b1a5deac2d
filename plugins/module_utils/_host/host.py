# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The host at hand: its programs, files and rights. A root other than / keeps tests away from the machine's own."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import typing as t
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from ansible_collections.gatehouse.kong.plugins.module_utils._host.selinux import restore_context

PROGRAMS = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_SHOWN = 100
_CAP_NET_ADMIN = 12  # capabilities(7), linux/capability.h


# Longer than any command of a firewall takes on a slow host (docs/benchmarks.md): one that takes longer hangs.
SECONDS = 120

Result = t.TypeVar("Result")


class HostError(Exception):
    """Something the host lacks or refuses; the message says what, and the way out where there is one."""


def needs_root(work: str) -> str:
    """Return the message for work that only root can do."""
    try:
        user = pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        user = str(os.geteuid())
    return f"{work} needs root, and this task runs as {user}: set become: true"


def require_root(work: str) -> None:
    """Raise HostError unless this process runs as root."""
    if os.geteuid() != 0:
        raise HostError(needs_root(work))


def completed(
    argv: t.Sequence[str],
    seconds: int,
    *,
    environment: t.Mapping[str, str],
    stdin: str = "",
    inherited: t.Sequence[int] = (),
) -> subprocess.CompletedProcess[str]:
    """Run a program to its end; it is killed after so many seconds, with the processes that it started.

    `inherited` are open files that the program shares.

    Bytes of its output that are no text are written as hexadecimal numbers: comments of third-party rules may have them.
    Raises HostError if the program cannot run or does not end in time.
    """
    try:
        with subprocess.Popen(
            argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8",
            errors="backslashreplace", env=environment, start_new_session=True, pass_fds=inherited,
        ) as process:  # fmt: skip
            try:
                stdout, stderr = process.communicate(stdin, timeout=seconds)
            except BaseException:
                # The whole session: a child of the program could hold its pipes open.
                os.killpg(process.pid, signal.SIGKILL)
                raise
    except subprocess.TimeoutExpired as error:
        raise HostError(f"`{shortened(argv)}` did not end within {seconds} seconds, and was killed") from error
    except OSError as error:
        raise HostError(f"cannot run {argv[0]}: {error.strerror}") from error
    return subprocess.CompletedProcess(argv, process.returncode, stdout, stderr)


def shortened(argv: t.Sequence[str]) -> str:
    """Return a command for a message: its words in one line, cut after 100 characters."""
    text = " ".join(" ".join(argv).split())
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


class Host:
    """Runs programs and replaces files. Paths are absolute and are looked up below `root`.

    New files, directories and links have the SELinux context of their location. Programs share the open files `inherited`:
    a lock that is held by one of them stays held until the last program has ended, also if this process is killed.
    """

    def __init__(self, root: Path = Path("/")) -> None:
        self.root = root
        self.inherited: tuple[int, ...] = ()

    def path(self, path: str) -> Path:
        """Where an absolute path really is."""
        return self.root / path.lstrip("/")

    def which(self, program: str) -> str | None:
        """The absolute path of a program, sbin directories included, or None."""
        return shutil.which(program, path=PROGRAMS)

    def run(self, *argv: str, stdin: str = "", seconds: int = SECONDS) -> str:
        """Run a program to its end and return its output. Raises HostError, with its stderr, if it fails."""
        done = completed(argv, seconds, stdin=stdin, environment=_environment(), inherited=self.inherited)
        if done.returncode:
            raise HostError(f"{' '.join(argv)} failed with status {done.returncode}: {done.stderr.strip()}")
        return done.stdout

    def call(self, function: t.Callable[..., Result], *args: t.Any) -> Result:
        """Call a function that itself asks the kernel or a service of the host, or runs programs.

        It costs no process of its own. Tests have their host in another network namespace, and call it there.
        """
        return function(*args)

    def detach(self, *argv: str) -> None:
        """Start a program that goes on when this process, its parents and their connection have ended.

        It shares no open file.
        """
        # A shell in between, so that nothing of it hangs on this process's pipes, and no child is left to wait for.
        inherited, self.inherited = self.inherited, ()
        try:
            self.run("sh", "-c", 'cd /; setsid "$@" < /dev/null > /dev/null 2>&1 &', "sh", *argv)
        finally:
            self.inherited = inherited

    def read(self, path: str) -> str | None:
        """The text of a file, None where there is none."""
        try:
            return self.path(path).read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            return None

    def holds(self, path: str, text: str, mode: int) -> bool:
        """Tell whether a plain file has exactly this text and this mode."""
        where = self.path(path)
        return not where.is_symlink() and self.read(path) == text and where.stat().st_mode & 0o7777 == mode

    def write(self, path: str, text: str, mode: int) -> None:
        """Replace a file at once: whoever reads it, also after a crash, finds the old text or the new, complete."""
        where = self.path(path)
        temporary = ""
        try:
            self._make_parent(path)
            handle, temporary = tempfile.mkstemp(dir=where.parent, prefix=f".{where.name}.")
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                os.fchmod(file.fileno(), mode)
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            restore_context(temporary, path)
            Path(temporary).replace(where)
            _sync(where.parent)
        except OSError as error:
            if temporary:
                Path(temporary).unlink(missing_ok=True)
            raise HostError(f"cannot write {path}: {error.strerror}") from error

    def reserve(self, path: str, size: int) -> None:
        """Make a file that holds so many bytes of the disk, for whoever removes it; HostError where they are not there."""
        try:
            with self.path(path).open("wb") as file:
                os.posix_fallocate(file.fileno(), 0, size)
        except OSError as error:
            raise HostError(f"cannot write {path}: {error.strerror}") from error

    def make_directory(self, path: str, mode: int) -> None:
        """Make a directory, unless it is there, and give it this mode."""
        try:
            self._make_parent(f"{path}/")
            self.path(path).chmod(mode)
        except OSError as error:
            raise HostError(f"cannot make the directory {path}: {error.strerror}") from error

    def _make_parent(self, path: str) -> None:
        """Make the directory of a path and those above it, with the SELinux contexts of their locations."""
        parent = path.rpartition("/")[0]
        if parent and not self.path(parent).is_dir():
            self._make_parent(parent)
            self.path(parent).mkdir(exist_ok=True)
            restore_context(str(self.path(parent)), parent)

    def remove(self, paths: Iterable[str]) -> None:
        """Remove files and links that are there."""
        try:
            for path in paths:
                self.path(path).unlink(missing_ok=True)
        except OSError as error:
            raise HostError(f"cannot remove {error.filename}: {error.strerror}") from error

    def remove_empty(self, directories: Iterable[str]) -> None:
        """Remove directories that have nothing in them."""
        for directory in directories:
            with suppress(OSError):
                self.path(directory).rmdir()

    def remove_tree(self, directory: str) -> None:
        """Remove a directory with all that is in it, if it is there."""
        try:
            shutil.rmtree(self.path(directory))
        except FileNotFoundError:
            return
        except OSError as error:
            raise HostError(f"cannot remove {error.filename}: {error.strerror}") from error

    def copy(self, path: str, to: str) -> None:
        """Copy a file with its mode, owner and times, a link as a link. The directory of the copy is made if it is missing."""
        try:
            self._make_parent(to)
            shutil.copy2(self.path(path), self.path(to), follow_symlinks=False)
            status = self.path(path).lstat()
            os.chown(self.path(to), status.st_uid, status.st_gid, follow_symlinks=False)
            if not self.path(to).is_symlink():
                _sync(self.path(to))
        except OSError as error:
            raise HostError(f"cannot copy {path} to {to}: {error.strerror}") from error

    def move(self, path: str, to: str) -> None:
        """Give a file or directory another name in the same directory: in one step, after a crash too."""
        try:
            self.path(path).rename(self.path(to))
            _sync(self.path(to).parent)
        except OSError as error:
            raise HostError(f"cannot rename {path} to {to}: {error.strerror}") from error

    def link(self, path: str, target: str) -> None:
        """Make a link, or leave the one that is there; its directory is made where it is missing."""
        try:
            self._make_parent(path)
            with suppress(FileExistsError):
                self.path(path).symlink_to(target)
                restore_context(str(self.path(path)), path)
                _sync(self.path(path).parent)
        except OSError as error:
            raise HostError(f"cannot make the link {path}: {error.strerror}") from error

    def require_net_admin(self) -> None:
        """HostError unless this process may change the firewall (CAP_NET_ADMIN, of its own network namespace)."""
        status = Path("/proc/self/status").read_text(encoding="ascii")
        effective = next(line.split()[1] for line in status.splitlines() if line.startswith("CapEff:"))
        if not int(effective, 16) >> _CAP_NET_ADMIN & 1:
            raise HostError(
                "this process lacks CAP_NET_ADMIN, so it cannot change the firewall: set become: true, and in a "
                "container give it that capability"
            )

    def require_writable(self, path: str) -> None:
        """HostError if a directory is not there, or is on a file system that is mounted read-only."""
        if not self.path(path).is_dir():
            raise HostError(f"there is no directory {path}, in which the rules are kept")
        if os.statvfs(self.path(path)).f_flag & os.ST_RDONLY:
            raise HostError(f"{path} is on a read-only file system, so the rules could not survive a reboot")

    def require_systemd(self) -> None:
        """HostError unless systemd runs this host (sd_booted(3))."""
        if not self.path("/run/systemd/system").is_dir() or self.which("systemctl") is None:
            raise HostError(
                "systemd does not run this host, and nothing else here can load the rules at boot: they "
                "would be gone after a reboot"
            )


def _environment() -> dict[str, str]:
    return {**os.environ, "PATH": PROGRAMS, "LC_ALL": "C"}


def _sync(path: Path) -> None:
    """Have the disk keep what a file or directory holds now."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
