# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action plugin of modules on hosts in one process: its calls of Ansible, and its results case by case."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from ansible.errors import AnsibleActionFail, AnsibleConnectionFailure, AnsibleError
from ansible.module_utils.basic import _PY_MIN

from ansible_collections.gatehouse.kong.plugins.action import kong_node_info, kong_probe, kong_restore_point
from ansible_collections.gatehouse.kong.plugins.plugin_utils import _node_module
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.variables import VariableError
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.probes import list_probes_from
from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils.fleets import plan_fleet

VARIABLES = {"inventory_hostname": "n"}
OLDEST = ".".join(map(str, max((3, 8), _PY_MIN)))


@pytest.fixture
def run(monkeypatch):
    """Return a function that returns the result of an action plugin for an answer of the host, and the calls of Ansible."""

    def run_module(
        answer,
        module=_node_module.NodeModule,
        *,
        python="/usr/bin/python3",
        shown=None,
        variables=...,
        background=0,
        native=False,
        failed_when=(),
        **arguments,
    ):
        calls = []

        def execute(**given):
            calls.append(given)
            if isinstance(answer, Exception):
                raise answer
            return dict(answer)

        def run_command(command):
            calls.append(command)
            return {"stdout": "", "stderr": "", **(shown or {})}

        action = module.__new__(module)
        action._task = SimpleNamespace(
            action="gatehouse.kong.kong_x",
            args=arguments,
            async_val=background,
            failed_when=[*failed_when],
            until=[],
            retries=None,
            no_log=False,
            ignore_errors=True,
        )
        action._connection = SimpleNamespace(_shell=SimpleNamespace(tmpdir="/tmp/1"), has_native_async=native)
        action._used_interpreter = python
        monkeypatch.setattr(_node_module, "provide_archive", lambda name: f"code of {name}")
        monkeypatch.setattr(action, "_execute_module", execute)
        monkeypatch.setattr(action, "_low_level_execute_command", run_command)
        monkeypatch.setattr(action, "_remove_tmp_path", lambda path: calls.append(f"remove {path}"))
        monkeypatch.setattr("ansible.plugins.action.ActionBase.run", lambda *_words: {"of": "Ansible"})
        try:
            return action.run(None, VARIABLES if variables is ... else variables), calls
        except AnsibleActionFail as exc:
            # A failed module has a result.
            return exc.result if "of" in exc.result else str(exc), calls

    return run_module  # fmt: skip


@pytest.mark.parametrize(
    ("background", "native", "is_wrapped"), [(0, False, False), (30, False, True), (30, True, False), (0, True, False)]
)
def test_the_module_gets_its_options_and_its_code(run, background, native, is_wrapped):
    result, calls = run({"changed": True}, background=background, native=native, path="/k")
    assert result == {"of": "Ansible", "changed": True}
    given = {"path": "/k", "archive": "code of kong_x"}
    module = {"module_name": "gatehouse.kong.kong_x", "module_args": given}
    called = {**module, "task_vars": VARIABLES, "wrap_async": is_wrapped}
    # The module in the background still needs the temporary folder.
    assert calls == [called, *([] if is_wrapped else ["remove /tmp/1"])]


def test_facts_with_names_of_variables_are_refused_before_the_host_is_reached(run):
    variables = {**VARIABLES, "ansible_facts": {"kong_role": "x"}}
    result, calls = run({}, variables=variables)
    assert result.startswith("n: kong_role: the facts of this host have this name")
    assert calls == []
    assert run({"changed": False}, variables=None)[0] == {"of": "Ansible", "changed": False}


CRASHED = {"failed": True, "module_stderr": "SyntaxError"}
TOO_OLD = {"failed": True, "msg": "ansible-core requires a minimum of Python2 version"}


