# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files that contain only our text. A run writes them as a whole, and removes them if they are not needed."""

from __future__ import annotations

import typing as t
from collections.abc import Iterator
from contextlib import contextmanager

from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import Host, HostError

Files = t.Mapping[str, t.Optional[str]]  # texts by path; None if the file is not needed


def compare_files(host: Host, files: Files, mode: int) -> tuple[str, ...]:
    """Return a line for each file that is missing, differs in text or mode, or is not needed."""
    return tuple(
        f"{path}: {problem}" for path, text in files.items() if (problem := _explain_difference(host, path, text, mode))
    )


@contextmanager
def write_files(host: Host, files: Files, mode: int) -> Iterator[None]:
    """Write and remove files. If that fails, or the body raises HostError, the files are restored."""
    before = {path: host.read(path) for path in files}
    try:
        _write(host, files, mode)
        yield
    except HostError:
        _write(host, before, mode)
        raise


def _explain_difference(host: Host, path: str, text: str | None, mode: int) -> str:
    present = host.locate(path).exists() or host.locate(path).is_symlink()
    if text is None:
        return "to be removed" if present else ""
    if not present:
        return "missing"
    return "" if host.holds(path, text, mode) else "differs"


def _write(host: Host, files: Files, mode: int) -> None:
    for path, text in files.items():
        if text is None:
            host.remove((path,))
        elif not host.holds(path, text, mode):
            host.write(path, text, mode)
