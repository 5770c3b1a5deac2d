# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: kong_apply
short_description: Apply the settings of a node, or roll back, in a single task
version_added: 0.1.0
description:
  - Internal to the roles and playbooks of this collection, and may change with every release.
  - Saves the state of the node (M(gatehouse.kong.kong_restore_point)), makes the firewall allow both the present and the planned
    sources (M(gatehouse.kong.kong_firewall)), writes Kong's file (M(gatehouse.kong.kong_conf)), and makes Kong use it
    (M(gatehouse.kong.kong_service)).
  - If Kong's file cannot be written, or Kong does not have the settings afterwards, the module restores the old file and reloads,
    restarts or stops Kong, so that it runs as before. Then the firewall is rolled back, and the module fails. The firewall is not
    rolled back if Kong may listen on the planned ports.
  - A change of the firewall is confirmed over a new connection. The same call on the host applies the settings.
  - If Kong's file and its process are as planned, only the state of the node is saved.
author:
  - gatehouse.kong contributors (@gatehouse-kong)
extends_documentation_fragment:
  - gatehouse.kong.attributes
  - gatehouse.kong.archive
  - ansible.builtin.files
attributes:
  check_mode:
    support: full
    details: Check mode shows no change of the firewall.
  diff_mode:
    support: full
options:
  node:
    description: The node, as P(gatehouse.kong.kong_plan#lookup) returns it.
    type: dict
    required: true
  config:
    description: The variable C(kong_config) of the node.
    type: dict
    default: {}
  found:
    description: The result of M(gatehouse.kong.kong_node_info) for the node.
    type: dict
    required: true
  firewall:
    description:
      - Whether the restore point includes the ruleset of the host's firewall, and the firewall allows the sources of both states
        while Kong changes.
    type: bool
    default: false
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
  program:
    description: Path of Kong's own program, as in M(gatehouse.kong.kong_service).
    type: path
    default: /usr/local/bin/kong
  restart_command:
    description: A command that restarts Kong, as in M(gatehouse.kong.kong_service).
    type: str
  reload_command:
    description: A command that reloads Kong, as in M(gatehouse.kong.kong_service).
    type: str
  retries:
    description: How often to check Kong's listeners, as O(gatehouse.kong.kong_service#module:looks). A Kong in a container is not checked.
    type: int
    default: 30
  drain:
    description: Seconds to wait for old workers of nginx, as in M(gatehouse.kong.kong_service).
    type: int
    default: 10
  keep_before:
    description: Whether to keep a copy of Kong's old file.
    type: bool
    default: false
  run:
    description: The name of the run, as in M(gatehouse.kong.kong_restore_point).
    type: str
    default: ""
  unsafe_writes:
    description: Whether Kong's file may be overwritten if it cannot be replaced, as in M(gatehouse.kong.kong_conf).
notes:
  - Needs root.
seealso:
  - module: gatehouse.kong.kong_node_info
"""

EXAMPLES = r"""
- name: Compare the node with the plan
  gatehouse.kong.kong_node_info:
    node: "{{ lookup('gatehouse.kong.kong_plan', inventory_hostname) }}"
  register: found

- name: Apply the settings of the node, or roll back
  gatehouse.kong.kong_apply:
    node: "{{ lookup('gatehouse.kong.kong_plan', inventory_hostname) }}"
    found: "{{ found }}"
    firewall: true
"""

RETURN = r"""
path:
  description: Kong's file, as in M(gatehouse.kong.kong_conf).
  returned: if Kong's file or process changes
  type: str
changed_settings:
  description: Names of the changed settings, as in M(gatehouse.kong.kong_conf).
  returned: if Kong's file or process changes
  type: list
  elements: str
backup_file:
  description: The copy of Kong's old file.
  returned: if the file has changed
  type: str
how:
  description: The action on Kong, as in M(gatehouse.kong.kong_service).
  returned: if Kong's file or process changes
  type: str
reasons:
  description: The reasons for this action, as in M(gatehouse.kong.kong_service).
  returned: if Kong's file or process changes
  type: list
  elements: str
draining:
  description: The number of old workers of nginx that still have connections.
  returned: if Kong's file or process changes
  type: int
changes:
  description: The changes of the firewall, as in M(gatehouse.kong.kong_firewall).
  returned: if the firewall has to allow the sources of both states
  type: dict
reason:
  description: The error before the rollback.
  returned: failure
  type: str
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.gatehouse.kong.plugins.module_utils._entry.firewall import BACKEND_SPEC
from ansible_collections.gatehouse.kong.plugins.module_utils._entry.run import ARCHIVE_SPEC, run_module

_SPEC = {
    **ARCHIVE_SPEC,
    **BACKEND_SPEC,
    # The action plugin replaces the node by options of the four modules.
    "node": {"type": "dict", "required": True},
    "config": {"type": "dict", "default": {}},
    "found": {"type": "dict", "required": True},
    "firewall": {"type": "bool", "default": False},
    "rollback_timeout": {"type": "int", "default": 30},
    # Set by the action plugin: the change of the firewall to confirm.
    "confirm": {"type": "str"},
    "service": {"type": "str", "default": "kong"},
    "program": {"type": "path", "default": "/usr/local/bin/kong"},
    "restart_command": {"type": "str"},
    "reload_command": {"type": "str"},
    "retries": {"type": "int", "default": 30},
    "drain": {"type": "int", "default": 10},
    "keep_before": {"type": "bool", "default": False},
    "run": {"type": "str", "default": ""},
}


def main() -> None:
    """Run the module."""
    run_module(
        "kong_apply",
        # Otherwise the log of the host would get the options, including secrets.
        AnsibleModule(_SPEC, add_file_common_args=True, supports_check_mode=True, no_log=True),
    )


if __name__ == "__main__":
    main()