@pytest.mark.parametrize(
    "answer", [CRASHED, {**TOO_OLD, "msg": "requires a minimum of Python version 3.9. Current: 3.6"}]
)
@pytest.mark.parametrize(
    ("shown", "version"),
    [
        ({"stdout": "Python 3.6.15\n"}, "3.6.15"),
        ({"stderr": "Python 2.7.18\n"}, "2.7.18"),
        ({"stdout": "Python 3.7.0rc1\n"}, "3.7.0rc1"),
        ({"stdout": "Python 2.15.1\n"}, "2.15.1"),
        ({"stdout": f"Python {OLDEST}.0\n"}, None),
        ({"stdout": "Python 3.13.0\n"}, None),
        ({"stdout": "Python 4.0.0\n"}, None),
        ({"stdout": "something else\n"}, None),
        ({}, None),
    ],
)
def test_an_old_python_is_the_reason_of_a_failure(run, answer, shown, version):
    result, calls = run(answer, shown=shown, python="#!/opt/py\x1b")
    assert calls[1] == "/opt/py\x1b -V"
    if version:
        assert result == (
            rf"n: /opt/py\x1b is Python {version}, and modules need Python {OLDEST} or later. "
            "Install it on the host, and set ansible_python_interpreter to its path"
        )
    else:
        assert result == {"of": "Ansible", **answer}


@pytest.mark.parametrize(
    ("answer", "python"),
    [
        ({"failed": True, "msg": "no space left"}, "/usr/bin/python3"),
        ({"failed": True}, "/usr/bin/python3"),
        (CRASHED, None),
        (CRASHED, ""),
        (TOO_OLD, None),
    ],
)
def test_no_program_is_run_for_other_failures_or_without_a_python(run, answer, python):
    result, calls = run(answer, python=python, shown={"stdout": "Python 3.6.1"})
    assert result == {"of": "Ansible", **answer}
    assert calls[1:] == ["remove /tmp/1"]


@pytest.mark.parametrize("failed_when", [[], [False]])
def test_a_failed_become_has_a_fix_and_can_be_judged_by_the_task(run, failed_when):
    """Ansible raises it, and drift would end without its table."""
    result, _calls = run(AnsibleError("Missing sudo\x1b password"), failed_when=failed_when)
    message = result["msg"] if failed_when else result
    assert message.startswith(r"Missing sudo\x1b password: give the password with --ask-become-pass")


def test_a_failed_connection_is_an_error_of_ansible(run):
    with pytest.raises(AnsibleConnectionFailure):
        run(AnsibleConnectionFailure("no route"))


NODE = {
    "version": "3.9",
    "role": "traditional",
    "listeners": [],
    "settings": {"admin_listen": "127.0.0.1:8001"},
    "settings_file": {"path": "/etc/kong/kong.conf", "search": [], "format": "conf"},
    "ruleset": {"allow": [], "sets": {}},
    "interception": [],
}
PARTS = {
    "firewall": {"failed": False, "differs": False, "blocked": False},
    "settings": {"failed": False, "changed": False, "before": {}},
    "listeners": {"failed": False, "listens": True, "runs": True, "effective": [], "unloaded": "", "cannot_bind": ""},
    "interception": {"failed": False, "changed": False},
    "interrupted": False,
    "found_warnings": ["readable\x1b"],
}


def test_a_node_is_compared_with_its_plan(run):
    result, calls = run(PARTS, kong_node_info.ActionModule, node=NODE, config={"prefix": "/opt/kong"})
    sent = calls[0]["module_args"]
    assert (sent["config"], sent["node"]["prefix"], sent["node"]["path"]) == ({}, "/opt/kong", "/etc/kong/kong.conf")
    assert (result["differs"], result["problem"], result["restart"]["how"]) == (False, "", "nothing")
    assert result["warnings"] == [r"readable\x1b"]
    assert "found_warnings" not in result
    assert calls[0]["wrap_async"] is False


@pytest.mark.parametrize(
    ("change", "how", "warnings"),
    [
        ({"listens": False}, "restart", ["own"]),
        ({"listens": False, "runs": False}, "start", ["own"]),
        ({"unloaded": "old values"}, "reload", ["own"]),
        ({}, "nothing", ["own", r"readable\x1b"]),
    ],
)
def test_warnings_of_modules_that_change_the_node_are_left_to_them(run, change, how, warnings):
    parts = {**PARTS, "listeners": {**PARTS["listeners"], **change}, "warnings": ["own"]}
    result, _calls = run(parts, kong_node_info.ActionModule, node=NODE, config=None)
    assert (result["restart"]["how"], result["warnings"]) == (how, warnings)


