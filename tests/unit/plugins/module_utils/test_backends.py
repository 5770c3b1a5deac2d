# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import re

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._backends import AUTO, NAMES, SYSTEMS, choose
from ansible_collections.gatehouse.kong.plugins.module_utils._host import Host, HostError

FIREWALLD = "/run/systemd/units/invocation:firewalld.service"
SHUT = "*filter\n:INPUT DROP [0:0]\n:OWN - [0:0]\nCOMMIT\n"
RULE = "*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -p tcp -m tcp --dport 25 -j DROP\nCOMMIT\n"
PLAIN = "*filter\n:INPUT ACCEPT [0:0]\n:DOCKER - [0:0]\nCOMMIT\n"


class FakeHost(Host):
    """Has every program; those named in `saves` print what stands there."""

    def __init__(self, root, saves=None):
        super().__init__(root)
        self.saves = saves or {}
        self.calls = []

    def which(self, program):
        return f"/usr/sbin/{program}"

    def run(self, *argv, stdin=""):
        self.calls.append(argv)
        return self.saves[argv[0]]


def write(host, path, text):
    host.path(path).parent.mkdir(parents=True, exist_ok=True)
    host.path(path).write_text(text)


def start_firewalld(host):
    host.path(FIREWALLD).parent.mkdir(parents=True, exist_ok=True)
    host.path(FIREWALLD).symlink_to("0123456789abcdef")


def test_a_host_that_nothing_rules_gets_nftables_without_a_process(tmp_path):
    host = FakeHost(tmp_path)
    choice = choose(host, AUTO)
    assert (choice.backend.name, choice.reason, host.calls) == ("nftables", "no other firewall rules this host", [])


@pytest.mark.parametrize("text", ["ENABLED=yes\n", "# x\nENABLED='YES'\nLOGLEVEL=low\n"])
def test_ufw_rules_if_it_is_enabled(tmp_path, text):
    host = FakeHost(tmp_path)
    write(host, "/etc/ufw/ufw.conf", text)
    choice = choose(host, AUTO)
    assert (choice.backend.name, choice.reason) == ("ufw", "ufw is enabled in /etc/ufw/ufw.conf")
    assert choose(host, "nftables").backend.name == "nftables"


@pytest.mark.parametrize("text", ["ENABLED=no\n", "#ENABLED=yes\n", ""])
def test_ufw_that_is_off_does_not_rule(tmp_path, text):
    host = FakeHost(tmp_path)
    write(host, "/etc/ufw/ufw.conf", text)
    assert choose(host, AUTO).backend.name == "nftables"


def test_what_a_removed_ufw_left_behind_does_not_rule(tmp_path, monkeypatch):
    host = FakeHost(tmp_path)
    write(host, "/etc/ufw/ufw.conf", "ENABLED=yes\n")
    monkeypatch.setattr(host, "which", lambda _program: None)
    assert choose(host, AUTO).backend.name == "nftables"


def test_firewalld_rules_if_it_is_active(tmp_path):
    host = FakeHost(tmp_path)
    start_firewalld(host)
    choice = choose(host, AUTO)
    assert (choice.backend.name, choice.reason) == ("firewalld", "firewalld is active")
    assert choose(host, "nftables").reason == "it was asked for"


def test_two_managers_are_refused(tmp_path):
    host = FakeHost(tmp_path)
    start_firewalld(host)
    write(host, "/etc/ufw/ufw.conf", "ENABLED=yes\n")
    with pytest.raises(HostError, match=r"firewalld is active and ufw is enabled in .*: two programs.*Turn one"):
        choose(host, AUTO)


@pytest.mark.parametrize("family", ["iptables", "ip6tables"])
@pytest.mark.parametrize(
    "legacy, new, mixed",
    [(RULE, RULE, True), (SHUT, RULE, True), (RULE, SHUT, True), (RULE, PLAIN, False), (PLAIN, RULE, False)],
)
def test_old_and_new_iptables_are_mixed_where_both_have_rules(tmp_path, family, legacy, new, mixed):
    host = FakeHost(tmp_path, {f"{family}-legacy-save": legacy, f"{family}-nft-save": new})
    write(host, f"/proc/net/{family.removesuffix('tables')}_tables_names", "filter\n")
    if not mixed:
        assert choose(host, AUTO).backend.name == "nftables"
        return
    with pytest.raises(HostError, match=re.escape(f"rules of {family}-legacy and of {family}-nft")):
        choose(host, AUTO)
    assert choose(host, "nftables").backend.name == "nftables"


def test_every_name_has_a_backend_of_that_name(tmp_path):
    assert [choose(Host(tmp_path), name).backend.name for name in NAMES] == list(NAMES)
    assert SYSTEMS[-1].rules(Host(tmp_path))
