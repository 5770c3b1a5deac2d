# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Text files that the action plugins write on the controller: plan files, reports and drift."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path


class FileError(ValueError):
    """A file that cannot be read or written. The message names the file and the reason."""


def create_folder(path: Path) -> None:
    """Create a folder and its missing parents. Raises FileError."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        raise FileError(f"the folder {str(path)!r} cannot be created: {exc.strerror}") from exc


def explain_unwritable_file(path: Path) -> str:
    """Return why a file cannot be written, with the fix; empty text if it can. Its folder must exist."""
    return _explain_folder(path.parent) or (explain_unreadable_file(path) if path.exists() else "")


def explain_unwritable_folder(path: Path) -> str:
    """Return why a folder cannot get new files, with the fix; empty text if it can. A missing folder can be created."""
    return _explain_folder(_find_existing(path))


def explain_unreadable_file(path: Path) -> str:
    """Return why a file cannot be read, with the fix; empty text if it can."""
    if not _exists(path):
        return "there is no such file. Correct the path"
    if path.is_dir():
        return f"{path} is a folder. Add the name of a file"
    return "" if os.access(path, os.R_OK) else f"the user of this run cannot read {path}. Add the permission"


def _explain_folder(folder: Path) -> str:
    existing = _find_existing(folder)
    if not existing.is_dir():
        return f"{existing} is a file, not a folder. Correct the path"
    if not os.access(existing, os.W_OK | os.X_OK):
        return f"the user of this run cannot write to the folder {existing}. Add the permission, or correct the path"
    return "" if existing == folder else f"there is no folder {folder}. Create it, or correct the path"


def _find_existing(path: Path) -> Path:
    """Return the path, or the nearest folder above it that exists."""
    return next((folder for folder in (path, *path.parents) if _exists(folder)), path)


def _exists(path: Path) -> bool:
    """Tell whether a path exists. In a folder that cannot be searched no file exists, for which Path.exists raises an error."""
    return os.path.exists(path)  # noqa: PTH110


def read_file(path: Path) -> str:
    """Return the text of a file, empty text if there is no file. Raises FileError."""
    try:
        return path.read_text(encoding="utf-8") if path.exists() else ""
    except (OSError, UnicodeDecodeError) as exc:
        raise _make_read_error(path, exc) from exc


def _make_read_error(path: Path, exc: OSError | UnicodeDecodeError) -> FileError:
    reason = exc.strerror if isinstance(exc, OSError) else exc
    return FileError(f"the file {str(path)!r} cannot be read: {reason}")


def update_file(path: Path, text: str, *, check_mode: bool) -> str | None:
    """Make a file have this text, and return the text before; None if there was no file.

    A reader sees the old text or the new text, never a part. In check mode nothing is written. Raises FileError.
    """
    before = read_file(path) if path.exists() else None
    if before != text and not check_mode:
        replace_file(path, [text])
    return before


def replace_file(path: Path, pieces: Iterable[str]) -> None:
    """Write text that is given in pieces. A reader sees the old text or the new text, never a part. Raises FileError."""
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with unfinished.open("w", encoding="utf-8") as file:
            file.writelines(pieces)
        unfinished.replace(path)
    except OSError as exc:
        raise FileError(f"the file {str(path)!r} cannot be written: {exc.strerror}") from exc


def has_text(path: Path, pieces: Iterable[str]) -> bool:
    """Tell whether a file has this text, which is compared piece by piece. Raises FileError."""
    if not path.exists():
        return False
    try:
        with path.open(encoding="utf-8") as file:
            return all(file.read(len(piece)) == piece for piece in pieces) and not file.read(1)
    except (OSError, UnicodeDecodeError) as exc:
        raise _make_read_error(path, exc) from exc


def shorten_source(source: str) -> str:
    """Return a source of an inventory as text: a path in the current folder as relative path, which Ansible makes absolute."""
    path = Path(source)
    inside = "," not in source and path.is_absolute() and path.is_relative_to(Path.cwd())
    return str(path.relative_to(Path.cwd())) if inside else source
