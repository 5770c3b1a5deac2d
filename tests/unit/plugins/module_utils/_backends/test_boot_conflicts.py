# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Units and drop-ins of a host with which a boot ends with other rules than now."""

from __future__ import annotations

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._backends.boot_conflicts import find_boot_conflicts
from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import Host

UNITS = "/etc/systemd/system"


def write(host, path, text):
    host.locate(path).parent.mkdir(parents=True, exist_ok=True)
    host.locate(path).write_text(text)


def enable_unit(host, name, text, folder="/lib/systemd/system"):
    write(host, f"{folder}/{name}", text)
    link = host.locate(f"{UNITS}/multi-user.target.wants/{name}")
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(host.locate(f"{folder}/{name}"))


@pytest.mark.parametrize("unit", ["gatehouse-kong-firewall", "gatehouse-kong-accept", "gatehouse-kong-iptables"])
@pytest.mark.parametrize(
    "line", ["ExecStart=", "ExecStart=/bin/true", "ConditionPathExists=/nowhere", "AssertPathExists=/x", "Type=simple"]
)
def test_a_drop_in_that_changes_how_our_unit_starts(tmp_path, unit, line):
    host = Host(tmp_path)
    write(host, f"{UNITS}/{unit}.service.d/override.conf", f"[Unit]\n{line}\n")
    (found,) = find_boot_conflicts(host, "nftables")
    assert (found.certain, found.effect, found.stops) == (False, "boot", False)
    assert found.where == f"/etc/systemd/system/{unit}.service.d/override.conf"
    assert f"`{line}`" in found.reason


@pytest.mark.parametrize("line", ["Nice=5", "# ExecStart=", "Environment=A=b"])
def test_a_drop_in_that_does_not_change_how_our_unit_starts(tmp_path, line):
    host = Host(tmp_path)
    write(host, f"{UNITS}/gatehouse-kong-firewall.service.d/override.conf", f"[Service]\n{line}\n")
    write(host, f"{UNITS}/other.service.d/override.conf", "[Service]\nExecStart=\n")
    assert find_boot_conflicts(host, "nftables") == ()


@pytest.mark.parametrize(
    "command", ["/usr/sbin/nft flush ruleset", "/usr/sbin/nft -f /etc/own.nft", "/bin/sh -c 'nft --file /etc/own.nft'"]
)
def test_a_unit_that_flushes_all_tables(tmp_path, command):
    host = Host(tmp_path)
    write(host, "/etc/own.nft", "flush ruleset\ntable inet own {\n}\n")
    enable_unit(host, "own.service", f"[Service]\nExecStart={command}\n")
    (found,) = find_boot_conflicts(host, "nftables")
    assert (found.where, command in found.reason) == ("unit own.service", True)


@pytest.mark.parametrize("setting", ["After", "Wants", "PartOf"])
def test_a_unit_that_flushes_after_our_unit(tmp_path, setting):
    host = Host(tmp_path)
    text = f"[Unit]\n{setting}=gatehouse-kong-firewall.service\n[Service]\nExecStart=/usr/sbin/nft flush ruleset\n"
    enable_unit(host, "own.service", text)
    assert [found.where for found in find_boot_conflicts(host, "nftables")] == ["unit own.service"]


@pytest.mark.parametrize("text", ["#!/usr/sbin/nft -f\nflush ruleset\n", "#!/bin/sh\nset -e\nnft flush ruleset\n"])
@pytest.mark.parametrize("command", ["/usr/local/sbin/own start", "-/bin/bash /usr/local/sbin/own"])
def test_a_unit_whose_script_flushes_all_tables(tmp_path, text, command):
    host = Host(tmp_path)
    write(host, "/usr/local/sbin/own", text)
    enable_unit(host, "own.service", f"[Service]\nExecStart={command}\n")
    assert [found.where for found in find_boot_conflicts(host, "nftables")] == ["unit own.service"]


