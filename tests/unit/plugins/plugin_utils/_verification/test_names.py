# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.names import explain_name

NODES = ["b10", "b2", "a1"]


@pytest.mark.parametrize(
    ("name", "known", "message"),
    [
        ("a1", NODES, ""),
        ("b20", NODES, "to: there is no node 'b20'; did you mean 'b2' or 'b10'? Valid: a1, b2, b10"),
        ("A1", NODES, "to: there is no node 'A1'; did you mean 'a1'? Valid: a1, b2, b10"),
        ("K1", [f"k{number}" for number in range(1, 3)], "to: there is no node 'K1'; did you mean 'k1'? Valid: k1, k2"),
        ("opsz", ["ops", "web"], "to: there is no node 'opsz'; did you mean 'ops'? Valid: ops, web"),
        ("OPSZ", ["Ops", "web"], "to: there is no node 'OPSZ'; did you mean 'Ops'? Valid: Ops, web"),
        ("opsz", ["OPS", "Ops", "web"], "to: there is no node 'opsz'; did you mean 'OPS'? Valid: OPS, Ops, web"),
        ("other", NODES, "to: there is no node 'other'. Valid: a1, b2, b10"),
        (None, NODES, "to is missing: add -e to=NAME. Valid: a1, b2, b10"),
    ],
)
def test_name_error(name, known, message):
    assert explain_name("to", name, "node", known) == message


def test_of_many_names_the_first_are_shown():
    known = [f"k{number}" for number in range(1, 31)]
    assert explain_name("to", "x", "node", known).endswith("Valid: " + ", ".join(known[:20]) + " and 10 more")


def test_the_most_similar_of_many_names_is_shown_first():
    known = [f"kong-{number}.example.com" for number in range(1, 101)]
    message = explain_name("from", "Kong-77.exampla.com", "host", known)
    assert message.startswith("from: there is no host 'Kong-77.exampla.com'; did you mean 'kong-77.example.com' or ")
    assert message.count(" or 'kong-") == 1
