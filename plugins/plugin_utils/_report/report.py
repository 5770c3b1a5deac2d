# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The report of a fleet in all its forms."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.changes import Change
from ansible_collections.gatehouse.kong.plugins.plugin_utils._report.boxes import MOST_BOXES, Fleet, fleet_of
from ansible_collections.gatehouse.kong.plugins.plugin_utils._report.certificates import open_admins
from ansible_collections.gatehouse.kong.plugins.plugin_utils._report.html import html
from ansible_collections.gatehouse.kong.plugins.plugin_utils._report.junit import junit
from ansible_collections.gatehouse.kong.plugins.plugin_utils._report.layout import picture_of
from ansible_collections.gatehouse.kong.plugins.plugin_utils._report.legend import legend_section
from ansible_collections.gatehouse.kong.plugins.plugin_utils._report.markdown import markdown
from ansible_collections.gatehouse.kong.plugins.plugin_utils._report.model import (
    BAD,
    FORMAT,
    WARN,
    Cell,
    Report,
    Section,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._report.nodes import nodes_section
from ansible_collections.gatehouse.kong.plugins.plugin_utils._report.origin import Origin, titled
from ansible_collections.gatehouse.kong.plugins.plugin_utils._report.plan import (
    findings_section,
    forwards_section,
    ports_section,
    summary_of,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._report.svg import svg
from ansible_collections.gatehouse.kong.plugins.plugin_utils._report.verdicts import add_verdicts
from ansible_collections.gatehouse.kong.plugins.plugin_utils._report.verification import (
    changes_section,
    drift_cell,
    drift_section,
    verification_section,
    verification_summary,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._text import count_noun

_TITLE = "Kong fleet{}: ports and connections"
_READING = (
    "Every arrow is a path to a port: on its left the callers, above it the address that they dial, below it or behind the "
    "NAT device the source that the node sees. A port without an arrow is open to the node itself only."
)
_ALIKE = "Equivalent nodes of a site share a box with the addresses of the first node; +n counts the other nodes."


@dataclass(frozen=True, slots=True)
class Evidence:
    """The input of a report: the plan and, if given, a verification, drift, changes from an older plan, and the origin.

    ``verification`` has the keys ``outcomes`` (as module kong_verification returns them) and ``at``. ``drift`` has the result
    of module kong_drift, and ``at``.
    """

    plan: Mapping[str, Any]
    verification: Mapping[str, Any] | None = None
    drift: Mapping[str, Any] | None = None
    changes: Sequence[Change] | None = None
    origin: Origin | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return plain data, from which kept_evidence reads the verification and drift again."""
        changes = None if self.changes is None else [change.as_dict() for change in self.changes]
        return {
            "format": FORMAT,
            "origin": asdict(self.origin) if self.origin else None,
            "plan": self.plan,
            "changes": changes,
            "verification": self.verification,
            "drift": self.drift,
        }


def kept_evidence(text: str, plan: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the verification and drift in the JSON of a report of the same plan; empty for any other report."""
    try:
        kept = json.loads(text)
    except ValueError:
        return {}
    same = isinstance(kept, dict) and kept.get("format") == FORMAT and kept.get("plan") == plan
    return {key: kept[key] for key in ("verification", "drift") if kept.get(key)} if same else {}


def html_text(evidence: Evidence) -> str:
    """Return the report as one HTML page."""
    fleet = _fleet(evidence)
    picture = svg(picture_of(fleet), f"{_READING} The section Ports and connections has the same content as text.")
    return html(report_of(evidence), picture, [*_notes(fleet)])


def markdown_text(evidence: Evidence) -> str:
    """Return the report as Markdown."""
    fleet = _fleet(evidence)
    return markdown(report_of(evidence), fleet, [*_notes(fleet)][1:])


def json_text(evidence: Evidence) -> str:
    """Return the input of the report as JSON."""
    return json.dumps(evidence.as_dict(), indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def junit_text(evidence: Evidence) -> str:
    """Return the report as JUnit XML."""
    return junit(evidence.plan, evidence.verification, evidence.drift)


# By the suffix of the file's name.
FORMS: Mapping[str, Callable[[Evidence], str]] = {
    ".html": html_text,
    ".md": markdown_text,
    ".json": json_text,
    ".xml": junit_text,
}


def report_of(evidence: Evidence) -> Report:
    """Return the report as data."""
    title, origin = titled(_TITLE, evidence.origin)
    return Report(title, tuple(_summary(evidence)), tuple(_sections(evidence)), origin)


def _summary(evidence: Evidence) -> Iterator[tuple[str, Cell]]:
    yield from summary_of(evidence.plan)
    if evidence.changes is not None:
        loses = any(change.kind == "loses" for change in evidence.changes)
        yield "changes", Cell(count_noun(len(evidence.changes), "change"), WARN if loses else "", "changes")
    yield (
        "verification",
        verification_summary(evidence.verification) if evidence.verification else Cell("not in this report", "muted"),
    )
    if evidence.verification and (open_nodes := [*open_admins(evidence.verification["outcomes"])]):
        yield "Admin API", Cell(f"{count_noun(len(open_nodes), 'node')} without authentication", BAD, "verification")
    if evidence.drift:
        yield "drift", drift_cell(evidence.drift)


def _sections(evidence: Evidence) -> Iterator[Section]:
    measured = [verification_section(evidence.plan, evidence.verification)] if evidence.verification else []
    measured += [drift_section(evidence.drift)] if evidence.drift else []
    outcomes = evidence.verification["outcomes"] if evidence.verification else ()
    yield nodes_section(evidence.plan, outcomes, evidence.drift)
    if evidence.changes is not None:
        yield changes_section(evidence.changes)
    yield from (section for section in measured if any(paragraph.tone == BAD for paragraph in section.paragraphs))
    yield findings_section(evidence.plan["findings"])
    yield forwards_section(evidence.plan)
    yield ports_section(evidence.plan)
    yield from (section for section in measured if not any(paragraph.tone == BAD for paragraph in section.paragraphs))
    yield legend_section()


def _fleet(evidence: Evidence) -> Fleet:
    outcomes = evidence.verification["outcomes"] if evidence.verification else ()
    return add_verdicts(fleet_of(evidence.plan), outcomes, evidence.drift, evidence.plan)


def _notes(fleet: Fleet) -> Iterator[str]:
    yield _READING
    if any(len(box.nodes) > 1 for site in fleet.sites for box in site.boxes):
        yield _ALIKE
    if fleet.hidden:
        yield f"The picture has room for {MOST_BOXES} boxes. {count_noun(fleet.hidden, 'node')} more are in the tables."
