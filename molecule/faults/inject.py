# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Injects the faults of faults.yml in turn, checks that each is found with its cause, and undoes it.

    python3 inject.py PLAN [WORDS]      # only the faults whose name contains the words

If drift has to find a fault, its host is checked like in the role kong_drift. If the verification has to find it, the probes
of the fault are made like in the role kong_verify.
"""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

sys.path.insert(0, str(Path(__file__).parents[1] / "lab"))
from _lab_host import LabHost

from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.defaults import find_defaults
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.host import select_ruleset
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.certificates import with_certificate
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.drift import gather
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.probes import (
    list_probes_from,
    list_silent_nodes,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.result import compare, format_verification

Plan = dict[str, Any]
SCENARIO = Path(__file__).parent.name


@dataclass(frozen=True)
class Fault:
    """The commands that break a host and repair it, and patterns that must match a line of the report.

    With `probes` (by client the names of targets) the verification has to find the fault, otherwise drift.
    """

    name: str
    host: str
    do: str
    undo: str
    says: tuple[str, ...]
    probes: dict[str, list[str]]


def read_faults(path: Path) -> Iterator[Fault]:
    """Yield the faults of the file. The command `undo` is that of the fault or that of its group."""
    for group in yaml.safe_load(path.read_text(encoding="utf-8")):
        for fault in group["faults"]:
            undo = fault.get("undo", group.get("undo"))
            yield Fault(fault["name"], group["host"], fault["do"], undo, tuple(fault["says"]), fault.get("probes", {}))


def find_drift(plan: Plan, host: str) -> list[str]:
    """Return the lines of the table of differences for a host."""
    node = plan["nodes"][host]
    file, settings = node["settings_file"], node["settings"]
    backend = "iptables" if host == "i1" else "auto"
    conf = {"path": file["path"], "format": file["format"], "settings": settings, "defaults": find_defaults(node)}
    listeners = {"listeners": node["listeners"], **conf}
    tasks = {
        "firewall": ("kong_firewall_info", {"ruleset": select_ruleset(plan, host), "backend": backend}),
        "listeners": ("kong_listen_info", listeners),
        "settings": ("kong_conf", {**conf, "_ansible_check_mode": True}),
    }
    drift = gather(plan, {host: LabHost(SCENARIO, host).run_modules(tasks)})
    differences = [line for lines in drift.nodes.get(host, {}).values() for line in lines]
    return [*differences, *drift.not_checked.get(host, ())]


def verify_pairs(plan: Plan, pairs: dict[str, list[str]]) -> list[str]:
    """Make the probes from clients to targets, and return the lines of the verification about them."""
    watched = {name for targets in pairs.values() for name in targets}.intersection(list_silent_nodes(plan))
    for name in watched:
        watch = {"listeners": plan["nodes"][name]["listeners"], "listen": False}
        LabHost(SCENARIO, name).run_modules({"watch": ("kong_placeholder", watch)})
    probed = {caller: _run_probes(plan, caller, targets) for caller, targets in pairs.items()}
    ended = {
        name: LabHost(SCENARIO, name).run_modules({"end": ("kong_placeholder", {"state": "absent"})})
        for name in watched
    }
    verification = compare(plan, probed, {name: results["end"]["observer"] for name, results in ended.items()})
    return [line for line in format_verification(verification) if line.startswith(("DIFFERS", "  cause"))]


def _run_probes(plan: Plan, caller: str, targets: list[str]) -> list[dict[str, Any]]:
    probes = [probe.as_dict() for probe in list_probes_from(plan, caller) if probe.target in targets]
    tasks = {"probe": ("kong_probe", {"probes": probes, "timeout": 0.6, "tries": 2})}
    results: list[dict[str, Any]] = LabHost(SCENARIO, caller).run_modules(tasks)["probe"]["probes"]
    return [with_certificate(result) for result in results]


def look(plan: Plan, fault: Fault) -> list[str]:
    """Return the report about the host of a fault, or about its probes."""
    return verify_pairs(plan, fault.probes) if fault.probes else find_drift(plan, fault.host)


def try_fault(plan: Plan, fault: Fault) -> list[str]:
    """Inject a fault, check the report, undo the fault and check again; return a line for each failure."""
    host = LabHost(SCENARIO, fault.host)
    failed = [host.run_shell(fault.do)]
    try:
        found = look(plan, fault)
    finally:
        failed.append(host.run_shell(fault.undo))
    wrong = [words for words in failed if words]
    wrong += [f"no line matches {words!r}" for words in fault.says if not any(re.search(words, line) for line in found)]
    said = [f"reported: {line}" for line in found] if wrong else []
    return [*wrong, *said, *(f"reported after undo: {line}" for line in _wait_for_report(plan, fault))]


def _wait_for_report(plan: Plan, fault: Fault) -> list[str]:
    """Return the report after the fault was undone; a restarted Kong needs a moment."""
    for _attempt in range(20):
        left = look(plan, fault)
        if not left:
            break
        time.sleep(0.2)
    return left


def main(arguments: list[str]) -> int:
    plan = json.loads(Path(arguments[0]).read_text(encoding="utf-8"))
    faults = [fault for fault in read_faults(Path(__file__).parent / "faults.yml")
              if all(words in fault.name for words in arguments[1:])]  # fmt: skip
    probed = {name for fault in faults for caller, targets in fault.probes.items() for name in (caller, *targets)}
    for host in {fault.host for fault in faults if not fault.probes} | probed:
        LabHost(SCENARIO, host).install()
    failed = 0
    for fault in faults:
        start = time.monotonic()
        wrong = try_fault(plan, fault)
        failed += bool(wrong)
        print(f"{'MISSED' if wrong else 'found '} {fault.host}: {fault.name} ({time.monotonic() - start:.1f} s)")
        print("".join(f"    {line}\n" for line in wrong), end="", flush=True)
    print(f"{len(faults) - failed} of {len(faults)} faults found with their cause")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
