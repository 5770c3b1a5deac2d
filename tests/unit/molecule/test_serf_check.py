# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json

import pytest
import serf_check
from _podman import LabError

MEMBERS = {"a1": "192.168.10.11:7946", "b1": "192.168.10.5:9000"}


def answer(**members: str) -> dict[str, list[dict[str, str]]]:
    rows = [(node, text.split()) for node, text in members.items()]
    return {"members": [{"name": f"{node}_0.0.0.0:7946_x", "addr": at, "status": how} for node, (at, how) in rows]}


RIGHT = {"a1": "192.168.10.11:7946 alive", "b1": "192.168.10.5:9000 alive"}


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        (RIGHT, []),
        (
            {**RIGHT, "b1": "192.168.23.45:80 alive"},
            ["sees b1 as 192.168.23.45:80 alive, not 192.168.10.5:9000 alive"],
        ),
        (
            {**RIGHT, "b1": "192.168.10.5:9000 failed"},
            ["sees b1 as 192.168.10.5:9000 failed, not 192.168.10.5:9000 alive"],
        ),
        ({"a1": RIGHT["a1"]}, ["sees b1 as absent, not 192.168.10.5:9000 alive"]),
        ({**RIGHT, "c1": "1.2.3.4:5 left"}, ["sees c1 as 1.2.3.4:5 left, not absent"]),
    ],
)
def test_members_must_have_the_expected_state_and_address(members, expected):
    assert serf_check.find_wrong_members(answer(**members), MEMBERS) == expected


def test_a_missing_ack_is_reported_if_serf_fails():
    def ask(_node, *_command):
        raise LabError("exit 1\nAck from 'a1_0.0.0.0:7946_x'")

    assert serf_check.check_reachability(ask, MEMBERS, "a1") == ["a1 receives no ack of b1"]


def test_sources_are_compared_exactly():
    listed = {"nftables": [{"metainfo": {}}, {"set": {"name": "sources", "elem": ["192.168.23.45", "192.168.10.12"]}}]}

    def ask(_node, *_command):
        return json.dumps(listed)

    assert serf_check.check_sources(ask, "a1", {"192.168.10.5", "192.168.10.12"}) == [
        "a1 gets unexpected gossip from 192.168.23.45",
        "a1 gets no gossip from 192.168.10.5",
    ]
