# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections import UserDict

import pytest

from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.variables import HostVariables, VariableError


class Undefined(UserDict):
    """Variables whose values are the reasons why they cannot be computed."""

    def __getitem__(self, name):
        raise VariableError(self.data[name])


@pytest.mark.parametrize(
    ("reason", "is_about_facts"),
    [
        ("'ansible_default_ipv4' is undefined", True),
        ("object of type 'dict' has no attribute 'default_ipv4'", True),
        ("'site_of_this_host' is undefined", False),
    ],
)
def test_a_template_that_reads_missing_facts(reason, is_about_facts):
    """The playbook plan gathers no facts, so the template may be right."""
    variables = HostVariables("n", Undefined({"kong_site": reason}), dict)
    assert variables.read_text("kong_site", "east") == "east"
    [error] = variables.findings
    facts = (
        ", or gather the facts that it reads (plan gathers none; a cache, fact_caching, keeps them)" * is_about_facts
    )
    assert error.message == f"n: kong_site: its value cannot be computed; correct the template{facts}: {reason}"
