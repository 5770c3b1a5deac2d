# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Functions are verbs, values are nouns (CONTRIBUTING.md, "Names").

A new verb is added to the list here; a noun never is.
"""

from __future__ import annotations

import ast
import re
from functools import cache, lru_cache

import pytest

from ansible_collections.gatehouse.kong.tests.unit.docs.pages import ROOT


def read_words(text):
    return frozenset(text.split())


# The imperative: what the function does.
VERBS = read_words(
    """
    act add adopt advertise advise align allow analyse announce answer apply arm ask assign authenticate begin bind boot bring build call
    canonicalise change check choose claim classify clean clear close collect commit compare compile complete compress compute
    concatenate confirm connect converge copy count create cut decide declare decompile decompress derive describe
    destroy detach detect dial diff draw drop dump edit enable end ensure enter escape evaluate exclude execute expand expect
    explain fail fetch fill filter find fire fit fix flatten flush follow forget format gather get grant group handle hide
    hold identify ignore infer inline insert inspect install intercept interpret intersect join judge keep kill lay
    leave limit link list load locate lock log look loop make mark mask match measure merge minimise mount move name negate nest
    normalise note open pad parse perform persist plan prepare prevent print propose provide put
    query quit quote raise read reboot rebuild receive record refuse rehearse release reload remove rename render
    renew repeat replace report request require reserve reset resolve restart restore restrict rewrite roll run save
    schedule search select send serve set share shorten show shuffle skip snapshot sort split stage start stop strip subtract
    suggest summarise swap sync take tear tell test trace translate try undo unescape uninstall unite unquote update
    validate verify view wait walk warn watch work write
    """
)
# The third person, or an auxiliary: the function tells whether something is true.
PREDICATES = read_words(
    """
    accepts allows answers applies are arrives bypasses completes contains covers differs diverts drops equals exists fails fits follows
    goes has holds is keeps knows leaves looks matches may moves names needs overlaps passes reaches reads refuses runs sees serves spans
    starts uses works
    """
)
# The same value in another form: `as_dict`, `from_node`, `with_rules`, `ruleset_from_data`.
CONVERSION = re.compile(r"(as|from|to|with|without)(_|$)|\w+_(from|to)_(data|listener)$|\w+_as_dict$")
# Another program or library, or the name of a filter, decides.
DEFINED_ELSEWHERE = {
    "main": "the entry point of a program",
    "which": "shutil.which, below another root",
    "filters": "Ansible asks a FilterModule for them",
    "exec_command": "Ansible calls it of a connection plugin",
    "get_vars": "Ansible calls it of a VariableManager",
    "server_bind": "socketserver calls it",
    "pytest_collection_modifyitems": "pytest calls it of a conftest.py",
    "pytest_configure": "pytest calls it of a conftest.py",
    "do_GET": "http.server calls it",
    "v2_playbook_on_task_start": "Ansible calls it of a callback plugin",
    "v2_runner_on_ok": "Ansible calls it of a callback plugin",
}
# Pronouns are no names of values.
COORDINATES = ("x", "y")
PRONOUNS = read_words("one those what who whose our")
FILTERS = frozenset(path.stem for path in (ROOT / "plugins" / "filter").glob("[a-z]*.py"))
FOLDERS = ("plugins", "scripts", "molecule", "benchmarks", "tests")


@lru_cache(maxsize=1)
def list_nodes(text):
    """Return the nodes of the text of a Python file. All searches of a file use the same nodes."""
    return [*ast.walk(ast.parse(text))]


def find_functions(text):
    """Yield the names of functions, without values and without Python's special methods."""
    for node in list_nodes(text):
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("__") and not is_value(node):
            yield node.name


def is_value(function):
    """Tell whether a function gives a value its name: a property, or a fixture, which a test receives as a parameter."""
    decorators = [ast.unparse(decorator) for decorator in function.decorator_list]
    return any("property" in decorator or decorator.startswith("pytest.fixture") for decorator in decorators)


