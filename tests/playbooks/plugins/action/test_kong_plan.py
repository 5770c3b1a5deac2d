# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""kong_plan in a few real runs of ansible-playbook with many plays each."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from ansible.release import __version__

from ansible_collections.gatehouse.kong.plugins.plugin_utils._json import dump_json
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.file import NO_PLAN
from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils.refusals import NEW, REFUSALS

EXAMPLE = Path(__file__).parents[4] / "examples" / "seed"


def run(tmp_path, inventory, plays, *arguments, **environment):
    """Run plays without the settings of this machine, and return the result of ansible-playbook."""
    playbook = tmp_path / "playbook.yml"
    playbook.write_text(json.dumps(plays), encoding="utf-8")
    return subprocess.run(
        [sys.executable, "-m", "ansible", "playbook", "-i", str(inventory), str(playbook), *arguments],
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(tmp_path),
            "PYTHONPATH": os.pathsep.join(sys.path),
            "ANSIBLE_COLLECTIONS_PATH": os.pathsep.join(
                path for path in sys.path if (Path(path) / "ansible_collections").is_dir()
            ),
            "ANSIBLE_LOCAL_TEMP": str(tmp_path / "local"),
            "ANSIBLE_LOCALHOST_WARNING": "false",
            "ANSIBLE_NOCOLOR": "true",
            "LC_ALL": "C.UTF-8",
            **environment,
        },
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )


def make_play(hosts, *tasks, **keywords):
    return {"hosts": hosts, "gather_facts": False, "tasks": list(tasks), **keywords}


def plan_task(**arguments):
    return {"gatehouse.kong.kong_plan": arguments}


def make_touch_task(marks):
    """Return a task that changes every host of its play: it creates a file for each."""
    file = f"{marks}/{{{{ inventory_hostname }}}}"
    return {"ansible.builtin.copy": {"content": "", "dest": file}, "delegate_to": "localhost", "connection": "local"}


UNDEFINED = {
    "undefined": {"n": {**NEW, "kong_proxy_sources": "{{ bastion_address }}"}},
    "undefined_inside": {"n": {**NEW, "kong_nat": [{"outside": "{{ outside_address }}"}]}},
    "undefined_setting": {"n": {**NEW, "kong_config": {"log_level": "{{ chosen_level }}"}}},
    "undefined_but_closed": {"n": {**NEW, "kong_status_sources": "{{ status_address }}"}},
    "missing_host": {"n": {**NEW, "kong_nat": [{"outside": "{{ hostvars['nowhere'].wan }}"}]}},
    "division": {"n": {**NEW, "kong_site": "{{ 'chosen' | int / 0 }}"}},
    "lookup": {"n": {**NEW, "kong_site": "{{ lookup('file', '/no/such/file') }}"}},
    "loop": {"n": {**NEW, "kong_site": "{{ kong_site }}"}},
    "omitted": {"n": {**NEW, "kong_vpn_address": "{{ chosen | default(omit) }}"}},
    "undefined_gui": {"n": {**NEW, "kong_admin_gui_sources": ["{{ gui_address }}"]}},
}
FLEETS = {case: refusal.nodes for case, refusal in REFUSALS.items() if case != "bind_address"} | UNDEFINED


def group_fleets():
    """Return an inventory with a group for every fleet, which is the prefix of the names of its hosts."""
    fleets = {"sound": {"n": NEW}, **FLEETS}
    return {
        "all": {
            "children": {
                f"fleet_{case}": {"hosts": {f"{case}_{name}": variables for name, variables in nodes.items()}}
                for case, nodes in fleets.items()
            }
        }
    }


@pytest.fixture(scope="module")
def refused(tmp_path_factory):
    """Return the result of one run with a play for every fleet. The compiler refuses each, so no play changes its hosts."""
    tmp_path = tmp_path_factory.mktemp("refused")
    inventory, marks = tmp_path / "hosts.json", tmp_path / "marks"
    marks.mkdir()
    inventory.write_text(json.dumps(group_fleets()), encoding="utf-8")
    plays = [
        make_play(
            f"fleet_{case}",
            {
                "block": [{**plan_task(group=f"fleet_{case}"), "run_once": True}, make_touch_task(marks)],
                "rescue": [{"ansible.builtin.meta": "noop"}],
            },
        )
        for case in ["sound", *FLEETS]
    ]
    done = run(tmp_path, inventory, plays)
    return {path.name for path in marks.iterdir()}, done.stdout + done.stderr


