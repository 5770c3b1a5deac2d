# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Programs that a session of firewalld runs."""

from __future__ import annotations

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._backends.firewalld.session import program
from ansible_collections.gatehouse.kong.plugins.module_utils._backends.firewalld.session.program import (
    SessionError,
    run,
)


def test_the_output_of_a_program():
    assert run("cat", stdin="caf\udce9\n") == "caf\udce9\n"


def test_a_program_that_fails():
    with pytest.raises(SessionError) as caught:
        run("sh", "-c", "echo no such set >&2; exit 1")
    assert str(caught.value) == "sh: no such set"


def test_a_program_that_does_not_end_is_an_error_of_the_session(monkeypatch):
    monkeypatch.setattr(program, "_SECONDS", 0.1)
    with pytest.raises(SessionError) as caught:
        run("sleep", "60")
    assert str(caught.value) == "`sleep 60` did not end within 0.1 seconds, and was killed"
