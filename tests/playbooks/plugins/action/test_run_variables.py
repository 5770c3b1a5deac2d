# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Variables of a run whose template names an undefined variable, in real runs: each is an error with its name."""

from __future__ import annotations

import json
import sys

import pytest
import yaml

from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.contract import RUN_VARIABLES
from ansible_collections.gatehouse.kong.tests.playbooks.plugins.action.test_kong_nodes import run
from ansible_collections.gatehouse.kong.tests.playbooks.plugins.action.test_kong_plan import make_play, plan_task

# The first play of every playbook reads kong_group.
NAMES = sorted(RUN_VARIABLES - {"kong_group"})
LOCAL = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}


def make_fleet(**variables):
    return {"kong": {"hosts": {"k1": {**LOCAL, "kong_address": "10.0.0.1", **variables}}}}


def name_error(name, host="k1"):
    return f"{host}: {name}: its value cannot be computed; correct the template: 'missing' is undefined"


def test_plan_names_every_undefined_variable(tmp_path):
    inventory = make_fleet(**dict.fromkeys(NAMES, "{{ missing }}"))
    code, output = run(
        tmp_path, "gatehouse.kong.plan", "-e", f"kong_report_path={tmp_path}/r.json", inventory=inventory
    )
    assert code == 2
    errors = json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))["findings"]
    assert [error["variable"] for error in errors] == [name for name in NAMES if name != "kong_report_path"]
    assert name_error("kong_drift_file") in output


def test_variables_of_a_play(tmp_path):
    """A play may set a variable of the run, or the variable that its template names; a later host may lack its own."""
    inventory = make_fleet(
        kong_plan_file="{{ missing }}/a.json", kong_fleet_name="{{ missing }}", kong_strict="{{ chosen }}"
    )
    inventory["kong"]["hosts"]["k2"] = {"kong_address": "10.0.0.2", "kong_listen_drain": "{{ missing }}"}
    inventory["kong"]["vars"] = {"kong_fleet_name": "{{ missing }}", "kong_strict": "{{ chosen }}"}
    sets = {"kong_plan_file": "plan.json", "kong_fleet_name": "east", "chosen": True}
    file = tmp_path / "play.yml"
    file.write_text(yaml.safe_dump([make_play("kong", {**plan_task(), "run_once": True}, vars=sets)]), encoding="utf-8")
    code, output = run(tmp_path, str(file), inventory=inventory)
    assert code == 2
    assert output.count("its value cannot be computed") == 1
    assert name_error("kong_listen_drain", "k2") in output


@pytest.mark.parametrize(
    ("playbook", "name"),
    [("remove", "kong_plan_file"), ("remove", "kong_firewall_backend"), ("rollback", "kong_listen_service")],
)
def test_playbooks_without_a_plan(tmp_path, playbook, name):
    inventory = make_fleet(**{name: "{{ missing }}"})
    code, output = run(tmp_path, f"gatehouse.kong.{playbook}", "-e", "leaving=k1", inventory=inventory)
    assert code == 2
    assert name_error(name) in output
