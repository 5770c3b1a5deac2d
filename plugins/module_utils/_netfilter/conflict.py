# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Third-party rules that conflict with our rules, and destination translations."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

_VERBS = {
    "drop": ("blocks", "may block"),
    "accept": ("accepts unwanted packets on", "may accept unwanted packets on"),
    "divert": ("diverts", "may divert"),
    "publish": ("publishes", "may publish"),
    "boot": ("leaves unprotected after a reboot", "may leave unprotected after a reboot"),
    "exempt": ("exempts authorised sources on", "exempts authorised sources on"),
}


@dataclass(frozen=True)
class Conflict:
    """A third-party rule or a file of the host that defeats, or may defeat, the rules of some ports.

    If `certain` is False, only a real packet can show the effect. The effects are:

    - drop: it drops or rejects packets of authorised sources.
    - accept: it accepts packets that a rule of the host bans or limits.
    - divert: it sends packets to another destination before our rules are evaluated.
    - publish: it sends packets into the container of a published port through another port, for which no rule exists.
    - exempt: it drops or limits some packets, but authorised packets do not reach it.
    - boot: the host cannot load it at boot.
    """

    certain: bool
    where: str
    reason: str
    ports: tuple[str, ...]
    advice: str
    effect: str = "drop"

    @property
    def stops(self) -> bool:
        """True if the change would be useless, because no authorised source could connect."""
        return self.certain and self.effect == "drop"

    def __str__(self) -> str:
        certain, possible = _VERBS[self.effect]
        verb = certain if self.certain else possible
        return f"{self.where} {verb} {', '.join(self.ports)}: {self.reason}. {self.advice}"


class Translation(t.NamedTuple):
    """A rule that gives packets to a port another destination.

    `place` names the rule's chain as its program does. `address` is None for packets to any address.
    """

    place: str
    protocol: str
    address: str | None
    port: int
    to: str
    to_port: int

    def __str__(self) -> str:
        return f"[{self.to}]:{self.to_port}" if ":" in self.to else f"{self.to}:{self.to_port}"
