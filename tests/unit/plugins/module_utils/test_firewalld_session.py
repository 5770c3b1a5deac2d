# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# The fake's methods have the names that firewalld gives them.
# ruff: noqa: N802

"""The session against a firewalld of our own, which keeps what it is told and writes down the order."""

from __future__ import annotations

import copy
import ipaddress
import json
import types

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._backends.firewalld import session
from ansible_collections.gatehouse.kong.plugins.module_utils._backends.firewalld.objects import make_objects
from ansible_collections.gatehouse.kong.plugins.module_utils._host.paths import PREFIXES
from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.ruleset import ruleset_from_data


class DBusError(Exception):
    def get_dbus_message(self):
        return str(self)


class NoReplyError(DBusError):
    def get_dbus_name(self):
        return "org.freedesktop.DBus.Error.NoReply"


class Array(list):
    def __init__(self, values, signature):
        super().__init__(values)
        self.signature = signature


@pytest.fixture(autouse=True)
def library(monkeypatch):
    monkeypatch.setattr(
        session,
        "dbus",
        types.SimpleNamespace(
            DBusException=DBusError, Array=Array, Boolean=bool, Dictionary=lambda values, signature: values
        ),
    )


class Iptables:
    """What is in the tables of a host that has no ip6tables."""

    def __init__(self, rules):
        self.rules = rules
        self.loaded = []
        self.saves = 0
        self.later = {}  # what others make of them before a save of this number

    def run(self, *argv, given=""):
        if argv == ("iptables-save", "-c"):
            self.saves += 1
            self.rules = self.later.get(self.saves, self.rules)
            return "# by iptables-save\n*nat\n:PREROUTING ACCEPT [1:2]\n" + "".join(self.rules) + "COMMIT\n"
        assert argv == ("iptables-restore", "--wait", "10", "-c")
        self.loaded.append(given)
        self.rules = [f"{line}\n" for line in given.splitlines()[3:-1]]
        return ""


@pytest.fixture(autouse=True)
def iptables(monkeypatch):
    made = Iptables(["[5:300] -A PREROUTING -j DOCKER\n"])
    monkeypatch.setattr(session, "_run", made.run)
    monkeypatch.setattr(session.time, "sleep", lambda _seconds: None)
    monkeypatch.setattr(session.shutil, "which", lambda program: program == "iptables-restore" or None)
    return made


class Firewalld:
    """Runs what it has, and reads 'files' on a reload. Methods have the names of firewalld.dbus(5)."""

    def __init__(self, objects, files=None):
        self.run = copy.deepcopy(objects)
        self.files = copy.deepcopy(objects if files is None else files)
        self.zones = {"public": {"ports": Array([("22", "tcp")], "(ss)"), "target": "default"}}
        self.direct = []
        self.flush_all = True
        self.empties = None
        self.calls = []

    def __call__(self, interface, method, *args, seconds=0):
        if method.startswith(("add", "remove", "set", "reload")):
            self.calls.append((method, *args))
        return getattr(self, method)(*args)

    def reload(self):
        if self.empties:
            self.empties.rules = []
        before = self.run["ipsets"]
        self.run = copy.deepcopy(self.files)
        self.zones = {"public": {"ports": Array([("22", "tcp")], "(ss)"), "target": "default"}}
        self.direct = []
        if not self.flush_all:
            for name, one in before.items():
                kept = self.run["ipsets"].setdefault(name, one)
                kept["entries"] = sorted({*kept["entries"], *one["entries"]})

    def queryPanicMode(self):
        return 0

    def getPolicies(self):
        return [*self.run["policies"], "allow-host-ipv6"]

    def getPolicySettings(self, name):
        return {**self.run["policies"].get(name, {"target": "CONTINUE"}), "masquerade": 0}

    def setPolicySettings(self, name, settings):
        self.run["policies"][name].update(settings)

    def listServices(self):
        return [*self.run["services"], "ssh"]

    def getServiceSettings2(self, name):
        return self.run["services"][name]

    def getIPSets(self):
        return [*self.run["ipsets"]]

    def getIPSetSettings(self, name):
        one = self.run["ipsets"][name]
        return ["", one["short"], one["description"], one["type"], one["options"], one["entries"]]

    def getEntries(self, name):
        return list(self.run["ipsets"][name]["entries"])

    def addEntry(self, name, entry):
        have = self.run["ipsets"][name]["entries"]
        if any(ipaddress.ip_network(entry).overlaps(ipaddress.ip_network(one)) for one in have):
            raise DBusError(f"INVALID_ENTRY: {entry} overlaps")
        have.append(entry)

    def removeEntry(self, name, entry):
        self.run["ipsets"][name]["entries"].remove(entry)

    def getZones(self):
        return [*self.zones]

    def getZoneSettings2(self, name):
        return self.zones[name]

    def setZoneSettings2(self, name, settings):
        self.zones[name] = {**self.zones[name], **settings}

    def getAllRules(self):
        return self.direct

    def getAllChains(self):
        return []

    def getAllPassthroughs(self):
        return []

    def addRule(self, *words):
        self.direct.append(words)


