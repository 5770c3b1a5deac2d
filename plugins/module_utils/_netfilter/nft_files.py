# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The files of a host that nft loads at boot, and the tables that they define."""

from __future__ import annotations

import re

from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import Host

# The files that nftables.service of Debian and Red Hat loads, and files that these include.
_PATTERNS = ("etc/nftables.conf", "etc/sysconfig/nftables.conf", "etc/nftables/*.nft", "etc/nftables.d/*")
_TABLE = re.compile(r"^[ \t]*(?:(?:add|create)[ \t]+)?table[ \t]+(?:(ip6?|inet)[ \t]+)?([\w./\\-]+)", re.MULTILINE)


def list_nft_files(host: Host) -> tuple[str, ...]:
    """Return the paths of the host's files for nft."""
    root = host.locate("/")
    paths = (path for pattern in _PATTERNS for path in sorted(root.glob(pattern)) if path.is_file())
    return tuple(f"/{path.relative_to(root)}" for path in paths)


def find_tables_in_files(host: Host) -> frozenset[tuple[str, str]]:
    """Return the family and the name of each table that a file of the host defines."""
    texts = (host.read(path) or "" for path in list_nft_files(host))
    return frozenset((family or "ip", name) for text in texts for family, name in _TABLE.findall(text))
