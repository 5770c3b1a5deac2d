# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: kong_placeholder
short_description: Open placeholder listeners while a firewall is verified, and observe accepted packets
version_added: 0.1.0
author:
  - gatehouse.kong contributors (!UNKNOWN)
description:
  - Internal to the roles and playbooks of this collection, and may change with every release.
  - The firewall in front of a port cannot be verified if no process listens on the port. This module starts a temporary
    process that opens the planned ports that are free. It accepts and closes connections, and it answers pings of HashiCorp
    memberlist over UDP.
  - A service over UDP, such as a stream or encrypted gossip, need not answer. Therefore the process also observes the
    datagrams of C(udp) probes of M(gatehouse.kong.kong_probe) if there is a UDP listener. It recognises them by their
    marks. It receives a datagram when it arrives, before any rule, and again after all rules for input have accepted it.
    No rule is added or changed for this.
  - A port in use is left to its process. A host has at most one placeholder process; a new process replaces the last
    process.
  - The process ends on request, and by itself after O(seconds), even if the run was killed. It writes only a socket in
    C(/run).
extends_documentation_fragment:
  - gatehouse.kong.attributes
  - gatehouse.kong.archive
attributes:
  check_mode:
    support: full
    details: Nothing is started or ended in check mode.
  diff_mode:
    support: none
options:
  state:
    description: V(present) starts the process. V(absent) ends it and returns its observations.
    type: str
    choices: [present, absent]
    default: present
  listeners:
    description:
      - The planned listeners, as in the plan of M(gatehouse.kong.kong_plan) for a node. Required with O(state=present).
      - Listeners with a host name as address are ignored.
    type: list
    elements: dict
    suboptions:
      name:
        description: The name of the listener.
        type: str
        required: true
      protocols:
        description: V(tcp), V(udp), or both.
        type: list
        elements: str
        choices: [tcp, udp]
        required: true
      port:
        description: The port.
        type: int
        required: true
      address:
        description: The bind address, or V(*).
        type: str
        required: true
      setting:
        description: The setting that opens the listener. Not used.
        type: str
      flags:
        description: The flags of the listener. Only V(ipv6only=off) is used.
        type: list
        elements: str
  listen:
    description: Whether to open the free ports. With V(false), the process only observes datagrams.
    type: bool
    default: true
  seconds:
    description: Seconds after which the process ends by itself, 1 to 3600.
    type: int
    default: 300
notes:
  - Needs root for ports below 1024 and to observe datagrams (CAP_NET_RAW). RV(observer.blind) has the reason if it cannot
    observe.
  - Kong cannot start while the placeholder process listens. End the process before you start Kong.
seealso:
  - module: gatehouse.kong.kong_probe
"""

EXAMPLES = r"""
- name: Open placeholder listeners before Kong is installed
  gatehouse.kong.kong_placeholder:
    listeners:
      - {name: proxy, protocols: [tcp], address: 0.0.0.0, port: 8000}
      - {name: cluster, protocols: [tcp, udp], address: 10.0.0.1, port: 7946}

- name: Close the placeholder listeners
  gatehouse.kong.kong_placeholder:
    state: absent

- name: Observe the accepted packets to a stream of a running Kong
  gatehouse.kong.kong_placeholder:
    listeners:
      - {name: stream, protocols: [udp], address: 0.0.0.0, port: 9053}
    listen: false
"""

RETURN = r"""
placeholders:
  description: The open placeholder listeners, with C(name), C(protocol), C(address) and C(port).
  returned: with O(state=present), outside of check mode
  type: list
  elements: dict
pid:
  description: The id of the process.
  returned: with O(state=present), outside of check mode
  type: int
left_out:
  description: The listeners that were not opened, with the C(reason); usually the address is in use.
  returned: with O(state=present), outside of check mode
  type: list
  elements: dict
blind:
  description:
    - By family, V(ipv4) or V(ipv6), the reason why the process cannot observe datagrams.
    - Empty if it can, or if there is no UDP listener.
  returned: with O(state=present), outside of check mode
  type: dict
observer:
  description: The observations of the process. Empty if there was no UDP listener.
  returned: with O(state=absent), outside of check mode, if the process was running
  type: dict
  contains:
    arrived:
      description: Marks of the datagrams that arrived at the host, accepted or not.
      type: list
      elements: str
    let_in:
      description: Marks of the datagrams that the rules for input accepted, to an address and port with a listening process.
      type: list
      elements: str
    unheard:
      description: Marks of the datagrams that the rules for input accepted, to a port without a listening process.
      type: list
      elements: str
    sent_on:
      description: Marks of the datagrams that the host forwarded, for example to a container.
      type: list
      elements: str
    blind:
      description: By family the reason why datagrams may be missing, as in RV(blind), or because a buffer was full.
      type: dict
  sample: {arrived: [36fdb2566ecc3af8], let_in: [36fdb2566ecc3af8], unheard: [], sent_on: [], blind: {}}
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.gatehouse.kong.plugins.module_utils._entry.listeners import LISTENER_SPEC
from ansible_collections.gatehouse.kong.plugins.module_utils._entry.run import ARCHIVE_SPEC, run_module

_SPEC = {
    **ARCHIVE_SPEC,
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "listeners": {"type": "list", "elements": "dict", "options": LISTENER_SPEC},
    "listen": {"type": "bool", "default": True},
    "seconds": {"type": "int", "default": 300},
}


def main() -> None:
    """Run the module."""
    run_module(
        "kong_placeholder",
        AnsibleModule(_SPEC, supports_check_mode=True, required_if=[("state", "present", ["listeners"])]),
    )


if __name__ == "__main__":
    main()
