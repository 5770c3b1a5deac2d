# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


"""What a probe met that nobody answered, by what the node itself saw of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.model import Node
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.outcomes import Outcome
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.probes import FILTERED, OPEN, SILENT, Probe

# By node what its kong_placeholder saw: marks of datagrams under `arrived`, `let_in`, `unheard` and `sent_on`, and by family
# why it does not see everything (`blind`).
Observers = Mapping[str, Mapping[str, Any]]


def outcome_of(probe: Probe, met: Mapping[str, Any], node: Node, observer: Mapping[str, Any] | None) -> Outcome:
    """Return what a probe met: what kong_probe says, and where nobody answered what the node saw of it.

    A Kong in a container is reached by what the host sends on. Each probe has a mark of its own, so nobody's packet is
    taken for another's, whatever a NAT device makes of its source.
    """
    if met["seen"] != SILENT:
        certificate, status = met.get("certificate"), met.get("status")
        return Outcome(probe, met["seen"], met["detail"], certificate=certificate, status=status)
    if not observer:
        return Outcome(probe, SILENT, f"no answer, and nobody watched on {node.name}")
    mark, sent_on = met["mark"], () if node.published is None else observer["sent_on"]
    if mark in observer["let_in"] or mark in sent_on:
        return Outcome(probe, OPEN, f"no answer, but {node.name} let it in", arrived=True)
    if mark in observer["unheard"]:
        return Outcome(probe, "refused", f"no answer; {node.name} let it in, where nobody listens", arrived=True)
    return _not_let_in(probe, mark, observer)


def _not_let_in(probe: Probe, mark: str, observer: Mapping[str, Any]) -> Outcome:
    """What was not seen to be let in was not, where the node sees everything."""
    blind = observer["blind"].get("ipv6" if ":" in probe.dialled.address else "ipv4")
    if blind:
        return Outcome(probe, SILENT, f"no answer, and {probe.target} does not see all that comes: {blind}")
    if mark in observer["arrived"]:
        return Outcome(probe, FILTERED, f"it came to {probe.target}, which did not let it in", arrived=True)
    return Outcome(probe, FILTERED, f"it did not come to {probe.target}", arrived=False)
