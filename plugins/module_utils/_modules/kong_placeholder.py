# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The work of the module kong_placeholder."""

from __future__ import annotations

import typing as t

from ansible.module_utils.basic import AnsibleModule  # type: ignore[import-untyped]

from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import HostError, require_root
from ansible_collections.gatehouse.kong.plugins.module_utils._probe.placeholder import PlaceholderError, start, stop


def _apply(module: AnsibleModule) -> dict[str, t.Any]:
    """Start or end the process, and return the result of the module. A temporary process is no change of the host."""
    if module.check_mode:
        return {}
    if module.params["state"] == "absent":
        observed = stop()
        return {} if observed is None else {"observer": observed}
    return start(module.params["listeners"], module.params["seconds"], listen=module.params["listen"])


def run(module: AnsibleModule) -> None:
    """Start or end the process, and exit with the result."""
    if not 1 <= module.params["seconds"] <= 3600:
        module.fail_json(msg=f"seconds is {module.params['seconds']!r}; it must be 1 to 3600")
    try:
        require_root("kong_placeholder")
        result = _apply(module)
    except (PlaceholderError, HostError) as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=False, **result)
