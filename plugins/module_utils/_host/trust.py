# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tells which files only root can change. Other files must not decide what a program of root does."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path

_GROUP_OF_ROOT = 0


def is_trusted(path: str | Path) -> bool:
    """Tell whether only root or this user can have changed or replaced a file. A missing file is not trusted."""
    with suppress(OSError):
        real = Path(path).resolve()
        return all(_is_protected(part.stat()) for part in (real, *real.parents))
    return False


def _is_protected(status: os.stat_result) -> bool:
    """Tell whether no other user can write a file, or replace a file of root in a directory."""
    writable = status.st_mode & (stat.S_IWOTH if status.st_gid == _GROUP_OF_ROOT else stat.S_IWOTH | stat.S_IWGRP)
    is_sticky = stat.S_ISDIR(status.st_mode) and status.st_mode & stat.S_ISVTX
    return status.st_uid in (0, os.geteuid()) and (not writable or bool(is_sticky))
