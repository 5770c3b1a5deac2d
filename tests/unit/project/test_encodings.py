# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files of the controller are read and written in a named encoding. The default depends on the user's locale."""

from __future__ import annotations

import ast
from pathlib import Path

PLUGINS = Path(__file__).parents[3] / "plugins"
CONTROLLER = ("plugin_utils", "action", "filter", "lookup")
ENCODINGS = {"utf-8", "ascii"}


def find_file_calls(source):
    """Return the calls in the text of a Python file that read or write text of files."""
    calls = (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call))
    return [call for call in calls if is_text_access(call)]


def is_text_access(call):
    is_binary = any(isinstance(argument, ast.Constant) and "b" in str(argument.value) for argument in call.args)
    if isinstance(call.func, ast.Attribute):
        # HostVariables.read_text takes the name of a variable.
        reads = call.func.attr == "read_text" and not call.args
        return reads or call.func.attr == "write_text" or (call.func.attr == "open" and not is_binary)
    return isinstance(call.func, ast.Name) and call.func.id == "open" and not is_binary


def read_encoding(call):
    return next((ast.literal_eval(word.value) for word in call.keywords if word.arg == "encoding"), None)


def test_calls_are_found():
    found = find_file_calls(
        "a.open()\nopen(b, 'rb')\nc.open('w', encoding='ascii')\nd.read_text()\ne.write_text(f)\nread_text(g)"
    )
    assert [read_encoding(call) for call in found] == [None, "ascii", None, None]


def test_every_file_of_the_controller_has_an_encoding():
    files = [path for folder in CONTROLLER for path in (PLUGINS / folder).rglob("*.py")]
    calls = {path: find_file_calls(path.read_text(encoding="utf-8")) for path in files}
    assert sum(map(len, calls.values())) > 10
    wrong = [
        f"{path}:{call.lineno}"
        for path, found in calls.items()
        for call in found
        if read_encoding(call) not in ENCODINGS
    ]
    assert wrong == []
