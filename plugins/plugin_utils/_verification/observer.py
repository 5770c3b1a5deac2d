# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


"""The result of a probe without an answer, from the packet observer of the node."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.model import Node
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.outcomes import Outcome
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.probes import FILTERED, OPEN, SILENT, Probe

# By node, the observations of its kong_placeholder: marks of datagrams under `arrived`, `let_in`, `unheard` and `sent_on`, and
# by family the reason why it does not see all packets (`blind`).
Observers = Mapping[str, Mapping[str, Any]]


def judge(probe: Probe, met: Mapping[str, Any], node: Node, observer: Mapping[str, Any] | None) -> Outcome:
    """Return the outcome of a probe: the result of kong_probe or, if there was no answer, that of the observer.

    For a Kong in a container, a packet that the host forwards counts. Each probe has its own mark, so the packets of two
    callers stay distinct even if a NAT device changes their sources.
    """
    if met["result"] != SILENT:
        certificate, status = met.get("certificate"), met.get("status")
        return Outcome(probe, met["result"], met["detail"], certificate=certificate, status=status)
    if not observer:
        return Outcome(probe, SILENT, f"no answer, and {node.name} has no packet observer")
    mark, sent_on = met["mark"], () if node.published is None else observer["sent_on"]
    if mark in observer["let_in"] or mark in sent_on:
        return Outcome(probe, OPEN, f"no answer, but {node.name} accepted the packet", arrived=True)
    if mark in observer["unheard"]:
        return Outcome(
            probe, "refused", f"no answer; {node.name} accepted the packet, but no process listens", arrived=True
        )
    return _judge_blocked(probe, mark, observer)


def _judge_blocked(probe: Probe, mark: str, observer: Mapping[str, Any]) -> Outcome:
    """Return the outcome of a packet that the observer did not see accepted; unverified if it does not see all packets."""
    blind = observer["blind"].get("ipv6" if ":" in probe.dialled.address else "ipv4")
    if blind:
        return Outcome(
            probe, SILENT, f"no answer, and the observer of {probe.target} does not see all packets: {blind}"
        )
    if mark in observer["arrived"]:
        return Outcome(probe, FILTERED, f"the packet arrived at {probe.target}, which dropped it", arrived=True)
    return Outcome(probe, FILTERED, f"the packet did not arrive at {probe.target}", arrived=False)
