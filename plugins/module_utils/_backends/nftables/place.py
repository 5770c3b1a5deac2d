# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files and units of the early part in nftables."""

from __future__ import annotations

DIRECTORY = "/etc/gatehouse_kong"
FILE = f"{DIRECTORY}/ruleset.nft"
# The script that loads the late part on hosts that load their own chains with nft.
LATE_FILE = f"{DIRECTORY}/accept.sh"
# The rules of the late part at the end of a chain. They can be loaded in the same transaction as the chain.
APPENDED_FILE = f"{DIRECTORY}/accept.nft"
UNIT = "gatehouse-kong-firewall.service"
