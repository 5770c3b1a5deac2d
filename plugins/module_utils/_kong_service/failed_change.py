# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Decides how a node rolls back after a failed change of Kong's file or of its process, and explains the failure."""

from __future__ import annotations

from dataclasses import dataclass

from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.plan import RELOAD, RESTART, STOP

_NOTHING = "nothing"
_OPEN = ". The firewall allows both the old and the new sources"


@dataclass(frozen=True)
class FailedChange:
    """A change that failed, and the state of the node before it.

    `reason` is the error. `runs` tells whether Kong ran before the change, `is_visible` whether its sockets are visible on the
    host. `merges` tells whether the firewall allows the sources of both states. `is_written` tells whether the file has changed.

    `how` is the last action on Kong, `nothing` if Kong was not touched, and None if the file could not be written. `is_refused`
    tells whether nginx has refused the configuration at a reload.
    """

    reason: str
    path: str
    runs: bool
    is_visible: bool
    merges: bool
    is_written: bool = False
    how: str | None = None
    is_refused: bool = False

    @property
    def is_untouched(self) -> bool:
        """Whether Kong or nginx has rejected the new file before Kong was touched."""
        return self.how == _NOTHING

    @property
    def restores_firewall(self) -> bool:
        """Whether the firewall is rolled back. Otherwise Kong may listen on the planned ports, and needs both states."""
        return self.merges and (self.is_written or self.how is None or self.is_untouched or self.is_refused)

    def choose_action(self) -> str:
        """Return the action that makes Kong run as before with the old file, empty if Kong does so already.

        After a refused reload, a reload prepares Kong's prefix from the old file again.
        """
        if not self.is_written or self.is_untouched:
            return ""
        if not self.runs:
            return STOP
        return RELOAD if self.is_refused else RESTART

    def explain(self, refusal: str = "") -> str:
        """Return the message if the file and Kong are as before. `refusal` is the error of a reload with the old file."""
        state = f"as before the run, and {self._describe_kong(refusal)}" if self.is_written else "unchanged"
        return f"{self.reason}. {self.path} is {state}{'' if self.restores_firewall else self._describe_firewall()}"

    def explain_lost_kong(self, error: str) -> str:
        """Return the message if the file is as before, but Kong is not."""
        if not self.runs:
            lost = "did not run before, and cannot be stopped"
        elif self.is_refused:
            lost = "does not reload with it either"
        else:
            lost = "does not start with it either"
        return f"{self.reason}. {self.path} is as before the run, but Kong {lost}: {error}{self._describe_firewall()}"

    def explain_failed_step(self, step: str, error: str) -> str:
        """Return the message if a step of the rollback failed."""
        return f"{self.reason}. The rollback failed as well, at '{step}': {error}{self._describe_firewall()}"

    def _describe_kong(self, refusal: str) -> str:
        if self.is_untouched:
            return "Kong was not touched"
        if not self.runs:
            return "Kong is stopped, as before"
        if refusal:
            return f"Kong still runs with it, but does not reload: {refusal}"
        if self.is_refused:
            return "Kong still runs with it"
        return (
            "Kong runs with it again"
            if self.is_visible
            else "Kong was restarted with it; its sockets are not visible on this host"
        )

    def _describe_firewall(self) -> str:
        return _OPEN if self.merges else ""
