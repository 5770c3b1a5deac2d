# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/findings.md has every code that the compiler can report, with its severity, and no other."""

from __future__ import annotations

import ast
import re

from ansible_collections.gatehouse.kong.tests.unit.docs.pages import ROOT, first_column, text_of

COMPILER = sorted((ROOT / "plugins" / "plugin_utils").rglob("*.py"))
PAGE = text_of("docs/findings.md")
TABLES = PAGE.partition("\n## Stricter than Kong\n")[0]
KEBAB = re.compile(r"[a-z0-9]+(-[a-z0-9]+)+")
# What reports a finding, and how severe that is. What an exception reports is an error.
REPORTING = {
    "error": "error",
    "host_error": "error",
    "_bad_endpoint": "error",
    "_report": "error",
    "ListenError": "error",
    "_EntryError": "error",
    "VersionError": "error",
    "warning": "warning",
    "host_warning": "warning",
    "info": "info",
}


def name_of(function):
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def codes_in(expression):
    """Return the codes among the values that an expression has."""
    constants = (node.value for node in ast.walk(expression) if isinstance(node, ast.Constant))
    return {value for value in constants if isinstance(value, str) and KEBAB.fullmatch(value)}


def reported(tree):
    """Yield (code, severity) for each call that reports with a code written there."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and (severity := REPORTING.get(name_of(node.func))):
            for argument in node.args:
                if isinstance(argument, (ast.Constant, ast.IfExp)):
                    yield from ((code, severity) for code in codes_in(argument))


def assigned(tree):
    """Yield each code that is put into a variable named code, or returned by what finds collisions."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Tuple):
            names = [name_of(target) for target in node.targets[0].elts]
            if "code" in names and isinstance(node.value, ast.Tuple):
                yield from codes_in(node.value.elts[names.index("code")])


def tabled(tree):
    """Yield the keys of each module's CODES."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and name_of(node.targets[0]) == "CODES" and isinstance(node.value, ast.Dict):
            yield from (key.value for key in node.value.keys if key is not None)


TREES = [ast.parse(path.read_text(encoding="utf-8")) for path in COMPILER]
SEVERITIES = {pair for tree in TREES for pair in reported(tree)}
CODES = {code for code, _severity in SEVERITIES} | {
    code for tree in TREES for find in (assigned, tabled) for code in find(tree)
}


def documented_severities():
    rows = (line.split("|") for line in TABLES.splitlines() if line.startswith("| `"))
    return {
        (code, severity)
        for row in rows
        for code in re.findall(r"`([^`]+)`", row[1])
        for severity in row[2].strip().split(" or ")
    }


def test_every_code_is_documented_and_no_other():
    assert set(first_column(TABLES)) == CODES


def test_each_code_is_documented_once():
    assert sorted(first_column(TABLES)) == sorted(set(first_column(TABLES)))


def test_severities_are_those_of_the_code():
    assert documented_severities() >= SEVERITIES
    unused = {code for code, _severity in documented_severities() - SEVERITIES}
    assert unused <= CODES - {code for code, _severity in SEVERITIES}


def test_what_is_stricter_than_kong_are_codes():
    stricter = first_column(PAGE.partition("\n## Stricter than Kong\n")[2])
    assert stricter
    assert set(stricter) <= CODES


def test_codes_are_found():
    # One of each way in which the compiler names a code.
    assert {"no-path", "advertise-not-single", "listen-collision", "port-zero", "version-unquoted"} <= CODES
