# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import ipaddress
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.gatehouse.kong.plugins.module_utils._host.networks import from_ranges, subtract
from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.data import ruleset_from_data
from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.effects import describe_effects


def make_ruleset(sets=(), **ports):
    """Return a ruleset in which each port (``admin=(8001, sources)``) is open to a set of networks, or to any source."""
    named = dict(sets)
    allow = []
    for listener, (port, sources) in ports.items():
        name = sources if isinstance(sources, str) else f"of-{listener}"
        if not isinstance(sources, str):
            named[name] = {family: [text for text in sources if (":" in text) == (family == "ipv6")]
                           for family in ("ipv4", "ipv6")}  # fmt: skip
        allow.append(
            {
                "listener": listener,
                "protocol": "tcp",
                "port": port,
                "address": None,
                "sources": "any" if name == "any" else [name],
            }
        )
    return ruleset_from_data({"allow": allow, "sets": named})


ADMIN = make_ruleset(admin=(8001, ["10.0.0.1/32"]))
STAGED = replace(ADMIN, staged=True, count_days=14)
RECORDED = replace(ADMIN, count_days=7)


@pytest.mark.parametrize(
    ("have", "want", "lines"),
    [
        (ADMIN, ADMIN, []),
        (None, None, []),
        (STAGED, STAGED, []),
        (ADMIN, STAGED, ["packets of other sources are dropped, and should be counted for 14 days only (staged)"]),
        (STAGED, ADMIN, ["packets of other sources are counted for 14 days only (staged), and should be dropped"]),
        (ADMIN, RECORDED, ["packets of other sources are dropped, and should be dropped and counted for 7 days"]),
        (
            None,
            ADMIN,
            [
                "tcp 8001 (admin): open to every source that other rules and the host's default do not drop (rule missing)"
            ],
        ),
        (ADMIN, None, ["tcp 8001 (admin): has a rule that is not in the plan"]),
        (
            make_ruleset(admin=(8001, ["10.0.0.1/32", "10.0.0.40/32"])),
            ADMIN,
            ["10.0.0.40 can reach tcp 8001 (admin) and should not"],
        ),
        (
            make_ruleset(admin=(8001, [])),
            make_ruleset(admin=(8001, ["10.0.0.1/32", "10.1.0.0/16", "fd00::1/128"])),
            ["10.0.0.1, 10.1.0.0/16, fd00::1 cannot reach tcp 8001 (admin) and should"],
        ),
        (
            make_ruleset(admin=(8001, "any")),
            ADMIN,
            ["tcp 8001 (admin): open to every source, and should be open to 10.0.0.1 only"],
        ),
        (
            ADMIN,
            make_ruleset(admin=(8001, "any")),
            ["tcp 8001 (admin): open to 10.0.0.1 only, and should be open to every source"],
        ),
        (
            make_ruleset(admin=(8001, "any")),
            make_ruleset(admin=(8001, [])),
            ["tcp 8001 (admin): open to every source, and should be open to this host only"],
        ),
        (
            make_ruleset(admin=(8001, [f"10.0.{number}.0/24" for number in range(0, 20, 2)])),
            make_ruleset(admin=(8001, [])),
            ["10.0.0.0/24, 10.0.2.0/24, 10.0.4.0/24, 10.0.6.0/24 and 6 more can reach tcp 8001 (admin) and should not"],
        ),
        (
            make_ruleset(proxy=(8000, ["10.9.9.9/32"]), tls=(8443, ["10.9.9.9/32"])),
            make_ruleset(proxy=(8000, []), tls=(8443, [])),
            ["10.9.9.9 can reach tcp 8000 (proxy), tcp 8443 (tls) and should not"],
        ),
        (
            make_ruleset({"a": {"ipv4": ["10.0.0.1/32"]}}, admin=(8001, "a")),
            make_ruleset({"b": {"ipv4": ["10.0.0.1/32"]}}, admin=(8001, "b")),
            ["the rules have another form than planned, with the same effect"],
        ),
    ],
)
def test_effects(have, want, lines):
    assert describe_effects(have, want) == lines


def test_a_port_without_a_planned_source_still_has_its_rule():
    have, want = make_ruleset(admin=(8001, ["10.0.0.1/32"])), make_ruleset(admin=(8001, ["10.0.0.1/32", "10.0.0.2/32"]))
    assert describe_effects(have, want) == ["10.0.0.2 cannot reach tcp 8001 (admin) and should"]


RANGES = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 8)).map(lambda pair: (pair[0], sum(pair))), max_size=6)


@given(RANGES, RANGES)
def test_subtract_agrees_with_sets_of_addresses(ranges, others):
    def list_addresses(networks):
        return {
            int(address)
            for text in networks.format()
            for address in ipaddress.IPv4Network(text)
        }  # fmt: skip

    networks, other = from_ranges("ipv4", ranges), from_ranges("ipv4", others)
    assert list_addresses(subtract(networks, other)) == list_addresses(networks) - list_addresses(other)
