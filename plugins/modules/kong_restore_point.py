# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: kong_restore_point
short_description: Save the state of a Kong node before a run, and restore its files
version_added: 0.1.0
author:
  - gatehouse.kong contributors (!UNKNOWN)
description:
  - Internal to the roles and playbooks of this collection, and may change with every release.
  - A restore point has everything that a run of C(playbooks/site.yml) may change on a node. This is Kong's configuration or
    environment file, the drop-in of Kong's unit, the ruleset of M(gatehouse.kong.kong_firewall), the intercept rules of
    M(gatehouse.kong.kong_transparent), and Kong's listeners.
  - This module saves restore points, and restores files and the drop-in. The role P(gatehouse.kong.kong_rollback#role)
    restores the other parts with their own modules.
  - Restore points are in C(/var/lib/gatehouse_kong/restore_points), which only root can read. The contents of files never
    leave the host.
extends_documentation_fragment:
  - gatehouse.kong.attributes
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
    description: The firewall system, as for M(gatehouse.kong.kong_firewall).
    type: str
    choices: [auto, firewalld, iptables, nftables, ufw]
    default: auto
  service:
    description: Kong's systemd unit.
    type: str
    default: kong
  kong:
    description:
      - How Kong is run, for O(state=taken). The keys are options of M(gatehouse.kong.kong_service), and the following keys.
      - C(how) is the action that the change of the run needs, from the filter
        P(gatehouse.kong.kong_restart_decision#filter).
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
  - module: gatehouse.kong.kong_firewall
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
firewall:
  description: Whether the restore point has a ruleset.
  returned: if RV(found)
  type: bool
ruleset:
  description: The ruleset of the restore point. Null if the host had no rules of this collection.
  returned: if RV(found)
  type: dict
catches:
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

import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.gatehouse.kong.plugins.module_utils._backends.registry import AUTO, NAMES, choose
from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import Host, HostError, require_root
from ansible_collections.gatehouse.kong.plugins.module_utils._host.processes import PREFIX
from ansible_collections.gatehouse.kong.plugins.module_utils._interception.interceptor import read_kept_catches
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.capabilities import DROP_IN, write_drop_in
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.running import find_running
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.sockets import (
    compare,
    find_kong_sockets,
    parse_listeners,
    read_sockets,
    report,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.ruleset import ruleset_to_data
from ansible_collections.gatehouse.kong.plugins.module_utils._transaction.restore_point import (
    RestorePoint,
    RestorePoints,
    choose_kong_step,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._transaction.rollback import Kept, Rollback

_SPEC = {
    "state": {"type": "str", "choices": ["taken", "kept", "found", "restored", "absent"], "required": True},
    "files": {"type": "list", "elements": "path", "default": []},
    "firewall": {"type": "bool", "default": True},
    "backend": {"type": "str", "choices": [AUTO, *NAMES], "default": AUTO},
    "service": {"type": "str", "default": "kong"},
    "kong": {"type": "dict", "default": {}},
    "run": {"type": "str", "default": ""},
}
_NO_RULES = (
    "this host had no rules of gatehouse.kong at the restore point: after the rollback, only the host's existing rules "
    "protect Kong's ports. Check them"
)
_NOTHING = {"changed": False, "found": False, "run": ""}
RULESET = "ruleset"
CATCHES = "catches"
UNIT = "drop_in"


class Node:
    """The present state of the parts that a restore point has."""

    def __init__(self, host: Host, rollback: Rollback, backend: str, service: str) -> None:
        self._host = host
        self._rollback = rollback
        self._backend = backend
        self.unit = find_running(host, service, PREFIX).unit

    @property
    def readers(self) -> dict[str, t.Callable[[], t.Any]]:
        """The function that reads each part, by the name of the part."""
        return {RULESET: self._read_ruleset, CATCHES: lambda: read_kept_catches(self._host), UNIT: self.drop_in}

    def _read_ruleset(self) -> dict[str, t.Any] | None:
        """Return our rules; if a change waits for its confirmation, our rules before that change."""
        kept = self._rollback.read_before_pending() if self._rollback.find_pending() else None
        if kept is None:
            backend = choose(self._host, self._backend).backend
            backend.require()
            kept = Kept(backend.read().ruleset)
        return None if kept.ruleset is None else ruleset_to_data(kept.ruleset)

    def drop_in(self) -> str:
        """Return the text of our drop-in for Kong's unit, empty if there is none."""
        return (self._host.read(DROP_IN.format(unit=self.unit)) if self.unit else None) or ""

    def compare_sockets(self, point: RestorePoint) -> tuple[bool, bool]:
        """Return whether Kong has the sockets of the restore point, and whether Kong has any socket."""
        sockets = read_sockets(self.unit, point.kong.get("prefix") or PREFIX)
        visible = point.kong.get("looks") != 0  # the sockets of a container are not visible on the host
        listens = not report(compare(parse_listeners(point.kong["listeners"]), sockets))
        return listens or not visible, bool(find_kong_sockets(sockets))


def run(module: AnsibleModule) -> dict[str, t.Any]:
    """Bring the restore points or the node into the requested state, and return the result."""
    require_root("kong_restore_point")
    params, host = module.params, Host()
    rollback = Rollback(host)
    with rollback.hold_lock():
        node = Node(host, rollback, params["backend"], params["service"])
        points = RestorePoints(host, node.readers)
        if params["state"] in ("taken", "kept", "absent"):
            return {**_NOTHING} if module.check_mode else _record(points, params)
        point = points.find()
        if point is None:
            return {**_NOTHING}
        files = points.find_changed_files(point)
        unit_changed = node.unit != "" and node.drop_in() != point.parts[UNIT]
        listens, runs = node.compare_sockets(point)
        how = choose_kong_step(point, changed=bool(files), unit_changed=unit_changed, listens=listens, runs=runs)
        changes = params["state"] == "restored" and bool(files or unit_changed)
        if params["state"] == "restored" and point.parts.get(RULESET, {}) is None:
            module.warn(_NO_RULES)
        if params["state"] == "restored" and not module.check_mode:
            points.restore_files(point)
            if unit_changed:
                write_drop_in(host, node.unit, point.parts[UNIT])
        return {
            "changed": changes,
            "found": True,
            "run": point.run,
            "firewall": RULESET in point.parts,
            "ruleset": point.parts.get(RULESET),
            "catches": point.parts[CATCHES],
            "kong": point.kong,
            "files": list(files),
            "how": how,
        }


def _record(points: RestorePoints, params: dict[str, t.Any]) -> dict[str, t.Any]:
    """Save, keep or remove restore points. This does not count as a change of the host."""
    if params["state"] == "taken":
        parts = ([RULESET] if params["firewall"] else []) + [CATCHES, UNIT]
        points.take(params["files"], parts, params["kong"], params["run"])
    elif params["state"] == "kept":
        points.keep()
    else:
        points.remove()
    return {**_NOTHING}


def main() -> None:
    """Run the module."""
    module = AnsibleModule(_SPEC, supports_check_mode=True)
    try:
        result = run(module)
    except (HostError, OSError) as error:
        module.fail_json(msg=str(error))
    module.exit_json(**result)


if __name__ == "__main__":
    main()
