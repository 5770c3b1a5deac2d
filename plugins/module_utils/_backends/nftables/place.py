# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the nftables backend keeps a ruleset: its table, its boot file and its unit."""

from __future__ import annotations

from dataclasses import dataclass

from ansible_collections.gatehouse.kong.plugins.module_utils._host.boot_unit import BootUnit
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.names import TABLE


@dataclass(frozen=True)
class Place:
    """Where a ruleset stands: its table, the folder of its boot file and the unit that loads it.

    With `forwarded` it is for published ports alone, and for packets that the host forwards.
    """

    table: str
    directory: str
    unit: str
    forwarded: bool = False

    @property
    def file(self) -> str:
        """The boot file."""
        return f"{self.directory}/ruleset.nft"

    def boot_unit(self, text: str = "", drop_in: str = "") -> BootUnit:
        """The unit with its parts; without the texts it still tells where they are."""
        drop_ins = (("nftables.service", drop_in),)
        return BootUnit(self.unit, text, ("sysinit.target",), drop_ins, self.directory, self.file)


WHOLE = Place(TABLE, "/etc/gatehouse_kong", "gatehouse-kong-firewall.service")
BESIDE = Place(f"{TABLE}_published", "/etc/gatehouse_kong_published", "gatehouse-kong-published.service", True)
