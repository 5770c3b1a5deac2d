# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The plan of a run: compiled by the first task that needs it, and kept for all later tasks, hosts and plays."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from ansible.module_utils.parsing.convert_bool import boolean  # type: ignore[import-untyped]
from ansible.parsing.dataloader import DataLoader  # type: ignore[import-untyped]
from ansible.template import Templar  # type: ignore[import-untyped]

from ansible_collections.gatehouse.kong.plugins.plugin_utils._ansible_inventory import (
    AnsibleInventory,
    compute_value,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._finding_groups import group_findings
from ansible_collections.gatehouse.kong.plugins.plugin_utils._findings import ERROR, WARNING, share_findings
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.variables import VariableError
from ansible_collections.gatehouse.kong.plugins.plugin_utils._libraries import require_libraries
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.compile import compile_plan, list_fixed_errors
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.file import PlanError
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.kept import PartedPlan, write_parts
from ansible_collections.gatehouse.kong.plugins.plugin_utils._run import (
    is_checked,
    keep_checked,
    keep_refused,
    lock_plan_file,
    read_played,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._text import count_noun, quote_value

# With kong_strict, warnings are errors.
_STRICT = {WARNING: ERROR}
# Garbage is collected after so many new objects, some hosts. Python itself collects it after 700 to 2,000.
_NEW_OBJECTS = 50_000


class RefusedError(PlanError):
    """An inventory without a plan, because of errors. ``errors`` are the findings."""

    def __init__(self, findings: Sequence[Mapping[str, Any]]) -> None:
        """Keep the errors among the findings."""
        self.errors = [finding for finding in findings if finding["severity"] == ERROR]
        codes = ", ".join(dict.fromkeys(finding["code"] for finding in self.errors))
        count = count_noun(len(group_findings(self.errors)), "error")
        super().__init__(f"There is no plan for this inventory: {count} ({codes})")


class RunPlan(NamedTuple):
    """The plan of the run, whether this task compiled it, and its file."""

    plan: PartedPlan
    is_new: bool
    path: str


def get_plan(group: str, variables: Mapping[str, Any], templar: Templar, loader: DataLoader) -> RunPlan:
    """Return the plan of this run for a group of nodes. The first call compiles it.

    Raises LibraryError without a library that is needed, RefusedError if the inventory has errors, and PlanError if the variable
    kong_strict is not a boolean.
    """
    require_libraries()
    with lock_plan_file(group) as path:
        is_new = not path.exists()
        if is_new:
            write_parts(path, _compile(group, AnsibleInventory(variables, loader), variables, templar))
        return RunPlan(PartedPlan(path), is_new, str(path))


def check_before_facts(group: str, variables: Mapping[str, Any], loader: DataLoader) -> None:
    """Raise RefusedError if the inventory has errors that no fact can change. No fact is read, and no plan is compiled."""
    require_libraries()
    with lock_plan_file(group) as path:
        if path.exists() or is_checked(group):
            return
        with _with_rare_garbage_collection():
            errors = list_fixed_errors(AnsibleInventory(variables, loader), group)
        if errors:
            raise _refuse(group, share_findings(errors))
        keep_checked(group)


def _refuse(group: str, findings: Sequence[dict[str, Any]]) -> RefusedError:
    """Keep the findings for a report, and return the error."""
    keep_refused(group, findings)
    return RefusedError(findings)


def _compile(
    group: str, inventory: AnsibleInventory, variables: Mapping[str, Any], templar: Templar
) -> Mapping[str, Any]:
    with _with_rare_garbage_collection():
        compilation = compile_plan(inventory, group, read_played(group))
    findings = share_findings(compilation.findings)
    # A wrong value of kong_strict is an error of the compiler.
    if not compilation.errors and _is_strict(variables, templar):
        findings = [
            {**finding, "severity": _STRICT.get(finding["severity"], finding["severity"])} for finding in findings
        ]
    if compilation.parts is None or any(finding["severity"] == ERROR for finding in findings):
        raise _refuse(group, findings)
    return compilation.parts


def _is_strict(variables: Mapping[str, Any], templar: Templar) -> bool:
    try:
        value = compute_value(templar, variables.get("kong_strict"))
        return value is not None and bool(boolean(value))
    except VariableError as exc:
        raise PlanError(f"kong_strict: its value cannot be computed; correct the template: {exc}") from exc
    except TypeError as exc:
        message = "it must be true or false; correct or remove it"
        raise PlanError(f"kong_strict: {quote_value(value)}: {message}") from exc


@contextmanager
def _with_rare_garbage_collection() -> Iterator[None]:
    """Collect garbage rarely, and only among new objects, because each search would visit the whole inventory.

    Without any collection the templars of all hosts would stay: they refer to themselves, and each has all variables of its
    host. Later searches leave out the model, which stays until this process ends.
    """
    thresholds = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(_NEW_OBJECTS, *thresholds[1:])
    try:
        yield
    finally:
        gc.set_threshold(*thresholds)
        gc.freeze()
