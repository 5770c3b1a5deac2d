# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Advice about interception."""

from __future__ import annotations

from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils.remedies.model import (
    ADMIN,
    INTERCEPT_RULE,
    INTERCEPTING,
    advise_node,
    intercept,
)

INTERCEPTION = [
    advise_node(
        "interception-invalid",
        intercept(ports=["http"]),
        {
            "is not a port": intercept(),
        },
        INTERCEPTING,
    ),
    advise_node(
        "interception-listener",
        intercept(listen_port=8005),
        {
            "Correct listen_port": intercept(),
            "the listen setting": {"kong_proxy_listen": "0.0.0.0:8005 transparent"},
        },
        INTERCEPTING,
    ),
    advise_node(
        "interception-listener",
        intercept(destinations=["fd00::1", "10.0.0.1"]),
        {
            "add such a listener to kong_proxy_listen": {
                "kong_proxy_listen": "0.0.0.0:8000 transparent, [::]:8000 transparent"
            },
            "remove IPv6": intercept(),
        },
        INTERCEPTING,
    ),
    advise_node(
        "interception-listener",
        {**intercept(), "kong_published_ports": ["8000:8000"]},
        {"run it in the network of the host": {"kong_published_ports": None}},
        INTERCEPTING,
    ),
    advise_node(
        "interception-listener",
        {**intercept(), "kong_proxy_listen": "127.0.0.1:8000"},
        {"bind another address": {"kong_proxy_listen": "0.0.0.0:8000"}},
    ),
    advise_node(
        "interception-listener",
        {**intercept(), "kong_proxy_listen": "kong1:8000"},
        {"write its address": {"kong_proxy_listen": "10.1.0.2:8000"}},
    ),
    advise_node(
        "interception-flag-missing",
        {**intercept(), "kong_proxy_listen": "0.0.0.0:8000"},
        {
            "Add the flag": {"kong_proxy_listen": "0.0.0.0:8000 transparent"},
        },
        INTERCEPTING,
    ),
    advise_node(
        "interception-own-address",
        intercept(destinations="10.20.0.1"),
        {
            "Make Kong listen on that port": {"kong_transparent": None, "kong_proxy_listen": "0.0.0.0:80"},
        },
        INTERCEPTING,
    ),
    advise_node(
        "interception-protected",
        intercept(destinations="10.20.0.0/16", ports=[80, 22]),
        {
            "Remove the port from ports": intercept(destinations="10.20.0.0/16"),
            "give narrower destinations": intercept(destinations="10.20.9.0/24", ports=[80, 22]),
        },
        INTERCEPTING,
    ),
    advise_node(
        "interception-port-taken",
        {**intercept(ports=[8001]), "kong_admin_listen": "0.0.0.0:8001"},
        {
            "Intercept another port": intercept(),
            "bind that listener to one address": {"kong_admin_listen": "10.20.0.1:8001"},
        },
        INTERCEPTING,
    ),
    advise_node(
        "interception-port-taken",
        {**intercept(ports=[8001], destinations="10.1.0.2"), **ADMIN},
        {
            "intercept another port": intercept(destinations="10.1.0.2"),
            "give that listener another port": {"kong_admin_listen": "0.0.0.0:8009"},
        },
    ),
    advise_node(
        "interception-overlap",
        {"kong_transparent": [INTERCEPT_RULE, {**INTERCEPT_RULE, "listen_port": 8100}]},
        {
            "Use one listener": intercept(),
        },
        INTERCEPTING,
    ),
]
