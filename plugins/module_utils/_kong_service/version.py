# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The version and the id of a running Kong, from its own files, without running any of its code."""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path

# Below the root of the process. Kong 0.9 and later have a table of numbers (kong/meta.lua; seen in the packages of 0.10.4, 1.5.1 and 2.8.5),
# older versions a text (0.7.0:kong/constants.lua).
_META = "usr/local/share/lua/5.1/kong/meta.lua"
_CONSTANTS = "usr/local/share/lua/5.1/kong/constants.lua"
# Only Kong Enterprise has this folder. Its fourth number is not in the table.
_ENTERPRISE = "usr/local/share/lua/5.1/kong/enterprise_edition"
_EDITION = "-enterprise-edition"
_ID = re.compile(r"[0-9a-f-]{36}")
_VERSION = re.compile(r'^local VERSION = "(\d+\.\d+\.\d+)"', re.MULTILINE)
_PART = re.compile(r"^\s*(major|minor|patch)\s*=\s*(\d+)", re.MULTILINE)


def read_version(root: Path) -> str:
    """Return the version of the Kong that is installed below a root directory, such as ``2.8.5``; empty if it is unknown.

    The version of Kong Enterprise has three numbers and a suffix, such as ``3.4.3-enterprise-edition``.
    After an upgrade without a restart it is not the version of the running processes.
    """
    parts = dict(_PART.findall(_read(root / _META)))
    if len(parts) == 3:
        numbers = ".".join(parts[name] for name in ("major", "minor", "patch"))
        return numbers + (_EDITION if (root / _ENTERPRISE).is_dir() else "")
    found = _VERSION.search(_read(root / _CONSTANTS))
    return found[1] if found else ""


def _read(path: Path) -> str:
    with suppress(OSError):
        return path.read_text(encoding="utf-8", errors="replace")
    return ""


def read_id(root: Path, prefix: str) -> str:
    """Return the id of a data plane, which its control plane knows; empty if it has none.

    Data planes from 3.1 on keep it (3.2.0:kong/pdk/private/node.lua). `root` is the root directory of Kong.
    """
    path = root / prefix.lstrip("/") / "kong.id"
    with suppress(OSError):
        # A pipe would block.
        if path.is_file():
            with path.open(encoding="ascii", errors="replace") as file:
                found = _ID.match(file.read(64))
                return found[0] if found else ""
    return ""
