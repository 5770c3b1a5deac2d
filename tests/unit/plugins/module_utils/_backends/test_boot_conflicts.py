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


FLUSH = "[Service]\nExecStart=/usr/sbin/nft flush ruleset\n"
FOLDERS = ["/etc/systemd/system", "/run/systemd/system", "/run/systemd/generator", "/usr/local/lib/systemd/system",
           "/usr/lib/systemd/system", "/lib/systemd/system"]  # fmt: skip


def list_places(host):
    return [found.where for found in find_boot_conflicts(host, "nftables")]


@pytest.mark.parametrize("folder", FOLDERS)
@pytest.mark.parametrize("links", ["multi-user.target.wants", "basic.target.requires", "ssh.service.upholds"])
def test_a_flushing_unit_with_a_link_in_any_folder(tmp_path, folder, links):
    host = Host(tmp_path)
    write(host, "/usr/lib/systemd/system/own.service", FLUSH)
    link = host.locate(f"{folder}/{links}/own.service")
    link.parent.mkdir(parents=True)
    link.symlink_to("../own.service")
    assert list_places(host) == ["unit own.service"]


@pytest.mark.parametrize("target", ["shutdown", "rescue", "hibernate", "initrd-switch-root", "reboot"])
def test_a_flushing_unit_that_a_boot_does_not_start(tmp_path, target):
    host = Host(tmp_path)
    write(host, "/usr/lib/systemd/system/own.service", FLUSH)
    write(host, f"{UNITS}/{target}.target.wants/own.service", "")
    assert list_places(host) == []


STARTERS = {
    "a.service": "[Unit]\nWants=x.service own.service\n",
    "b.target": "[Unit]\nRequires = \\\n# a comment\n  own.service\n",
    "c.service": "[Unit]\nBindsTo=own.service\n",
    "own.timer": "[Timer]\nOnBootSec=5\n",
    "d.timer": "[Timer]\nUnit=own.service\n",
    "own.path": "[Path]\nPathExists=/etc\n",
    "own.socket": "[Socket]\nListenStream=5\n",
    "d.socket": "[Socket]\nService=own.service\n",
}


@pytest.mark.parametrize("starter", STARTERS)
def test_a_flushing_unit_that_another_unit_starts(tmp_path, starter):
    host = Host(tmp_path)
    write(host, "/usr/lib/systemd/system/own.service", FLUSH)
    enable_unit(host, starter, STARTERS[starter])
    assert list_places(host) == ["unit own.service"]


def test_a_flushing_unit_of_a_template(tmp_path):
    host = Host(tmp_path)
    write(host, "/usr/lib/systemd/system/own@.service", FLUSH)
    write(host, f"{UNITS}/multi-user.target.wants/own@lan.service", "")
    assert list_places(host) == ["unit own@lan.service"]


DROP_IN_FOLDERS = ["own-rules.service.d", "own-.service.d"]


@pytest.mark.parametrize("folder", FOLDERS)
@pytest.mark.parametrize("drop_in", DROP_IN_FOLDERS)
def test_a_drop_in_that_makes_a_unit_flush(tmp_path, folder, drop_in):
    host = Host(tmp_path)
    enable_unit(host, "own-rules.service", "[Service]\nExecStart=/bin/true\n")
    write(host, f"{folder}/{drop_in}/own.conf", "[Service]\nExecStartPost=/usr/sbin/nft flush ruleset\n")
    assert list_places(host) == ["unit own-rules.service"]


@pytest.mark.parametrize("folder", FOLDERS)
@pytest.mark.parametrize("drop_in", DROP_IN_FOLDERS)
@pytest.mark.parametrize(
    "text",
    [
        "[Service]\nExecStart=\n",
        "[Service]\nExecStart=\nExecStart=/bin/true\n",
        "[Unit]\nBefore=x.service gatehouse-kong-firewall.service\n",
    ],
)
def test_a_drop_in_with_which_a_unit_does_not_flush_after_ours(tmp_path, folder, drop_in, text):
    host = Host(tmp_path)
    enable_unit(host, "own-rules.service", FLUSH)
    write(host, f"{folder}/{drop_in}/own.conf", text)
    assert list_places(host) == []


def test_the_drop_in_with_the_last_name_counts(tmp_path):
    host = Host(tmp_path)
    enable_unit(host, "own.service", "[Service]\nExecStart=/bin/true\n")
    write(host, "/usr/lib/systemd/system/own.service.d/20-own.conf", FLUSH)
    write(host, f"{UNITS}/own.service.d/10-own.conf", "[Service]\nExecStart=\n")
    assert list_places(host) == ["unit own.service"]
    write(host, f"{UNITS}/own.service.d/30-own.conf", "[Service]\nExecStart=\n")
    assert list_places(host) == []


def test_a_drop_in_in_etc_replaces_the_drop_in_of_the_same_name(tmp_path):
    host = Host(tmp_path)
    enable_unit(host, "own.service", "[Service]\nExecStart=/bin/true\n")
    write(host, "/usr/lib/systemd/system/own.service.d/own.conf", FLUSH)
    write(host, f"{UNITS}/own.service.d/own.conf", "[Service]\nNice=5\n")
    assert list_places(host) == []


@pytest.mark.parametrize("own", ["Before=nftables.service", "Before=a.service"])
def test_a_unit_that_flushes_before_a_predecessor_of_ours(tmp_path, own):
    host = Host(tmp_path)
    enable_unit(host, "own.service", f"[Unit]\n{own}\n{FLUSH}")
    enable_unit(host, "nftables.service", "[Service]\nExecStart=/usr/sbin/nft -f /etc/nftables.conf\n")
    enable_unit(host, "a.service", "[Unit]\nBefore=gatehouse-kong-firewall.service\n[Service]\nExecStart=/bin/true\n")
    assert list_places(host) == []
    for name in ("nftables.service", "a.service"):
        host.locate(f"{UNITS}/multi-user.target.wants/{name}").unlink()
    assert list_places(host) == ["unit own.service"]


