# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The session with a fake firewalld: its calls, and third-party configuration after a reload."""

from __future__ import annotations

import copy
import json

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._backends.firewalld import session

PREFIXES = ("gkfwd4-", "gkfwd6-")
A, B = "gkfwd4-a-peers", "gkfwd4-b-peers"
RULE_A = f'rule priority="32767" family="ipv4" source ipset="{A}" port port="7946" protocol="tcp" accept'
RULE_B = f'rule priority="32767" family="ipv4" source ipset="{B}" port port="7946" protocol="tcp" accept'
OLD = f'rule priority="32767" family="ipv4" source ipset="{A}" port port="8001" protocol="tcp" accept'
BAN = 'rule family="ipv4" source address="192.0.2.9" drop'
RULES = {"public": [RULE_A, RULE_B]}


@pytest.fixture
def kept(tmp_path):
    return tmp_path / "others.json"


@pytest.fixture
def bring(kept):
    def run(firewalld, ipsets, rules=None, **request):
        want = {"rules": RULES if rules is None else rules, "ipsets": ipsets}
        return session.bring(firewalld, {"want": want, "kept": str(kept), **request}, PREFIXES)

    return run


@pytest.fixture
def applied(double):
    """A firewalld with our rules and members in its runtime and its permanent configuration."""
    have = double.configuration(ipsets={A: double.ipset(["10.0.0.1"]), B: double.ipset()})
    have["zones"]["public"]["rules_str"] = [BAN, RULE_A, RULE_B]
    return double.Firewalld(have)


def test_new_members_fill_the_empty_set_before_the_old_set_is_emptied(applied, bring):
    assert bring(applied, {A: [], B: ["10.0.0.2", "10.0.0.3"]}) == []
    assert applied.calls == [("setEntries", B, ["10.0.0.2", "10.0.0.3"]), ("setEntries", A, [])]


def test_an_empty_array_has_a_type(applied, bring):
    bring(applied, {A: [], B: ["10.0.0.2"]})
    assert applied.calls[-1][2].signature == "s"


def test_sets_are_filled_before_rules_are_added_and_emptied_after_rules_are_removed(applied, bring):
    applied.runtime["zones"]["public"]["rules_str"] = [OLD, RULE_A]
    bring(applied, {A: [], B: ["10.0.0.2"]})
    assert applied.calls == [
        ("setEntries", B, ["10.0.0.2"]),
        ("addRichRule", "public", RULE_B, 0),
        ("removeRichRule", "public", OLD),
        ("setEntries", A, []),
    ]


def test_an_unchanged_state_takes_no_call(applied, bring):
    bring(applied, {A: ["10.0.0.1"], B: []})
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
    runtime = double.configuration(ipsets={name: double.ipset() for name in loaded})
    permanent = double.configuration(ipsets={name: double.ipset() for name in wanted})
    firewalld = double.Firewalld(runtime, permanent)
    bring(firewalld, {name: [] for name in wanted}, {}, exact=exact)
    assert (("reload",) in firewalld.calls) is reloads


def test_a_reload_can_be_requested(applied, bring):
    bring(applied, {A: ["10.0.0.1"], B: []}, reload=True)
    assert applied.calls[0] == ("reload",)


# Third-party configuration after a reload


def moved(double):
    """Return a firewalld whose runtime and permanent configurations differ in every kind of item."""
    permanent = double.configuration(ipsets={"bans": double.ipset(["192.0.2.1", "192.0.2.2"])})
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


def normal(configuration):
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
    firewalld = moved(double)
    before = normal(firewalld.runtime)
    assert bring(firewalld, {}, {}, reload=True) == []
    assert normal(firewalld.runtime) == before
    assert not kept.exists()


def test_our_rules_are_not_recorded(double, bring):
    permanent = double.configuration(ipsets={A: double.ipset()})
    runtime = copy.deepcopy(permanent)
    runtime["zones"]["public"]["rules_str"] = [OLD, BAN]
    firewalld = double.Firewalld(runtime, permanent)
    bring(firewalld, {A: []}, {"public": [RULE_A]}, reload=True)
    assert ("addRichRule", "public", OLD, 0) not in firewalld.calls
    assert firewalld.runtime["zones"]["public"]["rules_str"] == [BAN, RULE_A]


