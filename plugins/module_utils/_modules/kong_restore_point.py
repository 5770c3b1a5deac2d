# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The work of the module kong_restore_point."""

from __future__ import annotations

import typing as t
from functools import cached_property

from ansible.module_utils.basic import AnsibleModule  # type: ignore[import-untyped]

from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import Host, HostError, require_root
from ansible_collections.gatehouse.kong.plugins.module_utils._host.processes import PREFIX
from ansible_collections.gatehouse.kong.plugins.module_utils._transaction.restore_point import (
    TAKEN,
    RestorePoint,
    RestorePoints,
    choose_kong_step,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._transaction.rollback import Kept, Rollback

_NO_RULES = (
    "this host had no rules of gatehouse.kong at the restore point: after the rollback, only the host's existing rules "
    "protect Kong's ports. Check them"
)
_RECORDED = ("taken", "kept", "absent")
_NOTHING = {"changed": False, "found": False, "run": ""}
RULESET = "ruleset"
INTERCEPTION = "interception"
UNIT = "drop_in"


class Node:
    """The present state of the parts that a restore point has.

    The code for a part is only imported to read the part: to keep a restore point, none of it is needed.
    """

    def __init__(self, host: Host, rollback: Rollback, backend: str, service: str) -> None:
        self._host = host
        self._rollback = rollback
        self._backend = backend
        self._service = service

    @cached_property
    def unit(self) -> str:
        """The systemd unit of Kong, empty if there is none."""
        from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.running import find_running  # noqa: PLC0415

        return find_running(self._host, self._service, PREFIX).unit

    @property
    def readers(self) -> dict[str, t.Callable[[], t.Any]]:
        """The function that reads each part, by the name of the part."""
        return {
            RULESET: self._read_ruleset,
            INTERCEPTION: self._read_interception,
            UNIT: self.drop_in,
        }

    def _read_ruleset(self) -> dict[str, t.Any] | None:
        """Return our rules; if a change waits for its confirmation, our rules before that change."""
        kept = self._rollback.read_before_pending() if self._rollback.find_pending() else None
        if kept is None:
            from ansible_collections.gatehouse.kong.plugins.module_utils._backends.registry import choose  # noqa: PLC0415

            backend = choose(self._host, self._backend).backend
            backend.require()
            kept = Kept(backend.read().ruleset)
        if kept.ruleset is None:
            return None
        from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.data import ruleset_to_data  # noqa: PLC0415

        return ruleset_to_data(kept.ruleset)

    def _read_interception(self) -> list[dict[str, t.Any]]:
        """Return the intercept rules of the host."""
        from ansible_collections.gatehouse.kong.plugins.module_utils._interception.interceptor import (  # noqa: PLC0415
            read_kept_interception,
        )

        return read_kept_interception(self._host)

    def drop_in(self) -> str:
        """Return the text of our drop-in for Kong's unit, empty if there is none."""
        from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.capabilities import DROP_IN  # noqa: PLC0415

        return (self._host.read(DROP_IN.format(unit=self.unit)) if self.unit else None) or ""

    def compare_sockets(self, point: RestorePoint) -> tuple[bool, bool]:
        """Return whether Kong has the sockets of the restore point, and whether Kong has any socket."""
        from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.socket_drift import (  # noqa: PLC0415
            compare_listeners,
            find_kong_sockets,
            report_drift,
        )
        from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.sockets import (  # noqa: PLC0415
            parse_listeners,
            read_sockets,
        )

        sockets = read_sockets(self.unit, point.kong.get("prefix") or PREFIX)
        visible = point.kong.get("looks") != 0  # the sockets of a container are not visible on the host
        listens = not report_drift(compare_listeners(parse_listeners(point.kong["listeners"]), sockets))
        return listens or not visible, bool(find_kong_sockets(sockets))


def has_open_run(host: Host, backend: str, service: str) -> bool:
    """Tell whether a run changed the node and neither succeeded nor was rolled back. If that cannot be read, it may have."""
    if not host.locate(TAKEN).exists():
        return False
    rollback = Rollback(host)
    try:
        with rollback.hold_lock():
            return RestorePoints(host, Node(host, rollback, backend, service).readers).has_open_run()
    except (HostError, OSError):
        return True


def _apply(module: AnsibleModule) -> dict[str, t.Any]:
    require_root("kong_restore_point")
    return _apply_to_gateway(module) if module.params["gateway"] else apply_to_node(module, module.params)


def _apply_to_gateway(module: AnsibleModule) -> dict[str, t.Any]:
    """Bring the restore points of a gateway into the requested state, and return the result."""
    from ansible_collections.gatehouse.kong.plugins.module_utils._gateway.points import NAT, make_points  # noqa: PLC0415
    from ansible_collections.gatehouse.kong.plugins.module_utils._gateway.table import AREA  # noqa: PLC0415

    host, params = Host(), module.params
    rollback = Rollback(host, AREA)
    with rollback.hold_lock():
        points = make_points(host, rollback)
        if params["state"] in _RECORDED:
            return {**_NOTHING} if module.check_mode else _record(points, [NAT], params)
        point = points.find()
        return {**_NOTHING, "found": True, "run": point.run, NAT: point.parts[NAT]} if point else {**_NOTHING}


def apply_to_node(module: AnsibleModule, params: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Bring the restore points or the node into the requested state, and return the result. Raises HostError, OSError."""
    host = Host()
    rollback = Rollback(host)
    with rollback.hold_lock():
        node = Node(host, rollback, params["backend"], params["service"])
        points = RestorePoints(host, node.readers)
        if params["state"] in _RECORDED:
            parts = ([RULESET] if params["firewall"] else []) + [INTERCEPTION, UNIT]
            return {**_NOTHING} if module.check_mode else _record(points, parts, params)
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
                from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.capabilities import (  # noqa: PLC0415
                    write_drop_in,
                )

                write_drop_in(host, node.unit, point.parts[UNIT])
        return {
            "changed": changes,
            "found": True,
            "run": point.run,
            "firewall": RULESET in point.parts,
            "ruleset": point.parts.get(RULESET),
            "interception": point.parts[INTERCEPTION],
            "kong": point.kong,
            "files": list(files),
            "how": how,
        }


def _record(points: RestorePoints, parts: list[str], params: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Save, keep or remove restore points with these parts. This does not count as a change of the host."""
    if params["state"] == "taken":
        points.take(params["files"], parts, params["kong"], params["run"])
    elif params["state"] == "kept":
        points.keep()
    else:
        points.remove()
    return {**_NOTHING}


def run(module: AnsibleModule) -> None:
    """Save, find or restore the state of the node, and exit with the result."""
    try:
        result = _apply(module)
    except (HostError, OSError) as error:
        module.fail_json(msg=str(error))
    module.exit_json(**result)
