# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The report of a fleet, in every form that it is written in."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.changes import Change
from ansible_collections.gatehouse.kong.plugins.plugin_utils._report.boxes import MOST_BOXES, Fleet, fleet_of
from ansible_collections.gatehouse.kong.plugins.plugin_utils._report.html import html
from ansible_collections.gatehouse.kong.plugins.plugin_utils._report.junit import junit
from ansible_collections.gatehouse.kong.plugins.plugin_utils._report.layout import picture_of
from ansible_collections.gatehouse.kong.plugins.plugin_utils._report.markdown import markdown
from ansible_collections.gatehouse.kong.plugins.plugin_utils._report.model import (
    BAD,
    FORMAT,
    WARN,
    Cell,
    Report,
    Section,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._report.plan import (
    findings_section,
    forwards_section,
    ports_section,
    summary_of,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._report.svg import svg
from ansible_collections.gatehouse.kong.plugins.plugin_utils._report.verdicts import proved
from ansible_collections.gatehouse.kong.plugins.plugin_utils._report.verification import (
    changes_section,
    drift_cell,
    drift_section,
    verification_section,
    verification_summary,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._text import counted

_TITLE = "Kong fleet: ports and connections"
_READING = (
    "Every arrow is a way into a port: at its left who comes, above it what they dial, below it or behind the NAT device "
    "as whom the node sees them. A port without an arrow is closed to everybody but the node itself."
)
_ALIKE = "Nodes of one site that are alike share a box, with the addresses of the first; +n counts the others."
_MARKS = "A check mark says that real connections met just that, a cross that some did not."


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that a report is written from: the plan, and what there is of a verification, of drift and of an older plan.

    ``verification`` has the keys ``outcomes`` (as module kong_verification returns them) and ``at``, ``drift`` what module kong_drift
    returns, and ``at``.
    """

    plan: Mapping[str, Any]
    verification: Mapping[str, Any] | None = None
    drift: Mapping[str, Any] | None = None
    changes: Sequence[Change] | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return plain data, from which kept_evidence reads again what was looked at."""
        changes = None if self.changes is None else [one.as_dict() for one in self.changes]
        return {
            "format": FORMAT,
            "plan": self.plan,
            "changes": changes,
            "verification": self.verification,
            "drift": self.drift,
        }


def kept_evidence(text: str, plan: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the verification and drift of a report's JSON, if it is a report on the same plan; else nothing."""
    try:
        kept = json.loads(text)
    except ValueError:
        return {}
    same = isinstance(kept, dict) and kept.get("format") == FORMAT and kept.get("plan") == plan
    return {key: kept[key] for key in ("verification", "drift") if kept.get(key)} if same else {}


def html_text(evidence: Evidence) -> str:
    """Return the report as one HTML page."""
    fleet = _fleet(evidence)
    picture = svg(picture_of(fleet), f"{_READING} The section Ports and connections says the same in words.")
    return html(report_of(evidence), picture, [*_notes(evidence, fleet)])


def markdown_text(evidence: Evidence) -> str:
    """Return the report as Markdown."""
    fleet = _fleet(evidence)
    return markdown(report_of(evidence), fleet, [*_notes(evidence, fleet)][1:])


def json_text(evidence: Evidence) -> str:
    """Return what the report was written from, as JSON."""
    return json.dumps(evidence.as_dict(), indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def junit_text(evidence: Evidence) -> str:
    """Return the report as JUnit XML."""
    return junit(evidence.plan, evidence.verification, evidence.drift)


# By the ending of the file's name.
FORMS: Mapping[str, Callable[[Evidence], str]] = {
    ".html": html_text,
    ".md": markdown_text,
    ".json": json_text,
    ".xml": junit_text,
}


def report_of(evidence: Evidence) -> Report:
    """Return the report as data."""
    return Report(_TITLE, tuple(_summary(evidence)), tuple(_sections(evidence)))


def _summary(evidence: Evidence) -> Iterator[tuple[str, Cell]]:
    yield from summary_of(evidence.plan)
    if evidence.changes is not None:
        loses = any(one.kind == "loses" for one in evidence.changes)
        yield "changes", Cell(counted(len(evidence.changes), "change"), WARN if loses else "", "changes")
    yield (
        "verification",
        verification_summary(evidence.verification) if evidence.verification else Cell("not in this report", "muted"),
    )
    if evidence.drift:
        yield "drift", drift_cell(evidence.drift)


def _sections(evidence: Evidence) -> Iterator[Section]:
    looked = [verification_section(evidence.plan, evidence.verification)] if evidence.verification else []
    looked += [drift_section(evidence.drift)] if evidence.drift else []
    if evidence.changes is not None:
        yield changes_section(evidence.changes)
    yield from (section for section in looked if any(one.tone == BAD for one in section.paragraphs))
    yield findings_section(evidence.plan["findings"])
    yield forwards_section(evidence.plan)
    yield ports_section(evidence.plan)
    yield from (section for section in looked if not any(one.tone == BAD for one in section.paragraphs))


def _fleet(evidence: Evidence) -> Fleet:
    fleet = fleet_of(evidence.plan)
    return proved(fleet, evidence.verification["outcomes"]) if evidence.verification else fleet


def _notes(evidence: Evidence, fleet: Fleet) -> Iterator[str]:
    yield f"{_READING} {_MARKS}" if evidence.verification else _READING
    if any(len(box.nodes) > 1 for site in fleet.sites for box in site.boxes):
        yield _ALIKE
    if fleet.hidden:
        yield f"The picture has room for {MOST_BOXES} boxes. {counted(fleet.hidden, 'node')} more are in the tables."
