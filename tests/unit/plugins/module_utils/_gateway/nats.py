# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Translations of gateways for the tests."""

from __future__ import annotations

from ansible_collections.gatehouse.kong.plugins.module_utils._gateway.model import nat_from_data

# The worked example of docs/design.md, section 4, over tcp.
SEED = {
    "listener": "cluster",
    "protocol": "tcp",
    "outside": "192.168.10.5",
    "outside_port": 9000,
    "inside": "192.168.23.45",
    "inside_port": 80,
    "sources": ["peers"],
    "hairpin": {"callers": ["192.168.23.45/32"], "source": "192.168.23.254"},
}
EGRESS = {"inside": "192.168.23.45", "outside": "192.168.10.5"}
SETS = {"peers": {"ipv4": ["192.168.10.11/32", "192.168.10.12/32"], "ipv6": ["2001:db8::/64"]}}
PROXY = {**SEED, "listener": "proxy", "outside_port": 80, "inside_port": 8000, "sources": "any", "hairpin": None}
OVER_IPV6 = {
    **SEED,
    "protocol": "udp",
    "outside": "2001:db8::5",
    "inside": "fd00::45",
    "hairpin": {"callers": ["fd00::45/128"], "source": "fd00::254"},
}
ALL = ([SEED, {**SEED, "protocol": "udp"}, PROXY, OVER_IPV6], [EGRESS], SETS)
INTERFACES = {"192.168.10.5": "wan0", "2001:db8::5": "wan0"}


def make_nat(**changes):
    """Return the worked example with changes of its forward."""
    return nat_from_data([{**SEED, **changes}], [EGRESS], SETS)
