# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Facts of a compromised host in one real run of ansible-playbook: no fact becomes a variable of the plan."""

from __future__ import annotations

import json
import sys

import pytest

from ansible_collections.gatehouse.kong.tests.playbooks.plugins.action.test_kong_plan import make_play, plan_task, run

# A result that any module of a compromised host can return.
MODULE = """#!/usr/bin/python
from ansible.module_utils.basic import AnsibleModule
module = AnsibleModule(argument_spec={"facts": {"type": "dict"}})
module.exit_json(changed=False, ansible_facts=module.params["facts"])
"""
LOCAL = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
NETWORKS = ["10.0.0.0/8"]
GIVEN, REPORTED, SET = "203.0.113.1", "198.51.100.66", "203.0.113.9"


def make_node(**variables):
    return {**LOCAL, "kong_address": "10.0.0.1", "kong_site": "a", "kong_nat_egress": GIVEN, **variables}


FLEETS = {
    "module": {"module": make_node()},
    "gathered": {"gathered": make_node()},
    "cached": {"cached": make_node()},
    "role": {"role": make_node()},
    "template": {"template": make_node(public_ip=GIVEN, kong_nat_egress="{{ public_ip }}")},
    "router": {"router_node": make_node(kong_nat_egress="{{ hostvars['router'].wan }}")},
    "router_kong": {"router_kong": make_node(kong_nat_egress="{{ hostvars['router'].kong_wan }}")},
    "only_fact": {"only_fact": make_node(kong_nat_egress="{{ reported_ip }}")},
    "bound_template": {
        "bound_template": make_node(kong_address_networks=NETWORKS, kong_nat_egress="{{ reported_ip }}")
    },
    "bound_router": {
        "bound_router": make_node(
            kong_address_networks=NETWORKS,
            kong_admin_listen="0.0.0.0:8001",
            kong_admin_sources=["10.0.0.9", "{{ hostvars['router'].ansible_facts.wan }}"],
        )
    },
    "bound_given": {
        "bound_given": make_node(
            kong_address_networks=NETWORKS,
            public_ip=GIVEN,
            kong_nat_egress="{{ public_ip }}",
            kong_admin_sources=[GIVEN],
        )
    },
    "set_fact": {"set_fact": make_node()},
    "set_template": {"set_template": make_node(public_ip=GIVEN, kong_nat_egress="{{ public_ip }}")},
    "report": {"report": make_node()},
    "plan_file": {"plan_file": make_node()},
}
FACTS = {
    "bound_template": {"reported_ip": REPORTED},
    "bound_given": {"public_ip": REPORTED},
    "module": {"kong_nat_egress": REPORTED},
    "cached": {"kong_nat_egress": REPORTED},
    "role": {"kong_role": "control_plane"},
    "template": {"public_ip": REPORTED},
    "router": {"wan": REPORTED, "kong_wan": REPORTED},
    "only_fact": {"reported_ip": REPORTED},
    "set_template": {"public_ip": REPORTED},
    "report": {"kong_report_path": "report.md", "kong_\x1b[2J": 1},
    "plan_file": {"kong_plan_file": "reported.json"},
}


def report_facts(name):
    return {"reports_facts": {"facts": FACTS[name]}}


