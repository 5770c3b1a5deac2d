# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A private folder for the test of a file, which may hold passwords.

A killed run leaves its folder, and the next run removes it. A run holds a lock on its folder (flock(2)), so the folder of
another run that continues is not removed.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_NAME = "gatehouse-kong."


@contextmanager
def open_scratch() -> Iterator[str]:
    """Create a folder that only this user can read, remove it afterwards, and remove the folders of killed runs before."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_NAME}*"):
        with suppress(OSError), _lock(folder):
            shutil.rmtree(folder)
    with tempfile.TemporaryDirectory(prefix=_NAME) as created, _lock(Path(created)):
        yield created


@contextmanager
def _lock(folder: Path) -> Iterator[None]:
    """Hold the lock of a folder. Raises OSError for a link, the folder of another user, or a folder that has a lock."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        status = os.fstat(handle)
        if status.st_uid != os.geteuid() or stat.S_IMODE(status.st_mode) != stat.S_IRWXU:
            raise PermissionError(folder)
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(handle)
