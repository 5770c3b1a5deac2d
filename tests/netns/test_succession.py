# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A host whose firewall manager changes: the late part for the earlier manager is removed, and a rollback restores it."""

from __future__ import annotations

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._backends.registry import choose
from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import HostError
from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.data import ruleset_from_data
from ansible_collections.gatehouse.kong.plugins.module_utils._transaction.rollback import Kept, Rollback
from ansible_collections.gatehouse.kong.plugins.module_utils._transaction.transaction import (
    Guard,
    converge,
)
from ansible_collections.gatehouse.kong.tests.netns.nodes import FAMILIES, Node

ENTRY = {"listener": "admin", "protocol": "tcp", "port": 8001, "address": None, "sources": ["friends"]}


def make_rules(*friends):
    return {"allow": [ENTRY], "sets": {"friends": {"ipv4": list(friends)}}}


OLD, NEW = make_rules("10.0.1.2/32"), make_rules("10.0.2.2/32")
MANAGERS = ("nftables", "iptables", "ufw")
SWITCHES = [(old, new) for old in MANAGERS for new in MANAGERS if old != new]
# The files of each late part. The late part of nftables has no files here, because no chain drops by default.
FILES = {
    "nftables": [],
    "iptables": ["/etc/gatehouse_kong_accept"],
    "ufw": ["/etc/ufw/after.rules", "/etc/ufw/after6.rules"],
}


def list_late_parts(node):
    """Return the managers whose late part is loaded and persisted; both must agree."""
    saved = [
        line for name in FAMILIES for line in node.lab.host.run(f"{name}-save").splitlines() if "gatehouse.kong" in line
    ]
    chains = {"iptables": ["INPUT", "INPUT"], "ufw": ["ufw-after-input", "ufw6-after-input"]}
    loaded = [name for name, where in chains.items() if [line.split()[1] for line in saved] == where]
    kept = [name for name, files in FILES.items() if files and all(_has_ours(node.lab.host, file) for file in files)]
    assert loaded == kept
    assert bool(saved) == bool(loaded)
    return loaded


def _has_ours(host, file):
    path = host.locate(file)
    return path.is_dir() or (path.exists() and "gatehouse.kong" in path.read_text())


def reaches(lab):
    listener = lab.open_listener(8001)
    return [name for name in ("friend", "ally", "outsider") if lab.connect(name, listener)]


def make_chooser(name):
    return lambda host: choose(host, name).backend


@pytest.fixture(params=SWITCHES, ids=" to ".join)
def switch(request, lab):
    old, new = request.param
    node = Node(lab, "ufw")  # this loads the chains of ufw
    lab.backend = make_chooser(old)
    if old == "nftables" or new == "nftables":
        for program in FAMILIES:
            # If nftables is the manager, chains of iptables-nft that drop by default are a conflict.
            lab.host.run(program, "-P", "INPUT", "ACCEPT")
    lab.converge(OLD)
    assert list_late_parts(node) == [old] if old != "nftables" else list_late_parts(node) == []
    lab.backend = make_chooser(new)
    yield node, old, new
    node.clean()


def list_expected(manager):
    return [] if manager == "nftables" else [manager]


def test_the_earlier_late_part_is_removed_with_the_change(lab, switch):
    node, old, new = switch
    outcome = lab.converge(NEW)
    named = [line for line in outcome.drift if ": not needed any more" in line]
    assert named == [f"rules and files for {manager}: not needed any more" for manager in list_expected(old)]
    assert (list_late_parts(node), reaches(lab)) == (list_expected(new), ["ally"])
    assert not lab.converge(NEW).changed
    assert lab.converge(None).changed
    assert list_late_parts(node) == []
    assert [path for path in lab.host.root.rglob("*gatehouse*") if path.name != "gatehouse_kong.lock"] == []


def test_a_rollback_restores_the_earlier_late_part(lab, switch):
    node, old, _new = switch
    outcome = converge(lab.backend(lab.host), ruleset_from_data(NEW), Guard(Rollback(lab.host), 30), check_mode=False)
    Rollback(lab.host).undo(outcome.transaction)
    assert (list_late_parts(node), reaches(lab)) == (list_expected(old), ["friend"])


def test_removal_removes_both_late_parts(lab, switch):
    node, _old, _new = switch
    lab.converge(None)
    assert list_late_parts(node) == []


def test_a_host_on_which_nft_was_installed_afterwards(lab):
    """Move the early part from the table mangle to nftables in one change."""
    node = Node(lab, "mangle-nft")
    lab.converge(OLD)
    assert "GATEHOUSE-KONG" in lab.host.run("iptables-save")
    node.has_nft = True
    outcome = lab.converge(NEW)
    assert "rules and files for the table mangle of iptables: not needed any more" in outcome.drift
    # The run uses these rules, and a rollback of the confirmed change restores them.
    assert (outcome.have, Rollback(lab.host).read_previous()) == (ruleset_from_data(OLD), Kept(ruleset_from_data(OLD)))
    assert ("GATEHOUSE-KONG" in lab.host.run("iptables-save"), reaches(lab)) == (False, ["ally"])
    assert not lab.host.locate("/etc/gatehouse_kong_iptables").exists()
    assert not lab.converge(NEW).changed
    node.clean()


def test_a_host_from_which_nft_was_removed_is_an_error(lab):
    """The table would stay loaded and drop packets of every new source."""
    node = Node(lab, "nftables")
    lab.converge(OLD)
    node.has_nft = False
    with pytest.raises(HostError, match="nft is not installed on this host: install the package nftables"):
        lab.converge(NEW)
    node.clean()
