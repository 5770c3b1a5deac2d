# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


"""What is ours among the nftables tables of a host, for the backend that writes it and for those that meet it."""

from __future__ import annotations

TABLE = "gatehouse_kong"
CHAIN = "input"
PREROUTING = "prerouting"
# Hooks of one network interface each.
INGRESS, EGRESS = "ingress", "egress"
# Base chains of iptables on the way to the host, with hook and priority (linux/netfilter_ipv4.h, iptables(8), "TABLES").
IPTABLES_BASES = {
    ("raw", "PREROUTING"): (PREROUTING, -300),
    ("mangle", "PREROUTING"): (PREROUTING, -150),
    ("nat", "PREROUTING"): (PREROUTING, -100),
    ("mangle", "INPUT"): (CHAIN, -150),
    ("filter", "INPUT"): (CHAIN, 0),
    ("security", "INPUT"): (CHAIN, 50),
    ("nat", "INPUT"): (CHAIN, 100),
}
# Packets to published ports, which the host's own translation has given the address of a container by then.
FORWARD = "forward"
PUBLISHED = "published"
# Before the host's own filter chains (priority filter, 0), so that they see the mark our accepts leave.
PRIORITY = -10
# One bit of the packet mark says "accepted by gatehouse.kong": accept ends only our own chain (nft(8), "VERDICT
# STATEMENTS"), so a host whose own chains drop by default accepts the mark in one line of theirs.
MARK = 0x10000000
MARK_MASK = 0xFFFFFFFF ^ MARK
# The comment of each rule of the late part.
LATE_COMMENT = "gatehouse.kong"
# The late part on iptables and ufw, as iptables-save lists it behind the name of its chain (without quotes).
LATE_RULE = f"-m mark --mark {MARK:#x}/{MARK:#x} -m comment --comment {LATE_COMMENT} -j ACCEPT"
