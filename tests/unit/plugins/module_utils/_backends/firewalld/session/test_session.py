# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The session with a fake firewalld: its calls, answers and errors."""

from __future__ import annotations

import json

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._backends.firewalld.session import session
from ansible_collections.gatehouse.kong.plugins.module_utils._backends.firewalld.session.bus import CallError
from ansible_collections.gatehouse.kong.plugins.module_utils._backends.firewalld.session.program import SessionError

PREFIXES = ("gkfwd4-", "gkfwd6-")
A, B = "gkfwd4-a-peers", "gkfwd4-b-peers"
RULE_A = f'rule priority="32767" family="ipv4" source ipset="{A}" port port="7946" protocol="tcp" accept'
RULE_B = f'rule priority="32767" family="ipv4" source ipset="{B}" port port="7946" protocol="tcp" accept'
OLD = f'rule priority="32767" family="ipv4" source ipset="{A}" port port="8001" protocol="tcp" accept'
BAN = 'rule family="ipv4" source address="192.0.2.9" drop'
RULES = {"public": [RULE_A, RULE_B]}


@pytest.fixture
def applied(double):
    """A firewalld with our rules and members in its runtime and its permanent configuration."""
    have = double.make_configuration(ipsets={A: double.make_ipset(["10.0.0.1"]), B: double.make_ipset()})
    have["zones"]["public"]["rules_str"] = [BAN, RULE_A, RULE_B]
    return double.Firewalld(have)


def test_new_members_fill_the_empty_set_before_the_old_set_is_emptied(applied, bring):
    assert bring(applied, {A: [], B: ["10.0.0.2", "10.0.0.3"]}, RULES) == []
    assert applied.calls == [("setEntries", B, ["10.0.0.2", "10.0.0.3"]), ("setEntries", A, [])]


def test_sets_are_filled_before_rules_are_added_and_emptied_after_rules_are_removed(applied, bring):
    applied.runtime["zones"]["public"]["rules_str"] = [OLD, RULE_A]
    bring(applied, {A: [], B: ["10.0.0.2"]}, RULES)
    assert applied.calls == [
        ("setEntries", B, ["10.0.0.2"]),
        ("addRichRule", "public", RULE_B, 0),
        ("removeRichRule", "public", OLD),
        ("setEntries", A, []),
    ]


def test_an_unchanged_state_takes_no_call(applied, bring):
    bring(applied, {A: ["10.0.0.1"], B: []}, RULES)
    assert applied.calls == []


def test_unneeded_rules_of_a_zone_are_removed_and_missing_zones_are_skipped(applied, bring):
    applied.runtime["zones"]["internal"]["rules_str"] = [RULE_A]
    bring(applied, {A: ["10.0.0.1"], B: []}, {**RULES, "new": [RULE_A]})
    assert applied.calls == [("removeRichRule", "internal", RULE_A)]


@pytest.mark.parametrize(
    "loaded, wanted, exact, reloads",
    [
        ([A, B], [A, B], False, False),
        ([A], [A, B], False, True),
        ([A, B], [A], False, False),
        ([A, B], [A], True, True),
        ([A, B], [A, B], True, False),
    ],
)
def test_firewalld_is_reloaded_only_to_add_or_remove_an_ipset(double, bring, loaded, wanted, exact, reloads):
    runtime = double.make_configuration(ipsets={name: double.make_ipset() for name in loaded})
    permanent = double.make_configuration(ipsets={name: double.make_ipset() for name in wanted})
    firewalld = double.Firewalld(runtime, permanent)
    bring(firewalld, {name: [] for name in wanted}, {}, exact=exact)
    assert (("reload",) in firewalld.calls) is reloads


def test_a_reload_can_be_requested(applied, bring):
    bring(applied, {A: ["10.0.0.1"], B: []}, RULES, reload=True)
    assert applied.calls[0] == ("reload",)


# Answers and errors


def test_the_answer_has_the_runtime_state_of_all_zones_and_of_our_ipsets(applied, monkeypatch, capsys):
    applied.runtime["ipsets"]["bans"] = applied.runtime["ipsets"][B]
    monkeypatch.setattr(session, "connect", lambda: applied)
    assert session.main({"prefixes": [*PREFIXES]}) == 0
    assert json.loads(capsys.readouterr().out) == {
        "panic": False,
        "default": "public",
        "zones": {
            "drop": {"target": "DROP"},
            "internal": {"services": ["ssh"]},
            "public": {"services": ["dhcpv6-client", "ssh"], "forward": True,
                       "rules_str": sorted([BAN, RULE_A, RULE_B])},
            "trusted": {"target": "ACCEPT"},
        },
        "policies": {"allow-host-ipv6": {"priority": -15000}},
        "ipsets": {A: {"type": "hash:net", "options": {}, "entries": ["10.0.0.1"]},
                   B: {"type": "hash:net", "options": {}, "entries": []}},
        "warnings": [],
    }  # fmt: skip


@pytest.mark.parametrize(
    "ipsets, rules, named",
    [
        ({A: ["10.0.0.1"], B: []}, RULES, "ipset gkfwd4-a-peers"),
        ({A: [], B: []}, {"public": [RULE_A]}, "zone public"),
    ],
)
def test_a_difference_after_the_change_is_an_error(double, monkeypatch, kept, ipsets, rules, named):
    have = double.make_configuration(ipsets={A: double.make_ipset(), B: double.make_ipset()})
    have["zones"]["public"]["rules_str"] = [RULE_A, RULE_B]
    firewalld = double.Firewalld(have)
    firewalld.setEntries = lambda *_words: None
    firewalld.change_item = lambda *_words: None
    monkeypatch.setattr(session, "connect", lambda: firewalld)
    request = {"want": {"rules": rules, "ipsets": ipsets}, "kept": str(kept), "prefixes": [*PREFIXES]}
    with pytest.raises(SessionError, match=f"differs from the requested configuration in {named}$"):
        session.answer(request)


@pytest.mark.parametrize("lenient, status, said", [(True, 0, "{}"), (False, 1, "")])
def test_only_the_rollback_accepts_a_stopped_firewalld(monkeypatch, capsys, lenient, status, said):
    monkeypatch.setattr(session, "connect", lambda: None)
    assert session.main({"prefixes": [*PREFIXES], "lenient": lenient}) == status
    output = capsys.readouterr()
    assert output.out == said
    assert ("does not answer" in output.err) is not lenient


def test_an_error_of_firewalld_is_one_line(monkeypatch, capsys):
    def refuse(*_words):
        raise CallError("ACCESS_DENIED: lockdown")

    monkeypatch.setattr(session, "connect", lambda: refuse)
    assert session.main({"prefixes": [*PREFIXES]}) == 1
    assert capsys.readouterr().err == "ACCESS_DENIED: lockdown\n"
