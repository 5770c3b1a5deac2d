# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: kong_complete
short_description: Complete the change of a node in a single task
version_added: 0.1.0
description:
  - Internal to the roles and playbooks of this collection, and may change with every release.
  - After Kong listens as planned, makes the firewall match the plan (M(gatehouse.kong.kong_firewall)), intercepts connections as
    planned (M(gatehouse.kong.kong_transparent)), and makes the saved state of the node the state that a rollback restores
    (M(gatehouse.kong.kong_restore_point)).
  - A change of the firewall is confirmed over a new connection. The same call on the host does the other steps.
author:
  - gatehouse.kong contributors (@gatehouse-kong)
extends_documentation_fragment:
  - gatehouse.kong.attributes
  - gatehouse.kong.archive
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
options:
  state:
    description: The state of the firewall, as in M(gatehouse.kong.kong_firewall).
    type: str
    choices: [present, staged, merged, absent, rolled_back]
    default: present
  ruleset:
    description: The ruleset of the node, as in M(gatehouse.kong.kong_firewall).
    type: dict
  interception:
    description:
      - The intercept rules of the node, as in M(gatehouse.kong.kong_transparent).
      - If omitted, the intercept rules of the host are left as they are, unless O(interception_state=absent).
    type: list
    elements: dict
  interception_state:
    description: The state of the intercept rules, as O(gatehouse.kong.kong_transparent#module:state).
    type: str
    choices: [present, absent]
    default: present
  backend:
    description: The firewall manager of the host, as in M(gatehouse.kong.kong_firewall).
    type: str
    choices: [auto, firewalld, iptables, nftables, ufw]
    default: auto
  rollback_timeout:
    description: Seconds after which the host rolls back a change of the firewall, as for M(gatehouse.kong.kong_firewall).
    type: int
    default: 30
  confirm:
    description:
      - The change of the firewall to confirm. The action plugin of this module sets this option when it connects again. Do
        not use it in playbooks.
    type: str
  service:
    description: Kong's systemd unit, as in M(gatehouse.kong.kong_service).
    type: str
    default: kong
notes:
  - Needs root.
seealso:
  - module: gatehouse.kong.kong_apply
"""

EXAMPLES = r"""
- name: Complete the change of the node
  gatehouse.kong.kong_complete:
    ruleset: "{{ lookup('gatehouse.kong.kong_plan', inventory_hostname).ruleset }}"
    interception: "{{ lookup('gatehouse.kong.kong_plan', inventory_hostname).interception }}"
"""

RETURN = r"""
backend:
  description: The firewall manager, as in M(gatehouse.kong.kong_firewall).
  returned: success
  type: str
changes:
  description: The changes of the firewall, as in M(gatehouse.kong.kong_firewall).
  returned: success
  type: dict
interception:
  description: The result of M(gatehouse.kong.kong_transparent).
  returned: if O(interception) is given, or with O(interception_state=absent)
  type: dict
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.gatehouse.kong.plugins.module_utils._entry.firewall import BACKEND_SPEC
from ansible_collections.gatehouse.kong.plugins.module_utils._entry.run import ARCHIVE_SPEC, run_module

_SPEC = {
    **ARCHIVE_SPEC,
    **BACKEND_SPEC,
    "state": {"type": "str", "choices": ["present", "staged", "merged", "absent", "rolled_back"], "default": "present"},
    "ruleset": {"type": "dict"},
    "interception": {"type": "list", "elements": "dict"},
    "interception_state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "rollback_timeout": {"type": "int", "default": 30},
    # Set by the action plugin: the change of the firewall to confirm.
    "confirm": {"type": "str"},
    "service": {"type": "str", "default": "kong"},
}


def main() -> None:
    """Run the module."""
    run_module("kong_complete", AnsibleModule(_SPEC, supports_check_mode=True))


if __name__ == "__main__":
    main()
