# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The script that a lab container runs at every boot: addresses, routes, and the NAT of a router.

It is a file in the container, so a reboot restores the same network.
"""

from __future__ import annotations

import ipaddress

from _topology import Forward, Host, Topology


def render_script(host: Host, topology: Topology) -> str:
    """Return the text of a POSIX shell script, which can run again."""
    lines = ["set -eu", *(_add_address(device, address) for device in host.more for address in host.more[device])]
    lines += [_add_route("default", gateway) for gateway in host.gateways]
    lines += [_add_route(destination, gateway) for destination, gateway in host.routes.items()]
    if host.is_router:
        lines += ["nft -f - <<'RULES'", *_render_ruleset(host, topology), "RULES"]
    return "\n".join(lines) + "\n"


def _add_address(device: str, address: str) -> str:
    nodad = " nodad" if ":" in address else ""
    return f"ip address replace {address} dev {device}{nodad}"


def _add_route(destination: str, gateway: str) -> str:
    return f"ip -{ipaddress.ip_address(gateway).version} route replace {destination} via {gateway}"


def _render_ruleset(host: Host, topology: Topology) -> list[str]:
    return [
        "table inet gatehouse_lab",
        "delete table inet gatehouse_lab",
        "table inet gatehouse_lab {",
        # Like a real NAT device: outside hosts reach inside hosts only through a port forward.
        "  chain forward {",
        "    type filter hook forward priority filter; policy drop;",
        "    ct state established,related accept",
        "    ct status dnat accept",
        *(f'    iifname "{masked.inside}" oifname "{masked.outside}" accept' for masked in host.masquerades),
        "  }",
        "  chain prerouting {",
        "    type nat hook prerouting priority dstnat;",
        *(f"    {rule}" for forward in host.forwards for rule in _render_dnat(forward, topology)),
        "  }",
        "  chain postrouting {",
        "    type nat hook postrouting priority srcnat;",
        *(f'    iifname "{masked.inside}" oifname "{masked.outside}" masquerade' for masked in host.masquerades),
        *(f"    {rule}" for rule in _render_hairpin(host)),
        "  }",
        "}",
    ]


def _render_dnat(forward: Forward, topology: Topology) -> list[str]:
    arrives = ", ".join(f'"{name}"' for name in (topology.find_network(forward.outside), *forward.hairpin))
    family = "ip6" if ":" in forward.outside else "ip"
    inside = f"[{forward.inside}]" if family == "ip6" else forward.inside
    return [
        f"iifname {{ {arrives} }} {family} daddr {forward.outside} {protocol} dport {forward.outside_port} "
        f"dnat {family} to {inside}:{forward.inside_port}"
        for protocol in forward.protocols
    ]


def _render_hairpin(host: Host) -> list[str]:
    """Return the rules of hairpin NAT. Without them a server of the same network answers from another address."""
    networks = sorted({network for forward in host.forwards for network in forward.hairpin})
    return [f'iifname "{name}" oifname "{name}" ct status dnat masquerade' for name in networks]
