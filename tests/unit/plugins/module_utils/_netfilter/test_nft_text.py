# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The text of rules in the syntax of nft."""

from __future__ import annotations

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.nft_text import format_rule

PORT = {"payload": {"protocol": "tcp", "field": "dport"}}


@pytest.mark.parametrize(
    ("expressions", "text"),
    [
        ([{"match": {"op": "==", "left": PORT, "right": 8001}}, {"accept": None}], "tcp dport 8001 accept"),
        ([{"match": {"op": "!=", "left": {"meta": {"key": "iifname"}}, "right": "lo"}}, {"drop": None}],
         "meta iifname != lo drop"),
        ([{"match": {"op": "==", "left": PORT, "right": {"set": [80, {"range": [8000, 8010]}]}}}, {"counter": {}}],
         "tcp dport { 80, 8000-8010 } counter"),
        ([{"match": {"op": "in", "left": {"ct": {"key": "state"}}, "right": "new"}}, {"jump": {"target": "c"}}],
         "ct state new jump c"),
        ([{"match": {"op": "==", "left": {"ct": {"key": "proto-dst", "dir": "original"}}, "right": 80}}, {"drop": None}],
         "ct original proto-dst 80 drop"),
        ([{"dnat": {"addr": "172.17.0.2", "port": 80}}], "dnat to 172.17.0.2:80"),
        ([{"redirect": {"port": 9}}, {"redirect": None}], "redirect to :9 redirect"),
        ([{"xt": {"type": "target", "name": "DNAT"}}, {"xt": None}], "DNAT xt"),
        ([{"match": {"op": "==", "left": {"concat": [PORT, {"meta": {"key": "mark"}}]},
                     "right": {"prefix": {"addr": "10.0.0.0", "len": 8}}}}], "tcp dport . meta mark 10.0.0.0/8"),
        ([{"limit": {"rate": 3, "burst": 5, "per": "second"}}, "continue"], "limit rate 3/second continue"),
        ([{"limit": {"rate": 3, "rate_unit": "kbytes", "per": "hour", "inv": True}}, {"drop": None}],
         "limit rate over 3 kbytes/hour drop"),
        ([{"limit": "per-host"}, {"accept": None}], "limit per-host accept"),
        ([{"limit": {"rate": 3}}, {"unheard of": {"of": 1}}], 'limit {"rate": 3} unheard of {"of": 1}'),
    ],
)  # fmt: skip
def test_the_text_of_a_rule(expressions, text):
    assert format_rule(expressions) == text
