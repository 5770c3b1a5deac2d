# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Packs the code of a module for a host, because Ansible is slow with modules of many files.

Ansible compiles every file of a module, and searches every imported name (docs/design.md, section 1, has the times).
"""

from __future__ import annotations

import json
import re
import zlib
from base64 import b64encode
from pathlib import Path

ROOT = Path(__file__).parents[1] / "module_utils"
_IMPORT = re.compile(
    r"^ *from ansible_collections\.gatehouse\.kong\.plugins\.module_utils\.(\S+) import (\w*)", re.MULTILINE
)


def make_archive(module: str) -> str:
    """Return the code of a module: the file in the folder `_modules`, and all files that it imports.

    The result is base64 text of a compressed JSON dictionary with the text of each file by path. The paths are relative to the
    folder `module_utils`, and a host imports from it by the path of that package.
    """
    files = _find_imports(Path("_modules") / f"{module}.py")
    folders = dict.fromkeys(parent for file in files for parent in file.parents[:-1])
    texts = {str(file): (ROOT / file).read_text(encoding="utf-8") for file in files}
    packages = {f"{folder}/__init__.py": "" for folder in folders}
    return b64encode(zlib.compress(json.dumps({**texts, **packages}).encode("ascii"), 9)).decode("ascii")


def _find_imports(file: Path) -> list[Path]:
    """Return a file and all files that it imports, relative to the root."""
    found: dict[Path, None] = {}
    left = [file]
    while left:
        path = left.pop()
        if path not in found:
            found[path] = None
            left += [_find_file(*names) for names in _IMPORT.findall((ROOT / path).read_text(encoding="utf-8"))]
    return [*found]


def _find_file(module: str, name: str) -> Path:
    """Return the file of a module of which a name is imported, or of the name, if the module is a folder."""
    path = Path(*module.split("."))
    return path / f"{name}.py" if (ROOT / path).is_dir() else path.with_suffix(".py")
