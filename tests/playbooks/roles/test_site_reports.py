# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The playbook site states for each node, before any change, whether Kong is reloaded, restarted or left alone."""

from __future__ import annotations

import pytest
import yaml

from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.restart_decision import RestartDecision
from ansible_collections.gatehouse.kong.tests.playbooks.plugins.action.test_kong_nodes import PLAYBOOKS, run

NAMES = (
    "Select the gateways of the inventory",
    "Select the nodes that differ from the plan",
    "Report the nodes that differ from the plan",
    "Report the effect on the nodes that do not differ",
)


def report(tmp_path, differing, count):
    """Return the output of these tasks for a gateway and nodes of which the first differ."""
    plays = yaml.safe_load((PLAYBOOKS / "site.yml").read_text(encoding="utf-8"))
    tasks = [task for play in plays for task in play.get("tasks", ()) if task["name"] in NAMES]
    assert len(tasks) == len(NAMES)
    play = {"hosts": "kong", "gather_facts": False, "tasks": tasks}
    (tmp_path / "play.yml").write_text(yaml.safe_dump([play]), encoding="utf-8")
    restart = RestartDecision("nothing").as_dict()
    hosts = {
        f"k{number}": {
            "__kong_site_node": {"differs": number <= differing, "restart": restart},
            "__kong_site_plan": {"gateways": ["router"]},
        }
        for number in range(1, count + 1)
    }
    inventory = {"kong": {"hosts": hosts}, "routers": {"hosts": {"router": {}}}}
    code, output = run(tmp_path, "play.yml", "--check", inventory=inventory)
    assert code == 0, output
    return output


@pytest.mark.parametrize(
    ("differing", "count", "texts"),
    [
        (0, 1, ["Nodes that differ from the plan: none", "k1: Kong is left alone, because"]),
        (1, 1, ["Nodes that differ from the plan: k1"]),
        (
            2,
            12,
            ["Nodes that differ from the plan: k1 to k2, 2 nodes", "k3 to k12, 10 nodes: Kong is left alone, because"],
        ),
    ],
)
def test_every_node_is_named_with_the_effect_on_its_kong(tmp_path, differing, count, texts):
    output = report(tmp_path, differing, count)
    for text in texts:
        assert text in output
    assert ("clients notice nothing" in output) is (differing < count)


def test_the_role_states_the_effect_on_each_node_that_it_compares():
    path = PLAYBOOKS.parent / "roles/kong_listen/tasks/change.yml"
    (task,) = [task for task in yaml.safe_load(path.read_text(encoding="utf-8")) if "ansible.builtin.debug" in task]
    assert task["ansible.builtin.debug"] == {
        "msg": "{{ inventory_hostname }}: {{ __kong_listen_found.restart.summary }}"
    }
    assert task["when"] == "ansible_check_mode"
