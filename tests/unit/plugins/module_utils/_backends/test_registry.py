# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import re

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._backends.registry import AUTO, NAMES, choose
from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import Host, HostError
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.names import LATE_RULE
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.nft_tables import has_iptables_nft

FIREWALLD = "/run/systemd/units/invocation:firewalld.service"
SHUT = "*filter\n:INPUT DROP [0:0]\n:OWN - [0:0]\nCOMMIT\n"
RULE = "*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -p tcp -m tcp --dport 25 -j DROP\nCOMMIT\n"
PLAIN = "*filter\n:INPUT ACCEPT [0:0]\n:DOCKER - [0:0]\nCOMMIT\n"


class FakeHost(Host):
    """A host with every program. `saves` has the output of some of them."""

    def require_net_admin(self):
        """Accept any process: the tests need no root."""

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
        return any("nft" in name for name in self.saves) if function is has_iptables_nft else function(*args)


def write(host, path, text):
    host.locate(path).parent.mkdir(parents=True, exist_ok=True)
    host.locate(path).write_text(text)


def start_firewalld(host):
    host.locate(FIREWALLD).parent.mkdir(parents=True, exist_ok=True)
    host.locate(FIREWALLD).symlink_to("0123456789abcdef")


def test_a_host_without_a_firewall_manager_gets_nftables_without_a_command(tmp_path):
    host = FakeHost(tmp_path)
    choice = choose(host, AUTO)
    assert (choice.backend.name, choice.reason, host.calls) == ("nftables", "no other firewall manager is enabled", [])


@pytest.mark.parametrize("text", ["ENABLED=yes\n", "ENABLED=yes # since May\n", "# x\nENABLED='YES'\nLOGLEVEL=low\n"])
def test_ufw_is_the_manager_if_it_is_enabled(tmp_path, text):
    host = FakeHost(tmp_path)
    write(host, "/etc/ufw/ufw.conf", text)
    choice = choose(host, AUTO)
    assert (choice.backend.name, choice.reason) == ("ufw", "ufw is enabled in /etc/ufw/ufw.conf")
    assert choose(host, "nftables").backend.name == "nftables"


@pytest.mark.parametrize("text", ["ENABLED=no\n", "#ENABLED=yes\n", "ENABLED=yes#\n", ""])
def test_a_disabled_ufw_is_not_the_manager(tmp_path, text):
    host = FakeHost(tmp_path)
    write(host, "/etc/ufw/ufw.conf", text)
    assert choose(host, AUTO).backend.name == "nftables"


def test_a_removed_ufw_is_not_the_manager(tmp_path, monkeypatch):
    host = FakeHost(tmp_path)
    write(host, "/etc/ufw/ufw.conf", "ENABLED=yes\n")
    monkeypatch.setattr(host, "which", lambda _program: None)
    assert choose(host, AUTO).backend.name == "nftables"


def test_firewalld_is_the_manager_if_it_is_active(tmp_path):
    host = FakeHost(tmp_path)
    start_firewalld(host)
    choice = choose(host, AUTO)
    assert (choice.backend.name, choice.reason) == ("firewalld", "firewalld is active")
    assert choose(host, "nftables").reason == "set by the option backend"


def enable_firewalld(host):
    host.locate("/etc/systemd/system/multi-user.target.wants").mkdir(parents=True)
    host.locate("/etc/systemd/system/multi-user.target.wants/firewalld.service").symlink_to("/lib/x")
    write(host, "/lib/systemd/system/firewalld.service", "[Service]\n")


def test_a_stopped_firewalld_that_is_enabled_is_an_error(tmp_path):
    host = FakeHost(tmp_path)
    enable_firewalld(host)
    host.locate("/run/systemd/system").mkdir(parents=True)
    host.locate("/etc/firewalld").mkdir()
    choice = choose(host, AUTO)
    assert (choice.backend.name, choice.reason) == ("firewalld", "firewalld is enabled")
    with pytest.raises(HostError, match=r"firewalld\.service is not active.*Start it"):
        choice.backend.require()


def test_a_removed_firewalld_is_not_the_manager(tmp_path, monkeypatch):
    host = FakeHost(tmp_path)
    enable_firewalld(host)
    monkeypatch.setattr(host, "which", lambda _program: None)
    assert choose(host, AUTO).backend.name == "nftables"


