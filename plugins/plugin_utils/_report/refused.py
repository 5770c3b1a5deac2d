# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The report if there is no plan: all findings, in the same forms as any other report."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible_collections.gatehouse.kong.plugins.plugin_utils._finding_groups import group_findings
from ansible_collections.gatehouse.kong.plugins.plugin_utils._findings import ERROR
from ansible_collections.gatehouse.kong.plugins.plugin_utils._json import dump_json
from ansible_collections.gatehouse.kong.plugins.plugin_utils._report.html import render_html
from ansible_collections.gatehouse.kong.plugins.plugin_utils._report.junit import make_finding_cases, render_suites
from ansible_collections.gatehouse.kong.plugins.plugin_utils._report.markdown import render_markdown
from ansible_collections.gatehouse.kong.plugins.plugin_utils._report.model import (
    BAD,
    Cell,
    Report,
    Section,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._report.origin import Origin, format_title
from ansible_collections.gatehouse.kong.plugins.plugin_utils._report.plan import make_findings_section
from ansible_collections.gatehouse.kong.plugins.plugin_utils._report.report import Evidence
from ansible_collections.gatehouse.kong.plugins.plugin_utils._text import count_noun

Findings = Sequence[Mapping[str, Any]]  # as module kong_plan returns them if it fails

_TITLE = "Kong fleet{}: there is no plan"
_INTRO = (
    "No host was changed. Each error below names the host, the variable, its value and the fix. When all errors are fixed, "
    "this report has the plan and its picture."
)


def render_refused_html(findings: Findings, origin: Origin | None = None) -> str:
    """Return the report as one HTML page."""
    return render_html(_make_report(findings, origin))


def render_refused_markdown(findings: Findings, origin: Origin | None = None) -> str:
    """Return the report as Markdown."""
    return render_markdown(_make_report(findings, origin))


def render_refused_json(findings: Findings, origin: Origin | None = None) -> str:
    """Return the findings as JSON, with the same keys as the report of a plan."""
    return dump_json({**Evidence(plan={}, origin=origin).as_dict(), "plan": None, "findings": findings})


def render_refused_junit(findings: Findings, _origin: Origin | None = None) -> str:
    """Return the report as JUnit XML."""
    return render_suites({"plan": [*make_finding_cases(findings)]})


# By the suffix of the file's name.
REFUSED_FORMS: Mapping[str, Callable[[Findings, Origin | None], str]] = {
    ".html": render_refused_html,
    ".md": render_refused_markdown,
    ".json": render_refused_json,
    ".xml": render_refused_junit,
}


def _make_report(findings: Findings, origin: Origin | None) -> Report:
    errors = count_noun(len(group_findings(finding for finding in findings if finding["severity"] == ERROR)), "error")
    words = Cell(f"There is no plan for this inventory: {errors}.", BAD), Cell(_INTRO)
    refused = Section("refused", "There is no plan", words)
    summary = (("plan", Cell(f"none: {errors}", BAD, "refused")),)
    title, below = format_title(_TITLE, origin)
    return Report(title, summary, (refused, make_findings_section(findings)), below)
