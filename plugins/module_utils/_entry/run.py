# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs the code of a module, which its action plugin sends as an archive (docs/design.md, section 1)."""

from __future__ import annotations

import importlib
import json
import sys
import zlib
from base64 import b64decode
from importlib.abc import ExecutionLoader
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_loader
from typing import Any

from ansible.module_utils.basic import AnsibleModule  # type: ignore[import-untyped]

# The option of every module that the action plugin sets.
ARCHIVE = "archive"
ARCHIVE_SPEC: dict[str, dict[str, Any]] = {ARCHIVE: {"type": "str", "no_log": True}}
# In a zip file, Python 3.9 does not set `__package__`.
_PACKAGE = __name__.rsplit(".", 2)[0]
_INIT = "/__init__.py"


def run_module(name: str, module: AnsibleModule) -> None:
    """Call `run(module)` of the file of a module in the folder `_modules`. It ends the process with a result.

    Without an archive, the code is imported from this collection, if it is installed where the module runs.
    """
    if module.params[ARCHIVE]:
        sys.meta_path.append(ArchiveLoader(module.params[ARCHIVE]))
    importlib.import_module(f"{_PACKAGE}._modules.{name}").run(module)


class ArchiveLoader(ExecutionLoader):
    """Finds and imports the files of an archive, whose folder takes the place of this package (_archive.make_archive)."""

    def __init__(self, archive: str) -> None:
        self._texts: dict[str, str] = json.loads(zlib.decompress(b64decode(archive)))
        self._files = {_name_module(file): file for file in self._texts}

    def find_spec(self, name: str, _path: object = None, _target: object = None) -> ModuleSpec | None:
        """Return how a module is imported, None if it is not in the archive."""
        file = self._files.get(name)
        return spec_from_loader(name, self, is_package=file.endswith(_INIT)) if file else None

    def get_source(self, fullname: str) -> str:
        """Return the text of the file of a module."""
        return self._texts[self._files[fullname]]

    def get_filename(self, fullname: str) -> str:
        """Return the path that a traceback shows for a module."""
        return f"module_utils/{self._files[fullname]}"


def _name_module(file: str) -> str:
    """Return the full name of the module of a file in the archive."""
    path = file[: -len(_INIT)] if file.endswith(_INIT) else file[: -len(".py")]
    return f"{_PACKAGE}.{path.replace('/', '.')}"
