# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Third-party iptables rules that are changed between `save_tables` and the moment when a reload deletes all rules."""

from __future__ import annotations

from contextlib import nullcontext

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._backends.firewalld.session import session
from ansible_collections.gatehouse.kong.plugins.module_utils._backends.firewalld.session.iptables import parse_tables
from ansible_collections.gatehouse.kong.plugins.module_utils._backends.firewalld.session.iptables_events import (
    read_flushed,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._backends.firewalld.session.program import SessionError

SAVED = """\
# by iptables-save
*filter
:INPUT DROP [1:2]
:f2b - [0:0]
[5:300] -A INPUT -j f2b
[1:60] -A f2b -s 192.0.2.1/32 -j DROP
COMMIT
*nat
:OUTPUT ACCEPT [0:0]
[2:2] -A OUTPUT -j LOG
COMMIT
"""
JUMP, FIRST = "INPUT -j f2b", "f2b -s 192.0.2.1/32 -j DROP"
BAN, OTHER = "INPUT -s 192.0.2.8/32 -j DROP", "f2b -s 192.0.2.9/32 -j DROP"


def format_transaction(*events, program="iptables", family=4, table="filter"):
    """Return a transaction as xtables-monitor prints it."""
    lines = [f" EVENT: -{family} -t {table} {event}" for event in events]
    return "\n".join([*lines, f"NEWGEN: GENID=8782 PID=12398 NAME={program}", ""])


def format_flush(*rules, **words):
    return format_transaction(*(f"-D {rule}" for rule in rules), "-X f2b", program="iptables-restor", **words)


def list_rules(text, table="filter"):
    """Return the chains and the rules of a table."""
    found = parse_tables(text)[table]
    return [*found["chains"].values()], {chain: rules for chain, rules in found["rules"].items() if rules}


CHAINS = [":INPUT DROP [1:2]", ":f2b - [0:0]"]
COUNTED = {"INPUT": ["[5:300] -A INPUT -j f2b"], "f2b": ["[1:60] -A f2b -s 192.0.2.1/32 -j DROP"]}


@pytest.mark.parametrize(
    "events, chains, rules",
    [
        ([], CHAINS, COUNTED),
        ([format_flush(JUMP, FIRST)], CHAINS, COUNTED),
        (
            [format_transaction(f"-A {BAN}"), format_flush(BAN, JUMP, FIRST)],
            CHAINS,
            {**COUNTED, "INPUT": [f"[0:0] -A {BAN}", *COUNTED["INPUT"]]},
        ),
        (
            [format_transaction(f"-D {FIRST}"), format_flush(JUMP)],
            CHAINS,
            {"INPUT": COUNTED["INPUT"]},
        ),
        # The reload empties the table twice.
        (
            [
                format_flush(JUMP, FIRST),
                format_transaction(f"-A {BAN}"),
                format_transaction(f"-A {JUMP}", "-A INPUT -j LOG", program="iptables-restor"),
                format_flush(BAN, JUMP, "INPUT -j LOG"),
            ],
            CHAINS,
            {**COUNTED, "INPUT": [f"[0:0] -A {BAN}", *COUNTED["INPUT"], "[0:0] -A INPUT -j LOG"]},
        ),
        (
            [
                format_transaction("-N late", "-A late -j DROP", f"-A {OTHER}"),
                format_flush(JUMP, FIRST, OTHER, "late -j DROP"),
            ],
            [*CHAINS, ":late - [0:0]"],
            {**COUNTED, "f2b": [*COUNTED["f2b"], f"[0:0] -A {OTHER}"], "late": ["[0:0] -A late -j DROP"]},
        ),
        (
            [
                format_transaction(f"-D {JUMP}"),
                format_transaction(f"-D {FIRST}", "-X f2b"),
                format_transaction(f"-A {BAN}"),
                format_flush(BAN),
            ],
            [":INPUT DROP [1:2]"],
            {"INPUT": [f"[0:0] -A {BAN}"]},
        ),
        ([format_transaction(f"-A {BAN}")], CHAINS, COUNTED),
        ([format_transaction(f"-A {BAN}"), format_flush(BAN)], CHAINS, COUNTED),
        ([format_flush(JUMP, FIRST), format_transaction("-X f2b")], CHAINS, COUNTED),
        ([format_flush(JUMP, FIRST), format_transaction(f"-A {BAN}"), format_transaction(f"-D {BAN}")], CHAINS, COUNTED),
        ([format_transaction(f"-A {BAN}", family=6), format_flush(JUMP, FIRST)], CHAINS, COUNTED),
        ([format_transaction(f"-A {BAN}", table="raw"), format_flush(JUMP, FIRST)], CHAINS, COUNTED),
    ],
    ids=["no event", "flush", "ban", "unban", "ban between two flushes", "chain", "flush after removal of all rules",
         "no flush", "other rules stay", "chain removed after the flush", "unban after the flush", "family", "table"],
)  # fmt: skip
def test_rules_are_those_of_the_moment_of_the_flush(events, chains, rules):
    flushed = read_flushed({"iptables": SAVED}, "".join(events))["iptables"]
    assert list_rules(flushed) == (chains, rules)
    assert list_rules(flushed, "nat") == ([":OUTPUT ACCEPT [0:0]"], {"OUTPUT": ["[2:2] -A OUTPUT -j LOG"]})


def test_each_family_has_its_own_events():
    events = format_transaction(f"-A {BAN}", family=6) + format_flush(BAN, JUMP, FIRST, family=6)
    flushed = read_flushed({"iptables": SAVED, "ip6tables": SAVED}, events)
    assert list_rules(flushed["iptables"]) == (CHAINS, COUNTED)
    assert list_rules(flushed["ip6tables"])[1]["INPUT"] == [f"[0:0] -A {BAN}", *COUNTED["INPUT"]]


def test_a_table_that_is_created_after_the_recording_is_restored():
    events = format_transaction(f"-A {BAN}", table="raw") + format_flush(BAN, table="raw")
    flushed = read_flushed({"iptables": "*filter\n:INPUT ACCEPT [0:0]\nCOMMIT\n"}, events)["iptables"]
    assert list_rules(flushed, "raw") == ([":INPUT ACCEPT [0:0]"], {"INPUT": [f"[0:0] -A {BAN}"]})


def test_a_rule_with_a_line_break_in_its_comment_is_left_out():
    """iptables-restore would reject all rules because of it."""
    late = '-A INPUT -m comment --comment "two\nlines" -j DROP'
    events = format_transaction(late) + format_flush(late[3:], JUMP, FIRST)
    assert list_rules(read_flushed({"iptables": SAVED}, events)["iptables"]) == (CHAINS, COUNTED)


def test_a_session_restores_the_rules_of_the_moment_of_the_flush(double, bring, programs, monkeypatch):
    events = format_transaction(f"-A {BAN}") + format_flush(BAN, JUMP, FIRST)
    monkeypatch.setattr(session, "watch_tables", lambda: nullcontext(lambda: events))
    programs.saved = [SAVED, "*filter\n:INPUT DROP [0:0]\n:f2b - [0:0]\nCOMMIT\n*nat\nCOMMIT\n"]
    bring(double.Firewalld(), reload=True)
    assert f"[0:0] -A {BAN}\n[5:300] -A INPUT -j f2b\n" in programs.loaded[0]


IPV6 = """\
*filter
:INPUT ACCEPT [0:0]
[3:3] -A INPUT -p ipv6-icmp -m icmp6 --icmpv6-type 128 -j ACCEPT
[4:4] -A INPUT -s 2001:db8::1/128 -j REJECT --reject-with icmp6-port-unreachable
[5:5] -A INPUT -s 2001:db8::2/128 -j DROP
COMMIT
"""


def test_ipv6_rules_that_xtables_monitor_prints_wrongly_are_restored_as_saved():
    late = "INPUT -s 2001:db8::3/128 -j REJECT"
    events = (
        format_transaction(f"-A {late} --reject-with (null)", program="ip6tables", family=6),
        format_transaction("-D INPUT -s 2001:db8::2/128 -j DROP", program="ip6tables", family=6),
        format_flush(
            f"{late} --reject-with (null)",
            "INPUT -p ipv6-icmp -j ACCEPT",
            "INPUT -s 2001:db8::1/128 -j REJECT --reject-with (null)",
            family=6,
        ),
    )
    flushed = read_flushed({"ip6tables": IPV6}, "".join(events))["ip6tables"]
    assert list_rules(flushed)[1]["INPUT"] == [f"[0:0] -A {late}", *IPV6.splitlines()[2:4]]


def test_the_way_of_rejecting_is_kept():
    late = "INPUT -s 192.0.2.8/32 -p tcp -j REJECT --reject-with tcp-reset"
    events = format_transaction(f"-A {late}") + format_flush(late, JUMP, FIRST)
    assert f"[0:0] -A {late}\n" in read_flushed({"iptables": SAVED}, events)["iptables"]


def test_tables_that_iptables_restore_rejects_are_replaced_by_the_saved_tables(programs):
    def fail(text):
        assert f"-A {BAN}" in text
        raise SessionError("iptables-restore: line 4 failed")

    programs.others["iptables-restore", "--test"] = fail
    events = format_transaction(f"-A {BAN}") + format_flush(BAN, JUMP, FIRST)
    assert read_flushed({"iptables": SAVED}, events) == {"iptables": SAVED}


def test_tables_without_changes_are_not_tested(programs):
    programs.others["iptables-restore", "--test"] = AssertionError()
    assert read_flushed({"iptables": SAVED}, format_flush(JUMP, FIRST)) == {"iptables": SAVED}
