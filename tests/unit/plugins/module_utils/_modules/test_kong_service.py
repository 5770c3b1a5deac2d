# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from types import SimpleNamespace

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import Host
from ansible_collections.gatehouse.kong.plugins.module_utils._host.masters import Master
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.plan import Kong, ServiceError
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.run import Done
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.running import Running
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.started import StartedFile
from ansible_collections.gatehouse.kong.plugins.module_utils._modules import kong_service

LISTENER = {
    "name": "proxy",
    "protocols": ["tcp"],
    "port": 80,
    "address": "0.0.0.0",
    "setting": "proxy_listen",
    "flags": [],
}
PARAMS = {"how": "reload", "conf": "/kong.conf", "settings": None, "before": None, "listeners": [LISTENER]}
MODULE = SimpleNamespace(check_mode=False, params={**PARAMS, "looks": 1, "drain": 0})


@pytest.mark.parametrize(
    ("given", "used", "expected"),
    [
        (None, "/srv/kong", "/srv/kong"),
        (None, "/usr/local/kong", ""),
        ("/srv/new", "/srv/kong", "/srv/new"),
        (None, None, ""),
    ],
)
def test_the_prefix_is_that_of_the_running_kong_unless_it_is_given(monkeypatch, tmp_path, given, used, expected):
    """Otherwise `kong quit` and the comparison after a reload would not find a Kong whose file has another prefix."""
    running = Running(Master(tmp_path / "7", used) if used else None, "")
    monkeypatch.setattr(kong_service, "find_running", lambda *_args: running)
    params = {"version": "3.4", "service": "", "prefix": given, "conf": "/etc/kong/kong.conf", "program": "kong"}
    commands = {"restart_command": None, "reload_command": None}
    assert kong_service.read_kong({**params, **commands}, Host(tmp_path)).prefix == expected


@pytest.mark.parametrize("foreign", ["", "kong.conf", "used.conf", "template", "code"])
def test_every_file_that_the_start_reads_must_be_of_root(monkeypatch, tmp_path, change_owner, foreign):
    """Kong's file of the inventory, the file and the template of the unit, and the code to which they lead."""
    for name in ("kong.conf", "used.conf", "template", "code"):
        (tmp_path / name).touch()
    (tmp_path / "used.conf").write_text(f"lua_package_path = {tmp_path}/code/?.lua\n")
    if foreign:
        change_owner(tmp_path / foreign)
    start = ("kong", "prepare", "-c", f"{tmp_path}/used.conf", "--nginx-conf", "template", "-p", "/no/such/prefix")
    monkeypatch.setattr(kong_service, "find_running", lambda *_args: Running(None, "kong.service"))
    monkeypatch.setattr(kong_service, "read_commands", lambda _host, _unit, *_names: (start,))
    monkeypatch.setattr(kong_service, "read_directory", lambda _host, _unit: str(tmp_path))
    monkeypatch.setattr(kong_service, "read_user", lambda _host, _unit: "kong")
    monkeypatch.setattr(kong_service, "read_unit_variables", lambda _host, _unit: {})
    params = {"version": "3.4", "service": "kong", "prefix": None, "conf": f"{tmp_path}/kong.conf", "program": "kong"}
    commands = {"restart_command": None, "reload_command": None}
    assert kong_service.read_kong({**params, **commands}, Host()).is_roots is not bool(foreign)


@pytest.fixture
def service(monkeypatch):
    """Replace the parts of a unit whose drop-in changes; record the restored drop-ins and the requested actions."""
    calls = SimpleNamespace(put=[], how=[], kongs=[], done=Done("restart", (), ()), before="before")

    def bring_up(_host, kong, how, _wanted, _drain):
        calls.how.append(how)
        calls.kongs.append(kong)
        if isinstance(calls.done, Exception):
            raise calls.done
        return calls.done

    monkeypatch.setattr(
        kong_service, "read_kong", lambda _params, _host: Kong((3, 9), "/kong.conf", unit="kong.service")
    )
    monkeypatch.setattr(kong_service, "grant", lambda _host, _unit, _ports: calls.before)
    monkeypatch.setattr(kong_service, "write_drop_in", lambda _host, unit, text: calls.put.append((unit, text)))
    monkeypatch.setattr(kong_service, "bring_up", bring_up)
    return calls


@pytest.mark.parametrize(("how", "needed"), [("reload", "restart"), ("restart", "restart"), ("start", "start")])
def test_if_the_capabilities_change_kong_is_started_again(service, how, needed):
    module = SimpleNamespace(check_mode=False, params={**MODULE.params, "how": how})
    assert kong_service._apply(module, module.params) == service.done
    assert (service.how, service.put) == ([needed], [])


