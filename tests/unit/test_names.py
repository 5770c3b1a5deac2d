# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Names of functions are verbs (CONTRIBUTING.md, "Names"). Add a verb here if a function needs it; a noun never."""

from __future__ import annotations

import ast

# The imperative: what the function does or returns.
VERBS = frozenset([])
# The third person or an auxiliary: the function tells whether something is true.
PREDICATES = frozenset([])
# A conversion: `as_dict`, `to_native`, `with_rules`.
CONVERSIONS = ("as", "from", "to", "with", "without")
# Conversions of a type: `ruleset_from_data`, `socket_to_data`.
CONVERTERS = ("_from_data", "_to_data", "_as_dict")
# Names that another program or library defines.
DEFINED_ELSEWHERE = {
    "main": "the entry point of a module or program",
    "which": "shutil.which, on another root",
    "persist": "systemd and others use the word for what survives a boot",
}
FOLDERS = ("plugins", "scripts", "benchmarks", "molecule")


def functions_of(text):
    """Yield the functions and methods, except properties, special methods and overrides of another library's methods."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("__") and not is_property(node):
            yield node


def is_property(function):
    return any("property" in ast.unparse(decorator) for decorator in function.decorator_list)
