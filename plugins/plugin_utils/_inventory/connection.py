# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Variables with which Ansible connects to a node. The plan has them, to clean a node that is no longer in the inventory."""

from __future__ import annotations

from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.variables import HostVariables, VariableError

# None of them is a secret. Options of ssh are left out, because they may have one.
_NAMES = (
    "ansible_become",
    "ansible_become_method",
    "ansible_become_user",
    "ansible_connection",
    "ansible_host",
    "ansible_port",
    "ansible_python_interpreter",
    "ansible_user",
)


def read_connection(variables: HostVariables) -> tuple[tuple[str, str], ...]:
    """Return the connection variables of a host that are set and can be computed, as text."""
    found = ((name, _read(variables, name)) for name in _NAMES)
    return tuple((name, str(value)) for name, value in found if isinstance(value, (str, int)))


def _read(variables: HostVariables, name: str) -> object:
    try:
        return variables.variables.get(name)
    except VariableError:
        return None
