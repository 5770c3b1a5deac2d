# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The source address of a host's connections by network, as the kernel chooses it."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from ansible_collections.gatehouse.kong.plugins.plugin_utils._address import (
    DEFAULT_ROUTE,
    Family,
    contains,
    find_common_length,
    find_network,
    is_private,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.attached import Attached

_SINGLE = ("/32", "/128")  # not a /32 of IPv6: no interface has it
_UNIQUE_LOCAL = "fc00::/7"


def make_source_table(
    family: Family, own: Collection[Attached], usable: Collection[str], default: str | None
) -> dict[str, str | None]:
    """Return the source by network from the attached and the usable addresses of a family; None if it is not known.

    Two interfaces in one network leave the source there unknown: the kernel uses the interface whose route has the lower metric
    or is older, not the interface of the default route (measured with Linux 6).
    """
    table: dict[str, str | None] = {}
    for item in own:
        if not item.network.endswith(_SINGLE):
            rival = item.primary and item.network in table
            table[item.network] = None if rival else table.get(item.network, item.address)
    chosen = next((item for item in own if item.address == default), None)
    if chosen and table.get(chosen.network, ""):
        table[chosen.network] = chosen.address
    if family == 6 and not (chosen and chosen.temporary):
        singles = _list_single_addresses(own, default)
        table |= {network: source for network, source in singles.items() if table[network]}
    if family == 6 and chosen:
        table = _list_rivals(own, chosen) | table
    return table | {DEFAULT_ROUTE[family]: next(iter(usable)) if len(usable) == 1 else default} if own else table


def _list_single_addresses(own: Collection[Attached], default: str | None) -> dict[str, str | None]:
    """Return the sources in the networks that contain a single IPv6 address; None if they are not known.

    In the network of a single IPv6 address, as DHCP gives it, the kernel connects from the address that is most similar
    to the dialled one (rule 8 of RFC 6724), unless it prefers temporary addresses (rule 7). The single address is it, but
    if it is not the source of the default route either, it may be deprecated, as a virtual address is.
    """
    single = [item.address for item in own if item.network.endswith("/128")]
    networks = {item.network for item in own if not item.network.endswith("/128")}
    within = {network: [each for each in single if contains(network, each)] for network in networks}
    return {network: default if found == [default] else None for network, found in within.items() if found}


def _list_rivals(own: Collection[Attached], chosen: Attached) -> dict[str, str | None]:
    """Return the networks behind the default route in which another address of its interface is the source.

    The kernel considers the addresses of the outgoing interface first (rule 5 of RFC 6724; measured with Linux 6). Among them
    a unique local address precedes a global address in fc00::/7 (rule 6), and otherwise the address that is most similar to the
    dialled one is chosen (rule 8), except between a temporary and a permanent address (rule 7).
    """
    found: dict[str, str | None] = {}
    for item, network in _find_rivals(own, chosen):
        is_certain = network not in found and not item.network.endswith("/128")
        found[network] = item.address if is_certain else None
    return found


def _find_rivals(own: Collection[Attached], chosen: Attached) -> Iterator[tuple[Attached, str]]:
    for item in own:
        if (
            item.interface != chosen.interface
            or contains(chosen.network, item.address)
            or contains(item.network, chosen.address)
        ):
            continue
        if is_private(item.address) != is_private(chosen.address):
            # A global address that is not the source of the default route is deprecated.
            if is_private(item.address):
                yield item, _UNIQUE_LOCAL
        elif item.temporary == chosen.temporary:
            length = find_common_length(item.address, chosen.address)
            yield item, find_network(item.address, length + 1)
