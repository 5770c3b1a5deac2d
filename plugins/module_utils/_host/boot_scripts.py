# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Scripts of a host that run at boot, or when an interface is brought up. They can load firewall rules after our units."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import Host

# ifup(8) runs these commands and scripts each time it brings up an interface.
IFUPDOWN = ("etc/network/interfaces", "etc/network/interfaces.d/*", "etc/network/if-*.d/*")
# rc-local.service runs this script at boot.
RC_LOCAL = ("etc/rc.local", "etc/rc.d/rc.local")
SCRIPTS = (*IFUPDOWN, "etc/NetworkManager/dispatcher.d/*", "etc/networkd-dispatcher/*/*", *RC_LOCAL)
UNITS = ("etc/systemd/system/*.service",)


def read_scripts(host: Host, patterns: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield the path and the text of each file that matches one of the patterns of paths."""
    root = host.locate("/")
    for path in (path for pattern in patterns for path in sorted(root.glob(pattern)) if path.is_file()):
        yield f"/{path.relative_to(root)}", path.read_text(encoding="utf-8", errors="replace")
