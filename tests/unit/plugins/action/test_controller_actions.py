# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action plugins that connect to no host: their results, their output and their errors."""

from __future__ import annotations

import json
import re
from types import SimpleNamespace

import pytest
from ansible import context
from ansible.errors import AnsibleActionFail
from ansible.plugins import action as action_base

from ansible_collections.gatehouse.kong.plugins.action import (
    kong_drift,
    kong_exit_status,
    kong_explain,
    kong_explain_names,
    kong_last_run,
    kong_leaving,
    kong_plan_diff,
    kong_problems,
    kong_report,
    kong_staged,
    kong_verification,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils import _run, _terminal
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.variables import PlainInventory
from ansible_collections.gatehouse.kong.plugins.plugin_utils._json import dump_json
from ansible_collections.gatehouse.kong.plugins.plugin_utils._task_action import TaskError
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.drift import NO_PLAN, Drift
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.probes import list_callers, list_probes_from
from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils.fleets import (
    SEED_NODES,
    SEED_OTHERS,
    plan_fleet,
)

PLAN = plan_fleet(SEED_NODES, SEED_OTHERS)
RESULTS = {"open": "open", "filtered": "filtered", "closed": "refused"}
LOADER = object()


def make_task(arguments, *, check_mode=False):
    """Return a task whose error stays complete."""
    return SimpleNamespace(
        args=arguments,
        check_mode=check_mode,
        async_val=0,
        diff=False,
        failed_when=[],
        until=[],
        retries=None,
        no_log=False,
        ignore_errors=True,
    )


class Hostvars(dict):
    """Variables of hosts, like those of Ansible."""

    raw_get = dict.__getitem__


def run(module, arguments, hostvars=None, *, check_mode=False, **variables):
    """Return the result of an action plugin and the texts that it printed."""
    printed = []
    action = module.ActionModule.__new__(module.ActionModule)
    action._task = make_task(arguments, check_mode=check_mode)
    action._loader = LOADER
    action._connection = SimpleNamespace(_shell=SimpleNamespace(tmpdir="unused"))
    display = SimpleNamespace(display=lambda text, stderr: printed.append(text))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(_terminal, "Display", lambda: display)
        try:
            return action.run(
                None, {"inventory_hostname": "a1", "hostvars": Hostvars(hostvars or {}), **variables}
            ), printed
        except TaskError as error:
            error.printed = printed
            raise


def provide_inventory(monkeypatch, module, inventory):
    """Let an action plugin read an inventory if it gives the variables of its task, and its loader, in this order."""

    def make(variables, loader):
        assert (variables["inventory_hostname"], loader) == ("a1", LOADER)
        return inventory

    monkeypatch.setattr(module, "AnsibleInventory", make)


def run_failing(module, arguments, hostvars=None, **variables):
    """Return the result of an action plugin that fails, and the texts that it printed."""
    with pytest.raises(TaskError) as caught:
        run(module, arguments, hostvars, **variables)
    return caught.value.result, caught.value.printed


def make_probes(caller, **changed):
    """Return the results of a host's probes as planned, except for the names in `changed`."""
    return [
        {"name": probe.name, "result": changed.get(probe.name, RESULTS[probe.expected]), "detail": "d"}
        for probe in list_probes_from(PLAN, caller)
    ]


def make_probed(**changed):
    return {
        caller: {"met": {"probes": make_probes(caller, **changed.get(caller, {}))}} for caller in list_callers(PLAN)
    }


@pytest.fixture(autouse=True)
def no_warning_of_ansible(monkeypatch):
    monkeypatch.setattr(action_base, "display", SimpleNamespace(warning=pytest.fail))


ACTIONS = {
    kong_explain: {"plan": PLAN, "caller": "a1", "target": "b1"},
    kong_explain_names: {"caller": "a1", "target": "b1"},
    kong_exit_status: {"result": {}},
    kong_drift: {"plan": PLAN, "registered": "node"},
    kong_staged: {"plan": PLAN, "registered": "node"},
    kong_verification: {"plan": PLAN, "registered": "met"},
    kong_plan_diff: {"old": "a", "new": "b"},
    kong_problems: {"registered": "node"},
    kong_report: {"plan": PLAN, "path": "x.md"},
}


@pytest.mark.parametrize("module", ACTIONS)
def test_facts_with_the_names_of_variables_are_an_error(module):
    with pytest.raises(AnsibleActionFail, match="a1: kong_role: "):
        run(module, ACTIONS[module], ansible_facts={"kong_role": "x"})


@pytest.mark.parametrize("module", [name for name in ACTIONS if "plan" in ACTIONS[name]])
def test_other_data_than_a_plan_is_an_error(module):
    with pytest.raises(AnsibleActionFail, match="plan"):
        run(module, {**ACTIONS[module], "plan": {"format": 0}})


@pytest.mark.parametrize("module", ACTIONS)
def test_plugins_need_no_connection(module):
    assert module.ActionModule._requires_connection is False


CLUSTER = "b1 cluster tcp 80 192.168.10.5:9000"


def test_explain_describes_each_probe_and_fails_if_a_result_differs():
    result, printed = run(kong_explain, {"plan": PLAN, "caller": "a1", "target": "b1", "listener": "cluster"})
    assert (result["changed"], len(result["lines"]) > 0, "failed" in result) == (False, True, False)
    assert printed == ["\n".join(["", *result["lines"], ""])]
    assert result["lines"].count("") == 2  # one before each of tcp and udp
    met = [{"name": CLUSTER, "result": "filtered", "detail": "d"}]
    result, _printed = run_failing(kong_explain, {**ACTIONS[kong_explain], "listener": "cluster", "results": met})
    assert (result["failed"], result["msg"], "lines" in result) == (True, f"not as expected: {CLUSTER}", False)
    assert result["msg"].endswith(f": {CLUSTER}")
    both = [{**met[0], "name": name} for name in (CLUSTER, CLUSTER.replace("tcp", "udp"))]
    result, _printed = run_failing(kong_explain, {**ACTIONS[kong_explain], "listener": "cluster", "results": both})
    assert result["msg"] == f"not as expected: {both[0]['name']}, {both[1]['name']}"
    met[0]["result"] = "open"
    result, _printed = run(kong_explain, {**ACTIONS[kong_explain], "listener": "cluster", "results": met})
    assert "failed" not in result


GROUPS = {"all": ["a1", "b1", "admin"], "kong": ["a1", "b1"], "edge": ["b1"]}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"caller": "admin", "target": "b1"}, ""),
        ({"caller": "admin", "target": "b1", "listener": "cluster", "opened": ["cluster", "proxy"]}, ""),
        (
            {"caller": "admin", "target": "b1", "listener": "stream", "opened": ["cluster", "proxy", "proxy"]},
            "listener: there is no listener 'stream'. Valid: cluster, proxy",
        ),
        (
            {"caller": "adm", "target": "x"},
            "from: there is no host 'adm'; did you mean 'admin'? Valid: a1, admin, b1",
        ),
        ({"caller": "a1", "target": "admin"}, "to: there is no Kong node 'admin'. Valid: a1, b1"),
        ({"caller": "a1", "target": "a1", "group": "edge"}, "to: there is no Kong node 'a1'"),
        ({"caller": "a1", "target": "b1", "group": "none"}, "to: there is no Kong node 'b1'"),
        ({"caller": "admin", "target": "b1", "callers": ["admin"]}, ""),
        (
            {"caller": "admin", "target": "b1", "callers": []},
            "from: --limit excludes 'admin', which has to test the connection. Add it to --limit",
        ),
        ({"target": "b1"}, "from is missing: add -e from=NAME. Valid: a1, admin, b1"),
        ({"caller": "a1"}, "to is missing: add -e to=NAME. Valid: a1, b1"),
        (
            {"caller": "a1", "target": "b1", "listener": "clustr", "opened": ["cluster"]},
            "listener: there is no listener 'clustr'; did you mean 'cluster'?",
        ),
    ],
)
def test_names_for_explain(arguments, message):
    if not message:
        assert run(kong_explain_names, arguments, groups=GROUPS) == ({"changed": False}, [])
        return
    with pytest.raises(AnsibleActionFail) as caught:
        run(kong_explain_names, arguments, groups=GROUPS)
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


