# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.conflict import Translation
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.translations import (
    bypasses,
    parse_listed_translations,
    parse_saved_translations,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.data import ruleset_from_data

SAVED = """\
*filter
-A FORWARD -p tcp -m tcp --dport 1 -j DNAT --to-destination 10.9.9.9:1
COMMIT
*nat
:DOCKER - [0:0]
-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER
-A DOCKER ! -i docker0 -p tcp -m tcp --dport 80 -j DNAT --to-destination 172.17.0.2:8000
-A DOCKER -d 192.0.2.1/32 ! -i docker0 -p udp -m udp --dport 53 -m comment --comment "a b" -j DNAT --to-destination 172.17.0.3
-A DOCKER -p tcp -m multiport --dports 1,2 -j DNAT --to-destination 172.17.0.4
-A DOCKER -p tcp -m tcp --dport 1:5 -j DNAT --to-destination 172.17.0.4
COMMIT
"""
PLACE = "iptables chain DOCKER of table nat"


def test_translations_in_the_output_of_iptables_save():
    assert list(parse_saved_translations(SAVED, "iptables")) == [
        Translation(PLACE, "tcp", None, 80, "172.17.0.2", 8000),
        Translation(PLACE, "udp", "192.0.2.1", 53, "172.17.0.3", 53),
    ]
    assert [str(translation) for translation in parse_saved_translations(SAVED, "iptables")] == [
        "172.17.0.2:8000",
        "172.17.0.3:53",
    ]


def test_ipv6():
    saved = "*nat\n-A DOCKER -p tcp -m tcp --dport 80 -j DNAT --to-destination [fd00::2]:8000\nCOMMIT\n"
    (found,) = parse_saved_translations(saved, "ip6tables")
    assert (found.to, found.to_port, str(found)) == ("fd00::2", 8000, "[fd00::2]:8000")


def make_rule(*expressions):
    return {"rule": {"family": "ip", "table": "docker-bridges", "chain": "nat-0", "expr": list(expressions)}}


def match(field, right, protocol="tcp", op="=="):
    return {"match": {"op": op, "left": {"payload": {"protocol": protocol, "field": field}}, "right": right}}


def test_translations_in_the_output_of_nft():
    """Parse the forms that nft 1.0.6 lists. Translations of several ports are skipped."""
    listed = [
        {"metainfo": {}},
        make_rule(match("dport", 80), {"counter": None}, {"dnat": {"addr": "172.17.0.2", "port": 8000}}),
        make_rule(match("daddr", "192.0.2.1", "ip"), match("dport", 81), {"dnat": {"addr": "172.17.0.2"}}),
        make_rule(match("dport", {"set": [1, 2]}), {"dnat": {"addr": "172.17.0.2", "port": {"map": {}}}}),
        make_rule(match("dport", {"range": [1, 2]}), {"dnat": {"addr": "172.17.0.2"}}),
        make_rule(match("dport", 82, op="!="), {"dnat": {"addr": "172.17.0.2"}}),
        make_rule(
            {"match": {"op": "==", "left": {"meta": {"key": "mark"}}, "right": 1}}, {"dnat": {"addr": "172.17.0.2"}}
        ),
        make_rule(match("dport", 80), {"accept": None}),
    ]
    place = "nftables chain ip docker-bridges nat-0"
    assert list(parse_listed_translations(listed)) == [
        Translation(place, "tcp", None, 80, "172.17.0.2", 8000),
        Translation(place, "tcp", "192.0.2.1", 81, "172.17.0.2", 81),
    ]


def make_ruleset(*allow):
    made = [
        {"listener": "l", "protocol": "tcp", "port": port, "address": address, "sources": [], "published": published}
        for port, address, published in allow
    ]
    return ruleset_from_data({"allow": made})


def make_translation(port, to="172.17.0.2", address=None, protocol="tcp"):
    return Translation("DOCKER", protocol, address, port, to, port)


@pytest.mark.parametrize(
    ("allow", "found", "reported"),
    [
        ([(80, None, True)], [make_translation(80)], set()),
        ([(80, None, True)], [make_translation(80), make_translation(9001)], {"tcp 9001 at every address"}),
        (
            [(80, None, True)],
            [make_translation(80), make_translation(9001, address="10.0.0.1")],
            {"tcp 9001 at 10.0.0.1"},
        ),
        ([(80, None, True)], [make_translation(80), make_translation(80, protocol="udp")], {"udp 80 at every address"}),
        ([(80, None, True)], [make_translation(80), make_translation(9001, to="172.17.0.3")], set()),
        (
            [(80, None, True), (8001, None, False)],
            [make_translation(80), make_translation(8001)],
            {"tcp 8001 at every address"},
        ),
        # The published port shows which container it is. The same port at another address of the host is another port.
        (
            [(80, "10.0.0.1", True)],
            [make_translation(80, address="10.0.0.1"), make_translation(80, address="10.0.0.2")],
            {"tcp 80 at 10.0.0.2"},
        ),
        ([(80, "0.0.0.0", True)], [make_translation(80), make_translation(80, to="fd00::2")], set()),
        ([(80, None, False)], [make_translation(80), make_translation(81)], set()),
    ],
)
def test_translations_that_bypass_our_rules(allow, found, reported):
    conflicts = bypasses(found, make_ruleset(*allow))
    assert {port for conflict in conflicts for port in conflict.ports} == reported
    assert all(
        conflict.effect == "publish" and not conflict.stops and "kong_published_ports" in str(conflict)
        for conflict in conflicts
    )
