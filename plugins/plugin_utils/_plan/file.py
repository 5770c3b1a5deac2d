# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plans as input: the plan of a run, plan files, and plans as plain data."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible_collections.gatehouse.kong.plugins.plugin_utils._libraries import LibraryError, require_libraries
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.kept import PartedPlan, has_parts

# An empty plan, to compare with a first plan.
NO_PLAN: Mapping[str, Any] = {"format": 1, "sets": {}, "nodes": {}, "hosts": {}, "nat_forwards": [], "findings": []}

_OF_NODES = ("nodes", "left")


class PlanError(ValueError):
    """A query that the plan cannot answer."""


def open_plan(given: Any) -> Mapping[str, Any]:
    """Return the plan that a user gives, as plain data or as the path of a file. The plan of a run is read when it is used.

    Raises PlanError for other data, for an unreadable file, or without a library that is needed.
    """
    try:
        require_libraries()
    except LibraryError as exc:
        raise PlanError(str(exc)) from exc
    return read_plan(Path(given)) if isinstance(given, str) else _check_plan(given)


def load_plan(given: Any) -> Mapping[str, Any]:
    """Return the same plan, read as a whole, for uses that need all of its nodes."""
    plan = open_plan(given)
    return plan.as_dict() if isinstance(plan, PartedPlan) else plan


def _check_plan(plan: Any) -> Mapping[str, Any]:
    if isinstance(plan, Mapping) and plan.get("format") == 1 and "nodes" in plan:
        return plan
    shown = f"a dictionary with {sorted(map(str, plan))[:5]}" if isinstance(plan, Mapping) else repr(plan)[:80]
    raise PlanError(f"this is not a plan of format 1, which gatehouse.kong.kong_plan returns in its key path: {shown}")


def parse_plan(text: str) -> Mapping[str, Any]:
    """Return the plan in the text of a plan file. Raises PlanError for any other text."""
    try:
        plan = _check_plan(json.loads(text))
    except ValueError as exc:
        raise exc if isinstance(exc, PlanError) else PlanError(f"this is not JSON: {exc}") from exc
    _check_parts(plan)
    return plan


def _check_parts(plan: Mapping[str, Any]) -> None:
    """Raise PlanError for a part of the plan that is not a dictionary, or for a node without site and address."""
    for key in ("sets", "hosts", "nodes", "left"):
        part = plan.get(key, {})
        if not isinstance(part, Mapping):
            raise PlanError(f"this is not a plan: `{key}` is {_shorten(part)}, not a dictionary")
        for name, node in part.items() if key in _OF_NODES else ():
            if not _is_node(node):
                raise PlanError(f"this is not a plan: `{key}` has no site and address of {name}: {_shorten(node)}")


def _is_node(node: Any) -> bool:
    if not isinstance(node, Mapping) or not isinstance(node.get("site"), str):
        return False
    return isinstance(node.get("address"), Mapping) and isinstance(node.get("connection", {}), Mapping)


def _shorten(value: Any) -> str:
    return json.dumps(value)[:80]


def read_plan(path: Path) -> Mapping[str, Any]:
    """Return the plan in a file. Raises PlanError with the name of the file for an unreadable file, or without a plan."""
    try:
        return PartedPlan(path) if has_parts(path) else parse_plan(path.read_text(encoding="utf-8"))
    except PlanError as exc:
        raise PlanError(f"{path}: {exc}") from exc
    except (OSError, UnicodeDecodeError) as exc:
        reason = exc.strerror if isinstance(exc, OSError) else exc
        raise PlanError(f"the plan file {path} cannot be read: {reason}") from exc
