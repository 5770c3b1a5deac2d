# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Named sets and maps in the place of their names."""

from __future__ import annotations

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.nft_sets import inline_sets

SADDR = {"payload": {"protocol": "ip", "field": "saddr"}}
USE = {"match": {"op": "==", "left": SADDR, "right": "@peers"}}
JUMP = {"vmap": {"key": SADDR, "data": "@peers"}}


def make_listing(elements, *rules, kind="set", table="own", more=()):
    entry = {"family": "ip", "name": "peers", "table": table, "type": "ipv4_addr"}
    if elements is not None:
        entry["elem"] = elements
    made = [{"rule": {"family": "ip", "table": "own", "chain": "input", "expr": [*rule]}} for rule in rules]
    return [{"metainfo": {}}, {kind: entry}, *made, *more]


def read_expressions(objects):
    return [part for item in inline_sets(objects) if "rule" in item for part in item["rule"]["expr"]]


@pytest.mark.parametrize(
    ("elements", "expected"),
    [
        (["10.0.0.1"], ["10.0.0.1"]),
        (None, []),
        ([{"elem": {"val": "10.0.0.1", "timeout": 60, "expires": 9}}], ["10.0.0.1"]),
        ([{"elem": {"val": {"prefix": {"addr": "10.0.0.0", "len": 8}}, "counter": {}}}], [{"prefix": {"addr": "10.0.0.0", "len": 8}}]),
    ],
)  # fmt: skip
def test_elements_take_the_place_of_the_name(elements, expected):
    (match, drop) = read_expressions(make_listing(elements, [USE, {"drop": None}]))
    assert match == {"match": {"op": "==", "left": SADDR, "right": {"set": expected}}}
    assert drop == {"drop": None}


def test_elements_of_a_map_keep_their_verdicts():
    elements = [[{"elem": {"val": "10.0.0.1", "counter": {}}}, {"drop": None}]]
    (vmap,) = read_expressions(make_listing(elements, [JUMP], kind="map"))
    assert vmap == {"vmap": {"key": SADDR, "data": {"set": [["10.0.0.1", {"drop": None}]]}}}


@pytest.mark.parametrize(
    "objects",
    [
        make_listing(["10.0.0.1"], [USE], [{"set": {"op": "add", "elem": SADDR, "set": "@peers"}}]),
        make_listing([["10.0.0.1", 1]], [USE], [{"map": {"op": "update", "elem": SADDR, "data": 1, "map": "@peers"}}], kind="map"),
        make_listing(["10.0.0.1"], [USE], table="other"),
        make_listing(["10.0.0.1"], [{"match": {**USE["match"], "right": "10.0.0.9"}}]),
    ],
)  # fmt: skip
def test_a_set_that_rules_change_or_of_another_table_is_not_inlined(objects):
    assert inline_sets(objects) == objects


def test_statements_that_nft_lists_as_text_are_kept():
    assert read_expressions(make_listing([], ["notrack", {"accept": None}])) == ["notrack", {"accept": None}]