def test_explain_reports_that_there_is_no_connection_to_test():
    result, printed = run(kong_explain, {"plan": PLAN, "caller": "a1", "target": "a1", "listener": "cluster_rpc"})
    assert result["lines"] == []
    assert printed == [f"\n{kong_explain._NO_PROBES}\n"]
    with pytest.raises(AnsibleActionFail, match="'c9'"):
        run(kong_explain, {"plan": PLAN, "caller": "c9", "target": "a1"})


NODE = {
    "firewall": {"failed": False, "report": []},
    "settings": {"failed": False, "changed_settings": [], "path": "/k"},
}


def test_drift_of_every_node(tmp_path):
    hostvars = {name: {"node": {**NODE}} for name in ("a1", "a2", "b1", "admin")}
    registered = {"plan": PLAN, "registered": "node"}
    result, printed = run(kong_drift, registered, hostvars)
    nodes = {name: {"firewall": [], "settings": []} for name in ("a1", "a2", "b1")}
    assert result == {**result, "changed": False, "differs": False, "nodes": nodes, "not_checked": {}}
    assert "failed" not in result
    (text,) = printed
    assert text.startswith("\n3 of 3 nodes ")
    assert text.endswith("\n")
    hostvars["a1"]["node"]["firewall"] = {"failed": False, "report": ["port 1 is open"]}
    hostvars["a2"] = {}
    del hostvars["b1"]
    file = tmp_path / "drift.json"
    result, _printed = run(kong_drift, {**registered, "path": str(file)}, hostvars)
    expected = {"a1": {"firewall": ["port 1 is open"], "settings": []}}
    absent = {name: ["it was unreachable, failed or not part of this run"] for name in ("a2", "b1")}
    assert (result["differs"], result["nodes"], result["not_checked"]) == (True, expected, absent)
    text = file.read_text(encoding="utf-8")
    assert json.loads(text) == {"format": 1, "differs": True, "nodes": expected, "not_checked": absent}
    assert text == json.dumps(json.loads(text), indent=2) + "\n"
    with pytest.raises(AnsibleActionFail, match="No such file or directory"):
        run(kong_drift, {**registered, "path": str(tmp_path / "no" / "drift.json")}, hostvars)


