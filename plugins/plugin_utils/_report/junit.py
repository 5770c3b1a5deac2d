# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A report as JUnit XML, which CI systems show as tests: nodes of the plan, connections, drift."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from xml.sax.saxutils import quoteattr

from ansible_collections.gatehouse.kong.plugins.plugin_utils._finding_groups import group_findings
from ansible_collections.gatehouse.kong.plugins.plugin_utils._findings import ERROR
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.model import Endpoint
from ansible_collections.gatehouse.kong.plugins.plugin_utils._report.verification import (
    Outcome,
    differs,
    group_differences,
    list_differences,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._text import (
    SHOWN_RANGES,
    clean,
    count_noun,
    format_ranges,
    list_ranges,
    make_natural_key,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.drift import share_differences
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.probes import SILENT
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.reasons import share_reasons


@dataclass(frozen=True, slots=True)
class Case:
    """A test: its class, its name, and the reason why it failed or was skipped."""

    of: str
    name: str
    failure: str = ""
    skipped: str = ""
    output: str = ""


def render_junit(
    plan: Mapping[str, Any],
    verification: Mapping[str, Any] | None,
    drift: Mapping[str, Any] | None,
    staged: Mapping[str, Any] | None,
) -> str:
    """Return the XML. The plan is a suite, and so are the verification, drift and counted sources, if they are given."""
    suites = {"plan": [*_make_plan_cases(plan)]}
    if verification:
        suites["verification"] = [*_make_verification_cases(verification["outcomes"])]
    if drift:
        suites["drift"] = [*_make_drift_cases(drift)]
    if staged:
        suites["staged"] = [*_make_staged_cases(staged)]
    return render_suites(suites)


def render_suites(suites: Mapping[str, Sequence[Case]]) -> str:
    """Return the XML of suites by their names."""
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', '<testsuites name="gatehouse.kong">']
    for name, cases in suites.items():
        lines += _render_suite(name, cases)
    return "\n".join([*lines, "</testsuites>", ""])


def _render_suite(name: str, cases: Sequence[Case]) -> Iterator[str]:
    failed, skipped = sum(bool(case.failure) for case in cases), sum(bool(case.skipped) for case in cases)
    yield f'<testsuite name="{name}" tests="{len(cases)}" failures="{failed}" errors="0" skipped="{skipped}">'
    for case in cases:
        inner = "".join(_render_case(case))
        head = f"<testcase classname={_quote_attribute(f'{name}.{case.of}')} name={_quote_attribute(case.name)}"
        yield f"{head}>{inner}</testcase>" if inner else f"{head}/>"
    yield "</testsuite>"


def _render_case(case: Case) -> Iterator[str]:
    if case.failure:
        yield f"<failure message={_quote_attribute(case.failure)}/>"
    if case.skipped:
        yield f"<skipped message={_quote_attribute(case.skipped)}/>"
    if case.output:
        # The escaping of attributes is valid for text as well.
        yield f"<system-out>{_quote_attribute(case.output)[1:-1]}</system-out>"


def _quote_attribute(text: str) -> str:
    return quoteattr(clean(text))


def _make_plan_cases(plan: Mapping[str, Any]) -> Iterator[Case]:
    """Yield a passed test for each node, because there is no plan with errors, then the warnings and notes."""
    for name in sorted(plan["nodes"], key=make_natural_key):
        yield Case(name, "is planned without errors")
    yield from make_finding_cases(plan["findings"])


def make_finding_cases(findings: Iterable[Mapping[str, Any]]) -> Iterator[Case]:
    """Yield a test for each finding of a plan: an error fails, warnings and notes pass.

    The message is the name, because readers of JUnit merge two tests of one name.
    """
    for group in group_findings(findings):
        hosts, severity = group.shown["hosts"], group.shown["severity"]
        text = "; ".join((f"{severity} [{group.shown['code']}]", *_list_names(hosts), *group.list_facts()))
        yield Case(format_ranges(hosts), group.text, **{"failure" if severity == ERROR else "output": text})


def _make_verification_cases(outcomes: Sequence[Outcome]) -> Iterator[Case]:
    """Yield a test for each connection that is as planned or was not tested, and a failure for each cause of differences."""
    for outcome in outcomes:
        if not differs(outcome):
            yield _make_connection_case(outcome)
    for cause, different in group_differences(filter(differs, outcomes)):
        count = count_noun(len(different), "connection")
        failure = f"{count} not as planned: {'; '.join(list_differences(different))}"
        yield Case(format_ranges({outcome["to"] for outcome in different}), cause, failure)


def _make_connection_case(outcome: Outcome) -> Case:
    dialled = Endpoint(outcome["dial_address"], outcome["dial_port"])
    name = f"{outcome['expected']} from {outcome['from']} to {outcome['listener']} {outcome['port']}/{outcome['protocol']}, dialling {dialled}"
    skipped = {None: f"{outcome['from']} was not part of the verification", SILENT: f"unverified: {outcome['detail']}"}
    return Case(outcome["to"], name, skipped=skipped.get(outcome["result"], ""))


def _make_drift_cases(drift: Mapping[str, Any]) -> Iterator[Case]:
    for node, parts in drift["nodes"].items():
        yield from (Case(node, f"{part} as planned") for part, lines in parts.items() if not lines)
    for (part, line), nodes in share_differences(drift).items():
        failure = "; ".join(("differs from the plan", *_list_names(nodes)))
        yield Case(format_ranges(nodes), f"{part}: {line}", failure=failure)
    yield from _make_skipped_cases(drift["not_checked"])


def _make_staged_cases(staged: Mapping[str, Any]) -> Iterator[Case]:
    yield Case("fleet", "the plan is ready to enforce", failure="; ".join(staged["problems"]))
    yield from _make_skipped_cases({node: [reason] for node, reason in staged["not_checked"].items()})


def _make_skipped_cases(not_checked: Mapping[str, Sequence[str]]) -> Iterator[Case]:
    for reason, nodes in share_reasons(not_checked).items():
        yield Case(format_ranges(nodes), "checked", skipped="; ".join((reason, *_list_names(nodes))))


def _list_names(hosts: Sequence[str]) -> list[str]:
    """Return the names of all hosts as one text, no text if format_ranges shows all of them."""
    ranges = list_ranges(hosts)
    return [", ".join(ranges)] if len(ranges) > SHOWN_RANGES else []
