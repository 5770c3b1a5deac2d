# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Third-party rules that conflict with our rules, and destination translations."""

from __future__ import annotations

import typing as t
from collections.abc import Iterable
from dataclasses import dataclass

from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.walk import ACCEPT, DROP
from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.ruleset import Service

_VERBS = {
    "drop": ("blocks", "may block"),
    "part": ("blocks", "may block"),
    "translate": ("translates", "may translate"),
    "accept": ("accepts unwanted packets on", "may accept unwanted packets on"),
    "divert": ("diverts", "may divert"),
    "publish": ("publishes", "may publish"),
    "boot": ("leaves unprotected after a reboot", "may leave unprotected after a reboot"),
    "unload": ("leaves the host after a reboot without", "may leave the host after a reboot without"),
    "exempt": ("exempts authorised sources on", "exempts authorised sources on"),
}


@dataclass(frozen=True)
class Conflict:
    """A third-party rule or a file of the host that defeats, or may defeat, the rules of some ports.

    If `certain` is False, only a real packet can show the effect. The effects are:

    - drop: it drops or rejects packets of authorised sources.
    - part: it drops packets of some authorised sources, or some connections of hosts behind a gateway.
    - translate: it translates the packets of a forward to another destination.
    - accept: it accepts packets that a rule of the host bans or limits.
    - divert: it sends packets to another destination before our rules are evaluated.
    - publish: it sends packets into the container of a published port through another port, for which no rule exists.
    - exempt: it drops or limits some packets, but authorised packets do not reach it.
    - boot: the host cannot load it at boot, or it removes or changes the rules of the firewall at boot.
    - unload: it removes our translations or intercept rules at boot, or the boot does not load them.
    """

    certain: bool
    where: str
    reason: str
    ports: tuple[str, ...]
    advice: str
    effect: str = "drop"

    @property
    def stops(self) -> bool:
        """True if the change would be useless, because no authorised source could connect, or would replace a third-party rule."""
        return self.certain and self.effect in ("drop", "translate")

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


def warn_of_exempt_rule(where: str, rule: str, verdict: str, services: Iterable[Service], limit: str) -> Conflict:
    """Return the warning about a rule of the host that has no effect, because our rule accepts its packets.

    The rule of the host accepts packets up to a limit, or it drops some sources but follows our rule. `limit` is an
    example of a rule that drops packets above a limit.
    """
    reason, advice = {
        ACCEPT: (
            "accepts packets up to a limit, but the rule of gatehouse.kong accepts the rest",
            f"Drop packets above the limit instead, for example with `{limit}`",
        ),
        DROP: (
            "follows the rule of gatehouse.kong, which precedes a default that drops, or the jump to the chain of this rule",
            "Move it to the top of the base chain",
        ),
    }[verdict]
    return Conflict(
        certain=False,
        where=where,
        reason=f"`{rule}` {reason}",
        ports=tuple(dict.fromkeys(map(str, services))),
        advice=advice,
        effect="exempt",
    )
