# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The names in the templates of an inventory, which tell whether facts may change a value.

A template can use a variable only if its text has the name of the variable, or a name in INDIRECT. So all words of a template
are a superset of the variables that it uses, whatever its syntax is.
"""

from __future__ import annotations

import re
from collections import ChainMap
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

# Names through which a template reaches variables that it does not name, or values that the plays of a run change.
INDIRECT = frozenset(
    [
        "ansible_facts",
        "extends",
        "groups",
        "group_names",
        "hostvars",
        "import",
        "include",
        "lookup",
        "now",
        "play_hosts",
        "q",
        "query",
        "self",
        "vars",
    ]
)
# The prefix of facts, and of variables that Ansible sets.
_OF_ANSIBLE = "ansible_"
_WORD = re.compile(r"[^\W\d]\w*")


def may_have_templates(value: Any) -> bool:
    """Tell whether Ansible may compute something else from a value of the inventory, such as a template or a vaulted value."""
    if isinstance(value, str):
        return "{" in value or value.startswith("#jinja2:")
    if value is None or isinstance(value, (bool, int, float)):
        return False
    if isinstance(value, (list, tuple)):
        return any(map(may_have_templates, value))
    return not isinstance(value, Mapping) or any(map(may_have_templates, (*value.keys(), *value.values())))


def may_depend_on_facts(value: Any, own: Mapping[str, Any], play: Mapping[str, Any]) -> bool:
    """Tell whether facts may change a value of the inventory. ``own`` are the variables of its host, ``play`` the variables of the play.

    The answer is yes if a template of the value, or of a variable in it, names a fact, may reach facts, or is encrypted.
    """
    variables: ChainMap[str, Any] = ChainMap(own, play)  # type: ignore[arg-type]  # they are only read
    known: set[str] = set()
    values = [value]
    while values:
        templates = [*_list_templates(values.pop())]
        if not all(isinstance(template, str) for template in templates):
            return True
        names = frozenset(name for template in templates for name in _list_words(template))
        if names & INDIRECT or any(name.startswith(_OF_ANSIBLE) and name not in own for name in names):
            return True
        values += [variables[name] for name in names - known if name in variables]
        known |= names
    return False


def _list_templates(value: Any) -> Iterator[Any]:
    """Yield the texts in a value that may be templates, and the objects that are no plain data, such as encrypted values."""
    if isinstance(value, Mapping):
        value = [*value.keys(), *value.values()]
    if isinstance(value, (list, tuple)):
        for item in value:
            yield from _list_templates(item)
    elif may_have_templates(value):
        yield value


@lru_cache(maxsize=1024)
def _list_words(template: str) -> frozenset[str]:
    return frozenset(_WORD.findall(template))