def test_two_managers_are_an_error(tmp_path):
    host = FakeHost(tmp_path)
    start_firewalld(host)
    write(host, "/etc/ufw/ufw.conf", "ENABLED=yes\n")
    with pytest.raises(HostError, match=r"firewalld is active and ufw is enabled in .*: two programs.*Disable one"):
        choose(host, AUTO)


@pytest.mark.parametrize("family", ["iptables", "ip6tables"])
@pytest.mark.parametrize(
    "legacy, new, mixed",
    [(RULE, RULE, True), (SHUT, RULE, True), (RULE, SHUT, True), (RULE, PLAIN, False), (PLAIN, RULE, False)],
)
def test_rules_of_both_variants_of_iptables_are_an_error(tmp_path, family, legacy, new, mixed):
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

# Files and links on the host, the content of its legacy tables (or None), the backend, and a pattern of the reason.
EVIDENCE = {
    "no evidence": ([], None, "nftables", "no other"),
    "Debian's saved rules": ([PERSISTENT, SAVED], None, "iptables", f"netfilter-persistent.*{SAVED}"),
    "Debian's saved rules of IPv6": ([PERSISTENT, "/etc/iptables/rules.v6"], None, "iptables", "rules.v6"),
    "service without saved rules": ([PERSISTENT], None, "nftables", "no other"),
    "saved rules that no service loads": ([SAVED], None, "nftables", "no other"),
    "masked service": ([PERSISTENT, SAVED, "mask netfilter-persistent"], None, "nftables", "no other"),
    "Debian's aliases": ([PERSISTENT, SAVED, "alias iptables netfilter-persistent"], None, "iptables", "persistent"),
    "iptables-services": (["link basic iptables", "/etc/sysconfig/iptables"], None, "iptables", "iptables.service"),
    "iptables-services, IPv6": (
        ["link basic ip6tables", "/etc/sysconfig/ip6tables"],
        None,
        "iptables",
        "ip6tables.service",
    ),
    "nftables.service": ([NFTABLES_SERVICE], None, "nftables", "nftables.service is enabled"),
    "nftables.service, Docker with legacy": (
        [NFTABLES_SERVICE, LOADED],
        DOCKER,
        "nftables",
        "nftables.service is enabled",
    ),
    "legacy rules": ([LOADED], RULE, "iptables", "iptables-legacy"),
    "legacy tables without a rule": ([LOADED], PLAIN, "nftables", "no other"),
    "legacy rules and our nftables rules": ([LOADED, OURS["nftables"]], RULE, "nftables", "no other"),
    "our iptables rules": ([OURS["iptables"]], None, "iptables", "already"),
    "our iptables rules, then nftables.service": (
        [OURS["iptables"], NFTABLES_SERVICE],
        None,
        "nftables",
        "nftables.service is enabled",
    ),
    "our nftables rules, then saved rules": (
        [OURS["nftables"], PERSISTENT, SAVED],
        None,
        "iptables",
        "netfilter-persistent",
    ),
}


def prepare(host, items):
    for item in items:
        word, *names = item.split()
        units = host.locate("/etc/systemd/system")
        if word == "link":
            (units / f"{names[0]}.target.wants").mkdir(parents=True)
            (units / f"{names[0]}.target.wants/{names[1]}.service").symlink_to(
                f"/lib/systemd/system/{names[1]}.service"
            )
            write(host, f"/lib/systemd/system/{names[1]}.service", "[Service]\n")
        elif word in ("mask", "alias"):
            target = "/dev/null" if word == "mask" else host.locate(f"/lib/systemd/system/{names[1]}.service")
            (units / f"{names[0]}.service").symlink_to(target)
        else:
            write(host, item, "filter\n")


def select_legacy(host, monkeypatch):
    """Make iptables-legacy the host's iptables."""
    target = "/usr/sbin/xtables-legacy-multi"
    monkeypatch.setattr(host, "which", lambda program: target if program == "iptables" else f"/usr/sbin/{program}")


