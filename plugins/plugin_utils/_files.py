# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Text files that the action plugins write on the controller: plan files, reports and drift."""

from __future__ import annotations

import os
from pathlib import Path


class FileError(ValueError):
    """A file that cannot be read or written. The message names the file and the reason."""


def create_folder(path: Path) -> None:
    """Create a folder and its missing parents. Raises FileError."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        raise FileError(f"the folder {str(path)!r} cannot be created: {exc.strerror}") from exc


def read_file(path: Path) -> str:
    """Return the text of a file, empty text if there is no file. Raises FileError."""
    try:
        return path.read_text(encoding="utf-8") if path.exists() else ""
    except (OSError, UnicodeDecodeError) as exc:
        reason = exc.strerror if isinstance(exc, OSError) else exc
        raise FileError(f"the file {str(path)!r} cannot be read: {reason}") from exc


def update_file(path: Path, text: str, *, check_mode: bool) -> str | None:
    """Make a file have this text, and return the text before; None if there was no file.

    A reader sees the old text or the new text, never a part. In check mode nothing is written. Raises FileError.
    """
    try:
        before = path.read_text(encoding="utf-8") if path.exists() else None
        if before != text and not check_mode:
            unfinished = path.with_name(f".{path.name}.{os.getpid()}")
            unfinished.write_text(text, encoding="utf-8")
            unfinished.replace(path)
    except OSError as exc:
        raise FileError(f"the file {str(path)!r} cannot be written: {exc.strerror}") from exc
    return before


def shorten_source(source: str) -> str:
    """Return a source of an inventory as text: a path in the current folder as relative path, which Ansible makes absolute."""
    path = Path(source)
    inside = "," not in source and path.is_absolute() and path.is_relative_to(Path.cwd())
    return str(path.relative_to(Path.cwd())) if inside else source
