# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All findings of inventories with faults, with every field: those of remedies/, of refusals.py, and of values.py."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from ansible_collections.gatehouse.kong.plugins.plugin_utils._codes import SECTIONS
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.contract import KINDS
from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils.corpus.faults import ENTRIES, FAULTS
from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils.fleets import compile_fleet
from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils.refusals import REFUSALS
from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils.remedies.table import ADVICE
from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils.values import (
    NEVER,
    SOMETIMES,
    compile_hosts,
)

_HOST = {"kong_version": "3.9", "kong_address": "10.0.0.1"}

_SHOWN_VALUE = r"^.*: (?=it |this |the )|^(.{1,60}): (?=\1)"  # the value before the fault


def describe_findings(findings) -> Iterator[str]:
    """Yield two lines for each finding, with every field."""
    for finding in findings:
        value = "" if finding.value is None else f" {json.dumps(finding.value, ensure_ascii=False)}"
        yield f"{finding.severity} {finding.code} {finding.host} {finding.variable}{value}"
        detail = f" || this host {finding.detail}" if finding.detail else ""
        yield f"    {finding.message}{detail}"


def list_fleets():
    """Return every inventory with a fault as (code, nodes, other hosts, groups)."""
    advised = [(advice.code, _without_none(advice.nodes), advice.others, advice.groups) for advice in ADVICE]
    refused = [(refusal.code, refusal.nodes, {}, {}) for refusal in REFUSALS.values()]
    return [*advised, *refused, *((code, nodes, others, {}) for code, nodes, others in FAULTS)]


def _without_none(hosts):
    return {
        name: {key: value for key, value in variables.items() if value is not None} for name, variables in hosts.items()
    }


def describe_section(title) -> str:
    """Return the findings of the inventories whose code is in a section of the registry."""
    codes = [code.name for code in SECTIONS[title]]
    lines = []
    for code, nodes, others, groups in sorted(list_fleets(), key=lambda fleet: fleet[0]):
        if code in codes:
            lines += [f"=== {code}", *describe_findings(compile_fleet(nodes, others, groups).findings), ""]
    return "\n".join(lines)


def describe_wrong_entries() -> str:
    """Return the errors and warnings for unusual listen entries on nodes of each generation of grammars."""
    lines = []
    for _code, nodes, _others in ENTRIES:
        node = nodes["n"]
        lines.append(f"=== {node['kong_version']}: {node['kong_proxy_listen']}")
        compilation = compile_fleet(nodes)
        lines += [
            f"{finding.code}: {re.sub(' proxy_listen of Kong .*', '', finding.message)}"
            for finding in compilation.findings
        ]
        if compilation.plan:
            settings = compilation.plan["nodes"]["n"]["settings"]
            lines += [f"{name}: {value}" for name, value in settings.items() if name.startswith("proxy")]
    return "".join(f"{line}\n" for line in lines)


def describe_wrong_values() -> str:
    """Return the errors for values of the wrong kind, for a variable of each kind, each text once."""
    names = {KINDS[name]: name for name in sorted(KINDS, reverse=True)} | {
        KINDS["kong_proxy_listen"]: "kong_proxy_listen"
    }
    values = {title: value for title, value in {**NEVER, **SOMETIMES}.items() if title != "a long list"}
    lines = []
    for kind, name in names.items():
        texts = {}
        for title, value in values.items():
            compilation = compile_hosts({"n": {**_HOST, name: value}}, {"admin": {"kong_address": "10.0.0.20"}})
            for finding in compilation.errors:
                if finding.variable == name:
                    told = re.sub(_SHOWN_VALUE, "", finding.message.removeprefix(f"n: {name}: "))
                    texts.setdefault(re.sub(r"'[^']*'", "_", told), f"{finding.code} ({title}): {told}")
        lines += [f"=== {name}: {kind.expected}", *texts.values(), ""]
    return "\n".join(lines)
