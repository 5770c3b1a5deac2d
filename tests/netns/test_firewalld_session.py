# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""iptables rules that third parties change while a reload of firewalld empties the tables, on a real kernel."""

from __future__ import annotations

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._backends.firewalld.session.iptables import (
    restore_tables,
    save_tables,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._backends.firewalld.session.iptables_events import (
    read_flushed,
    watch_tables,
)
from ansible_collections.gatehouse.kong.tests.netns.conftest import enter_namespace

FLUSH = "*filter\n-F\n-X\n-Z\nCOMMIT\n"
BEFORE = """\
*filter
:INPUT DROP [0:0]
:f2b - [0:0]
-A INPUT -m comment --comment "all bans" -j f2b
-A INPUT -s 192.0.2.1/32 -p tcp -m multiport --dports 80,443 -j REJECT --reject-with icmp-port-unreachable
-A f2b -s 192.0.2.2/32 -j DROP
-A f2b -s 192.0.2.3/32 -j DROP
COMMIT
"""
AFTER = """\
:INPUT DROP [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:f2b - [0:0]
-A INPUT -s 192.0.2.6/32 -j DROP
-A INPUT -s 192.0.2.5/32 -j DROP
-A INPUT -s 192.0.2.4/32 -j DROP
-A INPUT -m comment --comment "all bans" -j f2b
-A INPUT -s 192.0.2.1/32 -p tcp -m multiport --dports 80,443 -j REJECT --reject-with icmp-port-unreachable
-A f2b -s 192.0.2.3/32 -j DROP
"""


@pytest.mark.parametrize("program", ["iptables", "ip6tables"])
def test_bans_and_unbans_of_each_moment_of_a_reload_are_kept(lab, program):
    """The reload of firewalld empties the tables twice."""
    before, after = (
        text.replace("icmp-port", "icmp6-port").replace("192.0.2.", "2001:db8::").replace("/32", "/128")
        if program == "ip6tables"
        else text
        for text in (BEFORE, AFTER)
    )
    addresses = ["2001:db8::{}" if program == "ip6tables" else "192.0.2.{}"]

    def run(*words):
        lab.host.run(program, "--wait", *words)

    def add_ban(number):
        run("-I", "INPUT", "1", "-s", addresses[0].format(number), "-j", "DROP")

    lab.host.run(f"{program}-restore", stdin=before)
    with enter_namespace(lab.host.namespace), watch_tables() as read_events:
        saved = save_tables()
        add_ban(4)
        run("-D", "f2b", "-s", addresses[0].format(2), "-j", "DROP")
        lab.host.run(f"{program}-restore", "--noflush", stdin=FLUSH)
        add_ban(5)
        lab.host.run(f"{program}-restore", "--noflush", stdin=FLUSH)
        add_ban(6)
        restore_tables(read_flushed(saved, read_events()))
    lines = lab.host.run(f"{program}-save", "-t", "filter").splitlines()
    assert [line for line in lines if line.startswith((":", "-A"))] == after.splitlines()
