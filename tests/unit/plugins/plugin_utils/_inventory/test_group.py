# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.group import (
    GroupError,
    Selected,
    _list_groups,
    _shorten,
    select_nodes,
)

GROUPS = {"all": ["g1", "g2", "x"], "ungrouped": [], "gateways": ["g1", "g2"], "others": ["x"], "empty": []}


def select(group, *, groups=None, extra=None, play_hosts=("g1", "g2", "x"), is_limited=True, of_hosts=()):
    return select_nodes(
        groups or GROUPS,
        group,
        extra=extra,
        play_hosts=play_hosts,
        is_limited=is_limited,
        groups_of_hosts=lambda _hosts: of_hosts,
    )


def test_long_names_of_groups_are_counted():
    groups = {f"{number:03}_{'x' * 34}": ["a"] for number in range(121)}
    with pytest.raises(GroupError, match=r" and 117 more\)") as caught:
        select("kong", groups=groups)
    assert len(str(caught.value)) <= 400


LONG = {f"{'group_' * length}{number}": [f"{'gateway-' * 10}{number}"] for length in (9, 60) for number in range(9)}


@pytest.mark.parametrize("group", LONG)
@pytest.mark.parametrize(
    "more",
    [
        {"play_hosts": ["x"]},
        {"play_hosts": ["x"], "is_limited": False},
        {"extra": "other_" * 60},
        {"of_hosts": [*LONG], "play_hosts": [host for hosts in LONG.values() for host in hosts]},
    ],
)
def test_messages_with_long_names_are_short(group, more):
    with pytest.raises(GroupError) as caught:
        select(group, **{"groups": {**LONG, "kong": ["x"], "other_" * 60: ["x"]}, "play_hosts": LONG[group], **more})
    assert len(str(caught.value)) <= 400


def test_the_default_group():
    assert select("kong", groups={"all": ["k"], "kong": ["k"]}, play_hosts=["k"]) == Selected("kong")


def test_of_the_default_group_one_node_and_all_other_hosts_are_read():
    groups = {"all": ["a", "k1", "k2", "z"], "kong": ["k1", "k2"]}
    read = []
    select_nodes(
        groups,
        "kong",
        extra=None,
        play_hosts=["k1"],
        is_limited=True,
        groups_of_hosts=lambda hosts: read.extend(hosts) or [],
    )
    assert read == ["k1", "a", "z"]


def test_the_order_of_the_hosts_does_not_choose_between_two_groups():
    groups = {**GROUPS, "kong": ["x"]}
    for first, others in (("kong", ["gateways"]), ("gateways", ["kong"])):
        with pytest.raises(GroupError, match=r"name the groups .*, and a run is for one group"):
            select(first, groups=groups, of_hosts=others)


def test_a_group_from_an_extra_variable_needs_no_addition():
    assert select("gateways", extra="gateways") == Selected("gateways")


def test_the_nodes_of_a_group_from_the_inventory_are_added():
    assert select("gateways") == Selected("gateways", ("g1", "g2"))


def test_the_variable_may_be_set_for_the_nodes_only():
    assert select("kong", of_hosts=[None, "empty", ["others"], 7, "gateways"]) == Selected("gateways", ("g1", "g2"))


def test_limit_chooses_one_of_several_groups():
    assert select("gateways", of_hosts=["gateways", "others"], play_hosts=["x"]) == Selected("others", ("x",))
    assert select("others", of_hosts=["gateways", "others"], play_hosts=["g2"]).group == "gateways"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"group": "kong"}, r"kong_group: 'kong': .* \(groups with hosts: gateways, others\).*\[no-nodes\]"),
        ({"group": "empty", "extra": "empty"}, r"kong_group: 'empty': .*has no hosts"),
        # The plays use the default in place of an empty group, and would manage other nodes than asked.
        ({"group": "gateways", "extra": ""}, r"kong_group: '': .*has no hosts.*\[no-nodes\]"),
        ({"group": "gateways", "extra": " "}, r"kong_group: '': .*has no hosts.*\[no-nodes\]"),
        ({"group": "gateways", "of_hosts": ["", "gateways"]}, r"kong_group: '': .*has no hosts.*\[no-nodes\]"),
        ({"group": "kng", "extra": "kng", "of_hosts": ["gateways"]}, r"kong_group: 'kng'"),
        ({"group": "kong", "groups": {"all": [], "ungrouped": []}}, r"groups with hosts: none"),
        (
            {"group": "gateways", "extra": "gateways", "play_hosts": ["x"]},
            r"--limit excludes every Kong node. The group 'gateways' has g1 to g2, 2 nodes",
        ),
        (
            {"group": "kong", "of_hosts": [None, "gateways"], "play_hosts": ["x"]},
            r"--limit excludes every Kong node. The group 'gateways' has g1 to g2, 2 nodes",
        ),
        (
            {"group": "gateways", "extra": "gateways", "play_hosts": ["localhost"], "is_limited": False},
            r"kong_group: 'gateways': no host of this inventory group is in the run.*could not parse the inventory",
        ),
        (
            {"group": "gateways", "of_hosts": ["gateways", "others"]},
            r"name the groups gateways, others, .*Add -e kong_group=gateways, or use --limit",
        ),
        (
            {"group": "gateways", "groups": {**GROUPS, "kong": ["x"]}},
            r"the inventory also has a group 'kong'.*-e kong_group=gateways",
        ),
    ],
)
def test_a_run_without_a_node_is_an_error(arguments, message):
    with pytest.raises(GroupError, match=message):
        select(**arguments)


@pytest.mark.parametrize(
    ("lengths", "shown"),
    [([38] * 4, 4), ([38, 38, 38, 39], 3), ([60], 1), ([60, 96], 2), ([18] * 8, 8), ([18] * 9, 8)],
)
def test_the_groups_in_a_message_have_160_characters(lengths, shown):
    """The lengths do not include the comma and the blank."""
    names = [f"{number}{'x' * (length - 1)}" for number, length in enumerate(lengths)]
    more = len(names) - shown
    assert _list_groups(names) == ", ".join(map(_shorten, names[:shown])) + (f" and {more} more" if more else "")


@pytest.mark.parametrize(("length", "shortened"), [(60, "x" * 60), (61, "x" * 30 + "…" + "x" * 29)])
def test_a_long_name_of_a_group_is_shortened_to_60_characters(length, shortened):
    assert _shorten("x" * length) == shortened