@pytest.mark.parametrize("text", ["#!/bin/sh\n# never: nft flush ruleset\n", "\x7fELF flush ruleset\n"])
def test_a_unit_whose_program_does_not_flush_tables(tmp_path, text):
    host = Host(tmp_path)
    write(host, "/usr/local/sbin/own", text)
    enable_unit(host, "own.service", "[Service]\nExecStart=/usr/local/sbin/own /etc /nowhere\n")
    assert find_boot_conflicts(host, "nftables") == ()


PLACES = ["/etc/network/interfaces", "/etc/network/if-pre-up.d/nftables", "/etc/NetworkManager/dispatcher.d/10-nft",
          "/etc/networkd-dispatcher/routable.d/nft", "/etc/rc.local", "/etc/rc.d/rc.local"]  # fmt: skip


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(
    "text",
    ["pre-up /usr/sbin/nft -f /etc/own.nft", "#!/bin/sh\nnft flush ruleset\n", "#!/usr/sbin/nft -f\nflush ruleset\n"],
)
def test_a_script_that_flushes_all_tables(tmp_path, place, text):
    host = Host(tmp_path)
    write(host, "/etc/own.nft", "flush ruleset\ntable inet own {\n}\n")
    write(host, place, text)
    (found,) = find_boot_conflicts(host, "nftables")
    assert (found.where, found.certain, found.effect, found.stops) == (place, False, "boot", False)
    assert found.advice == "Flush only its own tables, or run `nft -f /etc/gatehouse_kong/ruleset.nft` after it"


@pytest.mark.parametrize(
    "text", ["nft -f /etc/table.nft\n", "# nft -f /etc/own.nft\n  # nft flush ruleset\n", "nft -f /nowhere\n"]
)
def test_a_script_that_does_not_flush_our_table(tmp_path, text):
    host = Host(tmp_path)
    write(host, "/etc/own.nft", "flush ruleset\n")
    write(host, "/etc/table.nft", "table inet own {\n}\n# flush ruleset\n")
    write(host, "/etc/rc.local", text)
    assert find_boot_conflicts(host, "nftables") == ()


def test_a_drop_in_that_is_a_broken_link_is_ignored(tmp_path):
    host = Host(tmp_path)
    folder = host.locate(f"{UNITS}/gatehouse-kong-firewall.service.d")
    folder.mkdir(parents=True)
    (folder / "override.conf").symlink_to(tmp_path / "nowhere")
    assert find_boot_conflicts(host, "nftables") == ()


def test_units_that_do_not_flush_our_table(tmp_path):
    host = Host(tmp_path)
    write(host, "/etc/own.nft", "table inet own {\n}\n")
    enable_unit(
        host,
        "own.service",
        "[Service]\nExecStart=/usr/sbin/nft -f /etc/own.nft\nExecStop=/usr/sbin/nft flush ruleset\n",
    )
    enable_unit(host, "nftables.service", "[Service]\nExecStart=/usr/sbin/nft flush ruleset\n")
    enable_unit(
        host,
        "early.service",
        "[Unit]\nBefore=gatehouse-kong-firewall.service\n[Service]\nExecStart=/usr/sbin/nft flush ruleset\n",
    )
    write(host, "/lib/systemd/system/off.service", "[Service]\nExecStart=/usr/sbin/nft flush ruleset\n")
    assert find_boot_conflicts(host, "nftables") == ()


def test_the_unit_file_in_etc_overrides_the_file_of_the_package(tmp_path):
    host = Host(tmp_path)
    enable_unit(host, "own.service", "[Service]\nExecStart=/usr/sbin/nft flush ruleset\n")
    write(host, f"{UNITS}/own.service", "[Service]\nExecStart=/bin/true\n")
    assert find_boot_conflicts(host, "nftables") == ()


@pytest.mark.parametrize("manager", ["firewalld", "ufw"])
def test_a_manager_that_is_not_enabled_at_boot(tmp_path, manager):
    host = Host(tmp_path)
    (found,) = find_boot_conflicts(host, manager)
    assert (found.where, f"`systemctl enable {manager}`" in found.advice) == (f"{manager}.service", True)
    enable_unit(host, f"{manager}.service", "[Service]\nExecStart=/bin/true\n")
    assert find_boot_conflicts(host, manager) == ()
    assert find_boot_conflicts(host, "iptables") == ()
