# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The files of a proposal: inventory, variables and report. A file that a person edited is never replaced."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]

from ansible_collections.gatehouse.kong.plugins.plugin_utils._adopt.clients import OBSERVED
from ansible_collections.gatehouse.kong.plugins.plugin_utils._adopt.propose import Line, Proposal
from ansible_collections.gatehouse.kong.plugins.plugin_utils._files import create_folder, read_file, update_file
from ansible_collections.gatehouse.kong.plugins.plugin_utils._text import count_noun, escape_text, make_natural_key

_MARK = re.compile(
    r"# Written by gatehouse\.kong\.adopt\. If you edit this file, it is not written again: ([0-9a-f]{16})\n"
)
_NEW = ".new"
_UNFIT = re.compile(r"[^a-zA-Z0-9_]")  # characters of a name that a group of Ansible cannot have
_OBSERVED_HEAD = "# The clients that the runs of adopt found. Each run adds to them. Delete this file to begin again.\n"
Nodes = Mapping[str, Sequence[Line]]


def render_files(proposal: Proposal) -> dict[str, str]:
    """Return the text of each file by its path below the folder of the proposal.

    Values of all nodes are in the group ``kong``, values of all nodes of a cluster or a site in the group of it. A value that all
    nodes of a group have from an earlier group is not repeated.
    """
    children = {**_group_by(proposal.nodes, "kong_cluster"), **_group_by(proposal.nodes, "kong_site")}
    inherited: dict[str, list[Line]] = {name: [] for name in proposal.nodes}
    files = {}
    for group, nodes in {"kong": proposal.nodes, **children}.items():
        shared = [line for line in _find_shared(nodes) if not all(line in inherited[name] for name in nodes)]
        files[f"group_vars/{group}.yml"] = _render_lines(shared)
        for name in nodes:
            inherited[name] += shared
    files |= {
        "hosts.yml": _render_inventory(proposal.nodes, children),
        "report.md": _render_report(proposal),
        OBSERVED: _OBSERVED_HEAD + _dump(proposal.observed),
    }
    for name, lines in proposal.nodes.items():
        files[f"host_vars/{name}.yml"] = _render_lines([line for line in lines if line not in inherited[name]])
    return files | {f"host_vars/{name}.yml": _render_lines(lines) for name, lines in proposal.sources.items()}


def _group_by(nodes: Nodes, variable: str) -> dict[str, Nodes]:
    """Return the nodes with each value of a variable, by the name of their group."""
    values = {name: line.value for name, lines in nodes.items() for line in lines if line.variable == variable}
    return {
        f"kong_{_UNFIT.sub('_', value)}": {name: nodes[name] for name in values if values[name] == value}
        for value in dict.fromkeys(values.values())
    }


def _render_inventory(nodes: Nodes, children: Mapping[str, Nodes]) -> str:
    grouped = {name for members in children.values() for name in members}
    parts: dict[str, dict[str, Any]] = {
        "hosts": {name: {} for name in nodes if name not in grouped},
        "children": {group: {"hosts": {name: {} for name in members}} for group, members in children.items()},
    }
    return _dump({"kong": {key: value for key, value in parts.items() if value} or {"hosts": {}}})


def _find_shared(nodes: Nodes) -> list[Line]:
    """Return the lines that are the same on every one of several nodes."""
    first, *others = nodes.values() if nodes else [()]
    return [line for line in first if others and all(line in lines for lines in others)]


def _render_lines(lines: Sequence[Line]) -> str:
    return "".join(f"# {escape_text(line.evidence)}\n{_render_value(line)}" for line in lines) or "{}\n"


def _render_value(line: Line) -> str:
    text = _dump({line.variable: line.value})
    return "".join(f"#{part}\n" for part in text.splitlines()) if line.is_comment else text


def _dump(data: Any) -> str:
    return str(yaml.safe_dump(data, sort_keys=False, default_flow_style=False, allow_unicode=True, width=120))


def _render_report(proposal: Proposal) -> str:
    return "\n".join(_list_report(proposal)) + "\n"


def _list_report(proposal: Proposal) -> Iterator[str]:
    yield f"# Adopted: {count_noun(len(proposal.nodes), 'node')}"
    for name, lines in proposal.nodes.items():
        yield f"\n## {name}\n"
        yield from (f"- `{_describe_line(line)}` ({escape_text(line.evidence)})" for line in lines)
        yield from (f"- To check: {escape_text(question)}" for question in proposal.questions[name])
    yield "\n## Other hosts\n"
    yield from (f"- {name}: {escape_text(reason)}" for name, reason in proposal.left_out.items())


def _describe_line(line: Line) -> str:
    return (
        f"{'#' if line.is_comment else ''}{line.variable}: {', '.join(line.value) if line.is_comment else line.value}"
    )


def write_files(folder: Path, files: Mapping[str, str], *, check_mode: bool) -> dict[str, str]:
    """Write the files, and return what was done with each that changes: ``written``, or ``edited`` if a person edited it.

    The new text of an edited file goes into a file next to it. Raises FileError.
    """
    done = {}
    for name, text in sorted(files.items(), key=lambda item: make_natural_key(item[0])):
        path, marked = folder / name, _mark(text)
        before = read_file(path)
        if before == marked:
            continue
        is_edited = bool(before) and not _is_own(before)
        target = path.with_name(path.name + _NEW) if is_edited else path
        if not check_mode:
            create_folder(target.parent)
        if update_file(target, marked, check_mode=check_mode) != marked:
            done[name] = "edited" if is_edited else "written"
    return done


def _mark(text: str) -> str:
    return f"# Written by gatehouse.kong.adopt. If you edit this file, it is not written again: {_compute_digest(text)}\n{text}"


def _is_own(text: str) -> bool:
    """Tell whether the text of a file is as it was written."""
    match = _MARK.match(text)
    return match is not None and match[1] == _compute_digest(text[match.end() :])


def _compute_digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:16]
