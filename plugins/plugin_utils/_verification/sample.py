# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which probes to make where all of them are too many: every listener at least once from inside and once from outside.

What is chosen depends on names only and not on chance, so the next run makes the same probes, and a change that comes up
is a change of the fleet.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from typing import Any

from ansible_collections.gatehouse.kong.plugins.plugin_utils._address import family_of
from ansible_collections.gatehouse.kong.plugins.plugin_utils._fleet.callers import classify
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.model import Host
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.queries import planned_host
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.probes import (
    OPEN,
    Probe,
    Target,
    callers,
    probes_to,
    targets_of,
)

_Port = tuple[str, str, int, str, int]  # listener, its address, port, protocol, family


def sample(plan: Mapping[str, Any], pairs: int) -> dict[str, list[Probe]]:
    """Return by caller the probes to make, all of them if there are no more than `pairs`.

    Every listener of every node is tried at least once by a host that is to be let in and once by one that is not, where
    there is such a host, even if that takes more than `pairs`. A larger number only adds probes.
    """
    hosts = [planned_host(plan, name) for name in callers(plan)]
    ranked = [(target, _ranked(target, hosts)) for target in targets_of(plan)]
    chosen = {probe: None for target, order in ranked for probe in _needed(target, order)}
    for probe in _by_turns(ranked):
        if len(chosen) >= pairs:
            break
        chosen[probe] = None
    found: dict[str, list[Probe]] = {host.name: [] for host in hosts}
    for probe in chosen:
        found[probe.caller].append(probe)
    return {name: sorted(probes, key=lambda one: one.name) for name, probes in found.items()}


def _ranked(target: Target, hosts: Sequence[Host]) -> list[Host]:
    """The callers of a node in an order of its own, so that each caller is first for some nodes."""
    return sorted(hosts, key=lambda host: sha256(f"{target.node.name}\0{host.name}".encode()).digest())


def _by_turns(ranked: Sequence[tuple[Target, list[Host]]]) -> Iterator[Probe]:
    """All probes: those of the first caller of each node, then of the second."""
    for turn in range(max((len(order) for _target, order in ranked), default=0)):
        for target, order in ranked:
            yield from probes_to(order[turn], target)


def _needed(target: Target, order: Sequence[Host]) -> Iterator[Probe]:
    """For each listener the first probe that is to be let in, and the first that is not; and what comes back by a hairpin.

    Callers that are alike have the same routes. So where anybody is let in, whom no route leads there is found by asking
    one of each class; where a set decides, callers are asked in turn.
    """
    others = [host for host in order if host.name != target.node.name]
    first_of_each = [members[0] for members in classify(others).values()]
    rest = [host for host in others if host not in first_of_each]
    found: dict[_Port, set[bool]] = {}
    for host in (*first_of_each, *rest):
        if host in rest and not any(_lacks(target, port, met) for port, met in found.items()):
            break
        for probe in probes_to(host, target):
            met = found.setdefault(_port(probe), set())
            if (probe.expected == OPEN) not in met:
                met.add(probe.expected == OPEN)
                yield probe
    yield from (probe for host in order if host.name == target.node.name for probe in probes_to(host, target))


def _port(probe: Probe) -> _Port:
    return probe.listener, probe.bound, probe.port, probe.protocol, family_of(probe.dialled.address)


def _lacks(target: Target, port: _Port, met: set[bool]) -> bool:
    """Whether a port that a set decides about has not been tried both ways."""
    return len(met) < 2 and any(
        isinstance(sources, list) and bool(sources) and (one.name, one.address, one.port, protocol) == port[:4]
        for (one, protocol), sources in target.sources.items()
    )
