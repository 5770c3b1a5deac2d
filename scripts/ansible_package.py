# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Collections of the package ansible on PyPI, for tests and benchmarks. Users of this collection do not need them."""

from __future__ import annotations

import fcntl
import subprocess
import sys
import zipfile
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CACHE = ROOT / ".cache" / "ansible-package"
PACKAGE = "ansible>=12,<13"


def provide_collections(names: Iterable[str]) -> Path:
    """Return a folder with these collections, such as ``amazon/aws``. The package, 54 MB, is downloaded once."""
    CACHE.mkdir(parents=True, exist_ok=True)
    # Tests run in several processes. The lock ends with the file.
    with (CACHE / "lock").open("w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        missing = tuple(f"ansible_collections/{name}/" for name in names if not _find(name).is_dir())
        if missing:
            with zipfile.ZipFile(_fetch_package()) as wheel:
                wheel.extractall(CACHE, [name for name in wheel.namelist() if name.startswith(missing)])
    return CACHE


def _find(name: str) -> Path:
    return CACHE / "ansible_collections" / name


def _fetch_package() -> Path:
    if not any(CACHE.glob("ansible-*.whl")):
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(CACHE), PACKAGE]
        subprocess.run(pip, check=True, stdout=sys.stderr)
    return next(CACHE.glob("ansible-*.whl"))
