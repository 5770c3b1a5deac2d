# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import re

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._backends.registry import AUTO, NAMES, choose
from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import Host, HostError
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.names import LATE_RULE
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.nft_tables import iptables_nft_is_loaded

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

    def call(self, function, *args):
        return any("nft" in name for name in self.saves) if function is iptables_nft_is_loaded else function(*args)


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


@pytest.mark.parametrize("text", ["ENABLED=yes\n", "ENABLED=yes # since May\n", "# x\nENABLED='YES'\nLOGLEVEL=low\n"])
def test_ufw_rules_if_it_is_enabled(tmp_path, text):
    host = FakeHost(tmp_path)
    write(host, "/etc/ufw/ufw.conf", text)
    choice = choose(host, AUTO)
    assert (choice.backend.name, choice.reason) == ("ufw", "ufw is enabled in /etc/ufw/ufw.conf")
    assert choose(host, "nftables").backend.name == "nftables"


@pytest.mark.parametrize("text", ["ENABLED=no\n", "#ENABLED=yes\n", "ENABLED=yes#\n", ""])
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


def enable_firewalld(host):
    host.path("/etc/systemd/system/multi-user.target.wants").mkdir(parents=True)
    host.path("/etc/systemd/system/multi-user.target.wants/firewalld.service").symlink_to("/lib/x")


def test_a_firewalld_that_is_enabled_and_stopped_is_refused(tmp_path):
    host = FakeHost(tmp_path)
    enable_firewalld(host)
    host.path("/run/systemd/system").mkdir(parents=True)
    host.path("/etc/firewalld").mkdir()
    choice = choose(host, AUTO)
    assert (choice.backend.name, choice.reason) == ("firewalld", "firewalld is enabled")
    with pytest.raises(HostError, match=r"firewalld\.service is not active.*Start it"):
        choice.backend.require()


def test_a_removed_firewalld_does_not_rule(tmp_path, monkeypatch):
    host = FakeHost(tmp_path)
    enable_firewalld(host)
    monkeypatch.setattr(host, "which", lambda _program: None)
    assert choose(host, AUTO).backend.name == "nftables"


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


PERSISTENT = "link multi-user netfilter-persistent"
NFTABLES_SERVICE = "link sysinit nftables"
SAVED = "/etc/iptables/rules.v4"
OURS = {"nftables": "/etc/gatehouse_kong/ruleset.nft", "iptables": "/etc/gatehouse_kong_accept/accept.sh"}
DOCKER = "*filter\n:INPUT ACCEPT [0:0]\n:DOCKER - [0:0]\n-A FORWARD -j DOCKER\nCOMMIT\n"
LOADED = "/proc/net/ip_tables_names"

# What is on the host, what its legacy tables hold if it has any, and the backend with a word of the reason.
EVIDENCE = {
    "nothing": ([], None, "nftables", "no other"),
    "Debian's saved rules": ([PERSISTENT, SAVED], None, "iptables", f"netfilter-persistent.*{SAVED}"),
    "of IPv6 alone": ([PERSISTENT, "/etc/iptables/rules.v6"], None, "iptables", "rules.v6"),
    "nothing saved": ([PERSISTENT], None, "nftables", "no other"),
    "saved and not loaded": ([SAVED], None, "nftables", "no other"),
    "masked": ([PERSISTENT, SAVED, "mask netfilter-persistent"], None, "nftables", "no other"),
    "Debian's aliases": ([PERSISTENT, SAVED, "alias iptables netfilter-persistent"], None, "iptables", "persistent"),
    "iptables-services": (["link basic iptables", "/etc/sysconfig/iptables"], None, "iptables", "iptables.service"),
    "of IPv6": (["link basic ip6tables", "/etc/sysconfig/ip6tables"], None, "iptables", "ip6tables.service"),
    "nftables.service": ([NFTABLES_SERVICE], None, "nftables", "nftables.service is enabled"),
    "and Docker by legacy": ([NFTABLES_SERVICE, LOADED], DOCKER, "nftables", "nftables.service is enabled"),
    "legacy rules": ([LOADED], RULE, "iptables", "iptables-legacy"),
    "legacy tables without a rule": ([LOADED], PLAIN, "nftables", "no other"),
    "legacy rules after us": ([LOADED, OURS["nftables"]], RULE, "nftables", "no other"),
    "our rules of iptables": ([OURS["iptables"]], None, "iptables", "already"),
    "nftables.service since": ([OURS["iptables"], NFTABLES_SERVICE], None, "nftables", "nftables.service is enabled"),
    "saved rules since": ([OURS["nftables"], PERSISTENT, SAVED], None, "iptables", "netfilter-persistent"),
}


