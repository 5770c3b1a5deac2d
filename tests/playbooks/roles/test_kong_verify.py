# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The playbooks verify and explain compare a gateway with the plan if a connection through it fails.

Real runs of ansible-playbook, with answers of this test in place of the modules that test connections and gateways. The playbooks
gather no facts, because this machine does not have the addresses of the nodes.
"""

from __future__ import annotations

import json
import sys
from itertools import groupby
from types import MappingProxyType

import pytest
import yaml

from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.probes import list_callers, list_probes_from
from ansible_collections.gatehouse.kong.tests.playbooks.plugins.action.test_json_output import provide_callback
from ansible_collections.gatehouse.kong.tests.playbooks.plugins.action.test_kong_nodes import run_apart
from ansible_collections.gatehouse.kong.tests.playbooks.roles.stage import ROOT
from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils.fleets import compile_fleet

FAKES = ("kong_gateway", "kong_placeholder", "kong_probe")
ACTION = """\
import json
from ansible.plugins.action import ActionBase
class ActionModule(ActionBase):
    def run(self, tmp=None, task_vars=None):
        host = task_vars["inventory_hostname"]
        with open(CALLS, "a") as file:
            file.write(json.dumps([NAME, host, self._task.check_mode]) + "\\n")
        return {"changed": NAME == "kong_gateway", **json.load(open(ANSWERS))[NAME].get(host, {})}
