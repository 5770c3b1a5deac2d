# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plans that were kept in files."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.queries import PlanError, check_plan

# The plan of a fleet that there is not, to compare a first plan with.
NO_PLAN: Mapping[str, Any] = {"format": 1, "sets": {}, "nodes": {}, "hosts": {}, "nat_forwards": [], "findings": []}


def plan_in(text: str) -> Mapping[str, Any]:
    """Return the plan that a plan file's text holds. Raises PlanError where it is none."""
    try:
        return check_plan(json.loads(text))
    except ValueError as exc:
        raise exc if isinstance(exc, PlanError) else PlanError(f"this is no JSON: {exc}") from exc


def read_plan(path: Path) -> Mapping[str, Any]:
    """Return the plan of a file. Raises PlanError, which names the file, where it cannot be read or holds no plan."""
    try:
        return plan_in(path.read_text(encoding="utf-8"))
    except PlanError as exc:
        raise PlanError(f"{path}: {exc}") from exc
    except (OSError, UnicodeDecodeError) as exc:
        raise PlanError(f"the plan file {path} cannot be read: {exc}") from exc
