# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Variables of which a run has one value: all nodes must agree, because a run reads the value of one node."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ansible_collections.gatehouse.kong.plugins.plugin_utils._findings import Finding
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.contract import SHARED_VARIABLES
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.group import DEFAULT
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.variables import HostVariables, make_host_error
from ansible_collections.gatehouse.kong.plugins.plugin_utils._text import quote_value

Values = Mapping[str, Any]

# A host may state the value that other hosts have without the variable.
_DEFAULTS: Values = {"kong_group": DEFAULT, "kong_strict": False}


def read_shared_values(variables: HostVariables) -> Values:
    """Return the values of the variables of which a run has one value, None for a variable without value and default."""
    return {name: variables.read_value(name, _DEFAULTS.get(name)) for name in SHARED_VARIABLES}


def find_different_values(nodes: Mapping[str, Values]) -> Iterator[Finding]:
    """Yield an error for each variable that has different values on nodes. It names the first two such nodes."""
    (first, expected), *_others = nodes.items()
    for name in SHARED_VARIABLES:
        other = next((host for host, values in nodes.items() if values[name] != expected[name]), None)
        if other:
            has = "does not set it" if expected[name] is None else f"has {quote_value(expected[name])}"
            message = (
                f"{first} {has}, and a run has one value for all nodes. Set it for all nodes, or with -e {name}=VALUE"
            )
            yield make_host_error("run-variable-differs", other, name, nodes[other][name], message)
