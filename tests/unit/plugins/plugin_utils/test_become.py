# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.gatehouse.kong.plugins.plugin_utils._become import explain_become


@pytest.mark.parametrize(
    "message",
    [
        "Premature end of stream waiting for become success.\n>>> Standard Error\nsudo: a password is required",
        "Timeout (12s) waiting for privilege escalation prompt: ",
        "Duplicate become password prompt encountered",
        "Missing sudo password",
        "Incorrect su password",
    ],
)
def test_a_failed_privilege_escalation_has_a_fix(message):
    line = explain_become(message)
    assert line.startswith(" ".join(message.split()))
    assert ": give the password with --ask-become-pass or ansible_become_password, or allow" in line
    assert explain_become(line) == line


def test_another_message_is_one_line():
    assert explain_become("Failed to connect:\nno route to host.") == "Failed to connect: no route to host"
