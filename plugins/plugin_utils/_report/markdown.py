# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A report as Markdown for merge requests and wikis. The picture is a Mermaid diagram."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.flows import Flow, format_source
from ansible_collections.gatehouse.kong.plugins.plugin_utils._report.boxes import Box, Fleet, Row, format_endpoints
from ansible_collections.gatehouse.kong.plugins.plugin_utils._report.legend import SHAPES, SIGNS
from ansible_collections.gatehouse.kong.plugins.plugin_utils._report.model import (
    BAD,
    WARN,
    Cell,
    Report,
    Section,
    Table,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._text import clean, list_first

_SPECIAL = re.compile(r"([\\`*_\[\]<>|~#&])")
_MERMAID_SPECIAL = re.compile(r"[^\w .,:;()/+-]")
_SHOWN = 3
# The default limits of Mermaid (mermaid: config.schema.json, maxTextSize and maxEdges).
_MOST_TEXT = 50_000
_MOST_ARROWS = 500
# The colours of the legend, with dark text in both themes.
_COLOURS = {"caller": ("#e6f4ea", "#6aa884"), "anyone": ("#fff3d6", "#c99b2e"), "device": ("#f3e6fa", "#9a66b8")}


def render_markdown(report: Report, fleet: Fleet | None = None, notes: Sequence[str] = ()) -> str:
    """Return the report, with a picture of the fleet if there is one.

    Names and messages are escaped, so none of them can become markup.
    """
    facts = "; ".join(f"{escape(label)}: {_render_cell(cell)}" for label, cell in report.summary)
    lines = [
        f"# {escape(report.title)}",
        "",
        *(line for text in report.origin for line in (escape(text), "")),
        facts,
        "",
    ]
    if fleet:
        lines += ["## The fleet", "", *(line for note in notes for line in (escape(note), ""))]
        lines += [*_render_picture([*render_mermaid(fleet)]), "", *_render_legend(), ""]
    return (
        "\n".join([*lines, *(line for section in report.sections for line in _render_section(section))]).rstrip() + "\n"
    )


def _render_legend() -> Iterator[str]:
    """Yield the legend of the picture, in which ports have no shapes."""
    yield from (f"- {colour}: {meaning}" for _kind, colour, meaning in SHAPES)
    yield from (f"- {escape(sign)}: {meaning}" for sign, meaning in SIGNS)


def _render_picture(lines: Sequence[str]) -> list[str]:
    if sum(map(len, lines)) + len(lines) > _MOST_TEXT or sum("-->" in line for line in lines) > _MOST_ARROWS:
        return ["The picture is in the HTML report; it is too large for Mermaid."]
    return ["```mermaid", *lines, "```"]


def escape(text: str) -> str:
    """Return text as one line without markup."""
    return _SPECIAL.sub(r"\\\1", clean(text))


def _render_cell(cell: Cell) -> str:
    text = escape(" ".join([cell.text, cell.separator.join(cell.items)]).strip())
    return f"**{text}**" if text and cell.tone in (BAD, WARN) else text


def _render_section(section: Section) -> Iterator[str]:
    yield from (f"## {escape(section.title)}", "")
    for paragraph in section.paragraphs:
        yield from (_render_cell(paragraph), "")
    for table in section.tables:
        yield from _render_table(table)


def _render_table(table: Table) -> Iterator[str]:
    if table.title:
        yield from (f"### {escape(table.title)}", "")
    for note in table.notes:
        yield from (escape(note), "")
    if table.rows:
        yield _render_line(map(escape, table.header))
        yield _render_line(["---"] * len(table.header))
        yield from (_render_line(map(_render_cell, row)) for row in table.rows)
        yield ""


def _render_line(texts: Sequence[str] | map[str]) -> str:
    return f"| {' | '.join(texts)} |"


def render_mermaid(fleet: Fleet) -> Iterator[str]:
    """Yield a flowchart: sites with their nodes, and an arrow for each flow to a port."""
    yield "flowchart LR"
    for kind, (fill, stroke) in _COLOURS.items():
        yield f"  classDef {kind} fill:{fill},stroke:{stroke},color:#1d2630"
    boxes = [(f"n{index}", box) for index, box in enumerate(box for site in fleet.sites for box in site.boxes)]
    for index, site in enumerate(fleet.sites):
        yield f'  subgraph s{index}["Site {_quote(site.name)}"]'
        for name, box in boxes:
            if box.site == site.name:
                yield f'    {name}["{_describe_box(box)}"]'
        yield "  end"
    ids: dict[tuple[str, ...], str] = {}
    for name, box in boxes:
        for row in box.rows:
            for flow in row.flows:
                yield from _render_arrow(name, row, flow, ids)


def _describe_box(box: Box) -> str:
    names = list_first(box.nodes, _SHOWN)
    marks = [f"{row.listener} {mark}" for row in box.rows for mark in row.marks]
    return "<br>".join(_quote(text) for text in (names, *box.about, *box.marks, *marks))


def _render_arrow(target: str, row: Row, flow: Flow, ids: dict[tuple[str, ...], str]) -> Iterator[str]:
    names = flow.callers or (flow.label,)
    kind = "caller" if flow.has_known_hosts else "anyone"
    where = f" (site {flow.site})" if flow.callers and flow.site else ""
    caller = _make_id((*names, where), f'(["{_quote(list_first(names, _SHOWN) + where)}"]):::{kind}', ids)
    yield from caller[1]
    port = f"{row.listener} {', '.join(row.ports)}"
    dials = f"{flow.verdict} dials {format_endpoints(flow.dialled)}".strip() if flow.dialled else ""
    shown = list_first([*map(format_source, flow.sources)], _SHOWN, flow.more)
    sources = f"source {shown}" if flow.sources else ""
    if flow.device:
        device = _make_id(("device", flow.device), f'{{{{"{_quote(flow.device)}"}}}}:::device', ids)
        yield from device[1]
        yield f'  {caller[0]} -->|"{_join_lines(port, dials)}"| {device[0]}'
        arrives = f"arrives at {format_endpoints(flow.arrives)}"
        yield f'  {device[0]} -->|"{_join_lines(port, arrives, sources)}"| {target}'
    else:
        yield f'  {caller[0]} -->|"{_join_lines(port, dials, sources)}"| {target}'


def _make_id(key: tuple[str, ...], shape: str, ids: dict[tuple[str, ...], str]) -> tuple[str, list[str]]:
    """Return the id of a shape, and the line that declares it if it is new."""
    if key in ids:
        return ids[key], []
    ids[key] = f"c{len(ids)}"
    return ids[key], [f"  {ids[key]}{shape}"]


def _join_lines(*texts: str) -> str:
    return "<br>".join(_quote(text) for text in texts if text)


def _quote(text: str) -> str:
    """Return text for a Mermaid label in quotes. Special characters become entity codes of Mermaid."""
    return _MERMAID_SPECIAL.sub(lambda found: f"#{ord(found[0])};", clean(text))
