# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The managed host: its programs, files and privileges. Tests use a root other than /."""

from __future__ import annotations

import glob
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
# Part of the name of a temporary file, after the name of the file that it replaces.
TEMPORARY = ".gatehouse-kong."
_CAP_NET_ADMIN = 12  # capabilities(7), linux/capability.h


# No command of a firewall takes that long, even on a slow host (docs/benchmarks.md): a longer command hangs.
SECONDS = 120

Result = t.TypeVar("Result")


class HostError(Exception):
    """A problem of the host. The message names the problem and, if possible, the fix."""


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


def search_path() -> str:
    """Return the PATH of this process with the folders that systemd searches: sudo may drop some (`secure_path`, sudoers(5))."""
    return ":".join(filter(None, (os.environ.get("PATH"), PROGRAMS)))


def run_program(
    argv: t.Sequence[str],
    seconds: int,
    *,
    environment: t.Mapping[str, str],
    directory: str = "",
    stdin: str = "",
    inherited: t.Sequence[int] = (),
) -> subprocess.CompletedProcess[str]:
    """Run a program and return its result. After `seconds`, the program and its child processes are killed.

    It runs in `directory`, or in that of this process if the text is empty.
    `inherited` are open files that the program shares. Bytes of its output that are not UTF-8 become escape sequences:
    comments of third-party rules may contain such bytes. Surrogates in `stdin` become such bytes (PEP 383).

    Raises HostError if the program cannot run or does not end in time.
    """
    try:
        with subprocess.Popen(
            argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment,
            start_new_session=True, pass_fds=inherited, cwd=directory or None,
        ) as process:  # fmt: skip
            try:
                output = process.communicate(stdin.encode("utf-8", "surrogateescape"), timeout=seconds)
            except BaseException:
                # Kill the whole session, because a child of the program can hold its pipes open.
                os.killpg(process.pid, signal.SIGKILL)
                raise
    except subprocess.TimeoutExpired as error:
        raise HostError(f"`{shorten(argv)}` did not end within {seconds} seconds, and was killed") from error
    except OSError as error:
        raise HostError(f"cannot run {argv[0]}: {error.strerror}") from error
    stdout, stderr = (text.decode("utf-8", "backslashreplace") for text in output)
    return subprocess.CompletedProcess(argv, process.returncode, stdout, stderr)


def shorten(argv: t.Sequence[str]) -> str:
    """Return a command for a message: its words in one line, cut after 100 characters."""
    text = " ".join(" ".join(argv).split())
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


