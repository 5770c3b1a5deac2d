# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The result and the output of a proposal for the hosts of an inventory."""

from __future__ import annotations

import yaml

from ansible_collections.gatehouse.kong.plugins.action import kong_adopt
from ansible_collections.gatehouse.kong.tests.unit.plugins.action.test_controller_actions import run, run_failing
from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils._adopt.found import KONG, make_facts

HOSTVARS = {
    "a": {"ansible_facts": make_facts("10.0.0.1"), "found": {"kongs": [KONG]}},
    "b": {"ansible_facts": make_facts("10.0.0.2"), "found": {"kongs": []}},
    "c": {},
}
FILES = ["group_vars/kong.yml", "host_vars/a.yml", "hosts.yml", "observed.yml", "report.md"]


def adopt(folder, *names, check_mode=False):
    """Return the result and the printed text for hosts of HOSTVARS, or for all of them."""
    hostvars = {name: HOSTVARS[name] for name in names or HOSTVARS}
    arguments = {"path": str(folder), "registered": "found"}
    result, printed = run(kong_adopt, arguments, hostvars, check_mode=check_mode, groups={"all": [*hostvars]})
    (text,) = printed
    return result, text


def list_files(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_a_proposal_names_its_nodes_the_other_hosts_and_the_files(tmp_path):
    result, text = adopt(tmp_path)
    assert (result["changed"], result["nodes"], [*result["left_out"]]) == (True, ["a"], ["b", "c"])
    assert result["left_out"]["c"] == "not read: it did not answer"
    assert result["files"] == dict.fromkeys(FILES, "written")
    assert list_files(tmp_path) == FILES
    rows = {line.split()[0]: line for line in text.splitlines() if line.split()}
    assert rows["host"].split() == ["host", "Kong", "started", "by", "result"]
    assert "2.8.5" in rows["a"]
    assert "kong.service" in rows["a"]
    assert f"left out: {result['left_out']['b']}" in rows["b"]
    assert f"{tmp_path}: 5 files changed" in text
    assert f"with -i {tmp_path}/hosts.yml before the -i of your inventory" in text


def test_a_second_run_changes_only_what_differs_and_keeps_an_edited_file(tmp_path):
    adopt(tmp_path)
    result, text = adopt(tmp_path)
    assert (result["changed"], result["files"]) == (False, {})
    assert f"{tmp_path}: 0 files changed" in text
    edited = tmp_path / "host_vars/a.yml"
    edited.write_text(yaml.safe_dump({"kong_address": "10.0.0.9"}), encoding="utf-8")
    result, text = adopt(tmp_path)
    assert (result["changed"], result["files"]) == (True, {"host_vars/a.yml": "edited"})
    assert f"{edited} was edited, so the new text is in host_vars/a.yml.new" in text


def test_in_check_mode_no_file_is_written(tmp_path):
    result, _text = adopt(tmp_path, check_mode=True)
    assert (result["changed"], [*result["files"]], list_files(tmp_path)) == (True, FILES, [])


def test_without_a_kong_there_is_no_plan_to_run(tmp_path):
    _result, text = adopt(tmp_path, "b", "c")
    assert text.endswith("Start Kong, or fix the reasons above, and run gatehouse.kong.adopt again\n")
    assert "Next:" not in text


def test_a_run_that_reads_no_host_fails_after_it_has_written_its_report(tmp_path):
    hostvars = {"c": {"found": {"unreachable": True, "msg": "Failed to connect."}}, "d": {}}
    arguments = {"path": str(tmp_path), "registered": "found"}
    result, (text,) = run_failing(kong_adopt, arguments, hostvars, groups={"all": [*hostvars]})
    assert result["msg"].startswith(
        "No host could be read, so the proposal has no node. c: Failed to connect, and 1 other host"
    )
    assert "left out: not read: it did not answer" in text
    report = (tmp_path / "report.md").read_text(encoding="utf-8")
    assert "- c: not read: Failed to connect." in report
    assert "- d: not read: it did not answer" in report


def test_measured_connections_of_each_host_are_read(tmp_path):
    link = {"address": "10.0.1.1", "port": 40, "peer": "10.0.0.1", "peer_port": 8001}
    received = {"address": "10.0.0.1", "port": 8001, "peer": "198.51.100.9", "peer_port": 40}
    hostvars = {
        "a": {**HOSTVARS["a"], "measured": {"sent": [], "received": [received]}},
        "d": {"ansible_facts": make_facts("10.0.1.1"), "found": {"kongs": [KONG]}, "measured": {"sent": [link]}},
        "e": {**HOSTVARS["b"], "measured": {"skipped": True}},
        "f": HOSTVARS["b"],
    }
    arguments = {"path": str(tmp_path), "registered": "found", "measured": "measured"}
    run(kong_adopt, arguments, hostvars, groups={"all": [*hostvars]})
    found = yaml.safe_load((tmp_path / "host_vars/d.yml").read_text(encoding="utf-8"))
    assert found["kong_nat_egress"] == ["198.51.100.9"]


def test_a_reason_of_many_hosts_is_one_row(tmp_path):
    hostvars = {f"k{number}": {"found": {"failed": True, "msg": "needs root"}} for number in range(1, 101)}
    arguments = {"path": str(tmp_path), "registered": "found"}
    _result, (text,) = run_failing(kong_adopt, arguments, hostvars, groups={"all": [*hostvars]})
    assert text.count("left out: not read: needs root") == 1
    (row,) = [line for line in text.splitlines() if "needs root" in line]
    assert row.startswith("k1 to k100, 100 nodes ")
    assert len(row) <= 100
