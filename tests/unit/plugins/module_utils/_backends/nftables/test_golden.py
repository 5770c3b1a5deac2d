# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._backends.nftables.parse import (
    find_names_in_use,
    parse_table,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._backends.nftables.render import (
    render_change,
    render_table,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.counts import Count
from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.data import ruleset_from_data
from ansible_collections.gatehouse.kong.plugins.module_utils._transaction.backend import Live

GOLDEN = Path(__file__).parents[5] / "golden" / "nftables"
CASES = sorted(path.name[: -len(".nft")] for path in GOLDEN.glob("*.nft"))


def read_wanted(case):
    return ruleset_from_data(json.loads((GOLDEN / f"{case}.json").read_text()))


def test_there_are_cases():
    assert len(CASES) >= 6


@pytest.mark.parametrize("case", CASES)
def test_the_text_of_the_table_equals_the_golden_file(case):
    assert render_table(read_wanted(case)) == (GOLDEN / f"{case}.nft").read_text()


@pytest.mark.parametrize("case", CASES)
def test_the_listed_table_gives_the_same_ruleset(case):
    """Parse listings of nft 1.0.6."""
    listed = json.loads((GOLDEN / f"{case}.listed.json").read_text())
    assert replace(parse_table(listed), counts=None) == Live(read_wanted(case))


def test_a_listing_of_nft_0_9_8_gives_the_same_ruleset():
    listed = json.loads((GOLDEN / "staged.listed-0.9.8.json").read_text())
    assert replace(parse_table(listed), counts=None) == Live(read_wanted("staged"))


@pytest.mark.parametrize("file", ["staged.listed.json", "staged.listed-0.9.8.json"])
def test_the_listed_elements_are_counts(file):
    found = parse_table(json.loads((GOLDEN / file).read_text())).counts
    two_days = 2 * 86400
    assert found.entries == (Count("192.0.2.7", "tcp", 8107, 7, two_days + 1), Count("fd00::7", "udp", 5000, 1, 3))
    assert (found.limit, found.uncounted, found.seconds) == (65536, 0, 1)


def test_protocols_of_counts_can_be_numbers():
    """Minimal systems lack /etc/protocols."""
    text = (GOLDEN / "staged.listed.json").read_text()
    numbered = text.replace('"right": "tcp"', '"right": 6').replace('"right": "udp"', '"right": 17')
    numbered = numbered.replace('"tcp", 8107', "6, 8107").replace('"udp", 5000', "17, 5000")
    assert numbered != text
    assert parse_table(json.loads(numbered)) == parse_table(json.loads(text))


def test_a_count_with_more_time_left_than_the_limit_is_new():
    text = (GOLDEN / "staged.listed.json").read_text()
    longer = text.replace('"expires": 1036799', '"expires": 1209601')
    assert longer != text
    assert [count.age for count in parse_table(json.loads(longer)).counts.entries] == [0, 3]


def without_start(listed):
    for item in listed:
        if item.get("set", {}).get("name") == "counts4":
            del item["set"]["elem"][0]
    return listed


def test_without_the_first_element_the_start_of_the_count_is_not_known():
    listed = without_start(json.loads((GOLDEN / "staged.listed.json").read_text()))
    assert parse_table(listed).counts.seconds is None
    assert parse_table(listed).drift == ()


def select_chain(listed, name):
    return [item for item in listed if item.get("rule", {}).get("chain") == name]


COUNT_CHANGES = {
    "a rule missing": lambda listed: listed.remove(select_chain(listed, "unauthorised")[0]),
    "a rule that accepts": lambda listed: select_chain(listed, "unauthorised")[0]["rule"]["expr"].__setitem__(
        1, {"drop": None}
    ),
    "no counter": lambda listed: listed.remove(next(item for item in listed if "counter" in item)),
    "another counter": lambda listed: listed.append({"counter": {"name": "c", "packets": 1}}),
    "another limit": lambda listed: next(item["set"] for item in listed if "set" in item).update(size=9),
    "another time": lambda listed: next(item["set"] for item in listed if "set" in item).update(timeout=60),
    "no sets": lambda listed: [
        listed.remove(item) for item in [*listed] if item.get("set", {}).get("name", "").startswith("counts")
    ],
    "a rule that drops": lambda listed: select_chain(listed, "input")[-1]["rule"]["expr"].__setitem__(
        -1, {"drop": None}
    ),
}


@pytest.mark.parametrize("case", COUNT_CHANGES)
def test_a_change_of_the_counting_part_is_drift(case):
    listed = json.loads((GOLDEN / "staged.listed.json").read_text())
    COUNT_CHANGES[case](listed)
    assert parse_table(listed).drift != ()


def test_without_a_ruleset_the_table_is_only_deleted():
    lines = [line for line in render_table(None).splitlines() if not line.startswith("#")]
    assert lines == ["add table inet gatehouse_kong", "delete table inet gatehouse_kong"]


def allow(port, *names, published=False):
    entry = {"listener": f"l{port}", "protocol": "tcp", "port": port, "sources": list(names), "published": published}
    return {key: value for key, value in entry.items() if value is not False}


def list_steps(have, want, **names):
    """Return the lines of each transaction from one ruleset to another, without the content of chains and sets."""
    have, want = (
        ruleset_from_data(
            {
                "allow": entries,
                "sets": {name: {"ipv4": members} for name, members in sets.items()},
                "staged": bool(days),
                "count_days": sum(days),
            }
        )
        for entries, sets, *days in (have, want)
    )
    in_use = {f"{name}_{family}": f"{name}_{family}" for name in ("a", "b") for family in ("ipv4", "ipv6")} | names
    return [
        [line.strip(" \t{") for line in text.splitlines() if re.search(r"^\s*(delete )?set |chain |saddr @", line)]
        for text in render_change(have, in_use, want)
    ]


def format_rule(port, name):
    ip = "ip6" if "ipv6" in name else "ip"
    return f'tcp dport {port} {ip} saddr @{name} meta mark set meta mark | 0x10000000 accept comment "l{port}"'


FLUSH = "flush chain inet gatehouse_kong input"
FLUSH_COUNTS = "flush chain inet gatehouse_kong unauthorised"
DELETE_COUNTS = [f"delete set inet gatehouse_kong {name}" for name in ("counts4", "counts6")]
ONE, TWO = ["10.0.0.1/32"], ["10.0.0.2/32"]
TRANSACTIONS = {
    "enforced, then staged": (
        (([allow(1)], {}), ([allow(1)], {}, 14)),
        {},
        [[FLUSH, "set counts4", "set counts6", "chain unauthorised", "chain input"]],
    ),
    "other rules while staged": (
        (([allow(1)], {}, 14), ([allow(2)], {}, 14)),
        {},
        [[FLUSH, FLUSH_COUNTS, "set counts4", "set counts6", "chain unauthorised", "chain input"]],
    ),
    "another number of days": (
        (([allow(1)], {}, 14), ([allow(1)], {}, 7)),
        {},
        [[FLUSH, FLUSH_COUNTS, *DELETE_COUNTS, "set counts4", "set counts6", "chain unauthorised", "chain input"]],
    ),
    "staged, then enforced": (
        (([allow(1)], {}, 14), ([allow(1)], {})),
        {},
        [[FLUSH, FLUSH_COUNTS, "delete chain inet gatehouse_kong unauthorised", *DELETE_COUNTS, "chain input"]],
    ),
    "other rules": (
        (([allow(1, "a")], {"a": ONE}), ([allow(2, "a")], {"a": ONE})),
        {},
        [[FLUSH, "set a_ipv4", "set a_ipv6", "chain input", format_rule(2, "a_ipv4"), format_rule(2, "a_ipv6")]],
    ),
    "other members": (
        (([allow(1, "a")], {"a": ONE}), ([allow(1, "a")], {"a": TWO})),
        {},
        [
            ["set a_ipv4_2"],
            [FLUSH, "set a_ipv6", "set a_ipv4_2", "chain input", format_rule(1, "a_ipv4_2"), format_rule(1, "a_ipv6")],
            ["delete set inet gatehouse_kong a_ipv4"],
        ],
    ),
    "other members again": (
        (([allow(1, "a")], {"a": ONE}), ([allow(1, "a")], {"a": TWO})),
        {"a_ipv4": "a_ipv4_2"},
        [
            ["set a_ipv4"],
            [FLUSH, "set a_ipv6", "set a_ipv4", "chain input", format_rule(1, "a_ipv4"), format_rule(1, "a_ipv6")],
            ["delete set inet gatehouse_kong a_ipv4_2"],
        ],
    ),
    "no sources": (
        (([allow(1, "a")], {"a": ONE}), ([allow(1)], {})),
        {"a_ipv4": "a_ipv4_2"},
        [
            [FLUSH, "chain input"],
            ["delete set inet gatehouse_kong a_ipv4_2", "delete set inet gatehouse_kong a_ipv6"],
        ],
    ),
    "not published": (
        (([allow(1, published=True)], {}), ([allow(1)], {})),
        {},
        [
            [
                FLUSH,
                "flush chain inet gatehouse_kong forward",
                "flush chain inet gatehouse_kong published",
                "delete chain inet gatehouse_kong forward",
                "delete chain inet gatehouse_kong published",
                "chain input",
            ]
        ],
    ),
}


@pytest.mark.parametrize("case", TRANSACTIONS)
def test_sets_are_added_before_and_removed_after_the_rules_that_use_them(case):
    (have, want), names, expected = TRANSACTIONS[case]
    assert list_steps(have, want, **names) == expected


def test_the_name_in_use_is_the_name_in_the_rules():
    listed = json.loads((GOLDEN / "gossip_behind_nat.listed.json").read_text())
    first, second = "peers-default-from-branch_ipv4", "peers-default-from-branch_ipv4_2"
    renamed = json.loads(json.dumps(listed).replace(first, second))
    assert find_names_in_use(listed)[first] == first
    assert find_names_in_use(renamed)[first] == second
    assert parse_table(renamed) == Live(read_wanted("gossip_behind_nat"))
    left = [item for item in listed if item.get("set", {}).get("name") == first]
    for both in ([*left, *renamed], [*renamed, *left]):
        assert find_names_in_use(both)[first] == second
        assert parse_table(both) == Live(read_wanted("gossip_behind_nat"), (f"set {first}: unexpected or changed",))
