# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Warnings about addresses that look like temporary IPv6 addresses in the facts of a host."""

from __future__ import annotations

from collections.abc import Sequence

from ansible_collections.gatehouse.kong.plugins.plugin_utils._findings import THIS_HOST, Finding
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.variables import (
    HostVariables,
    make_host_warning,
)

_LOOKS_TEMPORARY = "looks like a temporary IPv6 address (RFC 8981)"
_NO_TEMPORARY = "the sysctl net.ipv6.conf.INTERFACE.use_tempaddr=0"


def make_source_warning(variables: HostVariables, temporary: Sequence[str]) -> Finding:
    """Return the warning that connections of a host may come from addresses that look temporary in its facts."""
    message = (
        f"an address of the host {_LOOKS_TEMPORARY}, and connections of this host may have it as source. Rules allow it only "
        f"until it changes. Set kong_address to an address that stays, and {_NO_TEMPORARY} on the host"
    )
    finding = make_host_warning("address-temporary", variables.host, "kong_address", None, message)
    return finding.with_detail(f"has {', '.join(temporary)}")


def make_temporary_warning(host: str, variable: str, address: str, owner: str) -> Finding:
    """Return the warning that a variable of a host has an address that looks temporary in the facts of ``owner``."""
    message = (
        f"in the facts of {THIS_HOST if owner == host else owner} it {_LOOKS_TEMPORARY}, so it is right only until it changes. "
        f"Give an address that stays, and set {_NO_TEMPORARY} on that host"
    )
    return make_host_warning("address-temporary", host, variable, address, message)
