# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The parts of a node are inspected one by one; a part that fails leaves the others."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import Host, HostError
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_conf.text import ConfError
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.kong_file import Comparison
from ansible_collections.gatehouse.kong.plugins.module_utils._modules import kong_node_info
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.conflict import Conflict
from ansible_collections.gatehouse.kong.plugins.module_utils._transaction.transaction import ConflictError

PARAMS = {"path": "/etc/kong/kong.conf", "settings": {"a": "b"}}
CONFLICT = Conflict(True, "table ip x", "a drop", ("tcp 8000",), "Remove it")
ERRORS = {
    "firewall": ("inspect_firewall", HostError("no nft")),
    "settings": ("compare_file", ConfError("/k: no directory")),
    "listeners": ("inspect_listeners", OSError("no proc")),
    "interception": ("apply_interception", ConflictError((CONFLICT,))),
}


@pytest.fixture
def parts(monkeypatch, tmp_path):
    """Replace the four inspections, and return the calls."""
    calls = SimpleNamespace(paths=[], conflicts=(), check_mode=None)
    found = Comparison("/k", tmp_path / "k", "", "a = b", ["a"], {"a": None}, [])

    def read_listens(params):
        calls.paths.append(params["path"])
        return {"listens": True}

    def intercept(_params, warn, *, check_mode):
        calls.check_mode = check_mode
        warn("deaf")
        return {"changed": False}, None

    outcome = SimpleNamespace(conflicts=calls.conflicts)
    calls.outcome = outcome
    monkeypatch.setattr(kong_node_info, "inspect_firewall", lambda _params: ({"differs": False}, outcome))
    monkeypatch.setattr(kong_node_info, "compare_file", lambda _params, _warn: found)
    monkeypatch.setattr(kong_node_info, "inspect_listeners", read_listens)
    monkeypatch.setattr(kong_node_info, "apply_interception", intercept)
    return calls


def test_all_parts(parts, tmp_path):
    found_warnings = []
    assert kong_node_info.inspect_node(PARAMS, found_warnings.append) == {
        "firewall": {"failed": False, "differs": False, "blocked": False},
        "settings": {
            "failed": False,
            "path": str(tmp_path / "k"),
            "changed_settings": ["a"],
            "before": {"a": None},
            "unknown": [],
            "changed": True,
        },
        "listeners": {"failed": False, "listens": True},
        "interception": {"failed": False, "changed": False},
    }
    assert (found_warnings, parts.paths, parts.check_mode) == (["deaf"], [str(tmp_path / "k")], True)


@pytest.mark.parametrize("part", ERRORS)
def test_a_part_that_fails_leaves_the_others(parts, monkeypatch, part):
    function, error = ERRORS[part]

    def fail(*_arguments, **_named):
        raise error

    monkeypatch.setattr(kong_node_info, function, fail)
    found = kong_node_info.inspect_node(PARAMS, [].append)
    assert found[part] == {"failed": True, "msg": str(error)}
    assert [name for name, result in found.items() if result["failed"]] == [part]
    assert parts.paths == ([] if part == "listeners" else [found["settings"].get("path", PARAMS["path"])])


def test_a_conflict_is_a_warning_and_blocks_if_it_is_certain(parts):
    found_warnings = []
    parts.outcome.conflicts = (CONFLICT,)
    assert kong_node_info.inspect_node(PARAMS, found_warnings.append)["firewall"]["blocked"] is True
    assert found_warnings == [str(CONFLICT), "deaf"]


@pytest.mark.parametrize("interrupted", [False, True])
def test_the_result_tells_whether_a_run_was_interrupted(parts, monkeypatch, tmp_path, interrupted):
    ended = []
    module = SimpleNamespace(
        params={"node": PARAMS, "backend": "auto", "service": "kong", "program": "/opt/kong"},
        exit_json=lambda **result: ended.append(result),
        warn=ended.append,
    )
    asked = (interrupted, "auto", "kong")
    monkeypatch.setattr(
        kong_node_info, "has_open_run", lambda _host, *given: (interrupted, *given) == asked and interrupted
    )
    monkeypatch.setattr(kong_node_info, "Host", lambda: Host(tmp_path))
    monkeypatch.setattr(kong_node_info, "require_root", lambda _work: None)
    if interrupted:
        Host(tmp_path).write("/opt/kong", "", 0o755)
    kong_node_info.run(module)
    (result,) = ended
    assert result["has_program"] is interrupted
    assert (result["interrupted"], result["changed"], result["found_warnings"]) == (interrupted, False, ["deaf"])
    assert {"firewall", "settings", "listeners", "interception"} < {*result}
    assert "node" not in module.params


def test_a_variable_that_overrides_the_plan_is_a_warning(parts, monkeypatch, tmp_path):
    """No other module of a run tells it, whether the node differs or not."""
    effective = [{"line": "a is c, planned b", "origin": "environment"}, {"line": "d is e", "origin": "started"}]
    monkeypatch.setattr(kong_node_info, "inspect_listeners", lambda _params: {"listens": True, "effective": effective})
    monkeypatch.setattr(kong_node_info, "Host", lambda: Host(tmp_path))
    monkeypatch.setattr(kong_node_info, "require_root", lambda _work: None)
    warned = []
    module = SimpleNamespace(
        params={"node": PARAMS, "backend": "auto", "service": "kong", "program": "/opt/kong"},
        exit_json=lambda **_result: None,
        warn=warned.append,
    )
    kong_node_info.run(module)
    assert warned == ["a is c, planned b. Remove the variable", "d is e"]