@pytest.mark.parametrize("case", [case for case in FLEETS if case in REFUSALS])
def test_refusal_stops_the_play(refused, case):
    touched, output = refused
    refusal = REFUSALS[case]
    assert not [host for host in touched if host.startswith(f"{case}_")]
    lines = output.splitlines()
    number = next(
        number for number, text in enumerate(lines) if text.startswith(f"- error: {case}_n: {refusal.variable}")
    )
    assert lines[number].endswith(f"[{refusal.code}]")
    more = lines[number + 1] if lines[number + 1].startswith("  ") else ""
    for part in [*([repr(refusal.value)] if refusal.value else []), *refusal.says]:
        assert part in lines[number] + more


@pytest.mark.parametrize(
    ("case", "variable", "missing"),
    [
        ("undefined", "kong_proxy_sources", "bastion_address"),
        ("undefined_inside", "kong_nat", "outside_address"),
        ("undefined_setting", "kong_config", "chosen_level"),
        ("undefined_but_closed", "kong_status_sources", "status_address"),
        ("missing_host", "kong_nat", "nowhere"),
        ("division", "kong_site", "division by zero"),
        ("lookup", "kong_site", "/no/such/file"),
        # ansible-core 2.17 shortens the reason before it tells this word.
        ("loop", "kong_site", "unhandled exception" if __version__.startswith("2.17.") else "recursi"),
        ("omitted", "kong_vpn_address", "mit"),
        ("undefined_gui", "kong_admin_gui_sources", "gui_address"),
    ],
)
def test_undefined_variable_in_a_template(refused, case, variable, missing):
    touched, output = refused
    assert not [host for host in touched if host.startswith(f"{case}_")]
    line = next(text for text in output.splitlines() if text.startswith(f"- error: {case}_n: {variable}"))
    assert missing in line
    assert line.endswith("[variable-undefined]")


def test_fleet_without_errors_is_changed(refused):
    touched, output = refused
    assert touched == {"sound_n"}
    assert "Traceback" not in output


