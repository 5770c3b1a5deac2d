# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What every firewall backend offers, so that one transaction drives them all."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.ruleset import Ruleset


@dataclass(frozen=True)
class Live:
    """What the kernel holds of ours: None where there is nothing, and a line for each thing that does not belong."""

    ruleset: Ruleset | None
    drift: tuple[str, ...] = ()


_VERBS = {
    "drop": ("refuses", "may refuse"),
    "accept": ("accepts others at", "may accept others at"),
    "divert": ("diverts", "may divert"),
    "publish": ("publishes", "may publish"),
    "boot": ("leaves unprotected after a reboot", "may leave unprotected after a reboot"),
    "exempt": ("exempts authorised sources at", "exempts authorised sources at"),
}


@dataclass(frozen=True)
class Obstacle:
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


@dataclass(frozen=True)
class Snapshot:
    """What brings the present state of ours back.

    `files` are all paths that `apply` and `persist` may write or remove. `load` are the commands,
    each with its standard input, that bring the live state back once those files are as they were.
    """

    files: tuple[str, ...]
    load: tuple[tuple[tuple[str, ...], str], ...]


class Backend(t.Protocol):
    """One firewall system. It owns one namespace there, and touches nothing outside it.

    A want of None means: nothing of ours, no trace. Each method raises HostError when the host refuses; `require`,
    `read`, `stale`, `obstacles`, `validate` and `snapshot` change nothing.
    """

    name: str

    def require(self) -> None:
        """Refuse a host that lacks what this backend needs, before anything is touched."""

    def read(self) -> Live:
        """The live state of ours."""

    def stale(self, want: Ruleset | None) -> tuple[str, ...]:
        """One line for each part of the persisted state that would not bring `want` back after a reboot."""

    def obstacles(self, want: Ruleset) -> tuple[Obstacle, ...]:
        """What on the host would defeat the ruleset, certain or not."""

    def translations(self) -> tuple[Translation, ...]:
        """Where the host sends packets on to other addresses, as far as `read` and `obstacles` came to see it."""

    def validate(self, want: Ruleset | None, *, check_mode: bool) -> None:
        """Have the host's own tools check what `apply` would load.

        Outside of check mode, tools that load all or nothing check it when they load it.
        """

    def snapshot(self, live: Live) -> Snapshot:
        """How to get back to the state that `read` gave, in words that need neither this code nor a connection."""

    def apply(self, want: Ruleset | None) -> tuple[str, ...]:
        """Replace the live state in one step; until then the old one holds, afterwards the new one.

        Flows that the new one does not allow end. A line for each thing that its user has to know.
        """

    def persist(self, want: Ruleset | None) -> None:
        """Make `want` what a reboot brings; if it fails, the persisted state is as before."""
