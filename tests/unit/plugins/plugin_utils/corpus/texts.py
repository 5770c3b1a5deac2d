# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The complete result of an inventory as text: findings, plan, paths, verifications, changes and report."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from ansible_collections.gatehouse.kong.plugins.plugin_utils._findings import complete_message
from ansible_collections.gatehouse.kong.plugins.plugin_utils._fleet.paths import find_paths
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.changes import compare_plans
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.changes_text import format_changes
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.left import Run, make_left_changes
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.pf_rules import PF_FORMS, render_pf_rules
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.queries import get_host, get_node
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.summary import format_plan
from ansible_collections.gatehouse.kong.plugins.plugin_utils._report.report import FORMS, Evidence
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.explain import explain
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.probes import (
    list_callers,
    list_local_probes,
    list_probes_from,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.result import compare, format_verification
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.sample import choose_sample
from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils.fleets import compile_fleet

_WIDTH = 150
_SHOWN = 6  # causes of a fault
_PLANNED = {"open": "open", "filtered": "filtered", "closed": "refused"}
# A fault of the fleet: the result of a probe, or None for the planned result.
_FAULTS = {
    "nothing is open": lambda probe: "filtered",
    "no rules": lambda probe: "open",
    "no process listens": lambda probe: "refused",
    "no network": lambda probe: "unreachable",
    "tcp alone is open": lambda probe: "filtered" if probe.protocol == "udp" else None,
    "tcp alone is blocked": lambda probe: "filtered" if probe.protocol == "tcp" else None,
    "the proxy alone is open": lambda probe: None if probe.listener == "proxy" else "filtered",
    "the first caller is blocked": lambda probe: "filtered" if _is_first(probe.caller) else None,
    "the first caller has no route": lambda probe: "unreachable" if _is_first(probe.caller) else None,
}


def _is_first(name):
    return name.endswith(("1", "e"))


def list_lines(value, indent=""):
    """Yield lines with plain data: a list or mapping that fits is on one line."""
    text = json.dumps(value, ensure_ascii=False, sort_keys=True)
    if len(indent + text) <= _WIDTH or not isinstance(value, dict | list) or not value:
        yield indent + text
        return
    items = sorted(value.items()) if isinstance(value, dict) else [(None, item) for item in value]
    for key, item in items:
        head = "- " if key is None else f"{key}: "
        short = json.dumps(item, ensure_ascii=False, sort_keys=True)
        if len(indent + head + short) <= _WIDTH or not isinstance(item, dict | list) or not item:
            yield indent + head + short
        else:
            yield indent + head.rstrip()
            yield from list_lines(item, f"{indent}  ")


def describe_fleet(fleet):
    """Return the golden texts of a fleet by the suffix of their files."""
    plan = _plan(fleet.nodes, fleet.others, fleet.groups)
    later = _plan(*_apply(fleet)) if fleet.later else None
    texts = {".txt": "\n".join(_describe_sections(fleet, plan, later))}
    if "report" not in fleet.without:
        outcomes = [outcome.as_dict() for outcome in _verify(plan, lambda _probe: None).outcomes]
        run = Run([*fleet.others, *fleet.nodes], ["inventory.yml"])
        changes = [*compare_plans(plan, later), *make_left_changes(plan, later, run)] if later else None
        evidence = Evidence(plan, {"at": "2026-11-25 12:00 UTC", "outcomes": outcomes}, None, changes)
        texts[".md"] = FORMS[".md"](evidence)
        if fleet.pictured:
            texts[".svg"] = draw(FORMS[".html"](evidence))
    return texts


def _plan(nodes, others, groups):
    compilation = compile_fleet(nodes, others, groups)
    assert compilation.plan, [finding.message for finding in compilation.errors]
    return compilation.plan


def _describe_sections(fleet, plan, later):
    """Yield the lines of all sections."""
    sections = {
        "findings": lambda: _describe_shared(plan["findings"]),
        "plan as data": lambda: list_lines({key: plan[key] for key in plan if key != "findings"}),
        "plan as text": lambda: format_plan(plan),
        "paths": lambda: _describe_paths(plan),
        "explanations": lambda: _explain_kinds(plan),
        "pf": lambda: _describe_pf(plan),
        "verification": lambda: format_verification(_verify(plan, lambda _probe: None)),
        "causes of faults": lambda: _describe_causes(plan),
        "sample of the probes": lambda: _describe_sample(plan),
        "changes": lambda: format_changes(compare_plans(plan, later or plan)),
        "changes back": lambda: format_changes(compare_plans(later or plan, plan)),
    }
    for title, list_section in sections.items():
        if title not in fleet.without:
            yield f"=== {title}"
            yield from (line.rstrip() for line in list_section())
            yield ""


def _describe_shared(findings):
    """Yield two lines for each finding of a plan, with every field."""
    for finding in findings:
        value = "" if finding["value"] is None else f" {json.dumps(finding['value'], ensure_ascii=False)}"
        yield f"{finding['severity']} {finding['code']} {', '.join(finding['hosts'])} {finding['variable']}{value}"
        yield f"    {' || '.join(filter(None, complete_message(finding)))}"


def _apply(fleet):
    hosts = {**fleet.nodes, **{name: {} for name in fleet.later if name not in {**fleet.nodes, **fleet.others}}}

    def change(name, variables):
        return {key: value for key, value in {**variables, **fleet.later.get(name, {})}.items() if value is not None}

    kept = {name: variables for name, variables in hosts.items() if fleet.later.get(name, {}) is not None}
    return (
        {name: change(name, variables) for name, variables in kept.items()},
        {name: change(name, variables) for name, variables in fleet.others.items()},
        fleet.groups,
    )


def _describe_paths(plan):
    """Yield every path; listeners of a node with equal paths share a line."""
    for caller in list_callers(plan):
        for target in (name for name in plan["nodes"] if name != caller):
            found = {}
            for listener in get_node(plan, target).reachable:
                for path in find_paths(get_host(plan, caller), get_node(plan, target), listener):
                    way = f"{path.via} {path.dialled.address} as {', '.join(path.sources)} at {path.address}"
                    port = f"{path.listener} {path.dialled.port}->{path.port}/{path.protocol}"
                    found.setdefault(way, []).append(port)
            yield from (
                f"{caller} -> {target}: {way}: {', '.join(dict.fromkeys(ports))}" for way, ports in found.items()
            )


def _explain_kinds(plan):
    """Yield an explanation of the first probe of each kind between two hosts."""
    told = set()
    for caller in list_callers(plan):
        for probe in list_probes_from(plan, caller):
            lines = explain(plan, probe, {})
            kind = tuple(re.sub(r"[0-9a-f.:]*[0-9][0-9a-f.:]*|\S+ \(site \S+|set \S+", "_", line) for line in lines[2:])
            if kind not in told:
                told.add(kind)
                yield from lines


def _describe_pf(plan):
    for name, node in plan["nodes"].items():
        if node["interception"]:
            yield from (line for form in PF_FORMS for line in render_pf_rules(plan, name, form).splitlines())


def _verify(plan, fault):
    probed = {
        caller: [
            {"name": probe.name, "mark": probe.name, "detail": "", "result": fault(probe) or _PLANNED[probe.expected]}
            for probe in list_probes_from(plan, caller)
        ]
        for caller in list_callers(plan)
    }
    return compare(plan, probed)


def _describe_causes(plan) -> Iterator[str]:
    """Yield the causes of the differences of each fault, with the first difference of each cause."""
    for title, fault in _FAULTS.items():
        causes = {}
        for outcome in _verify(plan, fault).differences:
            causes.setdefault(outcome.cause, []).append(outcome.probe)
        yield f"{title}:"
        yield from (
            f"  {probes[0].caller} -> {probes[0].name} ({len(probes)}): {cause}"
            for cause, probes in [*causes.items()][:_SHOWN]
        )


def _describe_sample(plan):
    for caller, probes in choose_sample(plan, 1).items():
        yield f"{caller}: {'; '.join(f'{probe.name} {probe.kind} {probe.expected}' for probe in probes)}"
    for name in plan["nodes"]:
        probes = list_local_probes(plan, name)
        yield f"{name} to itself: {'; '.join(f'{probe.listener} {probe.dialled} {probe.kind}' for probe in probes)}"


def draw(page):
    """Return the pictures of a page, one element on each line."""
    return "\n".join(re.findall(r"<svg.*?</svg>", page, re.DOTALL)).replace("><", ">\n<") + "\n"
