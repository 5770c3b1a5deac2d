# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import stat
from dataclasses import replace
from pathlib import Path

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._host.boot_unit import (
    BootUnit,
    compare_parts,
    install,
    uninstall,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import Host, HostError

UNIT = BootUnit(
    "x.service",
    description="tests",
    target="sysinit.target",
    after="a.service b.service",
    command="/bin/load /etc/x/rules",
    directory="/etc/x",
    file="/etc/x/rules",
    drop_ins=(("y.service", "[Service]\n"),),
)
DROP_IN = "/etc/systemd/system/y.service.d/x.conf"


class FakeHost(Host):
    """A host in a temporary directory, without systemd's socket.

    The command `systemctl disable` removes the links. A command fails if it is the value of `failing_command`.
    """

    failing_command = ""

    def __init__(self, root):
        super().__init__(root)
        self.calls, self.commands = [], []

    def run(self, *argv, stdin=""):
        self.calls.append(argv[1])
        self.commands.append(argv)
        if argv[1] == "disable":
            self.locate(UNIT.link).unlink(missing_ok=True)
        if argv[1] == self.failing_command:
            raise HostError(f"{argv[1]} failed")
        return ""


@pytest.fixture
def host(tmp_path):
    (tmp_path / "etc/systemd/system").mkdir(parents=True)
    return FakeHost(tmp_path)


EARLY_TEXT = """\
# Written by gatehouse.kong.
[Unit]
Description=Rules of gatehouse.kong: tests
DefaultDependencies=no
Wants=network-pre.target
Before=network-pre.target shutdown.target
Conflicts=shutdown.target
After=a.service b.service

[Service]
Type=oneshot
RemainAfterExit=yes
StandardInput=null
TimeoutStartSec=120
ExecStart=/bin/load /etc/x/rules
ExecReload=/bin/load /etc/x/rules

[Install]
WantedBy=sysinit.target
"""
LATER_TEXT = """\
# Written by gatehouse.kong.
[Unit]
Description=Rules of gatehouse.kong: tests
After=a.service b.service

[Service]
Type=oneshot
RemainAfterExit=yes
StandardInput=null
TimeoutStartSec=120
ExecStart=/bin/load /etc/x/rules
ExecStartPost=-/bin/more
ExecReload=/bin/load /etc/x/rules
ExecReload=-/bin/more

[Install]
WantedBy=multi-user.target
"""


def test_text_of_a_unit_before_the_network():
    assert UNIT.text == EARLY_TEXT


def test_text_of_a_later_unit_with_a_second_command_that_may_fail():
    assert replace(UNIT, target="multi-user.target", then="/bin/more").text == LATER_TEXT


def read_texts(host):
    return {str(path): path.read_text() for path in host.root.rglob("*") if path.is_file()}


def read_mode(host, path):
    return stat.S_IMODE(host.locate(path).stat().st_mode)


def test_after_install_no_part_is_stale(host):
    assert len(compare_parts(host, UNIT, "rules")) == 4
    install(host, UNIT, "rules")
    assert compare_parts(host, UNIT, "rules") == ()
    assert [read_mode(host, path) for path in ("/etc/x", UNIT.file, UNIT.path)] == [0o700, 0o600, 0o644]
    assert host.calls == ["daemon-reload", "start"]


def test_a_change_of_the_rules_runs_no_systemctl(host):
    install(host, UNIT, "rules")
    host.calls.clear()
    assert compare_parts(host, UNIT, "other") == ("/etc/x/rules: differs",)
    install(host, UNIT, "other")
    assert (host.calls, host.read(UNIT.file)) == ([], "other")


@pytest.mark.parametrize(
    "damage, word",
    [
        (lambda host: host.locate(UNIT.file).chmod(0o644), "/etc/x/rules: differs"),
        (lambda host: host.locate("/etc/x").chmod(0o755), "/etc/x: not mode 0700"),
        (lambda host: host.locate(UNIT.path).write_text("[Service]"), "x.service: differs"),
        (lambda host: host.locate(UNIT.link).unlink(), "sysinit.target.wants/x.service: missing"),
        (lambda host: host.locate(DROP_IN).unlink(), "y.service.d/x.conf: missing"),
        (lambda host: host.locate(UNIT.path).unlink(), "/etc/systemd/system/x.service: missing"),
    ],
)
def test_a_damaged_part_is_reported_and_repaired(host, damage, word):
    install(host, UNIT, "rules")
    damage(host)
    assert any(word in line for line in compare_parts(host, UNIT, "rules"))
    install(host, UNIT, "rules")
    assert compare_parts(host, UNIT, "rules") == ()


def test_a_third_party_drop_in_is_preserved(host):
    other = host.locate("/etc/systemd/system/y.service.d/other.conf")
    other.parent.mkdir(mode=0o700)
    other.write_text("third-party settings")
    install(host, UNIT, "rules")
    uninstall(host, UNIT)
    assert [path.name for path in other.parent.iterdir()] == ["other.conf"]
    assert read_mode(host, "/etc/systemd/system/y.service.d") == 0o700


def test_uninstall_removes_every_part(host):
    before = sorted(host.root.rglob("*"))
    install(host, UNIT, "rules")
    host.locate("/etc/x/.rules.left-over").write_text("")
    assert len(compare_parts(host, UNIT, None)) == 4
    host.commands.clear()
    uninstall(host, UNIT)
    assert host.commands == [("systemctl", "disable", "--now", "x.service"), ("systemctl", "daemon-reload")]
    assert sorted(host.root.rglob("*")) == before
    assert compare_parts(host, UNIT, None) == ()


@pytest.mark.parametrize("installed", [False, True])
def test_a_failed_install_restores_the_files(host, installed):
    if installed:
        install(host, UNIT, "rules")
        host.locate(UNIT.link).unlink()
    before = read_texts(host)
    host.failing_command = "start"
    with pytest.raises(HostError, match="start"):
        install(host, UNIT, "other")
    assert {path: text for path, text in read_texts(host).items() if ".wants/" not in path} == {
        path: text for path, text in before.items() if ".wants/" not in path
    }
    assert [read_mode(host, path) for path in (UNIT.file, UNIT.path) if installed] == [0o600, 0o644] * installed


def test_a_link_with_another_target_is_replaced(host):
    link = host.locate("/etc/systemd/system/sysinit.target.wants/x.service")
    link.parent.mkdir()
    link.symlink_to("/dev/null")
    install(host, UNIT, "rules")
    assert str(link.readlink()) == "/etc/systemd/system/x.service"


SOURCES = sorted((Path(__file__).parents[5] / "plugins" / "module_utils").rglob("*.py"))
# A limit for the whole rollback could end it before it is complete. Each of its commands has a limit instead.
WITHOUT_LIMIT = {"rollback.py"}


def test_every_unit_has_a_time_limit():
    """A oneshot unit has no time limit by default (systemd.service(5), TimeoutStartSec)."""
    units = [
        (path.name, part) for path in SOURCES for part in path.read_text().split("[Service]") if "Type=oneshot" in part
    ]
    limited = {name for name, text in units if "\nTimeoutStartSec=120\n" in text.partition("[Install]")[0]}
    assert limited == {"boot_unit.py"}
    assert {name for name, _text in units} - limited == WITHOUT_LIMIT