def test_drift_of_gateways():
    hostvars = {name: {"node": {**NODE}} for name in ("a1", "a2", "b1")}
    hostvars["router"] = {"gateway": {"changed": True, "report": ["missing: x"]}}
    arguments = {"plan": {**PLAN, "gateways": {"router": {}, "gone": {}}}, "registered": "node", "gateways": "gateway"}
    result, _printed = run(kong_drift, arguments, hostvars)
    assert result["nodes"]["router"] == {"gateway": ["missing: x"]}
    assert (result["gateways"], [*result["not_checked"]]) == (["gone", "router"], ["gone"])


def make_counts(*entries):
    counts = {"entries": [*entries], "limit": 65536, "uncounted": 0, "seconds": 60}
    return {"counted": {"staged": True, "ruleset": {"allow": []}, "counts": counts}}


def test_staged_returns_the_counts_and_the_failure(tmp_path, monkeypatch):
    file = tmp_path / "staged.json"
    hostvars = {name: make_counts() for name in ("a1", "a2", "b1")}
    arguments = {"plan": PLAN, "registered": "counted", "path": str(file)}
    provide_inventory(monkeypatch, kong_staged, PlainInventory({}, {}))
    state = {"staged": True, "counts": True, "seconds": 60, "uncounted": 0}
    quiet = {"format": 1, "problems": [], "proposals": [], "sources": [], "not_checked": {}}
    quiet["nodes"] = dict.fromkeys(hostvars, state)
    result, printed = run(kong_staged, arguments, hostvars)
    summary = "3 of 3 nodes checked, 3 staged: enforcing would drop no source"
    assert result == {**quiet, "changed": False, "summary": summary, "failure": ""}
    assert json.loads(file.read_text(encoding="utf-8")) == quiet
    assert len(printed) == 1
    hostvars["b1"] = {}
    result, _printed = run(kong_staged, arguments, hostvars)
    assert (result["failure"], [*result["not_checked"]]) == ("", ["b1"])
    entry = {"source": "192.168.10.77", "protocol": "tcp", "port": 8001, "packets": 3, "age": 60}
    hostvars["a1"] = make_counts(entry)
    result, _printed = run(kong_staged, arguments, hostvars)
    assert result["failure"] == "Not ready to enforce: unexpected sources on a1. The sources are listed above"
    assert result["problems"] == ["unexpected sources on a1"]
    assert [(source["node"], source["address"]) for source in result["sources"]] == [("a1", "192.168.10.77")]
    result, _printed = run(kong_staged, {**arguments, "expected": ["192.168.10.0/24"]}, hostvars)
    assert result["problems"] == []
    with pytest.raises(AnsibleActionFail, match="kong_staged_expected: "):
        run(kong_staged, {**arguments, "expected": ["bastion"]}, hostvars)


def test_drift_names_the_message_of_an_earlier_connection():
    hostvars = {
        "a1": {"node": {**NODE}, "facts": {"msg": "other"}},
        "a2": {"node": {"skipped": True}, "facts": {"unreachable": True, "msg": "no\x1b route\n"}},
        "b1": {"facts": {"unreachable": True, "msg": "refused"}},
    }
    reached = {"registered": "node", "reached": "facts"}
    result, _printed = run(kong_drift, {"plan": PLAN, **reached}, hostvars)
    assert result["not_checked"] == {"a2": [r"no\x1b route"], "b1": ["refused"]}
    result, _printed = run(kong_drift, {"group": "kong", **reached}, hostvars, groups={"kong": ["b1", "a2", "a1"]})
    assert (result["nodes"], result["not_checked"]) == (
        {}, {"a1": [NO_PLAN], "a2": [r"no\x1b route"], "b1": ["refused"]}
    )  # fmt: skip


