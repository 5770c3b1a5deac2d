# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files and units of the early part in nftables."""

from __future__ import annotations

DIRECTORY = "/etc/gatehouse_kong"
FILE = f"{DIRECTORY}/ruleset.nft"
# Loads the late part on hosts whose own chains are loaded by nft.
LATE_FILE = f"{DIRECTORY}/accept.sh"
# The rules of the late part at the end of a chain: they can be loaded in one transaction with the chain itself.
APPENDED_FILE = f"{DIRECTORY}/accept.nft"
UNIT = "gatehouse-kong-firewall.service"