def objects(peers, ports=(7946,), sources=("peers",)):
    allow = [
        {"listener": "cluster", "protocol": "tcp", "port": port, "address": "0.0.0.0", "sources": list(sources)}
        for port in ports
    ]
    sets = {"peers": {"ipv4": peers}, "admins": {"ipv4": ["10.9.0.1/32"]}}
    return make_objects(ruleset_from_data({"allow": allow, "sets": sets}))


@pytest.fixture(autouse=True)
def kept(tmp_path, monkeypatch):
    file = tmp_path / "others.json"
    monkeypatch.setattr(Firewalld, "kept", file, raising=False)
    return file


def bring(firewalld, want, *, reload=False):
    session.bring(firewalld, want, PREFIXES, str(firewalld.kept), reload=reload)
    return [(call[0], *call[2:]) for call in firewalld.calls]


def test_a_new_peer_comes_before_the_old_one_goes_and_nothing_is_reloaded():
    firewalld = Firewalld(objects(["10.0.0.1/32", "10.0.0.2/32"]))
    assert bring(firewalld, objects(["10.0.0.2/32", "10.0.0.3/32"])) == [
        ("addEntry", "10.0.0.3"), ("removeEntry", "10.0.0.1"),
    ]  # fmt: skip


def test_a_network_that_holds_an_address_replaces_it():
    firewalld = Firewalld(objects(["10.0.0.1/32", "10.0.1.0/24"]))
    want = objects(["10.0.0.0/24", "10.0.1.7/32"])
    bring(firewalld, want)
    assert session.read(firewalld, PREFIXES) == want


def test_rules_are_first_the_old_and_the_new_ones():
    both = objects(["10.0.0.1/32"], sources=("peers", "admins"))
    firewalld = Firewalld(both)
    firewalld.run["policies"]["gatehouse-kong"]["rich_rules"] = [
        "rule old",
        *both["policies"]["gatehouse-kong"]["rich_rules"][1:],
    ]
    (_name, first), (_name, second) = bring(firewalld, both)
    new = both["policies"]["gatehouse-kong"]["rich_rules"]
    assert first["rich_rules"] == sorted(["rule old", *new])
    assert second["rich_rules"] == new


def test_the_last_rule_can_go():
    have, want = objects(["10.0.0.1/32"]), objects([], ports=())
    firewalld = Firewalld(have, want)
    firewalld.run["services"], firewalld.run["ipsets"] = {}, {}
    bring(firewalld, want)
    assert session.read(firewalld, PREFIXES) == want


def test_what_was_set_without_permanent_survives_the_reload():
    have, want = objects(["10.0.0.1/32"]), objects(["10.0.0.1/32"], ports=(7946, 7947))
    firewalld = Firewalld(have, want)
    firewalld.zones["public"]["ports"].append(("9999", "tcp"))
    firewalld.zones["public"]["interfaces"] = Array(["eth9"], "s")
    firewalld.direct.append(("ipv4", "filter", "INPUT", 0, ["-j", "ACCEPT"]))
    before = copy.deepcopy((firewalld.zones, firewalld.direct))
    bring(firewalld, want, reload=True)
    assert (firewalld.zones, firewalld.direct) == before
    assert session.read(firewalld, PREFIXES) == want


