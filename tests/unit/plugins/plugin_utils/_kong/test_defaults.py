# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.defaults import find_defaults


def make_node(version, *names, form="conf"):
    return {"version": version, "settings": dict.fromkeys(names, "x"), "settings_file": {"format": form}}


def make_gossip(bound):
    found = make_node("0.10", "cluster_listen", "cluster_advertise")
    return {**found, "settings": {**found["settings"], "cluster_listen": bound}}


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (make_node("3.9", "role", "status_listen"), {"role": "traditional", "status_listen": "127.0.0.1:8007 reuseport backlog=16384"}),
        (make_node("2.8", "status_listen", "cluster_control_plane"), {"status_listen": "off", "cluster_control_plane": "127.0.0.1:8005"}),
        (make_node("0.11", "ssl", "http2", "admin_listen"), {"ssl": "on", "http2": "off", "admin_listen": "0.0.0.0:8001"}),
        (make_node("0.12", "admin_listen"), {"admin_listen": "127.0.0.1:8001"}),
        (make_node("0.9", "dnsmasq_port"), {"dnsmasq_port": "8053"}),
        (
            make_node("0.8", "cluster.advertise", "admin_api_listen", "dns_resolvers_available.dnsmasq.port", form="yaml"),
            {"admin_api_listen": "0.0.0.0:8001", "dns_resolvers_available.dnsmasq.port": "8053"},
        ),
        # Serf advertises the address that it binds, and of a wildcard one that it chooses.
        (make_gossip("10.0.0.1:7946"), {"cluster_listen": "0.0.0.0:7946", "cluster_advertise": "10.0.0.1:7946"}),
        (make_gossip("0.0.0.0:7946"), {"cluster_listen": "0.0.0.0:7946"}),
        (make_node("3.9", "role", form="env"), {"role": "traditional"}),
        # The container may have a kong.conf that has the setting.
        ({**make_node("3.9", "role", form="env"), "published": []}, {}),
    ],
)  # fmt: skip
def test_the_defaults_of_the_settings_of_a_node(found, expected):
    assert find_defaults(found) == expected
