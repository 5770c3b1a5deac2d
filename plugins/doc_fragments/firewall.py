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
      - The firewall system to write to.
      - V(auto) finds the one that rules the host, which is firewalld if it is active, else ufw if it is enabled, else
        iptables if a service is enabled that loads saved rules of it (C(netfilter-persistent.service) of Debian,
        C(iptables.service) or C(ip6tables.service) of iptables-services) or if the host's iptables is iptables-legacy and
        has rules, else nftables. Where C(nftables.service) is enabled, or this module wrote rules before, that counts
        before rules of iptables-legacy. The result tells which and why. It refuses a host on which two are on, or on which
        rules of iptables-legacy and iptables-nft are mixed.
      - V(nftables) on a host that firewalld or ufw manages works beside them. They must open Kong's ports as well, and the
        module names the command where they do not.
      - V(firewalld) uses a policy C(gatehouse-kong) from any zone to the host, services whose names begin with
        C(gatehouse-kong-) and ipsets whose names begin with C(gkong4-) and C(gkong6-), in the permanent configuration
        and in what firewalld runs. The policy comes before all zones, so it holds whatever zone an interface is in.
        Needs firewalld 0.9 or later.
      - V(ufw) adds one rule for IPv4 and one for IPv6, at the end of the chains C(ufw-after-input) and C(ufw6-after-input).
        It accepts packets of authorised sources. C(ufw show after-rules) lists it with the comment C(gatehouse.kong);
        C(ufw status) does not. Rules of C(ufw deny), C(reject) and C(limit) come first and hold. Rules of C(ufw allow) do
        not open a managed port to other sources. Default policies, and whether ufw is enabled, stay as they are.
      - V(nftables) uses a table of its own, C(inet gatehouse_kong), and touches no other. Its accepts set the bit
        C(0x10000000) of the packet mark, because an accept in one table does not end a packet's way through the others.
        A host whose own input chain drops by default accepts that mark in one line.
      - V(iptables) uses a chain of its own, C(GATEHOUSE-KONG), to which the first rule of C(INPUT) leads, and ipsets whose
        names begin with C(gkong4-) and C(gkong6-). It writes with the variant, nft or legacy, that C(iptables -V) names,
        and fails where rules of the other are loaded. An accept there is final for the table C(filter), so a host whose
        C(INPUT) drops by default needs nothing more. V(auto) chooses it where its rules are saved and loaded at boot.
    type: str
    choices: [auto, firewalld, iptables, nftables, ufw]
    default: auto
"""
