# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rolling update of the playbook site: its batches, and its messages and unchanged nodes if a node fails."""

from __future__ import annotations

import json

import pytest
import yaml

from ansible_collections.gatehouse.kong.tests.playbooks.roles.stage import ROOT, Stage
from ansible_collections.gatehouse.kong.tests.playbooks.roles.test_kong_listen import FAILS, answers

DIFFERENT = {"hosts": "all", "gather_facts": False, "tasks": [{"ansible.builtin.group_by": {"key": "kong_site_nodes"}}]}
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
