# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kong's listen settings with defaults, flags and roles, for each release line.

Sources: kong/tools/config_defaults.lua (0.6 to 0.8), kong/templates/kong_defaults.lua and kong/conf_loader (0.9 and
later) at each release tag of Kong/kong; for Kong Enterprise its documentation.
"""

from __future__ import annotations

from dataclasses import dataclass

ROLES = ("traditional", "control_plane", "data_plane")
_NOT_DATA_PLANE = ("traditional", "control_plane")
_NOT_CONTROL_PLANE = ("traditional", "data_plane")
_CONTROL_PLANE = ("control_plane",)


@dataclass(frozen=True, slots=True, eq=False)
class Setting:
    """A listen setting of Kong in one generation.

    ``name`` is the name in Kong, ``listener`` the name in this collection. ``grammar`` is ``list`` (0.13 and later),
    ``address:port`` (0.9 to 0.12), ``host:port`` (0.6 to 0.8) or ``ipv4:port`` (Serf). ``default`` is Kong's default.
    ``flags`` are the words allowed in an entry; ``backlog=N`` and ``so_keepalive=T`` are patterns. ``roles`` are the roles
    in which it opens. ``ssl_of`` is the plain setting to which a TLS setting belongs, ``switch`` the boolean that opens it,
    and ``http2_switch`` the boolean that turns on HTTP/2.
    """

    name: str
    listener: str
    default: str
    grammar: str = "list"
    flags: tuple[str, ...] = ()
    protocols: tuple[str, ...] = ("tcp",)
    roles: tuple[str, ...] = ROLES
    ssl_of: str = ""
    switch: str = ""
    http2_switch: str = ""


_SERF = (
    Setting("cluster_listen", "cluster", "0.0.0.0:7946", "ipv4:port", protocols=("tcp", "udp")),
    Setting("cluster_listen_rpc", "cluster_rpc", "127.0.0.1:7373", "ipv4:port"),
)


def list_kong_yml_settings() -> tuple[Setting, ...]:
    """Return the settings of 0.6 to 0.8, in kong.yml."""
    return (
        Setting("proxy_listen", "proxy", "0.0.0.0:8000", "host:port"),
        Setting("proxy_listen_ssl", "proxy", "0.0.0.0:8443", "host:port", ssl_of="proxy_listen"),
        Setting("admin_api_listen", "admin", "0.0.0.0:8001", "host:port"),
        *_SERF,
    )


def list_old_settings(line: tuple[int, int]) -> tuple[Setting, ...]:
    """Return the settings of 0.9 to 0.12: one setting for each plain and each TLS port."""
    admin = "127.0.0.1:" if line >= (0, 12) else "0.0.0.0:"
    settings = (
        *_make_old_pair("proxy", "0.0.0.0:8000", "0.0.0.0:8443", line),
        *_make_old_pair("admin", f"{admin}8001", f"{admin}8444", line),
    )
    return settings + _SERF if line < (0, 11) else settings


def _make_old_pair(listener: str, plain: str, tls: str, line: tuple[int, int]) -> tuple[Setting, ...]:
    name = f"{listener}_listen"
    first = Setting(name, listener, plain, "address:port")
    if listener == "admin" and line < (0, 10):
        return (first,)
    prefix = "" if listener == "proxy" else f"{listener}_"
    http2 = f"{prefix}http2" if line >= (0, 11) else ""
    second = Setting(
        f"{name}_ssl", listener, tls, "address:port", ssl_of=name, switch=f"{prefix}ssl", http2_switch=http2
    )
    return (first, second)


def _list_http_flags(line: tuple[int, int]) -> tuple[str, ...]:
    flags: tuple[str, ...] = ("ssl", "http2", "proxy_protocol")
    if (0, 15) <= line < (2, 0):
        # It needs a patched nginx, which Kong contained until 2.0.0.
        flags += ("transparent",)
    if line >= (1, 3):
        flags += ("deferred", "bind", "reuseport")
    return flags + _list_socket_flags(line)


def _list_socket_flags(line: tuple[int, int]) -> tuple[str, ...]:
    flags: tuple[str, ...] = ("backlog=N",) if line >= (2, 0) else ()
    if line >= (3, 0):
        flags += ("ipv6only=on", "ipv6only=off", "so_keepalive=on", "so_keepalive=off", "so_keepalive=T")
    return flags


def _list_stream_flags(line: tuple[int, int]) -> tuple[str, ...]:
    flags: tuple[str, ...] = ("udp",) if line >= (2, 2) else ()
    flags += ("proxy_protocol", "transparent") if line < (2, 0) else ("ssl", "proxy_protocol")
    if line >= (1, 3):
        flags += ("bind", "reuseport")
    return flags + _list_socket_flags(line)


def list_settings(line: tuple[int, int]) -> tuple[Setting, ...]:
    """Return the settings of 0.13 and later."""
    http = _list_http_flags(line)
    plain = " reuseport backlog=16384" if line >= (2, 0) else ""
    tls = (" http2 ssl" if line >= (1, 4) else " ssl") + plain
    settings = [
        Setting(
            "proxy_listen", "proxy", f"0.0.0.0:8000{plain}, 0.0.0.0:8443{tls}", flags=http, roles=_NOT_CONTROL_PLANE
        ),
        Setting(
            "admin_listen", "admin", f"127.0.0.1:8001{plain}, 127.0.0.1:8444{tls}", flags=http, roles=_NOT_DATA_PLANE
        ),
    ]
    if line >= (0, 15):
        settings.insert(1, Setting("stream_listen", "stream", "off", flags=_list_stream_flags(line)))
    if line >= (3, 4):
        settings.append(_make_admin_gui(http))
    if line >= (1, 4):
        status = f"127.0.0.1:8007{plain}" if line >= (3, 6) else "off"
        settings.append(Setting("status_listen", "status", status, flags=http if line >= (3, 2) else ("ssl",)))
    if line >= (2, 0):
        settings.append(Setting("cluster_listen", "cluster", "0.0.0.0:8005", flags=http, roles=_CONTROL_PLANE))
    return tuple(settings)


def _make_admin_gui(flags: tuple[str, ...]) -> Setting:
    default = "0.0.0.0:8002, 0.0.0.0:8445 ssl"
    return Setting("admin_gui_listen", "admin_gui", default, flags=flags, roles=_NOT_DATA_PLANE)


def list_enterprise_settings(line: tuple[int, int]) -> tuple[Setting, ...]:
    """Return the additional settings of Kong Enterprise, from 2.1."""
    http = _list_http_flags(line)
    settings = [
        Setting("cluster_telemetry_listen", "cluster_telemetry", "0.0.0.0:8006", flags=http, roles=_CONTROL_PLANE)
    ]
    if line < (3, 4):
        settings.append(_make_admin_gui(http))
    if line <= (3, 4):
        for name, text in (("gui", "0.0.0.0:8003, 0.0.0.0:8446 ssl"), ("api", "0.0.0.0:8004, 0.0.0.0:8447 ssl")):
            settings.append(Setting(f"portal_{name}_listen", f"portal_{name}", text, flags=http, roles=_NOT_DATA_PLANE))
    if line >= (3, 4):
        settings.append(Setting("debug_listen", "debug", "off", flags=http))
    return tuple(settings)
