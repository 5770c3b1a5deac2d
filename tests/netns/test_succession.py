# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A host whose firewall becomes another one: the old backend's rules go with the change that brings the new ones."""

from __future__ import annotations

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._backends.registry import choose
from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.ruleset import ruleset_from_data
from ansible_collections.gatehouse.kong.plugins.module_utils._transaction.rollback import Rollback
from ansible_collections.gatehouse.kong.plugins.module_utils._transaction.transaction import (
    Guard,
    ObstacleError,
    converge,
)
from ansible_collections.gatehouse.kong.tests.netns.nodes import EMPTY, FAMILIES, Node

ENTRY = {"listener": "admin", "protocol": "tcp", "port": 8001, "address": None, "sources": ["friends"]}


def rules(*friends):
    return {"allow": [ENTRY], "sets": {"friends": {"ipv4": list(friends)}}}


OLD, NEW = rules("10.0.1.2/32"), rules("10.0.2.2/32")
KINDS = ("nftables", "iptables-nft", "ufw")
STILL_ON = ("ufw", "nftables")  # nft cannot tell whose the rules in ufw's chain are
SWITCHES = [(old, new) for old in KINDS for new in KINDS if old != new and (old, new) != STILL_ON]


def loaded(node):
    """Where port 8001 is in what is loaded."""
    texts = [node.lab.host.run("nft", "list", "tables"), *(node.lab.host.run(f"{name}-save") for name in FAMILIES)]
    marks = {"nftables": "gatehouse_kong", "iptables": "GATEHOUSE-KONG", "ufw": "user-input -p tcp -m tcp --dport 8001"}
    return [name for name, mark in marks.items() if any(mark in text for text in texts)]


def reaches(lab):
    listener = lab.listen(8001)
    return [name for name in ("friend", "ally", "stranger") if lab.connect(name, listener)]


def choosing(name):
    """What makes the backend that the module would choose by this name."""
    return lambda host: choose(host, name).backend


@pytest.fixture(params=SWITCHES, ids=" to ".join)
def switch(request, lab):
    old, new = request.param
    first = Node(lab, "ufw" if "ufw" in (old, new) else old)  # so that ufw's chains are there
    first.name = old.partition("-")[0]
    lab.backend = choosing(first.name)
    lab.converge(OLD)
    assert loaded(first) == [first.name]
    lab.backend = choosing(new.partition("-")[0])
    yield first, new.partition("-")[0]
    first.clean()


def test_the_old_rules_go_with_the_change(lab, switch):
    node, name = switch
    outcome = lab.converge(NEW)
    assert f"rules and files of the backend {node.name}, which was used before" in outcome.drift
    assert (loaded(node), reaches(lab)) == ([name], ["ally"])
    assert not lab.converge(NEW).changed
    assert lab.converge(None).changed
    assert loaded(node) == []
    left = [path for path in lab.host.root.rglob("*gatehouse*") if path != lab.host.path("/run/gatehouse_kong.lock")]
    assert left == []


def test_and_come_back_with_it(lab, switch):
    node, _name = switch
    want = ruleset_from_data(NEW)
    outcome = converge(lab.backend(lab.host), want, Guard(Rollback(lab.host), 30), check_mode=False)
    Rollback(lab.host).undo(outcome.transaction)
    assert (loaded(node), reaches(lab)) == ([node.name], ["friend"])


def test_removal_leaves_nothing_of_any(lab, switch):
    node, _name = switch
    lab.converge(None)
    assert loaded(node) == []


def test_a_manager_that_is_still_on_and_refuses_is_named(lab):
    node = Node(lab, "ufw")
    lab.converge(OLD)
    lab.backend = choosing("nftables")
    with pytest.raises(ObstacleError, match="made by the backend ufw, remove that first: `state: absent`"):
        lab.converge(NEW)
    assert loaded(node) == ["ufw"]


def test_published_ports_of_a_manager_that_is_off(lab):
    """What is loaded beside ufw for them stays when it is turned off, and would refuse whoever is new."""
    node = Node(lab, "ufw")
    published = {"allow": [{**ENTRY, "published": True}], "sets": OLD["sets"]}
    lab.backend = choosing("ufw")
    lab.converge(published)
    assert "gatehouse_kong_published" in lab.nft("list tables")
    for program in FAMILIES:
        lab.host.run(f"{program}-nft-restore", stdin=EMPTY)
    lab.backend = choosing("nftables")
    outcome = converge(lab.backend(lab.host), ruleset_from_data(NEW), Guard(Rollback(lab.host), 30), check_mode=False)
    assert "gatehouse_kong_published" not in lab.nft("list tables")
    Rollback(lab.host).undo(outcome.transaction)
    assert "gatehouse_kong_published" in lab.nft("list tables")
    lab.converge(NEW)
    assert "gatehouse_kong_published" not in lab.nft("list tables")
    assert [path for path in lab.host.root.rglob("*published*") if path.exists()] == []
    node.clean()
