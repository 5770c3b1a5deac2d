# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A module or an action plugin accepts the arguments of its documentation, and all examples use these arguments."""

from __future__ import annotations

import runpy
from importlib import import_module
from pathlib import Path

import pytest
import yaml
from ansible.module_utils import basic

PACKAGE = "ansible_collections.gatehouse.kong.plugins"
PLUGINS = Path(__file__).parents[3] / "plugins"
NAMES = sorted(path.stem for path in (PLUGINS / "modules").glob("*.py"))
# A module may document more of an argument that all modules of files have.
_OF_ANSIBLE = {"unsafe_writes"}
# Of Ansible's fragment `files`, used in examples.
_OF_FILES = {"group", "mode", "owner"}


def read_documented(name):
    """Return the options of a module's documentation, with those of its fragments."""
    text = yaml.safe_load(import_module(f"{PACKAGE}.modules.{name}").DOCUMENTATION)
    options = {}
    for fragment in text.get("extends_documentation_fragment", []):
        if fragment.startswith("gatehouse.kong."):
            file, _dot, part = fragment.removeprefix("gatehouse.kong.").partition(".")
            found = getattr(
                import_module(f"{PACKAGE}.doc_fragments.{file}").ModuleDocFragment, part.upper() or "DOCUMENTATION"
            )
            options.update(yaml.safe_load(found).get("options", {}))
    own = text.get("options", {})
    return {name: {**options.get(name, {}), **own.get(name, {})} for name in {*options, *own} - _OF_ANSIBLE}


def from_documentation(options):
    return {
        name: {
            "type": option.get("type", "str"),
            "required": option.get("required", False),
            "default": option.get("default"),
            "elements": option.get("elements"),
            "choices": option.get("choices"),
            "options": from_documentation(option["suboptions"]) if "suboptions" in option else None,
        }
        for name, option in options.items()
    }


def from_code(spec):
    return {
        name: {
            "type": option.get("type", "str"),
            "required": option.get("required", False),
            "default": option.get("default"),
            "elements": option.get("elements"),
            "choices": option.get("choices"),
            "options": from_code(option["options"]) if "options" in option else None,
        }
        for name, option in spec.items()
    }


class ReadError(Exception):
    """The arguments were read."""


def read_accepted(name, monkeypatch):
    """Return the argument specification that runs: that of the module as a program, or of an action plugin without module."""
    found = []

    def read(*args, argument_spec=None, **_more):
        found.append(argument_spec or args[0])
        raise ReadError

    path = PLUGINS / "modules" / f"{name}.py"
    if "AnsibleModule(" not in path.read_text(encoding="utf-8"):
        return import_module(f"{PACKAGE}.action.{name}")._ARGUMENTS
    # Only here: a module that is imported for the first time would keep the replacement.
    with monkeypatch.context() as patched:
        patched.setattr(basic, "AnsibleModule", read)
        runpy.run_path(str(path), run_name="imported")
        assert found == []
        with pytest.raises(ReadError):
            runpy.run_path(str(path), run_name="__main__")
    return found[0]


@pytest.mark.parametrize("name", NAMES)
def test_arguments_are_documented(name, monkeypatch):
    assert from_code(read_accepted(name, monkeypatch)) == from_documentation(read_documented(name))


def test_modules_that_only_work_on_the_controller_share_the_documentation_of_their_attributes():
    for name in NAMES:
        text = yaml.safe_load(import_module(f"{PACKAGE}.modules.{name}").DOCUMENTATION)
        details = text.get("attributes", {}).get("check_mode", {}).get("details", "")
        assert not details.startswith("It never changes anything"), name


def list_modules(tasks):
    """Yield the name and the given arguments of each module of this collection in tasks."""
    for task in tasks:
        for key, value in task.items():
            if key.startswith("gatehouse.kong."):
                yield key.removeprefix("gatehouse.kong."), set(value or {})


@pytest.mark.parametrize("kind, name", [
    (path.parent.name, path.stem) for kind in ("modules", "filter", "lookup") for path in sorted((PLUGINS / kind).glob("*.py"))
])  # fmt: skip
def test_examples_give_modules_the_options_that_they_have(kind, name):
    tasks = yaml.safe_load(import_module(f"{PACKAGE}.{kind}.{name}").EXAMPLES)
    modules = [*list_modules(tasks)]
    assert kind != "modules" or name in {module for module, _given in modules}
    for module, given in modules:
        options = read_documented(module)
        needed = {option for option, text in options.items() if text.get("required")}
        assert needed <= given <= {*options, *_OF_FILES}, module
