# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.gatehouse.kong.plugins.plugin_utils._findings import Finding, finding_line, shared_findings


def finding(host, code="port-zero", value=0, text="kong_x: 0: the port is 0"):
    return Finding("error", code, host, "kong_x", value, f"{host}: {text}")


def test_text_that_hosts_share_is_one_finding():
    assert shared_findings([finding("k10"), finding("k2"), finding("k3", value=1, text="kong_x: 1: other")]) == [
        {
            "severity": "error",
            "code": "port-zero",
            "hosts": ["k2", "k10"],
            "variable": "kong_x",
            "value": 0,
            "message": "kong_x: 0: the port is 0",
        },
        {
            "severity": "error",
            "code": "port-zero",
            "hosts": ["k3"],
            "variable": "kong_x",
            "value": 1,
            "message": "kong_x: 1: other",
        },
    ]


def test_different_codes_are_different_findings():
    assert len(shared_findings([finding("k1"), finding("k2", code="port-range")])) == 2


def test_line_names_the_hosts_first():
    (shared,) = shared_findings([finding("k1"), finding("k2")])
    assert finding_line(shared) == "k1 to k2, 2 nodes: kong_x: 0: the port is 0 [port-zero]"
