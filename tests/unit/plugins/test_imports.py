# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which folder of the host side may import which: one direction, and no backend another (docs/design.md, section 1)."""

from __future__ import annotations

import re

import pytest

from ansible_collections.gatehouse.kong.tests.unit.docs.pages import ROOT

HOST_SIDE = ROOT / "plugins" / "module_utils"
IMPORT = re.compile(r"gatehouse\.kong\.plugins\.(module_utils|plugin_utils)\.(_\w+)(?:\.(\w+))?")
FOLDERS = sorted(path.name for path in HOST_SIDE.glob("_*") if path.is_dir() and path.name != "__pycache__")
BACKENDS = ("firewalld", "iptables", "nftables", "ufw")


def imports_of(folder):
    """Return the side, folder and file or subfolder of each import in a folder."""
    return {found for path in folder.rglob("*.py") for found in IMPORT.findall(path.read_text(encoding="utf-8"))}


def test_neither_side_imports_the_other():
    for side, other in (("module_utils", "plugin_utils"), ("plugin_utils", "module_utils")):
        imported = imports_of(ROOT / "plugins" / side)
        assert len(imported) > 10
        assert [found for found in imported if found[0] == other] == []


def test_folders_of_the_host_side_import_in_one_direction():
    left = {name: {found[1] for found in imports_of(HOST_SIDE / name)} - {name} for name in FOLDERS}
    assert left["_backends"] >= {"_host", "_netfilter", "_transaction"}
    while left:
        free = [name for name, imported in left.items() if not imported & {*left}]
        assert free, f"a circle: {left}"
        left = {name: imported for name, imported in left.items() if name not in free}


@pytest.mark.parametrize("backend", BACKENDS)
def test_no_backend_imports_another(backend):
    imported = {found[2] for found in imports_of(HOST_SIDE / "_backends" / backend) if found[1] == "_backends"}
    assert backend in imported
    assert imported & {*BACKENDS} == {backend}
