# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.gatehouse.kong.plugins.plugin_utils._fleet.shared_values import (
    find_different_values,
    read_shared_values,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.variables import HostVariables


def read_values(host, variables):
    return read_shared_values(HostVariables(host, variables, lambda _host: variables))


@pytest.mark.parametrize(
    ("variables", "reason"),
    [
        ({"kong_strict": False}, None),
        ({"kong_group": "kong"}, None),
        ({"kong_strict": True}, "b: kong_strict: True: a has False"),
        ({"kong_group": "edge"}, "b: kong_group: 'edge': a has 'kong'"),
        ({"kong_plan_file": "plan.json"}, "b: kong_plan_file: 'plan.json': a does not set it"),
    ],
)
def test_the_default_is_not_another_value(variables, reason):
    nodes = {"a": read_values("a", {}), "b": read_values("b", variables)}
    found = [finding.message.partition(", ")[0] for finding in find_different_values(nodes)]
    assert found == ([reason] if reason else [])
