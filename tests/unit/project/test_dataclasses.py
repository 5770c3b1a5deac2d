# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The data classes of the controller are immutable and small, because caches and many nodes share their objects.

Each other data class is listed here with its reason.
"""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[3]
FOLDERS = ("plugins/plugin_utils", "plugins/action", "plugins/filter", "plugins/lookup")
COLLECTORS = {"HostVariables", "Policy", "Report", "Sets", "Viewer", "_Gathered"}
# Classes with cached properties, bases with a dictionary of their own, and collectors.
WITHOUT_SLOTS = {
    *(COLLECTORS - {"Report"}), "Content", "Counted", "Drift", "Fleet", "Listener", "Names", "OwnAddresses",
    "PlainInventory", "Selection", "Shared", "_Case", "_FixedVariables", "_NodeReader", "_Nodes",
}  # fmt: skip
# Objects that are themselves keys, whose fields are too large to compare or cannot be hashed.
BY_IDENTITY = {"Generation", "Kind", "Names", "Setting", "Shared", "_CallerList"}


@cache
def list_options():
    """Return the options of the decorator of each data class, by the name of the class."""
    found = {}
    for path in (path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            for decorator in node.decorator_list if isinstance(node, ast.ClassDef) else ():
                if ast.unparse(decorator).startswith("dataclass"):
                    keywords = decorator.keywords if isinstance(decorator, ast.Call) else []
                    found[node.name] = {keyword.arg: ast.literal_eval(keyword.value) for keyword in keywords}
    return found


def select(option, default):
    return {name for name, options in list_options().items() if options.get(option, default) is False}


def test_data_classes_are_immutable():
    assert select("frozen", default=False) == COLLECTORS


def test_data_classes_have_slots():
    assert select("slots", default=False) == WITHOUT_SLOTS


def test_data_classes_are_compared_by_their_fields():
    assert select("eq", default=True) == BY_IDENTITY
