# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


"""Names, priorities and the packet mark of our nftables and iptables rules, for all backends."""

from __future__ import annotations

TABLE = "gatehouse_kong"
CHAIN = "input"
PREROUTING = "prerouting"
# Chains on these hooks belong to a network interface.
INGRESS, EGRESS = "ingress", "egress"
# Base chains of iptables for packets to the host, with hook and priority (linux/netfilter_ipv4.h, iptables(8), "TABLES").
IPTABLES_BASES = {
    ("raw", "PREROUTING"): (PREROUTING, -300),
    ("mangle", "PREROUTING"): (PREROUTING, -150),
    ("nat", "PREROUTING"): (PREROUTING, -100),
    ("mangle", "INPUT"): (CHAIN, -150),
    ("filter", "INPUT"): (CHAIN, 0),
    ("security", "INPUT"): (CHAIN, 50),
    ("nat", "INPUT"): (CHAIN, 100),
}
# The chain for packets to published ports. The host has already translated their destination to a container.
FORWARD = "forward"
PUBLISHED = "published"
# Our chain precedes the host's own filter chains (priority filter, 0), so that they see the mark of our accept rules.
PRIORITY = -10
# This bit of the packet mark means "accepted by gatehouse.kong". The verdict accept ends only the current base chain
# (nft(8), "VERDICT STATEMENTS"), so a host whose own chains drop by default needs a rule that accepts the mark.
MARK = 0x10000000
MARK_MASK = 0xFFFFFFFF ^ MARK
# The comment of each rule of the late part.
LATE_COMMENT = "gatehouse.kong"
# The late rule on iptables and ufw: the text that iptables-save lists after the name of its chain (without quotes).
LATE_RULE = f"-m mark --mark {MARK:#x}/{MARK:#x} -m comment --comment {LATE_COMMENT} -j ACCEPT"
