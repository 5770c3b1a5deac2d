# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The outcome of one probe of the verification."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.probes import MEETS, SILENT, Probe


@dataclass(frozen=True, slots=True)
class Outcome:
    """A probe and its result: open, filtered, refused, unreachable or silent. None means that the host did not probe.

    Silent means unverified: the service need not answer, and no observer saw whether the packet was accepted. `arrived`
    tells whether the packet reached the node, None if it was not observed. `detail` is the reason for the result, `cause`
    the likely cause of a difference, `certificate` from a listener with TLS, `status` from an Admin API.
    """

    probe: Probe
    result: str | None
    detail: str = ""
    cause: str = ""
    certificate: Mapping[str, Any] | None = None
    status: int | None = None
    arrived: bool | None = None

    @property
    def holds(self) -> bool:
        """Whether the result is as expected."""
        return self.result in MEETS[self.probe.expected]

    @property
    def differs(self) -> bool:
        """Whether the result is known and not as expected."""
        return self.result not in (None, SILENT) and not self.holds

    @property
    def cell(self) -> str:
        """The outcome in a table: expected / actual, and a mark if they differ."""
        if self.result is None:
            return f"{self.probe.expected} / not probed"
        return f"{self.probe.expected} / {self.result}{'  <<<' if self.differs else ''}"

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
            "result": self.result,
            "detail": self.detail,
            "cause": self.cause,
            "certificate": self.certificate,
            "status": self.status,
        }