class Host:
    """The managed host. Paths are absolute and refer to files below `root`.

    New files, directories and links get the SELinux context of their location. Programs share the open files in
    `inherited`: a lock on such a file is held until the last program has ended, even if this process is killed.
    """

    def __init__(self, root: Path = Path("/")) -> None:
        self.root = root
        self.inherited: tuple[int, ...] = ()

    def locate(self, path: str) -> Path:
        """Return the real location of an absolute path: below `root`."""
        return self.root / path.lstrip("/")

    def which(self, program: str) -> str | None:
        """Return the absolute path of a program, or None. The sbin directories are searched too."""
        return shutil.which(program, path=PROGRAMS)

    def run(self, *argv: str, stdin: str = "", seconds: int = SECONDS) -> str:
        """Run a program and return its output. Raises HostError with its stderr if it fails."""
        done = run_program(argv, seconds, stdin=stdin, environment=_make_environment(), inherited=self.inherited)
        if done.returncode:
            raise HostError(f"{' '.join(argv)} failed with status {done.returncode}: {done.stderr.strip()}")
        return done.stdout

    def call(self, function: t.Callable[..., Result], *args: t.Any) -> Result:
        """Call a function that queries the kernel or a service of the host, or that runs programs.

        It runs in this process. In tests, the host is another network namespace and the function runs there.
        """
        return function(*args)

    def detach(self, *argv: str) -> None:
        """Start a program that continues after this process, its parents and their connection have ended.

        It shares no open file.
        """
        # The shell detaches the program from the pipes of this process, and leaves no child process to wait for.
        inherited, self.inherited = self.inherited, ()
        try:
            self.run("sh", "-c", 'cd /; setsid "$@" < /dev/null > /dev/null 2>&1 &', "sh", *argv)
        finally:
            self.inherited = inherited

    def read(self, path: str) -> str | None:
        """Return the text of a file, or None if it is missing."""
        try:
            return self.locate(path).read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            return None

    def holds(self, path: str, text: str, mode: int) -> bool:
        """Tell whether a path is a file (not a link) with exactly this text and mode."""
        file = self.locate(path)
        if file.is_symlink() or not file.is_file():
            return False
        return file.read_bytes() == text.encode("utf-8", "surrogateescape") and file.stat().st_mode & 0o7777 == mode

    def write(self, path: str, text: str, mode: int) -> None:
        """Replace a file atomically: a reader finds the complete old or the complete new text, even after a crash.

        Surrogates in the text become bytes that are not UTF-8 (PEP 383).
        """
        target = self.locate(path)
        temporary = ""
        try:
            self._make_parent(path)
            self._remove_temporaries(path)
            handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}{TEMPORARY}")
            with os.fdopen(handle, "w", encoding="utf-8", errors="surrogateescape") as file:
                os.fchmod(file.fileno(), mode)
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            restore_context(temporary, path)
            Path(temporary).replace(target)
            _sync(target.parent)
        except OSError as error:
            if temporary:
                Path(temporary).unlink(missing_ok=True)
            raise HostError(f"cannot write {path}: {error.strerror}") from error

    def reserve(self, path: str, size: int) -> None:
        """Create a file that occupies `size` bytes. Removing it makes that space available.

        Raises HostError if the disk has less space.
        """
        try:
            with self.locate(path).open("wb") as file:
                os.posix_fallocate(file.fileno(), 0, size)
        except OSError as error:
            raise HostError(f"cannot write {path}: {error.strerror}") from error

    def make_directory(self, path: str, mode: int) -> None:
        """Create a directory if it is missing, and set its mode."""
        try:
            self._make_parent(f"{path}/")
            self.locate(path).chmod(mode)
        except OSError as error:
            raise HostError(f"cannot create the directory {path}: {error.strerror}") from error

    def _make_parent(self, path: str) -> None:
        """Create the directory of a path and its parents, with the SELinux contexts of their locations."""
        parent = path.rpartition("/")[0]
        if parent and not self.locate(parent).is_dir():
            self._make_parent(parent)
            self.locate(parent).mkdir(exist_ok=True)
            restore_context(str(self.locate(parent)), parent)

    def remove(self, paths: Iterable[str]) -> None:
        """Remove files and links. Missing paths are ignored."""
        try:
            for path in paths:
                self.locate(path).unlink(missing_ok=True)
                self._remove_temporaries(path)
        except OSError as error:
            raise HostError(f"cannot remove {error.filename}: {error.strerror}") from error

    def find_temporaries(self, path: str) -> tuple[str, ...]:
        """Return the temporary files that killed processes left when they wrote a file."""
        folder, _slash, name = path.rpartition("/")
        found = self.locate(f"{folder}/").glob(f".{glob.escape(name)}{TEMPORARY}*")
        return tuple(f"{folder}/{temporary.name}" for temporary in sorted(found))

    def _remove_temporaries(self, path: str) -> None:
        for temporary in self.find_temporaries(path):
            self.locate(temporary).unlink(missing_ok=True)

    def remove_empty(self, directories: Iterable[str]) -> None:
        """Remove directories that are empty."""
        for directory in directories:
            with suppress(OSError):
                self.locate(directory).rmdir()

    def remove_tree(self, directory: str) -> None:
        """Remove a directory and its content. A missing directory is ignored."""
        try:
            shutil.rmtree(self.locate(directory))
        except FileNotFoundError:
            return
        except OSError as error:
            raise HostError(f"cannot remove {error.filename}: {error.strerror}") from error

    def copy(self, path: str, to: str) -> None:
        """Copy a file with its mode, owner and times, or a link as a link. Create the parent directory if needed."""
        try:
            self._make_parent(to)
            shutil.copy2(self.locate(path), self.locate(to), follow_symlinks=False)
            status = self.locate(path).lstat()
            os.chown(self.locate(to), status.st_uid, status.st_gid, follow_symlinks=False)
            if not self.locate(to).is_symlink():
                _sync(self.locate(to))
        except OSError as error:
            raise HostError(f"cannot copy {path} to {to}: {error.strerror}") from error

    def move(self, path: str, to: str) -> None:
        """Rename a file or directory within its directory, atomically, and make that durable."""
        try:
            self.locate(path).rename(self.locate(to))
            _sync(self.locate(to).parent)
        except OSError as error:
            raise HostError(f"cannot rename {path} to {to}: {error.strerror}") from error

    def link(self, path: str, target: str) -> None:
        """Create a link, unless its path exists. Create its parent directory if needed."""
        try:
            self._make_parent(path)
            with suppress(FileExistsError):
                self.locate(path).symlink_to(target)
                restore_context(str(self.locate(path)), path)
                _sync(self.locate(path).parent)
        except OSError as error:
            raise HostError(f"cannot create the link {path}: {error.strerror}") from error

    def require_net_admin(self) -> None:
        """Raise HostError unless this process may change the firewall (CAP_NET_ADMIN in its network namespace)."""
        status = Path("/proc/self/status").read_text(encoding="ascii")
        effective = next(line.split()[1] for line in status.splitlines() if line.startswith("CapEff:"))
        if not int(effective, 16) >> _CAP_NET_ADMIN & 1:
            raise HostError(
                "this process lacks CAP_NET_ADMIN and cannot change the firewall. Set become: true; in a container, "
                "add the capability NET_ADMIN"
            )

    def require_writable(self, path: str) -> None:
        """Check that a directory exists and is not on a read-only file system. Raises HostError."""
        if not self.locate(path).is_dir():
            raise HostError(f"the directory {path} is missing; the rules must be saved in it")
        if os.statvfs(self.locate(path)).f_flag & os.ST_RDONLY:
            raise HostError(f"{path} is on a read-only file system, so the rules would not survive a reboot")

    def require_systemd(self) -> None:
        """Raise HostError unless the host was booted with systemd (sd_booted(3))."""
        if not self.locate("/run/systemd/system").is_dir() or self.which("systemctl") is None:
            raise HostError(
                "this host does not run systemd, which must load the rules at boot: they would not survive a reboot"
            )


def _make_environment() -> dict[str, str]:
    return {**os.environ, "PATH": PROGRAMS, "LC_ALL": "C"}


def _sync(path: Path) -> None:
    """Write a file or directory to the disk (fsync(2))."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
