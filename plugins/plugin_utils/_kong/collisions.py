# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Collisions: two listeners of a node on one address and port. Kong does not check this, and nginx checks it in part.

Measured with nginx 1.22: a wildcard and an address of its family share one socket, unless the address has an option of its
own. ``ipv6only=off`` never shares. ``reuseport`` on both always works. In two HTTP servers the destination address selects the
server. That is a collision too: a NAT device that changes this address would decide who reaches the Admin API.
"""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.listen import (
    ListenEntry,
    classify_address,
    has_own_socket,
    render_entry,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.listen_address import ANY_IPV4
from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.model import LOCALHOST, Listener

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_LOOPBACK = ("127.0.0.1", "::1")


def find_collisions(listeners: Iterable[Listener]) -> Iterator[tuple[str, Listener, Listener]]:
    """Yield the code of a finding and the two listeners for each pair that cannot be open together."""
    by_port: dict[int, list[Listener]] = {}
    for listener in listeners:
        by_port.setdefault(listener.port, []).append(listener)
    for group in by_port.values():
        for first, second in combinations(group, 2):
            code = _choose_code(first, second) if set(first.protocols) & set(second.protocols) else ""
            if code:
                yield code, first, second


def find_sharing(listener: Listener, listeners: Iterable[Listener]) -> Listener | None:
    """Return the wildcard listener whose socket nginx uses for this listener, instead of binding its address."""
    if listener.bound is None or listener.container_port or has_own_socket(listener.flags):
        return None
    same_port = (other for other in listeners if (other.name, other.port) == (listener.name, listener.port))
    return next((other for other in same_port if other.is_wildcard and _is_overlap(listener, other)), None)


def describe(listener: Listener) -> str:
    """Return a listener as text: ``admin_listen 127.0.0.1:8001``."""
    return f"{listener.setting} {render_entry(ListenEntry(listener.address, listener.port))}"


def _choose_code(first: Listener, second: Listener) -> str:
    if not _is_overlap(first, second):
        return ""
    if first.name != second.name:
        return "listen-collision"
    if not (first.is_wildcard or second.is_wildcard) or _format_address(first) == _format_address(second):
        return "listen-duplicate"
    return "" if _is_shared_by_nginx(first, second) else "listen-collision"


def _is_overlap(first: Listener, second: Listener) -> bool:
    if _format_address(first) == _format_address(second):
        return True
    if first.is_wildcard or second.is_wildcard:
        return bool(set(first.families) & set(second.families))
    pair = {_format_address(first), _format_address(second)}
    return LOCALHOST in pair and not pair.isdisjoint(_LOOPBACK)


def _format_address(listener: Listener) -> str:
    return ANY_IPV4 if listener.address == "*" else listener.address.lower()


def _is_shared_by_nginx(first: Listener, second: Listener) -> bool:
    if "reuseport" in first.flags and "reuseport" in second.flags:
        return True
    wildcard, other = (first, second) if first.is_wildcard else (second, first)
    dual_stack = wildcard.families == (4, 6) and classify_address(other.address) != "ipv6"
    return not (other.is_wildcard or dual_stack or has_own_socket(other.flags))