"""
NAT = [{"device": "router", "outside": "10.0.0.5", "outside_port": 9000, "inside_port": 8001}]
NODES = {
    "a1": {"kong_site": "lan", "kong_address": "10.0.0.1"},
    "b1": {"kong_site": "branch", "kong_address": "10.1.0.1", "kong_nat": NAT, "kong_admin_listen": "0.0.0.0:8001",
           "kong_admin_sources": ["a1"]},
}  # fmt: skip
NODES = {name: {**node, "kong_version": "3.9", "kong_proxy_listen": "off"} for name, node in NODES.items()}
PLAN = compile_fleet(NODES).plan
RESULTS = {"open": "open", "filtered": "filtered", "closed": "refused"}
LOCAL = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
DNAT = "missing: ip daddr 10.0.0.5 tcp dport 9000 dnat ip to 10.1.0.1:8001"


def read_plays(playbook):
    """Yield the plays of a playbook of the collection, without tasks that gather facts."""
    for play in yaml.safe_load((ROOT / f"playbooks/{playbook}.yml").read_text(encoding="utf-8")):
        if imported := play.get("ansible.builtin.import_playbook"):
            yield {"ansible.builtin.import_playbook": f"gatehouse.kong.{imported.partition('.')[0]}"}
        else:
            yield {**play, "tasks": [task for task in play["tasks"] if "gatehouse.kong.kong_network_facts" not in task]}


class Lab:
    """The collection with fake modules, and its answers."""

    def __init__(self, folder):
        self.folder = folder
        self.calls = []
        collection = folder / "ansible_collections/gatehouse/kong"
        (collection / "plugins/action").mkdir(parents=True)
        for name in ("roles", "playbooks", "galaxy.yml", "meta"):
            (collection / name).symlink_to(ROOT / name)
        for path in (ROOT / "plugins").iterdir():
            if path.name != "action":
                (collection / "plugins" / path.name).symlink_to(path)
        for path in (ROOT / "plugins/action").glob("*.py"):
            if path.stem not in FAKES:
                (collection / "plugins/action" / path.name).symlink_to(path)
        for name in FAKES:
            text = ACTION.replace("NAME", repr(name)).replace("ANSWERS", repr(str(folder / "answers.json")))
            (collection / f"plugins/action/{name}.py").write_text(text.replace("CALLS", repr(str(folder / "calls"))))

    def run(self, playbook, *arguments, **answers):
        """Run a playbook as run_apart does, and return the exit code, the output and the calls for the gateway."""
        done = self.run_apart(playbook, *arguments, **answers)
        calls = [json.loads(line) for line in (self.folder / "calls").read_text().splitlines()]
        return done.returncode, done.stdout + done.stderr, [call[1:] for call in calls if call[0] == "kong_gateway"]

    def run_apart(self, playbook, *arguments, failing, gateway, others=MappingProxyType({"router": LOCAL})):
        """Run a playbook; the connections in `failing` have no answer, and the router answers `gateway`."""
        probed = {
            caller: {"probes": [
                {"name": probe.name, "result": "filtered" if (caller, probe.target) in failing else RESULTS[probe.expected],
                 "detail": "no answer"}
                for probe in list_probes_from(PLAN, caller)]}
            for caller in list_callers(PLAN)
        }  # fmt: skip
        answers = {"kong_probe": probed, "kong_gateway": {"router": gateway}, "kong_placeholder": {}}
        (self.folder / "answers.json").write_text(json.dumps(answers))
        (self.folder / "calls").write_text("")
        inventory = {
            "kong": {"hosts": {name: {**LOCAL, **node} for name, node in NODES.items()}},
            "others": {"hosts": dict(others)},
        }
        (self.folder / "play.yml").write_text(yaml.safe_dump([*read_plays(playbook)]), encoding="utf-8")
        return run_apart(self.folder, "play.yml", *arguments, inventory=inventory)


@pytest.fixture
def lab(tmp_path, monkeypatch):
    monkeypatch.setenv("ANSIBLE_COLLECTIONS_PATH", str(tmp_path))
    return Lab(tmp_path)


VERIFY = ("verify",)
EXPLAIN = ("explain", "-e", "from=a1", "-e", "to=b1", "-e", "listener=admin")
SITE = "`ansible-playbook gatehouse.kong.site` restores its translations"


@pytest.mark.parametrize(
    ("playbook", "gateway", "cause"),
    [
        (VERIFY, {"report": [DNAT]}, f"cause: the gateway router differs from the plan: {DNAT}. {SITE}"),
        (VERIFY, {"failed": True, "msg": "it forwards no packet"}, "cause: on the gateway router: it forwards no packet"),
        (VERIFY, {"unreachable": True, "msg": "no route"}, "; the gateway router was not checked: no route"),
        (EXPLAIN, {"report": [DNAT]}, f"cause       the gateway router differs from the plan: {DNAT}. {SITE}"),
    ],
)  # fmt: skip
def test_the_cause_names_the_gateway(lab, playbook, gateway, cause):
    code, output, calls = lab.run(*playbook, failing={("a1", "b1")}, gateway=gateway)
    assert code == 2, output
    assert cause in output
    assert calls == [["router", True]]
    assert " changed=0 " in output.partition("router  ")[2]


def test_the_report_names_the_gateway(lab):
    report = lab.folder / "report.md"
    lab.run(*VERIFY, "-e", f"kong_report_path={report}", failing={("a1", "b1")}, gateway={"report": [DNAT]})
    assert "the gateway router differs from the plan" in report.read_text(encoding="utf-8")


def test_a_gateway_outside_the_limit_is_named(lab):
    code, output, calls = lab.run(*VERIFY, "--limit", "kong", failing={("a1", "b1")}, gateway={"report": [DNAT]})
    assert (code, calls) == (2, [])
    assert "the gateway router was not checked: it is not part of this run" in output


@pytest.mark.parametrize("playbook", [VERIFY, EXPLAIN])
def test_no_gateway_is_compared_if_all_connections_are_as_planned(lab, playbook):
    code, output, calls = lab.run(*playbook, failing=(), gateway={"report": [DNAT]})
    assert (code, calls) == (0, []), output


@pytest.mark.parametrize("playbook", [VERIFY, EXPLAIN])
def test_a_fleet_without_gateways(lab, playbook):
    code, output, calls = lab.run(
        *playbook, failing={("a1", "b1")}, gateway={"report": [DNAT]}, others={"admin": LOCAL}
    )
    assert (code, calls) == (2, []), output
    assert "router is down, or does not forward 10.0.0.5:9000 to 10.1.0.1:8001 (tcp)" in output
    assert "router needs this forward" in output


@pytest.mark.parametrize(
    ("playbook", "shown"), [(VERIFY, "1 differs from the plan"), (EXPLAIN, "cause       the gateway router")]
)
def test_standard_output_is_valid_json(lab, monkeypatch, playbook, shown):
    """Also with the table of results and their causes, which are printed to standard error."""
    provide_callback(lab.folder, monkeypatch)
    done = lab.run_apart(*playbook, failing={("a1", "b1")}, gateway={"report": [DNAT]})
    results = json.loads(done.stdout)["results"]
    assert [result for result in results if result[1] == "failed"] == [["a1", "failed"]]
    assert shown in done.stderr


def test_no_gateway_is_compared_in_check_mode(lab):
    code, output, calls = lab.run(*VERIFY, "--check", failing={("a1", "b1")}, gateway={"report": [DNAT]})
    assert (code, calls) == (0, []), output


OPENS = {"kong_verify_placeholder": True}
UDP = {"kong_stream_listen": "0.0.0.0:53 udp", "kong_stream_sources": ["a1"]}


@pytest.mark.parametrize(
    ("arguments", "variables", "observed"),
    [
        ((), {}, ()),
        (("-e", "kong_verify_placeholder=true"), {}, ("a1", "b1")),
        ((), OPENS, ("b1",)),
        ((), UDP, ("b1",)),
    ],
)
def test_placeholders_and_observers_run_before_and_after_all_probes(lab, monkeypatch, arguments, variables, observed):
    monkeypatch.setitem(NODES, "b1", {**NODES["b1"], **variables})
    lab.run(*VERIFY, *arguments, failing=set(), gateway={})
    calls = [json.loads(line)[:2] for line in (lab.folder / "calls").read_text().splitlines()]
    found = ["".join(sorted(f"{name} {host}\n" for name, host in group)) for group in group_calls(calls)]
    opened = "".join(f"kong_placeholder {host}\n" for host in observed)
    probed = "".join(f"kong_probe {host}\n" for host in ("a1", "b1"))
    assert found == ([opened, probed, opened] if observed else [probed])


def group_calls(calls):
    """Return the calls in groups of the same module."""
    return [[*group] for _name, group in groupby(calls, key=lambda call: call[0])]
