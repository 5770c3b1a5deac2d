# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Third-party configuration is recorded before a reload of firewalld and restored after it."""

from __future__ import annotations

import copy
import json

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._backends.firewalld.session import session
from ansible_collections.gatehouse.kong.plugins.module_utils._backends.firewalld.session.bus import read_changes
from ansible_collections.gatehouse.kong.plugins.module_utils._backends.firewalld.session.program import SessionError

A, B = "gkfwd4-a-peers", "gkfwd4-b-peers"
RULE_A = f'rule priority="32767" family="ipv4" source ipset="{A}" port port="7946" protocol="tcp" accept'
BAN = 'rule family="ipv4" source address="192.0.2.9" drop'


def make_moved(double):
    """Return a firewalld whose runtime and permanent configurations differ in every kind of item."""
    permanent = double.make_configuration(ipsets={"bans": double.make_ipset(["192.0.2.1", "192.0.2.2"])})
    permanent["zones"]["trusted"].update(sources=["10.8.0.0/24", "10.9.0.0/24"], interfaces=["eth1", "eth2"])
    permanent["direct"] = {"Rule": [("ipv4", "filter", "INPUT", 0, ["-s", "10.7.0.1", "-j", "ACCEPT"])]}
    runtime = copy.deepcopy(permanent)
    runtime["zones"]["trusted"].update(sources=[], interfaces=[])
    runtime["zones"]["drop"]["sources"] = ["10.8.0.0/24", "192.0.2.7"]
    runtime["zones"]["internal"]["interfaces"] = ["eth1", "eth9"]
    runtime["zones"]["public"] = {
        "services": ["dhcpv6-client"],
        "ports": [("9999", "tcp")],
        "protocols": ["gre"],
        "source_ports": [("68", "udp")],
        "icmp_blocks": ["redirect"],
        "forward_ports": [("80", "tcp", "8080", "")],
        "rules_str": [BAN],
        "masquerade": True,
        "forward": False,
    }
    runtime["policies"]["allow-host-ipv6"]["rich_rules"] = [BAN]
    runtime["ipsets"]["bans"]["entries"] = ["192.0.2.2", "192.0.2.3"]
    runtime["direct"] = {
        "Chain": [("ipv4", "filter", "f2b-kong")],
        "Rule": [("ipv4", "filter", "f2b-kong", 0, ["-s", "192.0.2.4", "-j", "DROP"])],
        "Passthrough": [("ipv4", ["-t", "raw", "-N", "own"])],
    }
    return double.Firewalld(runtime, permanent)


def normalise(configuration):
    """Return the configuration without empty settings, and with sorted lists."""
    plain = json.loads(json.dumps(configuration))
    return {
        "zones": {name: {key: sorted(value) if isinstance(value, list) else value
                         for key, value in zone.items() if value} for name, zone in plain["zones"].items()},
        "ipsets": {name: sorted(ipset["entries"]) for name, ipset in plain["ipsets"].items()},
        "direct": {kind: sorted(rules) for kind, rules in plain["direct"].items() if rules},
        "policies": plain["policies"],
    }  # fmt: skip


def test_third_party_runtime_configuration_survives_a_reload(double, bring, kept):
    firewalld = make_moved(double)
    before = normalise(firewalld.runtime)
    assert bring(firewalld, reload=True) == []
    assert normalise(firewalld.runtime) == before
    assert not kept.exists()


def test_our_rules_are_not_recorded(double, bring):
    permanent = double.make_configuration(ipsets={A: double.make_ipset()})
    runtime = copy.deepcopy(permanent)
    old = RULE_A.replace("7946", "8001")
    runtime["zones"]["public"]["rules_str"] = [old, BAN]
    firewalld = double.Firewalld(runtime, permanent)
    bring(firewalld, {A: []}, {"public": [RULE_A]}, reload=True)
    assert ("addRichRule", "public", old, 0) not in firewalld.calls
    assert firewalld.runtime["zones"]["public"]["rules_str"] == [BAN, RULE_A]


def test_our_ipsets_are_not_recorded(double, bring):
    runtime = double.make_configuration(ipsets={A: double.make_ipset(["10.0.0.1"]), B: double.make_ipset()})
    firewalld = double.Firewalld(
        runtime, double.make_configuration(ipsets={A: double.make_ipset(), B: double.make_ipset()})
    )
    bring(firewalld, {A: [], B: []}, {}, reload=True)
    assert firewalld.calls == [("reload",)]


def test_a_zone_without_a_file_is_a_warning_and_the_recording_is_removed(double, bring, kept):
    runtime = double.make_configuration()
    runtime["zones"]["public"]["ports"] = [("9999", "tcp")]
    firewalld = double.Firewalld(runtime, double.make_configuration())
    firewalld.refuses["addPort"] = "INVALID_ZONE: public"
    assert bring(firewalld, reload=True) == [
        "firewalld rejected addPort(public, 9999, tcp, 0) after a reload: INVALID_ZONE: public"
    ]
    assert not kept.exists()


