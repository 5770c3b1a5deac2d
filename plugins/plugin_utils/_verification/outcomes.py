# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What one probe of the verification met."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.probes import MEETS, SILENT, Probe


@dataclass(frozen=True, slots=True)
class Outcome:
    """A probe and what it met: open, filtered, refused or unreachable; None where its host did not probe.

    Silent is what need not answer, and nobody could tell whether the packet got in. `arrived` is whether the node saw it,
    None where nobody looked. The detail says why one thinks so, and the cause what is probably wrong, where something is. A listener with TLS showed
    a certificate, and an Admin API gave a status.
    """

    probe: Probe
    seen: str | None
    detail: str = ""
    cause: str = ""
    certificate: Mapping[str, Any] | None = None
    status: int | None = None
    arrived: bool | None = None

    @property
    def holds(self) -> bool:
        """Whether it met what the plan expects."""
        return self.seen in MEETS[self.probe.expected]

    @property
    def differs(self) -> bool:
        """Whether it met something else than the plan expects."""
        return self.seen not in (None, SILENT) and not self.holds

    @property
    def cell(self) -> str:
        """The outcome in a table: expected / seen, and a mark where they differ."""
        if self.seen is None:
            return f"{self.probe.expected} / not probed"
        return f"{self.probe.expected} / {self.seen}{'  <<<' if self.differs else ''}"

    def as_dict(self) -> dict[str, Any]:
        """Return plain data."""
        probe = self.probe
        return {
            "from": probe.caller,
            "to": probe.target,
            "listener": probe.listener,
            "protocol": probe.protocol,
            "port": probe.port,
            "dial_address": probe.dialled.address,
            "dial_port": probe.dialled.port,
            "expected": probe.expected,
            "seen": self.seen,
            "detail": self.detail,
            "cause": self.cause,
            "certificate": self.certificate,
            "status": self.status,
        }