@pytest.mark.parametrize("case", EVIDENCE)
def test_the_manager_is_detected_from_enabled_services_and_loaded_rules(tmp_path, monkeypatch, case):
    items, rules, name, reason = EVIDENCE[case]
    host = FakeHost(tmp_path, {"iptables-legacy-save": rules, "iptables-nft-save": PLAIN})
    select_legacy(host, monkeypatch)
    prepare(host, items)
    choice = choose(host, AUTO)
    assert (choice.backend.name, bool(re.search(reason, choice.reason))) == (name, True), choice.reason
    # A run of the backend writes files, and rules of iptables-legacy on some hosts. The next run chooses the same backend.
    write(host, OURS[name], "")
    host.locate(OURS["iptables" if name == "nftables" else "nftables"]).unlink(missing_ok=True)
    assert choose(host, AUTO).backend.name == name


@pytest.mark.parametrize("iptables", ["/usr/sbin/xtables-nft-multi", None])
def test_third_party_legacy_rules_do_not_matter_if_the_host_does_not_use_them(tmp_path, monkeypatch, iptables):
    """A container without iptables has the legacy tables of its host in /proc."""
    host = FakeHost(tmp_path, {"iptables-legacy-save": RULE, "iptables-nft-save": PLAIN})
    monkeypatch.setattr(host, "which", lambda program: iptables if program == "iptables" else "x")
    prepare(host, [LOADED])
    assert choose(host, AUTO).backend.name == "nftables"


@pytest.mark.parametrize("other", ["firewalld", "ufw", "nftables"])
def test_saved_rules_and_another_manager_are_an_error(tmp_path, other):
    host = FakeHost(tmp_path)
    prepare(host, [PERSISTENT, SAVED, *([NFTABLES_SERVICE] if other == "nftables" else [])])
    if other == "firewalld":
        start_firewalld(host)
    if other == "ufw":
        write(host, "/etc/ufw/ufw.conf", "ENABLED=yes\n")
    with pytest.raises(HostError, match=rf"{other}.*netfilter-persistent|netfilter-persistent.*{other}"):
        choose(host, AUTO)
    assert choose(host, "iptables").reason == "set by the option backend"


def test_nftables_service_can_be_enabled_together_with_a_manager(tmp_path):
    host = FakeHost(tmp_path)
    prepare(host, [NFTABLES_SERVICE])
    start_firewalld(host)
    assert choose(host, AUTO).backend.name == "firewalld"


def test_every_name_has_a_backend_of_that_name(tmp_path):
    assert [choose(Host(tmp_path), name).backend.name for name in NAMES] == list(NAMES)


class HostWithoutNft(FakeHost):
    def which(self, program):
        return None if program == "nft" else super().which(program)


@pytest.mark.parametrize("name", NAMES)
def test_without_nft_the_early_part_is_in_iptables_except_with_firewalld(tmp_path, name):
    """A reload of firewalld can remove the rules of the table mangle."""
    choice = choose(HostWithoutNft(tmp_path), name)
    if name == "firewalld":
        with pytest.raises(HostError, match="nft is not installed on this host: install the package nftables"):
            choice.backend.require()
    else:
        assert choice.early == "the table mangle of iptables"


LEFT_LATE = {
    "firewalld": ("/etc/firewalld/ipsets/gkfwd4-peers.xml", ""),
    "ufw": ("/etc/ufw/after.rules", None),
    "iptables": ("/etc/gatehouse_kong_accept/accept.sh", ""),
    "nftables": ("/etc/gatehouse_kong/accept.sh", ""),
}


@pytest.mark.parametrize("present", NAMES)
@pytest.mark.parametrize("left", LEFT_LATE)
def test_late_parts_of_other_managers_are_leftovers(tmp_path, present, left):
    """Only managers with files on the host have leftovers; the current manager has no leftover."""
    host = FakeHost(tmp_path)
    path, text = LEFT_LATE[left]
    write(host, path, f"{LATE_RULE}\n" if text is None else text)
    leftovers = choose(host, present).backend._leftovers
    assert [part.name for part in leftovers.late] == ([] if left == present else [left])
    assert leftovers.early == ()


def test_a_host_without_our_files_has_no_leftovers(tmp_path):
    assert [choose(FakeHost(tmp_path), name).backend._leftovers.parts for name in NAMES] == [()] * 4


def test_the_early_part_of_iptables_is_a_leftover_after_nft_was_installed(tmp_path):
    host = FakeHost(tmp_path)
    write(host, "/etc/gatehouse_kong_iptables/load.sh", "")
    leftovers = choose(host, "nftables").backend._leftovers
    assert [part.name for part in leftovers.parts] == ["the table mangle of iptables"]
