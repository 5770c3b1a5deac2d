# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.data import ruleset_from_data, ruleset_to_data
from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.diff import (
    MemberChange,
    diff_rulesets,
)


def make_ruleset(sources=("peers",), peers=("10.0.0.4/32", "10.0.0.6/32"), port=7946, listener="cluster"):
    service = {"protocol": "tcp", "port": port, "address": "10.0.0.1"}
    allow = [
        {"listener": listener, **service, "sources": sources if sources == "any" else list(sources)},
        {"listener": "proxy", "protocol": "tcp", "port": 8000, "address": None, "sources": "any"},
        {"listener": "rpc", "protocol": "tcp", "port": 7373, "address": "127.0.0.1", "sources": []},
    ]
    sets = {"peers": {"ipv4": list(peers), "ipv6": []}, "ops": {"ipv4": [], "ipv6": ["2001:db8::/64"]}}
    return ruleset_from_data({"allow": allow, "sets": sets})


def list_ports(diff):
    return [(str(change.service), change.listeners, change.gained, change.lost) for change in diff.ports]


def test_the_text_lists_ports_and_sources():
    assert diff_rulesets(None, make_ruleset()).after == (
        "tcp 7373 at 127.0.0.1 (rpc): from this host only\n"
        "tcp 7946 at 10.0.0.1 (cluster): from peers\n"
        "tcp 8000 at every address (proxy): from any source\n"
        "peers: 10.0.0.4/32\n"
        "peers: 10.0.0.6/32\n"
    )


@pytest.mark.parametrize(
    "mode, line",
    [
        ({"staged": True}, "staged: packets of other sources are counted for 14 days, and not dropped\n"),
        ({"count_days": 3}, "packets of other sources are counted for 3 days, and dropped\n"),
    ],
)
def test_the_text_tells_how_packets_of_other_sources_are_treated(mode, line):
    enforced = make_ruleset()
    other = ruleset_from_data({**ruleset_to_data(enforced), **mode})
    diff = diff_rulesets(enforced, other)
    assert diff.after == line + diff.before
    assert (diff.ports, diff.members) == ((), ())


def test_equal_rulesets_have_no_difference():
    assert diff_rulesets(None, None) == diff_rulesets(None, None)
    same = diff_rulesets(make_ruleset(), make_ruleset())
    assert (same.ports, same.members, same.before) == ((), (), same.after)


def test_without_a_current_ruleset_the_text_before_is_empty():
    diff = diff_rulesets(None, make_ruleset())
    assert diff.before == ""
    assert ("tcp 8000 at every address", ("proxy",), ("any",), ()) in list_ports(diff)
    assert diff.members == (MemberChange("peers", ("10.0.0.4/32", "10.0.0.6/32"), ()),)


@pytest.mark.parametrize(
    "have, want, expected",
    [
        ({}, {"sources": ["peers", "ops"]}, [("tcp 7946 at 10.0.0.1", ("cluster",), ("ops",), ())]),
        ({}, {"sources": []}, [("tcp 7946 at 10.0.0.1", ("cluster",), (), ("peers",))]),
        ({"sources": "any"}, {}, [("tcp 7946 at 10.0.0.1", ("cluster",), ("peers",), ("any",))]),
        (
            {},
            {"port": 80},
            [
                ("tcp 80 at 10.0.0.1", ("cluster",), ("peers",), ()),
                ("tcp 7946 at 10.0.0.1", ("cluster",), (), ("peers",)),
            ],
        ),
        ({"listener": "old"}, {}, [("tcp 7946 at 10.0.0.1", ("old", "cluster"), (), ())]),
    ],
)
def test_ports_gain_and_lose_sources(have, want, expected):
    assert list_ports(diff_rulesets(make_ruleset(**have), make_ruleset(**want))) == expected


def test_a_network_added_next_to_a_merged_range_is_listed_alone():
    diff = diff_rulesets(
        make_ruleset(peers=["10.0.0.4/31"]), make_ruleset(peers=["10.0.0.4/32", "10.0.0.5/32", "10.0.0.6/32"])
    )
    assert diff.members == (MemberChange("peers", ("10.0.0.6/32",), ()),)
    assert set(diff.after.splitlines()) - set(diff.before.splitlines()) == {"peers: 10.0.0.6/32"}


def test_a_network_removed_from_a_merged_range_is_listed_alone():
    diff = diff_rulesets(make_ruleset(peers=["10.0.0.4/30"]), make_ruleset(peers=["10.0.0.4/32", "10.0.0.6/31"]))
    assert diff.members == (MemberChange("peers", (), ("10.0.0.5/32",)),)