def names_of_files(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Return one run with the plan of the example: complete, by serial, by the free strategy, and with a later change."""
    tmp_path = tmp_path_factory.mktemp("whole")
    each = {"serial": "{{ inventory_hostname }}-serial.json", "free": "{{ inventory_hostname }}-free.json"}
    plays = [
        make_play("kong", {**plan_task(path=f"{tmp_path}/whole.json"), "run_once": True, "register": "first"}),
        make_play("kong", {"ansible.builtin.set_fact": {"kong_site": "elsewhere", "kong_address": "10.99.0.1"}}),
        make_play("kong", plan_task(path=f"{tmp_path}/{each['serial']}"), serial=1),
        make_play("kong", plan_task(path=f"{tmp_path}/{each['free']}"), strategy="free"),
        make_play("kong", {**plan_task(path=f"{tmp_path}/missing/plan.json"), "run_once": True, "ignore_errors": True}),
    ]
    done = run(tmp_path, EXAMPLE, plays)
    assert done.returncode == 0, done.stdout + done.stderr
    return tmp_path, done.stdout + done.stderr


def test_same_plan_from_every_host_in_every_strategy(whole):
    folder, _plan = whole
    expected = [f"{host}-{way}.json" for host in ("a1", "a2", "b1") for way in ("free", "serial")]
    assert [name for name in names_of_files(folder) if "-" in name] == expected
    assert {(folder / name).read_bytes() for name in expected} == {(folder / "whole.json").read_bytes()}


def test_file_contains_the_plan(whole):
    text = (whole[0] / "whole.json").read_text(encoding="utf-8")
    plan = json.loads(text)
    assert dump_json(plan) == text
    assert plan["nodes"]["b1"]["settings"]["cluster_advertise"] == "192.168.10.5:9000"
    assert plan["nodes"]["a1"]["site"] == "lan"


def test_warnings_are_shown_once(whole):
    assert whole[1].count("[source-no-path]") == 1


def test_plan_file_that_cannot_be_written(whole):
    folder, output = whole
    assert f"the file '{folder}/missing/plan.json' cannot be written: No such file or directory" in output


def test_limit_changes_nothing_and_check_mode_writes_nothing(whole, tmp_path):
    before = dump_json(NO_PLAN)
    (tmp_path / "plan.json").write_text(before, encoding="utf-8")
    tasks = [
        {**plan_task(path=f"{tmp_path}/plan.json"), "run_once": True, "register": "first"},
        {**plan_task(path=f"{whole[0]}/whole.json"), "run_once": True, "register": "second"},
        # The file of the complete run has exactly the text that this run would write.
        {"ansible.builtin.assert": {"that": ["first is changed", "second is not changed"]}},
    ]
    done = run(tmp_path, EXAMPLE, [make_play("kong", *tasks)], "--check", "--diff", "--limit", "b1")
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "plan.json").read_text(encoding="utf-8") == before
    assert "b1" in done.stdout.partition("PLAY RECAP")[0]


def test_addresses_from_cached_facts(tmp_path):
    """Addresses from facts: of the nodes of the run, of nodes in a cache, and of a node without facts."""
    hosts = {f"n{number}": {"number": number} for number in (1, 2, 3)}
    fleet = {"kong_version": "0.10.4", "kong_address_query": "ansible_facts.all_ipv4_addresses[?starts_with(@, '10.')]"}
    inventory = tmp_path / "hosts.json"
    inventory.write_text(json.dumps({"all": {"children": {"kong": {"hosts": hosts, "vars": fleet}}}}), encoding="utf-8")
    environment = {
        "ANSIBLE_CACHE_PLUGIN": "ansible.builtin.jsonfile",
        "ANSIBLE_CACHE_PLUGIN_CONNECTION": str(tmp_path / "facts"),
    }
    known = {"ansible_all_ipv4_addresses": ["172.17.0.1", "10.0.0.{{ number }}"], "cacheable": True}
    compiled = make_play("kong", {**plan_task(path=f"{tmp_path}/plan.json"), "run_once": True})
    done = run(tmp_path, inventory, [make_play("kong", {"ansible.builtin.set_fact": known}), compiled], **environment)
    assert done.returncode == 0, done.stdout + done.stderr
    plan = json.loads((tmp_path / "plan.json").read_text(encoding="utf-8"))
    found = {name: node["address"]["ipv4"] for name, node in plan["nodes"].items()}
    assert found == {f"n{number}": f"10.0.0.{number}" for number in (1, 2, 3)}

    (forgotten,) = (path for path in (tmp_path / "facts").iterdir() if path.name.endswith("n3"))
    forgotten.unlink()
    done = run(tmp_path, inventory, [compiled], "--limit", "n2", **environment)
    assert done.returncode != 0
    errors = [line.split(": ")[1] for line in done.stdout.splitlines() if line.startswith("- error: ")]
    assert errors == ["n3"]


def test_template_reads_a_variable_of_another_host(tmp_path):
    forward = {"outside": "{{ hostvars['router'].wan }}", "outside_port": 8000}
    hosts = {"n": {"kong_address": "10.0.0.1", "kong_nat": [forward]}}
    inventory = {"all": {"hosts": {"router": {"wan": "192.0.2.1"}}, "children": {"kong": {"hosts": hosts}}}}
    (tmp_path / "hosts.json").write_text(json.dumps(inventory), encoding="utf-8")
    path = tmp_path / "plan.json"
    done = run(tmp_path, tmp_path / "hosts.json", [make_play("kong", plan_task(path=str(path)))])
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(path.read_text(encoding="utf-8"))["nat_forwards"][0]["outside"] == "192.0.2.1"


LISTENERS = ("proxy", "stream", "admin", "admin_gui", "status", "cluster", "cluster_rpc", "cluster_telemetry", "portal_gui",
             "portal_api", "debug")  # fmt: skip


def make_group(count, **variables):
    hosts = {
        f"k{number}": {"kong_address": f"10.0.{number // 200}.{number % 200 + 1}"} for number in range(1, count + 1)
    }
    return {"kong": {"hosts": hosts, "vars": {"kong_version": "3.4", **variables}}}


def run_plan(tmp_path, fleet, *arguments, **environment):
    inventory = tmp_path / "hosts.json"
    inventory.write_text(json.dumps(fleet), encoding="utf-8")
    return run(tmp_path, inventory, [make_play("kong", {**plan_task(), "run_once": True})], *arguments, **environment)


def test_wrong_variable_of_a_group_is_reported_once(tmp_path):
    done = run_plan(
        tmp_path, make_group(100, kong_admin_sources="any", kong_admin_listen="0.0.0.0:8001", kong_proxy_sources="x y")
    )
    assert done.returncode != 0
    output = done.stdout + done.stderr
    assert output.count("k1 to k100, 100 nodes: kong_proxy_sources") == 1
    assert len(output) < 6000
    assert max(map(len, output.splitlines())) < 1200


@pytest.mark.parametrize(
    ("variables", "starts"),
    [
        ({"kong_proxy_sourcs": "any"}, ["k1 to k300, 300 nodes: "]),
        (
            {"kong_proxy_listen": "proxy-{{ inventory_hostname }}:80"},
            ["k1 to k300, 300 nodes: "],
        ),
    ],
)
def test_warnings_of_many_nodes_are_few_lines(tmp_path, variables, starts):
    done = run_plan(tmp_path, make_group(300, **variables))
    assert done.returncode == 0, done.stdout + done.stderr
    shown = done.stderr.split("[WARNING]: ")[1:]
    assert len(shown) == len(starts)
    assert all(text.startswith(start) for text, start in zip(shown, starts, strict=True))


@pytest.mark.parametrize(
    ("count", "listed"),
    [(1, "1 error (source-unknown), listed above"), (11, "of which the first 10 are listed above")],
)
def test_the_result_says_how_many_errors_are_listed(tmp_path, count, listed):
    """The text says how to get all errors, because a report need not be written."""
    done = run_plan(tmp_path, make_group(3, **{f"kong_{name}_sources": "nohost" for name in LISTENERS[:count]}))
    assert done.returncode == 2
    assert f"{listed}. No host was touched." in done.stdout
    more = "1 more finding: with kong_report_path, the playbook plan writes all findings to a report."
    assert (more in done.stdout) is (count > 10)
    assert done.stdout.count("- error: ") == min(count, 10)


def test_texts_about_more_findings_do_not_name_a_file_that_is_not_written(tmp_path):
    fleet = make_group(
        2, **{f"kong_{name}_listn": "0.0.0.0:80" for name in ("proxy", "admin", "status", "stream", "cluster")}
    )
    done = run_plan(tmp_path, fleet)
    assert "2 more warnings: with kong_report_path, the playbook plan writes all findings to a report" in done.stderr


@pytest.mark.parametrize(
    ("strict", "code", "message"),
    [
        ("true", 2, "- error: k1 to k2, 2 nodes: kong_proxy_sourcs"),
        ("no", 0, ""),
        ("maybe", 2, "kong_strict: 'maybe': it must be true or false"),
    ],
)
def test_warnings_are_errors_on_request(tmp_path, strict, code, message):
    done = run_plan(tmp_path, make_group(2, kong_proxy_sourcs="any", kong_strict=strict))
    assert done.returncode == code, done.stdout
    assert message in done.stdout
    assert all(line.count(message) <= 1 for line in done.stdout.splitlines() if message)


def test_standard_output_of_a_json_callback_is_json(tmp_path):
    callbacks = tmp_path / "callbacks"
    callbacks.mkdir()
    (callbacks / "lines_json.py").write_text(JSON_CALLBACK, encoding="utf-8")
    environment = {"ANSIBLE_CALLBACK_PLUGINS": str(callbacks), "ANSIBLE_STDOUT_CALLBACK": "lines_json"}
    done = run_plan(tmp_path, make_group(2, kong_admin_sources="x y"), **environment)
    assert json.loads(done.stdout)["k1"]["errors"] == 1
    assert "k1 to k2, 2 nodes: kong_admin_sources" in done.stderr


# A small callback that writes JSON, because callbacks of other collections are not installed for the tests.
JSON_CALLBACK = """
import json
from ansible.plugins.callback import CallbackBase
class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "stdout"
    CALLBACK_NAME = "lines_json"
    def v2_playbook_on_start(self, playbook):
        self.results = {}
    def v2_runner_on_failed(self, result, ignore_errors=False):
        self.results[result._host.get_name()] = {"errors": result._result["errors"]}
    def v2_playbook_on_stats(self, stats):
        print(json.dumps(self.results))
"""
