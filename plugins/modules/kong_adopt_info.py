# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

DOCUMENTATION = r"""
module: kong_adopt_info
short_description: Read the running Kong of a host
version_added: 0.1.0
author: gatehouse.kong contributors (@gatehouse-kong)
description:
  - Internal to the roles and playbooks of this collection, and may change with every release.
  - Reads each running Kong of the host, how it was started, its effective listen and cluster settings with their origins, its
    sockets, its clients, the members of its Serf cluster, and the sources that the rules of the host allow now. Changes nothing,
    and runs no program of Kong except C(serf members) and C(serf info). Asks podman or docker about Kong's container.
  - Without O(seconds), connects only to the Admin API at an address of the host itself, to read the running version and the data
    planes.
  - Values of secrets stay on the host.
options:
  service:
    description: Kong's systemd unit, for a Kong whose unit cannot be found by its processes.
    type: str
    default: kong
  settings:
    description: The names of the settings. The action plugin sets it.
    type: list
    elements: str
    default: []
  registered:
    description: Name of the variable with the result of an earlier run of each host, from which the action plugin finds O(ends).
    type: str
  ends:
    description: Addresses and TCP ports of other hosts. The action plugin sets this option.
    type: list
    elements: dict
    default: []
    suboptions:
      address:
        description: The address.
        type: str
        required: true
      port:
        description: The TCP port.
        type: int
        required: true
  seconds:
    description:
      - With a value other than 0, the module does not read the Kongs. It opens connections to O(ends), sends nothing, and holds
        the connections for this number of seconds. Hosts that do this at the same time record each other's connections.
    type: float
    default: 0.0
extends_documentation_fragment:
  - gatehouse.kong.attributes
  - gatehouse.kong.archive
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
notes:
  - Needs root to read the files and sockets of Kong.
seealso:
  - module: gatehouse.kong.kong_adopt
"""

EXAMPLES = r"""
- name: Read the running Kong
  gatehouse.kong.kong_adopt_info:
  register: running
"""

RETURN = r"""
problem:
  description: The reason why the host cannot be reached.
  returned: if there is no connection
  type: str
kongs:
  description:
    - The Kongs of the host, with C(version), C(answers), C(hostname), C(id), C(data_planes), C(prefix), C(unit), C(container),
      C(shares_network), C(starter), C(path), C(mounted), C(published), C(format), C(settings), C(secrets), C(sockets), C(clients),
      C(links), C(ring), C(logged) and C(access).
    - C(version) is the running version if the Admin API C(answers), else that of Kong's files. C(data_planes) has C(id),
      C(hostname) and C(ip) of each data plane that a control plane knows. C(id) is the id of a Kong that is a data plane.
    - C(mounted) is the file of the host that a container has mounted as C(path). C(published) has C(address), C(port), C(inside) and
      C(protocol) of each published port of a container with a network of its own, or is null.
    - C(settings) has C(value), C(origin) and C(place) of each setting with a known value.
    - C(secrets) has C(name) and C(place) of each secret setting that Kong's file or environment has.
    - C(clients) has C(port) and C(source) of each client with an open tcp connection to a port of Kong (C(found) is C(connected)),
      or in the table of connection tracking (C(tracked)).
    - C(links) has C(address), C(port), C(peer) and C(peer_port) of each open connection between a control plane and a data plane,
      as this end sees it.
    - C(ring) has the C(name) of the Serf agent of Kong 0.6 to 0.10, and C(name), C(address), C(port) and C(status) of each of the
      C(members) that the agent knows. Both are empty without an agent.
    - C(logged) are the addresses in the access log of the Admin API, in the last 16 MiB of the file.
    - C(access) has C(protocol), C(port) and C(family) of each socket that other hosts can reach, and the networks from which the
      rules of nftables and iptables accept a new connection. C(sources) is C(any) with exceptions in C(except), or a list. For the
      networks in C(unknown), the rules do not decide it, because of C(reason). For a Kong in a container with a network of its own,
      C(port) is a published port and C(inside) the port in the container.
  returned: success
  type: list
  elements: dict
sent:
  description: The connections to O(ends), with C(address), C(port), C(peer) and C(peer_port) as this host sees them.
  returned: if O(seconds) is not 0
  type: list
  elements: dict
received:
  description: The connections of other hosts to the ports of Kong during this time.
  returned: if O(seconds) is not 0
  type: list
  elements: dict
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.gatehouse.kong.plugins.module_utils._entry.run import ARCHIVE_SPEC, run_module

_SPEC = {
    **ARCHIVE_SPEC,
    "service": {"type": "str", "default": "kong"},
    "settings": {"type": "list", "elements": "str", "default": []},
    "ends": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {"address": {"type": "str", "required": True}, "port": {"type": "int", "required": True}},
    },
    "registered": {"type": "str"},
    "seconds": {"type": "float", "default": 0.0},
}


def main() -> None:
    """Run the module."""
    run_module("kong_adopt_info", AnsibleModule(_SPEC, supports_check_mode=True))


if __name__ == "__main__":
    main()
