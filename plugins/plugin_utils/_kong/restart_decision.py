# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Decides whether changed settings need a reload, a restart or a start of Kong, or nothing, or cannot become effective.

Sources: `kong reload` reads a changed file from 2.3.0 on, and from 0.11 on after `kong prepare` (kong/cmd/reload.lua,
kong/cmd/prepare.lua); it never restarts a Serf agent (kong/cmd/utils/serf_signals.lua). On a reload nginx binds new sockets
before it closes old sockets (src/core/ngx_cycle.c). If that fails, the sender of the signal gets no error.
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
from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.listen import (
    ListenEntry,
    has_own_socket,
    parse_listen,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.listen_address import ListenError

NOTHING, RELOAD, RESTART, START, BLOCKED = "nothing", "reload", "restart", "start", "blocked"

_AT_START = {
    "role": "Kong reads its role only when it starts",
    "database": "Kong connects to its database only when it starts",
    "nginx_user": "Kong sets the user of its workers only when it starts",
    "prefix": "the prefix is the folder of the running Kong",
}
_SUMMARIES = {
    NOTHING: "Kong is left alone, because no setting in its file changes, and clients notice nothing.",
    RELOAD: "Kong is reloaded to use the new settings: open connections are kept, and clients notice nothing.",
    RESTART: "Kong is restarted: open connections are closed, and new connections fail until Kong listens again. Reason: {reasons}.",
    START: "Kong is started, because it is not running: no open connection is affected.",
    BLOCKED: "Kong cannot open the planned listeners: {reasons}. Remove the variable, or set its value in the inventory.",
}
_FAMILIES = {"0.0.0.0": (4,), "*": (4,), "::": (6,)}


@dataclass(frozen=True, slots=True)
class RestartDecision:
    """The action, ``nothing``, ``reload``, ``restart``, ``start`` or ``blocked``, and the reasons why a reload is not enough.

    ``blocked`` means that a variable prevents Kong from opening the planned listeners; the reasons name the variable.
    """

    how: str
    reasons: tuple[str, ...] = ()

    @property
    def summary(self) -> str:
        """The decision in one sentence, with its effect on clients."""
        return _SUMMARIES[self.how].format(reasons="; ".join(self.reasons))

    def as_dict(self) -> dict[str, Any]:
        """Return plain data."""
        return {"how": self.how, "reasons": list(self.reasons), "summary": self.summary}


@dataclass(frozen=True, slots=True)
class _Socket:
    """The socket that nginx binds for a listen entry."""

    protocol: str
    port: int
    address: str
    flags: tuple[str, ...]

    def __str__(self) -> str:
        where = f"[{self.address}]" if ":" in self.address else self.address
        return f"{self.protocol} {where}:{self.port}"


def decide_restart(
    node: Mapping[str, Any],
    before: Mapping[str, str | None],
    *,
    listens: bool,
    environment: bool = False,
    effective: Iterable[Mapping[str, Any]] = (),
    unloaded: bool = False,
) -> RestartDecision:
    """Return the action that makes Kong use the settings of a node of a plan.

    ``before`` has the old text of each setting that changes, or None if the file did not have it. ``listens`` tells whether
    exactly the planned sockets listen now. ``environment`` tells whether the settings are variables of Kong's environment.
    ``effective`` has the effective values that differ from the plan, as kong_listen_info returns them. ``unloaded`` tells
    whether Kong was prepared again and not reloaded.
    """
    origins: dict[str, list[Mapping[str, Any]]] = {}
    for found in effective:
        origins.setdefault(found["origin"], []).append(found)
    blocking = tuple(found["line"] for found in origins.get("environment", ()) if found["moves"])
    if blocking and not listens:
        return RestartDecision(BLOCKED, blocking)
    outdated = {found["setting"]: found["value"] for found in origins.get("outdated", ())}
    reasons = [
        f"Kong was started with another {found['setting']} than its file has" for found in origins.get("started", ())
    ]
    changing = {**before, **outdated}
    if not changing and not reasons and not listens:
        reasons.append("the sockets of Kong are not as in its file")
    if changing:
        reasons += _list_reasons(node, changing, environment=environment)
    if reasons:
        return RestartDecision(RESTART, tuple(dict.fromkeys(reasons)))
    return RestartDecision(RELOAD if changing or unloaded else NOTHING)


def start_instead(decision: RestartDecision) -> RestartDecision:
    """Return the decision for a Kong that is not running: a start instead of a reload or a restart."""
    return RestartDecision(START) if decision.how in (RELOAD, RESTART) else decision


def _list_reasons(node: Mapping[str, Any], before: Mapping[str, str | None], *, environment: bool) -> Iterator[str]:
    generation = find_generation(parse_version(node["version"]))
    if environment:
        yield "a process keeps the environment with which it was started"
    if generation.gossip:
        yield f"a reload of Kong {node['version']} does not read the file and never restarts Serf"
        return
    yield from (reason for name, reason in _AT_START.items() if name in before)
    try:
        old = _list_sockets_before(generation, node, before)
    except ListenError as error:
        yield f"the old value of a listen setting cannot be read: {error.reason}"
        return
    yield from _bind_conflicts(_select_opened(old), _select_opened(list(_list_planned_sockets(node))))


def _list_planned_sockets(node: Mapping[str, Any], without: Iterable[str] = ()) -> Iterator[_Socket]:
    for listener in node["listeners"]:
        if listener["setting"] not in without:
            for protocol in listener["protocols"]:
                yield _Socket(protocol, listener["port"], listener["address"], tuple(listener["flags"]))


def _list_sockets_before(
    generation: Generation, node: Mapping[str, Any], before: Mapping[str, str | None]
) -> list[_Socket]:
    """Return the sockets of nginx before the change: old values of changed settings, the plan for all other settings.

    Raises ListenError if an old value cannot be read.
    """
    found = list(_list_planned_sockets(node, without=before))
    for setting in generation.settings:
        if setting.name in before and node["role"] in setting.roles:
            text = before[setting.name]
            entries = parse_listen(setting.default if text is None else text, generation, setting)
            found += [_make_socket(entry) for entry in entries]
    return found


def _make_socket(entry: ListenEntry) -> _Socket:
    return _Socket("udp" if "udp" in entry.flags else "tcp", entry.port, entry.address, entry.flags)


def _select_opened(sockets: list[_Socket]) -> list[_Socket]:
    """Return the sockets that nginx opens. An address shares the socket of a wildcard, unless a flag prevents that."""
    return [
        socket
        for socket in sockets
        if has_own_socket(socket.flags)
        or socket.address in _FAMILIES
        or not any(_is_overlap(socket, other) for other in sockets)
    ]


def _bind_conflicts(old: list[_Socket], new: list[_Socket]) -> Iterator[str]:
    """Yield the reasons why nginx cannot bind the new sockets while the old sockets are open."""
    bound = {(socket.protocol, socket.port, socket.address): socket for socket in old}
    for socket in new:
        same = bound.get((socket.protocol, socket.port, socket.address))
        if same is not None:
            if ("transparent" in socket.flags) != ("transparent" in same.flags):
                yield f"the flag transparent of {socket} is set when the socket is opened"
            continue
        for other in old:
            if _is_overlap(socket, other) and not ("reuseport" in socket.flags and "reuseport" in other.flags):
                yield f"{socket} cannot be bound while {other} is open, because they do not both have the flag reuseport"


def _is_overlap(first: _Socket, second: _Socket) -> bool:
    """Tell whether two sockets with different addresses have one port, and one is on every address of the other's family."""
    if (first.protocol, first.port) != (second.protocol, second.port):
        return False
    return _covers(first, second) or _covers(second, first)


def _covers(wide: _Socket, other: _Socket) -> bool:
    families = (4, 6) if "ipv6only=off" in wide.flags else _FAMILIES.get(wide.address, ())
    return any(family in families for family in _list_families(other))


def _list_families(socket: _Socket) -> tuple[int, ...]:
    if socket.address.replace(".", "").isdigit() or socket.address == "*":
        return (4,)
    return (6,) if ":" in socket.address else (4, 6)
