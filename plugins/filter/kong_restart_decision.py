# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

DOCUMENTATION = r"""
name: kong_restart_decision
short_description: Whether changed settings need a reload or a restart of Kong, or cannot become effective
version_added: 0.1.0
author: gatehouse.kong contributors (@gatehouse-kong)
description:
  - Internal to the roles and playbooks of this collection, and may change with every release.
  - Takes a node of the plan and its settings that change, and returns whether Kong must be reloaded or restarted, and why.
  - Kong before 0.11 does not read a changed file on a reload. On a reload, a listener cannot change between every address
    and one address of the same port unless both have the flag C(reuseport), and Kong does not report this. Kong reads the
    role, the database and the user of the workers only when it starts.
positional: before
options:
  _input:
    description: A node of the plan of M(gatehouse.kong.kong_plan).
    type: dict
    required: true
  before:
    description: The settings that change, with their old text, or null if the file did not have them.
    type: dict
    required: true
  listens:
    description: Whether exactly the planned sockets listen now. If not, and no setting changes, a restart is needed.
    type: bool
    default: true
  environment:
    description: Whether the settings are variables of Kong's environment.
    type: bool
    default: false
  effective:
    description: The effective values that differ from the plan, RV(gatehouse.kong.kong_listen_info#module:effective).
    type: list
    elements: dict
    default: []
seealso:
  - module: gatehouse.kong.kong_service
"""

EXAMPLES = r"""
- name: Show the action that a new bind address needs
  ansible.builtin.debug:
    msg: "{{ lookup('gatehouse.kong.kong_plan', 'a1') | gatehouse.kong.kong_restart_decision({'admin_listen': '0.0.0.0:8001'}) }}"
"""

RETURN = r"""
_value:
  description:
    - C(how), which is V(nothing), V(reload) or V(restart), the C(reasons) why a reload is not enough, and a C(summary) for
      people, with the effect on clients.
    - C(how) is V(blocked) if a variable of Kong's environment makes Kong open other listeners than planned.
  type: dict
  sample:
    how: restart
    reasons:
      - >-
        tcp 127.0.0.1:8001 cannot be bound while tcp 0.0.0.0:8001 is open, because they do not both have the flag reuseport
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.restart_decision import decide_restart


def kong_restart_decision(
    node: Any,
    before: Mapping[str, str | None],
    *,
    listens: bool = True,
    environment: bool = False,
    effective: Iterable[Mapping[str, Any]] = (),
) -> dict[str, Any]:
    if not isinstance(node, Mapping) or not {"version", "role", "listeners"} <= set(node):
        raise AnsibleFilterError(
            "gatehouse.kong.kong_restart_decision: this is not a node of a plan: it has no listeners"
        )
    return decide_restart(node, before, listens=listens, environment=environment, effective=effective).as_dict()


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"kong_restart_decision": kong_restart_decision}
