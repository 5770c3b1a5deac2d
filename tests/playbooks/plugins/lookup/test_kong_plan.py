# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lookup kong_plan in a few real runs of ansible-playbook: the plan is compiled once, and each host reads its part."""

from __future__ import annotations

import json

import pytest

from ansible_collections.gatehouse.kong.tests.playbooks.plugins.action.test_kong_plan import (
    EXAMPLE,
    make_play,
    plan_task,
    run,
)

PART = "{{ lookup('gatehouse.kong.kong_plan', inventory_hostname) }}"
GROUPS = {
    "first": {"hosts": {"k1": {"kong_address": "10.0.0.1"}}, "vars": {"kong_group": "first"}},
    "second": {"hosts": {"k2": {"kong_address": "10.0.0.2"}}, "vars": {"kong_group": "second"}},
    "wrong": {"hosts": {"w1": {"kong_address": "x y"}}},
}


def check(*conditions, **variables):
    return {"name": "check", "ansible.builtin.assert": {"that": [*conditions]}, "vars": variables}


def compile_once(**arguments):
    return {"name": "compile", **plan_task(**arguments), "register": "fleet", "run_once": True}


NODE = check(
    "part.settings.cluster_advertise.endswith(own_port)",
    "part.ruleset.allow | length == 7",
    "part.ruleset.sets | select('match', 'peers-') | length == 1",
    "part.interception == []",
    part=PART,
    own_port="{{ ':9000' if inventory_hostname == 'b1' else ':7946' }}",
)


@pytest.mark.parametrize("strategy", ["linear", "free"])
@pytest.mark.parametrize("arguments", [[], ["--start-at-task=check"], ["--check", "--limit=b1"]])
def test_each_host_reads_its_part(tmp_path, strategy, arguments):
    done = run(tmp_path, EXAMPLE, [make_play("kong", compile_once(), NODE, strategy=strategy)], *arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "changed=0" in done.stdout


def test_the_result_has_a_summary_and_on_request_the_plan(tmp_path):
    summary = check(
        "fleet.plan is not defined",
        "fleet.path == lookup('gatehouse.kong.kong_plan')",
        "fleet.nodes == ['a1', 'a2', 'b1'] and fleet.hosts == ['admin', 'client', 'outsider']",
        "fleet.findings.warning == 1",
        "fleet.path | gatehouse.kong.cluster_advertise('b1') == '192.168.10.5:9000'",
        "lookup('gatehouse.kong.kong_plan', 'admin').site == 'lan'",
        "query('gatehouse.kong.kong_plan', 'a1', 'b1') | map(attribute='site') | list == ['lan', 'branch']",
    )
    whole = check("fleet.plan.nodes | list == fleet.nodes", "fleet.plan.format == 1")
    unknown = {**check("missing.site", missing="{{ lookup('gatehouse.kong.kong_plan', 'c9') }}"), "ignore_errors": True}
    tasks = [compile_once(), summary, compile_once(return_plan=True), whole, unknown]
    done = run(tmp_path, EXAMPLE, [make_play("a1", *tasks)])
    assert done.returncode == 0, done.stdout + done.stderr
    assert (
        "gatehouse.kong.kong_plan: 'c9' is not in the plan; the hosts are a1, a2, admin, b1, client, outsider."
        in done.stdout
    )


def test_groups_and_refusals_of_one_run(tmp_path):
    inventory = tmp_path / "hosts.json"
    inventory.write_text(json.dumps({"all": {"children": GROUPS}}), encoding="utf-8")
    own = check("part.address.ipv4 == kong_address", part=PART)
    other = check("part.site == 'default'", part="{{ lookup('gatehouse.kong.kong_plan', 'k1', group='first') }}")
    refused = check("part", part="{{ lookup('gatehouse.kong.kong_plan', 'w1', group='wrong') }}")
    done = run(tmp_path, inventory, [make_play("first:second", own, other), make_play("w1", refused)])
    assert done.returncode == 2
    assert "k1                         : ok=2" in done.stdout
    assert "k2                         : ok=2" in done.stdout
    message = "There is no plan for this inventory: 1 error (address-invalid). The playbook gatehouse.kong.plan shows the errors"
    assert message in done.stdout
