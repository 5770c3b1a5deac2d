# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Third-party rules that conflict with ours, and destination translations."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

_VERBS = {
    "drop": ("refuses", "may refuse"),
    "accept": ("accepts others at", "may accept others at"),
    "divert": ("diverts", "may divert"),
    "publish": ("publishes", "may publish"),
    "boot": ("leaves unprotected after a reboot", "may leave unprotected after a reboot"),
    "exempt": ("exempts authorised sources at", "exempts authorised sources at"),
}


@dataclass(frozen=True)
class Conflict:
    """Something on the host that is not ours and defeats, or may defeat, a port of ours.

    With `certain` the packets will be refused; otherwise they may be, which nothing short of a packet can tell.
    The effect is "drop" where it refuses who should come in, "accept" where it lets others in before ours are asked,
    "divert" where it sends packets elsewhere before ours see them, and "publish" where it leads them into the container of
    a published port by another port, for which there is no rule. It is "exempt" if a rule of the host that drops or limits
    some packets does not hold for authorised packets, and "boot" if a file of the host cannot be loaded at boot.
    """

    certain: bool
    where: str
    reason: str
    ports: tuple[str, ...]
    advice: str
    effect: str = "drop"

    @property
    def stops(self) -> bool:
        """Whether it makes a change useless, as nobody would get in."""
        return self.certain and self.effect == "drop"

    def __str__(self) -> str:
        sure, unsure = _VERBS[self.effect]
        return f"{self.where} {sure if self.certain else unsure} {', '.join(self.ports)}: {self.reason}. {self.advice}"


class Translation(t.NamedTuple):
    """A rule, in the words of its program, that gives packets to a port another destination; `address` is None for any."""

    place: str
    protocol: str
    address: str | None
    port: int
    to: str
    to_port: int

    def __str__(self) -> str:
        return f"[{self.to}]:{self.to_port}" if ":" in self.to else f"{self.to}:{self.to_port}"
