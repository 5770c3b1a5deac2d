# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Entries of ipsets with a timeout after a reload of firewalld."""

from __future__ import annotations

import json

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._backends.firewalld.session.elements import format_entry
from ansible_collections.gatehouse.kong.plugins.module_utils._backends.firewalld.session.program import SessionError


@pytest.fixture
def timed(double, programs):
    """A set with a timeout. firewalld does not list its entries."""
    have = double.make_configuration(ipsets={"bans": double.make_ipset(timeout="600")})
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
    bring(timed, reload=True)
    assert json.loads(loaded[0]) == {
        "nftables": [{"add": {"element": {
            "family": "inet", "table": "firewalld", "name": "bans",
            "elem": [{"elem": {"val": "192.0.2.1", "timeout": 600, "expires": 77}}],
        }}}]
    }  # fmt: skip
    assert loaded[1:] == ["add bans 192.0.2.1 timeout 77\n"]
    assert timed.calls == [("reload",)]


def test_firewalld_adds_the_entries_if_no_other_program_may_change_its_table(timed, bring, programs):
    programs.others[NFT] = SessionError("nft: Operation not permitted")
    programs.others[IPSET] = SessionError("ipset: no such set")
    bring(timed, reload=True)
    assert timed.calls == [("reload",), ("addEntry", "bans", "192.0.2.1"), ("addEntry", "bans", "192.0.2.1")]


def test_the_entries_are_added_after_the_direct_rules_that_make_firewalld_create_kernel_ipsets(timed, bring, programs):
    order = []
    timed.runtime["direct"] = {"Rule": [("ipv4", "filter", "INPUT", 0, ["-j", "DROP"])]}
    programs.others[NFT] = programs.others[IPSET] = lambda _given: order.append(len(timed.calls)) or ""
    bring(timed, reload=True)
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
    assert format_entry(element) == text
