# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plain data of a node's listen settings: listeners, values and findings."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from ansible_collections.gatehouse.kong.plugins.plugin_utils._address import Family
from ansible_collections.gatehouse.kong.plugins.plugin_utils._findings import (
    ERROR,
    INFO,
    WARNING,
    Finding,
    make_host_finding,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.listen import ListenEntry, classify_address
from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.listen_address import ANY_IPV4

if TYPE_CHECKING:
    from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.generations import Setting

LOCALHOST = "localhost"
_WILDCARDS = (ANY_IPV4, "*", "::")


def is_loopback(address: str) -> bool:
    """Tell whether only the host itself reaches a canonical address."""
    ipv4_loopback = address.startswith("127.") and classify_address(address) == "ipv4"
    return ipv4_loopback or address in ("::1", LOCALHOST)


@dataclass(frozen=True)
class Listener:
    """An address and port that Kong opens for one purpose.

    ``name`` is the name in this collection (``proxy``, ``cluster_rpc``), ``setting`` the name in Kong. ``address`` is
    canonical: IPv4, IPv6 without brackets, ``*`` or a name. ``protocols`` has ``tcp``, ``udp`` or both. With
    ``container_port``, ``port`` is a published port of the host, and Kong opens ``container_port`` in its container.
    """

    name: str
    setting: str
    address: str
    port: int
    protocols: tuple[str, ...]
    flags: tuple[str, ...] = ()
    container_port: int | None = None

    @property
    def own_port(self) -> int:
        """The port that Kong itself opens."""
        return self.container_port or self.port

    @cached_property
    def families(self) -> tuple[Family, ...]:
        """The address families, 4 and 6. nginx binds ``[::]`` to IPv6 only, unless the flag is ``ipv6only=off``."""
        family = classify_address(self.address)
        if family == "ipv4":
            return (4,)
        is_dual = family == "name" or (self.address == "::" and "ipv6only=off" in self.flags)
        return (4, 6) if is_dual else (6,)

    @cached_property
    def is_loopback(self) -> bool:
        """Whether only the host itself can reach it."""
        return is_loopback(self.address)

    @cached_property
    def is_wildcard(self) -> bool:
        """Whether it listens on every address of the host, of its families."""
        return self.address in _WILDCARDS

    @cached_property
    def bound(self) -> str | None:
        """The address that it listens on. None if it listens on every address of a family, or on a host name."""
        return None if self.is_wildcard or len(self.families) > 1 else self.address


@dataclass(frozen=True, slots=True)
class NodeListeners:
    """The listeners of one node, and the settings for them.

    ``settings`` has Kong's settings in the form of that version, with dots in a key if kong.yml nests it. ``listeners`` has
    the listeners that open in the node's role. ``config`` has the settings of ``kong_config``, separately because they may
    be secrets.
    """

    settings: dict[str, str]
    listeners: tuple[Listener, ...]
    findings: tuple[Finding, ...]
    config: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Value:
    """The value of a setting on one node.

    ``entries`` is empty if it is off. ``text`` is the value in the form of the version. ``raw`` is the value of the variable,
    or the default.
    """

    setting: Setting
    entries: tuple[ListenEntry, ...]
    text: str
    given: bool
    variable: str
    raw: Any


@dataclass(slots=True)
class Report:
    """A collection of findings about one host. It adds host, variable and value to each message."""

    host: str
    findings: list[Finding] = field(default_factory=list)

    def add_error(self, code: str, variable: str, value: Any, text: str) -> None:
        """Add an error. ``text`` is the fault and its fix."""
        self._add(ERROR, code, variable, value, text)

    def add_warning(self, code: str, variable: str, value: Any, text: str) -> None:
        """Add a warning."""
        self._add(WARNING, code, variable, value, text)

    def add_info(self, code: str, variable: str, value: Any, text: str) -> None:
        """Add a note."""
        self._add(INFO, code, variable, value, text)

    def _add(self, severity: str, code: str, variable: str, value: Any, text: str) -> None:
        self.findings.append(make_host_finding(severity, code, self.host, variable, value, text))
