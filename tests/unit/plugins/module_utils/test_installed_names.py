# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Names of units, links and files on a host.

The names are literals here. A test that imports a name from the code cannot show that systemd knows that name.
"""

from __future__ import annotations

import re

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._backends.iptables import boot as iptables_boot
from ansible_collections.gatehouse.kong.plugins.module_utils._backends.iptables import late_boot
from ansible_collections.gatehouse.kong.plugins.module_utils._backends.nftables import boot as nftables_boot
from ansible_collections.gatehouse.kong.plugins.module_utils._backends.nftables import place
from ansible_collections.gatehouse.kong.plugins.module_utils._gateway import table
from ansible_collections.gatehouse.kong.plugins.module_utils._host import paths
from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import Host
from ansible_collections.gatehouse.kong.plugins.module_utils._interception import interceptor
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service import capabilities
from ansible_collections.gatehouse.kong.plugins.module_utils._transaction import lock, rollback

SYSTEMD = "/etc/systemd/system"
LOADERS = "netfilter-persistent.service iptables.service ip6tables.service"


def make_nftables(host):
    return nftables_boot.make_boot_unit(host)


def make_iptables(_host):
    return iptables_boot.UNIT_PARTS


def make_iptables_late(_host):
    return late_boot.UNIT_PARTS


def make_interception(_host):
    return interceptor.UNIT_PARTS


def make_gateway(host):
    return table.make_boot_unit(host)


# The unit, its target, the units before it, its directory, the file that it loads, and the units with our drop-ins.
UNITS = [
    (
        make_nftables,
        "gatehouse-kong-firewall",
        "sysinit.target",
        "nftables.service",
        "/etc/gatehouse_kong",
        "/etc/gatehouse_kong/ruleset.nft",
        ["nftables.service"],
    ),
    (
        make_iptables,
        "gatehouse-kong-iptables",
        "sysinit.target",
        f"local-fs.target systemd-modules-load.service gatehouse-kong-rollback.service {LOADERS}",
        "/etc/gatehouse_kong_iptables",
        "/etc/gatehouse_kong_iptables/load.sh",
        ["netfilter-persistent.service", "iptables.service", "ip6tables.service"],
    ),
    (
        make_iptables_late,
        "gatehouse-kong-accept",
        "multi-user.target",
        f"gatehouse-kong-rollback.service {LOADERS} networking.service",
        "/etc/gatehouse_kong_accept",
        "/etc/gatehouse_kong_accept/accept.sh",
        ["iptables.service", "ip6tables.service"],
    ),
    (
        make_interception,
        "gatehouse-kong-transparent",
        "sysinit.target",
        f"local-fs.target systemd-modules-load.service nftables.service ufw.service {LOADERS}",
        "/etc/gatehouse_kong_transparent",
        "/etc/gatehouse_kong_transparent/load.sh",
        ["nftables.service", "netfilter-persistent.service"],
    ),
    (
        make_gateway,
        "gatehouse-kong-nat",
        "sysinit.target",
        "nftables.service",
        "/etc/gatehouse_kong_nat",
        "/etc/gatehouse_kong_nat/nat.nft",
        ["nftables.service"],
    ),
]


@pytest.mark.parametrize("row", UNITS, ids=[row[1] for row in UNITS])
def test_units_at_boot(row, tmp_path):
    make, name, target, after, directory, file, drop_ins = row
    unit = make(Host(tmp_path))
    assert unit.link == f"{SYSTEMD}/{target}.wants/{name}.service"
    assert list(unit.unit_files) == [
        f"{SYSTEMD}/{name}.service",
        *(f"{SYSTEMD}/{other}.d/{name}.conf" for other in drop_ins),
    ]
    assert (unit.directory, unit.file) == (directory, file)
    assert re.findall(r"^WantedBy=(.*)$", unit.text, re.MULTILINE) == [target]
    assert re.findall(r"^After=(.*)$", unit.text, re.MULTILINE) == [after]
    starts = re.findall(r"^ExecStart=(.*)$", unit.text, re.MULTILINE)
    assert [start.split()[-1] for start in starts] == [file]
    assert ("DefaultDependencies=no" in unit.text) is (target == "sysinit.target")


def test_files_of_the_firewall():
    assert (place.LATE_FILE, place.APPENDED_FILE) == ("/etc/gatehouse_kong/accept.sh", "/etc/gatehouse_kong/accept.nft")
    assert paths.FIREWALLD == "/etc/firewalld"
    assert (late_boot.PLUGIN, late_boot.SETS_PLUGIN) == (
        "/usr/share/netfilter-persistent/plugins.d/90-gatehouse-kong",
        "/usr/share/netfilter-persistent/plugins.d/05-gatehouse-kong",
    )


def test_files_of_other_parts():
    assert (rollback.NAME, rollback.STATE) == ("gatehouse-kong-rollback", "/var/lib/gatehouse_kong")
    assert (rollback.PENDING, rollback.PREVIOUS) == (
        "/var/lib/gatehouse_kong/pending",
        "/var/lib/gatehouse_kong/previous",
    )
    assert lock.LOCK == "/run/gatehouse_kong.lock"
    assert interceptor.STATE_FILE == "/etc/gatehouse_kong_transparent/state.json"
    assert table.STATE_FILE == "/etc/gatehouse_kong_nat/state.json"
    assert (table.AREA.name, table.AREA.state) == ("gatehouse-kong-nat-rollback", "/var/lib/gatehouse_kong_nat")
    assert capabilities.DROP_IN.format(unit="kong.service") == "/etc/systemd/system/kong.service.d/gatehouse-kong.conf"
