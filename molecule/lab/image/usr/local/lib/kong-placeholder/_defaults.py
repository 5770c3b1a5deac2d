# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The settings of each version of Kong with their defaults, and the listeners of each role.

Taken from Kong/kong kong/tools/config_defaults.lua (0.6 to 0.8), kong/templates/kong_defaults.lua (0.9 and later) and
kong/templates/nginx_kong.lua at the tags. Independent of the collection, because the collection is tested with it.
"""

from __future__ import annotations

Version = tuple[int, int]

SERF = {
    "proxy_listen": "0.0.0.0:8000",
    "proxy_listen_ssl": "0.0.0.0:8443",
    "cluster_listen": "0.0.0.0:7946",
    "cluster_listen_rpc": "127.0.0.1:7373",
}
KONG_YML = {
    **SERF,
    "admin_api_listen": "0.0.0.0:8001",
    "cluster.advertise": "",
    "cluster.encrypt": "",
    "cluster.profile": "wan",
}
SERF_0_9 = {
    **SERF,
    "admin_listen": "0.0.0.0:8001",
    "ssl": "on",
    "cluster_advertise": "",
    "cluster_encrypt_key": "",
    "cluster_profile": "wan",
}
SERF_0_10 = {**SERF_0_9, "admin_listen_ssl": "0.0.0.0:8444", "admin_ssl": "on"}
ALL_ROLES = ("traditional", "control_plane", "data_plane")
# Roles by listener: in other roles the setting opens no listener.
OPENS = {
    "proxy_listen": ("traditional", "data_plane"),
    "stream_listen": ALL_ROLES,
    "admin_listen": ("traditional", "control_plane"),
    "admin_gui_listen": ("traditional", "control_plane"),
    "status_listen": ALL_ROLES,
    "cluster_listen": ("control_plane",),
}


def list_defaults(version: Version) -> dict[str, str]:
    """Return the settings of a release line with their defaults."""
    return KONG_YML if version < (0, 9) else {**_list_listeners(version), **_list_others(version)}


def _list_listeners(version: Version) -> dict[str, str]:
    if version < (0, 11):
        return SERF_0_9 if version < (0, 10) else SERF_0_10
    if version < (0, 13):
        return _list_pairs("0.0.0.0" if version < (0, 12) else "127.0.0.1")
    return _list_lists(version)


def _list_others(version: Version) -> dict[str, str]:
    """Return some settings that open no listener. The placeholder only stores the values of most of them.

    In Kong, the default of nginx_worker_processes is `auto`.
    """
    found = {"log_level": "notice", "pg_password": "", "nginx_worker_processes": "1"}
    if version >= (0, 11):
        found |= {"proxy_error_log": "logs/error.log", "real_ip_header": "X-Real-IP", "trusted_ips": ""}
    return found


def _list_pairs(admin: str) -> dict[str, str]:
    return {
        "proxy_listen": "0.0.0.0:8000",
        "proxy_listen_ssl": "0.0.0.0:8443",
        "ssl": "on",
        "http2": "off",
        "admin_listen": f"{admin}:8001",
        "admin_listen_ssl": f"{admin}:8444",
        "admin_ssl": "on",
        "admin_http2": "off",
    }


def _list_lists(version: Version) -> dict[str, str]:
    queue = " reuseport backlog=16384" if version >= (2, 0) else ""
    tls = "http2 ssl" if version >= (1, 4) else "ssl"
    found = {
        "proxy_listen": f"0.0.0.0:8000{queue}, 0.0.0.0:8443 {tls}{queue}",
        "admin_listen": f"127.0.0.1:8001{queue}, 127.0.0.1:8444 {tls}{queue}",
    }
    if version >= (0, 15):
        found["stream_listen"] = "off"
    if version >= (1, 4):
        found["status_listen"] = f"127.0.0.1:8007{queue}" if version >= (3, 6) else "off"
    if version >= (2, 0):
        found |= {
            "role": "traditional",
            "cluster_listen": "0.0.0.0:8005",
            "cluster_control_plane": "127.0.0.1:8005",
        }
    if version >= (3, 4):
        found["admin_gui_listen"] = "0.0.0.0:8002, 0.0.0.0:8445 ssl"
    return found