def test_our_ipsets_are_not_recorded(double, bring):
    runtime = double.configuration(ipsets={A: double.ipset(["10.0.0.1"]), B: double.ipset()})
    firewalld = double.Firewalld(runtime, double.configuration(ipsets={A: double.ipset(), B: double.ipset()}))
    bring(firewalld, {A: [], B: []}, {}, reload=True)
    assert firewalld.calls == [("reload",)]


def test_a_zone_without_a_file_is_a_warning_and_the_recording_is_removed(double, bring, kept):
    runtime = double.configuration()
    runtime["zones"]["public"]["ports"] = [("9999", "tcp")]
    firewalld = double.Firewalld(runtime, double.configuration())
    firewalld.refuses["addPort"] = "INVALID_ZONE: public"
    assert bring(firewalld, {}, {}, reload=True) == [
        "firewalld rejected addPort(public, 9999, tcp, 0) after a reload: INVALID_ZONE: public"
    ]
    assert not kept.exists()


def test_an_item_that_is_present_already_is_not_a_warning(double, bring):
    runtime = double.configuration()
    runtime["zones"]["public"]["ports"] = [("9999", "tcp")]
    firewalld = double.Firewalld(runtime, double.configuration())
    firewalld.refuses["addPort"] = "ALREADY_ENABLED: 9999:tcp"
    assert bring(firewalld, {}, {}, reload=True) == []


def signals_of(*signals):
    return lambda: lambda: session._changes(signals)


def test_bans_between_the_recording_and_the_reload_are_restored(double, bring, monkeypatch):
    late = 'rule family="ipv4" source address="192.0.2.10" drop'
    monkeypatch.setattr(
        session,
        "_watch",
        signals_of(
            (".zone", "RichRuleAdded", ("public", late, 0)),
            (".zone", "SourceRemoved", ("drop", "192.0.2.7")),
            (".zone", "ZoneOfSourceChanged", ("drop", "192.0.2.8")),
            (".zone", "ZoneUpdated", ("drop", {})),
            (".policy", "PolicyUpdated", ("drop", {})),
            ("", "Reloaded", ()),
            (".zone", "RichRuleAdded", ("public", "after the reload", 0)),
        ),
    )
    have = double.configuration()
    have["zones"]["drop"]["sources"] = ["192.0.2.7"]
    firewalld = double.Firewalld(have)
    bring(firewalld, {}, {}, reload=True)
    assert firewalld.runtime["zones"]["public"]["rules_str"] == [late]
    assert firewalld.runtime["zones"]["drop"]["sources"] == ["192.0.2.8"]


