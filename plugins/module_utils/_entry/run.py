# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs the code of a module, which its action plugin sends as an archive (docs/design.md, section 1)."""

from __future__ import annotations

import importlib
import sys
import tempfile
from base64 import b64decode
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule  # type: ignore[import-untyped]

# The option of every module that the action plugin sets.
ARCHIVE = "archive"
ARCHIVE_SPEC: dict[str, dict[str, Any]] = {ARCHIVE: {"type": "str", "no_log": True}}
# In a zip file, Python 3.9 does not set `__package__`.
_PACKAGE = __name__.rsplit(".", 2)[0]


def run_module(name: str, module: AnsibleModule) -> None:
    """Call `run(module)` of the file of a module in the folder `_modules`. It ends the process with a result.

    Without an archive, the code is imported from this collection, if it is installed where the module runs.
    """
    # Not the temporary folder of Ansible: it may be missing, and Ansible warns when it creates the folder.
    with tempfile.TemporaryDirectory(prefix="gatehouse_kong_") as folder:
        if module.params[ARCHIVE]:
            _add_to_path(module.params[ARCHIVE], Path(folder) / "archive.zip")
        importlib.import_module(f"{_PACKAGE}._modules.{name}").run(module)


def _add_to_path(archive: str, file: Path) -> None:
    """Write the archive, base64 text of a zip file with packages, to a file, and import packages from it."""
    file.write_bytes(b64decode(archive))
    sys.modules[_PACKAGE].__path__.append(str(file))
