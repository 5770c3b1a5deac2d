# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A sample of the probes of a large fleet: every listener once from an allowed host and once from another host.

The choice depends on names only and not on chance. So the next run has the same probes, and a change of the results is a
change of the fleet.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from typing import Any

from ansible_collections.gatehouse.kong.plugins.plugin_utils._address import find_family
from ansible_collections.gatehouse.kong.plugins.plugin_utils._fleet.callers import classify
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.model import Host
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.queries import get_host
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.probes import (
    OPEN,
    Probe,
    Target,
    list_callers,
    list_probes_to,
    list_targets,
)

_Port = tuple[str, str, int, str, int]  # listener, its address, port, protocol, family


def choose_sample(plan: Mapping[str, Any], pairs: int) -> dict[str, list[Probe]]:
    """Return the chosen probes by caller. If there are at most `pairs` probes, all are chosen.

    Every listener of every node is tested at least once from an allowed host, and once from a host that is not allowed, if
    such hosts exist, even if that takes more than `pairs`. A larger number only adds probes.
    """
    hosts = [get_host(plan, name) for name in list_callers(plan)]
    ranked = [(target, _rank(target, hosts)) for target in list_targets(plan)]
    chosen = {probe: None for target, order in ranked for probe in _list_required(target, order)}
    for probe in _take_in_turn(ranked):
        if len(chosen) >= pairs:
            break
        chosen[probe] = None
    found: dict[str, list[Probe]] = {host.name: [] for host in hosts}
    for probe in chosen:
        found[probe.caller].append(probe)
    return {name: sorted(probes, key=lambda probe: probe.name) for name, probes in found.items()}


def _rank(target: Target, hosts: Sequence[Host]) -> list[Host]:
    """Return the callers of a node in an order that differs between nodes, so that each caller is first for some nodes."""
    return sorted(hosts, key=lambda host: sha256(f"{target.node.name}\0{host.name}".encode()).digest())


def _take_in_turn(ranked: Sequence[tuple[Target, list[Host]]]) -> Iterator[Probe]:
    """Yield all probes: first from the first caller of each node, then from the second."""
    for turn in range(max((len(order) for _target, order in ranked), default=0)):
        for target, order in ranked:
            yield from list_probes_to(order[turn], target)


def _list_required(target: Target, order: Sequence[Host]) -> Iterator[Probe]:
    """Yield for each listener the first allowed probe and the first other probe, and all probes through a hairpin.

    Equivalent callers have the same routes. So for a listener that allows any source, one caller of each class finds a
    missing route. For a listener with a set, all callers are tried in turn.
    """
    others = [host for host in order if host.name != target.node.name]
    first_of_each = [members[0] for members in classify(others).values()]
    rest = [host for host in others if host not in first_of_each]
    found: dict[_Port, set[bool]] = {}
    for host in (*first_of_each, *rest):
        if host in rest and not any(_is_incomplete(target, port, met) for port, met in found.items()):
            break
        for probe in list_probes_to(host, target):
            met = found.setdefault(_make_port_key(probe), set())
            if (probe.expected == OPEN) not in met:
                met.add(probe.expected == OPEN)
                yield probe
    yield from (probe for host in order if host.name == target.node.name for probe in list_probes_to(host, target))


def _make_port_key(probe: Probe) -> _Port:
    return probe.listener, probe.bound, probe.port, probe.protocol, find_family(probe.dialled.address)


def _is_incomplete(target: Target, port: _Port, met: set[bool]) -> bool:
    """Tell whether a port with a set of sources lacks a probe from an allowed host or from another host."""
    return len(met) < 2 and any(
        isinstance(sources, list)
        and bool(sources)
        and (listener.name, listener.address, listener.port, protocol) == port[:4]
        for (listener, protocol), sources in target.sources.items()
    )
