# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Finds why Kong does not start or reload: the error lines in the journal of its unit and in nginx's error log.

A unit of Type=simple starts successfully even if its program ends with an error a moment later, so the status of a command
is not enough. Sources: journalctl(1), systemd.time(7); ngx_log_error_core in src/core/ngx_log.c for the form of a line; Kong 0.6
to 0.8: kong/cli/utils/logger.lua and kong/cli/services/serf.lua.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import Host, HostError
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_conf.secrets import HIDDEN, hide_secrets, is_secret
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.nginx import Nginx

# The end of each log. A busy Kong logs many lines in the seconds of a reload, and may log its requests to the journal.
_BYTES, _LINES = 16 * 2**20, 100_000
_SHOWN, _WIDTH = 5, 300
# A secret is hidden wherever its value appears, and each long word of it: nginx names a word of a directive that it rejects.
# Shorter values and words appear by chance.
_SHORTEST_SECRET, _SHORTEST_WORD = 4, 8
_WORD = re.compile(r"""[^\s"';]+""")
# Errors of nginx, of Kong's program, of Serf, and of systemd about the unit's program and its files.
_ERROR = re.compile(r"\[(?:emerg|alert|crit|error|ERR)\]|^Error: |(?:: |^==> )Failed (?:at step|to )")
_FATAL = re.compile(r"\[(?:emerg|ERR)\]|(?:^|: )Error: |^==> Failed to ")
# Kong 0.6 to 0.8 prints in colours, also to a journal.
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_OF_A_REQUEST = ", client: "
_HEAD = re.compile(r"^(?:\d{4}/\d\d/\d\d \d\d:\d\d:\d\d|nginx:) (\[\w+\]) (?:\d+#\d+: )?(?:\*\d+ )?")


@dataclass(frozen=True)
class Mark:
    """The ends of Kong's logs at one moment: the time for the journal of `unit`, inode and size of each file by path."""

    unit: str
    time: float
    files: Mapping[str, tuple[int, int]]


def mark_logs(unit: str, nginx: Nginx, setting: str = "") -> Mark:
    """Return the present ends of the logs. If a file is missing now, all its lines are new later.

    `setting` is Kong's proxy_error_log, empty if it is not set: the log of an nginx that does not run yet.
    """
    settings = (Path(nginx.prefix, log) for log in (setting, "logs/error.log") if log)
    candidates = (nginx.error_log, *(str(nginx.root / path.relative_to("/")) for path in settings))
    paths = dict.fromkeys(path for path in candidates if path and not path.startswith("/dev/"))
    return Mark(unit, time.time(), {path: _find_end(path) for path in paths})


def read_errors(host: Host, mark: Mark) -> list[str]:
    """Return the error lines that were logged after the mark; logs that cannot be read have none."""
    lines = [line for path, end in mark.files.items() for line in _read_file(path, end)]
    return find_errors([*_read_journal(host, mark), *lines])


def find_errors(lines: Iterable[str]) -> list[str]:
    """Return the lines that are errors, without colours, and without those about the request of a client."""
    plain = (_COLOUR.sub("", line).strip() for line in lines)
    return [line for line in plain if _ERROR.search(line) and _OF_A_REQUEST not in line]


def find_refusals(errors: Iterable[str], master: str) -> list[str]:
    """Return the errors with which nginx's master or Kong's program refuses a configuration.

    Workers and other processes of nginx also log errors, which do not matter for a reload.
    """
    return [line for line in errors if _FATAL.search(line) or f"] {master}#" in line]


def summarise(errors: Iterable[str], stated: Mapping[str, str]) -> tuple[str, ...]:
    """Return the last different errors for a message, without times, ids and secrets.

    Errors that end a program have priority. `stated` has the values of settings and variables, secrets among them, by name.
    """
    listed = [*errors]
    chosen = [line for line in listed if _FATAL.search(line)] or listed
    secrets = _find_secrets(stated)
    texts = dict.fromkeys(_HEAD.sub(r"\1 ", _hide(line, secrets))[:_WIDTH] for line in chosen)
    return (*texts,)[-_SHOWN:]


def _find_secrets(stated: Mapping[str, str]) -> list[str]:
    """Return the texts to hide, the longest first, because a secret may be a part of another secret."""
    values = [value.replace("\\#", "#") for name, value in stated.items() if is_secret(name)]
    words = {word for value in values for word in _WORD.findall(value) if len(word) >= _SHORTEST_WORD}
    return sorted({value for value in values if len(value) >= _SHORTEST_SECRET} | words, key=len, reverse=True)


def _hide(line: str, secrets: list[str]) -> str:
    hidden = hide_secrets(line)
    for secret in secrets:
        hidden = hidden.replace(secret, HIDDEN)
    return hidden


def _find_end(path: str) -> tuple[int, int]:
    with suppress(OSError):
        status = Path(path).stat()
        return status.st_ino, status.st_size
    return 0, 0


def _read_file(path: str, end: tuple[int, int]) -> list[str]:
    inode, size = end
    with suppress(OSError), Path(path).open("rb") as file:
        status = os.fstat(file.fileno())
        start = size if status.st_ino == inode and status.st_size >= size else 0
        file.seek(max(start, status.st_size - _BYTES))
        return file.read().decode("utf-8", "backslashreplace").splitlines()
    return []


def _read_journal(host: Host, mark: Mark) -> list[str]:
    if not mark.unit or host.which("journalctl") is None:
        return []
    with suppress(HostError):
        host.run("journalctl", "--sync")
    with suppress(HostError):
        since = (f"--unit={mark.unit}", f"--since=@{mark.time:.6f}")
        return host.run("journalctl", *since, "--output=cat", "--quiet", "--no-pager", f"--lines={_LINES}").splitlines()
    return []
