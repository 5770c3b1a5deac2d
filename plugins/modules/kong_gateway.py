# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: kong_gateway
short_description: Make a host forward ports to other hosts, for listed sources only
version_added: 0.1.0
description:
  - Makes a Linux NAT gateway translate the destination of the listed ports, and the source of connections from inside.
    Packets of a forward from other sources are dropped, whatever the host's own rules accept.
  - The list is exact. A forward that is not listed any more is removed. Third-party rules are never changed.
  - All rules change in one transaction, and are loaded again at boot. A change is confirmed over a new connection from the
    controller. Without a confirmation the host restores the state before, after O(rollback_timeout) or at its next boot.
  - Tracked flows to a forward that leads elsewhere now, or that was removed, are ended. Other flows continue.
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
  forwards:
    description:
      - The forwarded ports, from P(gatehouse.kong.kong_plan#lookup) for a gateway. Required if O(state=present)
        or O(state=merged).
    type: list
    elements: dict
    suboptions:
      listener:
        description: The name of the listener inside. Comments of rules and the diff contain it.
        type: str
        required: true
      protocol:
        description: The transport protocol. Another protocol of the port needs its own entry.
        type: str
        choices: [tcp, udp]
        required: true
      outside:
        description: The destination address before the translation. The host must have this address, share it, or have it in
          O(outside_interfaces). If address and port are the same before and after the translation, the host only forwards the
          packets.
        type: str
        required: true
      outside_port:
        description: The destination port before the translation.
        type: int
        required: true
      inside:
        description: The destination address after the translation, of the same family.
        type: str
        required: true
      inside_port:
        description: The destination port after the translation.
        type: int
        required: true
      sources:
        description: Either V(any), or a list of names of sets in O(sets).
        type: raw
        required: true
      hairpin:
        description: Connections from inside to the outside address. The host returns them to the inside with another source.
        type: dict
        suboptions:
          callers:
            description: The networks (CIDR) of the callers inside. They are allowed in addition to the sources.
            type: list
            elements: str
            required: true
          source:
            description: The source address that the packets get, an address of this host on the network inside.
            type: str
            required: true
  egress:
    description:
      - Source NAT for connections that leave through the interface of the outside address. Packets for IPsec tunnels are left
        out.
    type: list
    elements: dict
    default: []
    suboptions:
      inside:
        description: The address of a host inside.
        type: str
        required: true
      outside:
        description: The source address after the translation. The host must have this address, share it, or have it in
          O(outside_interfaces).
        type: str
        required: true
  sets:
    description:
      - Named groups of sources, each a dictionary with the lists C(ipv4) and C(ipv6) of networks in CIDR notation.
    type: dict
    default: {}
  shared_addresses:
    description:
      - Outside addresses that this host shares with another gateway, for example with keepalived (VRRP). Only one gateway at a
        time holds such an address. The host needs another address in the network of each shared address. It translates the packets
        that arrive while it holds the address.
    type: list
    elements: str
    default: []
  outside_interfaces:
    description:
      - Outside addresses that may change, for example because of DHCP or PPPoE, each with its interface on this host. The rules
        match packets to any address of the interface, and connections from inside leave with the interface's address. So they
        stay the same if the address changes. An interface has at most one address of each family here.
    type: dict
    default: {}
  state:
    description:
      - V(present) makes the host match the options.
      - V(merged) adds the translations and sources of the options, and keeps all other translations and sources that do not
        contradict them. Use it while nodes move to other addresses or ports. A later run with V(present) removes the
        translations and sources that are not in its options.
      - V(absent) removes all rules, all files and the systemd unit.
      - V(rolled_back) restores the translations before the last confirmed change; before the run with V(merged), if that run
        preceded V(present). A second run with V(rolled_back) changes nothing. If the host has no previous translations, for
        example after O(state=absent), the module warns.
    type: str
    choices: [present, merged, absent, rolled_back]
    default: present
  rollback_timeout:
    description:
      - Seconds after the complete change within which the controller has to confirm it over a new connection.
    type: int
    default: 30
  confirm:
    description:
      - The change to confirm. The action plugin of this module sets this option. Do not use it in playbooks.
    type: str
notes:
  - Needs root (C(CAP_NET_ADMIN)), systemd and the package C(nftables). Hosts with rules of iptables-legacy in
    C(FORWARD), or with V(StrictForwardPorts=yes) of firewalld, are refused before any change.
  - The host must forward packets (C(net.ipv4.ip_forward), C(net.ipv6.conf.all.forwarding)). The module does not set it.
  - The rules are in the table C(inet gatehouse_kong_nat) of nftables, saved in C(/etc/gatehouse_kong_nat), and loaded at boot
    by C(gatehouse-kong-nat.service). A drop-in for C(nftables.service) loads them again after that unit has flushed all rules.
  - An accept in one nftables chain does not end other chains. If a chain of the host drops all packets of a forward, the
    module fails before any change. If the chain may drop them, the module warns. The message has the rule that accepts packets
    of our forwards by their mark, C(0x10000000). This rule stays the same for all forwards.
  - The module fails if a third-party rule translates the same port to another destination.
seealso:
  - module: gatehouse.kong.kong_firewall
  - plugin: gatehouse.kong.nat_forwards
    plugin_type: filter
  - plugin: gatehouse.kong.kong_plan
    plugin_type: lookup
"""

EXAMPLES = r"""
- name: Forward port 9000 over tcp to port 80 of a node
  gatehouse.kong.kong_gateway:
    forwards:
      - listener: cluster
        protocol: tcp
        outside: 192.168.10.5
        outside_port: 9000
        inside: 192.168.23.45
        inside_port: 80
        sources: [peers]
        hairpin:
          callers: [192.168.23.45/32]
          source: 192.168.23.254
    egress:
      - inside: 192.168.23.45
        outside: 192.168.10.5
    sets:
      peers:
        ipv4: [192.168.10.11/32, 192.168.10.12/32]

- name: Remove all rules and files
  gatehouse.kong.kong_gateway:
    state: absent
"""

RETURN = r"""
report:
  description: A readable line for each difference of the host. If third-party rules stop the change, a line for each of them.
  returned: success, or if third-party rules stop the change
  type: list
  elements: str
  sample: ["missing: tcp 9000 at 192.168.10.5 to 192.168.23.45:80 (cluster), from peers"]
conflicts:
  description:
    - Third-party rules that drop or may drop packets of the forwards, or translate them to another destination, in the form of
      M(gatehouse.kong.kong_firewall).
    - With the effect V(part), rules and policies that certainly drop packets of some planned sources, or some connections of hosts
      inside to the outside. The ports name them.
    - With the effect V(unload), units, drop-ins and scripts with which a boot ends without the translations.
  returned: success
  type: list
  elements: dict
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.gatehouse.kong.plugins.module_utils._entry.run import ARCHIVE_SPEC, run_module

_HAIRPIN_SPEC = {
    "callers": {"type": "list", "elements": "str", "required": True},
    "source": {"type": "str", "required": True},
}
_FORWARD_SPEC = {
    "listener": {"type": "str", "required": True},
    "protocol": {"type": "str", "choices": ["tcp", "udp"], "required": True},
    "outside": {"type": "str", "required": True},
    "outside_port": {"type": "int", "required": True},
    "inside": {"type": "str", "required": True},
    "inside_port": {"type": "int", "required": True},
    "sources": {"type": "raw", "required": True},
    "hairpin": {"type": "dict", "options": _HAIRPIN_SPEC},
}
_EGRESS_SPEC = {
    "inside": {"type": "str", "required": True},
    "outside": {"type": "str", "required": True},
}
_SPEC = {
    **ARCHIVE_SPEC,
    "forwards": {"type": "list", "elements": "dict", "options": _FORWARD_SPEC},
    "egress": {"type": "list", "elements": "dict", "options": _EGRESS_SPEC, "default": []},
    "sets": {"type": "dict", "default": {}},
    "shared_addresses": {"type": "list", "elements": "str", "default": []},
    "outside_interfaces": {"type": "dict", "default": {}},
    "state": {"type": "str", "choices": ["present", "merged", "absent", "rolled_back"], "default": "present"},
    "rollback_timeout": {"type": "int", "default": 30},
    # Set by the action plugin: the change to confirm.
    "confirm": {"type": "str"},
}


def main() -> None:
    """Run the module."""
    needs_forwards = [("state", state, ["forwards"]) for state in ("present", "merged")]
    run_module("kong_gateway", AnsibleModule(_SPEC, supports_check_mode=True, required_if=needs_forwards))


if __name__ == "__main__":
    main()
