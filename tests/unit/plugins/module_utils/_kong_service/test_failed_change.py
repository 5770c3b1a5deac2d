# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rollback and the message after a failed change, for each state of the file, Kong and the firewall."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.failed_change import FailedChange

FAILED = FailedChange("port taken", "/k", runs=True, is_visible=True, merges=True)
OPEN = ". The firewall allows both the old and the new sources"
WRITTEN = {"is_written": True, "how": "restart"}


@pytest.mark.parametrize(
    ("state", "action", "restores", "message"),
    [
        # The file could not be written.
        ({}, "", True, "port taken. /k is unchanged"),
        ({"runs": False}, "", True, "port taken. /k is unchanged"),
        # Kong rejects the file.
        ({"how": "nothing"}, "", True, "port taken. /k is unchanged"),
        ({"is_written": True, "how": "nothing"}, "", True, "port taken. /k is as before the run, and Kong was not touched"),
        (
            {"is_written": True, "how": "nothing", "runs": False},
            "",
            True,
            "port taken. /k is as before the run, and Kong was not touched",
        ),
        # The file was correct, and Kong may listen on the planned ports.
        ({"how": "restart"}, "", False, f"port taken. /k is unchanged{OPEN}"),
        ({"how": ""}, "", False, f"port taken. /k is unchanged{OPEN}"),
        ({"how": "reload", "is_refused": True}, "", True, "port taken. /k is unchanged"),
        # Kong has the new file.
        (WRITTEN, "restart", True, "port taken. /k is as before the run, and Kong runs with it again"),
        ({"is_written": True, "how": ""}, "restart", True, "port taken. /k is as before the run, and Kong runs with it again"),
        (
            {**WRITTEN, "is_visible": False},
            "restart",
            True,
            "port taken. /k is as before the run, and Kong was restarted with it; its sockets are not visible on this host",
        ),
        ({**WRITTEN, "runs": False}, "stop", True, "port taken. /k is as before the run, and Kong is stopped, as before"),
        (
            {**WRITTEN, "is_refused": True},
            "reload",
            True,
            "port taken. /k is as before the run, and Kong still runs with it",
        ),
        ({**WRITTEN, "runs": False, "is_refused": True}, "stop", True, "port taken. /k is as before the run, and Kong is stopped, as before"),
    ],
)  # fmt: skip
def test_the_rollback(state, action, restores, message):
    failed = replace(FAILED, **state)
    assert (failed.choose_action(), failed.restores_firewall, failed.explain()) == (action, restores, message)


def test_without_the_sources_of_both_states_the_firewall_is_left_alone():
    for written, how, refused in product((False, True), (None, "", "nothing", "restart"), (False, True)):
        failed = replace(FAILED, merges=False, is_written=written, how=how, is_refused=refused)
        assert failed.restores_firewall is False
        texts = failed.explain(), failed.explain_lost_kong("x"), failed.explain_failed_step("s", "x")
        assert "firewall" not in str(texts)


def test_a_reload_with_the_old_file_may_be_refused_too():
    failed = replace(FAILED, **WRITTEN, is_refused=True)
    assert failed.explain("no port").endswith(
        "/k is as before the run, and Kong still runs with it, but does not reload: no port"
    )


@pytest.mark.parametrize(
    ("state", "lost"),
    [
        ({}, "does not start with it either"),
        ({"is_refused": True}, "does not reload with it either"),
        ({"runs": False}, "did not run before, and cannot be stopped"),
        ({"runs": False, "is_refused": True}, "did not run before, and cannot be stopped"),
    ],
)
def test_kong_is_lost(state, lost):
    failed = replace(FAILED, **WRITTEN, **state)
    assert (
        failed.explain_lost_kong("no nginx") == f"port taken. /k is as before the run, but Kong {lost}: no nginx{OPEN}"
    )


def test_a_failed_step_is_named():
    assert FAILED.explain_failed_step("Restore the old file", "no space") == (
        f"port taken. The rollback failed as well, at 'Restore the old file': no space{OPEN}"
    )
