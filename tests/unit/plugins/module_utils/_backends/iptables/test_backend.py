# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sets that are in use, and the arguments of iptables-restore."""

from __future__ import annotations

import re

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._backends.iptables import backend
from ansible_collections.gatehouse.kong.plugins.module_utils._backends.iptables.steps import Step
from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import HostError

BUSY = "Set cannot be destroyed: it is in use by a kernel component"
LINES = ["swap a~ a", "destroy a~", "destroy b"]


class FakeHost:
    """A host whose ipset rejects the line "destroy a~" with `text` in the first `failures` calls."""

    def __init__(self, failures, text=BUSY):
        self.failures, self.text = failures, text
        self.asked = []

    def run(self, *argv, stdin=""):
        assert argv == ("ipset", "restore")
        lines = stdin.splitlines()
        self.asked.append(lines)
        if len(self.asked) <= self.failures:
            raise HostError(
                f"ipset restore failed: ipset v7.17: Error in line {lines.index('destroy a~') + 1}: {self.text}"
            )


@pytest.fixture
def pauses(monkeypatch):
    found = []
    monkeypatch.setattr(backend.time, "sleep", found.append)
    return found


def take(host):
    backend.Iptables(host)._run_step(Step("sets", "\n".join(LINES)))


def test_the_rejected_line_and_the_next_lines_are_tried_again_while_a_set_is_busy(pauses):
    host = FakeHost(6)
    take(host)
    assert host.asked == [LINES, *([LINES[1:]] * 6)]
    assert len(pauses) == 6


def test_a_set_that_stays_busy_is_an_error(pauses):
    host = FakeHost(100)
    with pytest.raises(HostError, match=re.escape(f"Error in line 1: {BUSY}")):
        take(host)
    assert len(host.asked) == 7
    assert len(pauses) == 6


def test_another_error_is_not_tried_again(pauses):
    host = FakeHost(100, "The set with the given name does not exist")
    with pytest.raises(HostError, match="Error in line 2: The set with the given name does not exist"):
        take(host)
    assert (host.asked, pauses) == ([LINES], [])