def test_drift_of_nodes_without_a_password_for_become():
    """Ansible runs no module then, and the plan may lack facts."""
    reason = "Missing sudo password"
    hostvars = {name: {"facts": {"failed": True, "msg": reason}} for name in ("a1", "a2", "b1")}
    reached = {"registered": "node", "reached": "facts"}
    for arguments in ({"plan": PLAN}, {"group": "kong"}):
        result, _printed = run(kong_drift, {**arguments, **reached}, hostvars, groups={"kong": [*hostvars]})
        assert [*result["not_checked"]] == [*hostvars]
        assert all(lines[0].startswith(f"{reason}: give the password") for lines in result["not_checked"].values())
        assert result["failure"] == ""


@pytest.mark.parametrize(
    ("nodes", "not_checked", "failure"),
    [
        ({"a1": {"firewall": []}}, {}, ""),
        ({"a1": {"firewall": ["x"]}}, {"b1": ("y",)}, "The differences are listed above"),
        ({"a1": {"firewall": []}}, {"b1": ("y",)}, ""),
        ({}, {"a1": (NO_PLAN,)}, "There is no plan; the errors are listed above"),
        ({}, {"a1": (NO_PLAN,), "b1": ("y",)}, ""),
    ],
)
def test_the_failure_of_drift(nodes, not_checked, failure):
    assert Drift(nodes, not_checked).find_failure() == failure


@pytest.mark.parametrize(
    ("result", "status", "message"),
    [
        ({"failure": "", "not_checked": {}}, None, "found"),
        ({"failure": "it differs", "not_checked": {}}, "failed", "found. it differs"),
        ({"failure": "it differs", "not_checked": {"b1": "y"}}, "failed", "found. it differs"),
        (
            {"failure": "", "not_checked": {"b1": ["y"]}},
            "unreachable",
            "found. The nodes that were not checked are listed above",
        ),
    ],
)
def test_exit_status(result, status, message):
    arguments = {"result": {"summary": "found", **result}}
    hosts = ["a1", "b1"]
    execute = run_failing if status == "failed" else run
    result, printed = execute(kong_exit_status, arguments, ansible_play_hosts_all=hosts)
    assert [key for key in ("failed", "unreachable") if result.get(key)] == ([status] if status else [])
    assert (result["msg"], printed) == (message, [])


def test_a_node_outside_the_limit_does_not_change_the_exit_status():
    arguments = {"result": {"summary": "found", "failure": "", "not_checked": {"b1": ["not part of this run"]}}}
    result, _printed = run(kong_exit_status, arguments, ansible_play_hosts_all=["a1"])
    assert (result["msg"], "unreachable" in result) == ("found", False)


def find_problems(problems):
    """Return the message of kong_problems and the printed text for nodes with these problems."""
    hostvars = {name: {"node": {"problem": problem}} for name, problem in problems.items()}
    result, (printed,) = run_failing(
        kong_problems, {"registered": "node"}, {**hostvars, "left": {}}, ansible_play_hosts=[*problems, "left"]
    )
    return result["msg"], printed


def test_a_problem_of_many_nodes_is_one_line():
    problem = "/etc/kgon/kong.conf cannot be written: no directory /etc/kgon. Correct kong_listen_file"
    nodes = {f"k{number}": problem for number in range(1, 31)}
    message, printed = find_problems({**nodes, "k7": "", "x": "k7: bad\x1b"})
    assert message == "30 hosts cannot be changed as planned, for the reasons above. No host was changed"
    assert printed.split("\n") == [
        "",
        "Hosts that cannot be changed as planned:",
        f"k1 to k6, k8 to k30, 29 nodes: {problem}",
        "x: k7: bad\\x1b",
        "",
    ]


def test_different_problems_of_many_nodes_stay_short():
    problems = {
        f"node-{chr(97 + number % 26) * 60}-{chr(97 + number // 26)}": f"{chr(97 + number % 26) * (number + 5)} " * 300
        for number in range(100)
    }
    message, printed = find_problems(problems)
    assert len(message) + len(printed) < 6_000
    assert max(map(len, printed.splitlines())) < 1_200
    assert "more reasons, which the next run shows after the fix" in printed


