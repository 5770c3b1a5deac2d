# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts have Python 3.8 to 3.14: each file of the code for hosts can be imported, with every one of these that is present."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[4] / "plugins" / "module_utils"
PACKAGE = "ansible_collections.gatehouse.kong.plugins.module_utils"
# Only AnsibleModule is from Ansible, and the oldest Python has no ansible-core of a supported version.
PROGRAM = """\
import importlib, sys, types
sys.dont_write_bytecode = True
sys.path.insert(0, sys.argv[1])
for name in ("ansible", "ansible.module_utils", "ansible.module_utils.basic"):
    sys.modules[name] = types.ModuleType(name)
sys.modules["ansible.module_utils.basic"].AnsibleModule = object
for name in sys.argv[2:]:
    importlib.import_module(name)
"""


def find_python(version):
    """Return the program of a version of Python, among the versions of pyenv too, or skip the test."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    for program in (*map(str, pyenv.glob(f"versions/{version}.*/bin/python")), shutil.which(f"python{version}")):
        if program and subprocess.run([program, "-V"], capture_output=True, check=False).returncode == 0:
            return program
    return pytest.skip(f"Python {version} is missing")


@pytest.mark.parametrize("version", ["3.8", "3.9", "3.10", "3.11", "3.12", "3.13", "3.14"])
def test_every_file_can_be_imported(tmp_path, version):
    folder = tmp_path / Path(*PACKAGE.split("."))
    folder.parent.mkdir(parents=True)
    folder.symlink_to(ROOT)
    names = [".".join((PACKAGE, *path.relative_to(ROOT).with_suffix("").parts)) for path in sorted(ROOT.rglob("*.py"))]
    done = subprocess.run(
        [find_python(version), "-c", PROGRAM, str(tmp_path), *names], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


# Methods and options of Python 3.9 and later, which fail only when they are called.
NEWER = {"removeprefix", "removesuffix", "is_relative_to", "with_stem", "hardlink_to", "strict", "indent"}


def test_no_method_is_newer_than_the_oldest_python():
    found = [
        f"{path.relative_to(ROOT)}:{node.value.lineno if isinstance(node, ast.keyword) else node.lineno}"
        for path in sorted(ROOT.rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if (isinstance(node, ast.Attribute) and (node.attr in NEWER or _reads_link(node)))
        or (isinstance(node, ast.keyword) and node.arg == "strict")
    ]
    assert found == []


def _reads_link(node):
    """Tell whether a node is Path.readlink, which is newer than os.readlink."""
    return node.attr == "readlink" and ast.unparse(node.value) != "os"
