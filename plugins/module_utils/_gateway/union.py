# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The union of the current and the planned translations, which a gateway has while the nodes behind it change."""

from __future__ import annotations

from dataclasses import replace

from ansible_collections.gatehouse.kong.plugins.module_utils._gateway.model import (
    Forward,
    Nat,
    sort_addresses,
    sort_egress,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._host.networks import from_members
from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.union import unite


def unite_nats(live: Nat | None, want: Nat) -> Nat:
    """Return the translations of `want`, and all translations of `live` that do not contradict `want`.

    A forward in both allows the sources of both. A forward that leads elsewhere in `want`, and source NAT with another
    source, are as in `want`. A second union with `want` changes nothing.
    """
    if live is None:
        return want
    live = _follow_addresses(live, want)
    wanted = {forward.service: forward for forward in want.forwards}
    kept = [old for old in live.forwards if wanted.get(old.service, old).target == old.target]
    rules = unite(replace(live, forwards=tuple(kept)).ruleset, want.ruleset)
    allows = {allow.service: allow for allow in rules.allow}
    forwards = {old.service: old for old in kept}
    for new in want.forwards:
        forwards[new.service] = _with_callers(new, forwards.get(new.service))
    egress = {entry.inside: entry for entry in (*live.egress, *want.egress)}
    return Nat(
        tuple(replace(forwards[service], allow=allow) for service, allow in allows.items()),
        sort_egress(egress.values()),
        rules.sets,
        sort_addresses({*live.shared, *want.shared}),
        _unite_interfaces(live, want),
    )


def _follow_addresses(live: Nat, want: Nat) -> Nat:
    """Return the current translations with the planned address of each interface whose address has changed."""
    planned = {(name, ":" in address): address for address, name in want.interfaces}
    moved = {address: planned.get((name, ":" in address), address) for address, name in live.interfaces}

    def follow(forward: Forward) -> Forward:
        service = replace(forward.service, address=moved.get(forward.outside, forward.outside))
        return replace(forward, allow=replace(forward.allow, service=service))

    return replace(
        live,
        forwards=tuple(follow(forward) for forward in live.forwards),
        egress=tuple(replace(entry, outside=moved.get(entry.outside, entry.outside)) for entry in live.egress),
        interfaces=tuple((moved[address], name) for address, name in live.interfaces),
    )


def _unite_interfaces(live: Nat, want: Nat) -> tuple[tuple[str, str], ...]:
    """Return the interfaces of both. An address of `want` has an interface only if it has one in `want`."""
    planned = {*want.outside_addresses}
    found = {address: name for address, name in live.interfaces if address not in planned}
    found.update(want.interfaces)
    return tuple((address, found[address]) for address in sort_addresses(found))


def _with_callers(new: Forward, old: Forward | None) -> Forward:
    """Return a forward whose hairpin also has the callers of the old hairpin with the same source."""
    if old is None or new.hairpin is None or old.hairpin is None or new.hairpin.source != old.hairpin.source:
        return new
    callers = (new.hairpin.callers, old.hairpin.callers)
    members = {member for networks in callers for member in networks.members}
    return replace(new, hairpin=replace(new.hairpin, callers=from_members(new.family, members)))
