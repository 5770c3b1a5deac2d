# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Advice about errors of single Kong releases."""

from __future__ import annotations

from base64 import b64encode

from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils.remedies.model import CP, DP, Advice

PEER = {"kong_version": "0.9.9", "kong_address": "10.1.0.3"}
TWINS = {
    name: {
        "kong_version": "0.8.2",
        "kong_site": name,
        "kong_address": "10.0.0.1",
        "kong_cluster_listen": "10.0.0.1:7946",
        "kong_nat": [{"outside": outside}],
        "ansible_facts": {"nodename": "kong"},
    }
    for name, outside in (("n", "203.0.113.1"), ("m", "203.0.113.2"))
}
CONFIG = {"cluster_cert": "/c", "cluster_cert_key": "/k"}
TRUSTED = {**CONFIG, "database": "off", "lua_ssl_trusted_certificate": "/c"}
# From 2.5 on a data plane trusts cluster_cert itself.
TRUSTED_BY_KONG = {**CONFIG, "database": "off"}
CERTIFICATE = b64encode(b"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n").decode()
NEAR = {"kong_site": "b", "kong_config": CONFIG}

RELEASES = [
    Advice(
        "cluster-events-lost",
        {
            "m": PEER,
            "n": {
                "kong_version": "0.9.7",
                "kong_address": "10.1.0.2",
                "kong_admin_listen": "10.1.0.2:8001",
                "kong_admin_sources": "nobody",
            },
        },
        {
            "upgrade to 0.9.8": {"n": {"kong_version": "0.9.8"}},
            "bind 0.0.0.0": {"n": {"kong_admin_listen": "0.0.0.0:8001"}},
        },
    ),
    Advice(
        "cluster-events-lost",
        {"m": PEER, "n": {"kong_version": "0.9.4", "kong_address": "10.1.0.2"}},
        {"upgrade to 0.9.8": {"n": {"kong_version": "0.9.8"}}},
    ),
    Advice(
        "cluster-events-lost",
        {"m": PEER, "n": {"kong_version": "0.10", "kong_address": "10.1.0.2", "kong_admin_listen": "*:8001"}},
        {"bind 0.0.0.0": {"n": {"kong_admin_listen": "0.0.0.0:8001"}}},
    ),
    Advice(
        "gossip-name",
        TWINS,
        {
            "rename a host": {"n": {"ansible_facts": {"nodename": "gate"}}},
            "use another port": {"n": {"kong_cluster_listen": "10.0.0.1:7947"}},
        },
    ),
    Advice(
        "settings-file-ignored",
        {"n": {"kong_version": "0.9.5", "kong_address": "10.1.0.2", "kong_listen_file": "/srv/kong.conf"}},
        {
            "remove kong_listen_file": {"n": {"kong_listen_file": None}},
            "upgrade to 0.9.6": {"n": {"kong_version": "0.9.6"}},
        },
    ),
    *(
        Advice(
            "value-cut",
            {
                "n": {
                    **given,
                    "kong_version": version,
                    "kong_address": "10.1.0.2",
                    "kong_config": {"pg_password": value},
                }
            },
            {
                "use a value without it": {"n": {"kong_config": {"pg_password": "ab"}}},
                f"upgrade to {fixed}": {"n": {"kong_version": fixed}},
            },
        )
        for version, fixed, value, given in (
            ("2.0.4", "2.0.5", "a\\#b", {}),
            ("1.3.0", "1.4.0", "a#b", {"kong_listen_target": "env"}),
        )
    ),
    Advice(
        "value-number",
        {
            "n": {
                "kong_version": "3.9",
                "kong_address": "10.1.0.2",
                "kong_config": {"pg_password": "0123", "pg_user": "kong"},
            }
        },
        {"use another value": {"n": {"kong_config": {"pg_password": "a0123", "pg_user": "kong"}}}},
    ),
    Advice(
        "stream-alone",
        {
            "n": {
                "kong_version": "1.0.0",
                "kong_address": "10.1.0.2",
                "kong_proxy_listen": "off",
                "kong_admin_listen": "off",
                "kong_stream_listen": "0.0.0.0:9000",
            }
        },
        {"upgrade to 1.0.1": {"n": {"kong_version": "1.0.1"}}},
    ),
    Advice(
        "control-plane-workers",
        {
            "c": {**CP, **NEAR, "kong_version": "2.0.1"},
            "n": {**DP, "kong_version": "2.0.5", "kong_config": TRUSTED},
        },
        {
            "upgrade to 2.0.2": {"c": {"kong_version": "2.0.2"}},
            "set nginx_worker_processes: 1 in kong_config": {
                "c": {"kong_config": {**CONFIG, "nginx_worker_processes": 1}}
            },
        },
    ),
    Advice(
        "control-plane-untrusted",
        {
            "c": {**CP, **NEAR, "kong_version": "2.4"},
            "n": {**DP, "kong_version": "2.4", "kong_config": {**CONFIG, "database": "off"}},
        },
        {"add it": {"n": {"kong_config": TRUSTED}}},
    ),
    Advice(
        "stream-without-routes",
        {
            "c": {**CP, **NEAR, "kong_version": "2.0.5"},
            "n": {**DP, "kong_version": "2.0.3", "kong_config": TRUSTED, "kong_stream_listen": "0.0.0.0:9100"},
        },
        {"upgrade to 2.0.4": {"n": {"kong_version": "2.0.4"}}},
    ),
    Advice(
        "certificate-inline",
        {
            "c": {**CP, **NEAR},
            "n": {**DP, "kong_version": "3.4.2", "kong_config": {**TRUSTED_BY_KONG, "cluster_cert": CERTIFICATE}},
        },
        {
            "path of a file": {"n": {"kong_config": TRUSTED_BY_KONG}},
            "upgrade to 3.5.0": {"n": {"kong_version": "3.5.0"}},
        },
    ),
    Advice(
        "real-ip-header",
        {
            "n": {
                "kong_version": "0.13.0",
                "kong_address": "10.1.0.2",
                "kong_config": {"real_ip_header": "proxy_protocol"},
            }
        },
        {
            "add it to the entries": {"n": {"kong_proxy_listen": "0.0.0.0:8000 proxy_protocol"}},
            "remove real_ip_header": {"n": {"kong_config": {}}},
        },
    ),
]
