# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Facts with names of kong_* variables. That no value of them is used is tested with Ansible, in the tests of the actions."""

from __future__ import annotations

import pytest

from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.trusted import REASON, explain_refusal


@pytest.mark.parametrize(
    ("facts", "names"),
    [
        (None, ""),
        ({}, ""),
        ({"hostname": "n", "my_kong_role": "x"}, ""),
        ({"kong_role": "x"}, "kong_role"),
        ({"kong_site": "x", "hostname": "n", "kong_role": "x"}, "kong_role, kong_site"),
        ({"kong_\x1b": "x"}, r"kong_\x1b"),
    ],
)
def test_all_facts_with_names_of_variables_are_named(facts, names):
    found = explain_refusal({"inventory_hostname": "n", "ansible_facts": facts})
    assert found == (f"n: {names}: {REASON}" if names else "")
