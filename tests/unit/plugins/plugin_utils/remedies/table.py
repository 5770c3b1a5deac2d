# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All advice: each error and warning of the registry with its remedies."""

from __future__ import annotations

from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils.remedies.hosts import ADDRESSES, FLEET, NAT
from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils.remedies.interception import INTERCEPTION
from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils.remedies.paths import PATHS, PUBLISHED
from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils.remedies.releases import RELEASES
from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils.remedies.settings import LISTEN
from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils.remedies.sources import SOURCES

ADVICE = [*FLEET, *ADDRESSES, *NAT, *PATHS, *PUBLISHED, *RELEASES, *SOURCES, *LISTEN, *INTERCEPTION]

# Codes whose remedies are not variables of a host, with the tests of their remedies.
ELSEWHERE = {
    "no-nodes": "a group without hosts: test_remedies_of_a_group_without_hosts",
    "node-left": "a command: action/test_left",
    "path-unusable": "a file on the controller: action/test_kong_variables",
    "variable-undefined": "a template of Ansible: action/test_kong_plan",
    "variable-vaulted": "a password of Ansible Vault: action/test_vault",
}
