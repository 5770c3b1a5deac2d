# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The effective value of each setting of a running Kong, and its origin.

Kong 0.9 and later takes a value from the first of these: a variable `KONG_…` of its environment, its file, its default
(kong/conf_loader.lua). Pure functions.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace

from ansible_collections.gatehouse.kong.plugins.module_utils._kong_conf.meaning import is_same, parse_endpoints
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_conf.secrets import HIDDEN, is_secret
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.prepared import Prepared
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.unit_environment import Variable

# The origins of a value. STARTED: of neither the file nor the unit, so Kong was started by hand with it. OUTDATED: the file
# has changed since Kong was prepared.
ENVIRONMENT, FILE, DEFAULT, STARTED, OUTDATED, UNKNOWN = (
    "environment", "file", "default", "started", "outdated", "unknown"
)  # fmt: skip
# Kong completes paths and names of files in these settings, so its value is not that of the file, unless it is a number.
_COMPLETED = ("prefix", "cert", "lua_", "_path", "ssl_cipher")
# Kong does not change a single word for a directive of nginx, except these (kong/conf_loader). It replaces the user, and computes
# the directives of TLS from ssl_cipher_suite and the value `auto`; `NONE` omits the directive.
_OF_NGINX, _COMPUTED, _COMPUTED_WORDS = "nginx_", ("user", "ssl_"), ("auto", "NONE")
_WORD = re.compile(r"[\w.+-]+")
_BOOLEANS = {"true": "on", "false": "off"}


@dataclass(frozen=True)
class Sources:
    """The places from which Kong takes its values.

    `file` has the values of Kong's file `path`, None for a missing setting, and `changed` is its time in seconds since the
    epoch. `prepared` has the settings that the running Kong prepared last, None if they are unknown. `known` are the names of all
    settings of that Kong, none if they are unknown: a known setting without a line there is empty.
    """

    path: str = ""
    file: Mapping[str, str | None] = field(default_factory=dict)
    changed: float = 0.0
    defaults: Mapping[str, str] = field(default_factory=dict)
    variables: Mapping[str, Variable] = field(default_factory=dict)
    prepared: Prepared | None = None
    known: Collection[str] = ()


@dataclass(frozen=True)
class Effective:
    """The effective value of a setting, None if it is unknown, its origin, and the place that has it, if that is not the file."""

    setting: str
    value: str | None
    origin: str
    place: str = ""

    @property
    def variable(self) -> str:
        """The name of the variable that overrides the setting."""
        return name_variable(self.setting)

    @property
    def shown(self) -> str:
        """The value for a message; secrets are hidden."""
        if self.value is None:
            return "unknown"
        return HIDDEN if is_secret(self.setting) else self.value or "empty"


def name_variable(setting: str) -> str:
    """Return the name of the environment variable of a setting."""
    return f"KONG_{setting.upper()}"


def find_effective(setting: str, sources: Sources) -> Effective:
    """Return the effective value of a setting and its origin."""
    variable = sources.variables.get(name_variable(setting))
    if variable is not None:
        value = variable.value if variable.is_known else _find_used(setting, sources)
        return Effective(setting, value, ENVIRONMENT, variable.origin)
    of_file, default = sources.file.get(setting), sources.defaults.get(setting)
    stated, origin = (of_file, FILE) if of_file is not None else (default, DEFAULT)
    if stated is None:
        return Effective(setting, _find_used(setting, sources), UNKNOWN)
    return _find_other_value(setting, stated, sources) or Effective(setting, stated, origin)


def find_differences(wanted: Mapping[str, str], sources: Sources) -> Iterator[Effective]:
    """Yield the effective values that differ from the wanted values and that a line in Kong's file does not explain.

    The value of a variable that is not known counts as different.
    """
    for setting, value in wanted.items():
        found = find_effective(setting, sources)
        if found.origin == ENVIRONMENT and found.value is not None and is_same(setting, found.value, value):
            # The unit may have got the variable since Kong started.
            running = _find_other_value(setting, value, sources)
            found = replace(running, origin=STARTED) if running else found
        differs = found.value is None or not is_same(setting, found.value, value)
        if differs and found.origin in (ENVIRONMENT, STARTED, OUTDATED):
            yield found


