# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rolling update of the playbook site: its batches, and its messages and unchanged nodes if a node fails.

The gateways get new forwards before the first node changes, and lose old forwards after the last node.
"""

from __future__ import annotations

import json

import pytest
import yaml

from ansible_collections.gatehouse.kong.tests.playbooks.roles.stage import ROOT, Stage
from ansible_collections.gatehouse.kong.tests.playbooks.roles.test_kong_listen import FAILS, answers


def select(hosts, *groups):
    """Return a play that adds hosts to groups, like the first plays of site."""
    return {
        "hosts": hosts,
        "gather_facts": False,
        "tasks": [{"ansible.builtin.group_by": {"key": group}} for group in groups],
    }


DIFFERENT = select("all", "kong_site_nodes")
COMPLETE = "kong_complete present"
AGAIN = (
    "{} failed for the reason above. The rolling update ends after this batch, and the nodes of later batches are unchanged. "
    "After the fix, run the playbook again: it changes only the nodes that still differ"
)


class RollingUpdate(Stage):
    """The play of site that changes the nodes, for nodes that differ from the plan."""

    def run_update(self, cases, serial):
        """Return the calls and the last error of each case."""
        plays = yaml.safe_load((ROOT / "playbooks/site.yml").read_text(encoding="utf-8"))
        (update,) = [play for play in plays if "serial" in play]
        (self.folder / "play.json").write_text(json.dumps([DIFFERENT, {**update, "serial": serial}]))
        return self._run("play.json", cases)

    def _run_playbook(self, playbook, extra):
        self.output = super()._run_playbook(playbook, extra)
        return self.output


@pytest.fixture
def update(tmp_path):
    stage = RollingUpdate(tmp_path)

    def run(failing, serial):
        cases = [
            (answers(number), {"__kong_site_node": {"interception": {"changed": number == 0}}}) for number in range(4)
        ]
        for number, (answer, _variables) in enumerate(cases):
            answer["kong_plan"]["plan"]["nodes"][f"case-{number}"]["interception"] = []
        cases[failing][0]["kong_apply"] = {**FAILS, "msg": "port taken"}
        return stage.run_update(cases, serial), stage

    return run


def test_the_batch_of_a_failed_node_is_completed_and_later_batches_are_unchanged(update):
    found, stage = update(1, [1, 2])
    assert [COMPLETE in [call for call, _args in calls] for calls, _error in found] == [True, False, True, False]
    assert found[3][0] == []
    # Only the first node has other intercept rules than planned.
    intercepts = ["interception" in dict(calls).get(COMPLETE, {}) for calls, _error in found]
    assert intercepts == [True, False, False, False]
    assert [dict(calls)[COMPLETE]["ruleset"] for calls, _error in (found[0], found[2])] == [
        {"planned for": "case-0"},
        {"planned for": "case-2"},
    ]
    assert found[1][1] == AGAIN.format("case-1")
    assert found[2][1] == (
        "Failed: case-1. The other nodes of this batch match the plan: case-2. The nodes of earlier batches match it too"
    )
    assert 'Batch: case-0 (done before: 0 of 4)"' in stage.output
    assert 'Batch: case-1 to case-2, 2 nodes (done before: 1 of 4)"' in stage.output
    assert "done before: 3" not in stage.output


def test_a_batch_of_one_failed_node_says_how_to_continue(update):
    found, stage = update(0, 1)
    assert [bool(calls) for calls, _error in found] == [True, False, False, False]
    assert found[0][1] == AGAIN.format("case-0")
    assert "port taken" in stage.output


SELECTED = [select("kong", "kong_site_nodes", "kong_gathered"), select("routers", "kong_site_gateways")]
NAT = {
    "forwards": [],
    "egress": [{"inside": "10.0.0.1", "outside": "192.0.2.1"}],
    "sets": {},
    "shared_addresses": [],
    "outside_interfaces": {},
}
OPENED = ["kong_restore_point taken", "kong_gateway merged"]
CLOSED = ["kong_gateway", "kong_restore_point kept"]


class GatewayRun(Stage):
    """The plays of site that change hosts, from the first change of a gateway to the last, for two nodes and their gateway."""

    def run_plays(self, cases):
        """Return the calls in their order, each with the number of its host."""
        plays = yaml.safe_load((ROOT / "playbooks/site.yml").read_text(encoding="utf-8"))
        names = [play["name"] for play in plays]
        (*changing, verify) = plays[names.index("Add the forwards of the plan to the gateways") :]
        assert verify["name"] == "Verify the fleet"
        (self.folder / "play.json").write_text(json.dumps([*SELECTED, *changing]))
        self._run("play.json", cases)
        return [(number, call) for number, call, _args in self.calls]


@pytest.mark.parametrize("fails", [False, True])
def test_gateways_are_opened_before_the_first_node_and_closed_after_the_last(tmp_path, fails):
    run = {"__kong_site_run": "2026-02", "__kong_site_node": {"interception": {"changed": False}}}
    cases = [(answers(number), run) for number in range(2)]
    if fails:
        cases[1][0]["kong_apply"] = {**FAILS, "msg": "port taken"}
    router = {"kong_plan": {"plan": {"nodes": {"case-2": {"gateway": NAT}}}}}
    steps = GatewayRun(tmp_path).run_plays([*cases, (router, {"is_router": True})])
    changed = [number for number, call in steps if call == COMPLETE]
    assert changed == ([0] if fails else [0, 1])
    assert [call for number, call in steps if number == 2 and "plan" not in call] == OPENED + ([] if fails else CLOSED)
    nodes = [at for at, (number, call) in enumerate(steps) if number != 2 and "plan" not in call]
    assert steps.index((2, OPENED[1])) < min(nodes)
    assert fails or max(nodes) < steps.index((2, CLOSED[0]))
