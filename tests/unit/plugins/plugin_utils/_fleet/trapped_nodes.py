# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nodes for tests of errors of Kong releases."""

from __future__ import annotations

from ansible_collections.gatehouse.kong.plugins.plugin_utils._codes import SECTIONS
from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils.fleets import list_findings, plan_fleet

TRAPS = {code.name for code in SECTIONS["Errors of single Kong releases"]}


def find_traps(nodes):
    """Return (host, severity, code) of each error of a release."""
    return sorted(
        (found["host"], found["severity"], found["code"])
        for found in list_findings(plan_fleet(nodes))
        if found["code"] in TRAPS
    )


def make_node(version, number=1, **variables):
    return {
        "kong_version": version,
        "kong_address": f"10.0.0.{number}",
        **{f"kong_{name}": value for name, value in variables.items()},
    }


def make_hybrid(control, data, control_config=(), data_config=()):
    config = {"cluster_cert": "/c", "cluster_cert_key": "/k"}
    return {
        "cp": make_node(control, 1, role="control_plane", config={**config, **dict(control_config)}),
        "dp": make_node(data, 2, role="data_plane", config={**config, "database": "off", **dict(data_config)}),
    }


TRUST = {"lua_ssl_trusted_certificate": "/c"}
