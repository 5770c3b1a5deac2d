# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import Host
from ansible_collections.gatehouse.kong.plugins.module_utils._host.services import is_enabled
from ansible_collections.gatehouse.kong.plugins.module_utils._host.units import Units

ETC = "etc/systemd/system"
FILE = "usr/lib/systemd/system/ufw.service"
LINK = "../ufw.service"


@pytest.fixture
def host(tmp_path):
    """Host with the package of ufw, whose unit no link enables."""
    write(tmp_path / FILE)
    return Host(tmp_path)


def write(path, text="[Service]\n"):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def link(host, path, target=LINK):
    where = host.locate(f"/{path}")
    where.parent.mkdir(parents=True, exist_ok=True)
    where.symlink_to(target)


@pytest.mark.parametrize(
    ("path", "enabled"),
    [
        (f"{ETC}/multi-user.target.wants/ufw.service", True),
        (f"{ETC}/docker.service.wants/ufw.service", True),
        (f"{ETC}/basic.target.requires/ufw.service", True),
        (f"{ETC}/basic.target.upholds/ufw.service", True),
        ("usr/lib/systemd/system/sysinit.target.wants/ufw.service", True),
        ("lib/systemd/system/sysinit.target.wants/ufw.service", True),
        ("usr/local/lib/systemd/system/sysinit.target.wants/ufw.service", True),
        ("run/systemd/system/sysinit.target.wants/ufw.service", True),
        ("run/systemd/generator/multi-user.target.requires/ufw.service", True),
        ("etc/systemd/system.control/multi-user.target.wants/ufw.service", True),
        ("run/systemd/transient/multi-user.target.wants/ufw.service", False),
        (f"{ETC}/rescue.target.wants/ufw.service", False),
        (f"{ETC}/multi-user.target.wants/ufw2.service", False),
        (f"{ETC}/multi-user.target.d/ufw.service", False),
        (f"{ETC}/ufw2.service", False),
    ],
)
def test_the_links_that_enable_a_service(host, path, enabled):
    assert not is_enabled(Units(host), "ufw")
    link(host, path)
    assert is_enabled(Units(host), "ufw") is enabled


@pytest.mark.parametrize("folder", [ETC, "run/systemd/system", "etc/systemd/system.control"])
def test_a_masked_service_is_not_enabled(host, folder):
    link(host, f"{ETC}/multi-user.target.wants/ufw.service")
    link(host, f"{folder}/ufw.service", "/dev/null")
    assert not is_enabled(Units(host), "ufw")


def test_a_service_without_a_unit_file_is_not_enabled(host):
    """The link of a removed package remains."""
    link(host, f"{ETC}/multi-user.target.wants/ufw.service")
    host.locate(f"/{FILE}").unlink()
    assert not is_enabled(Units(host), "ufw")


@pytest.mark.parametrize("setting, enabled", [("Wants", True), ("Requires", True), ("After", False), ("PartOf", False)])
def test_a_service_that_another_unit_starts(host, setting, enabled):
    write(host.locate(f"/{ETC}/own.service"), f"[Unit]\n{setting}=ufw.service\n")
    assert not is_enabled(Units(host), "ufw")
    link(host, f"{ETC}/multi-user.target.wants/own.service")
    assert is_enabled(Units(host), "ufw") is enabled


def test_a_service_that_is_enabled_with_another_name(host):
    link(host, f"{ETC}/own.service", host.locate(f"/{FILE}"))
    assert not is_enabled(Units(host), "ufw")
    link(host, f"{ETC}/multi-user.target.wants/own.service", "../own.service")
    assert is_enabled(Units(host), "ufw")


def test_another_service_with_the_name_of_the_service_is_not_enabled(host):
    """netfilter-persistent.service of Debian also has the names iptables.service and ip6tables.service."""
    persistent = "usr/lib/systemd/system/netfilter-persistent.service"
    write(host.locate(f"/{persistent}"))
    link(host, f"{ETC}/iptables.service", host.locate(f"/{persistent}"))
    link(host, f"{ETC}/multi-user.target.wants/netfilter-persistent.service", "../any.service")
    assert is_enabled(Units(host), "netfilter-persistent")
    assert not is_enabled(Units(host), "iptables")
