# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Hosts that cannot be gateways. tests/netns has the rules that conflict with the translations of a gateway."""

from __future__ import annotations

import re

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._gateway import conflicts
from ansible_collections.gatehouse.kong.plugins.module_utils._gateway.conflicts import refuse_host
from ansible_collections.gatehouse.kong.plugins.module_utils._gateway.model import nat_from_data
from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import Host, HostError
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter import nft_tables
from ansible_collections.gatehouse.kong.tests.unit.plugins.module_utils._gateway.nats import (
    ALL,
    make_nat,
)

PROGRAMS = {"ufw", "firewall-cmd", "iptables", "iptables-legacy-save"}
FIREWALLD_RUNS = "/run/systemd/units/invocation:firewalld.service"


class FakeHost(Host):
    """A host with files below a temporary folder, programs, and rules of iptables-legacy."""

    legacy = ""

    def which(self, program):
        return f"/progs/{program}" if program in PROGRAMS else None

    def run(self, *argv, stdin="", **limits):
        return self.legacy if argv == ("iptables-legacy-save",) else "iptables v1.8.9 (nf_tables)\n"


@pytest.fixture
def host(tmp_path, monkeypatch):
    made = FakeHost(tmp_path)
    made.settings = {"/proc/sys/net/ipv4/ip_forward": "1", "/proc/sys/net/ipv6/conf/all/forwarding": "1"}
    monkeypatch.setattr(conflicts, "_read_value", lambda path: made.settings.get(path, ""))
    monkeypatch.setattr(nft_tables, "has_iptables_nft", lambda: False)
    return made


def test_a_host_that_forwards(host):
    refuse_host(host, nat_from_data(*ALL))


@pytest.mark.parametrize(
    ("name", "path", "value"),
    [
        ("net.ipv4.ip_forward", "/proc/sys/net/ipv4/ip_forward", "0"),
        ("net.ipv6.conf.all.forwarding", "/proc/sys/net/ipv6/conf/all/forwarding", "0"),
        ("net.ipv6.conf.all.forwarding", "/proc/sys/net/ipv6/conf/all/forwarding", ""),
    ],
)
def test_each_family_must_be_forwarded(host, name, path, value):
    host.settings[path] = value
    with pytest.raises(HostError, match=rf"^{re.escape(name)} is not 1, so this host forwards no packet. Set it to 1"):
        refuse_host(host, nat_from_data(*ALL))
    if "ipv6" in path:
        refuse_host(host, make_nat())


def test_ufw_is_supported(host):
    host.write("/etc/ufw/ufw.conf", "ENABLED=yes\n", 0o644)
    refuse_host(host, make_nat())


@pytest.mark.parametrize(
    ("line", "refused"),
    [
        ("StrictForwardPorts=yes", True),
        (" strictforwardports = True ", True),
        ("StrictForwardPorts=no", False),
        ("#StrictForwardPorts=yes", False),
        (None, False),
    ],
)
def test_firewalld_that_rejects_forwards_of_others_is_refused(host, line, refused):
    host.locate(FIREWALLD_RUNS).parent.mkdir(parents=True)
    host.locate(FIREWALLD_RUNS).symlink_to("x")
    if line is not None:
        host.write("/etc/firewalld/firewalld.conf", f"DefaultZone=public\n{line}\n", 0o644)
    if not refused:
        refuse_host(host, make_nat())
        return
    with pytest.raises(HostError, match=r"^/etc/firewalld/firewalld.conf has StrictForwardPorts=yes"):
        refuse_host(host, make_nat())


@pytest.mark.parametrize(
    ("rules", "refused"),
    [
        ("*filter\n:FORWARD DROP [0:0]\nCOMMIT\n", True),
        ("*filter\n:FORWARD ACCEPT [0:0]\n-A FORWARD -j DROP\nCOMMIT\n", True),
        ("*filter\n:FORWARD ACCEPT [0:0]\n-A INPUT -j DROP\nCOMMIT\n", False),
    ],
)
def test_rules_of_iptables_legacy_for_forwarded_packets_are_refused(host, rules, refused):
    host.legacy = rules
    host.write("/proc/net/ip_tables_names", "filter\n", 0o644)
    if not refused:
        refuse_host(host, make_nat())
        return
    with pytest.raises(HostError, match=r"^iptables-legacy has rules in FORWARD"):
        refuse_host(host, make_nat())
