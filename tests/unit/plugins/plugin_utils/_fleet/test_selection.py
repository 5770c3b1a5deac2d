# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Selected callers: their number, names and sites, without the target and other hosts that are no callers."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.gatehouse.kong.plugins.plugin_utils._address import Addresses
from ansible_collections.gatehouse.kong.plugins.plugin_utils._fleet.selection import Callers, Selection
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.model import Host


def make_host(name, site, **more):
    return Host(name, site, Addresses("10.0.0.1"), **more)


def get_site(host):
    return host.site


def get_name(host):
    return host.name


def select(target, remote=(), near=()):
    """Return the callers of a target: a class of hosts of other sites, and a class of hosts of its own site."""
    classes = [Callers(remote, get_site), Callers(near, get_name)]
    return Selection(target, tuple(callers for callers in classes if callers.count(target)))


A1, A2, A10, B3, C4 = (make_host(name, name[0]) for name in ("a1", "a2", "a10", "b3", "c4"))


@pytest.mark.parametrize(
    ("target", "remote", "near", "names", "is_at_one_site"),
    [
        (A1, [A1, A2, A10, B3], [], ["b3"], True),
        (A1, [A1, B3, C4], [], ["b3", "c4"], False),
        (A1, [], [A1, A2, A10], ["a2", "a10"], True),
        (A1, [A1, B3], [A1, A2], ["a2", "b3"], False),
        (A1, [B3], [A1], ["b3"], True),
        (B3, [A1, A2, A10, B3], [B3], ["a1", "a2", "a10"], True),
        (C4, [A1, A2, A10, B3], [C4], ["a1", "a2", "a10", "b3"], False),
    ],
)
def test_callers_of_a_target(target, remote, near, names, is_at_one_site):
    selection = select(target, remote, near)
    assert [host.name for host in selection.first] == names[:3]
    assert len(selection) == len(names)
    assert selection.is_at_one_site is is_at_one_site


def test_callers_are_grouped_by_a_value_of_their_class():
    selection = select(A1, [B3, C4], [A2, A10])
    found = selection.group(lambda host: host.site == "a")
    assert {value: len(callers) for value, callers in found.items()} == {False: 2, True: 2}
    assert [host.name for host in found[True].first] == ["a2", "a10"]


def test_examples_of_the_classes_for_changes():
    """Each has the number of callers that are like it."""
    public = replace(B3, name="b4", address=Addresses("198.51.100.1"))
    selection = select(A1, [A2, B3, public, C4])
    assert [(host.name, number) for host, number in selection.examples] == [("b3", 2), ("b4", 1)]
    assert select(C4, [A2, C4, public]).examples == [(A2, 1), (public, 1)]


@pytest.mark.parametrize(
    ("change", "has_leavers"),
    [
        ({"flat": False}, True),
        ({"flat": None}, False),
        ({"flat": False, "address": Addresses("10.0.0.2")}, False),
        ({"flat": False, "site": "a"}, False),
    ],
)
def test_callers_that_left_the_flat_network_and_have_the_address_of_the_target(change, has_leavers):
    other = replace(B3, **change)
    callers = {"near": [other]} if other.site == "a" else {"remote": [C4, other]}
    assert select(A1, **callers).has_leavers is has_leavers
