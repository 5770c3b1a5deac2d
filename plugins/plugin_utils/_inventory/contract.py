# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every variable of the collection, each with its kind. docs/inventory.md describes them."""

from __future__ import annotations

from collections.abc import Mapping

from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.kind import Kind
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.kinds import (
    ADDRESS_QUERY,
    ADDRESSES,
    BACKEND,
    BATCHES,
    BOOLEAN,
    COMMAND,
    COUNT,
    DAYS,
    ENDPOINT,
    FIREWALL_STATE,
    GATEWAY_STATE,
    HOST_PATH,
    INTERCEPTIONS,
    LISTEN,
    MAPPINGS,
    NAME,
    NAMES,
    NAT_QUERY,
    NETWORKS,
    PATH,
    PRESENCE,
    PUBLICATIONS,
    ROLE,
    ROLLBACK_SECONDS,
    SETTINGS,
    SOURCES,
    SWITCH,
    TARGET,
    TIMEOUT,
    TRIES,
    VERSION,
    VIRTUAL_ADDRESSES,
    WHOLE_NUMBER,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.generations import (
    list_listener_names,
    list_setting_names,
)

SETTING_VARIABLES = frozenset(f"kong_{name}" for name in list_setting_names())
SOURCE_VARIABLES = frozenset(f"kong_{listener}_sources" for listener in list_listener_names())
# Settings for the address of a control plane, with the first versions that have them.
HYBRID_VARIABLES = {"kong_cluster_control_plane": "2.0", "kong_cluster_telemetry_endpoint": "2.1 of Kong Enterprise"}

# The variables that the compiler reads.
_COMPILED: Mapping[str, Kind] = {
    **dict.fromkeys(sorted(SETTING_VARIABLES), LISTEN),
    **dict.fromkeys((*HYBRID_VARIABLES, "kong_cluster_advertise"), ENDPOINT),
    **dict.fromkeys(sorted(SOURCE_VARIABLES), SOURCES),
    "kong_address": ADDRESSES,
    "kong_address_networks": NETWORKS,
    "kong_address_query": ADDRESS_QUERY,
    "kong_admin_allow_any": BOOLEAN,
    "kong_cluster": NAME,
    "kong_config": SETTINGS,
    "kong_firewall_record": SWITCH,
    "kong_flat_network": BOOLEAN,
    "kong_listen_file": HOST_PATH,
    "kong_listen_target": TARGET,
    "kong_nat": MAPPINGS,
    "kong_nat_egress": NETWORKS,
    "kong_nat_query": NAT_QUERY,
    "kong_published_ports": PUBLICATIONS,
    "kong_role": ROLE,
    "kong_site": NAME,
    "kong_staged_days": DAYS,
    "kong_transparent": INTERCEPTIONS,
    "kong_verify_outsiders": NAMES,
    "kong_version": VERSION,
    "kong_virtual_addresses": VIRTUAL_ADDRESSES,
    "kong_vpn_address": ADDRESSES,
}
# The variables that playbooks and roles read. A play can set them too, and their templates may refer to variables of a play.
_OF_RUN: Mapping[str, Kind] = {
    "kong_adopt_measure": SWITCH,
    "kong_adopt_path": PATH,
    "kong_drift_file": PATH,
    "kong_firewall_backend": BACKEND,
    "kong_firewall_rollback_timeout": ROLLBACK_SECONDS,
    "kong_firewall_state": FIREWALL_STATE,
    "kong_fleet_name": NAME,
    "kong_gateway_state": GATEWAY_STATE,
    "kong_group": NAME,
    "kong_listen_backup": SWITCH,
    "kong_listen_drain": WHOLE_NUMBER,
    "kong_listen_firewall": SWITCH,
    "kong_listen_program": HOST_PATH,
    "kong_listen_reload_command": COMMAND,
    "kong_listen_restart_command": COMMAND,
    "kong_listen_retries": WHOLE_NUMBER,
    "kong_listen_serial": BATCHES,
    "kong_listen_service": NAME,
    "kong_plan_file": PATH,
    "kong_report_before": PATH,
    "kong_report_path": PATH,
    "kong_staged_expected": NETWORKS,
    "kong_staged_file": PATH,
    "kong_staged_quiet_days": DAYS,
    "kong_strict": SWITCH,
    "kong_transparent_state": PRESENCE,
    "kong_verify_pairs": COUNT,
    "kong_verify_placeholder": SWITCH,
    "kong_verify_timeout": TIMEOUT,
    "kong_verify_tries": TRIES,
}
KINDS: Mapping[str, Kind] = {**_COMPILED, **_OF_RUN}
KNOWN_VARIABLES = frozenset(KINDS)
RUN_VARIABLES = frozenset(_OF_RUN)
# A run has one value of each of these; playbooks and roles read it from one of the nodes.
SHARED_VARIABLES = (
    "kong_drift_file",
    "kong_fleet_name",
    "kong_group",
    "kong_plan_file",
    "kong_report_before",
    "kong_report_path",
    "kong_staged_expected",
    "kong_staged_file",
    "kong_staged_quiet_days",
    "kong_strict",
    "kong_verify_pairs",
)