@pytest.mark.parametrize(
    ("longest", "more"), [(750, []), (751, ["and 1 more reason, which the next run shows after the fix"])]
)
def test_problems_of_4500_characters_are_shown(longest, more):
    lengths = {"a": 750, "b": 750, "c": 750, "d": 750, "e": 750, "f": longest}
    problems = {name: name * (length - len("a: ")) for name, length in lengths.items()}
    _message, printed = find_problems(problems)
    shown = [f"{name}: {problem}" for name, problem in problems.items()]
    assert printed.splitlines()[2:] == [*shown[: 6 - len(more)], *more]


def test_nodes_without_a_problem_are_no_failure():
    hostvars = {"a1": {"node": {"problem": ""}}, "b1": {"node": {}}}
    result, printed = run(kong_problems, {"registered": "node"}, hostvars, ansible_play_hosts=["a1", "b1"])
    assert (result["changed"], printed) == (False, [])


def test_a_task_without_variables():
    action = kong_exit_status.ActionModule.__new__(kong_exit_status.ActionModule)
    arguments = {"result": {"summary": "", "failure": "", "not_checked": {}}}
    action._task = make_task(arguments)
    action._connection = SimpleNamespace(_shell=SimpleNamespace(tmpdir="unused"))
    assert action.run(None, None)["changed"] is False


def test_verification_as_planned():
    result, printed = run(kong_verification, {"plan": PLAN, "registered": "met"}, make_probed())
    assert (result["changed"], result["not_probed"], "failed" in result) == (False, [], False)
    assert len(result["outcomes"]) == sum(len([*list_probes_from(PLAN, caller)]) for caller in list_callers(PLAN))
    (text,) = printed
    assert text.startswith("\n")
    assert text.endswith("\n")
    assert f"\n{len(result['outcomes'])} " in text


def test_failed_verification_does_not_repeat_the_printed_differences():
    hostvars = make_probed(a1={CLUSTER: "filtered"})
    del hostvars["b1"]
    result, printed = run_failing(kong_verification, {"plan": PLAN, "registered": "met"}, hostvars)
    assert (result["failed"], "outcomes" in result, "not_probed" in result) == (True, False, False)
    assert result["msg"].startswith("1 difference from the plan")
    assert "DIFFERS: a1 to cluster of b1" in printed[0]
    assert "NOT PROBED from b1" in printed[0]


def test_verification_reports_ports_of_placeholders():
    hostvars = make_probed()
    hostvars["a1"]["held"] = {"placeholders": [{"listener": "proxy", "protocol": "tcp", "port": 8000}]}
    hostvars["a2"]["held"] = {"placeholders": []}
    plain, with_name = (
        run(kong_verification, {"plan": PLAN, "registered": "met", **more}, hostvars)[1][0]
        for more in ({}, {"placeholders": "held"})
    )
    added = [line for line in with_name.splitlines() if line not in plain.splitlines()]
    assert len(added) == 1
    assert "a1" in added[0]
    assert "a2" not in added[0]
    # The plan of a file may have nodes that the inventory no longer has.
    del hostvars["b1"]
    texts = run(kong_verification, {"plan": PLAN, "registered": "met", "placeholders": "held"}, hostvars)[1][0]
    assert added[0] in texts.splitlines()


SILENT = "a1 cluster udp 7946 192.168.10.11:7946"


def make_observed():
    """Return variables in which a1 accepted a packet of a2 without an answer."""
    hostvars = make_probed(a2={SILENT: "silent"})
    for probe in hostvars["a2"]["met"]["probes"]:
        probe["mark"] = "mark of a2"
    observed = {"arrived": [], "let_in": ["mark of a2"], "unheard": [], "sent_on": [], "blind": {}}
    hostvars["a1"]["end"] = {"observer": observed}
    return hostvars


def select_silence(outcomes):
    return [
        outcome["result"]
        for outcome in outcomes
        if (outcome["from"], outcome["to"], outcome["protocol"]) == ("a2", "a1", "udp")
    ]


@pytest.mark.parametrize("more, expected", [({}, ["silent"]), ({"observers": "end"}, ["open"])])
def test_observer_of_a_node_decides_about_silence(files, more, expected):
    result, _printed = run(kong_verification, {"plan": PLAN, "registered": "met", **more}, make_observed())
    assert select_silence(result["outcomes"]) == expected
    assert (
        select_silence(report(files, make_observed(), registered="met", **more)[1]["verification"]["outcomes"])
        == expected
    )


@pytest.fixture
def files(tmp_path):
    later = plan_fleet({**SEED_NODES, "a1": {**SEED_NODES["a1"], "kong_proxy_listen": "0.0.0.0:9000"}}, SEED_OTHERS)
    (tmp_path / "old").write_text(dump_json(PLAN), encoding="utf-8")
    (tmp_path / "new").write_text(dump_json(later), encoding="utf-8")
    return tmp_path


