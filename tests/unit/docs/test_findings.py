# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The registry has every code that the compiler can report, with its severity, and no other code."""

from __future__ import annotations

import ast
import re

import pytest
import yaml

from ansible_collections.gatehouse.kong.plugins.doc_fragments.findings import ModuleDocFragment
from ansible_collections.gatehouse.kong.plugins.plugin_utils._codes import CODES, SECTIONS
from ansible_collections.gatehouse.kong.plugins.plugin_utils._findings import Finding
from ansible_collections.gatehouse.kong.scripts.findings_page import TARGET, render_page
from ansible_collections.gatehouse.kong.tests.unit.docs.pages import ROOT, read_first_column

COMPILER = [path for path in (ROOT / "plugins" / "plugin_utils").rglob("*.py") if path.name != "_codes.py"]
SOURCES = [path.read_text(encoding="utf-8") for path in COMPILER]
KEBAB = re.compile(r"[a-z0-9]+(-[a-z0-9]+)+")
# The functions that report a finding, and its severity. A finding of an exception is an error.
REPORTING = {
    "add_error": "error",
    "make_host_error": "error",
    "_make_bad_endpoint": "error",
    "_report": "error",
    "ListenError": "error",
    "_EntryError": "error",
    "VersionError": "error",
    "add_warning": "warning",
    "make_host_warning": "warning",
    "add_info": "info",
}


def get_name(function):
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def find_codes(expression):
    """Return the codes among the values that an expression has."""
    constants = (node.value for node in ast.walk(expression) if isinstance(node, ast.Constant))
    return {value for value in constants if isinstance(value, str) and KEBAB.fullmatch(value)}


def find_reported(tree):
    """Yield (code, severity) for each call that reports a finding with a literal code."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and (severity := REPORTING.get(get_name(node.func))):
            for argument in node.args:
                if isinstance(argument, (ast.Constant, ast.IfExp)):
                    yield from ((code, severity) for code in find_codes(argument))


SEVERITIES = {pair for source in SOURCES for pair in find_reported(ast.parse(source))}


def test_the_committed_page_is_current():
    assert TARGET.read_text(encoding="utf-8") == render_page(), "run scripts/findings_page.py"


def test_a_code_is_in_one_section():
    assert sum(map(len, SECTIONS.values())) == len(CODES) > 90


def test_every_reported_code_has_its_severity_in_the_registry():
    assert len(SEVERITIES) > 50
    assert {pair for pair in SEVERITIES if pair[0] not in CODES or pair[1] not in CODES[pair[0]].severities} == set()


def test_every_code_of_the_registry_is_in_the_code_of_the_compiler():
    text = "\n".join(SOURCES)
    assert [code for code in CODES if f'"{code}"' not in text] == []


@pytest.mark.parametrize(
    ("severity", "code", "error"), [("error", "no-such-code", KeyError), ("warning", "port-zero", ValueError)]
)
def test_a_finding_outside_the_registry_is_an_error_of_the_program(severity, code, error):
    with pytest.raises(error):
        Finding(severity, code, "n1", "kong_x", None, "")


def test_every_code_is_in_the_documentation_of_kong_plan():
    notes = yaml.safe_load(ModuleDocFragment.DOCUMENTATION)["notes"]
    assert len(notes) == len(CODES)
    assert notes[0] == (
        "C(no-nodes), error - The inventory group of the Kong nodes has no hosts, or C(kong_group) is empty. Add hosts to "
        "the group, or set C(kong_group) to the right group."
    )


def test_exceptions_to_the_grammar_of_kong_are_codes():
    stricter = read_first_column(render_page().partition("\n## Stricter than Kong\n")[2])
    assert stricter
    assert set(stricter) <= set(CODES)
