# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.reasons import format_reasons, share_reasons


def test_reasons_that_differ_in_addresses_only_share_a_line():
    reasons = {f"k{number}": [f"connect to host 10.0.0.{number} port 22: refused"] for number in range(1, 101)}
    assert [*format_reasons({**reasons, "x": ["needs root"]})] == [
        "k1 to k100, 100 nodes: connect to host 10.0.0.1 port 22: refused (and 99 messages with other values)",
        "x: needs root",
    ]


def test_reasons_that_differ_in_the_name_of_the_node_only_share_a_line():
    text = "Could not resolve hostname {}: Name or service not known"
    names = ["alpha", "alpha-b", "beta.example"]
    reasons = {**{name: [text.format(name)] for name in names}, "gamma": ["gamma: alpha is down"]}
    assert share_reasons(reasons) == {text.format("this host"): names, "gamma: alpha is down": ["gamma"]}
    assert [*format_reasons(reasons)] == [
        f"alpha, alpha-b, beta.example, 3 nodes: {text.format('this host')}",
        "gamma: gamma: alpha is down",
    ]
    # The text of a single node has its name, also if another node has the same text.
    assert share_reasons({"a": ["a is down"], "b": ["a is down"]}) == {"a is down": ["a", "b"]}


def test_a_long_reason_keeps_its_fix():
    (line,) = format_reasons({"a1": [f"{'x' * 2000}. Remove it"]})
    assert len(line) == len("a1: ") + 800
    assert line.endswith("x. Remove it")
    assert [*format_reasons({"a1": ["x" * 800]})] == [f"a1: {'x' * 800}"]


def test_two_nodes_with_the_same_reason_share_a_line():
    assert share_reasons({"a": ["a: no"], "b": ["b: no"]}) == {"this host: no": ["a", "b"]}
    assert share_reasons({"a": ["a: no"]}) == {"a: no": ["a"]}
