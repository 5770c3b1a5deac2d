# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The variable ``kong_config``: all other settings of Kong, as text in the format of the node's generation."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from ansible_collections.gatehouse.kong.plugins.plugin_utils._findings import make_plain
from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.generations import (
    Generation,
    find_generation,
    list_setting_names,
    parse_version,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.model import Report

if TYPE_CHECKING:
    from collections.abc import Iterator

CONFIG = "kong_config"
# The text in place of a value that Ansible Vault encrypts, if this run has no password for it.
VAULTED = "encrypted-with-ansible-vault-7f3a9c0d51e84b26"
_VAULTED_SHOWN = "(encrypted)"
UNDECRYPTED = "no vault password of this run decrypts it; add --ask-vault-pass, or write the value as plain text"
# Settings of the plan that open no listener.
_PLANNED = ("role", "cluster_control_plane", "cluster_telemetry_endpoint")
_NESTED = {"cluster.advertise": "cluster_advertise", "dns_resolvers_available.dnsmasq.port": "dnsmasq_port"}
# Settings of kong.conf are words of lower-case letters. Kong ignores any other name without an error (kong/conf_loader.lua), and reads
# a character that is no letter or digit as `_` (lua/pl/config.lua). In kong.yml a setting may also have a hyphen, such as auto-join,
# and dots between its keys.
_NAMES = {"conf": re.compile(r"[a-z][a-z0-9_]*"), "yaml": re.compile(r"[a-z][a-z0-9_.-]*")}
_NO_NAME_IN_CONF = re.compile(r"[^a-z0-9]")
# Kong's environment variables have this prefix, and no setting has it.
_ENVIRONMENT = re.compile(r"kong_", re.IGNORECASE)
# Settings that are entries of a list from 0.13 on.
_NOW_ENTRIES = {
    **dict.fromkeys(("proxy_listen_ssl", "ssl", "http2"), "proxy_listen"),
    **dict.fromkeys(("admin_listen_ssl", "admin_ssl", "admin_http2"), "admin_listen"),
}


class ConfigError(ValueError):
    """The variable ``kong_config`` is invalid; the message has all reasons."""


def read_config(generation: Generation, value: object, report: Report) -> dict[str, str]:
    """Return the settings of ``kong_config`` as text. Nested mappings of kong.yml become names with dots."""
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        # Only the type, because the value may contain secrets. The same holds below.
        kind = type(value).__name__
        report.add_error("config-invalid", CONFIG, kind, "it must be a mapping of Kong settings to values")
        return {}
    found = {}
    for name, item in _flatten(value, nested=generation.format == "yaml"):
        text = _format_value(generation, item)
        setting = _normalise(name, generation.format)
        own = _NESTED.get(setting, setting)
        if own in _PLANNED or own in list_setting_names():
            group = "a setting that the plan contains" if own in _PLANNED else "a listen setting"
            message = f"{name} is {group}; set {_name_variable(generation, own)} instead of {CONFIG}"
            shown = {name: _VAULTED_SHOWN if VAULTED in str(item) else item}
            report.add_error("config-listen-setting", CONFIG, shown, message)
        elif setting != name or not _NAMES[generation.format].fullmatch(name):
            advice = f"write {setting}" if _NAMES[generation.format].fullmatch(setting) else "correct or remove it"
            report.add_error("config-invalid", CONFIG, name, f"Kong has no setting of this name; {advice}")
        elif text is not None and text.strip().replace("\t", " ").isprintable():
            # Kong 0.9 and later read an empty value as unset.
            found[name] = text if text.strip() else ""
        elif item is not None:
            message = f"{name} must be text of one line, a number or a boolean; correct its value"
            report.add_error("config-invalid", CONFIG, name, message)
    return found


def read_config_of(version: str, value: object) -> dict[str, str]:
    """Return the settings of ``kong_config`` for a version of Kong. Raises ConfigError, and VersionError for no version."""
    report = Report(CONFIG)
    settings = read_config(find_generation(parse_version(version)), make_plain(value), report)
    if report.findings:
        raise ConfigError("; ".join(finding.message for finding in report.findings))
    return settings


def without_vaulted(config: Mapping[str, str], needed: Collection[str], report: Report) -> dict[str, str]:
    """Return the settings without the needed settings whose value is encrypted. Each of them is an error."""
    vaulted = [name for name in needed if VAULTED in config.get(name, "")]
    for name in vaulted:
        report.add_error("variable-vaulted", CONFIG, name, f"the plan needs the value of {name}, and {UNDECRYPTED}")
    return {name: text for name, text in config.items() if name not in vaulted}


def _normalise(name: str, file_format: str) -> str:
    """Return the name of a setting as Kong's file has it: in lower case, without the prefix of its variable."""
    setting = _ENVIRONMENT.sub("", name).lower()
    return _NO_NAME_IN_CONF.sub("_", setting) if file_format == "conf" else setting


def _name_variable(generation: Generation, name: str) -> str:
    """Return the variable of a listen setting as text for an error message."""
    if generation.modern and name in _NOW_ENTRIES:
        return f"an entry of kong_{_NOW_ENTRIES[name]}"
    return "kong_admin_listen" if name == "admin_api_listen" else f"kong_{name}"


def _flatten(value: Mapping[Any, Any], prefix: str = "", *, nested: bool) -> Iterator[tuple[str, Any]]:
    """Yield each setting; mappings in the mapping are settings of their own if ``nested``."""
    for key, item in value.items():
        name = f"{prefix}{make_plain(key)}"
        if nested and isinstance(item, Mapping):
            yield from _flatten(item, f"{name}.", nested=True)
        else:
            yield name, item


def _format_value(generation: Generation, value: object) -> str | None:
    """Return the value as text of the settings file, or None if the file cannot contain it."""
    if isinstance(value, bool):
        on, off = ("true", "false") if generation.format == "yaml" else ("on", "off")
        return on if value else off
    if isinstance(value, (str, int, float)):
        return str(make_plain(value))
    if isinstance(value, (list, tuple)) and generation.format == "conf":
        # kong.conf has lists with commas; kong.yml nests them, which text cannot express.
        parts = [None if isinstance(item, (list, tuple)) else _format_value(generation, item) for item in value]
        return None if None in parts else ", ".join(part for part in parts if part is not None)
    return None
