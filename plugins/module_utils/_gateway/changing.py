# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Outside addresses that may change: the addresses that their interfaces have now."""

from __future__ import annotations

import typing as t

from ansible_collections.gatehouse.kong.plugins.module_utils._gateway.model import Nat
from ansible_collections.gatehouse.kong.plugins.module_utils._host.addresses import list_interface_addresses
from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import Host


def list_present_addresses(host: Host, nat: Nat) -> t.Dict[str, t.Set[str]]:
    """Return the addresses of the same family that the interface of each changing outside address has now."""
    present = {
        name: host.call(list_interface_addresses, name) for name in sorted({name for _address, name in nat.interfaces})
    }
    return {
        outside: {address for address in present[name] if (":" in address) == (":" in outside)}
        for outside, name in nat.interfaces
    }
