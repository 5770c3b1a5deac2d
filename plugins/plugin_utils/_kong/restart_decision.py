# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Decides whether changed settings need a reload of Kong, a restart, or nothing.

Sources: `kong reload` reads a changed file from 2.3.0 on, and from 0.11 on after `kong prepare` (kong/cmd/reload.lua,
kong/cmd/prepare.lua); it never restarts a Serf agent (kong/cmd/utils/serf_signals.lua). On a reload nginx binds new sockets
before it closes old ones (src/core/ngx_cycle.c), and says nothing to whoever sent the signal if that fails.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.generations import (
    Generation,
    find_generation,
    parse_version,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.listen import ListenEntry, parse_listen
from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.listen_address import ListenError

NOTHING, RELOAD, RESTART = "nothing", "reload", "restart"

_AT_START = {
    "role": "Kong takes its role when it starts",
    "database": "Kong connects to its database when it starts",
    "nginx_user": "the user of the workers is taken when Kong starts",
    "prefix": "the prefix is where the running Kong is found",
}
_FAMILIES = {"0.0.0.0": (4,), "*": (4,), "::": (6,)}


@dataclass(frozen=True, slots=True)
class RestartDecision:
    """What has to be done, ``nothing``, ``reload`` or ``restart``, and why a reload is not enough."""

    how: str
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Socket:
    """What nginx binds for one listen entry."""

    protocol: str
    port: int
    address: str
    flags: tuple[str, ...]

    def __str__(self) -> str:
        where = f"[{self.address}]" if ":" in self.address else self.address
        return f"{self.protocol} {where}:{self.port}"


def decide_restart(
    node: Mapping[str, Any], before: Mapping[str, str | None], *, listens: bool, environment: bool = False
) -> RestartDecision:
    """Return what makes a node of a plan live by its settings.

    ``before`` has the settings whose values change, with the old text, or None where the file did not have it. ``listens``
    tells whether exactly what the plan has listens now. ``environment``: the settings are variables of Kong's environment.
    """
    if not before:
        return (
            RestartDecision(NOTHING)
            if listens
            else RestartDecision(RESTART, ("what listens is not what the file says",))
        )
    reasons = tuple(dict.fromkeys(_reasons(node, before, environment=environment)))
    return RestartDecision(RESTART, reasons) if reasons else RestartDecision(RELOAD)


def _reasons(node: Mapping[str, Any], before: Mapping[str, str | None], *, environment: bool) -> Iterator[str]:
    generation = find_generation(parse_version(node["version"]))
    if environment:
        yield "a process keeps the environment that it was started with"
    if generation.gossip:
        yield f"a reload of Kong {node['version']} does not read the file, and Serf is never restarted by one"
        return
    yield from (reason for name, reason in _AT_START.items() if name in before)
    try:
        old = _sockets_before(generation, node, before)
    except ListenError as error:
        yield f"the old value of a listen setting cannot be read: {error.reason}"
        return
    yield from _unbindable(old, list(_planned(node)))


def _planned(node: Mapping[str, Any], without: Iterable[str] = ()) -> Iterator[_Socket]:
    for one in node["listeners"]:
        if one["setting"] not in without:
            yield from (
                _Socket(protocol, one["port"], one["address"], (*one["flags"],)) for protocol in one["protocols"]
            )


def _sockets_before(generation: Generation, node: Mapping[str, Any], before: Mapping[str, str | None]) -> list[_Socket]:
    """What nginx has bound, going by the old values of what changes and by the plan for the rest. Raises ListenError."""
    found = list(_planned(node, without=before))
    for setting in generation.settings:
        if setting.name in before and node["role"] in setting.roles:
            text = before[setting.name]
            entries = parse_listen(setting.default if text is None else text, generation, setting)
            found += [_socket(entry) for entry in entries]
    return found


def _socket(entry: ListenEntry) -> _Socket:
    return _Socket("udp" if "udp" in entry.flags else "tcp", entry.port, entry.address, entry.flags)


def _unbindable(old: list[_Socket], new: list[_Socket]) -> Iterator[str]:
    """Why nginx could not bind the new sockets beside the old ones."""
    bound = {(one.protocol, one.port, one.address): one for one in old}
    for one in new:
        same = bound.get((one.protocol, one.port, one.address))
        if same is not None:
            if ("transparent" in one.flags) != ("transparent" in same.flags):
                yield f"the flag transparent of {one} is set when the socket is opened"
            continue
        for other in old:
            if _overlap(one, other) and not ("reuseport" in one.flags and "reuseport" in other.flags):
                yield f"{one} cannot be bound while {other} is open, as not both have the flag reuseport"


def _overlap(one: _Socket, other: _Socket) -> bool:
    """Whether one of two sockets, of different addresses, takes every address of the other's family."""
    if (one.protocol, one.port) != (other.protocol, other.port):
        return False
    return _takes_all_of(one, other) or _takes_all_of(other, one)


def _takes_all_of(wide: _Socket, other: _Socket) -> bool:
    families = (4, 6) if "ipv6only=off" in wide.flags else _FAMILIES.get(wide.address, ())
    return any(family in families for family in _families(other))


def _families(one: _Socket) -> tuple[int, ...]:
    if one.address.replace(".", "").isdigit() or one.address == "*":
        return (4,)
    return (6,) if ":" in one.address else (4, 6)
