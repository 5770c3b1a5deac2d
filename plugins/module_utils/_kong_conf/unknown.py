# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds settings of a kong.conf that the installed Kong does not know: its loader ignores them without a warning.

Kong 0.9 and later accepts the settings in kong/templates/kong_defaults.lua, other names in its loader (renamed settings),
and three families of names (DYNAMIC_KEY_NAMESPACES in kong/conf_loader.lua of 1.0 to 3.6,
3.9.1:kong/conf_loader/constants.lua).
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from ansible_collections.gatehouse.kong.plugins.module_utils._kong_conf.conf import list_conf_names

if TYPE_CHECKING:
    from collections.abc import Iterable

# The folder of Kong's Lua files in Kong's packages.
LUA = Path("/usr/local/share/lua/5.1/kong")
_DEFAULTS = "templates/kong_defaults.lua"
_LOADERS = ("conf_loader.lua", "conf_loader/*.lua", "enterprise_edition/conf_loader.lua")
_FAMILIES = re.compile(r"nginx_[a-z]+_|pluginserver_|vault_")
_WORD = re.compile(r"\w+")
_DEFAULT = re.compile(r"^([a-z]\w*)[ \t]*=[ \t]*(.*?)[ \t]*$", re.MULTILINE)


def find_unknown_settings(text: str, lua: Path = LUA) -> list[str]:
    """Return the names in the text of a kong.conf that the Kong in folder `lua` ignores, in the order of the file.

    The list is empty if no Kong is installed there. Raises ConfError for a file that Kong would not read completely.
    """
    defaults = _read([lua / _DEFAULTS])
    if not defaults:
        return []
    known = set(_WORD.findall(defaults + _read(path for form in _LOADERS for path in sorted(lua.glob(form)))))
    return [name for name in list_conf_names(text) if name not in known and not _FAMILIES.match(name)]


def find_installed_defaults(lua: Path = LUA) -> dict[str, str]:
    """Return the defaults of the settings of the Kong in folder `lua`; none if no Kong is installed there.

    `NONE` is an empty value (kong/conf_loader.lua).
    """
    return {name: "" if value == "NONE" else value for name, value in _DEFAULT.findall(_read([lua / _DEFAULTS]))}


def _read(paths: Iterable[Path]) -> str:
    return "\n".join(path.read_text(encoding="utf-8", errors="replace") for path in paths if path.is_file())
