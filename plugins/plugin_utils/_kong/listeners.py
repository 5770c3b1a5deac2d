# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The listeners of a node, by its version and role, and the settings for them."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from ansible_collections.gatehouse.kong.plugins.plugin_utils._address import parse_port
from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.collisions import describe, find_collisions
from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.config import CONFIG, read_config, without_vaulted
from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.generations import (
    ROLES,
    Generation,
    KongVersion,
    VersionError,
    find_generation,
    parse_version,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.model import (
    LOCALHOST,
    Listener,
    NodeListeners,
    Report,
    Value,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.values import (
    SWITCH_VALUES,
    check_known,
    read_values,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.generations import Setting
    from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.listen import ListenEntry

__all__ = ["Listener", "NodeListeners", "read_listeners"]

_REQUIRED = {"control_plane": ("admin_listen", "cluster_listen"), "data_plane": ("proxy_listen",)}
# kong/conf_loader/parse.lua. A control plane and its data planes share them, or each has its own from one authority.
_CERTIFICATE = ("cluster_cert", "cluster_cert_key")
_DNSMASQ_PORT = 8053


def read_listeners(
    host: str, version: object, role: str, variables: Mapping[str, Any], defaults: Mapping[str, str]
) -> NodeListeners:
    """Return the listeners of a node, its settings and all findings about them.

    ``version`` is text, a YAML number or a ``KongVersion``. ``variables`` are those of the node; it reads ``kong_config``
    and the variables of listen settings (``kong_proxy_listen``). ``defaults`` replaces Kong's own default of a setting. Errors in the
    inventory do not raise: all findings of the node are reported together.
    """
    report = Report(host)
    try:
        generation = find_generation(version if isinstance(version, KongVersion) else parse_version(version))
    except VersionError as error:
        report.add_error(error.code, "kong_version", version, str(error))
        return NodeListeners({}, (), tuple(report.findings))
    role = _check_role(generation, role, report)
    config = read_config(generation, variables.get(CONFIG), report)
    config = without_vaulted(config, _list_needed(generation, role), report)
    check_known(generation, variables, report)
    values, switches = read_values(generation, variables, defaults, report)
    opened = _select_open_values(values, role, config, report)
    _check_requirements(values, role, config, report)
    listeners = tuple(
        listener for value in opened.values() for listener in _make_listeners(value.setting, value.entries)
    )
    _check_names(listeners, values, report)
    dnsmasq = _read_dnsmasq_port(generation, variables, report)
    own = (*listeners, *_make_dnsmasq(generation, config, dnsmasq))
    _check_collisions(own, values, report)
    settings = {"role": role} if generation.hybrid else {}
    settings |= {name: value.text for name, value in values.items() if _is_written(value, role, opened)}
    settings |= switches
    if dnsmasq is not None and generation.dnsmasq_port:
        settings[generation.dnsmasq_port] = str(dnsmasq)
    return NodeListeners(settings, listeners, tuple(report.findings), config)


def _list_needed(generation: Generation, role: str) -> list[str]:
    """Return the settings of kong_config whose values decide which listeners open, and which findings a node has."""
    return [
        *(["portal"] if generation.enterprise else []),
        *(["dnsmasq", "dns_resolver"] if generation.dnsmasq_port else []),
        *(["database"] if role != ROLES[0] else []),
    ]


def _check_role(generation: Generation, role: str, report: Report) -> str:
    if role != ROLES[0] and not generation.hybrid:
        text = f"Kong {generation.versions} has no roles, only 2.0 and later do; remove it or upgrade the node"
        report.add_error("role-unsupported", "kong_role", role, text)
        return ROLES[0]
    return role


def _select_open_values(
    values: dict[str, Value], role: str, config: dict[str, str], report: Report
) -> dict[str, Value]:
    opened = {}
    for name, value in values.items():
        reason = _explain_closed(value, role, values, config) if value.entries else ""
        if value.entries and not reason:
            opened[name] = value
        elif reason and value.given:
            # Only a note, because one group_vars file often serves control planes and data planes.
            report.add_info("listen-not-opened", value.variable, value.raw, f"Kong does not open it: {reason}")
    return opened


def _explain_closed(value: Value, role: str, values: dict[str, Value], config: dict[str, str]) -> str:
    setting = value.setting
    if role not in setting.roles:
        return f"{setting.name} opens only in role {' or '.join(setting.roles)}, and this node is a {role}"
    admin = values.get("admin_listen")
    if setting.listener == "admin_gui" and admin is not None and not admin.entries:
        return "admin_listen is off, and the GUI needs it"
    if setting.listener.startswith("portal") and SWITCH_VALUES.get(config.get("portal", "off")) != "on":
        return f"it needs portal: on in {CONFIG}"
    return ""


def _is_written(value: Value, role: str, opened: dict[str, Value]) -> bool:
    # A listener that is off by default is written as well, because an old line in the file would open it.
    return value.given or value.setting.name in opened or (value.text == "off" and role in value.setting.roles)


def _check_requirements(values: dict[str, Value], role: str, config: dict[str, str], report: Report) -> None:
    for name in _REQUIRED.get(role, ()):
        value = values.get(name)
        if value is not None and not value.entries:
            text = f"a {role} needs {name}: give it an address and port, 127.0.0.1 to close it to other hosts"
            report.add_error("role-needs-listener", value.variable, value.raw, text)
    if role == ROLES[0]:
        return
    if missing := [name for name in _CERTIFICATE if not config.get(name)]:
        text = f"a {role} does not start without {' and '.join(missing)}; they may already be in Kong's file"
        report.add_info("role-certificate", CONFIG, sorted(config) or None, text)
    _check_database(config.get("database"), role, report)


def _check_database(database: str | None, role: str, report: Report) -> None:
    if database is None and role == "data_plane":
        text = "a data_plane does not start without database: off; it may already be in Kong's file"
        report.add_info("role-database", CONFIG, None, text)
    elif database is not None and (database == "off") != (role == "data_plane"):
        must = "off" if role == "data_plane" else "a database, not off"
        report.add_error("role-database", CONFIG, {"database": database}, f"a {role} needs database to be {must}")


@lru_cache(maxsize=8192)
def _make_listeners(setting: Setting, entries: tuple[ListenEntry, ...]) -> tuple[Listener, ...]:
    return tuple(
        Listener(
            name=setting.listener,
            setting=setting.name,
            address=entry.address,
            port=entry.port,
            protocols=("udp",) if "udp" in entry.flags else setting.protocols,
            flags=entry.flags,
        )
        for entry in entries
    )


def _check_names(listeners: tuple[Listener, ...], values: dict[str, Value], report: Report) -> None:
    for listener in listeners:
        if listener.families == (4, 6) and not listener.is_wildcard and listener.address != LOCALHOST:
            value = values[listener.setting]
            text = (
                f"nginx resolves {listener.address!r} when it starts, so the rules cover every address of the node; "
                "write an address instead"
            )
            report.add_warning("listen-host-name", value.variable, value.raw, text)


def _read_dnsmasq_port(generation: Generation, variables: Mapping[str, Any], report: Report) -> int | None:
    """Return the port of dnsmasq from the inventory, or None."""
    raw = variables.get("kong_dnsmasq_port")
    if raw is None or generation.dnsmasq_port is None:
        return None
    port = parse_port(raw.strip() if isinstance(raw, str) else raw)
    if port is None:
        report.add_error("dnsmasq-port", "kong_dnsmasq_port", raw, "it must be a port from 1 to 65535")
    return port


def _make_dnsmasq(generation: Generation, config: dict[str, str], port: int | None) -> list[Listener]:
    """Return the resolver that 0.6 to 0.9 start on loopback. It is not in the plan, but its port can collide."""
    disabled = config.get("dnsmasq") == "off" or config.get("dns_resolver") == "server"
    if generation.dnsmasq_port is None or disabled:
        return []
    return [Listener("dnsmasq", "dnsmasq_port", "127.0.0.1", port or _DNSMASQ_PORT, ("tcp", "udp"))]


def _describe_in_text(listener: Listener, values: Mapping[str, Value]) -> str:
    """Return a listener as text that is the same on all hosts: without the address of one host that is the default."""
    given = listener.setting not in values or values[listener.setting].given
    return describe(listener) if given or listener.is_loopback or listener.bound is None else listener.setting


def _check_collisions(listeners: tuple[Listener, ...], values: dict[str, Value], report: Report) -> None:
    for code, first, second in find_collisions(listeners):
        named = [value for listener in (second, first) if (value := values.get(listener.setting)) is not None]
        value = next((value for value in named if value.given), named[0])
        protocols = " and ".join(protocol for protocol in first.protocols if protocol in second.protocols)
        text = (
            f"{' and '.join(_describe_in_text(listener, values) for listener in (first, second))} both use {protocols} port {first.port}; "
            "give one of them another port or another address"
        )
        report.add_error(code, value.variable, value.raw, text)
