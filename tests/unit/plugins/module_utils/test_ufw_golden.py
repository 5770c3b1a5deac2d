# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rulesets are those of the nftables backend: each must say the same in its own language."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._backends.ufw.backend import CHAINS
from ansible_collections.gatehouse.kong.plugins.module_utils._backends.ufw.rules import make_rules
from ansible_collections.gatehouse.kong.plugins.module_utils._backends.ufw.session import (
    Ours,
    chain_lines,
    edit_chain,
    edit_file,
    live_line,
    ours_of,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.ruleset import FAMILIES, ruleset_from_data

GOLDEN = Path(__file__).parents[3] / "golden"
CASES = sorted({path.stem for path in (GOLDEN / "nftables").glob("*.nft")} - {"published"})
NO_RECORD = {"ruleset": None, "known": {}, "adopted": {}}
CHAIN = "ufw-user-input"
HEAD, TAIL = "*filter\n:ufw-user-input - [0:0]\n### RULES ###\n", "\n### END RULES ###\n\n### LOGGING ###\nCOMMIT\n"
EMPTY = HEAD + TAIL
SSH = "\n### tuple ### allow tcp 22 0.0.0.0/0 any 0.0.0.0/0 in\n-A ufw-user-input -p tcp --dport 22 -j ACCEPT\n"
BAN = "\n### tuple ### deny any any 0.0.0.0/0 any 203.0.113.9 in\n-A ufw-user-input -s 203.0.113.9 -j DROP\n"
OPEN = "\n### tuple ### allow tcp 8000 0.0.0.0/0 any 0.0.0.0/0 in comment=6d79\n-A ufw-user-input -p tcp --dport 8000 -j ACCEPT\n"
A, B, ALL, OTHERS = (
    ("allow tcp 7946 0.0.0.0/0 any 10.0.0.1 in", "gatehouse.kong cluster: peers"),
    ("allow tcp 7946 0.0.0.0/0 any 10.0.0.2 in", "gatehouse.kong cluster: peers"),
    ("allow tcp 8000 0.0.0.0/0 any 0.0.0.0/0 in", "gatehouse.kong proxy: anyone"),
    ("deny tcp 7946 0.0.0.0/0 any 0.0.0.0/0 in", "gatehouse.kong cluster: all others"),
)


def wanted(case):
    return ruleset_from_data(json.loads((GOLDEN / "nftables" / f"{case}.json").read_text()))


def ours(*rules, known=(), adopted=()):
    return Ours(rules, {rule for rule, _comment in known}, dict(adopted))


def edited(text, *rules, record=None):
    return edit_file(text, ours_of(record or NO_RECORD, "ipv4", text, rules), CHAIN)


def test_there_are_cases():
    assert len(CASES) >= 6


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("family", FAMILIES)
def test_the_file_is_written_to_the_letter(case, family):
    rules = make_rules(wanted(case), family)
    text = edit_file(EMPTY, Ours(rules, set(), {}), CHAINS[family])
    assert text.removeprefix(HEAD).removesuffix(TAIL) == (GOLDEN / "ufw" / f"{case}.{family}").read_text()


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("family", FAMILIES)
def test_what_the_kernel_lists_of_it_is_known(case, family):
    """The listings were recorded with ufw 0.36.2, which had loaded the files, and iptables 1.8.9."""
    listed = (GOLDEN / "ufw" / f"{case}.{family}.listed").read_text()
    rules = make_rules(wanted(case), family)
    assert chain_lines(listed, CHAINS[family]) == [live_line(rule.tuple, CHAINS[family]) for rule in rules]


def test_ours_come_before_those_of_others_but_for_a_ban():
    assert edited(HEAD + BAN + SSH + TAIL, A, OTHERS).startswith(
        HEAD + BAN + edited(EMPTY, A, OTHERS)[len(HEAD) : -len(TAIL)]
    )
    assert edited(HEAD + BAN + SSH + TAIL, A, OTHERS).endswith(SSH + TAIL)


def test_a_second_time_changes_nothing():
    once = edited(HEAD + BAN + SSH + TAIL, A, OTHERS)
    assert edited(once, A, OTHERS) == once


def test_what_is_no_longer_wanted_goes_by_its_comment():
    assert edited(edited(HEAD + SSH + TAIL, A, B, OTHERS), A, OTHERS) == edited(HEAD + SSH + TAIL, A, OTHERS)
    assert edited(edited(HEAD + SSH + TAIL, A, B)) == HEAD + SSH + TAIL


def test_and_by_the_record_where_the_comment_was_lost():
    lost = edited(HEAD + SSH + TAIL, A, B).replace(f" comment={A[1].encode().hex()}", "")
    record = {"ruleset": None, "known": {"ipv4": [A[0], B[0]]}, "adopted": {}}
    assert edited(lost, record=record) == HEAD + SSH + TAIL
    assert "10.0.0.1" in edited(lost)


def test_a_rule_that_its_owner_had_is_given_back():
    text = HEAD + OPEN + SSH + TAIL
    mine = ours_of(NO_RECORD, "ipv4", text, [ALL])
    assert mine.adopted == {ALL[0]: OPEN}
    taken = edit_file(text, mine, CHAIN)
    assert taken.count("dport 8000") == 1
    record = {"ruleset": None, "known": {"ipv4": [ALL[0]]}, "adopted": {"ipv4": mine.adopted}}
    assert edited(taken, record=record) == HEAD + SSH + OPEN + TAIL


def test_a_file_without_marks_stays_as_it_is():
    assert edited("*filter\nCOMMIT\n", A) == "*filter\nCOMMIT\n"


CHAIN_CASES = {
    "first run": (["-s 203.0.113.9/32 -j DROP", "-p tcp -m tcp --dport 22 -j ACCEPT"], ours(A, OTHERS), [0, "A", "O", 1]),
    "peer more": (["A", "O", "-p tcp -m tcp --dport 22 -j ACCEPT"], ours(A, B, OTHERS), ["A", "B", "O", 2]),
    "peer less": (["A", "B", "O"], ours(B, OTHERS, known=[A, B, OTHERS]), ["B", "O"]),
    "unknown stays": (["A", "B", "O"], ours(B, OTHERS), ["B", "O", "A"]),
    "accept before ours": (["-p tcp -m tcp --dport 7946 -j ACCEPT", "A", "O"], ours(A, OTHERS), ["A", "O", 0]),
    "ban of one port": (["-s 203.0.113.9/32 -p tcp -m tcp --dport 7946 -j DROP"], ours(A, OTHERS), ["A", "O", 0]),
    "given back": (["L", "O"], ours(known=[ALL, OTHERS], adopted={ALL[0]: OPEN}), ["L"]),
    "nothing": ([], ours(known=[A]), []),
}  # fmt: skip


@pytest.mark.parametrize("have, mine, want", CHAIN_CASES.values(), ids=CHAIN_CASES)
def test_a_loaded_chain(have, mine, want):
    names = {name: live_line(rule[0], CHAIN) for name, rule in {"A": A, "B": B, "O": OTHERS, "L": ALL}.items()}
    lines = [names.get(one, f"-A {CHAIN} {one}") for one in have]
    expected = [lines[one] if isinstance(one, int) else names[one] for one in want]
    assert edit_chain(lines, mine, CHAIN) == expected
    assert edit_chain(expected, mine, CHAIN) == expected


def test_a_source_in_two_sets_has_one_rule():
    data = {
        "allow": [{"listener": "a", "protocol": "tcp", "port": 1, "address": "10.0.0.1", "sources": ["x", "y"]}],
        "sets": {"x": {"ipv4": ["10.9.0.0/24"]}, "y": {"ipv4": ["10.9.0.0/24", "10.9.1.1/32"]}},
    }
    assert [rule.tuple for rule in make_rules(ruleset_from_data(data), "ipv4")] == [
        "allow tcp 1 10.0.0.1 any 10.9.0.0/24 in",
        "allow tcp 1 10.0.0.1 any 10.9.1.1 in",
        "deny tcp 1 10.0.0.1 any 0.0.0.0/0 in",
    ]


def test_no_chain_is_not_an_empty_one():
    assert chain_lines("*filter\n:INPUT ACCEPT [0:0]\nCOMMIT\n", CHAIN) is None
    assert chain_lines(f"*filter\n:{CHAIN} - [0:0]\nCOMMIT\n", CHAIN) == []
