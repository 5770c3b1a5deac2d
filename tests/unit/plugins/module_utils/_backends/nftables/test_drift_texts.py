# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The complete lines about a changed table, compared with a golden file."""

from __future__ import annotations

import json

from ansible_collections.gatehouse.kong.plugins.module_utils._backends.nftables.parse import parse_table
from ansible_collections.gatehouse.kong.tests.unit.plugins.module_utils._backends.nftables.test_parse import (
    GOLDEN,
    TAMPERING,
)
from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils.golden import compare_with_file


def make_rule(**changes):
    """Return a rule for a port and the sources of a set."""
    rule = {"protocol": "tcp", "port": 22, "family": "ip", "set": "@peers-default-from-branch_ipv4", **changes}
    matches = [
        ({"payload": {"protocol": rule["family"], "field": "saddr"}}, rule["set"]),
        ({"payload": {"protocol": rule["protocol"], "field": "dport"}}, rule["port"]),
    ]
    return [*({"match": {"op": "==", "left": left, "right": right}} for left, right in matches), {"drop": None}]


def make_change(**changes):
    return lambda items: items.append({"rule": {"chain": "input", "comment": "zz", "expr": make_rule(**changes)}})


# More changes of a table.
MORE = {
    "a rule in our form": make_change(),
    "sources of another family": make_change(family="ip6"),
    "a third-party set": make_change(set="@bans"),
    "an address instead of a set": make_change(set="10.0.0.1"),
    "a range of ports": make_change(port={"range": [22, 24]}),
    "a range among several ports": make_change(port={"set": [22, {"range": [24, 26]}]}),
    "a range of ports of both protocols": lambda items: items.append(
        {
            "rule": {
                "chain": "input",
                "comment": "zz",
                "expr": [
                    {
                        "match": {
                            "op": "==",
                            "left": {
                                "concat": [
                                    {"meta": {"key": "l4proto"}},
                                    {"payload": {"protocol": "th", "field": "dport"}},
                                ]
                            },
                            "right": {"set": [{"concat": ["tcp", {"range": [22, 24]}]}]},
                        }
                    },
                    {"drop": None},
                ],
            }
        }
    ),
    "another protocol": make_change(protocol="sctp"),
    "two sets": lambda items: items.append(
        {"rule": {"chain": "input", "comment": "zz", "expr": [*make_rule()[:1], *make_rule()]}}
    ),
    "dormant table": lambda items: next(item["table"] for item in items if "table" in item).update(flags=["dormant"]),
    "another type of chain": lambda items: next(item["chain"] for item in items if "chain" in item).update(type="nat"),
    "an unknown kind of object": lambda items: items.append({"counter": {"name": "c"}}),
}


def test_lines_about_changed_tables():
    lines = []
    for case, tamper in {**{case: tamper for case, (tamper, _word) in TAMPERING.items()}, **MORE}.items():
        listed = json.loads((GOLDEN / "gossip_behind_nat.listed.json").read_text())
        tamper(listed)
        lines += [f"{case}:", *(f"  {line}" for line in parse_table(listed).drift)]
    compare_with_file("nftables/drift.txt", "".join(f"{line}\n" for line in lines))