def test_an_item_that_is_present_already_is_not_a_warning(double, bring):
    runtime = double.make_configuration()
    runtime["zones"]["public"]["ports"] = [("9999", "tcp")]
    firewalld = double.Firewalld(runtime, double.make_configuration())
    firewalld.refuses["addPort"] = "ALREADY_ENABLED: 9999:tcp"
    assert bring(firewalld, reload=True) == []


def make_signals(*signals):
    return lambda: lambda: read_changes(signals)


def test_bans_between_the_recording_and_the_reload_are_restored(double, bring, monkeypatch):
    late = 'rule family="ipv4" source address="192.0.2.10" drop'
    monkeypatch.setattr(
        session,
        "watch",
        make_signals(
            (".zone", "RichRuleAdded", ("public", late, 0)),
            (".zone", "SourceRemoved", ("drop", "192.0.2.7")),
            (".zone", "ZoneOfSourceChanged", ("drop", "192.0.2.8")),
            (".zone", "ZoneUpdated", ("drop", {})),
            (".policy", "PolicyUpdated", ("drop", {})),
            ("", "Reloaded", ()),
            (".zone", "RichRuleAdded", ("public", "after the reload", 0)),
        ),
    )
    have = double.make_configuration()
    have["zones"]["drop"]["sources"] = ["192.0.2.7"]
    firewalld = double.Firewalld(have)
    bring(firewalld, reload=True)
    assert firewalld.runtime["zones"]["public"]["rules_str"] == [late]
    assert firewalld.runtime["zones"]["drop"]["sources"] == ["192.0.2.8"]


def test_many_entries_are_set_in_one_call_and_changes_in_the_meantime_are_repeated(double, bring, monkeypatch):
    bans = sorted(f"192.0.2.{number}" for number in range(1, 30))
    firewalld = double.Firewalld(
        double.make_configuration(ipsets={"bans": double.make_ipset(bans)}),
        double.make_configuration(ipsets={"bans": double.make_ipset()}),
    )
    drained = [
        [],
        [],
        [
            [".ipset", "addEntry", ["bans", "198.51.100.1"]],
            [".ipset", "removeEntry", ["bans", "198.51.100.1"]],  # by setEntries itself
            [".ipset", "removeEntry", ["bans", "192.0.2.1"]],
            [".ipset", "addEntry", ["others", "198.51.100.2"]],
        ],
    ]
    monkeypatch.setattr(session, "watch", lambda: lambda: drained.pop(0))
    assert bring(firewalld, reload=True) == []
    assert firewalld.calls[1] == ("setEntries", "bans", bans)
    assert firewalld.runtime["ipsets"]["bans"]["entries"] == [*bans[1:], "198.51.100.1"]


class KilledError(BaseException):
    """An exception that no code handles. It represents SIGKILL."""


@pytest.mark.parametrize("reload", [True, False])
@pytest.mark.parametrize("killed", ["changeZoneOfSource", "setZoneSettings2", "addEntry"])
def test_the_next_session_restores_the_configuration_after_a_killed_session(
    double, bring, kept, monkeypatch, killed, reload
):
    firewalld = make_moved(double)
    before = normalise(firewalld.runtime)

    def kill(*_words):
        raise KilledError

    with monkeypatch.context() as patch:
        patch.setattr(firewalld, killed, kill)
        with pytest.raises(KilledError):
            bring(firewalld, reload=True)
    assert normalise(firewalld.runtime) != before
    bring(firewalld, reload=reload)
    assert normalise(firewalld.runtime) == before
    assert not kept.exists()


def test_an_old_recording_is_not_restored_after_a_restart_of_firewalld(double, bring, kept, monkeypatch):
    """A trusted source that a restart removed must not be added again."""
    firewalld = make_moved(double)
    firewalld.refuses["changeZoneOfSource"] = "it"
    kept.write_text(json.dumps({"instance": "boot :1.0", "calls": [[".zone", "addPort", ["public", "1", "tcp", 0]]],
                                "entries": {}, "timed": {}, "iptables": {}}))  # fmt: skip
    bring(firewalld)
    assert firewalld.calls == []
    assert not kept.exists()


def test_nothing_is_reloaded_if_the_recording_cannot_be_written(double, bring, kept):
    kept.with_name("others.json.new").mkdir()
    firewalld = double.Firewalld()
    with pytest.raises(SessionError, match=r"cannot write .*/others\.json: Is a directory"):
        bring(firewalld, reload=True)
    assert firewalld.calls == []
