# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: kong_listen_info
short_description: Compare the sockets of a host with Kong's planned listeners
version_added: 0.1.0
description:
  - Reads the open sockets of the host, independent of Kong's file, and compares them with the planned listeners. Changes
    nothing and opens no connection.
  - A planned listener without a socket is missing. A socket of Kong, or on a port of Kong, that is not planned is
    unexpected, for example an Admin API that still listens on C(0.0.0.0).
  - Variables C(KONG_…) that systemd sets for Kong's unit take precedence over Kong's file (Kong 0.9 and later). Variables
    with another value than the setting are reported.
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
    description: Settings of Kong by name. Environment variables of Kong with other values are reported.
    type: dict
    default: {}
  service:
    description:
      - Kong's systemd unit. The sockets of its processes and the variables of the unit belong to Kong.
      - If the text is empty or the host has no such unit, the processes in the pid files below O(prefix), and their child
        processes, belong to Kong.
      - If there are no such processes, the sockets of nginx and Serf on the ports of O(listeners) belong to Kong.
    type: str
    default: kong
  prefix:
    description: The prefix of the running Kong. Before 0.9 this is C(nginx_working_dir).
    type: path
    default: /usr/local/kong
notes:
  - Needs root to find the process of each socket.
  - Sockets on a loopback address are never unexpected.
  - A socket at C([::]) also counts for C(0.0.0.0) if there is no other socket. Whether it accepts IPv4 cannot be read.
  - The sockets of a Kong in a container are not visible to this module.
seealso:
  - module: gatehouse.kong.kong_firewall_info
"""

EXAMPLES = r"""
- name: Compare the sockets with the planned listeners
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
  description: Whether a listener is missing, a socket is unexpected, or a setting is overridden.
  returned: success
  type: bool
report:
  description: A readable line for each difference.
  returned: success
  type: list
  elements: str
  sample: ["tcp 0.0.0.0:8001 (nginx) is not in the plan"]
missing:
  description: Planned listeners without a socket, with C(name), C(protocol), C(port) and C(address).
  returned: success
  type: list
  elements: dict
unexpected:
  description:
    - Sockets that are not planned, with C(protocol), C(address), C(port), C(process) and C(unit).
    - If Kong has no unit, C(unit) of its sockets is Kong's prefix.
  returned: success
  type: list
  elements: dict
listens:
  description: Whether exactly O(listeners) listen, so that no listener is missing and no socket is unexpected.
  returned: success
  type: bool
present:
  description:
    - The present sockets of Kong's processes, in the form of O(listeners). If Kong's processes are unknown, these are the
      sockets of nginx and Serf.
  returned: success
  type: list
  elements: dict
cannot_bind:
  description:
    - Why a process cannot bind an address of O(listeners), and the fix. The host does not have the address now, and the sysctl
      C(ip_nonlocal_bind) of its family is 0. Empty if every address can be bound.
    - Listeners with the flag C(transparent) can bind any address, and host names are not resolved.
  returned: success
  type: str
  sample: "this host does not have 192.168.10.100 now, so Kong cannot bind it and would not start"
overridden:
  description: Names of environment variables that override settings with another value.
  returned: success
  type: list
  elements: str
  sample: [KONG_ADMIN_LISTEN]
"""

import typing as t
from collections.abc import Mapping, Sequence
from dataclasses import asdict

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.gatehouse.kong.plugins.module_utils._host.addresses import is_address, is_bindable
from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import Host, HostError, require_root
from ansible_collections.gatehouse.kong.plugins.module_utils._host.processes import PREFIX
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.run import LISTENER_SPEC, find_unit
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.sockets import (
    compare,
    find_kong_sockets,
    find_overridden,
    parse_listeners,
    read_sockets,
    report,
    socket_to_data,
    socket_to_listener,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.unit_environment import unit_environment

_SPEC = {
    "listeners": {"type": "list", "elements": "dict", "required": True, "options": LISTENER_SPEC},
    "settings": {"type": "dict", "default": {}},
    "service": {"type": "str", "default": "kong"},
    "prefix": {"type": "path", "default": PREFIX},
}


def run(params: dict[str, t.Any]) -> dict[str, t.Any]:
    """Return the differences as the result of the module."""
    host = Host()
    unit = find_unit(host, params["service"])
    sockets = read_sockets(unit, params["prefix"])
    drift = compare(parse_listeners(params["listeners"]), sockets)
    settings = {name: str(value) for name, value in params["settings"].items()}
    variables = find_overridden(settings, unit_environment(host, unit))
    lines = report(drift, is_running=bool(find_kong_sockets(sockets)))
    return {
        "differs": bool(lines or variables),
        "listens": not lines,
        "report": [
            *lines,
            *(f"{name} in Kong's environment overrides the setting in Kong's file" for name in variables),
        ],
        "missing": [asdict(listener) for listener in drift.missing],
        "unexpected": [socket_to_data(sock) for sock in drift.unexpected],
        "present": [socket_to_listener(sock) for sock in find_kong_sockets(sockets)],
        "cannot_bind": explain_unbindable(find_unbindable(params["listeners"])),
        "overridden": variables,
    }


def find_unbindable(listeners: Sequence[Mapping[str, t.Any]]) -> list[str]:
    """Return the addresses of listeners that no process can bind now."""
    bound = {listener["address"]: None for listener in listeners if "transparent" not in (listener["flags"] or ())}
    return [address for address in bound if is_address(address) and not is_bindable(address)]


def explain_unbindable(addresses: Sequence[str]) -> str:
    """Return a text about addresses that cannot be bound, with the fix; empty without such addresses."""
    if not addresses:
        return ""
    sysctls = {f"net.ipv{6 if ':' in address else 4}.ip_nonlocal_bind=1": None for address in addresses}
    return (
        f"this host does not have {' and '.join(addresses)} now, so Kong cannot bind it and would not start. Set the sysctl "
        f"{' and '.join(sysctls)} if the address is virtual, or correct the listen setting"
    )


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
        module.warn(
            f"{name} in Kong's environment overrides the setting in Kong's file: remove the variable from Kong's unit"
        )
    module.exit_json(changed=False, **result)


if __name__ == "__main__":
    main()
