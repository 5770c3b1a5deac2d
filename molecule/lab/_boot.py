# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The script that a lab container runs at every boot: addresses and routes.

It is a file in the container, so a reboot restores the same network.
"""

from __future__ import annotations

import ipaddress

from _topology import Host


def render_script(host: Host) -> str:
    """Return the text of a POSIX shell script, which can run again."""
    lines = ["set -eu", *(_add_address(device, address) for device in host.more for address in host.more[device])]
    lines += [_add_route("default", gateway) for gateway in host.gateways]
    lines += [_add_route(destination, gateway) for destination, gateway in host.routes.items()]
    return "\n".join(lines) + "\n"


def _add_address(device: str, address: str) -> str:
    nodad = " nodad" if ":" in address else ""
    return f"ip address replace {address} dev {device}{nodad}"


def _add_route(destination: str, gateway: str) -> str:
    return f"ip -{ipaddress.ip_address(gateway).version} route replace {destination} via {gateway}"
