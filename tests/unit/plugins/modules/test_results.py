# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Results, warnings and errors of modules, with doubles of the host's state."""

from __future__ import annotations

import json
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

from ansible_collections.gatehouse.kong.plugins.module_utils._gateway.model import nat_from_data
from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import HostError
from ansible_collections.gatehouse.kong.plugins.module_utils._host.masters import Master
from ansible_collections.gatehouse.kong.plugins.module_utils._interception.interceptor import Outcome as Intercepted
from ansible_collections.gatehouse.kong.plugins.module_utils._interception.model import interception_from_data
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service import running
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.effective import Sources
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.prepared import Prepared
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.run import Done
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.running import Running
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.sockets import Socket, Sockets
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.unit_environment import Variable
from ansible_collections.gatehouse.kong.plugins.module_utils._modules import (
    kong_firewall,
    kong_firewall_info,
    kong_gateway,
    kong_listen_info,
    kong_placeholder,
    kong_probe,
    kong_service,
    kong_transparent,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.conflict import Conflict
from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.counts import Count, Counts
from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.data import ruleset_from_data
from ansible_collections.gatehouse.kong.plugins.module_utils._transaction.backend import Live
from ansible_collections.gatehouse.kong.plugins.module_utils._transaction.rollback import Kept
from ansible_collections.gatehouse.kong.plugins.module_utils._transaction.transaction import ConflictError, Outcome
from ansible_collections.gatehouse.kong.tests.unit.plugins.module_arguments import provide_options

STOPS = Conflict(certain=True, where="here", reason="r", ports=("tcp 1",), advice="a")
WARNS = Conflict(certain=False, where="there", reason="r", ports=("tcp 1",), advice="a")
WARNS_DATA = {"certain": False, "where": "there", "reason": "r", "ports": ("tcp 1",), "advice": "a", "effect": "drop"}


class EndedError(Exception):
    """A module ended with a result."""


def main(module, monkeypatch, params, *, check=False, diff=False):
    """Return the result of a module, including `failed`, and its warnings."""
    asked = []

    class Fake:
        def __init__(self, argument_spec, supports_check_mode=False, **_more):
            assert supports_check_mode
            self.params = {**{name: option.get("default") for name, option in argument_spec.items()}, **params}
            self.check_mode, self._diff, self.warnings = check, diff, []
            self.warn = self.warnings.append

        def exit_json(self, **result):
            raise EndedError({**result, "failed": False}, self.warnings)

        def fail_json(self, **result):
            raise EndedError({**result, "failed": True}, self.warnings)

    entry = get_entry(module)
    monkeypatch.setattr(entry, "AnsibleModule", Fake)
    if hasattr(module, "require_root"):
        monkeypatch.setattr(module, "require_root", asked.append)
    with pytest.raises(EndedError) as ended:
        entry.main()
    name = module.__name__.rpartition(".")[2]
    assert asked in ([name], [])
    return ended.value.args


def get_entry(module):
    """Return the module that Ansible runs, of the file with its work."""
    return import_module("ansible_collections.gatehouse.kong.plugins.modules." + module.__name__.rpartition(".")[2])


def read_documented(module):
    return {*yaml.safe_load(get_entry(module).RETURN)}


ENTRY = {"listener": "admin", "protocol": "tcp", "port": 8001, "sources": "any"}
RULESET = {"allow": [ENTRY], "sets": {}}
WANT = ruleset_from_data(RULESET)
OTHER = ruleset_from_data({"allow": [{**ENTRY, "port": 9001}], "sets": {}})


class FakeRollback:
    kept = None

    def __init__(self, _host):
        pass

    def hold_lock(self):
        return nullcontext()

    def read_previous(self):
        return self.kept


@pytest.fixture
def firewall(monkeypatch):
    """Replace the firewall by a firewall with other rules than the wanted rules, and record the calls."""
    backend = SimpleNamespace(name="nftables", require=lambda: None, read=lambda: Live(OTHER))
    fake = SimpleNamespace(backend=backend, calls=[], conflicts=(WARNS,), have=OTHER, transaction="t1", counts=None)

    def make_outcome(want):
        changed = want != fake.have
        transaction = fake.transaction if changed else None
        return Outcome(fake.have, want, ("d",), ("s",), fake.conflicts, changed, transaction, ("w",), fake.counts)

    def inspect(found, want, _rollback):
        assert found is backend
        return make_outcome(want)

    def converge(found, want, guard, **more):
        assert found is backend
        fake.calls.append((want, guard.timeout, more))
        if any(conflict.stops for conflict in fake.conflicts):
            raise ConflictError(fake.conflicts)
        return make_outcome(want)

    def confirm(_backend, want, _rollback, transaction, **more):
        fake.calls.append((want, transaction, more))

    choice = SimpleNamespace(backend=backend, reason="it is there", early="the table")
    for module in (kong_firewall, kong_firewall_info):
        monkeypatch.setattr(module, "Rollback", FakeRollback)
        monkeypatch.setattr(module, "choose", lambda _host, name: fake.calls.append(name) or choice)
    monkeypatch.setattr(FakeRollback, "kept", None)
    monkeypatch.setattr(kong_firewall, "converge", converge)
    monkeypatch.setattr(kong_firewall, "confirm", confirm)
    monkeypatch.setattr(kong_firewall_info, "inspect", inspect)
    return fake


CHOICE = {"backend": "nftables", "backend_reason": "it is there", "early": "the table"}


def change(port, lost, gained):
    return {"protocol": "tcp", "port": port, "address": None, "listeners": ("admin",), "gained": gained, "lost": lost}


CHANGES = {
    "ports": [change(8001, (), ("any",)), change(9001, ("any",), ())],
    "members": [], "drift": ["d"], "boot": ["s"],
}  # fmt: skip


def test_firewall_info(firewall, monkeypatch):
    result, warnings = main(kong_firewall_info, monkeypatch, {"ruleset": RULESET})
    assert firewall.calls == ["auto"]
    report = result.pop("report")
    assert result == {
        **CHOICE, "differs": True, "changes": CHANGES, "conflicts": [WARNS_DATA], "changed": False, "failed": False,
        "staged": False, "counts": None,
    }  # fmt: skip
    assert report[-3:] == ["difference: d", "at boot: s", str(WARNS)]
    assert len(report) > 3
    assert warnings == []
    assert {*result, "report", "ruleset"} - {"changed", "failed"} == read_documented(kong_firewall_info)


def test_firewall_info_without_a_ruleset_reports_the_state(firewall, monkeypatch):
    result, _warnings = main(kong_firewall_info, monkeypatch, {"ruleset": None})
    assert (result["changes"]["ports"], result["changes"]["members"]) == ([], [])
    assert result["report"] == ["difference: d", "at boot: s", str(WARNS)]
    assert [entry["port"] for entry in result["ruleset"]["allow"]] == [9001]
    firewall.have = None
    result, _warnings = main(kong_firewall_info, monkeypatch, {"ruleset": None, "backend": "ufw"})
    assert (result["ruleset"], firewall.calls[-1]) == (None, "ufw")


def test_firewall_info_returns_the_counts_of_a_staged_ruleset(firewall, monkeypatch):
    firewall.have = replace(OTHER, staged=True, count_days=14)
    firewall.counts = Counts((Count("10.0.0.9", "tcp", 9001, 3, 60),), 65536, 7, None)
    result, _warnings = main(kong_firewall_info, monkeypatch, {"ruleset": None})
    assert (result["staged"], result["ruleset"]["staged"], result["ruleset"]["count_days"]) == (True, True, 14)
    assert result["counts"] == {
        "entries": [{"source": "10.0.0.9", "protocol": "tcp", "port": 9001, "packets": 3, "age": 60}],
        "limit": 65536,
        "uncounted": 7,
        "seconds": None,
    }


def test_firewall_info_fails_for_an_invalid_ruleset(firewall, monkeypatch):
    assert main(kong_firewall_info, monkeypatch, {"ruleset": {"allow": [{}]}})[0]["failed"]


def test_firewall(firewall, monkeypatch):
    result, warnings = main(kong_firewall, monkeypatch, {"ruleset": RULESET})
    expected = {**CHOICE, "changed": True, "changes": CHANGES, "conflicts": [WARNS_DATA]}
    assert result == {**expected, "_transaction": "t1", "failed": False}
    assert warnings == [str(WARNS), "w"]
    assert firewall.calls == ["auto", (WANT, 30, {"check_mode": False, "opens": WANT})]
    firewall.transaction = None
    result, _warnings = main(
        kong_firewall, monkeypatch, {"ruleset": RULESET, "rollback_timeout": 9}, check=True, diff=True
    )
    assert set(result) == {*expected, "diff", "failed"}
    assert ["9001" in result["diff"]["before"], "8001" in result["diff"]["after"]] == [True, True]
    assert firewall.calls[-1] == (WANT, 9, {"check_mode": True, "opens": WANT})


@pytest.mark.parametrize(
    "state, kept, expected, opens",
    [
        ("absent", None, None, None),
        ("staged", None, replace(WANT, staged=True, count_days=14), WANT),
        ("merged", None, ruleset_from_data({"allow": [ENTRY, {**ENTRY, "port": 9001}], "sets": {}}), WANT),
        ("rolled_back", Kept(WANT), WANT, None),
        ("rolled_back", Kept(None), None, None),
    ],
)
def test_states_of_the_firewall(firewall, monkeypatch, state, kept, expected, opens):
    FakeRollback.kept = kept
    main(kong_firewall, monkeypatch, {"ruleset": RULESET if opens else None, "state": state})
    assert firewall.calls[-1] == (expected, 30, {"check_mode": False, "opens": opens})


@pytest.mark.parametrize("state, staged", [("staged", False), ("present", True)])
def test_the_state_decides_whether_the_ruleset_is_staged(firewall, monkeypatch, state, staged):
    main(kong_firewall, monkeypatch, {"ruleset": {**RULESET, "staged": staged, "count_days": 3}, "state": state})
    assert firewall.calls[-1][0] == replace(WANT, staged=state == "staged", count_days=3)


def test_a_host_that_is_not_enforced_any_more_gets_a_warning(firewall, monkeypatch):
    _result, warnings = main(kong_firewall, monkeypatch, {"ruleset": RULESET, "state": "staged"})
    assert kong_firewall._NOT_ENFORCED in warnings
    firewall.have = replace(OTHER, staged=True, count_days=14)
    for state in ("staged", "present"):
        _result, warnings = main(kong_firewall, monkeypatch, {"ruleset": RULESET, "state": state})
        assert kong_firewall._NOT_ENFORCED not in warnings


def test_the_rules_of_a_host_are_read_only_with_a_backend_that_can_run(firewall, monkeypatch):
    def require():
        raise HostError("nft is not installed")

    firewall.backend.require = require
    firewall.backend.read = None
    result, _warnings = main(kong_firewall, monkeypatch, {"ruleset": RULESET, "state": "merged"})
    assert (result["failed"], result["msg"]) == (True, "nft is not installed")


def test_nothing_to_roll_back(firewall, monkeypatch):
    result, warnings = main(kong_firewall, monkeypatch, {"state": "rolled_back"})
    assert result == {**CHOICE, "changed": False, "changes": None, "conflicts": [], "failed": False}
    assert warnings == [kong_firewall._NOTHING_KEPT]


@pytest.mark.parametrize(
    "state, have, keep, transitional",
    [
        ("present", OTHER, True, False),
        ("merged", OTHER, True, True),
        ("merged", WANT, True, False),
        ("rolled_back", OTHER, False, False),
    ],
)
def test_a_change_is_confirmed(firewall, monkeypatch, state, have, keep, transitional):
    FakeRollback.kept = Kept(WANT)
    firewall.backend.read = lambda: Live(have)
    result, _warnings = main(kong_firewall, monkeypatch, {"state": state, "ruleset": RULESET, "confirm": "t1"})
    assert result == {**CHOICE, "changed": True, "failed": False}
    assert firewall.calls[-1][1:] == ("t1", {"keep": keep, "transitional": transitional})


def test_conflicts_are_in_the_message_only(firewall, monkeypatch):
    firewall.conflicts = (STOPS, WARNS)
    result, _warnings = main(kong_firewall, monkeypatch, {"ruleset": RULESET})
    assert result == {"msg": str(STOPS), "failed": True}


@pytest.mark.parametrize("seconds, refused", [(4, True), (5, False)])
def test_the_least_time_for_a_new_connection(firewall, monkeypatch, seconds, refused):
    result, _warnings = main(kong_firewall, monkeypatch, {"ruleset": RULESET, "rollback_timeout": seconds})
    assert result["failed"] is refused
    assert ("conflicts" in result) is not refused


INTERCEPT_RULE = {
    "method": "tproxy", "family": "ipv4", "destinations": ["10.0.0.1/32"], "ports": [80], "interfaces": [],
    "listener": "proxy", "address": None, "port": 8000, "sources": "any", "own": False,
}  # fmt: skip


@pytest.fixture
def interceptor(monkeypatch):
    fake = SimpleNamespace(
        calls=[], untouched=False, outcome=Intercepted("a\n", "b\n", ("+x", "-y"), ("z",), True, (WARNS,))
    )

    class Fake:
        def __init__(self, _host):
            pass

        def is_untouched(self):
            return fake.untouched

        def converge(self, want, *, check_mode):
            fake.calls.append((want, check_mode))
            if isinstance(fake.outcome, Exception):
                raise fake.outcome
            return fake.outcome

    monkeypatch.setattr(kong_transparent, "Interceptor", Fake)
    monkeypatch.setattr(
        kong_transparent, "find_deaf_listeners", lambda _host, want: tuple(f"deaf {rule.port}" for rule in want)
    )
    return fake


def test_transparent(interceptor, monkeypatch):
    result, warnings = main(kong_transparent, monkeypatch, {"interception": [INTERCEPT_RULE]}, check=True, diff=True)
    lines = ["unexpected: x", "missing: y", "at boot: z"]
    assert result == {
        "changed": True, "report": [*lines, "deaf 8000"], "drift": ["+x", "-y"], "boot": ["z"], "deaf": ["deaf 8000"],
        "conflicts": [WARNS_DATA], "diff": {"before": "\n".join(["a", *lines, ""]), "after": "b\n"}, "failed": False,
    }  # fmt: skip
    assert warnings == [str(WARNS), "deaf 8000"]
    assert interceptor.calls == [(interception_from_data([INTERCEPT_RULE]), True)]
    assert {*result} - {"changed", "failed", "diff"} == read_documented(kong_transparent)


def test_transparent_with_other_rules_only(interceptor, monkeypatch):
    interceptor.outcome = Intercepted("a\n", "b\n", (), (), changed=True)
    result, warnings = main(kong_transparent, monkeypatch, {"interception": [INTERCEPT_RULE]}, diff=True)
    assert (len(result["report"]), result["diff"], warnings) == (2, {"before": "a\n", "after": "b\n"}, ["deaf 8000"])
    interceptor.outcome = Intercepted("", "", (), (), changed=False)
    result, _warnings = main(kong_transparent, monkeypatch, {"interception": [INTERCEPT_RULE]})
    assert (result["report"], "diff" in result) == (["deaf 8000"], False)


def test_a_host_without_interception_is_left_unchanged(interceptor, monkeypatch):
    interceptor.untouched = True
    result, _warnings = main(kong_transparent, monkeypatch, {"interception": []})
    assert (result["changed"], result["report"], interceptor.calls) == (False, [], [])
    for params in ({"state": "absent"}, {"state": "absent", "interception": [INTERCEPT_RULE]}):
        main(kong_transparent, monkeypatch, params)
    interceptor.untouched = False
    main(kong_transparent, monkeypatch, {"interception": []})
    assert interceptor.calls == [(None, False)] * 3


def test_transparent_fails(interceptor, monkeypatch):
    for error in (HostError("no"), ConflictError((STOPS, WARNS))):
        interceptor.outcome = error
        result, _warnings = main(kong_transparent, monkeypatch, {"interception": [INTERCEPT_RULE]})
        assert result == {"msg": str(error), "failed": True}
    result, _warnings = main(
        kong_transparent, monkeypatch, {"interception": [{**INTERCEPT_RULE, "destinations": ["x"]}]}
    )
    assert (result["failed"], "conflicts" in result) == (True, False)


NAT_DATA = {
    "forwards": [
        {
            "listener": "cluster", "protocol": "tcp", "outside": "192.0.2.5", "outside_port": 9000, "inside": "10.0.0.2",
            "inside_port": 80, "sources": "any",
        }
    ],
    "egress": [],
    "sets": {},
}  # fmt: skip
NAT = nat_from_data(**NAT_DATA)
NAT_TEXT = "tcp 9000 at 192.0.2.5 to 10.0.0.2:80 (cluster), from any source\n"


@pytest.fixture
def gateway(monkeypatch):
    """The calls of a transaction with the table of a gateway, and its outcome."""
    fake = SimpleNamespace(
        calls=[], untouched=False, outcome=Outcome(None, NAT, ("+x", "y"), ("z",), (WARNS,), True, "abc", ("w",))
    )
    fake.locked = 0

    @contextmanager
    def hold_lock(_rollback):
        fake.locked += 1
        yield
        fake.locked -= 1

    def converge(_table, want, guard, *, check_mode, opens):
        assert opens in (None, NAT)
        fake.calls.append(("converge", want, guard.timeout, check_mode))
        if isinstance(fake.outcome, Exception):
            raise fake.outcome
        return fake.outcome

    def confirm(_table, want, _rollback, transaction, *, keep, transitional):
        fake.calls.append(("confirm", want, transaction, keep, transitional))

    monkeypatch.setattr(kong_gateway.Rollback, "hold_lock", hold_lock)
    monkeypatch.setattr(kong_gateway, "converge", converge)
    monkeypatch.setattr(kong_gateway, "confirm", confirm)
    monkeypatch.setattr(kong_gateway.NatTable, "is_untouched", lambda _table: fake.untouched)
    return fake


def test_gateway(gateway, monkeypatch):
    result, warnings = main(kong_gateway, monkeypatch, NAT_DATA, check=True, diff=True)
    lines = ["unexpected: x", "y", "at boot: z"]
    assert result == {
        "changed": True, "report": [f"missing: {NAT_TEXT.rstrip()}", *lines], "conflicts": [WARNS_DATA], "_transaction": "abc", "failed": False,
        "diff": {"before": "".join(f"{line}\n" for line in lines), "after": NAT_TEXT},
    }  # fmt: skip
    assert warnings == [str(WARNS), "w"]
    assert gateway.calls == [("converge", NAT, 30, True)]
    assert {*result} - {"changed", "failed", "diff", "_transaction"} == read_documented(kong_gateway)


def test_gateway_with_other_translations_only(gateway, monkeypatch):
    gateway.outcome = Outcome(NAT, None, (), (), (), changed=True)
    result, _warnings = main(kong_gateway, monkeypatch, {"state": "absent"}, diff=True)
    assert (result["report"], result["diff"]) == (
        [f"unexpected: {NAT_TEXT.rstrip()}"],
        {"before": NAT_TEXT, "after": ""},
    )
    gateway.outcome = Outcome(NAT, NAT, (), (), (), changed=False)
    result, _warnings = main(kong_gateway, monkeypatch, {**NAT_DATA, "rollback_timeout": 7})
    assert result == {"changed": False, "report": [], "conflicts": [], "failed": False}
    assert gateway.calls == [("converge", None, 30, False), ("converge", NAT, 7, False)]


def test_gateway_merges(gateway, monkeypatch):
    live = nat_from_data([{**NAT_DATA["forwards"][0], "outside_port": 9001}], [], {})
    monkeypatch.setattr(kong_gateway.NatTable, "require", lambda _table: None)
    monkeypatch.setattr(kong_gateway.NatTable, "read_usable", lambda _table: live if gateway.locked else None)
    main(kong_gateway, monkeypatch, {**NAT_DATA, "state": "merged"})
    main(kong_gateway, monkeypatch, {**NAT_DATA, "state": "merged", "confirm": "abc"})
    want = replace(NAT, forwards=(*NAT.forwards, *live.forwards))
    assert gateway.calls == [("converge", want, 30, False), ("confirm", want, "abc", True, True)]


def test_gateway_rolls_back(gateway, monkeypatch):
    monkeypatch.setattr(kong_gateway.Rollback, "read_previous", lambda _rollback: None)
    result, warnings = main(kong_gateway, monkeypatch, {"state": "rolled_back"})
    assert result == {"changed": False, "report": [], "conflicts": [], "failed": False}
    assert warnings == ["this host has no previous translations of gatehouse.kong, so nothing was rolled back"]
    monkeypatch.setattr(kong_gateway.Rollback, "read_previous", lambda _rollback: Kept(NAT) if gateway.locked else None)
    main(kong_gateway, monkeypatch, {"state": "rolled_back"})
    main(kong_gateway, monkeypatch, {"state": "rolled_back", "confirm": "abc"})
    assert gateway.calls == [("converge", NAT, 30, False), ("confirm", NAT, "abc", False, False)]


def test_gateway_confirms(gateway, monkeypatch):
    assert main(kong_gateway, monkeypatch, {**NAT_DATA, "confirm": "abc"}) == ({"changed": True, "failed": False}, [])
    main(kong_gateway, monkeypatch, {"state": "absent", "confirm": "abc"})
    assert gateway.calls == [("confirm", NAT, "abc", True, False), ("confirm", None, "abc", True, False)]


def test_a_host_that_is_no_gateway_is_left_unchanged(gateway, monkeypatch):
    gateway.untouched = True
    result, _warnings = main(kong_gateway, monkeypatch, {"state": "absent"})
    assert (result["changed"], result["report"], gateway.calls) == (False, [], [])


def test_gateway_fails(gateway, monkeypatch):
    gateway.outcome = HostError("no")
    assert main(kong_gateway, monkeypatch, NAT_DATA) == ({"msg": "no", "failed": True}, [])
    gateway.outcome = ConflictError((STOPS, WARNS))
    result, _warnings = main(kong_gateway, monkeypatch, NAT_DATA)
    assert result == {"msg": str(STOPS), "report": [str(STOPS)], "failed": True}
    result, _warnings = main(kong_gateway, monkeypatch, {**NAT_DATA, "sets": {"x": {"ipv4": ["y"]}}})
    assert (result["failed"], "y" in result["msg"]) == (True, True)


LISTENER = {
    "name": "admin",
    "protocols": ["tcp"],
    "port": 8001,
    "address": "0.0.0.0",
    "setting": "admin_listen",
    "flags": [],
}
OPEN = (
    Socket("tcp", 8001, "0.0.0.0", "nginx", "kong.service"),
    Socket("tcp", 9000, "10.0.0.1", "nginx", "kong.service"),
    Socket("tcp", 22, "0.0.0.0", "sshd", "ssh.service"),
)


@pytest.fixture
def sockets(monkeypatch):
    fake = SimpleNamespace(open=OPEN, asked=[], variables={})

    def read(unit, prefix):
        fake.asked.append((unit, prefix))
        if isinstance(fake.open, Exception):
            raise fake.open
        return Sockets(fake.open, unit)

    def find(_host, service, prefix, *, in_container):
        return Running(None, "" if in_container else f"{service}.service")

    def read_variables(_host, _unit):
        return {name: Variable(value, "/e.env") for name, value in fake.variables.items()}

    monkeypatch.setattr(kong_listen_info, "find_running", find)
    monkeypatch.setattr(kong_listen_info, "read_sockets", read)
    monkeypatch.setattr(running, "read_unit_variables", read_variables)
    return fake


def test_listen_info_warns_of_capabilities_that_kong_loses(sockets, monkeypatch):
    sockets.open, asked = OPEN[:1], []

    def find(_host, unit):
        asked.append(unit)
        return iter(["a drop-in overrides our drop-in"])

    monkeypatch.setattr(kong_listen_info, "find_lost_capabilities", find)
    result, warnings = main(kong_listen_info, monkeypatch, {"listeners": [LISTENER]})
    assert (asked, warnings) == (["kong.service"], ["a drop-in overrides our drop-in"])
    assert (result["lost_capabilities"], result["differs"]) == (warnings, False)


def test_listen_info_of_a_kong_as_planned(sockets, monkeypatch):
    sockets.open = OPEN[:1]
    sockets.variables = {"KONG_LOG_LEVEL": "debug", "KONG_WORKERS": "2", "KONG_ADMIN_LISTEN": "x"}
    settings = {"workers": 2}
    result, warnings = main(kong_listen_info, monkeypatch, {"listeners": [LISTENER], "settings": settings})
    present = [{"protocols": ["tcp"], "address": "0.0.0.0", "port": 8001}]
    assert [{key: listener[key] for key in present[0]} for listener in result.pop("present")] == present
    assert result == {
        "differs": False, "listens": True, "runs": True, "report": [], "missing": [], "unexpected": [], "effective": [],
        "unloaded": "", "unit": "kong.service", "cannot_bind": "", "lost_capabilities": [],
        "changed": False, "failed": False,
    }  # fmt: skip
    assert (warnings, sockets.asked) == ([], [("kong.service", "/usr/local/kong")])
    assert {*result, "present"} - {"changed", "failed"} == read_documented(kong_listen_info)


def test_listen_info_reports_differences(sockets, monkeypatch):
    other = {**LISTENER, "name": "proxy", "port": 8000}
    sockets.variables = {"KONG_ADMIN_LISTEN": "off"}
    params = {
        "listeners": [LISTENER, other],
        "settings": {"admin_listen": "0.0.0.0:8001"},
        "service": "k",
        "prefix": "/p",
    }
    sockets.open = (*OPEN, Socket("tcp", 9000, "10.0.0.2", "nginx", "k.service"))
    result, warnings = main(kong_listen_info, monkeypatch, params)
    assert (result["differs"], result["listens"]) == (True, False)
    line = "admin_listen is off, planned 0.0.0.0:8001: KONG_ADMIN_LISTEN (/e.env) overrides Kong's file"
    assert result["effective"] == [
        {
            "setting": "admin_listen",
            "value": "off",
            "origin": "environment",
            "place": "/e.env",
            "moves": True,
            "line": line,
        }
    ]
    assert {"name": "proxy", "protocol": "tcp", "port": 8000, "address": "0.0.0.0"} in result["missing"]
    assert [(sock["port"], sock["address"], sock["unit"]) for sock in result["unexpected"]][-1] == (
        9000,
        "10.0.0.2",
        "k.service",
    )
    assert len(result["report"]) == len(result["missing"]) + len(result["unexpected"]) + 1
    assert result["report"][-1] == line
    assert [listener["port"] for listener in result["present"]] == [9000]
    assert warnings == [f"{line}. Remove the variable"]
    assert sockets.asked == [("k.service", "/p")]
    sockets.open = tuple(Socket("tcp", port, "0.0.0.0", "nginx", "k.service") for port in (OPEN[0].port, 8000))
    result, _warnings = main(kong_listen_info, monkeypatch, params)
    assert (result["differs"], result["listens"]) == (True, True)


def test_listen_info_reports_settings_that_are_not_in_use(sockets, monkeypatch):
    sockets.open = OPEN[:1]
    prepared = Prepared("/p/.kong_env", 9.0, {}, in_use=False)
    monkeypatch.setattr(kong_listen_info, "read_sources", lambda *_args: Sources(prepared=prepared))
    result, _warnings = main(
        kong_listen_info, monkeypatch, {"listeners": [LISTENER], "settings": {"log_level": "info"}}
    )
    assert (result["differs"], result["listens"], result["effective"]) == (True, True, [])
    assert result["report"] == [result["unloaded"]]
    assert "/p/.kong_env" in result["unloaded"]


def test_listen_info_of_a_container_compares_settings_only(sockets, monkeypatch):
    params = {"listeners": [LISTENER], "settings": {"log_level": "notice"}, "container": True}
    result, _warnings = main(kong_listen_info, monkeypatch, params)
    assert (result["listens"], result["report"], result["present"], sockets.asked) == (True, [], [], [])


@pytest.mark.parametrize(("masters", "runs"), [([False], True), ([True], False), ([], False)])
def test_listen_info_finds_a_kong_in_a_container(sockets, monkeypatch, masters, runs):
    monkeypatch.setattr(
        kong_listen_info, "list_kongs", lambda: [Master(Path("/7"), "/p", shares_network=shares) for shares in masters]
    )
    result, _warnings = main(kong_listen_info, monkeypatch, {"listeners": [LISTENER], "container": True})
    assert result["runs"] is runs


def test_listen_info_of_a_kong_that_is_not_running(sockets, monkeypatch):
    sockets.open = OPEN[-1:]
    result, _warnings = main(kong_listen_info, monkeypatch, {"listeners": [LISTENER]})
    assert (result["runs"], result["report"]) == (False, ["Kong is not running: its listener is not open"])
    monkeypatch.setattr(
        kong_listen_info, "find_running", lambda *_args, **_named: Running(Master(Path("/7"), "/p"), "kong.service")
    )
    result, _warnings = main(kong_listen_info, monkeypatch, {"listeners": [LISTENER]})
    assert (result["runs"], result["report"]) == (True, ["admin: no process listens on tcp 0.0.0.0:8001"])


def test_listen_info_of_a_kong_yml_ignores_variables(sockets, monkeypatch):
    sockets.open, sockets.variables = OPEN[:1], {"KONG_ADMIN_API_LISTEN": "off"}
    params = {"listeners": [LISTENER], "settings": {"admin_api_listen": "0.0.0.0:8001"}, "format": "yaml"}
    assert main(kong_listen_info, monkeypatch, params)[0]["effective"] == []


def test_listen_info_never_shows_secrets(sockets, monkeypatch, capsys):
    """With the real AnsibleModule, which adds the options to the result."""
    sockets.open, sockets.variables = OPEN[:1], {"KONG_PG_PASSWORD": "s3cret-env"}
    monkeypatch.setattr(kong_listen_info, "require_root", lambda _work: None)
    options = {"listeners": [LISTENER], "settings": {"pg_password": "s3cret-plan"}}
    with provide_options(options), pytest.raises(SystemExit):
        get_entry(kong_listen_info).main()
    output = capsys.readouterr().out
    assert [entry["value"] for entry in json.loads(output)["effective"]] == ["<hidden>"]
    assert "s3cret" not in output


@pytest.mark.parametrize("error", [HostError("no"), PermissionError("no")])
def test_listen_info_fails(sockets, monkeypatch, error):
    sockets.open = error
    result, _warnings = main(kong_listen_info, monkeypatch, {"listeners": [LISTENER]})
    assert (result["failed"], result["msg"].endswith("no")) == (True, True)


def refuse_to_stop():
    raise HostError("no")


def test_placeholder(monkeypatch):
    calls = []

    def start(listeners, seconds, *, listen):
        calls.append((listeners, seconds, listen))
        return {"placeholders": []}

    ends = [{"arrived": []}, None]
    monkeypatch.setattr(kong_placeholder, "start", start)
    monkeypatch.setattr(kong_placeholder, "stop", lambda: ends.pop(0))
    params = {"listeners": [LISTENER]}
    plain = {"changed": False, "failed": False}
    assert main(kong_placeholder, monkeypatch, params)[0] == {**plain, "placeholders": []}
    assert main(kong_placeholder, monkeypatch, params, check=True)[0] == plain
    assert calls == [([LISTENER], 300, True)]
    assert main(kong_placeholder, monkeypatch, {"state": "absent"})[0] == {**plain, "observer": {"arrived": []}}
    assert main(kong_placeholder, monkeypatch, {"state": "absent"})[0] == plain
    for seconds, refused in ((0, True), (1, False), (3600, False), (3601, True)):
        assert main(kong_placeholder, monkeypatch, {**params, "seconds": seconds})[0]["failed"] is refused
    monkeypatch.setattr(kong_placeholder, "stop", refuse_to_stop)
    assert main(kong_placeholder, monkeypatch, {"state": "absent"})[0] == {"msg": "no", "failed": True}


def test_probe(monkeypatch):
    calls = []
    monkeypatch.setattr(kong_probe, "run_probes", lambda probes, limits: calls.append((probes, limits)) or ["result"])
    raw = {"name": "n", "kind": "tcp", "address": "10.0.0.1", "port": 1}
    assert main(kong_probe, monkeypatch, {"probes": [raw]})[0] == {
        "changed": False,
        "failed": False,
        "probes": ["result"],
        "held": [],
    }
    ((probes, limits),) = calls
    assert [(probe.name, probe.kind, probe.address, probe.port) for probe in probes] == [("n", "tcp", "10.0.0.1", 1)]
    assert limits == kong_probe.Limits(2.0, 2, 500)
    assert main(kong_probe, monkeypatch, {"probes": [{**raw, "port": 0}]})[0]["failed"] is True


SERVICE = {"version": "3.9.1", "conf": "/etc/kong/kong.conf", "listeners": [LISTENER]}


@pytest.fixture
def service(monkeypatch):
    fake = SimpleNamespace(done=Done("restart", ("why",), ()), calls=[])

    def bring_up(_host, kong, how, wanted, drain):
        fake.calls.append((kong, how, wanted, drain))
        if isinstance(fake.done, Exception):
            raise fake.done
        return fake.done

    monkeypatch.setattr(kong_service, "find_running", lambda _host, name, _prefix: Running(None, f"{name}.service"))
    monkeypatch.setattr(kong_service, "read_commands", lambda _host, unit, *names: (unit, *names))
    monkeypatch.setattr(kong_service, "read_directory", lambda _host, unit: f"directory of {unit}")
    monkeypatch.setattr(kong_service, "read_user", lambda _host, unit: f"user of {unit}")
    monkeypatch.setattr(kong_service, "read_unit_variables", lambda _host, unit: {"OF": Variable(unit, "file", "/no")})
    monkeypatch.setattr(kong_service, "grant", lambda _host, _unit, _ports: None)
    monkeypatch.setattr(kong_service, "bring_up", bring_up)
    return fake


def test_service(service, monkeypatch):
    result, _warnings = main(kong_service, monkeypatch, SERVICE)
    assert result == {
        "changed": True,
        "how": "restart",
        "reasons": ("why",),
        "draining": 0,
        "refused": False,
        "failed": False,
    }
    assert {*result} - {"changed", "failed"} == read_documented(kong_service)
    ((kong, how, wanted, drain),) = service.calls
    assert (how, drain, wanted.looks) == ("restart", 10, 30)
    # Kong's program would fail for a missing file.
    assert (kong.version, kong.conf, kong.prefix, kong.unit) == ((3, 9), "/dev/null", "", "kong.service")
    assert kong.directory == "directory of kong.service"
    assert (kong.reload_of_unit, kong.user) == (("kong.service", "ExecReload"), "user of kong.service")
    assert kong.start_of_unit == ("kong.service", "ExecStartPre", "ExecStart")
    assert (kong.variables, kong.restart_command, kong.reload_command) == ({"OF": "kong.service"}, "", "")
    assert not kong.is_roots  # this unit has a user, who may have written /no


def test_service_with_its_own_commands(service, monkeypatch, tmp_path):
    program, conf = tmp_path / "kong", tmp_path / "kong.conf"
    program.touch(mode=0o755)
    conf.write_text("pg_password = x\n")
    more = {
        "conf": str(conf),
        "prefix": "/p",
        "restart_command": "r",
        "reload_command": "l",
        "program": str(program),
        "how": "reload",
    }
    main(kong_service, monkeypatch, {**SERVICE, **more})
    program.chmod(0o644)
    main(kong_service, monkeypatch, {**SERVICE, **more})
    (kong, how, *_rest), (other, *_more) = service.calls
    assert (kong.conf, kong.prefix, kong.restart_command, kong.reload_command) == (str(conf), "/p", "r", "l")
    assert how == "reload"
    assert (kong.program, other.program) == (str(program), "")
    assert kong.settings == {"pg_password": "x"}


# A listener, and whether it has to answer an HTTP request.
HTTP = {
    "admin": (LISTENER, True),
    "stream": ({**LISTENER, "name": "stream"}, False),
    "serf": ({**LISTENER, "name": "cluster_rpc"}, False),
    "udp": ({**LISTENER, "protocols": ["udp"]}, False),
    "both protocols": ({**LISTENER, "protocols": ["tcp", "udp"]}, False),
    "of no setting": ({**LISTENER, "setting": None}, False),
    "PROXY protocol": ({**LISTENER, "flags": ["proxy_protocol"]}, False),
    "no flags": ({**LISTENER, "flags": None}, True),
}


@pytest.mark.parametrize("case", HTTP)
def test_listeners_that_answer_http(case):
    listener, answers = HTTP[case]
    wanted = kong_service.read_wanted({"listeners": [listener], "looks": 7})
    assert (len(wanted.listeners), len(wanted.http), wanted.looks) == (len(listener["protocols"]), int(answers), 7)


def test_service_in_check_mode_changes_nothing(service, monkeypatch):
    result, _warnings = main(kong_service, monkeypatch, {**SERVICE, "how": "stop"}, check=True)
    assert (result["how"], service.calls) == ("stop", [])


def test_service_fails_with_the_errors(service, monkeypatch):
    service.done = Done("restart", (), ("admin: silent", "proxy: silent"))
    result, _warnings = main(kong_service, monkeypatch, SERVICE)
    assert (result["failed"], result["how"]) == (True, "restart")
    assert result["msg"].endswith("admin: silent; proxy: silent")
    assert str(result).count("admin: silent") == 1
    service.done = Done("reload", (), ("[emerg] no",), refused=True)
    result, _warnings = main(kong_service, monkeypatch, SERVICE)
    assert (result["failed"], result["refused"], result["how"]) == (True, True, "reload")
    assert result["msg"] == "the reload failed, and Kong runs as before: [emerg] no"
    service.done = OSError("no")
    result, _warnings = main(kong_service, monkeypatch, SERVICE)
    assert result == {"msg": "no", "how": "nothing", "reasons": [], "refused": False, "failed": True}
    result, _warnings = main(kong_service, monkeypatch, {**SERVICE, "version": "new"})
    assert (result["failed"], "'new'" in result["msg"]) == (True, True)
