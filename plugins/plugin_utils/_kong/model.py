# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plain data that a node's listen settings come to."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

from ansible_collections.gatehouse.kong.plugins.plugin_utils._findings import ERROR, INFO, WARNING, Finding, plain
from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.listen import ListenEntry, address_family
from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.listen_address import ANY_IPV4

if TYPE_CHECKING:
    from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.generations import Setting

LOCALHOST = "localhost"
_WILDCARDS = (ANY_IPV4, "*", "::")


@dataclass(frozen=True, slots=True)
class Listener:
    """One address and port that Kong opens for one purpose.

    ``name`` is the collection's word (``proxy``, ``cluster_rpc``), ``setting`` Kong's own. ``address`` is canonical:
    IPv4, IPv6 without brackets, ``*`` or a name. ``protocols`` holds ``tcp``, ``udp`` or both. With ``container_port`` it
    is a port that the host publishes, and Kong opens that other one in a container.
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

    @property
    def families(self) -> tuple[int, ...]:
        """Address families it takes, 4 and 6: nginx binds ``[::]`` to IPv6 alone unless told ``ipv6only=off``."""
        return _families(self.address, self.flags)

    @property
    def is_loopback(self) -> bool:
        """Whether only the host itself can reach it."""
        ipv4_loopback = self.address.startswith("127.") and address_family(self.address) == "ipv4"
        return ipv4_loopback or self.address in ("::1", LOCALHOST)

    @property
    def is_wildcard(self) -> bool:
        """Whether it takes every address of the host, of its families."""
        return self.address in _WILDCARDS

    @property
    def bound(self) -> str | None:
        """The one address that it takes, None where it takes every address of a family, or is bound by a name."""
        return None if self.is_wildcard or len(self.families) > 1 else self.address


@cache
def _families(address: str, flags: tuple[str, ...]) -> tuple[int, ...]:
    family = address_family(address)
    if family == "ipv4":
        return (4,)
    dual = family == "name" or (address == "::" and "ipv6only=off" in flags)
    return (4, 6) if dual else (6,)


@dataclass(frozen=True, slots=True)
class NodeListeners:
    """What one node opens, and the settings that make it so.

    ``settings`` holds Kong's settings as that version wants them, keys dotted where kong.yml nests them. ``listeners``
    are those that really open in the node's role. ``config`` holds what ``kong_config`` adds, apart because secrets
    may be among it.
    """

    settings: dict[str, str]
    listeners: tuple[Listener, ...]
    findings: tuple[Finding, ...]
    config: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Value:
    """What a setting comes to on one node.

    ``entries`` is empty where it is off; ``text`` is what the version wants written. ``raw`` is the variable's value as
    given, or the default.
    """

    setting: Setting
    entries: tuple[ListenEntry, ...]
    text: str
    given: bool
    variable: str
    raw: Any


@dataclass(slots=True)
class Report:
    """Collects the findings about one host. Messages are completed with host, variable and value."""

    host: str
    findings: list[Finding] = field(default_factory=list)

    def error(self, code: str, variable: str, value: Any, text: str) -> None:
        """Add an error; ``text`` says what is wrong and the way out."""
        self._add(ERROR, code, variable, value, text)

    def warning(self, code: str, variable: str, value: Any, text: str) -> None:
        """Add a warning."""
        self._add(WARNING, code, variable, value, text)

    def info(self, code: str, variable: str, value: Any, text: str) -> None:
        """Add something worth knowing."""
        self._add(INFO, code, variable, value, text)

    def _add(self, severity: str, code: str, variable: str, value: Any, text: str) -> None:
        shown = plain(value)
        message = f"{self.host}: {variable}: {shown!r}: {text}"
        self.findings.append(Finding(severity, code, self.host, variable, shown, message))
