# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Imports between folders: in one direction, and no backend imports another (docs/design.md, section 1)."""

from __future__ import annotations

import ast

import pytest

from ansible_collections.gatehouse.kong.tests.unit.docs.pages import ROOT

PLUGINS = ROOT / "plugins"
HOST_SIDE = PLUGINS / "module_utils"
SIDES = {
    "hosts": ("module_utils", "modules"),
    "controller": ("plugin_utils", "action", "filter", "lookup", "doc_fragments"),
}
PACKAGE = ("ansible_collections", "gatehouse", "kong", "plugins")
BACKENDS = ("firewalld", "iptables", "nftables", "ufw")


def list_names(text, package):
    """Return the full name of each import in the text of a file of the package, as tuples, in every form of an import."""
    found = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            found |= {tuple(alias.name.split(".")) for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            start = package[: len(package) + 1 - node.level] if node.level else ()
            module = (*start, *(node.module.split(".") if node.module else ()))
            found |= {(*module, alias.name) for alias in node.names}
    return found


def find_imports(folder):
    """Return the path below ``plugins``, in at least three parts, of each import in a folder, or in a single file."""
    found = set()
    for path in folder.rglob("*.py") if folder.is_dir() else [folder]:
        package = PACKAGE + path.relative_to(PLUGINS).parent.parts
        names = list_names(path.read_text(encoding="utf-8"), package)
        found |= {(*name[len(PACKAGE) :], "", "") for name in names if name[: len(PACKAGE)] == PACKAGE}
    return found


def list_folders(side):
    """Return the folders of a side by name; a file next to them counts as a folder."""
    paths = sorted((PLUGINS / side).glob("_*"))
    return {path.stem: path for path in paths if path.name != "__pycache__"}


def list_nested_folders(side):
    """Return for each folder of a side, nested ones included, the folders that its own files import."""
    root = PLUGINS / side
    found = {}
    for path in root.rglob("*.py"):
        imported = set()
        for name in find_imports(path):
            targets = [root.joinpath(*name[1:end]) for end in range(2, len(name) + 1) if name[0] == side]
            imported |= {*[target for target in targets if target.is_dir()][-1:]}
        found[path.parent] = found.get(path.parent, set()) | imported - {path.parent}
    return found


def test_neither_side_imports_the_other():
    for side, other in (("hosts", "controller"), ("controller", "hosts")):
        imported = {found[0] for name in SIDES[side] for found in find_imports(PLUGINS / name)}
        assert imported & {*SIDES[side]}
        assert not imported & {*SIDES[other]}


def test_each_folder_of_plugins_is_on_a_side():
    folders = {path.name for path in PLUGINS.iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert folders == {name for names in SIDES.values() for name in names}


@pytest.mark.parametrize(
    "line",
    [
        "from ansible_collections.gatehouse.kong.plugins.module_utils._backends.ufw.rules import parse",
        "from ansible_collections.gatehouse.kong.plugins.module_utils._backends.ufw import rules",
        "from ansible_collections.gatehouse.kong.plugins.module_utils._backends import ufw",
        "import ansible_collections.gatehouse.kong.plugins.module_utils._backends.ufw.rules as rules",
        "def f():\n    from ..ufw import rules",
        "if True:\n    from ..ufw.rules import (\n        parse,\n    )",
        "from .. import registry, ufw",
        "from ... import _backends\nfrom ..._backends.ufw import rules",
    ],
)
def test_every_form_of_an_import_is_found(line):
    backend = (*PACKAGE, "module_utils", "_backends", "nftables")
    found = list_names(line, backend)
    assert (*backend[:-1], "ufw") in {name[: len(backend)] for name in found}


@pytest.mark.parametrize(
    ("side", "folder", "imported"),
    [
        ("module_utils", "_backends", {"_host", "_netfilter", "_transaction"}),
        ("plugin_utils", "_fleet", {"_inventory", "_kong"}),
    ],
)
def test_folders_import_in_one_direction(side, folder, imported):
    left = {
        name: {found[1] for found in find_imports(path) if found[0] == side} - {name}
        for name, path in list_folders(side).items()
    }
    assert left[folder] >= imported
    refuse_circles(left)


@pytest.mark.parametrize("side", ["module_utils", "plugin_utils"])
def test_nested_folders_import_in_one_direction(side):
    refuse_circles(list_nested_folders(side))


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
    assert {found[:2] for found in find_imports(PLUGINS / "modules")} == {("module_utils", "_entry")}
    assert find_imports(HOST_SIDE / "_entry") == set()
    others = [path for name, path in list_folders("module_utils").items() if name != "_entry"]
    assert [path for path in others if "_entry" in {found[1] for found in find_imports(path)}] == []
