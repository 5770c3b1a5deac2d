# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Counted sources as text, at the limits of each word."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.gatehouse.kong.plugins.plugin_utils._staged.sources import (
    DROPPED,
    Counted,
    CountedSource,
    CountingNode,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._staged.text import (
    find_problems,
    format_counted,
    format_counted_source,
    format_failure,
    format_time,
    list_proposals,
    share_states,
)

NODE = CountingNode(staged=True, counts=True, seconds=None, uncounted=0)
SOURCE = CountedSource("a1", "admin", "tcp", 8001, "192.0.2.8", (), "192.0.2.8/32", 3, 60, DROPPED)
DAY = 86400


def make_counted(*sources, **nodes):
    return Counted(sources, {"a1": NODE, **nodes}, {})


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (59, "less than a minute"),
        (60, "1 minute"),
        (119, "1 minute"),
        (3599, "59 minutes"),
        (3600, "1 hour"),
        (86399, "23 hours"),
        (86400, "1 day"),
        (172799, "1 day"),
        (172800, "2 days"),
    ],
)
def test_a_time_has_the_greatest_unit(seconds, text):
    assert format_time(seconds) == text


@pytest.mark.parametrize(
    ("address", "network", "hosts", "text", "term"),
    [
        ("192.0.2.8", "192.0.2.8/32", (), "192.0.2.8", "192.0.2.8"),
        ("192.0.2.8", "192.0.2.8/31", (), "192.0.2.8 in 192.0.2.8/31", "192.0.2.8/31"),
        ("192.0.2.9", "192.0.2.8/31", (), "192.0.2.9 in 192.0.2.8/31", "192.0.2.8/31"),
        ("fd00::1", "fd00::1/128", (), "fd00::1", "fd00::1"),
        ("fd00::1", "fd00::/127", (), "fd00::1 in fd00::/127", "fd00::/127"),
        ("192.0.2.8", "", ("ops",), "192.0.2.8 (ops)", "ops"),
        ("192.0.2.8", "", ("ops", "web"), "192.0.2.8 (ops, web, 2 nodes)", "192.0.2.8"),
    ],
)
def test_the_text_and_the_term_of_a_source(address, network, hosts, text, term):
    source = replace(SOURCE, address=address, network=network, hosts=hosts)
    assert format_counted_source(source) == text
    assert [proposal.terms for proposal in list_proposals(make_counted(source))] == [(term,)]


@pytest.mark.parametrize(
    ("listener", "variable"), [("admin", "kong_admin_sources"), ("stream", "kong_stream_sources, port 8001")]
)
def test_the_variable_of_a_stream_has_its_port(listener, variable):
    [proposal] = list_proposals(make_counted(replace(SOURCE, listener=listener)))
    assert proposal.variable == variable


@pytest.mark.parametrize(("age", "is_late"), [(3 * DAY, True), (3 * DAY + 1, False)])
def test_only_sources_of_the_last_days_are_a_problem(age, is_late):
    problems = find_problems(make_counted(replace(SOURCE, age=age)), 3)
    assert problems == (["unexpected sources in the last 3 days on a1"] if is_late else [])


def test_sources_of_any_time_are_a_problem_without_days():
    assert find_problems(make_counted(replace(SOURCE, age=99 * DAY)), None) == ["unexpected sources on a1"]
    assert find_problems(make_counted(replace(SOURCE, age=0)), 0) == ["unexpected sources in the last 0 days on a1"]


def test_several_nodes_have_counted_for_too_short_a_time():
    short = replace(NODE, seconds=DAY - 1)
    found = make_counted(a2=replace(NODE, seconds=DAY), b1=short, b2=short, c=replace(short, staged=False))
    assert find_problems(found, 1) == ["b1 to b2, 2 nodes have counted for less than 1 day"]


def test_all_problems_are_one_text():
    assert format_failure([]) == ""
    assert (
        format_failure(["unexpected sources on a1", "the counts of b1 are incomplete"])
        == "Not ready to enforce: unexpected sources on a1; the counts of b1 are incomplete. The sources are listed above"
    )


@pytest.mark.parametrize(("count", "more"), [(100, []), (101, ["and 1 more source; kong_staged_file has all sources"])])
def test_100_sources_are_shown(count, more):
    lines = format_counted(make_counted(*(replace(SOURCE, port=port) for port in range(count))))
    assert sum("192.0.2.8" in line and "a1" in line for line in lines if "add to" not in line) == 100
    assert [line for line in lines if line.startswith("and ")] == more


def test_nodes_with_the_same_state_share_a_line():
    silent = CountingNode(staged=False, counts=False, seconds=0, uncounted=0)
    found = make_counted(a2=replace(NODE, seconds=DAY), b1=silent, b2=replace(NODE, staged=False), c=NODE)
    assert share_states(found) == {
        "staged, counted for as long as entries are kept": ["a1", "c"],
        "staged, counted for 1 day": ["a2"],
        "enforced, and counts nothing (kong_firewall_record)": ["b1"],
        "enforced, counted for as long as entries are kept": ["b2"],
    }