def make_compile_play(name, *before, **arguments):
    """Return a play that compiles a fleet, and continues without a plan."""
    plan = {**plan_task(group=f"fleet_{name}", path=f"{name}.json", **arguments), "run_once": True}
    return make_play(f"fleet_{name}", {"block": [*before, plan], "rescue": [{"ansible.builtin.meta": "noop"}]})


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """Return the folder and the output of one run that compiles every fleet."""
    folder = tmp_path_factory.mktemp("facts")
    children = {f"fleet_{name}": {"hosts": hosts} for name, hosts in FLEETS.items()}
    routers = {"hosts": {"router": {**LOCAL, "wan": GIVEN}}}
    inventory = {"all": {"children": {**children, "routers": routers}}}
    for path, text in {
        "hosts.json": json.dumps(inventory),
        "library/reports_facts.py": MODULE,
        "facts.d/ignored.fact": json.dumps({"kong_nat_egress": REPORTED}),
    }.items():
        (folder / path).parent.mkdir(exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")
    gathers = {"ansible.builtin.setup": {"gather_subset": ["!all", "local"], "fact_path": str(folder / "facts.d")}}
    sets = {"ansible.builtin.set_fact": {"kong_nat_egress": SET}}
    report = {
        "gatehouse.kong.kong_report": {"path": "{{ kong_report_path }}", "findings": []},
        "run_once": True,
    }
    plan_file = {"gatehouse.kong.kong_plan": {"group": "fleet_gathered", "path": "{{ kong_plan_file }}"}}
    plays = [
        make_play("routers", report_facts("router")),
        make_compile_play("module", report_facts("module")),
        make_compile_play("gathered", gathers),
        make_compile_play("cached"),
        make_compile_play("role", report_facts("role")),
        make_compile_play("template", report_facts("template")),
        make_compile_play("router"),
        make_compile_play("router_kong"),
        make_compile_play("only_fact", report_facts("only_fact")),
        make_compile_play("bound_template", report_facts("bound_template")),
        make_compile_play("bound_router"),
        make_compile_play("bound_given", report_facts("bound_given")),
        make_compile_play("set_fact", sets),
        make_compile_play(
            "set_template", report_facts("set_template"), {"ansible.builtin.set_fact": {"public_ip": SET}}
        ),
        make_compile_play("report", report_facts("report"), report),
        make_compile_play("plan_file", report_facts("plan_file"), plan_file),
    ]
    settings = {
        "ANSIBLE_CACHE_PLUGIN": "ansible.builtin.jsonfile",
        "ANSIBLE_CACHE_PLUGIN_CONNECTION": str(folder / "facts"),
        "ANSIBLE_INJECT_FACT_VARS": "true",
    }
    before = run(folder, folder / "hosts.json", [make_play("fleet_cached", report_facts("cached"))], **settings)
    assert before.returncode == 0, before.stdout + before.stderr
    finished = run(folder, folder / "hosts.json", plays, **settings)
    return folder, finished.stdout + finished.stderr


def read_egress(done, name):
    (node_plan,) = json.loads((done[0] / f"{name}.json").read_text(encoding="utf-8"))["nodes"].values()
    return node_plan["egress"]


@pytest.mark.parametrize(
    ("name", "fact"),
    [
        ("module", "kong_nat_egress"),
        ("cached", "kong_nat_egress"),
        ("role", "kong_role"),
        ("report", r"kong_\x1b[2J, kong_report_path"),
        ("plan_file", "kong_plan_file"),
    ],
)
def test_fact_with_the_name_of_a_variable_is_an_error(done, name, fact):
    folder, output = done
    assert not (folder / f"{name}.json").exists()
    assert f"{name}: {fact}: the facts of this host have this name" in output.replace(r"\\x1b", r"\x1b")


@pytest.mark.parametrize(
    ("name", "variable"), [("bound_template", "kong_nat_egress"), ("bound_router", "kong_admin_sources")]
)
def test_address_from_a_fact_must_be_in_the_networks(done, name, variable):
    folder, output = done
    assert not (folder / f"{name}.json").exists()
    assert f"{name}: {variable}: '{REPORTED}/32': it comes from facts" in output


def test_template_has_no_kong_variable_from_facts_of_another_host(done):
    folder, output = done
    assert not (folder / "router_kong.json").exists()
    (line,) = (line for line in output.splitlines() if line.startswith("- error: router_kong: kong_nat_egress: "))
    assert line.endswith("[variable-undefined]")


def test_no_path_on_the_controller_is_from_a_fact(done):
    assert not (done[0] / "report.md").exists()
    assert not (done[0] / "reported.json").exists()


@pytest.mark.parametrize("name", ["gathered", "template", "router", "bound_given"])
def test_variable_of_the_inventory_precedes_a_fact_of_its_name(done, name):
    assert read_egress(done, name) == [f"{GIVEN}/32"]


@pytest.mark.parametrize("name", ["set_fact", "set_template"])
def test_set_fact_precedes_the_inventory(done, name):
    assert read_egress(done, name) == [f"{SET}/32"]


def test_template_may_name_a_fact(done):
    assert read_egress(done, "only_fact") == [f"{REPORTED}/32"]
