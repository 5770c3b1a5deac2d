# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Third-party iptables rules after a reload of firewalld."""

from __future__ import annotations

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._backends.firewalld.session import iptables
from ansible_collections.gatehouse.kong.plugins.module_utils._backends.firewalld.session.program import SessionError


def format_table(*rules, chains=(":INPUT ACCEPT [1:2]", ":f2b-kong - [0:0]")):
    return "\n".join(["# by iptables-save", "*filter", *chains, *rules, "COMMIT", ""])


JUMP, BANNED, RETURN = (
    "[5:300] -A INPUT -j f2b-kong",
    "[1:60] -A f2b-kong -s 192.0.2.1/32 -j DROP",
    "[4:240] -A f2b-kong -j RETURN",
)


def format_patch(*lines):
    return "\n".join(["*filter", *lines, "COMMIT", ""])


BAN = "[0:0] -A INPUT -s 192.0.2.8/32 -j DROP"


@pytest.mark.parametrize(
    "after, loaded",
    [
        (format_table(JUMP, BANNED, RETURN), []),
        (format_table("[9:9] -A INPUT -j f2b-kong", BANNED, RETURN), []),
        (format_table(chains=(":INPUT ACCEPT [1:2]",)), [":f2b-kong - [0:0]", JUMP, BANNED, RETURN]),
        (format_table(chains=()), [":f2b-kong - [0:0]", JUMP, BANNED, RETURN]),
        (
            format_table(JUMP, RETURN, BANNED),
            ["-D f2b-kong -s 192.0.2.1/32 -j DROP", "[1:60] -I f2b-kong 1 -s 192.0.2.1/32 -j DROP"],
        ),
        (
            format_table(BAN, JUMP, "[0:0] -A f2b-kong -s 192.0.2.2/32 -j DROP", RETURN),
            ["[1:60] -I f2b-kong 2 -s 192.0.2.1/32 -j DROP"],
        ),
        (format_table(BAN, RETURN), ["[5:300] -A INPUT -j f2b-kong", "[1:60] -I f2b-kong 1 -s 192.0.2.1/32 -j DROP"]),
        (
            format_table(JUMP, "[0:0] -A INPUT -j LOG", RETURN),
            ["[1:60] -I f2b-kong 1 -s 192.0.2.1/32 -j DROP"],
        ),
        (format_table(JUMP, BANNED, RETURN, chains=(":INPUT DROP [1:2]", ":f2b-kong - [0:0]")), [":INPUT ACCEPT [1:2]"]),
    ],
    ids=["present", "other counters", "emptied", "no chain", "another order", "bans added later", "jump",
         "rule appended later", "another policy"],
)  # fmt: skip
def test_iptables_rules_are_restored_and_later_rules_are_kept(double, bring, programs, after, loaded):
    programs.saved = [format_table(JUMP, BANNED, RETURN), after]
    bring(double.Firewalld(), reload=True)
    assert programs.loaded == ([format_patch(*loaded)] if loaded else [])


def test_the_policy_of_a_chain_without_rules_is_restored(double, bring, programs):
    programs.saved = [format_table(chains=(":INPUT DROP [1:2]",)), format_table(chains=(":INPUT ACCEPT [0:0]",))]
    bring(double.Firewalld(), reload=True)
    assert programs.loaded == [format_patch(":INPUT DROP [1:2]")]


@pytest.mark.parametrize("failures", [2, 3])
def test_rules_that_change_while_they_are_restored_are_read_again(double, bring, programs, failures):
    programs.saved = [format_table(JUMP, BANNED, RETURN), *[format_table(BAN)] * failures, format_table(JUMP, RETURN)]
    programs.errors = [SessionError("iptables-restore: Index of insertion too big")] * failures
    if failures == 3:
        with pytest.raises(SessionError, match="Index of insertion"):
            bring(double.Firewalld(), reload=True)
    else:
        bring(double.Firewalld(), reload=True)
        assert programs.loaded == [format_patch("[1:60] -I f2b-kong 1 -s 192.0.2.1/32 -j DROP")]