def test_many_entries_are_set_in_one_call_and_changes_in_the_meantime_are_repeated(double, bring, monkeypatch):
    bans = sorted(f"192.0.2.{number}" for number in range(1, 30))
    firewalld = double.Firewalld(
        double.configuration(ipsets={"bans": double.ipset(bans)}), double.configuration(ipsets={"bans": double.ipset()})
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
    monkeypatch.setattr(session, "_watch", lambda: lambda: drained.pop(0))
    assert bring(firewalld, {}, {}, reload=True) == []
    assert firewalld.calls[1] == ("setEntries", "bans", bans)
    assert firewalld.runtime["ipsets"]["bans"]["entries"] == [*bans[1:], "198.51.100.1"]


@pytest.fixture
def timed(double, programs):
    """A set with a timeout. firewalld does not list its entries."""
    have = double.configuration(ipsets={"bans": double.ipset(timeout="600")})
    have["direct"] = {}
    element = {"elem": {"val": "192.0.2.1", "timeout": 600, "expires": 77}}
    listed = {"nftables": [{"metainfo": {}}, {"set": {"name": "bans", "elem": [element]}}]}
    programs.others["nft", "--json", "list", "set", "inet", "firewalld", "bans"] = json.dumps(listed)
    programs.others["ipset", "save", "bans"] = "create bans hash:ip timeout 600\nadd bans 192.0.2.1 timeout 77\n"
    return double.Firewalld(have)


NFT = ("nft", "--json", "--file", "-")
IPSET = ("ipset", "-exist", "restore")


def test_entries_with_a_timeout_are_added_with_their_remaining_time(timed, bring, programs):
    loaded = []
    programs.others[NFT] = programs.others[IPSET] = lambda given: loaded.append(given) or ""
    bring(timed, {}, {}, reload=True)
    assert json.loads(loaded[0]) == {
        "nftables": [{"add": {"element": {
            "family": "inet", "table": "firewalld", "name": "bans",
            "elem": [{"elem": {"val": "192.0.2.1", "timeout": 600, "expires": 77}}],
        }}}]
    }  # fmt: skip
    assert loaded[1:] == ["add bans 192.0.2.1 timeout 77\n"]
    assert timed.calls == [("reload",)]


def test_firewalld_adds_the_entries_if_no_other_program_may_change_its_table(timed, bring, programs):
    programs.others[NFT] = session.SessionError("nft: Operation not permitted")
    programs.others[IPSET] = session.SessionError("ipset: no such set")
    bring(timed, {}, {}, reload=True)
    assert timed.calls == [("reload",), ("addEntry", "bans", "192.0.2.1"), ("addEntry", "bans", "192.0.2.1")]


def test_the_entries_are_added_after_the_direct_rules_that_make_firewalld_create_kernel_ipsets(timed, bring, programs):
    order = []
    timed.runtime["direct"] = {"Rule": [("ipv4", "filter", "INPUT", 0, ["-j", "DROP"])]}
    programs.others[NFT] = programs.others[IPSET] = lambda _given: order.append(len(timed.calls)) or ""
    bring(timed, {}, {}, reload=True)
    assert timed.calls == [("reload",), ("addRule", "ipv4", "filter", "INPUT", 0, ["-j", "DROP"])]
    assert order == [2, 2]


@pytest.mark.parametrize(
    "element, text",
    [
        ("192.0.2.1", "192.0.2.1"),
        ({"elem": {"val": "192.0.2.1", "timeout": 5}}, "192.0.2.1"),
        ({"prefix": {"addr": "192.0.2.0", "len": 24}}, "192.0.2.0/24"),
        ({"range": ["192.0.2.1", "192.0.2.3"]}, "192.0.2.1-192.0.2.3"),
        ({"elem": {"val": {"concat": ["192.0.2.1", "tcp"]}}}, "192.0.2.1,tcp"),
    ],
)
def test_a_listed_element_is_converted_to_the_syntax_of_firewalld(element, text):
    assert session._entry_text(element) == text


class KilledError(BaseException):
    """An exception that no code catches. It represents SIGKILL."""


@pytest.mark.parametrize("reload", [True, False])
@pytest.mark.parametrize("killed", ["changeZoneOfSource", "setZoneSettings2", "addEntry"])
def test_the_next_session_restores_the_configuration_after_a_killed_session(
    double, bring, kept, monkeypatch, killed, reload
):
    firewalld = moved(double)
    before = normal(firewalld.runtime)

    def die(*_words):
        raise KilledError

    with monkeypatch.context() as patch:
        patch.setattr(firewalld, killed, die)
        with pytest.raises(KilledError):
            bring(firewalld, {}, {}, reload=True)
    assert normal(firewalld.runtime) != before
    bring(firewalld, {}, {}, reload=reload)
    assert normal(firewalld.runtime) == before
    assert not kept.exists()


def test_an_old_recording_is_not_restored_after_a_restart_of_firewalld(double, bring, kept, monkeypatch):
    """A trusted source that a restart removed must not be added again."""
    firewalld = moved(double)
    firewalld.refuses["changeZoneOfSource"] = "it"
    kept.write_text(json.dumps({"instance": "boot :1.0", "calls": [[".zone", "addPort", ["public", "1", "tcp", 0]]],
                                "entries": {}, "timed": {}, "iptables": {}}))  # fmt: skip
    bring(firewalld, {}, {})
    assert firewalld.calls == []
    assert not kept.exists()


def test_nothing_is_reloaded_if_the_recording_cannot_be_written(double, bring, kept):
    kept.with_name("others.json.new").mkdir()
    firewalld = double.Firewalld()
    with pytest.raises(session.SessionError, match=r"cannot write .*/others\.json: Is a directory"):
        bring(firewalld, {}, {}, reload=True)
    assert firewalld.calls == []


# iptables rules


def table(*rules, chains=(":INPUT ACCEPT [1:2]", ":f2b-kong - [0:0]")):
    return "\n".join(["# by iptables-save", "*filter", *chains, *rules, "COMMIT", ""])


JUMP, BANNED, RETURN = (
    "[5:300] -A INPUT -j f2b-kong",
    "[1:60] -A f2b-kong -s 192.0.2.1/32 -j DROP",
    "[4:240] -A f2b-kong -j RETURN",
)


@pytest.mark.parametrize(
    "after, loaded",
    [
        (table(JUMP, BANNED, RETURN), []),
        (table("[9:9] -A INPUT -j f2b-kong", BANNED, RETURN), []),
        (table(chains=(":INPUT ACCEPT [1:2]",)), [table(JUMP, BANNED, RETURN)]),
        (table(JUMP, RETURN, BANNED), [table(JUMP, BANNED, RETURN)]),
        (
            table("[0:0] -A INPUT -s 192.0.2.8/32 -j DROP", JUMP, "[0:0] -A f2b-kong -s 192.0.2.2/32 -j DROP", RETURN),
            [
                table(
                    "[0:0] -A INPUT -s 192.0.2.8/32 -j DROP",
                    JUMP,
                    "[0:0] -A f2b-kong -s 192.0.2.2/32 -j DROP",
                    BANNED,
                    RETURN,
                )
            ],
        ),
        (
            table(JUMP, "[0:0] -A INPUT -j LOG", RETURN),
            [table(JUMP, "[0:0] -A INPUT -j LOG", BANNED, RETURN)],
        ),
    ],
    ids=["present", "other counters", "emptied", "another order", "bans added later", "rule appended later"],
)
def test_iptables_rules_are_restored_and_later_rules_are_kept(double, bring, programs, after, loaded):
    programs.saved = [table(JUMP, BANNED, RETURN), after]
    bring(double.Firewalld(), {}, {}, reload=True)
    without_head = [text.partition("\n")[2] for text in loaded]
    assert programs.loaded == without_head


def test_the_chains_of_firewalld_in_iptables_are_not_changed(double, bring, programs):
    chains = (":INPUT ACCEPT [1:2]", ":INPUT_ZONES - [0:0]", ":IN_public_post - [0:0]")
    jump = "[0:0] -A INPUT -j INPUT_ZONES"
    old, new = (f"[0:0] -A IN_public_post -p tcp -m tcp --dport {port} -j ACCEPT" for port in (1, 2))
    user = "[7:7] -A INPUT -s 192.0.2.1/32 -j DROP"
    programs.saved = [
        table(user, jump, old, "[0:0] -A IN_old_post -j ACCEPT", chains=(*chains, ":IN_old_post - [0:0]")),
        table(jump, new, chains=chains),
    ]
    bring(double.Firewalld(), {}, {}, reload=True)
    assert programs.loaded == [table(user, jump, new, chains=chains).partition("\n")[2]]


@pytest.mark.parametrize("chains", [(":INPUT ACCEPT [5:5]",), ()])
def test_empty_tables_of_iptables_are_not_compared(double, bring, programs, chains):
    programs.saved = [table(chains=chains), "no second time"]
    bring(double.Firewalld(), {}, {}, reload=True)
    assert programs.saved == ["no second time"]


def test_a_comment_with_a_line_break_is_an_error_before_the_reload(double, bring, programs, kept):
    programs.saved = [table('[0:0] -A INPUT -m comment --comment "two', 'lines" -j ACCEPT')]
    firewalld = double.Firewalld()
    with pytest.raises(session.SessionError, match=r"tables of iptables, .* \.\.\.'lines\" -j ACCEPT'"):
        bring(firewalld, {}, {}, reload=True)
    assert (firewalld.calls, kept.exists()) == ([], False)


@pytest.fixture
def clock(monkeypatch):
    """A clock that advances only while the session sleeps."""
    seconds = [0.0]
    monkeypatch.setattr(session.time, "monotonic", lambda: seconds[0])
    monkeypatch.setattr(session.time, "sleep", lambda given: seconds.__setitem__(0, seconds[0] + given))
    return seconds


DOCKER = (":INPUT ACCEPT [1:2]", ":DOCKER - [0:0]")
USER, ITS = "[3:3] -A INPUT -s 192.0.2.1/32 -j DROP", "[2:2] -A INPUT -j DOCKER"


def test_the_session_waits_until_docker_has_restored_its_rules(double, bring, programs, clock):
    """Some time after the reload, Docker removes its rule and appends it again. Then the order is restored."""
    before = table(USER, ITS, chains=DOCKER)
    gone, again = table(USER, chains=DOCKER), table("[0:0] -A INPUT -j DOCKER", USER, chains=DOCKER)
    programs.saved = [before, before, *[before] * 4, gone, again, again, again]
    bring(double.Firewalld(), {}, {}, reload=True)
    assert clock[0] == pytest.approx(1.8)  # six polls of 0.3 s
    assert programs.loaded == [before.partition("\n")[2]]


def test_the_same_rules_with_new_counters_are_a_change(double, bring, programs, clock):
    before = table(USER, ITS, chains=DOCKER)
    again = table(USER, "[0:0] -A INPUT -j DOCKER", chains=DOCKER)
    programs.saved = [before, before, before, before, again, again]
    bring(double.Firewalld(), {}, {}, reload=True)
    assert clock[0] == pytest.approx(0.9)


def test_the_wait_for_docker_is_limited(double, bring, programs, clock):
    programs.saved = [table(USER, ITS, chains=DOCKER)]
    bring(double.Firewalld(), {}, {}, reload=True)
    assert 6 < clock[0] < 7


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
    have = double.configuration(ipsets={A: double.ipset(), B: double.ipset()})
    have["zones"]["public"]["rules_str"] = [RULE_A, RULE_B]
    firewalld = double.Firewalld(have)
    firewalld.setEntries = lambda *_words: None
    firewalld.change_item = lambda *_words: None
    monkeypatch.setattr(session, "connect", lambda: firewalld)
    request = {"want": {"rules": rules, "ipsets": ipsets}, "kept": str(kept), "prefixes": [*PREFIXES]}
    with pytest.raises(session.SessionError, match=f"differs from the requested configuration in {named}$"):
        session.answer(request)


@pytest.mark.parametrize("lenient, status, said", [(True, 0, "{}"), (False, 1, "")])
def test_only_the_rollback_accepts_a_stopped_firewalld(monkeypatch, capsys, lenient, status, said):
    monkeypatch.setattr(session, "connect", lambda: None)
    assert session.main({"prefixes": [*PREFIXES], "lenient": lenient}) == status
    output = capsys.readouterr()
    assert output.out == said
    assert ("does not answer" in output.err) is not lenient


def test_an_error_of_firewalld_is_one_line(double, monkeypatch, capsys):
    firewalld = double.Firewalld()

    def refuse():
        raise double.DBusError("ACCESS_DENIED: lockdown")

    firewalld.queryPanicMode = refuse
    monkeypatch.setattr(session, "connect", lambda: firewalld)
    assert session.main({"prefixes": [*PREFIXES]}) == 1
    assert capsys.readouterr().err == "ACCESS_DENIED: lockdown\n"


def test_a_firewalld_that_hangs_is_an_error(double, monkeypatch, capsys):
    def hangs(*_words, **_named):
        raise double.NoReplyError("Did not receive a reply. Possible causes include")

    monkeypatch.setattr(session, "connect", lambda: hangs)
    assert session.main({"prefixes": [*PREFIXES]}) == 1
    assert "it runs and does not answer" in capsys.readouterr().err