class KilledError(BaseException):
    """Nothing catches it, as nothing catches SIGKILL."""


@pytest.mark.parametrize("reload", [True, False])
@pytest.mark.parametrize("killed", ["setZoneSettings2", "addRule"])
def test_and_a_session_that_is_killed_right_after_it(killed, reload, iptables, kept, monkeypatch):
    """The next one gives it back: that of the way back, or of another run, which need not reload."""
    have = objects(["10.0.0.1/32"])
    firewalld = Firewalld(have)
    firewalld.empties = iptables
    firewalld.zones["public"].update(ports=Array([("9999", "tcp")], "(ss)"), masquerade=True)
    firewalld.direct.append(("ipv4", "filter", "INPUT", 0, ["-j", "ACCEPT"]))
    before = copy.deepcopy((firewalld.zones, firewalld.direct))

    def die(*_words):
        raise KilledError

    with monkeypatch.context() as patch:
        patch.setattr(firewalld, killed, die)
        with pytest.raises(KilledError):
            bring(firewalld, have, reload=True)
    assert (firewalld.zones, firewalld.direct) != before
    bring(firewalld, have, reload=reload)
    assert (firewalld.zones, firewalld.direct) == before
    assert len(iptables.loaded) == 1
    assert not kept.exists()


def test_where_that_cannot_be_kept_nothing_is_reloaded(kept):
    kept.with_name("others.json.new").mkdir()
    have = objects(["10.0.0.1/32"])
    firewalld = Firewalld(have)
    with pytest.raises(session.SessionError, match=r"cannot write .*/others\.json: Is a directory"):
        bring(firewalld, have, reload=True)
    assert firewalld.calls == []


def test_what_the_owner_has_only_written_stays_unread():
    have = objects(["10.0.0.1/32"])
    firewalld = Firewalld(have)
    del firewalld.zones["public"]["ports"]
    bring(firewalld, have, reload=True)
    assert firewalld.zones["public"]["ports"] == []


def test_rules_of_iptables_that_a_reload_empties_come_back(iptables):
    """With their counters; and where they are still there, or Docker has put them back, nothing is loaded."""
    have = objects(["10.0.0.1/32"])
    firewalld = Firewalld(have)
    firewalld.empties = iptables
    bring(firewalld, have, reload=True)
    (loaded,) = iptables.loaded
    assert "[5:300] -A PREROUTING -j DOCKER\n" in loaded


def test_rules_of_iptables_that_are_still_there_are_not_loaded_again(iptables):
    have = objects(["10.0.0.1/32"])
    bring(Firewalld(have), have, reload=True)
    assert iptables.loaded == []


@pytest.mark.parametrize("rules, saves", [([], 1), ([":f2b-sshd - [0:0]\n"], 2), ([":INPUT DROP [0:0]\n"], 2)])
def test_where_iptables_has_nothing_it_is_not_asked_again(iptables, rules, saves):
    iptables.rules = rules
    have = objects(["10.0.0.1/32"])
    bring(Firewalld(have), have, reload=True)
    assert (iptables.saves, iptables.loaded) == (saves, [])


def test_what_docker_puts_back_elsewhere_is_put_in_order_when_docker_is_done(iptables):
    """Docker 20.10 hears of the reload, and puts the jump to DOCKER-USER behind its own rules, which accept."""
    user, own = "[0:0] -A FORWARD -j DOCKER-USER\n", "[0:0] -A FORWARD -j DOCKER\n"
    chains = [":DOCKER - [0:0]\n", ":DOCKER-USER - [0:0]\n"]
    iptables.rules = [*chains, user, own]
    # One save before the reload and one after it; then Docker is at work, and at last done.
    iptables.later = {2: [], 3: chains, 4: [*chains, own], 5: [*chains, own, user]}
    have = objects(["10.0.0.1/32"])
    bring(Firewalld(have), have, reload=True)
    assert len(iptables.loaded) == 2
    assert iptables.rules == [*chains, user, own]


