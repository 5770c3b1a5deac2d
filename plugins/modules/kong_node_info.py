# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

DOCUMENTATION = r"""
module: kong_node_info
short_description: Compare a node with its plan in a single task
version_added: 0.1.0
description:
  - Internal to the roles and playbooks of this collection, and may change with every release.
  - Compares the node's firewall, Kong's file, the sockets and settings of the running Kong, and the intercept rules with the plan.
    Changes nothing.
  - It does the work of M(gatehouse.kong.kong_firewall_info), M(gatehouse.kong.kong_conf), M(gatehouse.kong.kong_listen_info) and
    M(gatehouse.kong.kong_transparent) in check mode. If a part cannot be inspected, the other parts are inspected all the same.
author:
  - gatehouse.kong contributors (!UNKNOWN)
extends_documentation_fragment:
  - gatehouse.kong.attributes
  - gatehouse.kong.archive
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
options:
  node:
    description: The node, as P(gatehouse.kong.kong_plan#lookup) returns it.
    type: dict
    required: true
  config:
    description: The variable C(kong_config) of the node.
    type: dict
    default: {}
  backend:
    description: The firewall manager of the host, as in M(gatehouse.kong.kong_firewall).
    type: str
    choices: [auto, firewalld, iptables, nftables, ufw]
    default: auto
  service:
    description: Kong's systemd unit, as in M(gatehouse.kong.kong_listen_info).
    type: str
    default: kong
  program:
    description: Path of Kong's own program, as in M(gatehouse.kong.kong_service).
    type: path
    default: /usr/local/bin/kong
notes:
  - Needs root.
seealso:
  - module: gatehouse.kong.kong_drift
"""

EXAMPLES = r"""
- name: Compare the node with the plan
  gatehouse.kong.kong_node_info:
    node: "{{ lookup('gatehouse.kong.kong_plan', inventory_hostname) }}"
  register: node
"""

RETURN = r"""
differs:
  description: Whether a run of the playbook C(site) would change the node, or a part could not be inspected.
  returned: success
  type: bool
interrupted:
  description: Whether an earlier run of the playbook C(site) changed the node and did not end. The next run completes it.
  returned: success
  type: bool
has_program:
  description: Whether the program of O(program) is on the host. With Kong in a container it is not.
  returned: success
  type: bool
problem:
  description: Why the node cannot be changed, such as a variable that opens other listeners than planned. Empty without a problem.
  returned: success
  type: str
restart:
  description:
    - C(how), which is V(nothing), V(reload), V(restart) or V(start), the C(reasons) why a reload is not enough, and a C(summary)
      for people, with the effect on clients.
    - C(how) is V(blocked) if a variable of Kong's environment makes Kong open other listeners than planned.
  returned: if Kong's file and its sockets were inspected
  type: dict
firewall:
  description: The result of M(gatehouse.kong.kong_firewall_info). With C(failed) and C(msg) if it could not be inspected.
  returned: success
  type: dict
settings:
  description: The result of M(gatehouse.kong.kong_conf) in check mode, in the same way.
  returned: success
  type: dict
listeners:
  description: The result of M(gatehouse.kong.kong_listen_info), in the same way.
  returned: success
  type: dict
interception:
  description: The result of M(gatehouse.kong.kong_transparent) in check mode, in the same way.
  returned: success
  type: dict
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.gatehouse.kong.plugins.module_utils._entry.firewall import BACKEND_SPEC
from ansible_collections.gatehouse.kong.plugins.module_utils._entry.run import ARCHIVE_SPEC, run_module

_SPEC = {
    **ARCHIVE_SPEC,
    **BACKEND_SPEC,
    # The action plugin replaces the node by the options of the four modules.
    "node": {"type": "dict", "required": True},
    "config": {"type": "dict", "default": {}},
    "service": {"type": "str", "default": "kong"},
    "program": {"type": "path", "default": "/usr/local/bin/kong"},
}


def main() -> None:
    """Run the module."""
    # Otherwise the log of the host would get the options, including secrets.
    run_module("kong_node_info", AnsibleModule(_SPEC, supports_check_mode=True, no_log=True))


if __name__ == "__main__":
    main()
