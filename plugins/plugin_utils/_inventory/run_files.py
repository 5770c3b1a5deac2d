# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The files on the controller that a run reads and writes, checked before a connection to any host."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from ansible_collections.gatehouse.kong.plugins.plugin_utils._files import (
    explain_unreadable_file,
    explain_unwritable_file,
    explain_unwritable_folder,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._findings import Finding
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.variables import FactsNeededError, HostVariables

# The path of a report is that of a file if it ends like this, and else that of a folder.
REPORT_SUFFIXES = (".html", ".md", ".json", ".xml")


def _explain_report(path: Path) -> str:
    """Return why a report cannot be written to a path, whose missing folders are created."""
    if path.suffix not in REPORT_SUFFIXES:
        return explain_unwritable_folder(path)
    return explain_unwritable_folder(path.parent) or (explain_unwritable_file(path) if path.exists() else "")


# The variables with a path on the controller, and how a run uses the path.
EXPLAIN_PATH: Mapping[str, Callable[[Path], str]] = {
    "kong_adopt_path": explain_unwritable_folder,
    "kong_drift_file": explain_unwritable_file,
    "kong_plan_file": explain_unwritable_file,
    "kong_report_before": explain_unreadable_file,
    "kong_report_path": _explain_report,
    "kong_staged_file": explain_unwritable_file,
}


def find_path_errors(variables: HostVariables, names: Iterable[str]) -> list[Finding]:
    """Return an error for each of the named variables with a path that cannot be used.

    A value that facts may change is not checked, and neither is a value of another kind, for which the plan has an error.
    """
    for name in names:
        with suppress(FactsNeededError):
            value = variables.read_text(name, "")
            # Ansible expands the value in the same way for the tasks that use it.
            if value and (reason := EXPLAIN_PATH[name](Path(os.path.expandvars(value)).expanduser())):
                variables.add_error("path-unusable", name, value, reason)
    return [finding for finding in variables.findings if finding.code == "path-unusable"]