def test_the_chains_of_firewalld_in_iptables_are_not_changed(double, bring, programs):
    chains = (":INPUT ACCEPT [1:2]", ":INPUT_ZONES - [0:0]", ":IN_public_post - [0:0]")
    jump = "[0:0] -A INPUT -j INPUT_ZONES"
    old, new = (f"[0:0] -A IN_public_post -p tcp -m tcp --dport {port} -j ACCEPT" for port in (1, 2))
    user = "[7:7] -A INPUT -s 192.0.2.1/32 -j DROP"
    programs.saved = [
        format_table(user, jump, old, "[0:0] -A IN_old_post -j ACCEPT", chains=(*chains, ":IN_old_post - [0:0]")),
        format_table(jump, new, chains=chains),
    ]
    bring(double.Firewalld(), reload=True)
    assert programs.loaded == [format_patch("[7:7] -I INPUT 1 -s 192.0.2.1/32 -j DROP")]


@pytest.mark.parametrize("chains", [(":INPUT ACCEPT [5:5]",), ()])
def test_empty_tables_of_iptables_are_not_compared(double, bring, programs, chains):
    programs.saved = [format_table(chains=chains), "no second time"]
    bring(double.Firewalld(), reload=True)
    assert programs.saved == ["no second time"]


def test_a_comment_with_a_line_break_is_an_error_before_the_reload(double, bring, programs, kept):
    programs.saved = [format_table('[0:0] -A INPUT -m comment --comment "two', 'lines" -j ACCEPT')]
    firewalld = double.Firewalld()
    with pytest.raises(SessionError, match=r"tables of iptables, .* \.\.\.'lines\" -j ACCEPT'"):
        bring(firewalld, reload=True)
    assert (firewalld.calls, kept.exists()) == ([], False)


@pytest.fixture
def clock(monkeypatch):
    """A clock that advances only while the session sleeps."""
    seconds = [0.0]
    monkeypatch.setattr(iptables.time, "monotonic", lambda: seconds[0])
    monkeypatch.setattr(iptables.time, "sleep", lambda given: seconds.__setitem__(0, seconds[0] + given))
    return seconds


DOCKER = (":INPUT ACCEPT [1:2]", ":DOCKER - [0:0]")
USER, ITS = "[3:3] -A INPUT -s 192.0.2.1/32 -j DROP", "[2:2] -A INPUT -j DOCKER"


def test_the_session_waits_until_docker_has_restored_its_rules(double, bring, programs, clock):
    """Some time after the reload, Docker removes its rule and appends it again. Then the order is restored."""
    before = format_table(USER, ITS, chains=DOCKER)
    gone, again = format_table(USER, chains=DOCKER), format_table("[0:0] -A INPUT -j DOCKER", USER, chains=DOCKER)
    programs.saved = [before, before, *[before] * 4, gone, again, again, again]
    bring(double.Firewalld(), reload=True)
    assert clock[0] == pytest.approx(1.8)  # six polls of 0.3 s
    assert programs.loaded == [
        format_patch("-D INPUT -s 192.0.2.1/32 -j DROP", "[3:3] -I INPUT 1 -s 192.0.2.1/32 -j DROP")
    ]


def test_the_same_rules_with_new_counters_are_a_change(double, bring, programs, clock):
    before = format_table(USER, ITS, chains=DOCKER)
    again = format_table(USER, "[0:0] -A INPUT -j DOCKER", chains=DOCKER)
    programs.saved = [before, before, before, before, again, again]
    bring(double.Firewalld(), reload=True)
    assert clock[0] == pytest.approx(0.9)


def test_the_wait_for_docker_is_limited(double, bring, programs, clock):
    programs.saved = [format_table(USER, ITS, chains=DOCKER)]
    bring(double.Firewalld(), reload=True)
    assert 6 < clock[0] < 7