def test_plan_diff(files):
    result, printed = run(kong_plan_diff, {"old": str(files / "old"), "new": str(files / "new")})
    assert result["changed"] is False
    kinds = [(change["kind"], change["where"], change["subject"]) for change in result["changes"]]
    assert ("loses", ["a1"], "proxy 8000/tcp") in kinds
    assert ("gains", ["a1"], "proxy 9000/tcp") in kinds
    (text,) = printed
    assert text.startswith("\n")
    assert text.endswith("\n")
    assert "proxy 9000/tcp" in text
    with pytest.raises(AnsibleActionFail, match="missing"):
        run(kong_plan_diff, {"old": str(files / "missing"), "new": str(files / "new")})


FEWER = plan_fleet({"a1": SEED_NODES["a1"]}, SEED_OTHERS)


def check_commands(changes, options):
    """Check the commands for two nodes that left. a2 is in the inventory, and b1 is not."""
    found = {tuple(change["where"]): change["how"] for change in changes if change["subject"] == "warning node-left"}
    assert found["a2",].endswith(f"ansible-playbook gatehouse.kong.remove {options}-e leaving=a2")
    assert f"ansible-playbook gatehouse.kong.remove {options}-i b1, -e ansible_host=192.168.23.45 " in found["b1",]


@pytest.mark.parametrize(("inventory", "options"), [(None, ""), (("hosts,",), "-i hosts, ")])
def test_commands_for_nodes_that_left_have_the_inventory_of_the_run(files, monkeypatch, inventory, options):
    monkeypatch.setattr(context, "CLIARGS", {"inventory": inventory})
    (files / "fewer").write_text(dump_json(FEWER), encoding="utf-8")
    arguments = {"old": str(files / "old"), "new": str(files / "fewer")}
    check_commands(run(kong_plan_diff, arguments, groups={"all": ["a1", "a2"]})[0]["changes"], options)
    hosts = {"a1": {}, "a2": {}}
    check_commands(report(files, hosts, plan=FEWER, before=str(files / "old"))[1]["changes"], options)
    without_groups = run(kong_plan_diff, arguments)[0]["changes"]
    assert any("-i a2, " in change["how"] for change in without_groups)


def report(files, *args, **arguments):
    result, printed = run(kong_report, {"plan": PLAN, "path": str(files / "report"), **arguments}, *args)
    kept = files / "report" / "report.json"
    return result, json.loads(kept.read_text(encoding="utf-8")) if kept.exists() else None, printed


def test_report_of_a_verification_counts_the_tested_forwards(files):
    mapping = {"device": "router", "outside": "192.168.10.5", "outside_port": 9000, "inside_port": 80,
               "hairpin_source": "192.168.23.254"}  # fmt: skip
    nodes = {**SEED_NODES, "b1": {**SEED_NODES["b1"], "kong_nat": [mapping]}}
    plan = plan_fleet(nodes, {**SEED_OTHERS, "router": {"kong_address": "192.168.10.5"}})
    _result, kept, _printed = report(files, make_probed(), plan=plan, registered="met")
    [[gateway, counts, untested]] = kept["verification"]["forwards"]
    assert (gateway, counts, untested) == ("router", "2 of 2 from outside, 2 of 2 from inside", {})


def test_report_of_a_verification(files):
    hostvars = make_probed()
    hostvars["a1"]["held"] = {"placeholders": [{"listener": "proxy"}]}
    hostvars["a2"]["held"] = {"placeholders": []}
    hostvars["b1"]["held"] = None
    result, kept, printed = report(files, hostvars, registered="met", placeholders="held", before=str(files / "new"))
    assert result["changed"] is True
    assert result["files"] == [str(files / "report" / f"report.{form}") for form in ("html", "md", "json", "xml")]
    assert result["path"] == result["files"][0]
    assert printed == [f"\nThe report: {result['path']}\n"]
    assert kept["verification"]["placeholders"] == ["a1"]
    assert kept["verification"]["sampled"] is False
    assert len(kept["verification"]["outcomes"]) == sum(
        len([*list_probes_from(PLAN, caller)]) for caller in list_callers(PLAN)
    )
    assert next(change["subject"] for change in kept["changes"] if change["kind"] == "loses") == "proxy 9000/tcp"
    # A later report keeps the verification of the earlier report, and adds its own results.
    result, kept, _printed = report(
        files, drift={"nodes": {"a1": {}}, "not_checked": {"a2": ["away"]}, "differs": True}
    )
    assert kept["verification"]["placeholders"] == ["a1"]
    assert (kept["drift"]["nodes"], kept["drift"]["not_checked"], kept["changes"]) == (
        {"a1": {}},
        {"a2": ["away"]},
        None,
    )
    assert "differs" not in kept["drift"]
    assert kept["drift"]["at"].endswith(" UTC")
    assert report(files)[0]["changed"] is False


