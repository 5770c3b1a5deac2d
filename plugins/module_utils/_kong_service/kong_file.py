# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Compares Kong's configuration file with the wanted settings."""

from __future__ import annotations

import os
import stat
import typing as t
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import Host, HostError
from ansible_collections.gatehouse.kong.plugins.module_utils._host.processes import PREFIX
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_conf.conf import edit_conf
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_conf.env import edit_env
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_conf.meaning import is_same
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_conf.secrets import HIDDEN, find_passwords, is_secret
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_conf.text import ConfError, format_value
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_conf.unknown import find_unknown_settings
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_conf.values import read_values
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_conf.yaml import edit_yaml
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.running import (
    KongFile,
    find_fallbacks,
    find_running,
    read_quoted,
)

_EDITORS = {"conf": edit_conf, "yaml": edit_yaml, "env": edit_env}
Warn = t.Callable[[str], None]


@dataclass(frozen=True)
class Comparison:
    """The path of a file, the file without links, its text (None if it is missing), the wanted text, and the settings that change, with their old values.

    `unknown` are the settings of the wanted text that the installed Kong does not know.
    """

    path: str
    target: Path
    before: str | None
    after: str
    changed_settings: list[str]
    old_values: dict[str, str | None]
    unknown: list[str]

    @property
    def differs(self) -> bool:
        """Whether the text of the file changes."""
        return self.after != (self.before or "")

    def as_dict(self) -> dict[str, t.Any]:
        """Return the comparison as the result of a module, without the texts."""
        return {
            "path": str(self.target),
            "changed_settings": self.changed_settings,
            "before": self.old_values,
            "unknown": self.unknown,
        }


def compare_file(params: Mapping[str, t.Any], warn: Warn) -> Comparison:
    """Return the comparison of the file with the settings in the options of kong_conf. Raises ConfError, PermissionError."""
    path, form = choose_path(params, warn), params["format"]
    target = Path(os.path.realpath(path))
    try:
        before = _read(target)
        defaults = _find_values_without_lines(params, str(target))
        after, changed = _EDITORS[form](before or "", _list_different(params, path), defaults)
        old = _read_before(form, before or "", changed)
        unknown = find_unknown_settings(after) if form == "conf" else []
    except ConfError as error:
        raise ConfError(f"{path}: {error}") from error
    if unknown:
        warn(f"{path}: the installed Kong does not know {', '.join(unknown)}, and ignores it: remove it")
    return Comparison(path, target, before, after, changed, old, unknown)


def choose_path(params: Mapping[str, t.Any], warn: Warn) -> str:
    """Return the path of the file to change, without resolving symbolic links."""
    found = [path for path in params["search"] if Path(path).exists()]
    if len(found) > 1:
        warn(f"Kong reads {found[0]} and ignores {', '.join(found[1:])}: remove the files that Kong ignores")
    return str(found[0] if found else params["path"])


def warn_of_readers(target: Path, text: str, warn: Warn) -> None:
    """Warn if every user of the host can read passwords in the file."""
    names = find_passwords(text)
    if names and target.exists() and target.stat().st_mode & stat.S_IROTH:
        warn(
            f"{target} contains {', '.join(names)}, and every user of the host can read it (mode "
            f"{stat.S_IMODE(target.stat().st_mode):04o}): set mode to '0640'"
        )


def _read(target: Path) -> str | None:
    """Return the file's text, with bytes that are not UTF-8 as surrogates; None if the file does not exist."""
    if not target.parent.is_dir():
        raise ConfError(f"the directory {str(target.parent)!r} does not exist: create it first")
    try:
        return target.read_bytes().decode("utf-8", "surrogateescape")
    except FileNotFoundError:
        return None
    except PermissionError:
        raise
    except OSError as error:
        raise ConfError(f"the file cannot be read: {error.strerror}") from error


def _read_before(form: str, text: str, names: list[str]) -> dict[str, str | None]:
    """Return the values of settings in a file's text, without secrets."""
    values = read_values(form, text, names)
    return {name: HIDDEN if is_secret(name) and value else value for name, value in values.items()}


def _list_different(params: Mapping[str, t.Any], path: str) -> dict[str, t.Any]:
    """Return the wanted settings without those that systemd already reads from a file of variables, with or without quotes."""
    wanted: dict[str, t.Any] = params["settings"]
    if not params["service"] or params["format"] != "env":
        return wanted
    with suppress(HostError, OSError):  # not root, for example
        host, prefix = Host(), params["prefix"] or PREFIX
        running = find_running(host, params["service"], prefix, in_container=params["container"])
        used = read_quoted(host, running, KongFile(path, "env", {}), wanted)
        return {
            name: value
            for name, value in wanted.items()
            if name not in used or not is_same(name, used[name], format_value(name, value))
        }
    return wanted


def _find_values_without_lines(params: Mapping[str, t.Any], path: str) -> dict[str, str]:
    """Return the values, as far as they are known, that Kong uses for settings without a line in its file."""
    if not params["service"] or params["format"] == "yaml":
        return dict(params["defaults"])
    file = KongFile(path, params["format"], params["defaults"])
    with suppress(HostError, OSError):  # not root, for example
        host, prefix = Host(), params["prefix"] or PREFIX
        running = find_running(host, params["service"], prefix, in_container=params["container"])
        return find_fallbacks(host, running, file, params["settings"])
    return dict(params["defaults"])
