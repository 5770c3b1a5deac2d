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
      - Who may reach what, as the plan of M(gatehouse.kong.kong_plan) holds it for a node.
    type: dict
    suboptions:
      allow:
        description: One entry for each protocol, port and bind address.
        type: list
        elements: dict
        required: true
        suboptions:
          listener:
            description: The name of the listener, which comments and the diff show.
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
              - V(0.0.0.0) is every IPv4 address and leaves IPv6 packets to that port alone, V(::) the other way round.
              - Without an address the entry is for every address of both families.
            type: str
          sources:
            description:
              - Either V(any), or a list of names of sets in O(ruleset.sets).
              - With an empty list nobody but the host itself gets in.
            type: raw
            required: true
          published:
            description:
              - Whether it is a port that the host translates to a container, as Docker and podman do. The entry then holds
                for packets that the host forwards as well, by the address and port that their sender dialled.
            type: bool
            default: false
      sets:
        description:
          - Named groups of sources, each a dictionary with the lists C(ipv4) and C(ipv6) of networks in CIDR notation.
          - Sets that no entry names are left out.
        type: dict
        default: {}
  backend:
    description:
      - The firewall manager of the host. It decides where the rule is that accepts authorised packets before the host's
        default. Unauthorised packets are dropped in the same place on every host, see the notes.
      - V(auto) is firewalld if it is enabled or active (one that is enabled and stopped is refused), else ufw if it is
        enabled, else iptables if a service is enabled that loads its
        saved rules (C(netfilter-persistent.service) of Debian, C(iptables.service) or C(ip6tables.service) of
        iptables-services), or if the host's iptables is iptables-legacy and has rules, else nftables. The result names the
        manager and the reason. A host with two enabled managers, or with rules of both iptables-legacy and iptables-nft, is
        refused.
      - With V(firewalld), each zone that has interfaces, and the default zone, gets rich rules of priority 32767, which
        firewalld evaluates last in the zone. Their sources are ipsets whose names begin with C(gkfwd4-) and C(gkfwd6-).
        C(firewall-cmd --list-all) shows them. Rich rules that drop, zones of banned sources and direct rules come first
        and hold. Needs firewalld 0.9 or later.
      - V(ufw) adds one rule for IPv4 and one for IPv6, at the end of the chains C(ufw-after-input) and C(ufw6-after-input).
        It accepts packets of authorised sources. C(ufw show after-rules) lists it with the comment C(gatehouse.kong);
        C(ufw status) does not. Rules of C(ufw deny), C(reject) and C(limit) come first and hold. Rules of C(ufw allow) do
        not open a managed port to other sources. Default policies, and whether ufw is enabled, stay as they are.
      - V(iptables) adds one rule with the comment C(gatehouse.kong) to the table C(filter) of each family, before the first
        rule that ends every new packet to a managed port, or else as the last rule of C(INPUT). It uses the variant, nft
        or legacy, that C(iptables -V) names, and fails if rules of the other variant are loaded.
      - V(nftables) adds one rule with the comment C(gatehouse.kong) to each base chain of the host that drops by default,
        before the rule that drops, or else as its last rule.
    type: str
    choices: [auto, firewalld, iptables, nftables, ufw]
    default: auto
"""
