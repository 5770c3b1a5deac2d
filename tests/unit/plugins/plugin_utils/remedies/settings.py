# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Advice about listen settings."""

from __future__ import annotations

from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils.remedies.model import (
    CP,
    DP,
    OLD,
    Advice,
    advise_node,
    advise_value,
)

LISTEN = [
    advise_node(
        "setting-unknown",
        {"kong_proxy_listen_ssl": "0.0.0.0:8443"},
        {
            "Remove it": {"kong_proxy_listen_ssl": None},
        },
    ),
    advise_node(
        "setting-unknown",
        {"kong_admin_api_listen": "0.0.0.0:8001"},
        {
            "use kong_admin_listen": {"kong_admin_api_listen": None, "kong_admin_listen": "0.0.0.0:8001"},
        },
    ),
    *(
        advise_node("setting-unknown", {f"kong_{name}": value}, {words: {f"kong_{name}": None, listen: entries}})
        for name, value, words, listen, entries in (
            (
                "proxy_listen_ssl",
                "443",
                "add an entry with ssl to kong_proxy_listen",
                "kong_proxy_listen",
                "80, 443 ssl",
            ),
            ("ssl", "off", "or leave it out", "kong_proxy_listen", "80"),
            ("http2", "on", "add http2 to the ssl entry of kong_proxy_listen", "kong_proxy_listen", "443 ssl http2"),
            ("admin_listen_ssl", "444", "add an entry with ssl to kong_admin_listen", "kong_admin_listen", "444 ssl"),
            ("admin_ssl", "on", "keep the ssl entry in kong_admin_listen", "kong_admin_listen", "444 ssl"),
            (
                "admin_http2",
                "on",
                "add http2 to the ssl entry of kong_admin_listen",
                "kong_admin_listen",
                "444 ssl http2",
            ),
        )
    ),
    advise_node(
        "setting-unknown",
        {"kong_version": "3.4", "kong_portal_gui_listen": "0.0.0.0:8003"},
        {"give Kong Enterprise's version with all four numbers": {"kong_version": "3.4.3.5"}},
    ),
    advise_node(
        "setting-unknown",
        {"kong_version": "1.5", "kong_cluster_control_plane": "cp.example.com:8005"},
        {"Remove it from this node": {"kong_cluster_control_plane": None}},
    ),
    advise_node(
        "setting-conflict",
        {"kong_version": "0.8", "kong_admin_listen": "127.0.0.1:8001", "kong_admin_api_listen": "0.0.0.0:8001"},
        {"keep one of them": {"kong_admin_api_listen": None}},
    ),
    advise_node(
        "setting-conflict",
        {"kong_proxy_listen": "80, 443 ssl", "kong_ssl": "off"},
        {
            "Keep one of them": {"kong_ssl": None},
        },
        OLD,
    ),
    advise_value("listen-type", "kong_proxy_listen", 80.5, 80, "neither text, a port, nor a list"),
    advise_value("listen-empty", "kong_proxy_listen", "", "off", "Write off to close"),
    advise_value("off-not-first", "kong_proxy_listen", "0.0.0.0:80, off", "off", "Write off alone"),
    advise_value("off-unsupported", "kong_admin_listen", "off", "127.0.0.1:8001", "Bind 127.0.0.1", "0.10"),
    advise_value("address-missing", "kong_proxy_listen", ":8000", "0.0.0.0:8000", "Write 0.0.0.0:PORT"),
    advise_value("port-missing", "kong_proxy_listen", "10.1.0.2", "10.1.0.2:80", "Write ADDRESS:PORT"),
    advise_value("port-invalid", "kong_proxy_listen", "0.0.0.0:http", "0.0.0.0:80", "Write a port from 1 to 65535"),
    advise_value("port-not-decimal", "kong_proxy_listen", "0.0.0.0:1e3", "0.0.0.0:1000", "in decimal digits", "0.8"),
    advise_value("port-zero", "kong_proxy_listen", "0.0.0.0:0", "0.0.0.0:1", "Use a port from 1 to 65535"),
    advise_value("port-range", "kong_proxy_listen", "0.0.0.0:65536", "0.0.0.0:65535", "Use a port from 1 to 65535"),
    advise_value("address-octet", "kong_proxy_listen", "256.0.0.1:80", "25.0.0.1:80", "Correct the address"),
    advise_value("address-not-ipv4", "kong_cluster_listen", "*:7946", "0.0.0.0:7946", "Write IPV4:PORT", "0.10"),
    advise_value("name-invalid", "kong_proxy_listen", "a;b:8000", "10.1.0.2:8000", "Write an IPv4 address"),
    advise_value("unix-socket", "kong_proxy_listen", "unix:/run/x", "127.0.0.1:80", "Write ADDRESS:PORT"),
    advise_value("listen-url", "kong_proxy_listen", "http://0.0.0.0:80", "0.0.0.0:80", "Write ADDRESS:PORT"),
    advise_node(
        "ssh-port-taken",
        {"kong_proxy_listen": "0.0.0.0:22"},
        {
            "Use another port": {"kong_proxy_listen": "0.0.0.0:80"},
            "correct ansible_port": {"ansible_port": 2222},
        },
    ),
    advise_value("ipv6-brackets", "kong_proxy_listen", "::1:80", "[::1]:80", "Write [ADDRESS]:PORT"),
    advise_value(
        "ipv6-mapped", "kong_proxy_listen", "[::ffff:192.0.2.1]:80", "[::ffff:c000:201]:80", "in hexadecimal groups"
    ),
    advise_value("ipv6-unsupported", "kong_proxy_listen", "[::]:80", "0.0.0.0:80", "Use an IPv4 address", "0.8"),
    advise_node(
        "ipv6-brackets-lost",
        {"kong_version": "0.13", "kong_proxy_listen": "[::]:80"},
        {
            "Use IPv4": {"kong_proxy_listen": "0.0.0.0:80"},
            "or Kong": {"kong_version": "0.14"},
        },
    ),
    advise_value("junk-before-address", "kong_proxy_listen", "foo 0.0.0.0:80", "0.0.0.0:80", "Remove the word"),
    advise_value("flag-unknown", "kong_proxy_listen", "0.0.0.0:80 SSL", "0.0.0.0:80", "Correct or remove the word"),
    advise_node(
        "flag-unsupported",
        {"kong_proxy_listen": "0.0.0.0:80 transparent"},
        {
            "Remove the flag": {"kong_proxy_listen": "0.0.0.0:80"},
            "known to Kong": {"kong_version": "1.5"},
        },
    ),
    advise_value("flag-repeated", "kong_proxy_listen", "0.0.0.0:80 ssl ssl", "0.0.0.0:80 ssl", "Write it once"),
    advise_value("flag-value", "kong_proxy_listen", "0.0.0.0:80 backlog=0", "0.0.0.0:80 backlog=1", "Use backlog=1"),
    advise_value(
        "flag-value",
        "kong_proxy_listen",
        "0.0.0.0:80 so_keepalive=::",
        "0.0.0.0:80 so_keepalive=30m::10",
        "so_keepalive=30m::10",
    ),
    advise_value(
        "flag-needs-ssl",
        "kong_proxy_listen",
        "0.0.0.0:80, 0.0.0.0:443 http2",
        "0.0.0.0:80, 0.0.0.0:443 ssl http2",
        "Add ssl",
        "0.12",
    ),
    advise_value(
        "udp-incompatible-flag",
        "kong_stream_listen",
        "0.0.0.0:53 udp ssl",
        "0.0.0.0:53 udp, 0.0.0.0:853 ssl",
        "separate entries",
    ),
    advise_value(
        "too-many-entries",
        "kong_proxy_listen",
        "0.0.0.0:80, 0.0.0.0:81",
        "0.0.0.0:80, 0.0.0.0:443 ssl",
        "one plain entry and one entry with ssl",
        "0.12",
    ),
    advise_value(
        "plain-entry-missing",
        "kong_proxy_listen",
        "0.0.0.0:443 ssl",
        "127.0.0.1:80, 0.0.0.0:443 ssl",
        "Add a plain entry, on 127.0.0.1",
        "0.12",
    ),
    advise_value(
        "ssl-always-on",
        "kong_proxy_listen",
        ["0.0.0.0:80"],
        ["0.0.0.0:80", "0.0.0.0:443 ssl"],
        "Add an ssl entry",
        "0.8",
    ),
    advise_value("switch-invalid", "kong_ssl", "maybe", "off", "Write on or off", "0.10"),
    advise_value(
        "listen-duplicate", "kong_proxy_listen", "0.0.0.0:80, 0.0.0.0:80", "0.0.0.0:80", "Remove one of the entries"
    ),
    advise_node(
        "listen-collision",
        {"kong_proxy_listen": "10.1.0.2:80", "kong_admin_listen": "0.0.0.0:80"},
        {
            "Use another port": {"kong_admin_listen": "0.0.0.0:81"},
            "or address": {"kong_admin_listen": "127.0.0.1:80"},
        },
    ),
    advise_value("listen-host-name", "kong_proxy_listen", "kong1:80", "10.1.0.2:80", "Write the address"),
    advise_value(
        "role-needs-listener", "kong_admin_listen", "off", "127.0.0.1:8001", "on 127.0.0.1", kong_role="control_plane"
    ),
    advise_value(
        "role-needs-listener",
        "kong_cluster_listen",
        "off",
        "0.0.0.0:8005",
        "address and port",
        kong_role="control_plane",
    ),
    advise_node(
        "role-needs-listener",
        {**DP, "kong_cluster_control_plane": "cp.example.com:8005", "kong_proxy_listen": "off"},
        {"on 127.0.0.1": {"kong_proxy_listen": "127.0.0.1:8000"}},
    ),
    Advice(
        "role-database",
        {
            "c": {**CP, "kong_site": "b", "kong_config": {"database": "off"}},
            "n": {**DP, "kong_config": {"database": "postgres"}},
        },
        {
            "Use off for a data plane and a database for a control plane": {
                "c": {"kong_config": {"database": "postgres"}},
                "n": {"kong_config": {"database": "off"}},
            },
            "leave it in Kong's file": {"c": {"kong_config": {}}, "n": {"kong_config": {}}},
        },
    ),
    advise_value("variable-invalid", "kong_config", "x", {"log_level": "info"}, "must be a mapping"),
    advise_value(
        "config-invalid",
        "kong_config",
        {"a": {"b": object()}},
        {"a": 1, "b": True, "c": "x"},
        "text of one line, a number or a boolean",
    ),
    advise_value("config-invalid", "kong_config", {"pg_password": "a\\"}, {"pg_password": "a"}, "use another value"),
    advise_node(
        "config-invalid",
        {"kong_listen_target": "env", "kong_config": {"pg_password": "it's"}},
        {
            "use another value": {"kong_config": {"pg_password": "its"}},
            "set kong_listen_target: conf": {"kong_listen_target": "conf"},
        },
    ),
    advise_node(
        "config-listen-setting",
        {"kong_config": {"proxy_listen": "0.0.0.0:80"}},
        {
            "set kong_proxy_listen": {"kong_config": {}, "kong_proxy_listen": "0.0.0.0:80"},
        },
    ),
    advise_node(
        "config-listen-setting",
        {"kong_config": {"admin_listen": "127.0.0.1:8001"}},
        {"set kong_admin_listen": {"kong_config": {}, "kong_admin_listen": "127.0.0.1:8001"}},
    ),
    advise_node(
        "config-listen-setting",
        {"kong_config": {"ssl": "off"}},
        {"set an entry of kong_proxy_listen": {"kong_config": {}, "kong_proxy_listen": "0.0.0.0:80"}},
    ),
    advise_node(
        "config-listen-setting",
        {"kong_version": "0.8", "kong_config": {"cluster": {"advertise": "10.1.0.2:7946"}}},
        {"set kong_cluster_advertise": {"kong_config": {}, "kong_cluster_advertise": "10.1.0.2:7946"}},
    ),
    Advice(
        "config-listen-setting",
        {"cp": CP, "dp": {**DP, "kong_site": "a", "kong_config": {"cluster_control_plane": "10.0.0.1:8005"}}},
        {"set kong_cluster_control_plane": {"dp": {"kong_config": {}, "kong_cluster_control_plane": "10.0.0.1:8005"}}},
    ),
    advise_value("target-invalid", "kong_listen_target", "file", "conf", "Use conf"),
    advise_value("target-invalid", "kong_listen_target", "env", "conf", "Use conf", "0.8"),
    advise_value("dnsmasq-port", "kong_dnsmasq_port", "x", 53, "Use a port from 1 to 65535", "0.9"),
]
