# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An unknown address has another text if --limit excludes the host, and only then."""

from __future__ import annotations

import pytest

from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.limit import explain_excluded
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.source_hosts import ASKED
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.variables import PlainInventory, make_host_error

GROUPS = {"kong": ["a", "b"], "others": ["ops", "far"]}


def explain(host, groups, code="address-unknown", variable="kong_address"):
    """Return the text of a finding about a host if --limit leaves only the node a."""
    (found,) = explain_excluded(
        [make_host_error(code, host, variable, None, "as before")], PlainInventory(groups, {}), "kong", ["a"]
    )
    return found.message


@pytest.mark.parametrize("asked", [{}, {ASKED: ["ops"]}])
@pytest.mark.parametrize(("host", "advice"), [("b", "Set kong_address, or keep"), ("far", "Add it to --limit")])
def test_an_excluded_host_is_named_as_the_reason(host, advice, asked):
    text = explain(host, {**GROUPS, **asked})
    assert "--limit excludes this host" in text
    assert advice in text


@pytest.mark.parametrize(("host", "asked"), [("a", {}), ("ops", {ASKED: ["ops"]})])
def test_a_host_of_this_run_keeps_its_text(host, asked):
    assert "as before" in explain(host, {**GROUPS, **asked})


def test_another_finding_keeps_its_text():
    assert "as before" in explain("b", GROUPS, code="address-invalid")
    assert "as before" in explain("b", GROUPS, variable="kong_vpn_address")
