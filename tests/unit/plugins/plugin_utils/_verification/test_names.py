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
        ("b20", NODES, "to: there is no node 'b20'; did you mean 'b2'? Valid: a1, b2, b10"),
        ("other", NODES, "to: there is no node 'other'. Valid: a1, b2, b10"),
        (None, NODES, "to is missing: add -e to=NAME. Valid: a1, b2, b10"),
    ],
)
def test_name_error(name, known, message):
    assert explain_name("to", name, "node", known) == message


def test_of_many_names_the_first_are_shown():
    known = [f"k{number}" for number in range(1, 31)]
    assert explain_name("to", "x", "node", known).endswith("Valid: " + ", ".join(known[:20]) + " and 10 more")
