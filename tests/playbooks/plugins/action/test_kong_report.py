# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""kong_report and kong_plan_diff in one real run of ansible-playbook."""

from __future__ import annotations

import json
import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from ansible_collections.gatehouse.kong.plugins.plugin_utils._report.origin import read_collection_version
from ansible_collections.gatehouse.kong.tests.playbooks.plugins.action.test_kong_plan import (
    EXAMPLE,
    make_play,
    plan_task,
    run,
)

# Results of two hosts in the form of kong_probe: a probe that is not in the plan, and a difference.
PROBED = [
    {"name": "b1 cluster tcp 80 192.168.10.5:9000", "result": "refused", "detail": "no forward"},
    {"name": "a2 cluster tcp 7946 192.168.10.12:7946", "result": "open", "detail": ""},
]
TIME = "[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2} UTC"
DRIFT = {
    "differs": True,
    "nodes": {"a1": {"firewall": ["port 8001 is open"]}},
    "not_checked": {"a2": ["away"], "b1": ["away"]},
}


def report(folder, name, **arguments):
    """Return a task that writes a report and registers it under a name."""
    task = {"gatehouse.kong.kong_report": {"plan": "{{ fleet.path }}", "path": str(folder), **arguments}}
    return {**task, "register": name, "run_once": True, "ignore_errors": True}


@pytest.fixture(scope="module")
def reported(tmp_path_factory):
    folder = tmp_path_factory.mktemp("reported")
    (folder / "wrong.json").write_text("{}", encoding="utf-8")
    tasks = [
        {**plan_task(path=str(folder / "plan.json")), "register": "fleet", "run_once": True},
        report(folder / "new" / "report", "first"),
        {
            "ansible.builtin.replace": {
                "path": str(folder / "new" / "report" / "{{ item }}"),
                "regexp": TIME,
                "replace": "2001-02-03 04:05 UTC",
            },
            "loop": ["report.html", "report.md", "report.json"],
            "run_once": True,
            "delegate_to": "localhost",
            "connection": "local",
        },
        report(folder / "new" / "report", "second"),
        report(folder / "named", "named", fleet="production"),
        {**report(folder / "checked", "checked"), "check_mode": True},
        report(folder / "alone.xml", "alone", before=str(folder / "plan.json")),
        report(folder / "alone.xml", "wrong", before=str(folder / "wrong.json")),
        {"ansible.builtin.set_fact": {"reach": {"probes": PROBED}}, "when": "inventory_hostname == 'a1'"},
        report(folder / "verification", "verification", registered="reach"),
        report(folder / "verification", "drift", drift=DRIFT),
        {
            "gatehouse.kong.kong_plan_diff": {"old": str(folder / "plan.json"), "new": str(folder / "plan.json")},
            "register": "same",
            "run_once": True,
        },
        {
            "ansible.builtin.assert": {
                "that": [
                    "first is changed",
                    "first.files | length == 4",
                    "first.path == first.files[0]",
                    "second is not changed",
                    "checked is changed",
                    "alone.files == [alone.path]",
                    "wrong is failed",
                    "'wrong.json: this is not a plan of format 1' in wrong.msg",
                    "same.changes == []",
                ]
            },
            "run_once": True,
        },
    ]
    done = run(folder, EXAMPLE, [make_play("kong", *tasks)])
    assert done.returncode == 0, done.stdout + done.stderr
    return folder, done.stdout


def test_folder_has_every_form_and_a_file_is_single(reported):
    folder, output = reported
    names = {"report.html", "report.md", "report.json", "report.xml"}
    assert {path.name for path in (folder / "new" / "report").iterdir()} == names
    assert f"The report: {folder}/new/report/report.html" in output
    assert not (folder / "checked").exists()
    assert ET.parse(folder / "alone.xml").getroot().tag == "testsuites"


def test_files_keep_their_time_if_nothing_else_changes(reported):
    for name in ("report.html", "report.md", "report.json"):
        assert "2001-02-03 04:05 UTC" in (reported[0] / "new" / "report" / name).read_text(encoding="utf-8")


def test_header_names_fleet_inventory_and_version(reported):
    folder, _output = reported
    origin = json.loads((folder / "named" / "report.json").read_text(encoding="utf-8"))["origin"]
    assert (origin["fleet"], origin["version"]) == ("production", read_collection_version())
    assert re.fullmatch(TIME, origin["at"])
    page = (folder / "named" / "report.html").read_text(encoding="utf-8")
    assert "<h1>Kong fleet production: ports and connections</h1>" in page
    assert f"by gatehouse.kong {origin['version']} from the inventory {origin['inventory']}" in page
    unnamed = json.loads((folder / "new" / "report" / "report.json").read_text(encoding="utf-8"))["origin"]
    assert unnamed["fleet"] == Path(origin["inventory"]).stem


def test_verification_and_drift_are_in_one_report(reported):
    kept = json.loads((reported[0] / "verification" / "report.json").read_text(encoding="utf-8"))
    different = [outcome for outcome in kept["verification"]["outcomes"] if outcome["detail"] == "no forward"]
    assert [(outcome["from"], outcome["to"], outcome["expected"], outcome["result"]) for outcome in different] == [
        ("a1", "b1", "open", "refused")
    ]
    assert kept["drift"]["nodes"] == DRIFT["nodes"]
    assert kept["verification"]["at"].endswith(" UTC")
    suites = {suite.get("name"): suite for suite in ET.parse(reported[0] / "verification" / "report.xml").getroot()}
    assert (suites["verification"].get("failures"), suites["drift"].get("failures")) == ("1", "1")


def test_findings_are_linked_to_their_meanings(reported):
    page = (reported[0] / "verification" / "report.html").read_text(encoding="utf-8")
    assert '<a href="#code-source-no-path">source-no-path</a>' in page
    assert '<code id="code-source-no-path">source-no-path</code>' in page
