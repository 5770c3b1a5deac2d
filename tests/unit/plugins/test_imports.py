# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Imports between folders: in one direction, and no backend imports another (docs/design.md, section 1)."""

from __future__ import annotations

import re

import pytest

from ansible_collections.gatehouse.kong.tests.unit.docs.pages import ROOT

HOST_SIDE = ROOT / "plugins" / "module_utils"
IMPORT = re.compile(r"gatehouse\.kong\.plugins\.(module_utils|plugin_utils)\.(_\w+)(?:\.(\w+))?")
MODULE = re.compile(
    r"^\s*from ansible_collections\.gatehouse\.kong\.plugins\.(?:module_utils|plugin_utils)\.([\w.]+) import",
    re.MULTILINE,
)
BACKENDS = ("firewalld", "iptables", "nftables", "ufw")


def find_imports(folder):
    """Return the side, folder and file or subfolder of each import in a folder, or in a single file."""
    files = folder.rglob("*.py") if folder.is_dir() else [folder]
    return {found for path in files for found in IMPORT.findall(path.read_text(encoding="utf-8"))}


def list_folders(side):
    """Return the folders of a side by name; a file next to them counts as a folder."""
    paths = sorted((ROOT / "plugins" / side).glob("_*"))
    return {path.stem: path for path in paths if path.name != "__pycache__"}


def list_nested_folders(side):
    """Return for each folder of a side, nested ones included, the folders that its own files import."""
    root = ROOT / "plugins" / side
    found = {}
    for path in root.rglob("*.py"):
        imported = set()
        for module in MODULE.findall(path.read_text(encoding="utf-8")):
            target = root.joinpath(*module.split("."))
            imported.add(target.parent if target.with_suffix(".py").exists() else target)
        found[path.parent] = found.get(path.parent, set()) | imported - {path.parent}
    return found


def test_neither_side_imports_the_other():
    for side, other in (("module_utils", "plugin_utils"), ("plugin_utils", "module_utils")):
        imported = find_imports(ROOT / "plugins" / side)
        assert len(imported) > 10
        assert [found for found in imported if found[0] == other] == []


@pytest.mark.parametrize(
    ("side", "folder", "imported"),
    [
        ("module_utils", "_backends", {"_host", "_netfilter", "_transaction"}),
        ("plugin_utils", "_fleet", {"_inventory", "_kong"}),
    ],
)
def test_folders_import_in_one_direction(side, folder, imported):
    left = {name: {found[1] for found in find_imports(path)} - {name} for name, path in list_folders(side).items()}
    assert left[folder] >= imported
    refuse_circles(left)


@pytest.mark.parametrize("side", ["module_utils", "plugin_utils"])
def test_nested_folders_import_in_one_direction(side):
    left = list_nested_folders(side)
    left.pop(ROOT / "plugins" / side, None)
    refuse_circles(left)


def test_imports_of_nested_folders_are_found():
    backends = HOST_SIDE / "_backends"
    assert list_nested_folders("module_utils")[backends] >= {backends / name for name in BACKENDS}


def refuse_circles(left):
    while left:
        free = [name for name, needed in left.items() if not needed & {*left}]
        assert free, f"a circle: {left}"
        left = {name: needed for name, needed in left.items() if name not in free}


@pytest.mark.parametrize("backend", BACKENDS)
def test_no_backend_imports_another(backend):
    imported = {found[2] for found in find_imports(HOST_SIDE / "_backends" / backend) if found[1] == "_backends"}
    assert backend in imported
    assert imported & {*BACKENDS} == {backend}


def test_ansible_finds_no_other_code_of_a_module_than_its_entry():
    assert {found[1] for found in find_imports(ROOT / "plugins" / "modules")} == {"_entry"}
    assert find_imports(HOST_SIDE / "_entry") == set()
    others = [path for name, path in list_folders("module_utils").items() if name != "_entry"]
    assert [path for path in others if "_entry" in {found[1] for found in find_imports(path)}] == []
