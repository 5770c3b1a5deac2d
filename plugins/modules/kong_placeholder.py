# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: kong_placeholder
short_description: Listen in Kong's place while a firewall is proved, and watch what it lets in
version_added: 0.1.0
author:
  - gatehouse.kong contributors (!UNKNOWN)
description:
  - A port that nobody listens on answers as a closed one, so a firewall in front of it cannot be proved. This module has a
    throw-away process listen wherever nobody does, accept connections and close them, and answer pings of HashiCorp
    memberlist over UDP.
  - A service over UDP need not answer, as that of a stream, or gossip that is encrypted. So where there is a UDP listener
    the process also watches for the datagrams of M(gatehouse.kong.kong_probe) probes of kind C(udp), which it tells from
    all others by their marks. It sees them when they arrive, before any rule, and once more when all rules for input have
    let them in. No rule is made or changed for that.
  - A port that is in use stays with who has it. There is one such process on a host at most; a new one takes the place of
    the last.
  - It ends when it is told to, and by itself after O(seconds), whatever becomes of the run. Nothing is written but a
    socket in C(/run).
extends_documentation_fragment:
  - gatehouse.kong.attributes
attributes:
  check_mode:
    support: full
    details: Nothing is started or ended in check mode.
  diff_mode:
    support: none
options:
  state:
    description: V(present) starts the process, V(absent) ends it and returns what it saw.
    type: str
    choices: [present, absent]
    default: present
  listeners:
    description:
      - What would listen, as the plan of M(gatehouse.kong.kong_plan) holds it for a node. Required with O(state=present).
      - Listeners on a host name are left out.
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
        description: The setting that opens it. Not used.
        type: str
      flags:
        description: The flags of the listener. V(ipv6only=off) counts.
        type: list
        elements: str
  listen:
    description: Whether to listen where nobody does. With V(false) the process only watches.
    type: bool
    default: true
  seconds:
    description: When the process ends by itself, 1 to 3600.
    type: int
    default: 300
notes:
  - Needs root where a port is below 1024, and to watch (CAP_NET_RAW). What it cannot see it says in RV(observer.blind).
  - While it listens, Kong cannot start. Do not start Kong in the same run before it is absent again.
seealso:
  - module: gatehouse.kong.kong_probe
"""

EXAMPLES = r"""
- name: Open placeholder listeners before Kong is installed
  gatehouse.kong.kong_placeholder:
    listeners:
      - {name: proxy, protocols: [tcp], address: 0.0.0.0, port: 8000}
      - {name: cluster, protocols: [tcp, udp], address: 10.0.0.1, port: 7946}

- name: Give the ports back
  gatehouse.kong.kong_placeholder:
    state: absent

- name: Watch what is let in to a stream of a Kong that runs
  gatehouse.kong.kong_placeholder:
    listeners:
      - {name: stream, protocols: [udp], address: 0.0.0.0, port: 9053}
    listen: false
"""

RETURN = r"""
placeholders:
  description: What it listens on, with C(name), C(protocol), C(address) and C(port).
  returned: with O(state=present), outside of check mode
  type: list
  elements: dict
pid:
  description: The process.
  returned: with O(state=present), outside of check mode
  type: int
left_out:
  description: What it does not, with the C(reason); mostly that the address is in use.
  returned: with O(state=present), outside of check mode
  type: list
  elements: dict
blind:
  description: By family, V(ipv4) or V(ipv6), why it does not see what arrives. Empty where it does, or where nothing is watched.
  returned: with O(state=present), outside of check mode
  type: dict
observer:
  description: What the process saw. Empty where there was no UDP listener to watch.
  returned: with O(state=absent), outside of check mode, where the process was still there
  type: dict
  contains:
    arrived:
      description: Marks of the datagrams that came to the host, whatever its rules did with them.
      type: list
      elements: str
    let_in:
      description: Marks of those that its rules for input let in, to an address and port at which somebody listens.
      type: list
      elements: str
    unheard:
      description: Marks of those that its rules for input let in where nobody listens.
      type: list
      elements: str
    sent_on:
      description: Marks of those that it sent on, as to a container.
      type: list
      elements: str
    blind:
      description: By family why it did not see everything, as RV(blind), or that datagrams came too fast.
      type: dict
  sample: {arrived: [36fdb2566ecc3af8], let_in: [36fdb2566ecc3af8], unheard: [], sent_on: [], blind: {}}
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import HostError, require_root
from ansible_collections.gatehouse.kong.plugins.module_utils._probe.placeholder import PlaceholderError, start, stop

_LISTENER_SPEC = {
    "name": {"type": "str", "required": True},
    "protocols": {"type": "list", "elements": "str", "choices": ["tcp", "udp"], "required": True},
    "port": {"type": "int", "required": True},
    "address": {"type": "str", "required": True},
    "setting": {"type": "str"},
    "flags": {"type": "list", "elements": "str"},
}
_SPEC = {
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "listeners": {"type": "list", "elements": "dict", "options": _LISTENER_SPEC},
    "listen": {"type": "bool", "default": True},
    "seconds": {"type": "int", "default": 300},
}


def run(module: AnsibleModule) -> dict[str, t.Any]:
    """Start or end the process; the result of the module. A listener of a moment changes nothing that lasts."""
    if module.check_mode:
        return {}
    if module.params["state"] == "absent":
        seen = stop()
        return {} if seen is None else {"observer": seen}
    return start(module.params["listeners"], module.params["seconds"], listen=module.params["listen"])


def main() -> None:
    """Run the module."""
    module = AnsibleModule(_SPEC, supports_check_mode=True, required_if=[("state", "present", ["listeners"])])
    if not 1 <= module.params["seconds"] <= 3600:
        module.fail_json(msg=f"seconds is {module.params['seconds']!r}; it must be 1 to 3600")
    try:
        require_root("kong_placeholder")
        result = run(module)
    except (PlaceholderError, HostError) as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=False, **result)


if __name__ == "__main__":
    main()
