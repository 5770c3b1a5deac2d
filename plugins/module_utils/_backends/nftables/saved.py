# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Our rules in files that third parties saved, for example with `nft list ruleset > /etc/nftables.conf`.

The host would load such a copy of an earlier ruleset at boot, even after our rules were removed.
"""

from __future__ import annotations

import re

from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import Host
from ansible_collections.gatehouse.kong.plugins.module_utils._host.third_party_files import select_files_to_change
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.names import LATE_COMMENT, TABLE
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.nft_files import list_nft_files

# In the format of nft, a closing brace in the first column ends a table.
_TABLE = re.compile(rf"^table inet {TABLE}(?:_transparent|_nat)? \{{[^}}\n]*\n.*?^\}}\n?", re.MULTILINE | re.DOTALL)
_LATE_RULE = re.compile(rf'^[ \t]*meta mark & \S+ == \S+ accept comment "{re.escape(LATE_COMMENT)}".*\n?', re.MULTILINE)


def without_ours(text: str) -> str:
    """Return the text of a file for nft without our tables and the rules of the late part. All other bytes are kept."""
    return _LATE_RULE.sub("", _TABLE.sub("", text))


def find_files_with_our_rules(host: Host) -> tuple[str, ...]:
    """Return the paths of the host's files for nft that contain our rules."""
    return select_files_to_change(host, list_nft_files(host), without_ours)
