# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ansible import context

from ansible_collections.gatehouse.kong.plugins.plugin_utils._controller_action import ControllerAction
from ansible_collections.gatehouse.kong.plugins.plugin_utils._files import create_folder, update_file
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.changes import Change, compare_plans
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.file import load_plan, read_plan
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.left import Run, make_left_changes
from ansible_collections.gatehouse.kong.plugins.plugin_utils._report.origin import (
    Origin,
    find_origin,
    format_now,
    with_old_time,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._report.refused import REFUSED_FORMS
from ansible_collections.gatehouse.kong.plugins.plugin_utils._report.report import FORMS, Evidence, read_kept_evidence
from ansible_collections.gatehouse.kong.plugins.plugin_utils._run import read_refused
from ansible_collections.gatehouse.kong.plugins.plugin_utils._task_action import TaskError
from ansible_collections.gatehouse.kong.plugins.plugin_utils._terminal import show
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.forwards import describe_coverage
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.gateways import read_registered_gateways
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.result import (
    compare,
    read_registered_holders,
    read_registered_observers,
    read_registered_probes,
)

_ARGUMENTS = {
    "plan": {"type": "raw"},
    "refused_group": {"type": "str"},
    "path": {"type": "path", "required": True},
    "before": {"type": "path"},
    "fleet": {"type": "str"},
    "registered": {"type": "str"},
    "placeholders": {"type": "str"},
    "observers": {"type": "str"},
    "gateways": {"type": "str"},
    "drift": {"type": "dict"},
    "staged": {"type": "dict"},
}
_EITHER = ("plan", "refused_group")
_NAME = "report"
# The keys of kong_staged's result that the report has.
_COUNTS = ("sources", "nodes", "not_checked", "problems")


class ActionModule(ControllerAction):
    """Write the report on the controller, without a connection to a host."""

    arguments = _ARGUMENTS
    one_of = ("plan", "refused_group")

    def work(self, arguments: Mapping[str, Any], variables: Mapping[str, Any]) -> dict[str, Any]:
        paths = _list_files(Path(arguments["path"]))
        text_of = _make_renderer(arguments, variables["hostvars"], paths)
        origin = _find_origin(arguments["fleet"] or "", paths, text_of)
        written = [path for path in paths if self._write(path, text_of(path.suffix, origin))]
        shown = str(paths[0].resolve())
        show([f"The report: {shown}"])
        return {"changed": bool(written), "path": shown, "files": [str(path.resolve()) for path in paths]}

    def _write(self, path: Path, text: str) -> bool:
        """Make a file have this text, unless this is check mode, and tell whether it changes."""
        if not self._task.check_mode:
            create_folder(path.parent)
        return update_file(path, text, check_mode=self._task.check_mode) != text


def _list_files(path: Path) -> list[Path]:
    """Return the files to write: the given file, or a file of each form in the given folder."""
    return [path] if path.suffix in FORMS else [path / f"{_NAME}{suffix}" for suffix in FORMS]


def _find_origin(fleet: str, paths: Sequence[Path], text_of: Callable[[str, Origin], str]) -> Origin:
    """Return the origin of the report, with the time of the existing files if nothing else changes."""
    origin = find_origin(context.CLIARGS.get("inventory") or (), fleet)
    old = {path.suffix: path.read_text(encoding="utf-8") for path in paths if path.exists()}
    return with_old_time(origin, old, text_of) if len(old) == len(paths) else origin


def _make_renderer(
    arguments: Mapping[str, Any], hostvars: Mapping[str, Any], paths: list[Path]
) -> Callable[[str, Origin], str]:
    """Return a function that returns the text of the report for the suffix of a file's name, and its origin."""
    if arguments["refused_group"]:
        findings = _read_refused(arguments["refused_group"])
        return lambda suffix, origin: REFUSED_FORMS[suffix](findings, origin)
    evidence = _read_evidence(arguments, hostvars, paths)
    return lambda suffix, origin: FORMS[suffix](replace(evidence, origin=origin))


def _read_refused(group: str) -> list[dict[str, Any]]:
    try:
        return read_refused(group)
    except FileNotFoundError:
        raise TaskError(f"refused_group: {group}: kong_plan has not refused this group in this run") from None


def _read_evidence(arguments: Mapping[str, Any], hostvars: Mapping[str, Any], paths: list[Path]) -> Evidence:
    plan = load_plan(arguments["plan"])
    at = format_now()
    kept: dict[str, Any] = {}
    for path in paths:
        if path.suffix == ".json" and path.exists():
            kept = dict(read_kept_evidence(path.read_text(encoding="utf-8"), plan))
    if arguments["registered"]:
        observers = read_registered_observers(plan, hostvars, arguments["observers"])
        held = read_registered_holders(plan, hostvars, arguments["registered"])
        inspected = read_registered_gateways(plan, hostvars, arguments["gateways"])
        probed = read_registered_probes(plan, hostvars, arguments["registered"])
        found = compare(plan, probed, observers, held, inspected)
        kept["verification"] = {
            "at": at,
            "sampled": found.sampled,
            "placeholders": _list_placeholders(plan, hostvars, arguments["placeholders"]),
            "holders": dict(found.held),
            "forwards": [*describe_coverage(found.forwards)],
            "outcomes": [outcome.as_dict() for outcome in found.outcomes],
        }
    if arguments["drift"]:
        kept["drift"] = {"at": at, **{key: arguments["drift"][key] for key in ("nodes", "not_checked")}}
    if arguments["staged"]:
        kept["staged"] = {"at": at, **{key: arguments["staged"][key] for key in _COUNTS}}
    changes = _list_changes(read_plan(Path(arguments["before"])), plan, hostvars) if arguments["before"] else None
    return Evidence(plan, changes=changes, **kept)


def _list_changes(old: Mapping[str, Any], plan: Mapping[str, Any], hostvars: Mapping[str, Any]) -> list[Change]:
    left = make_left_changes(old, plan, Run([*hostvars], context.CLIARGS.get("inventory") or ()))
    return [*compare_plans(old, plan), *left]


def _list_placeholders(plan: Mapping[str, Any], hostvars: Mapping[str, Any], name: str | None) -> list[str]:
    """Return the nodes on which a placeholder listened instead of Kong."""
    found = {node: hostvars[node].get(name) for node in plan["nodes"] if name and node in hostvars}
    return [node for node, result in found.items() if result and result.get("placeholders")]