def test_a_failure_of_the_comparison_is_returned(run):
    failed = {"failed": True, "msg": "no root"}
    assert run(failed, kong_node_info.ActionModule, node=NODE)[0] == {"of": "Ansible", **failed}


def test_settings_that_no_file_can_have_are_refused_before_the_host_is_reached(run):
    result, calls = run(PARTS, kong_node_info.ActionModule, node=NODE, config={"proxy_listen": "0.0.0.0:80"})
    assert "proxy_listen" in result
    assert calls == []


def test_certificates_of_probes_are_read_and_their_texts_escaped(run):
    probes = [{"name": "a", "detail": "d\x1b"}, {"name": "b", "detail": "d", "certificate": "AAAA"}]
    result, _calls = run({"probes": probes}, kong_probe.ActionModule, probes=[])
    first, second = result["probes"]
    assert first == {"name": "a", "detail": r"d\x1b"}
    assert second["certificate"] is None
    assert second["detail"].startswith("d; the certificate cannot be read: ")
    assert "\n" not in second["detail"]
    assert run({"failed": True}, kong_probe.ActionModule, probes=[])[0] == {"of": "Ansible", "failed": True}


def test_the_probes_of_a_host_are_read_from_the_plan(run):
    node = {"kong_address": "10.0.0.1", "kong_virtual_addresses": ["10.0.0.9"]}
    plan = plan_fleet({"n": node, "m": {"kong_address": "10.0.0.2"}})
    _result, calls = run({}, kong_probe.ActionModule, plan=plan, pairs="100")
    given = calls[0]["module_args"]
    assert (given["plan"], given["addresses"]) == (None, ["10.0.0.9"])
    chosen = [probe.as_dict() for probe in list_probes_from(plan, "n")]
    assert sorted(given["probes"], key=str) == sorted(chosen, key=str)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"plan": plan_fleet({"n": {"kong_address": "10.0.0.1"}}), "pairs": "0"},
            "pairs is '0'; give a number, at least 1",
        ),
        ({"plan": plan_fleet({"m": {"kong_address": "10.0.0.1"}})}, "'n' is not in the plan"),
        ({}, "give exactly one of probes and plan"),
        ({"plan": "/missing", "probes": []}, "give exactly one of probes and plan"),
        ({"plan": "/missing"}, "the plan file /missing cannot be read"),
    ],
)
def test_a_plan_without_probes_for_the_host_is_an_error(run, arguments, message):
    result, calls = run({}, kong_probe.ActionModule, **arguments)
    assert message in str(result)
    assert calls == []


@pytest.mark.parametrize(
    ("values", "refused"),
    [
        ({}, ""),
        ({"kong_listen_service": "kong"}, ""),
        ({"kong_listen_service": VariableError("x")}, "n: kong_listen_service: its value cannot be computed"),
        ({"kong_firewall_backend": VariableError("x")}, "n: kong_firewall_backend: its value cannot be computed"),
        # A rollback does not read this variable.
        ({"kong_report_path": VariableError("x")}, ""),
    ],
)
def test_a_rollback_reads_its_variables_before_the_host_is_reached(run, monkeypatch, values, refused):
    class Values:
        def get(self, name):
            if isinstance(values.get(name), Exception):
                raise values[name]

    inventory = SimpleNamespace(read_variables=lambda host: Values() if host == "n" else None)
    monkeypatch.setattr(kong_restore_point, "AnsibleInventory", lambda *_given: inventory)
    monkeypatch.setattr(kong_restore_point.ActionModule, "_loader", None, raising=False)
    result, calls = run({"changed": True}, kong_restore_point.ActionModule, state="restored")
    if refused:
        assert result.startswith(refused)
        assert calls == []
    else:
        assert result == {"of": "Ansible", "changed": True}
        assert calls[0]["module_args"] == {"state": "restored", "archive": "code of kong_x"}
