# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a Kong that systemd does not start as root needs for its ports, in a drop-in of ours for its unit.

Kong's own units run as root and need nothing. Sources: capabilities(7); ip_unprivileged_port_start in the kernel's
ip-sysctl; systemd.exec(5). nginx, and Serf with it, inherit ambient capabilities.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import Host

BIND, RAW = "CAP_NET_BIND_SERVICE", "CAP_NET_RAW"
DROP_IN = "/etc/systemd/system/{unit}.d/gatehouse-kong.conf"
ROOT = ("", "root", "0")  # what systemd says of a unit without another user

_FIRST_FREE = "/proc/sys/net/ipv4/ip_unprivileged_port_start"
_HEAD = "# Written by gatehouse.kong, and removed when no listener of Kong's needs it.\n[Service]\n"


@dataclass(frozen=True)
class Port:
    """A port that Kong listens on, with the flags of its listener."""

    number: int
    flags: tuple[str, ...] = ()


def needed(ports: Iterable[Port], user: str, first_free: int) -> tuple[str, ...]:
    """The capabilities that a user needs to open ports; none for root. `first_free` is the first port that is anybody's."""
    listed = list(ports)
    if user in ROOT:
        return ()
    low = any(port.number < first_free for port in listed)
    transparent = any("transparent" in port.flags for port in listed)
    return tuple(name for name, needs in ((BIND, low), (RAW, transparent)) if needs)


def drop_in(capabilities: tuple[str, ...], bounding: Iterable[str], before: str) -> str:
    """The text of the drop-in, empty where none is needed.

    `bounding` is the unit's bounding set, with what the text `before` of the drop-in adds to it. A unit that is not bounded
    must not be: the first value given would be all it has.
    """
    if not capabilities:
        return ""
    limited = {name.upper() for name in bounding}
    missing = [name for name in capabilities if name not in limited or f"CapabilityBoundingSet={name}" in before]
    lines = [f"AmbientCapabilities={name}" for name in capabilities]
    lines += [f"CapabilityBoundingSet={name}" for name in missing]
    return _HEAD + "".join(f"{line}\n" for line in lines)


def grant(host: Host, unit: str, ports: Iterable[Port]) -> str | None:
    """Make the drop-in of a unit what its ports need.

    Returns its text before, empty where there was none, if that changed it: the unit has to be restarted then. None if not.
    Raises HostError.
    """
    before = host.read(DROP_IN.format(unit=unit)) or ""
    shown = host.run("systemctl", "show", unit, "--property=User", "--property=CapabilityBoundingSet")
    properties = dict(line.partition("=")[::2] for line in shown.splitlines())
    first_free = int(host.read(_FIRST_FREE) or 1024)
    wanted = needed(ports, properties.get("User", ""), first_free)
    after = drop_in(wanted, properties.get("CapabilityBoundingSet", "").split(), before)
    if after == before:
        return None
    put(host, unit, after)
    return before


def put(host: Host, unit: str, text: str) -> None:
    """Give a unit this drop-in, or none where the text is empty. Raises HostError."""
    path = DROP_IN.format(unit=unit)
    if text:
        host.write(path, text, 0o644)
    else:
        host.remove((path,))
        host.remove_empty((path.rpartition("/")[0],))
    host.run("systemctl", "daemon-reload")
