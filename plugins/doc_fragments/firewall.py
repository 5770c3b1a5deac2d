# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """Options of the modules that compare a host's firewall with a ruleset."""

    DOCUMENTATION = r"""
options:
  ruleset:
    description:
      - The allowed sources of each port, as in the plan of M(gatehouse.kong.kong_plan) for a node.
    type: dict
    suboptions:
      allow:
        description: An entry for each protocol, port and bind address.
        type: list
        elements: dict
        required: true
        suboptions:
          listener:
            description: The name of the listener. Comments of rules and the diff contain it.
            type: str
            required: true
          protocol:
            description: The transport protocol.
            type: str
            choices: [tcp, udp]
            required: true
          port:
            description: The local port.
            type: int
            required: true
          address:
            description:
              - The bind address.
              - V(0.0.0.0) covers every IPv4 address and no IPv6 packets. V(::) covers every IPv6 address and no IPv4 packets.
              - Without an address, the entry covers every address of both families.
            type: str
          sources:
            description:
              - Either V(any), or a list of names of sets in O(ruleset.sets).
              - With an empty list, only connections from the host itself are allowed.
            type: raw
            required: true
          published:
            description:
              - Whether the host translates the port to a container, as Docker and podman do. The entry then also covers
                forwarded packets, by the address and port that the client has dialled.
            type: bool
            default: false
      sets:
        description:
          - Named groups of sources, each a dictionary with the lists C(ipv4) and C(ipv6) of networks in CIDR notation.
          - Sets that no entry uses are ignored.
        type: dict
        default: {}
      staged:
        description:
          - Whether packets of other sources pass, so that only the host's own rules decide.
          - With V(present) and V(staged) of O(gatehouse.kong.kong_firewall#module:state), the state decides instead.
        type: bool
        default: false
      count_days:
        description:
          - For how many days an entry is kept after its last packet if packets of other sources are counted, from 1 to 365.
          - V(0) counts nothing. A staged ruleset then counts for 14 days.
        type: int
        default: 0
  backend:
    description:
      - The firewall manager of the host. It determines the place of the rule that accepts authorised packets before the
        default policy of the host. Unauthorised packets are dropped in the same place on every host, see the notes.
      - V(auto) selects firewalld if it is enabled or active. It is an error if firewalld is enabled but stopped. Otherwise
        V(auto) selects ufw if it is enabled. Otherwise it selects iptables if a service that loads saved rules is enabled
        (C(netfilter-persistent.service) of Debian, C(iptables.service) or C(ip6tables.service) of iptables-services), or if
        the host's iptables is iptables-legacy and has rules. Otherwise it selects nftables. The result names the manager
        and the reason. A host with two enabled managers, or with rules of both iptables-legacy and iptables-nft, is an
        error.
      - With V(firewalld), each zone that has interfaces, and the default zone, gets rich rules of priority 32767, which
        firewalld evaluates last in the zone. Their sources are ipsets whose names begin with C(gkfwd4-) and C(gkfwd6-).
        C(firewall-cmd --list-all) shows them. Rich rules that drop, zones of banned sources and direct rules are evaluated
        first and stay effective. Needs firewalld 0.9 or later.
      - V(ufw) adds one rule for IPv4 and one for IPv6, at the end of the chains C(ufw-after-input) and C(ufw6-after-input).
        It accepts packets of authorised sources. C(ufw show after-rules) lists it with the comment C(gatehouse.kong);
        C(ufw status) does not. Rules of C(ufw deny), C(reject) and C(limit) are evaluated first and stay effective. Rules of
        C(ufw allow) do not open a managed port to other sources. Default policies are unchanged, and so is whether ufw is
        enabled.
      - V(iptables) adds one rule with the comment C(gatehouse.kong) to the table C(filter) of each family. The rule is added
        before the first rule that decides about every new packet to a managed port; if there is none, it is the last rule of
        C(INPUT). The module uses the variant, nft or legacy, that C(iptables -V) shows. It fails if rules of the other
        variant are loaded.
      - V(nftables) adds one rule with the comment C(gatehouse.kong) to each base chain of the host that drops by default.
        The rule is added before the rule that drops; if there is none, it is the last rule of the chain.
    type: str
    choices: [auto, firewalld, iptables, nftables, ufw]
    default: auto
"""
