# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Objects and files for the rulesets of the nftables backend, compared with golden files; and the bytes of zone files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._backends.firewalld.files import render_ipset
from ansible_collections.gatehouse.kong.plugins.module_utils._backends.firewalld.objects import (
    Objects,
    Rule,
    is_ours,
    make_objects,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._backends.firewalld.zones import (
    as_copy,
    restore_original,
    with_rules,
    without_rules,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.data import ruleset_from_data

GOLDEN = Path(__file__).parents[5] / "golden"
CASES = ("address_before_wildcard", "dual_stack", "empty", "gossip_behind_nat", "published", "sources", "udp_stream")
ENTRY = {"listener": "admin", "protocol": "tcp", "port": 8001, "address": None, "sources": ["peers"]}


def read_objects(case):
    return make_objects(ruleset_from_data(json.loads((GOLDEN / "nftables" / f"{case}.json").read_text())))


@pytest.mark.parametrize("case", CASES)
def test_rules_and_ipsets_equal_the_golden_file(case):
    objects = read_objects(case)
    layout = objects.lay_out({})
    files = {name: render_ipset(objects.families[name], entries) for name, entries in layout.items()}
    text = "".join(f"{rule}\n" for rule in objects.rules) + "".join(f"# {name}\n{files[name]}" for name in files)
    assert text == (GOLDEN / "firewalld" / f"{case}.txt").read_text()


@pytest.mark.parametrize("case", [case for case in CASES if case != "empty"])
def test_our_rules_are_recognised(case):
    rules = read_objects(case).rules
    assert rules
    assert all(is_ours(str(rule)) for rule in rules)


@pytest.mark.parametrize(
    "rule",
    [
        'rule priority="32767" family="ipv4" port port="8001" protocol="tcp" accept',
        'rule family="ipv4" source ipset="bans" drop',
        'rule family="ipv4" source ipset="gkong4-a-peers" drop',
    ],
)
def test_third_party_rules_are_not_recognised_as_our_rules(rule):
    assert not is_ours(rule)


def test_without_a_ruleset_there_are_no_objects():
    assert make_objects(None) == Objects((), ())


def make_peers(*addresses, name="peers"):
    data = {"allow": [{**ENTRY, "sources": [name]}], "sets": {name: {"ipv4": list(addresses)}}}
    return make_objects(ruleset_from_data(data))


A, B = "gkfwd4-a-peers", "gkfwd4-b-peers"


def test_adjacent_networks_are_merged_as_nft_lists_them():
    apart, merged = make_peers("10.0.0.2/32", "10.0.0.3/32", "10.0.0.0/31", "10.0.0.1/32"), make_peers("10.0.0.0/30")
    assert apart == merged
    assert apart.lay_out({})[A] == ["10.0.0.0/30"]


@pytest.mark.parametrize(
    "present, a, b",
    [
        ({}, ["10.0.0.2"], []),
        ({A: ["10.0.0.1"], B: []}, [], ["10.0.0.2"]),
        ({A: [], B: ["10.0.0.1"]}, ["10.0.0.2"], []),
        ({A: [], B: ["10.0.0.2"]}, [], ["10.0.0.2"]),
        ({A: ["10.0.0.2"], B: ["10.0.0.1"]}, ["10.0.0.2"], []),
        ({A: ["10.0.0.8", "10.0.0.9"], B: ["10.0.0.1"]}, [], ["10.0.0.2"]),
    ],
    ids=["first", "a in use", "b in use", "no difference", "interrupted, a complete", "interrupted"],
)
def test_the_set_that_is_not_in_use_is_filled(present, a, b):
    layout = make_peers("10.0.0.2/32").lay_out(present)
    assert (layout[A], layout[B]) == (a, b)


def test_a_long_name_is_shortened_and_unique():
    first, second = (make_peers(name="n" * 40 + end).groups[0].names for end in "12")
    names = {*first, *second}
    assert len(names) == 4
    assert {len(name) for name in names} == {31}
    assert {name[:9] for name in names} == {"gkfwd4-a-", "gkfwd4-b-"}


def test_the_longest_possible_name_is_not_shortened():
    assert make_peers(name="n" * 22).groups[0].names == ("gkfwd4-a-" + "n" * 22, "gkfwd4-b-" + "n" * 22)


# Zone files

RULES = (Rule("ipv4", A, None, 8001, "tcp"), Rule("ipv6", "gkfwd6-any", "2001:db8::1", 7946, "udp"))
ADDED = """\
  <rule priority="32767" family="ipv4"><source ipset="gkfwd4-a-peers"/><port port="8001" protocol="tcp"/><accept/></rule>
  <rule priority="32767" family="ipv6"><source ipset="gkfwd6-any"/><destination address="2001:db8::1"/><port port="7946" \
protocol="udp"/><accept/></rule>
"""
HEAD = '<?xml version="1.0" encoding="utf-8"?>\n'
ZONES = {
    "usual": HEAD + '<zone>\n  <short>Public</short>\n  <service name="ssh"/>\n  <forward/>\n</zone>\n',
    "comments": HEAD + "<!-- </zone> -->\n<zone>\n<!-- </zone> our office -->\n</zone>\n<!-- end </zone> -->\n",
    "tabs": "<zone>\n\t<short>X</short>\n\t</zone>\n",
    "spaces": "<zone>\n    <short>X</short>\n    </zone >",
    "one line": '<zone target="DROP"><short>X</short></zone>',
    "line ends of Windows": HEAD.replace("\n", "\r\n") + "<zone>\r\n  <short>X</short>\r\n</zone>\r\n",
    "empty element": HEAD + '<zone target="DROP"/>\n',
    "empty element with a space": "<zone />",
    "rule of the administrator": "<zone>\n  <rule>\n    <source ipset='own'/>\n    <drop/>\n  </rule>\n</zone>\n",
    "same priority": '<zone>\n  <rule priority="32767"><service name="http"/><accept/></rule>\n</zone>\n',
}


@pytest.mark.parametrize("text", ZONES.values(), ids=ZONES)
def test_rules_are_added_and_removed_without_any_other_change(text):
    edited = with_rules(text, RULES)
    assert ADDED in edited
    assert without_rules(edited) == text
    assert restore_original(edited) == text


def test_the_rules_are_the_last_rules_of_the_zone():
    assert with_rules(ZONES["usual"], RULES) == ZONES["usual"].replace("</zone>", ADDED + "</zone>")
    assert with_rules(ZONES["comments"], RULES) == ZONES["comments"].replace(
        "our office -->\n</zone>", f"our office -->\n{ADDED}</zone>"
    )


def test_an_empty_element_gets_content():
    assert with_rules('<zone target="DROP"/>\n', RULES) == (
        f'<zone target="DROP"><!-- gatehouse.kong: this element was empty -->\n{ADDED}</zone>\n'
    )


@pytest.mark.parametrize("text", ["", "<policy>\n</policy>\n", "<zone>", "<!-- <zone/> -->"])
def test_a_text_without_a_zone_is_an_error(text):
    with pytest.raises(ValueError, match="it has no element <zone>"):
        with_rules(text, RULES)


def test_our_rules_are_removed_in_the_form_of_firewalld_too():
    """When an administrator changes the zone, firewalld rewrites the whole file."""
    rule = '  <rule priority="32767" family="ipv4">\n    <source ipset="{}"/>\n    <port port="8001" protocol="tcp"/>\n    <accept/>\n  </rule>\n'
    text = f"{HEAD}<zone>\n{rule.format(A)}{rule.format('own')}{rule.format('gkfwd6-any')}  <forward/>\n</zone>\n"
    assert without_rules(text) == f"{HEAD}<zone>\n{rule.format('own')}  <forward/>\n</zone>\n"


@pytest.mark.parametrize("text", [ZONES["usual"], ZONES["one line"]])
def test_a_copy_of_a_supplied_file_is_not_a_file_of_the_administrator(text):
    copy = with_rules(as_copy(text, "/usr/lib/firewalld/zones/x.xml"), RULES)
    assert "<!-- gatehouse.kong: a copy of /usr/lib/firewalld/zones/x.xml (" in copy
    assert restore_original(copy) is None


def test_an_edited_copy_is_a_file_of_the_administrator():
    copy = with_rules(as_copy(ZONES["usual"], "/usr/lib/firewalld/zones/x.xml"), RULES)
    edited = ZONES["usual"].replace("ssh", "http")
    assert restore_original(copy.replace("ssh", "http")) == edited


def test_a_zone_file_equals_the_golden_file():
    supplied = (GOLDEN / "firewalld" / "zones" / "public.xml").read_text()
    edited = with_rules(as_copy(supplied, "/usr/lib/firewalld/zones/public.xml"), RULES)
    assert edited == (GOLDEN / "firewalld" / "zones" / "public.edited.xml").read_text()