def furnish(host, things):
    for thing in things:
        word, *names = thing.split()
        units = host.path("/etc/systemd/system")
        if word == "link":
            (units / f"{names[0]}.target.wants").mkdir(parents=True)
            (units / f"{names[0]}.target.wants/{names[1]}.service").symlink_to(
                f"/lib/systemd/system/{names[1]}.service"
            )
        elif word in ("mask", "alias"):
            target = "/dev/null" if word == "mask" else f"/lib/systemd/system/{names[1]}.service"
            (units / f"{names[0]}.service").symlink_to(target)
        else:
            write(host, thing, "filter\n")


def legacy(host, monkeypatch):
    """The host's iptables is the old one."""
    old = "/usr/sbin/xtables-legacy-multi"
    monkeypatch.setattr(host, "which", lambda program: old if program == "iptables" else f"/usr/sbin/{program}")


@pytest.mark.parametrize("case", EVIDENCE)
def test_what_rules_a_host_is_told_by_what_its_owner_enabled(tmp_path, monkeypatch, case):
    things, rules, name, reason = EVIDENCE[case]
    host = FakeHost(tmp_path, {"iptables-legacy-save": rules, "iptables-nft-save": PLAIN})
    legacy(host, monkeypatch)
    furnish(host, things)
    choice = choose(host, AUTO)
    assert (choice.backend.name, bool(re.search(reason, choice.reason))) == (name, True), choice.reason
    # A run leaves files of its own, and on a host with iptables-legacy rules of its own: the next one chooses the same.
    write(host, OURS[name], "")
    host.path(OURS["iptables" if name == "nftables" else "nftables"]).unlink(missing_ok=True)
    assert choose(host, AUTO).backend.name == name


def test_legacy_rules_of_others_do_not_rule_a_host_whose_iptables_is_the_new_one(tmp_path, monkeypatch):
    host = FakeHost(tmp_path, {"iptables-legacy-save": RULE, "iptables-nft-save": PLAIN})
    monkeypatch.setattr(host, "which", lambda program: "/usr/sbin/xtables-nft-multi" if program == "iptables" else "x")
    furnish(host, [LOADED])
    assert choose(host, AUTO).backend.name == "nftables"


@pytest.mark.parametrize("other", ["firewalld", "ufw", "nftables"])
def test_saved_rules_beside_another_manager_are_refused(tmp_path, other):
    host = FakeHost(tmp_path)
    furnish(host, [PERSISTENT, SAVED, *([NFTABLES_SERVICE] if other == "nftables" else [])])
    if other == "firewalld":
        start_firewalld(host)
    if other == "ufw":
        write(host, "/etc/ufw/ufw.conf", "ENABLED=yes\n")
    with pytest.raises(HostError, match=rf"{other}.*netfilter-persistent|netfilter-persistent.*{other}"):
        choose(host, AUTO)
    assert choose(host, "iptables").reason == "it was asked for"


def test_nftables_service_beside_a_manager_is_in_order(tmp_path):
    host = FakeHost(tmp_path)
    furnish(host, [NFTABLES_SERVICE])
    start_firewalld(host)
    assert choose(host, AUTO).backend.name == "firewalld"


def test_every_name_has_a_backend_of_that_name(tmp_path):
    assert [choose(Host(tmp_path), name).backend.name for name in NAMES] == list(NAMES)


LEFT_LATE = {
    "firewalld": ("/etc/firewalld/ipsets/gkfwd4-peers.xml", ""),
    "ufw": ("/etc/ufw/after.rules", None),
    "iptables": ("/etc/gatehouse_kong_accept/accept.sh", ""),
    "nftables": ("/etc/gatehouse_kong/accept.sh", ""),
}


@pytest.mark.parametrize("present", NAMES)
@pytest.mark.parametrize("left", LEFT_LATE)
def test_late_parts_of_other_managers_are_left_over(tmp_path, present, left):
    """Only managers whose files are on the host have left something, and the present manager has not."""
    host = FakeHost(tmp_path)
    path, text = LEFT_LATE[left]
    write(host, path, f"{LATE_RULE}\n" if text is None else text)
    leftovers = choose(host, present).backend._leftovers
    assert [part.name for part in leftovers.late] == ([] if left == present else [left])
    assert leftovers.early == ()


def test_a_host_without_our_files_has_no_leftovers(tmp_path):
    assert [choose(FakeHost(tmp_path), name).backend._leftovers.parts for name in NAMES] == [()] * 4


def test_the_early_part_of_iptables_is_left_over_after_nft_was_installed(tmp_path):
    host = FakeHost(tmp_path)
    write(host, "/etc/gatehouse_kong_iptables/load.sh", "")
    leftovers = choose(host, "nftables").backend._leftovers
    assert [part.name for part in leftovers.parts] == ["the table mangle of iptables"]
