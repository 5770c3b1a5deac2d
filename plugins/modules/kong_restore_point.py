# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: kong_restore_point
short_description: Save the state of a node or gateway before a run, and restore files
version_added: 0.1.0
author:
  - gatehouse.kong contributors (!UNKNOWN)
description:
  - Internal to the roles and playbooks of this collection, and may change with every release.
  - A restore point has everything that a run of C(playbooks/site.yml) may change on a node. This is Kong's configuration or
    environment file, the drop-in of Kong's unit, the ruleset of M(gatehouse.kong.kong_firewall), the intercept rules of
    M(gatehouse.kong.kong_transparent), and Kong's listeners. On a gateway it is the translations of
    M(gatehouse.kong.kong_gateway).
  - This module saves restore points, and restores files and the drop-in. The role P(gatehouse.kong.kong_rollback#role)
    restores the other parts with their own modules.
  - Restore points are in C(/var/lib/gatehouse_kong/restore_points), on a gateway in
    C(/var/lib/gatehouse_kong_nat/restore_points). Only root can read them. The contents of files never
    leave the host.
extends_documentation_fragment:
  - gatehouse.kong.attributes
  - gatehouse.kong.archive
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
options:
  state:
    description:
      - V(taken) saves the present state as a restore point before a run. The point of a failed run is not replaced, unless
        the host is in the state of that point.
      - V(kept) makes the saved point the target of the next rollback, after a successful run. If the run has changed
        nothing, its point is removed and the previous point stays the target.
      - V(found) only returns what would be restored.
      - V(restored) restores Kong's files and the drop-in of its unit from the restore point.
      - V(absent) removes all restore points.
    type: str
    choices: [taken, kept, found, restored, absent]
    required: true
  files:
    description: Kong's files that the run may write, for O(state=taken). Symbolic links are followed.
    type: list
    elements: path
    default: []
  firewall:
    description: Whether the restore point includes the ruleset of the host's firewall, for O(state=taken).
    type: bool
    default: true
  backend:
    description: The firewall manager of the host, as in M(gatehouse.kong.kong_firewall).
    type: str
    choices: [auto, firewalld, iptables, nftables, ufw]
    default: auto
  gateway:
    description:
      - Whether the restore points are for the translations of a NAT gateway. A host that is a node as well has separate points.
      - The translations are restored with M(gatehouse.kong.kong_gateway), so O(state=restored) only returns them.
    type: bool
    default: false
  service:
    description: Kong's systemd unit.
    type: str
    default: kong
  kong:
    description:
      - How Kong is run, for O(state=taken). The keys are options of M(gatehouse.kong.kong_service), and the following keys.
      - C(how) is the action that the change of the run needs, as in C(restart) of M(gatehouse.kong.kong_node_info).
      - C(runs) tells whether Kong runs. C(listeners) are its listeners.
    type: dict
    default: {}
  run:
    description:
      - The name of the run, for O(state=taken). Names sort by time.
      - The playbook C(rollback) uses it to find the nodes that the last run has changed.
    type: str
    default: ""
notes:
  - Needs root.
seealso:
  - module: gatehouse.kong.kong_apply
  - module: gatehouse.kong.kong_service
"""

EXAMPLES = r"""
- name: Show what a rollback would restore
  gatehouse.kong.kong_restore_point:
    state: found
  register: point
"""

RETURN = r"""
found:
  description: Whether there is a restore point that differs from the present state.
  returned: success
  type: bool
run:
  description: The last run that changed the state of the restore point, empty if there is nothing to restore.
  returned: success
  type: str
nat:
  description: The options C(forwards), C(egress) and C(sets) of M(gatehouse.kong.kong_gateway). Null if there were no translations.
  returned: if RV(found) and O(gateway=true)
  type: dict
firewall:
  description: Whether the restore point has a ruleset.
  returned: if RV(found)
  type: bool
ruleset:
  description: The ruleset of the restore point. Null if the host had no rules of this collection.
  returned: if RV(found)
  type: dict
interception:
  description: The intercept rules of the restore point.
  returned: if RV(found)
  type: list
  elements: dict
kong:
  description: How Kong was run, as given in O(kong).
  returned: if RV(found)
  type: dict
files:
  description: Paths of the files that differ, or differed, from the restore point.
  returned: if RV(found)
  type: list
  elements: str
how:
  description: The action that makes Kong run as at the restore point, V(nothing), V(reload), V(restart) or V(stop).
  returned: if RV(found)
  type: str
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.gatehouse.kong.plugins.module_utils._entry.firewall import BACKEND_SPEC
from ansible_collections.gatehouse.kong.plugins.module_utils._entry.run import ARCHIVE_SPEC, run_module

_SPEC = {
    **ARCHIVE_SPEC,
    "state": {"type": "str", "choices": ["taken", "kept", "found", "restored", "absent"], "required": True},
    "files": {"type": "list", "elements": "path", "default": []},
    "firewall": {"type": "bool", "default": True},
    **BACKEND_SPEC,
    "gateway": {"type": "bool", "default": False},
    "service": {"type": "str", "default": "kong"},
    "kong": {"type": "dict", "default": {}},
    "run": {"type": "str", "default": ""},
}


def main() -> None:
    """Run the module."""
    run_module("kong_restore_point", AnsibleModule(_SPEC, supports_check_mode=True))


if __name__ == "__main__":
    main()
