# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The sample of a run: the first host that needs it chooses it, and it is kept next to the plan for all other hosts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.file import load_plan
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.kept import has_parts
from ansible_collections.gatehouse.kong.plugins.plugin_utils._run import hold_lock
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.sample import choose_sample

Sample = dict[str, list[dict[str, Any]]]


def provide_sample(plan: Any, pairs: int) -> Sample:
    """Return the chosen probes by caller, as arguments of module kong_probe, for a plan or the path of a plan.

    Raises PlanError if it is no plan.
    """
    path = Path(plan) if isinstance(plan, str) else None
    if path is None or not path.is_file() or not has_parts(path):
        return _make_sample(plan, pairs)
    kept = path.with_name(f"{path.name}.sample-{pairs}")
    with hold_lock(kept):
        if not kept.exists():
            kept.write_text(json.dumps(_make_sample(plan, pairs)), encoding="utf-8")
    sample: Sample = json.loads(kept.read_text(encoding="utf-8"))
    return sample


def _make_sample(plan: Any, pairs: int) -> Sample:
    return {
        host: [probe.as_dict() for probe in probes] for host, probes in choose_sample(load_plan(plan), pairs).items()
    }