def test_report_of_counted_sources(files, monkeypatch):
    provide_inventory(monkeypatch, kong_staged, PlainInventory({}, {}))
    counts, _printed = run_staged({"a1": make_counted("192.0.2.9"), "a2": make_counted()})
    _result, kept, _printed = report(files, staged=counts)
    assert [source["address"] for source in kept["staged"]["sources"]] == ["192.0.2.9"]
    assert sorted(kept["staged"]) == ["at", "nodes", "not_checked", "problems", "sources"]
    _result, again, _printed = report(files, drift={"nodes": {"a1": {}}, "not_checked": {}, "differs": False})
    assert again["staged"] == kept["staged"]


def test_report_without_the_name_of_placeholders_has_none(files):
    hostvars = make_probed()
    for variables in hostvars.values():
        variables["None"] = {"placeholders": ["x"]}
    assert report(files, hostvars, registered="met")[1]["verification"]["placeholders"] == []
    del hostvars["a1"]
    for variables in hostvars.values():
        variables["held"] = {"placeholders": ["x"]}
    assert report(files, hostvars, registered="met", placeholders="held")[1]["verification"]["placeholders"] == [
        "a2",
        "b1",
    ]


def test_report_in_check_mode_writes_nothing(files):
    result, _printed = run(kong_report, {"plan": PLAN, "path": str(files / "one.md")}, check_mode=True)
    assert (result["changed"], (files / "one.md").exists()) == (True, False)
    (files / "folder").mkdir()
    with pytest.raises(AnsibleActionFail, match=r"cannot be (written|created)"):
        run(kong_report, {"plan": PLAN, "path": str(files / "old" / "one.md")})


def test_report_of_a_refused_plan(files, monkeypatch):
    monkeypatch.setattr(_run.constants, "DEFAULT_LOCAL_TMP", str(files))
    found = [{"severity": "error", "code": "x", "host": "a1", "variable": "v", "value": 1, "message": "a1: v: x"}]
    _run.keep_refused("kong", found)
    arguments = {"refused_group": "kong", "path": str(files / "one.json")}
    result, _printed = run(kong_report, arguments)
    assert result["files"] == [str(files / "one.json")]
    assert json.loads((files / "one.json").read_text(encoding="utf-8"))["findings"] == found
    with pytest.raises(AnsibleActionFail, match="refused_group: edge: "):
        run(kong_report, {**arguments, "refused_group": "edge"})
    for wrong in ({"path": "x.md"}, {**arguments, "plan": PLAN}):
        with pytest.raises(AnsibleActionFail, match=r"plan.*refused_group"):
            run(kong_report, wrong)


OF_LEFT = {"site": "k", "address": {"ipv4": None, "ipv6": None}}
LEFT = {"format": 1, "nodes": {}, "left": {"k2": OF_LEFT, "k3": OF_LEFT}}
FORGOTTEN = {**LEFT, "left": {"k3": OF_LEFT}}


@pytest.mark.parametrize("check_mode", [False, True])
@pytest.mark.parametrize(
    ("text", "cleaned", "after"),
    [
        (dump_json(LEFT), ["k2", "k9"], dump_json(FORGOTTEN)),
        (dump_json(LEFT), ["k9"], None),
        (dump_json({"format": 1, "nodes": {}}), ["k2"], None),
    ],
)
def test_cleaned_nodes_are_deleted_from_a_plan_file(tmp_path, text, cleaned, after, check_mode):
    file = tmp_path / "plan.json"
    file.write_text(text, encoding="utf-8")
    result, _printed = run(kong_leaving, {"hosts": cleaned, "cleaned_in": str(file)}, check_mode=check_mode)
    assert result["changed"] is (after is not None)
    assert file.read_text(encoding="utf-8") == (after if after and not check_mode else text)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "this is not JSON: "),
        ("not a plan", "this is not JSON: "),
        (dump_json(LEFT)[:-20], "this is not JSON: "),
        (dump_json({**LEFT, "left": None}), "this is not a plan: `left` is null"),
    ],
)
def test_a_damaged_plan_file_is_a_warning_that_names_it(tmp_path, text, reason):
    file = tmp_path / ("p" * 250)
    file.write_text(text, encoding="utf-8")
    hosts = [f"{'gateway-' * 7}{name}" for name in "abcdefg"]
    result, _printed = run(kong_leaving, {"hosts": hosts, "cleaned_in": str(file)})
    (warning,) = result["warnings"]
    assert (result["changed"], file.read_text(encoding="utf-8")) == (False, text)
    assert re.match(rf"kong_plan_file: /.*… was not changed, because {re.escape(reason)}", warning)
    assert "or delete it" in warning
    assert len(warning) <= 400