def test_if_the_capabilities_are_unchanged_kong_is_reloaded(service):
    service.before, service.done = None, Done("restart", (), ("proxy: nothing listens",))
    kong_service._apply(MODULE, MODULE.params)
    assert (service.how, service.put) == (["reload"], [])


def test_after_a_failed_restart_the_drop_in_is_restored(service):
    service.done = Done("restart", (), ("proxy: nothing listens",))
    assert kong_service._apply(MODULE, MODULE.params) == service.done
    assert service.put == [("kong.service", "before")]


def test_after_an_error_the_drop_in_is_restored(service):
    service.done = ServiceError("no command")
    with pytest.raises(ServiceError):
        kong_service._apply(MODULE, MODULE.params)
    assert service.put == [("kong.service", "before")]


@pytest.mark.parametrize(
    ("more", "path", "variables"),
    [
        ({"settings": ["admin_listen"]}, "/kong.conf", {"KONG_X": "secret"}),
        ({"settings": [], "before": "/kong.conf~"}, "/kong.conf~", {"KONG_X": "secret"}),
        ({"settings": None}, None, {}),
        ({"settings": [], "looks": 0}, None, {}),  # a container
    ],
)
def test_a_kong_started_by_hand_keeps_its_variables(service, monkeypatch, more, path, variables):
    asked, warnings = [], []

    def find(_kong, file):
        asked.append(file)
        return {"KONG_X": "secret"}

    monkeypatch.setattr(kong_service, "find_variables_of_start", find)
    params = {**MODULE.params, **more}
    kong_service._apply(SimpleNamespace(check_mode=False, warn=warnings.append), params)
    assert service.kongs[0].variables == variables
    assert asked == ([StartedFile(path, params["settings"])] if path else [])
    assert [text.partition(",")[0] for text in warnings] == ["Kong was started by hand with KONG_X"] * len(variables)
    assert "secret" not in str(warnings)


def test_settings_that_were_not_compared_after_a_reload_are_a_warning(monkeypatch):
    ended, warnings = [], []
    module = SimpleNamespace(
        params={"conf": "/etc/kong/kong.conf", "before": None},
        exit_json=lambda **result: ended.append(result),
        warn=warnings.append,
    )
    done = Done("reload", (), (), unverified="x")
    monkeypatch.setattr(kong_service, "require_root", lambda _work: None)
    monkeypatch.setattr(kong_service, "_apply", lambda _module, _params: done)
    kong_service.run(module)
    assert ended == [{"changed": True, "how": "reload", "reasons": (), "draining": 0, "refused": False}]
    assert warnings == [
        "the settings of the running Kong were not all compared with /etc/kong/kong.conf after the reload: x"
    ]


@pytest.mark.parametrize(
    ("wrong", "check_mode", "keeps", "is_there"),
    [((), False, False, False), ((), False, True, True), ((), True, False, True), (("x",), False, False, True)],
)
def test_the_old_file_is_deleted_only_if_the_new_file_is_effective(
    monkeypatch, tmp_path, wrong, check_mode, keeps, is_there
):
    """Otherwise the role restores the old file."""
    before = tmp_path / "kong.conf.old"
    before.touch()
    end_run(monkeypatch, before, Done("reload", (), wrong), check_mode=check_mode, keeps=keeps)
    assert before.exists() is is_there


def test_a_failure_to_delete_the_old_file_is_a_warning(monkeypatch, tmp_path):
    """The settings are effective by then, and the role would roll back after an error."""
    result, warnings = end_run(monkeypatch, tmp_path / "missing", Done("reload", (), ()), check_mode=False, keeps=False)
    assert result["changed"] is True
    assert [warning for warning in warnings if "missing" in warning] == warnings != []


def end_run(monkeypatch, before, done, *, check_mode, keeps):
    """Run the module after Kong was changed; return its result and its warnings."""
    results, warnings = [], []

    def end(**result):
        results.append(result)
        raise SystemExit

    params = {"conf": "/kong.conf", "before": str(before), "keep_before": keeps}
    module = SimpleNamespace(check_mode=check_mode, params=params, exit_json=end, fail_json=end, warn=warnings.append)
    monkeypatch.setattr(kong_service, "require_root", lambda _work: None)
    monkeypatch.setattr(kong_service, "_apply", lambda _module, _params: done)
    with pytest.raises(SystemExit):
        kong_service.run(module)
    return results[0], warnings
