# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The nftables backend on a real kernel: the ruleset decides which packets pass, and third-party rules are preserved."""

from __future__ import annotations

import re
import shlex
import subprocess

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import Host, HostError
from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.data import ruleset_from_data
from ansible_collections.gatehouse.kong.plugins.module_utils._transaction.backend import Live
from ansible_collections.gatehouse.kong.plugins.module_utils._transaction.transaction import ConflictError


def make_entry(port, sources, protocol="tcp", address=None):
    return {"listener": f"l{port}", "protocol": protocol, "port": port, "address": address, "sources": sources}


def make_ruleset(*allow, friends=("10.0.1.2/32",), friends6=("fd00:1::2/128",)):
    sets = {"friends": {"ipv4": list(friends), "ipv6": list(friends6)}}
    return {"allow": list(allow), "sets": sets}


ADMIN = make_entry(8001, ["friends"])
GOSSIP = [make_entry(7946, ["friends"], "tcp"), make_entry(7946, ["friends"], "udp")]
EVERYTHING = make_ruleset(
    ADMIN,
    *GOSSIP,
    make_entry(8000, "any", address="0.0.0.0"),
    make_entry(8002, [], address="0.0.0.0"),
    make_entry(8003, [], address="10.0.1.1"),
    make_entry(7373, []),
)


def test_a_third_party_change_of_our_table_is_reported_and_repaired(lab):
    lab.converge(EVERYTHING)
    lab.run_nft("add rule inet gatehouse_kong input tcp dport 22 counter drop\n"
                "add element inet gatehouse_kong friends_ipv4 { 10.0.3.2 }\n")  # fmt: skip
    outcome = lab.converge(EVERYTHING)
    assert [line for line in outcome.drift if "22" in line]
    assert [(change.name, change.lost) for change in outcome.diff.members] == [("friends", ("10.0.3.2/32",))]
    assert not lab.converge(EVERYTHING).changed


def test_a_dormant_table_is_reported_and_repaired(lab):
    lab.converge(EVERYTHING)
    lab.run_nft("add table inet gatehouse_kong { flags dormant; }")
    assert lab.connect("outsider", lab.open_listener(8001))
    lab.close()
    assert lab.read().drift == ("table gatehouse_kong: it has flags such as `dormant`, which disables all its rules",)
    assert lab.converge(EVERYTHING).changed
    assert not lab.connect("outsider", lab.open_listener(8001))


def test_iptables_rules_that_drop_by_default_are_a_conflict_until_they_accept_the_mark(lab):
    """Load chains of iptables-nft, which nft does not edit. A host that loads them at boot has the manager iptables."""
    for command in (
        "iptables -P INPUT DROP",
        "ip6tables -P INPUT DROP",
        "iptables -A INPUT -m state --state ESTABLISHED -j ACCEPT",
        "ip6tables -A INPUT -m state --state ESTABLISHED -j ACCEPT",
    ):
        lab.host.run(*command.split())
    before = lab.list_ruleset()
    with pytest.raises(ConflictError, match=r"8001.*its policy is drop") as caught:
        lab.converge(EVERYTHING)
    assert (lab.read().ruleset, lab.list_ruleset()) == (None, before)
    advice = sorted(set(re.findall("[Rr]un `([^`]+)`", str(caught.value))))
    assert [command.split()[0] for command in advice] == ["ip6tables", "iptables"]
    for command in advice:
        lab.host.run(*shlex.split(command))
    lab.converge(EVERYTHING)
    admin, other = lab.open_listener(8001), lab.open_listener(9999)
    assert lab.connect("friend", admin)
    assert not lab.connect("outsider", admin)
    assert not lab.connect("friend", other)


def test_a_process_without_the_privilege_gets_an_error(lab):
    script = "from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import Host; Host().require_net_admin()"
    without = ["setpriv", "--bounding-set", "-net_admin", "--inh-caps", "-net_admin"]
    done = subprocess.run([*without, "python3", "-c", script], capture_output=True, text=True, check=False)
    assert "lacks CAP_NET_ADMIN" in done.stderr
    Host().require_net_admin()


def test_if_the_kernel_rejects_a_ruleset_the_old_ruleset_is_kept(lab, monkeypatch):
    """The kernel rejects only the second transaction."""
    lab.converge(EVERYTHING)
    steps = ("add set inet gatehouse_kong new_ipv4 { type ipv4_addr; }", "add rule inet gatehouse_kong input nonsense")
    monkeypatch.setattr("ansible_collections.gatehouse.kong.plugins.module_utils._backends.nftables.backend.render_change",
                        lambda *_words, **_named: steps)  # fmt: skip
    with pytest.raises(HostError, match="nonsense"):
        lab.converge(make_ruleset(*GOSSIP))
    assert lab.read() == Live(ruleset_from_data(EVERYTHING))


def test_an_unchanged_set_is_kept_and_a_changed_set_has_its_other_name(lab):
    def list_sets():
        return re.findall(r"set (\S+) {", lab.host.run("nft", "list", "sets", "table", "inet", "gatehouse_kong"))

    lab.converge(make_ruleset(ADMIN))
    assert list_sets() == ["friends_ipv4", "friends_ipv6"]
    lab.converge(make_ruleset(ADMIN, friends=["10.0.2.2/32"]))
    assert sorted(list_sets()) == ["friends_ipv4_2", "friends_ipv6"]
    lab.converge(make_ruleset(ADMIN, *GOSSIP, friends=["10.0.3.2/32"]))
    assert sorted(list_sets()) == ["friends_ipv4", "friends_ipv6"]
    lab.converge(make_ruleset(make_entry(8001, "any")))
    assert list_sets() == []


def test_the_next_run_removes_sets_of_a_killed_change(lab):
    lab.converge(EVERYTHING)
    lab.run_nft("add set inet gatehouse_kong friends_ipv4_2 { type ipv4_addr; flags interval; }")
    assert lab.read() == Live(ruleset_from_data(EVERYTHING), ("set friends_ipv4_2: unexpected or changed",))
    assert lab.converge(EVERYTHING).changed
    assert lab.read() == Live(ruleset_from_data(EVERYTHING))
