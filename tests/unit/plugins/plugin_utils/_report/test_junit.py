# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The names of hosts that the name of a test does not have."""

from __future__ import annotations

import pytest

from ansible_collections.gatehouse.kong.plugins.plugin_utils._report.junit import make_finding_cases


@pytest.mark.parametrize(
    ("hosts", "listed"), [(["a", "c", "e", "g"], ""), (["a", "c", "e", "g", "i"], "; a, c, e, g, i")]
)
def test_more_than_4_ranges_of_hosts_are_listed(hosts, listed):
    finding = {"severity": "error", "code": "x", "hosts": hosts, "variable": "v", "value": None, "message": "text"}
    [case] = make_finding_cases([finding])
    assert (case.name, case.failure) == ("text", f"error [x]{listed}")
    [case] = make_finding_cases([{**finding, "severity": "warning"}])
    assert (case.failure, case.output) == ("", f"warning [x]{listed}")
