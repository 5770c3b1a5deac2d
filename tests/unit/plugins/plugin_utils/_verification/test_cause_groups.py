# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.cause_groups import group_by_cause


def test_causes_that_differ_in_nodes_ports_and_protocols_are_one():
    text = "no process listens at 10.0.0.{}:{} ({}) on {}: Kong is stopped"
    found = [
        (text.format(number, port, protocol, node), ("admin", node), f"{node} {port}")
        for number, node in enumerate(("alpha", "beta.example", "gamma-1"))
        for port, protocol in ((8000, "tcp"), (7946, "udp"))
    ]
    other = ("alpha is down", ("admin", "alpha"), "alpha 8443")
    assert group_by_cause([*found, other, found[0]]) == [
        (
            f"{text.format(0, 8000, 'tcp', 'alpha')} (and 5 causes with other values)",
            [*(difference for _cause, _names, difference in found), "alpha 8000"],
        ),
        ("alpha is down", ["alpha 8443"]),
    ]


def test_unknown_causes_are_one():
    assert group_by_cause([("", ("a", "b"), 1), ("", ("c", "d"), 2)]) == [("", [1, 2])]
