# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Kong's configuration as the stand-in needs it: which listeners a node opens, by version and role.

Sources: Kong/kong kong/templates/kong_defaults.lua (defaults), kong/conf_loader.lua (files, environment),
kong/templates/nginx_kong.lua (what opens in which role), at the tags 0.9.9, 0.10.4 and 3.9.1.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

SERF = {
    "proxy_listen": "0.0.0.0:8000",
    "proxy_listen_ssl": "0.0.0.0:8443",
    "admin_listen": "0.0.0.0:8001",
    "ssl": "on",
    "cluster_listen": "0.0.0.0:7946",
    "cluster_listen_rpc": "127.0.0.1:7373",
    "cluster_advertise": "",
    "cluster_encrypt_key": "",
    "cluster_profile": "wan",
}
SERF_0_10 = {**SERF, "admin_listen_ssl": "0.0.0.0:8444", "admin_ssl": "on"}
HYBRID = {
    "role": "traditional",
    "proxy_listen": "0.0.0.0:8000 reuseport backlog=16384, 0.0.0.0:8443 http2 ssl reuseport backlog=16384",
    "stream_listen": "off",
    "admin_listen": "127.0.0.1:8001 reuseport backlog=16384, 127.0.0.1:8444 http2 ssl reuseport backlog=16384",
    "admin_gui_listen": "0.0.0.0:8002, 0.0.0.0:8445 ssl",
    "status_listen": "127.0.0.1:8007 reuseport backlog=16384",
    "cluster_listen": "0.0.0.0:8005",
    "cluster_control_plane": "127.0.0.1:8005",
}
# Listeners of 3.x by role: a value that is set for another role opens nothing.
OPENS = {
    "traditional": ("proxy_listen", "stream_listen", "admin_listen", "admin_gui_listen", "status_listen"),
    "control_plane": ("stream_listen", "admin_listen", "admin_gui_listen", "status_listen", "cluster_listen"),
    "data_plane": ("proxy_listen", "stream_listen", "status_listen"),
}


class ConfigError(Exception):
    """The configuration would not start Kong either, or the stand-in does not know the version."""


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
    def has_serf(self) -> bool:
        return "cluster_profile" in self.settings


def load(environment: Mapping[str, str]) -> Config:
    """Environment over file over defaults, as Kong has it; settings that the version does not know are dropped."""
    version = environment["KONG_VERSION"]
    defaults = _defaults(version)
    file = next((path for path in _search(version) if path.is_file()), None)
    given = parse(file.read_text(encoding="utf-8"), version) if file else {}
    given.update({key: environment[f"KONG_{key.upper()}"] for key in defaults if f"KONG_{key.upper()}" in environment})
    settings = {key: given.get(key, default) for key, default in defaults.items()}
    listeners = _serf_era(settings) if "cluster_profile" in settings else _by_role(settings)
    return Config(version, settings, tuple(listeners))


def _defaults(version: str) -> dict[str, str]:
    numbers = tuple(int(part) for part in version.split(".")[:2])
    if numbers in ((0, 9), (0, 10)):
        return SERF if numbers == (0, 9) else SERF_0_10
    if (3, 6) <= numbers <= (3, 9):
        return HYBRID
    raise ConfigError(f"the stand-in knows Kong 0.9, 0.10 and 3.6 to 3.9, not KONG_VERSION={version!r}")


def _search(version: str) -> list[Path]:
    paths = [Path("/etc/kong/kong.conf"), Path("/etc/kong.conf")]
    return paths[::-1] if version.startswith("0.9.") else paths


def parse(text: str, version: str) -> dict[str, str]:
    """kong.conf: key = value; from 0.10 on a # ends the value unless a backslash is before it."""
    found = {}
    for line in text.splitlines():
        key, equals, value = line.partition("=")
        if not equals or key.lstrip().startswith("#"):
            continue
        if not version.startswith("0.9."):
            value = re.sub(r"(?<!\\)#.*", "", value).replace("\\#", "#")
        found[key.strip()] = value.strip()
    return found


def _serf_era(settings: dict[str, str]) -> list[Listener]:
    listeners = [_plain(settings, "proxy_listen"), _plain(settings, "admin_listen")]
    if settings["ssl"] == "on":
        listeners.append(_plain(settings, "proxy_listen_ssl", "ssl"))
    if settings.get("admin_ssl") == "on":
        listeners.append(_plain(settings, "admin_listen_ssl", "ssl"))
    for key in ("cluster_listen", "cluster_listen_rpc", "cluster_advertise"):
        if settings[key] and not re.fullmatch(r"\d+\.\d+\.\d+\.\d+:\d+", settings[key]):
            raise ConfigError(f"{key} must be in the form of IPv4:port, not {settings[key]!r}")
    return listeners


def _plain(settings: dict[str, str], key: str, *flags: str) -> Listener:
    if not re.fullmatch(r".+:\d+", settings[key]):
        raise ConfigError(f"{key} must be of form 'address:port', not {settings[key]!r}")
    return Listener(key, settings[key], flags)


def _by_role(settings: dict[str, str]) -> list[Listener]:
    role = settings["role"]
    if role not in OPENS:
        raise ConfigError(f"role must be one of {', '.join(OPENS)}, not {role!r}")
    for needed in {"control_plane": ("admin_listen", "cluster_listen"), "data_plane": ("proxy_listen",)}.get(role, ()):
        if not parse_list(needed, settings[needed]):
            raise ConfigError(f"{needed} must not be off when role is {role}")
    names = [name for name in OPENS[role] if name != "admin_gui_listen" or parse_list("", settings["admin_listen"])]
    return [listener for name in names for listener in parse_list(name, settings[name])]


def parse_list(key: str, value: str) -> list[Listener]:
    """The list grammar of 0.13 and later: entries by comma, flags before or after the address, or "off"."""
    entries = [entry.split() for entry in value.split(",")]
    if entries[0] == ["off"]:
        return []
    return [_entry(key, entry, value) for entry in entries]


def _entry(key: str, words: list[str], value: str) -> Listener:
    addresses = [word for word in words if re.fullmatch(r".+:\d+", word)]
    if len(addresses) != 1:
        raise ConfigError(f"{key} must be of form: [off] | <ip>:<port> [flag]..., not {value!r}")
    flags = tuple(word for word in words if word not in addresses)
    # The configuration channel of a control plane is always TLS, whatever the setting says.
    return Listener(key, addresses[0], tuple(dict.fromkeys((*flags, "ssl"))) if key == "cluster_listen" else flags)
