# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The names of the secrets that Kong's file or its environment has. Their values do not leave this module."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass

from ansible_collections.gatehouse.kong.plugins.module_utils._kong_conf.secrets import is_secret
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_conf.text import ConfError
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_conf.values import list_names, read_values
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.unit_environment import Variable

# Kong ignores other names in its file.
_NAME = re.compile(r"[a-z][a-z0-9_.-]*")
_VARIABLE = re.compile(r"KONG_([A-Z][A-Z0-9_]*)")
_YAML = "yaml"  # of Kong 0.6 to 0.8, which reads no variables


@dataclass(frozen=True)
class Secret:
    """The name of a secret setting, and the place that has its value."""

    name: str
    place: str


def list_secrets(path: str, form: str, text: str, variables: Mapping[str, Variable]) -> list[Secret]:
    """Return the secrets with a value in Kong's file `path` with this format and text, and in the variables of its environment.

    A variable overrides the file. A file that Kong would not read completely has none.
    """
    found = dict.fromkeys(_list_stated(form, text), path)
    for name, variable in variables.items() if form != _YAML else ():
        match = _VARIABLE.fullmatch(name)
        if match and is_secret(match[1].lower()) and (variable.value or not variable.is_known):
            found[match[1].lower()] = variable.origin
    return [Secret(name, place) for name, place in found.items()]


def _list_stated(form: str, text: str) -> Iterator[str]:
    with suppress(ConfError):
        names = [name for name in list_names(form, text) if _NAME.fullmatch(name) and is_secret(name)]
        values = read_values(form, text, names)
        yield from (name for name in names if values[name])
