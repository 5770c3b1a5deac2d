# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The clients of a node's listeners, and the file that keeps them for the next run."""

from __future__ import annotations

import pytest

from ansible_collections.gatehouse.kong.plugins.plugin_utils._adopt.clients import (
    OBSERVED,
    describe_clients,
    find_clients,
    parse_observed,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._files import FileError
from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils._adopt.found import make_client, make_host

ADMIN = {"admin": {8001}}


@pytest.mark.parametrize(
    ("kong", "ports", "earlier", "expected"),
    [
        ({}, ADMIN, {}, {"admin": {}}),
        ({"clients": [make_client(8001, "10.0.0.9"), make_client(22, "10.0.0.8")]}, ADMIN, {}, {"admin": {"10.0.0.9": ["connected"]}}),
        ({"clients": [make_client(8001, "10.0.0.1")]}, ADMIN, {}, {"admin": {}}),
        ({"clients": [make_client(8001, "10.0.0.30"), make_client(8001, "10.0.0.9")]}, ADMIN, {},
         {"admin": {"10.0.0.9": ["connected"], "10.0.0.30": ["connected"]}}),
        ({"clients": [make_client(8001, "10.0.0.9")]}, ADMIN, {"admin": {"10.0.0.9": ["tracked"]}}, {"admin": {"10.0.0.9": ["connected", "tracked"]}}),
        ({}, ADMIN, {"admin": {"10.0.0.9": ["connected"]}, "status": {"10.0.0.9": ["connected"]}}, {"admin": {"10.0.0.9": ["connected"]}}),
        ({"logged": ["10.0.0.9"]}, {"admin": {8001}, "status": {8007}}, {}, {"admin": {"10.0.0.9": ["logged"]}, "status": {}}),
        ({"logged": ["10.0.0.9"]}, {"status": {8007}}, {}, {"status": {}}),
        ({"logged": ["10.0.0.9"], "version": "0.11.0"}, ADMIN, {}, {"admin": {"10.0.0.9": ["logged"]}}),
        ({"logged": ["10.0.0.9"], "version": "0.10.4"}, ADMIN, {}, {"admin": {}}),
    ],
)  # fmt: skip
def test_clients_are_found_by_listener(kong, ports, earlier, expected):
    found = find_clients(make_host("a", "10.0.0.1", **kong), ports, earlier)
    assert found == expected
    assert {name: [*of] for name, of in found.items()} == {name: [*of] for name, of in expected.items()}


def test_names_are_listed_by_place():
    places = {"ops": ["connected", "tracked"], "ci": ["connected"]}
    assert describe_clients(places) == "connected: ops, ci; tracked by the kernel: ops"


def test_clients_of_earlier_runs_are_read():
    text = "a:\n  admin:\n    10.0.0.9: [connected]\n  status: {}\n"
    assert parse_observed(text) == {"a": {"admin": {"10.0.0.9": ["connected"]}, "status": {}}}
    assert parse_observed("") == parse_observed("# nothing\n") == {}


@pytest.mark.parametrize("text", ["[", "[1]", "a: []", "a: {admin: [1]}", "a: {admin: {10.0.0.9: [guessed]}}", "a: {admin: {10.0.0.9: [[1]]}}"])  # fmt: skip
def test_a_damaged_file_is_an_error_with_advice(text):
    with pytest.raises(FileError, match=f"{OBSERVED} is damaged; restore it, or delete it"):
        parse_observed(text)