def describe_unloaded(sources: Sources) -> str:
    """Return a readable line if Kong was prepared again and not reloaded, else an empty text."""
    if sources.prepared is None or sources.prepared.in_use:
        return ""
    return (
        f"{sources.prepared.path} is newer than the processes of nginx: Kong was prepared again and not reloaded, so the settings of "
        "the running Kong are unknown. Reload Kong, or run site, which reloads it"
    )


def moves_listeners(found: Effective, wanted: str) -> bool:
    """Tell whether an effective value of a listen setting is known to open other addresses or ports than the wanted value."""
    is_listen = "_listen" in found.setting and found.value is not None
    return is_listen and parse_endpoints(found.value or "") != parse_endpoints(wanted)


def describe(found: Effective, wanted: str, path: str) -> str:
    """Return a readable line for a value that differs from the wanted value; `path` is Kong's file."""
    expected = HIDDEN if is_secret(found.setting) else wanted or "empty"
    is_planned = f"{found.setting} is {found.shown}, planned {expected}"
    if found.origin == ENVIRONMENT:
        return f"{is_planned}: {found.variable} ({found.place}) overrides {path}"
    if found.origin == OUTDATED:
        return f"{is_planned}: the running Kong ({found.place}) was not reloaded since {path} changed"
    return (
        f"{is_planned}: Kong was started with it ({found.place}), for example by hand with {found.variable}; neither {path} "
        "nor a unit has this value"
    )


def _find_other_value(setting: str, stated: str, sources: Sources) -> Effective | None:
    """Return the value that the running Kong uses in place of the stated value, None if it uses the stated value or is unknown."""
    used = _find_used(setting, sources, stated)
    if used is None or sources.prepared is None or _uses(setting, used, stated):
        return None
    changed_since = sources.changed > sources.prepared.changed
    return Effective(setting, used, OUTDATED if changed_since else STARTED, sources.prepared.path)


def is_unverified(setting: str, stated: str, sources: Sources) -> bool:
    """Tell whether it is unknown if the running Kong uses a stated value: it has no value, or another one that Kong may have computed."""
    if _find_used(setting, sources, stated) is not None:
        return False
    prepared = sources.prepared
    used = prepared.values.get(setting) if prepared and prepared.in_use else None
    return used is None or not _uses(setting, used, stated)


def _find_used(setting: str, sources: Sources, stated: str = "") -> str | None:
    """Return the value that the running Kong uses, None if it is unknown, or if it need not be the stated value.

    The setting of a directive of nginx without a line is unknown.
    """
    prepared = sources.prepared
    if not prepared or not prepared.in_use or _is_completed(setting, stated):
        return None
    is_empty = setting in sources.known and setting != prepared.doubtful and not setting.startswith(_OF_NGINX)
    return prepared.values.get(setting, "" if is_empty else None)


def _is_completed(setting: str, stated: str) -> bool:
    if setting.startswith(_OF_NGINX):
        is_computed = any(part in setting for part in _COMPUTED) or stated in _COMPUTED_WORDS
        return is_computed or not _WORD.fullmatch(stated)
    return any(part in setting for part in _COMPLETED) and not stated.isdigit()


def _uses(setting: str, used: str, stated: str) -> bool:
    """Tell whether a value of the running Kong is the stated value."""
    if setting.startswith(_OF_NGINX):
        used, stated = (_BOOLEANS.get(value, value) for value in (used, stated))
    return is_same(setting, used, stated) or _is_path(used, stated)


def _is_path(used: str, stated: str) -> bool:
    """Tell whether a value is the absolute form of a relative path."""
    is_relative = bool(stated) and not stated.startswith("/")
    return is_relative and used.startswith("/") and used.endswith(f"/{stated.lstrip('./')}")
