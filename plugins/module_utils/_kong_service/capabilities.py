# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Gives Kong's unit the capabilities for its ports in a drop-in, if systemd does not start Kong as root.

Kong's own units run as root and need no drop-in. Sources: capabilities(7); ip_unprivileged_port_start in the kernel's
ip-sysctl; systemd.exec(5). nginx and Serf inherit ambient capabilities.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import Host

BIND, RAW = "CAP_NET_BIND_SERVICE", "CAP_NET_RAW"
DROP_IN = "/etc/systemd/system/{unit}.d/gatehouse-kong.conf"
ROOT = ("", "root", "0")  # the property User of a unit that runs as root

_FIRST_FREE = "/proc/sys/net/ipv4/ip_unprivileged_port_start"
_HEAD = "# Written by gatehouse.kong, and removed when no listener of Kong needs it.\n[Service]\n"


@dataclass(frozen=True)
class Port:
    """A port that Kong listens on, with the flags of its listener."""

    number: int
    flags: tuple[str, ...] = ()


def find_capabilities(ports: Iterable[Port], user: str, first_free: int) -> tuple[str, ...]:
    """Return the capabilities that a user needs to open ports; none for root.

    Any user may open ports from `first_free`.
    """
    listed = list(ports)
    if user in ROOT:
        return ()
    low = any(port.number < first_free for port in listed)
    transparent = any("transparent" in port.flags for port in listed)
    return tuple(name for name, needs in ((BIND, low), (RAW, transparent)) if needs)


def render_drop_in(capabilities: tuple[str, ...], bounding: Iterable[str], before: str) -> str:
    """Return the text of the drop-in, empty if the unit needs none.

    `bounding` is the unit's bounding set, including the capabilities that the previous text `before` of the drop-in adds.
    An unlimited unit stays unlimited, because the first CapabilityBoundingSet= would limit the unit to that value.
    """
    if not capabilities:
        return ""
    limited = {name.upper() for name in bounding}
    missing = [name for name in capabilities if name not in limited or f"CapabilityBoundingSet={name}" in before]
    lines = [f"AmbientCapabilities={name}" for name in capabilities]
    lines += [f"CapabilityBoundingSet={name}" for name in missing]
    return _HEAD + "".join(f"{line}\n" for line in lines)


def grant(host: Host, unit: str, ports: Iterable[Port]) -> str | None:
    """Write the drop-in that a unit needs for its ports, or remove it. Raises HostError.

    Returns the previous text of a changed drop-in, empty if it is new; the unit has to be restarted then. Returns None if
    the drop-in is unchanged.
    """
    before = host.read(DROP_IN.format(unit=unit)) or ""
    shown = host.run("systemctl", "show", unit, "--property=User", "--property=CapabilityBoundingSet")
    properties = dict(line.partition("=")[::2] for line in shown.splitlines())
    first_free = int(host.read(_FIRST_FREE) or 1024)
    wanted = find_capabilities(ports, properties.get("User", ""), first_free)
    after = render_drop_in(wanted, properties.get("CapabilityBoundingSet", "").split(), before)
    if after == before:
        return None
    write_drop_in(host, unit, after)
    return before


def write_drop_in(host: Host, unit: str, text: str) -> None:
    """Write the drop-in of a unit, or remove it for an empty text. Raises HostError."""
    path = DROP_IN.format(unit=unit)
    if text:
        host.write(path, text, 0o644)
    else:
        host.remove((path,))
        host.remove_empty((path.rpartition("/")[0],))
    host.run("systemctl", "daemon-reload")
