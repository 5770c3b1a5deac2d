# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plan files."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.queries import PlanError, check_plan

# An empty plan, to compare with a first plan.
NO_PLAN: Mapping[str, Any] = {"format": 1, "sets": {}, "nodes": {}, "hosts": {}, "nat_forwards": [], "findings": []}


def parse_plan(text: str) -> Mapping[str, Any]:
    """Return the plan in the text of a plan file. Raises PlanError for any other text."""
    try:
        return check_plan(json.loads(text))
    except ValueError as exc:
        raise exc if isinstance(exc, PlanError) else PlanError(f"this is not JSON: {exc}") from exc


def read_plan(path: Path) -> Mapping[str, Any]:
    """Return the plan in a file. Raises PlanError with the name of the file for an unreadable file, or without a plan."""
    try:
        return parse_plan(path.read_text(encoding="utf-8"))
    except PlanError as exc:
        raise PlanError(f"{path}: {exc}") from exc
    except (OSError, UnicodeDecodeError) as exc:
        raise PlanError(f"the plan file {path} cannot be read: {exc}") from exc