def test_rules_that_could_not_come_back_are_told_of_before_the_reload(iptables, kept):
    iptables.rules = ['[0:0] -A PREROUTING -m comment --comment "two\nlines" -j ACCEPT\n']
    have = objects(["10.0.0.1/32"])
    firewalld = Firewalld(have)
    with pytest.raises(session.SessionError, match=r"tables of iptables, .* \.\.\.'lines\" -j ACCEPT'"):
        bring(firewalld, have, reload=True)
    assert (firewalld.calls, kept.exists()) == ([], False)


def test_a_rule_that_came_meanwhile_does_not_matter(iptables):
    iptables.rules = [":f2b-sshd - [0:0]\n", "[0:0] -A f2b-sshd -j RETURN\n"]
    iptables.later = {2: [iptables.rules[0], "[0:0] -A f2b-sshd -s 192.0.2.1/32 -j REJECT\n", iptables.rules[1]]}
    have = objects(["10.0.0.1/32"])
    bring(Firewalld(have), have, reload=True)
    assert iptables.loaded == []


def test_a_firewalld_that_keeps_sets_over_a_reload_keeps_no_departed_peer():
    firewalld = Firewalld(objects(["10.0.0.1/32", "10.0.0.2/32"]), objects(["10.0.0.2/32"], ports=(1, 2)))
    firewalld.flush_all = False
    bring(firewalld, objects(["10.0.0.2/32"], ports=(1, 2)), reload=True)
    assert firewalld.getEntries("gkong4-peers") == ["10.0.0.2"]


def test_sets_that_such_a_one_keeps_for_ever_are_empty_and_not_counted():
    firewalld = Firewalld(objects(["10.0.0.1/32"]), make_objects(None))
    firewalld.flush_all = False
    bring(firewalld, make_objects(None), reload=True)
    assert firewalld.getEntries("gkong4-peers") == []
    assert session.read(firewalld, PREFIXES) == make_objects(None)


def test_a_firewalld_that_does_something_else_is_told_of(monkeypatch):
    firewalld = Firewalld(objects(["10.0.0.1/32"]))
    monkeypatch.setattr(firewalld, "addEntry", lambda *_words: None)
    with pytest.raises(session.SessionError, match="Different: ipsets gkong4-peers"):
        bring(firewalld, objects(["10.0.0.2/32"]))


@pytest.mark.parametrize("lenient, status", [(True, 0), (False, 1)])
def test_only_the_way_back_does_without_firewalld(monkeypatch, capsys, lenient, status):
    monkeypatch.setattr(session, "connect", lambda: None)
    assert session.main({"prefixes": PREFIXES, "lenient": lenient}) == status
    assert ("does not answer" in capsys.readouterr().err) is not lenient


def test_the_answer_is_json(monkeypatch, capsys):
    want = objects(["10.0.0.1/32"])
    monkeypatch.setattr(session, "connect", lambda: Firewalld(want))
    assert session.main({"prefixes": PREFIXES}) == 0
    assert json.loads(capsys.readouterr().out) == {"panic": False, "objects": want, "earlier": []}


def refuse():
    raise DBusError("ACCESS_DENIED: lockdown")


def test_an_error_of_firewalld_is_one_line(monkeypatch, capsys):
    firewalld = Firewalld(objects(["10.0.0.1/32"]))
    monkeypatch.setattr(session, "connect", lambda: firewalld)
    firewalld.queryPanicMode = refuse
    assert session.main({"prefixes": PREFIXES}) == 1
    assert capsys.readouterr().err == "ACCESS_DENIED: lockdown\n"


def test_a_firewalld_that_does_not_answer_is_named(monkeypatch, capsys):
    def hangs(*_words, **_named):
        raise NoReplyError("Did not receive a reply. Possible causes include")

    monkeypatch.setattr(session, "connect", lambda: hangs)
    assert session.main({"prefixes": PREFIXES}) == 1
    assert "firewalld runs and does not answer" in capsys.readouterr().err
