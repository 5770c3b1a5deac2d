# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Elements of sets and the values of matches, as nft lists them."""

from __future__ import annotations

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._host.networks import parse_range
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.nft_elements import list_elements, read_range


@pytest.mark.parametrize(
    ("right", "expected"),
    [
        (8001, [8001]),
        ({"set": [22, 80]}, [22, 80]),
        (["new", "related"], ["new", "related"]),
        ({"range": [1, 2]}, [{"range": [1, 2]}]),
    ],
)
def test_the_values_that_a_match_accepts(right, expected):
    assert list_elements(right) == expected


@pytest.mark.parametrize(
    ("element", "network"),
    [
        ("10.0.0.1", "10.0.0.1/32"),
        ({"prefix": {"addr": "10.0.0.0", "len": 8}}, "10.0.0.0/8"),
        ({"range": ["10.0.0.4", "10.0.0.7"]}, "10.0.0.4/30"),
    ],
)
def test_the_addresses_of_an_element(element, network):
    assert read_range("ipv4", element) == parse_range("ipv4", network)


@pytest.mark.parametrize("element", ["localhost", "@set", 5, {"concat": ["10.0.0.1", 5]}])
def test_an_element_that_is_not_an_address(element):
    with pytest.raises((ValueError, KeyError, TypeError)):
        read_range("ipv4", element)
