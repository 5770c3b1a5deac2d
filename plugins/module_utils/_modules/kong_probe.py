# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The work of the module kong_probe."""

from __future__ import annotations

from ansible.module_utils.basic import AnsibleModule  # type: ignore[import-untyped]

from ansible_collections.gatehouse.kong.plugins.module_utils._host.addresses import find_held_addresses
from ansible_collections.gatehouse.kong.plugins.module_utils._probe.probe import (
    Limits,
    ProbeError,
    parse_probe,
    run_probes,
)


def run(module: AnsibleModule) -> None:
    """Connect to every address, and exit with the results."""
    try:
        limits = Limits(module.params["timeout"], module.params["tries"], module.params["workers"])
        probes = [parse_probe(probe) for probe in module.params["probes"]]
        results = run_probes(probes, limits)
        held = find_held_addresses(module.params["addresses"])
    except (ProbeError, ValueError) as error:
        module.fail_json(msg=str(error))
    except OSError as error:
        module.fail_json(msg=f"the addresses of this host cannot be read: {error}")
    module.exit_json(changed=False, probes=results, held=held)
