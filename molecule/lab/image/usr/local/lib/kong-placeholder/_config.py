# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Kong's configuration for the placeholder: the listeners of a node, by version and role.

Sources: Kong/kong kong/conf_loader.lua (files, environment, grammar), kong/tools/config_loader.lua (kong.yml), kong/cmd/*.lua
(the commands). KONG_VERSION, in the environment or in /etc/kong-placeholder.env, is the version of Kong.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from _defaults import OPENS, Version, list_defaults

# `commands.py -p PREFIX` sets the variable and starts again. The placeholder runs in the default prefix only.
PREFIX = Path(os.environ.get("KONG_PREFIX", "/usr/local/kong"))
FOLDER = Path("/var/lib/kong-placeholder")
# The settings with which nginx.conf was written, which the next start uses. Kong has them in nginx.conf only.
PREPARED = PREFIX / ".kong-placeholder.json"
ENVIRONMENT = Path("/etc/kong-placeholder.env")
NEWEST = (3, 9)
ON = ("on", "true")
DIRECTIVES = ("nginx_main_", "nginx_http_")
WORKERS = "nginx_main_worker_processes"


class ConfigError(Exception):
    """Kong would reject the configuration as well, or the placeholder does not support the version."""


@dataclass(frozen=True)
class Listener:
    setting: str
    address: str
    flags: tuple[str, ...] = ()

    @property
    def port(self) -> str:
        return self.address.rpartition(":")[2]


@dataclass(frozen=True)
class Config:
    version: str
    settings: dict[str, str]
    listeners: tuple[Listener, ...]

    @property
    def line(self) -> Version:
        return release_line(self.version)

    @property
    def has_serf(self) -> bool:
        return self.line < (0, 11)


def runs(pid: Path, program: str) -> bool:
    """Tell whether the process of a pid file runs a program; after a boot the id may be that of another program."""
    try:
        command = Path(f"/proc/{int(pid.read_text(encoding='utf-8'))}/cmdline").read_bytes().decode()
    except (OSError, ValueError):
        return False
    return program in command


def release_line(version: str) -> Version:
    major, minor = (int(part) for part in version.split(".")[:2])
    if not (0, 6) <= (major, minor) <= NEWEST:
        raise ConfigError(f"the placeholder supports Kong 0.6 to 3.9, not KONG_VERSION={version!r}")
    return major, minor


def locate_pid_file(line: Version, name: str) -> Path:
    """Return the path of Kong's pid file of nginx or Serf (kong/conf_loader.lua; before 0.9 kong/cli/services)."""
    return PREFIX / ("pids" if line >= (0, 9) else "") / f"{name}.pid"


def read_environment() -> dict[str, str]:
    """Return the environment, with the variables of lab.yml for calls by hand."""
    given = ENVIRONMENT.read_text(encoding="utf-8").splitlines() if ENVIRONMENT.is_file() else []
    return {**dict(line.split("=", 1) for line in given if "=" in line), **os.environ}


def load(variables: Mapping[str, str], file: Path | None = None) -> Config:
    """Load the configuration like Kong: environment over file over defaults; unknown settings are dropped."""
    version = variables["KONG_VERSION"]
    line = release_line(version)
    found = file or next((path for path in _list_search_paths(line) if path.is_file()), None)
    text = found.read_text(encoding="utf-8") if found else ""
    return make(version, parse_yml(text) if line < (0, 9) else parse(text, version), variables)


def load_prepared() -> Config:
    """Return the configuration of the last preparation of the prefix."""
    kept = json.loads(PREPARED.read_text(encoding="utf-8"))
    return make(kept["version"], kept["settings"], {})


def keep_prepared(config: Config) -> None:
    PREPARED.write_text(json.dumps({"version": config.version, "settings": config.settings}), encoding="utf-8")


def make(version: str, given: Mapping[str, str], variables: Mapping[str, str]) -> Config:
    line = release_line(version)
    known = list_defaults(line)
    # The loader of kong.yml does not read the environment.
    outranks = {
        key: variables[name] for key in known if (name := f"KONG_{key.upper()}") in variables and line >= (0, 9)
    }
    settings = {key: {**given, **outranks}.get(key, default) for key, default in known.items()}
    if line >= (2, 0):
        settings |= _select_directives(given, variables)
        # An alias (kong/conf_loader.lua). The value of .kong_env outranks that of a file that is merged into it.
        settings.setdefault(WORKERS, settings["nginx_worker_processes"])
    listeners = _parse_pairs(settings) if line < (0, 13) else _select_by_role(settings)
    if line < (0, 11):
        _check_serf(settings)
    return Config(version, settings, tuple(listeners))


def _select_directives(given: Mapping[str, str], variables: Mapping[str, str]) -> dict[str, str]:
    """Return the settings that add a directive to nginx.conf; any name of a directive is allowed."""
    of_environment = {name[5:].lower(): value for name, value in variables.items() if name.startswith("KONG_")}
    return {key: value for key, value in {**given, **of_environment}.items() if key.startswith(DIRECTIVES)}


def _list_search_paths(line: Version) -> list[Path]:
    if line < (0, 9):
        return [Path("/etc/kong/kong.yml")]
    paths = [Path("/etc/kong/kong.conf"), Path("/etc/kong.conf")]
    return paths[::-1] if line == (0, 9) else paths


def parse(text: str, version: str) -> dict[str, str]:
    """Parse kong.conf: key = value; since 0.10 a # ends the value unless a backslash is before it."""
    found = {}
    for line in text.splitlines():
        key, equals, value = line.partition("=")
        if not equals or key.lstrip().startswith("#"):
            continue
        if not version.startswith("0.9."):
            value = re.sub(r"(?<!\\)#.*", "", value).replace("\\#", "#")
        found[key.strip()] = value.strip()
    return found


def parse_yml(text: str) -> dict[str, str]:
    """Parse a kong.yml with plain blocks of two levels; the name of a nested setting is `outer.inner`."""
    found, above = {}, ""
    for line in (line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")):
        key, _colon, value = line.strip().partition(":")
        plain = re.sub(r"\s#.*", "", value).strip().strip("'\"")
        nested = line[0].isspace()
        above = above if nested else key
        if plain:
            found[f"{above}.{key}" if nested else key] = plain
    return found


def _check_serf(settings: dict[str, str]) -> None:
    for key in ("cluster_listen", "cluster_listen_rpc", "cluster_advertise", "cluster.advertise"):
        if settings.get(key) and not re.fullmatch(r"\d+\.\d+\.\d+\.\d+:\d+", settings[key]):
            raise ConfigError(f"{key} must be in the form of IPv4:port, not {settings[key]!r}")


def _parse_pairs(settings: dict[str, str]) -> list[Listener]:
    """Return the listeners of 0.6 to 0.12: a setting for the plain port, and a setting with a switch for the TLS port."""
    found = [
        _parse_plain(settings, key) for key in ("proxy_listen", "admin_listen", "admin_api_listen") if key in settings
    ]
    for key, switch, http2 in (("proxy_listen_ssl", "ssl", "http2"), ("admin_listen_ssl", "admin_ssl", "admin_http2")):
        if key in settings and settings.get(switch, "on") in ON:
            found.append(_parse_plain(settings, key, "ssl", *(["http2"] if settings.get(http2) in ON else [])))
    return found


def _parse_plain(settings: dict[str, str], key: str, *flags: str) -> Listener:
    if not re.fullmatch(r".+:\d+", settings[key]):
        raise ConfigError(f"{key} must be of form 'address:port', not {settings[key]!r}")
    return Listener(key, settings[key], flags)


def _select_by_role(settings: dict[str, str]) -> list[Listener]:
    role = settings.get("role", "traditional")
    if role not in OPENS["stream_listen"]:
        raise ConfigError(f"role must be one of {', '.join(OPENS['stream_listen'])}, not {role!r}")
    for needed in {"control_plane": ("admin_listen", "cluster_listen"), "data_plane": ("proxy_listen",)}.get(role, ()):
        if not parse_list(needed, settings[needed]):
            raise ConfigError(f"{needed} must not be off when role is {role}")
    names = [name for name, roles in OPENS.items() if name in settings and role in roles]
    names = [name for name in names if name != "admin_gui_listen" or parse_list("", settings["admin_listen"])]
    return [listener for name in names for listener in parse_list(name, settings[name])]


def parse_list(key: str, value: str) -> list[Listener]:
    """Parse the list grammar since 0.13: entries separated by commas, flags before or after the address, or "off"."""
    entries = [entry.split() for entry in value.split(",")]
    if entries[0] == ["off"]:
        return []
    return [_parse_entry(key, entry, value) for entry in entries]


def _parse_entry(key: str, words: list[str], value: str) -> Listener:
    addresses = [word for word in words if re.fullmatch(r".+:\d+", word)]
    if len(addresses) != 1:
        raise ConfigError(f"{key} must be of form: [off] | <ip>:<port> [flag]..., not {value!r}")
    flags = tuple(word for word in words if word not in addresses)
    # The configuration channel of a control plane always uses TLS, with any setting.
    return Listener(key, addresses[0], tuple(dict.fromkeys((*flags, "ssl"))) if key == "cluster_listen" else flags)