def test_without_a_plan_file_no_node_is_deleted(tmp_path):
    result, _printed = run(kong_leaving, {"hosts": ["k2"], "cleaned_in": str(tmp_path / "plan.json")})
    assert (result["changed"], result.get("warnings")) == (False, None)


@pytest.mark.parametrize(
    ("hosts", "group", "named"),
    [(["k1", "k2"], {}, "k1"), (["k2"], {}, ""), (["k2"], {"group": "edge"}, "k2"), (["k1"], {"group": "none"}, "")],
)
def test_hosts_to_clean_that_are_still_nodes_are_a_warning(monkeypatch, hosts, group, named):
    groups = {"all": ["k1", "k2"], "kong": ["k1"], "edge": ["k2"]}
    inventory = PlainInventory(groups, {"k1": {}, "k2": {}})
    provide_inventory(monkeypatch, kong_leaving, inventory)
    result, _printed = run(kong_leaving, {"hosts": hosts, **group}, groups=groups)
    started = [text.partition(": still in the group ")[0] for text in result.get("warnings", ())]
    assert started == ([f"leaving: {named}"] if named else [])


def make_counted(*sources, seconds=None):
    entries = [{"source": source, "protocol": "tcp", "port": 8001, "packets": 2, "age": 90} for source in sources]
    counts = {"entries": entries, "limit": 65536, "uncounted": 0, "seconds": seconds}
    return {"node": {"staged": True, "ruleset": {}, "counts": counts}}


def run_staged(hostvars, **arguments):
    arguments = {"plan": PLAN, "registered": "node", **arguments}
    return run(kong_staged, arguments, hostvars, inventory_hostname="a1")


def test_counted_sources_are_a_failure_unless_they_are_expected(monkeypatch, tmp_path):
    provide_inventory(monkeypatch, kong_staged, PlainInventory({"all": ["x"]}, {"x": {}}))
    hostvars = {"a1": make_counted("192.0.2.9"), "a2": make_counted(), "b1": make_counted()}
    result, printed = run_staged(hostvars, path=str(tmp_path / "staged.json"))
    assert result["failure"] == "Not ready to enforce: unexpected sources on a1. The sources are listed above"
    assert result["proposals"] == [{"variable": "kong_admin_sources", "nodes": ("a1",), "terms": ("192.0.2.9",)}]
    assert "192.0.2.9" in "".join(printed)
    written = json.loads((tmp_path / "staged.json").read_text())
    assert (written["format"], written["sources"][0]["address"]) == (1, "192.0.2.9")
    result, _printed = run_staged(hostvars, expected=["192.0.2.0/24"], quiet_days=7)
    assert (result["failure"], result["summary"]) == (
        "", "3 of 3 nodes checked, 3 staged: enforcing would drop no source"
    )  # fmt: skip
    result, _printed = run_staged({**hostvars, "a2": make_counted(seconds=60)}, expected=["192.0.2.0/24"], quiet_days=7)
    assert "a2 has counted for less than 7 days" in result["failure"]


def test_a_node_without_counts_is_not_checked():
    result, printed = run_staged({"a1": make_counted(), "a2": make_counted()})
    assert (result["failure"], [*result["not_checked"]]) == ("", ["b1"])
    assert "NOT CHECKED: b1: it was unreachable" in "".join(printed)


def test_an_expected_source_that_is_no_network_is_an_error():
    with pytest.raises(AnsibleActionFail, match="kong_staged_expected: 'x' is not an IPv4 or IPv6 address or network"):
        run_staged({}, expected=["x"])


@pytest.mark.parametrize(
    ("nodes", "gateways", "changed"),
    [
        ({"a": "1", "b": "2"}, {"g": "2"}, (["b"], ["g"])),
        ({"a": "2"}, {"g": "1"}, (["a"], [])),
        ({"a": "1"}, {"g": "2"}, ([], ["g"])),
        ({"a": None}, {"g": None}, ([], [])),
    ],
)
def test_the_last_run_is_that_of_nodes_and_gateways(nodes, gateways, changed):
    def make_hostvars(name, runs):
        return {host: {name: {"found": run is not None, "run": run or ""}} for host, run in runs.items()}

    hostvars = {**make_hostvars("point", nodes), **make_hostvars("nat", gateways), "unreachable": {}}
    arguments = {"nodes": "point", "gateways": "nat", "gateway_hosts": [*gateways, "unreachable"]}
    result, _printed = run(kong_last_run, arguments, hostvars, ansible_play_hosts=[*nodes])
    assert (result["nodes"], result["gateways"]) == changed
