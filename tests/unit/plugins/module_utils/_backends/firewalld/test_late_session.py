# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The process that runs a session with firewalld, errors of sessions, and conflicts of iptables rules."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._backends.firewalld import late as late_module
from ansible_collections.gatehouse.kong.plugins.module_utils._backends.firewalld.late import FirewalldLate
from ansible_collections.gatehouse.kong.plugins.module_utils._backends.firewalld.session import session
from ansible_collections.gatehouse.kong.plugins.module_utils._backends.firewalld.session.program import SessionError
from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import Host, HostError
from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.data import ruleset_from_data

ENTRY = {"listener": "admin", "protocol": "tcp", "port": 8001, "address": "0.0.0.0", "sources": "any"}
WANT = ruleset_from_data({"allow": [ENTRY], "sets": {}})


class FakeHost(Host):
    """A host whose other Python prints `answer`."""

    def __init__(self, root):
        super().__init__(root)
        self.answer, self.ran, self.called, self.programs = "{}", [], [], {"firewall-cmd"}
        self.write("/usr/bin/firewall-cmd", "#!/usr/bin/python3.9 -sP\n", 0o755)

    def which(self, program):
        return f"/usr/bin/{program}" if program in self.programs else None

    def run(self, *argv, stdin="", **limits):
        self.ran.append((argv, stdin, limits))
        if isinstance(self.answer, Exception):
            raise self.answer  # pylint: disable=raising-bad-type
        return self.answer

    def call(self, function, *args):
        self.called.append((function, *args))
        return {"called": True}


@pytest.fixture
def host(tmp_path):
    return FakeHost(tmp_path)


def make_late(host, *objects):
    return FirewalldLate(host, SimpleNamespace(objects=[*objects]))


@pytest.mark.parametrize("request_, changes", [({}, False), ({"want": {}}, True)])
@pytest.mark.parametrize("here", [True, False])
def test_the_session_runs_in_this_process_if_it_has_the_libraries(host, monkeypatch, request_, changes, here):
    monkeypatch.setattr(late_module, "has_libraries", lambda **need: {changes: here}[need["changes"]])
    host.answer = json.dumps({"called": False})
    assert make_late(host)._ask(request_) == {"called": here}
    if here:
        ((function, given),) = host.called
        assert function is session.answer
        assert given == {"prefixes": ["gkfwd4-", "gkfwd6-"], **request_}
        assert host.ran == []
    else:
        ((argv, script, limits),) = host.ran
        assert (argv, limits) == (("/usr/bin/python3.9", "-sP", "-"), {"seconds": 600})
        assert "def main(" in script
        assert host.called == []


@pytest.mark.parametrize(
    "error, message",
    [
        ("python failed with status 1: no reply", "firewalld: no reply"),
        ("cannot run python", "firewalld: cannot run python"),
        ("a: b: c", "firewalld: b: c"),
    ],
)
def test_an_error_of_another_python_names_firewalld_and_the_reason(host, monkeypatch, error, message):
    monkeypatch.setattr(late_module, "has_libraries", lambda **_need: False)
    host.answer = HostError(error)
    with pytest.raises(HostError) as raised:
        make_late(host)._ask({})
    assert str(raised.value) == message


def test_an_error_of_a_session_in_this_process_names_firewalld(host, monkeypatch):
    def fails(*_call):
        raise SessionError("it hangs")

    monkeypatch.setattr(late_module, "has_libraries", lambda **_need: True)
    host.call = fails
    with pytest.raises(HostError, match=r"^firewalld: it hangs$"):
        make_late(host)._ask({})


def make_iptables_rules(family):
    place = {"family": family, "table": "filter"}
    match = {"xt": {"type": "match", "name": "tcp"}}
    return [
        {"table": {"family": family, "name": "filter"}},
        {"chain": {**place, "name": "INPUT", "type": "filter", "hook": "input", "prio": 0, "policy": "accept"}},
        {"rule": {**place, "chain": "INPUT", "handle": 4, "expr": [match, {"drop": None}]}},
    ]


SAVED = "*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -p tcp -m tcp --dport {} -j DROP\nCOMMIT\n"


@pytest.mark.parametrize("port, conflicts", [(8001, True), (9001, False)])
def test_iptables_rules_on_a_host_with_firewalld_are_read_with_their_options(host, monkeypatch, port, conflicts):
    monkeypatch.setattr(late_module, "has_libraries", lambda **_need: False)
    made = make_late(host, *make_iptables_rules("ip"))
    made._found = {"zones": {}, "policies": {}, "ipsets": {}, "direct": {}, "default": "public", "panic": False}
    monkeypatch.setattr(FirewalldLate, "_state", made._found)
    monkeypatch.setattr(FirewalldLate, "_zones", ())
    monkeypatch.setattr(late_module, "find_settings_conflicts", lambda *_state: ())
    host.answer = SAVED.format(port)
    host.programs |= {"nft", "iptables", "iptables-save", "ip6tables", "ip6tables-save"}
    found = made.find_conflicts(WANT)
    assert bool(found) is conflicts
    assert [argv for argv, _given, _limits in host.ran] == [("iptables-save",)]
    host.programs = {"nft"}
    assert not any(conflict.certain for conflict in made.find_conflicts(WANT))
    assert len(host.ran) == 1
