# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The report of a fleet in all its forms."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ansible_collections.gatehouse.kong.plugins.plugin_utils._json import dump_json
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.changes import Change
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.flows import Callers, list_hosts
from ansible_collections.gatehouse.kong.plugins.plugin_utils._report.boxes import MOST_BOXES, STAGED, Fleet, make_fleet
from ansible_collections.gatehouse.kong.plugins.plugin_utils._report.certificates import is_open_admin
from ansible_collections.gatehouse.kong.plugins.plugin_utils._report.drift import (
    make_changes_section,
    make_drift_section,
    summarise_drift,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._report.html import render_html
from ansible_collections.gatehouse.kong.plugins.plugin_utils._report.junit import render_junit
from ansible_collections.gatehouse.kong.plugins.plugin_utils._report.layout import lay_out_picture
from ansible_collections.gatehouse.kong.plugins.plugin_utils._report.legend import make_legend_section
from ansible_collections.gatehouse.kong.plugins.plugin_utils._report.lists import make_lists_section
from ansible_collections.gatehouse.kong.plugins.plugin_utils._report.markdown import render_markdown
from ansible_collections.gatehouse.kong.plugins.plugin_utils._report.model import (
    BAD,
    FORMAT,
    WARN,
    Cell,
    Report,
    Section,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._report.nodes import make_nodes_section
from ansible_collections.gatehouse.kong.plugins.plugin_utils._report.origin import Origin, format_title
from ansible_collections.gatehouse.kong.plugins.plugin_utils._report.plan import (
    make_findings_section,
    make_forwards_section,
    make_ports_section,
    summarise_plan,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._report.staged import (
    make_staged_section,
    summarise_staged,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._report.svg import render_svg
from ansible_collections.gatehouse.kong.plugins.plugin_utils._report.verdicts import add_verdicts
from ansible_collections.gatehouse.kong.plugins.plugin_utils._report.verification import (
    make_verification_section,
    summarise_verification,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._text import count_noun

_TITLE = "Kong fleet{}: ports and connections"
_READING = (
    "Every arrow is a path to a port: on its left the callers, above it the address that they dial, below it or behind the "
    "NAT device the source that the node sees. A port without an arrow is open to the node itself only."
)
_STAGED = (
    "A staged node drops and accepts nothing: only the host's own rules decide which sources can connect. The arrows show the "
    "planned sources."
)
_EQUIVALENT = "Equivalent nodes of a site share a box with the addresses of the first node; +n counts the other nodes."


@dataclass(frozen=True, slots=True)
class Evidence:
    """The input of a report: the plan and, if given, a verification, drift, counts, changes from an older plan, and the origin.

    ``verification`` has the keys ``outcomes`` (as module kong_verification returns them) and ``at``. ``drift`` has the result
    of module kong_drift, and ``at``. ``staged`` has the result of module kong_staged, and ``at``.
    """

    plan: Mapping[str, Any]
    verification: Mapping[str, Any] | None = None
    drift: Mapping[str, Any] | None = None
    changes: Sequence[Change] | None = None
    origin: Origin | None = None
    staged: Mapping[str, Any] | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return plain data, from which read_kept_evidence reads verification, drift and counts again."""
        changes = None if self.changes is None else [change.as_dict() for change in self.changes]
        return {
            "format": FORMAT,
            "origin": asdict(self.origin) if self.origin else None,
            "plan": self.plan,
            "changes": changes,
            "verification": self.verification,
            "drift": self.drift,
            "staged": self.staged,
        }


def read_kept_evidence(text: str, plan: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the results of nodes in the JSON of a report of the same plan; empty for any other report."""
    try:
        kept = json.loads(text)
    except ValueError:
        return {}
    same = isinstance(kept, dict) and kept.get("format") == FORMAT and kept.get("plan") == plan
    return {key: kept[key] for key in ("verification", "drift", "staged") if kept.get(key)} if same else {}


def render_html_report(evidence: Evidence) -> str:
    """Return the report as one HTML page."""
    fleet = _make_fleet(evidence)
    picture = render_svg(
        lay_out_picture(fleet), f"{_READING} The section Ports and connections has the same content as text."
    )
    return render_html(make_report(evidence), picture, [*_make_notes(fleet)])


def render_markdown_report(evidence: Evidence) -> str:
    """Return the report as Markdown."""
    fleet = _make_fleet(evidence)
    return render_markdown(make_report(evidence), fleet, [*_make_notes(fleet)][1:])


def render_json_report(evidence: Evidence) -> str:
    """Return the input of the report as JSON."""
    return dump_json(evidence.as_dict())


def render_junit_report(evidence: Evidence) -> str:
    """Return the report as JUnit XML."""
    return render_junit(evidence.plan, evidence.verification, evidence.drift, evidence.staged)


# By the suffix of the file's name.
FORMS: Mapping[str, Callable[[Evidence], str]] = {
    ".html": render_html_report,
    ".md": render_markdown_report,
    ".json": render_json_report,
    ".xml": render_junit_report,
}


def make_report(evidence: Evidence) -> Report:
    """Return the report as data."""
    title, origin = format_title(_TITLE, evidence.origin)
    return Report(title, tuple(_summarise(evidence)), tuple(_make_sections(evidence)), origin)


def _summarise(evidence: Evidence) -> Iterator[tuple[str, Cell]]:
    yield from summarise_plan(evidence.plan)
    if evidence.changes is not None:
        loses = any(change.kind == "loses" for change in evidence.changes)
        yield "changes", Cell(count_noun(len(evidence.changes), "change"), WARN if loses else "", "changes")
    yield (
        "verification",
        summarise_verification(evidence.verification) if evidence.verification else Cell("not in this report", "muted"),
    )
    outcomes = evidence.verification["outcomes"] if evidence.verification else ()
    if open_nodes := {outcome["to"] for outcome in outcomes if is_open_admin(outcome)}:
        yield "Admin API", Cell(f"{count_noun(len(open_nodes), 'node')} without authentication", BAD, "verification")
    if evidence.drift:
        yield "drift", summarise_drift(evidence.drift)
    if evidence.staged:
        yield "counted sources", summarise_staged(evidence.staged)


def _make_sections(evidence: Evidence) -> Iterator[Section]:
    measured = [make_verification_section(evidence.plan, evidence.verification)] if evidence.verification else []
    measured += [make_drift_section(evidence.drift)] if evidence.drift else []
    measured += [make_staged_section(evidence.staged)] if evidence.staged else []
    outcomes = evidence.verification["outcomes"] if evidence.verification else ()
    yield make_nodes_section(evidence.plan, outcomes, evidence.drift)
    if evidence.changes is not None:
        yield make_changes_section(evidence.changes)
    yield from (section for section in measured if any(paragraph.tone == BAD for paragraph in section.paragraphs))
    yield make_findings_section(evidence.plan["findings"])
    callers = Callers(list_hosts(evidence.plan), evidence.plan["sets"])
    yield make_forwards_section(evidence.plan, callers)
    yield make_ports_section(evidence.plan, callers)
    if callers.lists.lists:
        yield make_lists_section(callers.lists.lists)
    yield from (section for section in measured if not any(paragraph.tone == BAD for paragraph in section.paragraphs))
    yield make_legend_section()


def _make_fleet(evidence: Evidence) -> Fleet:
    outcomes = evidence.verification["outcomes"] if evidence.verification else ()
    return add_verdicts(make_fleet(evidence.plan), outcomes, evidence.drift, evidence.plan)


def _make_notes(fleet: Fleet) -> Iterator[str]:
    yield _READING
    if any(len(box.nodes) > 1 for site in fleet.sites for box in site.boxes):
        yield _EQUIVALENT
    if any(STAGED in box.about for site in fleet.sites for box in site.boxes):
        yield _STAGED
    if fleet.hidden:
        yield f"The picture has room for {MOST_BOXES} boxes. The tables have {count_noun(fleet.hidden, 'more node')}."
