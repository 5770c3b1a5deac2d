# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tells whether root may run Kong's program with the variables and settings of a unit that runs as another user.

Such a user must not choose the code that root runs, or the files that root writes. A test of the configuration opens its logs:
in a folder of that user, a link could lead to any file, and root would own a new log. Sources: `bin/kong` starts with the
modules of LuaRocks, which also searches the home directory, then with KONG_LUA_PATH_OVERRIDE and the working directory;
kong/templates/nginx_kong.lua (lua_package_path, lua_package_cpath); kong/conf_loader (directives in settings `nginx_…`);
ngx_conf_full_name in src/core/ngx_string.c (a relative path of a log begins in the prefix, which is a private folder in a test).
"""

from __future__ import annotations

import re
import stat
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import Host
from ansible_collections.gatehouse.kong.plugins.module_utils._host.trust import is_trusted
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_conf.values import read_stated
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.unit_environment import Variable

# Settings with the paths of code: of Lua, of directives of nginx such as `include` and `load_module`, of plugin servers, of Wasm.
_CODE = re.compile(r"lua_|nginx_|pluginserver_|wasm")
# Settings with files that nginx opens for writing: logs, which can have another destination, and the database of 3.0 and later.
_WRITTEN = re.compile(r"\w+_log|lmdb_environment_path")
_NO_FILE = re.compile(r"off|stderr|/dev/\w+|(?:syslog|memory):.*")
# Other settings of Kong have the paths of data.
_OF_KONG = "KONG_"
# A part of a search path, a list, a directive or an option, up to its first wildcard.
_PATH = re.compile(r"""[^\s:;,="'?*]+""")


def is_roots(
    host: Host,
    user: str,
    variables: Mapping[str, Variable],
    files: Iterable[str],
    directory: str = "/",
) -> bool:
    """Tell whether only root can change the files that a program of Kong reads, runs and writes with the variables of a unit.

    `user` is the user of the unit, empty for root. `files` are Kong's files. Relative paths begin in `directory`, the working
    directory of the unit. Raises OSError if a file cannot be read.
    """
    if not user:
        return True
    read = {str(Path(directory, file)) for file in files}
    named = {variable.file for variable in variables.values() if variable.file}
    stated = [entry for file in read for entry in read_stated(host.read(file) or "").items()]
    values = [value for name, value in stated if _CODE.match(name)]
    values += [variable.value for name, variable in variables.items() if _is_code(name)]
    code = {str(path) for value in values for path in _list_paths(value, directory)}
    stated += [
        (name[len(_OF_KONG) :].lower(), variable.value)
        for name, variable in variables.items()
        if name.startswith(_OF_KONG)
    ]
    written = {str(path) for name, value in stated if _WRITTEN.fullmatch(name) for path in _list_written(value)}
    return all(map(is_trusted, {*named, *read, directory, *code, *written}))


def _is_code(variable: str) -> bool:
    """Tell whether a variable can name code. Any variable that is not of Kong can, such as PATH, HOME, LD_PRELOAD or PERL5LIB."""
    return not variable.startswith(_OF_KONG) or bool(_CODE.match(variable[len(_OF_KONG) :].lower()))


def _list_paths(value: str, directory: str) -> Iterator[Path]:
    """Yield the files and folders in a value, or the nearest existing parent. Relative paths begin in the directory."""
    for word in _PATH.findall(value):
        for path in (word, word[word.find("/") :]):  # an option can precede a path, as in `-I/path`
            yield _find_existing(Path(directory, path))


def _list_written(value: str) -> Iterator[Path]:
    """Yield the files outside the prefix in a value, or the nearest existing parent. A level or a format can follow a file.

    In a folder like /tmp, any user can create a missing file first.
    """
    if not any(map(_NO_FILE.fullmatch, value.split()[:1])):
        for path in map(Path, _PATH.findall(value)):
            if path.is_absolute() or ".." in path.parts:
                place = Path(tempfile.gettempdir(), "prefix", path)
                existing = _find_existing(place)
                yield place if existing.stat().st_mode & stat.S_ISVTX else existing


def _find_existing(path: Path) -> Path:
    """Return the path without links, or its first parent that exists."""
    real = path.resolve()
    return next(place for place in (real, *real.parents) if place.exists())
