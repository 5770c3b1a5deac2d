# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: kong_listen_info
short_description: Tell which sockets of a host differ from Kong's listeners
version_added: 0.1.0
description:
  - Looks at the sockets that really take connections and packets, whatever Kong's file says, and compares them with what
    should listen. Nothing is changed and nothing is connected to.
  - A socket that should be there and is not is missing. A socket of Kong's, or on one of Kong's ports, that should not
    be there is unexpected, such as an Admin API that still listens on C(0.0.0.0).
  - Variables C(KONG_…) that systemd gives to Kong's unit outrank its file (Kong 0.9 and later). Those with another
    value than the setting are told.
author:
  - gatehouse.kong contributors (!UNKNOWN)
extends_documentation_fragment:
  - gatehouse.kong.attributes
  - gatehouse.kong.listeners
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
options:
  settings:
    description: Settings of Kong by name, which no variable of its environment should contradict.
    type: dict
    default: {}
  service:
    description:
      - Kong's systemd unit. Sockets and variables of its processes are Kong's.
      - With an empty text, or where the host has no such unit, Kong's are the sockets of the processes that the pid files
        in O(prefix) name, and of what these started.
      - Where there are no such processes either, Kong's are the sockets of nginx and Serf on the ports of O(listeners).
    type: str
    default: kong
  prefix:
    description: The prefix of the running Kong, before 0.9 its C(nginx_working_dir).
    type: path
    default: /usr/local/kong
notes:
  - Needs root to see whose sockets they are.
  - Sockets on a loopback address are not called unexpected.
  - A socket at C([::]) counts for C(0.0.0.0) too, if there is no other. Whether it takes IPv4 cannot be seen here.
  - What a Kong in a container listens on is not seen.
seealso:
  - module: gatehouse.kong.kong_firewall_info
"""

EXAMPLES = r"""
- name: Compare what listens with what should
  gatehouse.kong.kong_listen_info:
    listeners:
      - {name: proxy, protocols: [tcp], address: 0.0.0.0, port: 8000}
      - {name: admin, protocols: [tcp], address: 127.0.0.1, port: 8001}
    settings:
      admin_listen: 127.0.0.1:8001
  register: listening
"""

RETURN = r"""
differs:
  description: Whether anything is missing, unexpected or overridden.
  returned: success
  type: bool
report:
  description: The differences, a line each, for people. Empty where there are none.
  returned: success
  type: list
  elements: str
  sample: ["tcp 0.0.0.0:8001 (nginx) is not in the plan"]
missing:
  description: Listeners that no socket is there for, with C(name), C(protocol), C(port) and C(address).
  returned: success
  type: list
  elements: dict
unexpected:
  description: Sockets that should not be there, with C(protocol), C(address), C(port), C(process) and C(unit). Where
    Kong has no unit, C(unit) of its sockets is its prefix.
  returned: success
  type: list
  elements: dict
listens:
  description: Whether nothing is missing or unexpected, so that exactly O(listeners) listen.
  returned: success
  type: bool
present:
  description:
    - What Kong listens on now, in the form of O(listeners). These are all sockets of its processes; where nothing tells
      which these are, those of nginx and Serf.
  returned: success
  type: list
  elements: dict
overridden:
  description: Names of environment variables that outrank settings with another value.
  returned: success
  type: list
  elements: str
  sample: [KONG_ADMIN_LISTEN]
"""

import typing as t
from dataclasses import asdict

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import Host, HostError, require_root
from ansible_collections.gatehouse.kong.plugins.module_utils._host.processes import PREFIX
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.run import LISTENER_SPEC, known_unit
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.sockets import (
    as_data,
    as_listener,
    compare,
    kongs,
    listeners_of,
    overridden,
    read_sockets,
    report,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.unit_environment import unit_environment

_SPEC = {
    "listeners": {"type": "list", "elements": "dict", "required": True, "options": LISTENER_SPEC},
    "settings": {"type": "dict", "default": {}},
    "service": {"type": "str", "default": "kong"},
    "prefix": {"type": "path", "default": PREFIX},
}


def run(params: dict[str, t.Any]) -> dict[str, t.Any]:
    """What differs, as the module returns it."""
    host = Host()
    unit = known_unit(host, params["service"])
    sockets = read_sockets(unit, params["prefix"])
    drift = compare(listeners_of(params["listeners"]), sockets)
    settings = {name: str(value) for name, value in params["settings"].items()}
    variables = overridden(settings, unit_environment(host, unit))
    lines = report(drift)
    return {
        "differs": bool(lines or variables),
        "listens": not lines,
        "report": [
            *lines,
            *(f"{name} in Kong's environment outranks its file, with another value" for name in variables),
        ],
        "missing": [asdict(one) for one in drift.missing],
        "unexpected": [as_data(one) for one in drift.unexpected],
        "present": [as_listener(one) for one in kongs(sockets)],
        "overridden": variables,
    }


def main() -> None:
    """Run the module."""
    module = AnsibleModule(_SPEC, supports_check_mode=True)
    try:
        require_root("kong_listen_info")
        result = run(module.params)
    except HostError as error:
        module.fail_json(msg=str(error))
    except OSError as error:
        module.fail_json(msg=f"the host's sockets and Kong's unit cannot be read: {error}")
    for name in result["overridden"]:
        module.warn(f"{name} in Kong's environment outranks its file, with another value: take it out of the unit")
    module.exit_json(changed=False, **result)


if __name__ == "__main__":
    main()
