# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sets that are in use, and the arguments of iptables-restore."""

from __future__ import annotations

import errno

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._backends.iptables import backend
from ansible_collections.gatehouse.kong.plugins.module_utils._backends.iptables.ipset_kernel import SetsError
from ansible_collections.gatehouse.kong.plugins.module_utils._backends.iptables.steps import Step
from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import HostError

# IPSET_ERR_BUSY of linux/netfilter/ipset/ip_set.h.
BUSY = 4100
LINES = ["swap a~ a", "destroy a~", "destroy b"]


class FakeHost:
    """A kernel that rejects the second line with `code`, for the first `failures` calls."""

    def __init__(self, failures, code=BUSY):
        self.failures, self.code = failures, code
        self.asked = []

    def call(self, _function, lines):
        self.asked.append(list(lines))
        if len(self.asked) <= self.failures:
            raise SetsError(lines.index("destroy a~"), "destroy a~", self.code)


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
    with pytest.raises(HostError, match=r"ipset: the kernel rejects `destroy a~`"):
        take(host)
    assert len(host.asked) == 7
    assert len(pauses) == 6


def test_another_error_is_not_tried_again(pauses):
    host = FakeHost(100, errno.ENOENT)
    with pytest.raises(HostError, match=r"ipset: the kernel rejects `destroy a~`"):
        take(host)
    assert (host.asked, pauses) == ([LINES], [])