def find_methods(text):
    """Yield the names of the methods of classes."""
    for node in list_nodes(text):
        if isinstance(node, ast.ClassDef):
            yield from (item.name for item in node.body if isinstance(item, ast.FunctionDef))


def find_calls(text):
    """Yield the names of methods that are called."""
    for node in list_nodes(text):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            yield node.func.attr


def find_values(text):
    """Yield the names of variables, fields and parameters."""
    for node in list_nodes(text):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.arg):
            yield node.arg


def is_verb(name):
    name = name.lstrip("_")
    word, rest = split_name(name)
    return word in PREDICATES or (word in VERBS and rest != "of") or CONVERSION.match(name) is not None


def split_name(name):
    """Return the first word of a name, and the rest. D-Bus writes getZones."""
    return re.fullmatch(r"_*([a-z0-9]*)_?(.*)", name).groups()


@cache
def read_names():
    """Return the places of names, by the function that finds them: pairs of a file and a name."""
    places = {find: [] for find in (find_functions, find_methods, find_calls, find_values)}
    for path in sorted(path for folder in FOLDERS for path in ROOT.glob(f"{folder}/**/*.py")):
        text = path.read_text(encoding="utf-8")
        for find, found in places.items():
            found += [(str(path.relative_to(ROOT)), name) for name in find(text)]
    return places


def find_doubles():
    """Return the places of methods of test doubles, which have the names that the code under test calls."""
    places = read_names()
    calls = {name for file, name in places[find_calls] if not file.startswith("tests/")}
    return {(file, name) for file, name in places[find_methods] if file.startswith("tests/") and name in calls}


def test_functions_are_verbs():
    functions, doubles = read_names()[find_functions], find_doubles()
    assert len(functions) > 5000
    nouns = [place for place in functions if not is_verb(place[1]) and place not in doubles]
    assert [place for place in nouns if place[1] not in {*DEFINED_ELSEWHERE, *FILTERS}] == []


def test_every_entry_of_the_lists_is_in_use():
    used = {name for _file, name in read_names()[find_functions]}
    assert sorted((VERBS | PREDICATES) - {split_name(name)[0] for name in used}) == []
    assert sorted(DEFINED_ELSEWHERE.keys() - used) == []


@pytest.mark.parametrize(
    ("text", "nouns"),
    [
        ("def sources(plan): ...", ["sources"]),
        ("class A:\n def _names(self): ...\n @property\n def name(self): ...\n def __len__(self): ...", []),
        ("@pytest.fixture(scope='module')\ndef lab(): ...\n@fixtures\ndef wires(): ...", ["wires"]),
        ("def getZones(): ...\ndef zonesGet(): ...", ["zonesGet"]),
        ("def f():\n def plan_of(host): ...\n def listed(): ...", ["f", "plan_of", "listed"]),
        ("def is_open(): ...\ndef as_dict(): ...\ndef set_from_data(): ...\ndef host_to_text(): ...", ["host_to_text"]),
    ],
)
def test_a_noun_is_found(text, nouns):
    assert [name for name in find_functions(text) if not is_verb(name)] == nouns


def test_methods_and_calls_are_found():
    text = (
        "class A:\n def recv(self): self.sock.close(x.items)\n class B:\n  def send(self): ...\ndef f():\n def g(): h()"
    )
    assert ([*find_methods(text)], [*find_calls(text)]) == (["recv", "send"], ["close"])


def test_values_are_nouns():
    assert [place for place in read_names()[find_values] if place[1] in PRONOUNS] == []


def test_values_have_no_letter_as_name():
    """Coordinates are the exception, and the tests."""
    letters = {
        (file, name)
        for file, name in read_names()[find_values]
        if len(name) == 1 and name not in COORDINATES and not file.startswith("tests/")
    }
    assert letters == set()


def test_variables_fields_and_parameters_are_found():
    text = "def f(who, *, what=1):\n    [x for other, (one, two) in y]\nclass A:\n    whose: str"
    assert {*find_values(text)} == {"who", "what", "other", "one", "two", "whose"}
