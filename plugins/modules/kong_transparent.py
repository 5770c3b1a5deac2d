# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: kong_transparent
short_description: Redirect packets for other destinations to a port of this host
version_added: 0.1.0
description:
  - Delivers packets that a gateway would forward, selected by destination and port, to a listener on the gateway itself.
  - With the method V(tproxy), packets keep their destination, and the listener can read it. The socket of the listener must
    be transparent (C(IP_TRANSPARENT)), as with the flag V(transparent) of Kong 0.15 to 1.5. With the method V(redirect),
    the destination is rewritten, so any listener can be used.
  - Selected packets never bypass the listener. They are dropped if the listener is down, if its socket is not transparent,
    if their source is not allowed, and if they would still be forwarded.
  - Packets to the host's own addresses are never intercepted, so SSH to the host is not affected. The only exception are
    rules with O(interception[].own) and the method V(redirect).
  - The list is exact. A rule that is not listed any more is removed. The rules are loaded again at boot.
author:
  - gatehouse.kong contributors (!UNKNOWN)
extends_documentation_fragment:
  - gatehouse.kong.attributes
  - gatehouse.kong.archive
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
options:
  interception:
    description:
      - The intercept rules, from P(gatehouse.kong.kong_plan#lookup) for a node.
      - Required if O(state=present). An empty list removes everything, like O(state=absent).
    type: list
    elements: dict
    suboptions:
      method:
        description: Whether packets keep their destination.
        type: str
        choices: [tproxy, redirect]
        required: true
      family:
        description: The address family of the packets. The other family needs its own entry.
        type: str
        choices: [ipv4, ipv6]
        required: true
      destinations:
        description: Destination networks of this family (CIDR).
        type: list
        elements: str
        required: true
      own:
        description:
          - Whether the destinations are the host's own addresses, which no other rule intercepts.
          - Only for the method V(redirect).
        type: bool
        default: false
      ports:
        description: Destination ports (TCP).
        type: list
        elements: int
        required: true
      interfaces:
        description: Input interfaces. An empty list means all interfaces.
        type: list
        elements: str
        default: []
      listener:
        description: The name of the listener. Comments of rules and the diff contain it.
        type: str
        required: true
      address:
        description:
          - The bind address of the listener.
          - Without an address, the listener is bound to every address of the host.
        type: str
      port:
        description: The listener's port.
        type: int
        required: true
      sources:
        description: Either V(any), or a list of networks (CIDR) of this family. Packets from other sources are dropped.
        type: raw
        required: true
  state:
    description:
      - V(present) makes the host match O(interception).
      - V(absent) removes all rules, routes and files, and the systemd unit.
    type: str
    choices: [present, absent]
    default: present
notes:
  - Needs root (C(CAP_NET_ADMIN)), systemd, and the packages C(iproute2) and C(nftables), with every firewall manager.
  - The rules are in the nftables table C(inet gatehouse_kong_transparent). If ufw is enabled, there is also a rule in the
    chain C(INPUT) of iptables, before the chains of ufw, with the comment C(gatehouse.kong-transparent). ufw drops IPv4
    packets to addresses of other hosts before it evaluates the rules of C(ufw deny), so these rules are not effective for
    intercepted packets over IPv4. Third-party rules before the chains of ufw, such as bans of fail2ban, stay effective.
  - C(firewall-cmd --reload) and C(ufw reload) do not change any of these rules.
  - The method V(tproxy) needs the bits 0x10000000 and 0x20000000 of the packet mark, the routing rules 711 to 713 and the
    routing table 711.
  - A packet that V(tproxy) intercepts reaches the host's own input rules with its original destination address and port, and
    with the mark 0x10000000. The rule by which M(gatehouse.kong.kong_firewall) accepts authorised packets accepts it too, so
    run that module first. No other program can set this mark for packets that are not intercepted. If a chain of the host
    drops intercepted packets, the module fails before it changes anything, and the message has a command that accepts
    them. On a host with firewalld, this command opens a port.
  - A packet that V(redirect) intercepts reaches the listener's own port, for which the rules of
    M(gatehouse.kong.kong_firewall) apply.
  - Open connections through the host that the new rules select are ended.
  - Rules are saved in C(/etc/gatehouse_kong_transparent) and loaded at boot by C(gatehouse-kong-transparent.service). Drop-ins
    for C(nftables.service) and C(netfilter-persistent.service) load them again after these units have flushed all rules.
  - The module does not configure forwarding (C(net.ipv4.ip_forward)) for packets that are not intercepted.
seealso:
  - module: gatehouse.kong.kong_firewall
  - plugin: gatehouse.kong.kong_plan
    plugin_type: lookup
"""

EXAMPLES = r"""
- name: Deliver packets for 10.0.0.1:80 to port 8000 of Kong, with their original destination
  gatehouse.kong.kong_transparent:
    interception:
      - method: tproxy
        family: ipv4
        destinations: [10.0.0.1/32]
        ports: [80]
        listener: proxy
        port: 8000
        sources: [10.20.0.0/16]

- name: Remove all rules, routes and files
  gatehouse.kong.kong_transparent:
    state: absent
"""

RETURN = r"""
report:
  description: A readable line for each difference of the host.
  returned: success
  type: list
  elements: str
  sample: ["at boot: the unit gatehouse-kong-transparent.service is not enabled"]
drift:
  description: Unexpected (C(+)) and missing (C(-)) lines in the kernel.
  returned: success
  type: list
  elements: str
  sample: ["-ipv4 712:\tfrom all fwmark 0x20000000/0x20000000 lookup 711"]
boot:
  description: Differences that would have prevented the rules from being loaded after a reboot.
  returned: success
  type: list
  elements: str
deaf:
  description: A line for each port of a V(tproxy) rule without a transparent socket.
  returned: success
  type: list
  elements: str
conflicts:
  description:
    - Third-party rules that drop or may drop intercepted packets, in the form of M(gatehouse.kong.kong_firewall).
    - With the effect V(unload), units, drop-ins and scripts with which a boot ends without the intercept rules.
  returned: success
  type: list
  elements: dict
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.gatehouse.kong.plugins.module_utils._entry.run import ARCHIVE_SPEC, run_module

_RULE_SPEC = {
    "method": {"type": "str", "choices": ["tproxy", "redirect"], "required": True},
    "family": {"type": "str", "choices": ["ipv4", "ipv6"], "required": True},
    "destinations": {"type": "list", "elements": "str", "required": True},
    "own": {"type": "bool", "default": False},
    "ports": {"type": "list", "elements": "int", "required": True},
    "interfaces": {"type": "list", "elements": "str", "default": []},
    "listener": {"type": "str", "required": True},
    "address": {"type": "str"},
    "port": {"type": "int", "required": True},
    "sources": {"type": "raw", "required": True},
}
_SPEC = {
    **ARCHIVE_SPEC,
    "interception": {"type": "list", "elements": "dict", "options": _RULE_SPEC},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
}


def main() -> None:
    """Run the module."""
    run_module(
        "kong_transparent",
        AnsibleModule(_SPEC, supports_check_mode=True, required_if=[("state", "present", ["interception"])]),
    )


if __name__ == "__main__":
    main()
