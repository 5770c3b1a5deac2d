# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""All places in which a host can name a file that it loads at boot."""

from __future__ import annotations

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._backends.iptables.late_saved import (
    find_unloadable,
    list_restored_files,
    list_saved_files,
    select_files_to_clean,
    without_ours,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._host.boot_scripts import IFUPDOWN
from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import Host, HostError


class FakeHost(Host):
    """A host on which the program `refused` cannot load its file."""

    refused = None

    def put(self, path, text=""):
        self.locate(path).parent.mkdir(parents=True, exist_ok=True)
        self.locate(path).write_text(text)

    def which(self, program):
        return f"/sbin/{program}"

    def run(self, *argv, stdin="", **_limits):
        assert argv[1:4] == ("--wait", "10", "--test")
        self.tested = (argv[0], *argv[4:], stdin)
        if argv[0] == self.refused:
            raise HostError("line 2 failed")
        return ""


SAVED = ["/etc/iptables/rules.v4", "/etc/iptables/rules.v6", "/etc/iptables/ipsets", "/etc/sysconfig/iptables",
         "/etc/sysconfig/ip6tables", "/etc/sysconfig/ipset"]  # fmt: skip


def test_files_of_packages(tmp_path):
    host = FakeHost(tmp_path)
    assert list_saved_files(host) == ()
    for path in SAVED:
        host.put(path)
    host.put("/etc/iptables/other")
    assert list_saved_files(host) == tuple(SAVED)


PLACES = [
    "/etc/network/interfaces",
    "/etc/network/interfaces.d/eth0",
    "/etc/network/if-pre-up.d/firewall",
    "/etc/NetworkManager/dispatcher.d/10-rules",
    "/etc/networkd-dispatcher/routable.d/10-rules",
    "/etc/rc.local",
    "/etc/rc.d/rc.local",
    "/etc/systemd/system/own.service",
]
COMMANDS = [
    "pre-up iptables-restore < /root/own.rules",
    "ExecStart=/usr/sbin/ip6tables-restore -n /root/own.rules",
    "iptables-nft-restore </root/own.rules; true",
    "iptables-legacy-restore </root/own.rules && true",
    "ipset restore -f /root/own.rules",
    "ipset -exist restore </root/own.rules",
]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("command", COMMANDS)
def test_a_file_that_a_script_loads(tmp_path, place, command):
    host = FakeHost(tmp_path)
    host.put(place, f"# x\n{command}\n")
    assert list_saved_files(host) == ()
    host.put("/root/own.rules", "*filter\n:INPUT ACCEPT [0:0]\n:GATEHOUSE-KONG - [0:0]\nCOMMIT\n")
    host.locate("/etc/network/if-up.d").mkdir(parents=True, exist_ok=True)
    assert list_saved_files(host) == ("/root/own.rules",)
    assert select_files_to_clean(host, without_ours) == ("/root/own.rules",)


@pytest.mark.parametrize("place", PLACES)
def test_scripts_that_ifup_runs(tmp_path, place):
    """The named file does not exist yet."""
    host = FakeHost(tmp_path)
    host.put(place, COMMANDS[0])
    host.put("/etc/iptables/rules.v4")
    assert list_restored_files(host) == ("/root/own.rules",)
    assert list_restored_files(host, IFUPDOWN) == list_restored_files(host) * place.startswith("/etc/network/")


@pytest.mark.parametrize("place", ["/etc/network/other", "/etc/systemd/system/own.timer", "/etc/network/if-up.d/x/y"])
def test_other_files_are_not_searched(tmp_path, place):
    host = FakeHost(tmp_path)
    host.put(place, COMMANDS[0])
    host.put("/root/own.rules")
    assert list_saved_files(host) == ()


@pytest.mark.parametrize("command", ["echo iptables-save > /root/own.rules", "cat /root/own.rules"])
def test_other_commands_do_not_load_files(tmp_path, command):
    host = FakeHost(tmp_path)
    host.put("/etc/rc.local", command)
    host.put("/root/own.rules")
    assert list_saved_files(host) == ()


PROGRAMS = {"ipv4": "/sbin/iptables", "ipv6": "/sbin/ip6tables"}
# The enabled unit, its file, and the program that loads the file.
LOADED = [
    ("netfilter-persistent", "/etc/iptables/rules.v4", "/sbin/iptables-restore"),
    ("netfilter-persistent", "/etc/iptables/rules.v6", "/sbin/ip6tables-restore"),
    ("iptables", "/etc/sysconfig/iptables", "/sbin/iptables-restore"),
    ("ip6tables", "/etc/sysconfig/ip6tables", "/sbin/ip6tables-restore"),
]


def enable_service(host, service):
    link = host.locate(f"/etc/systemd/system/multi-user.target.wants/{service}.service")
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(f"/lib/systemd/system/{service}.service")
    host.put(f"/lib/systemd/system/{service}.service", "[Service]\n")


@pytest.mark.parametrize("service, file, program", LOADED)
def test_a_file_that_its_service_cannot_load(tmp_path, service, file, program):
    host = FakeHost(tmp_path)
    host.put(file, "*filter\nCOMMIT\n")
    assert [*find_unloadable(host, PROGRAMS)] == []
    enable_service(host, service)
    assert [*find_unloadable(host, PROGRAMS)] == []
    assert host.tested == (program, "*filter\nCOMMIT\n")
    host.refused = program
    (found,) = find_unloadable(host, PROGRAMS)
    assert (found.certain, found.where, found.effect, found.reason) == (True, file, "boot", "line 2 failed")
    assert found.stops is False
    assert found.advice


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("command, program", [
    ("pre-up iptables-restore < /root/own.rules", "/sbin/iptables-restore"),
    ("ExecStart=/usr/sbin/ip6tables-restore -n /root/own.rules", "/sbin/ip6tables-restore"),
])  # fmt: skip
def test_a_file_that_a_script_cannot_load(tmp_path, place, command, program):
    host = FakeHost(tmp_path)
    host.put(place, f"{command}\nipset restore -f /root/sets\n")
    assert [*find_unloadable(host, PROGRAMS)] == []
    rules = "*filter\n-A INPUT -m set --match-set bans src -j DROP\nCOMMIT\n"
    host.put("/root/own.rules", rules)
    host.put("/root/sets", "create bans hash:ip\n")
    assert [*find_unloadable(host, PROGRAMS)] == []
    assert host.tested == (program, "--noflush", rules)
    host.refused = program
    (found,) = find_unloadable(host, PROGRAMS)
    assert (found.certain, found.where, found.effect) == (True, "/root/own.rules", "boot")


# A file that creates sets, and whether it is read.
SETS = {
    "/etc/iptables/ipsets": True,
    "/etc/sysconfig/ipset": True,
    "/etc/sysconfig/ipset.d/a.set": True,
    "/etc/sysconfig/ipset.d/a.txt": False,
    None: False,
}


@pytest.mark.parametrize("file", SETS)
@pytest.mark.parametrize("option", ["--match-set", "--add-set", "--del-set"])
def test_a_saved_rule_that_uses_a_set(tmp_path, file, option):
    host = FakeHost(tmp_path)
    enable_service(host, "iptables")
    rules = f"-A INPUT -m set {option} bans src -j DROP\n-A INPUT -m set {option} gkong4-a src -j ACCEPT\n"
    host.put("/etc/sysconfig/iptables", f"*filter\n{rules}COMMIT\n")
    if file:
        host.put(file, "create allowed hash:ip family inet\ncreate bans hash:ip family inet\n")
    found = [*find_unloadable(host, PROGRAMS)]
    if SETS[file]:
        assert found == []
    else:
        shown = [(conflict.certain, conflict.where, conflict.effect, " bans" in conflict.reason) for conflict in found]
        assert shown == [(False, "/etc/sysconfig/iptables", "boot", True)]