def test_a_drop_in_of_our_unit_orders_it_after_a_flushing_unit(tmp_path):
    host = Host(tmp_path)
    enable_unit(host, "own.service", FLUSH)
    enable_unit(host, "gatehouse-kong-firewall.service", "[Unit]\nAfter=nftables.service\n", UNITS)
    assert list_places(host) == ["unit own.service"]
    write(host, f"{UNITS}/gatehouse-kong-firewall.service.d/own.conf", "[Unit]\nAfter=own.service\n")
    assert list_places(host) == []


@pytest.mark.parametrize("folder", [UNITS, "/run/systemd/system", "/etc/systemd/system.control"])
def test_a_masked_unit_does_not_flush(tmp_path, folder):
    host = Host(tmp_path)
    enable_unit(host, "own.service", FLUSH)
    write(host, f"{folder}/own.service.d/own.conf", FLUSH)
    host.locate(f"{folder}/own.service").symlink_to("/dev/null")
    assert list_places(host) == []


def test_a_flushing_unit_with_another_name(tmp_path):
    """The drop-ins of both names count."""
    host = Host(tmp_path)
    enable_unit(host, "own.service", "[Service]\nExecStart=/bin/true\n")
    host.locate(f"{UNITS}/other.service").symlink_to(host.locate("/lib/systemd/system/own.service"))
    host.locate(f"{UNITS}/multi-user.target.wants/own.service").rename(
        host.locate(f"{UNITS}/multi-user.target.wants/other.service")
    )
    write(host, f"{UNITS}/own.service.d/20-own.conf", FLUSH)
    write(host, f"{UNITS}/other.service.d/10-own.conf", "[Service]\nExecStart=\n")
    assert list_places(host) == ["unit other.service"]
    write(host, f"{UNITS}/other.service.d/30-own.conf", "[Service]\nExecStart=\n")
    assert list_places(host) == []


OUR_DROP_INS = [
    "gatehouse-kong-rollback.service.d", "gatehouse-kong-rollback-.service.d", "gatehouse-kong-rollback-.timer.d",
    "gatehouse-kong-.service.d", "gatehouse-.service.d", "service.d", "timer.d",
]  # fmt: skip


@pytest.mark.parametrize("folder", OUR_DROP_INS)
@pytest.mark.parametrize("line", ["ExecStart=", "OnActiveSec=1h", "User = nobody", "PrivateNetwork=yes"])
def test_a_drop_in_that_changes_the_rollback(tmp_path, folder, line):
    host = Host(tmp_path)
    path = f"/usr/lib/systemd/system/{folder}/own.conf"
    write(host, path, f"[X]\n{line}\n")
    (found,) = find_boot_conflicts(host, "nftables")
    assert (found.where, f"`{line.replace(' ', '')}`" in found.reason) == (path, True)


def test_a_drop_in_for_every_service_changes_our_units_and_other_units(tmp_path):
    host = Host(tmp_path)
    enable_unit(host, "own.service", "[Service]\nExecStart=/bin/true\n")
    write(host, "/run/systemd/system/service.d/own.conf", FLUSH)
    assert list_places(host) == ["/run/systemd/system/service.d/own.conf", "unit own.service"]


@pytest.mark.parametrize("unit", ["gatehouse-kong-firewall", "gatehouse-kong-accept", "gatehouse-kong-rollback"])
@pytest.mark.parametrize("folder", ["/etc/systemd/system.control", "/run/systemd/system.control"])
def test_a_file_that_has_precedence_over_our_unit(tmp_path, unit, folder):
    host = Host(tmp_path)
    write(host, f"{UNITS}/{unit}.service", "[Service]\nExecStart=/bin/true\n")
    assert list_places(host) == []
    host.locate(folder).mkdir(parents=True)
    host.locate(f"{folder}/{unit}.service").symlink_to("/dev/null")
    assert list_places(host) == [f"{folder}/{unit}.service"]


OURS = f"{UNITS}/nftables.service.d/gatehouse-kong-firewall.conf"


@pytest.mark.parametrize(
    "path, text, expected",
    [
        (f"{UNITS}/nftables.service.d/zz.conf", "[Service]\nExecStartPost=\n", True),
        (
            "/run/systemd/system/nftables.service.d/zz.conf",
            "[Service]\nExecStartPost=\nExecStartPost=/bin/true\n",
            True,
        ),
        (f"{UNITS}/nftables.service.d/zz.conf", "[Service]\nExecStartPost=/bin/true\nExecStop=\n", False),
        (f"{UNITS}/nftables.service.d/aa.conf", "[Service]\nExecStartPost=\n", False),
        ("/etc/systemd/system.control/nftables.service.d/gatehouse-kong-firewall.conf", "", True),
        ("/run/systemd/system/nftables.service.d/gatehouse-kong-firewall.conf", "", False),
    ],
)
def test_a_drop_in_that_removes_the_settings_of_our_drop_in(tmp_path, path, text, expected):
    host = Host(tmp_path)
    write(host, OURS, "[Service]\nExecStartPost=-/usr/sbin/nft -f /etc/gatehouse_kong/ruleset.nft\n")
    write(host, path, text)
    found = find_boot_conflicts(host, "nftables")
    assert [conflict.where for conflict in found] == [path] * expected
    assert all("so nftables.service does not load our rules again" in conflict.reason for conflict in found)
