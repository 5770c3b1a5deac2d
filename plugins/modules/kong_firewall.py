# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: kong_firewall
short_description: Make a host's firewall match a ruleset
version_added: 0.1.0
description:
  - Defines for each listed port the allowed sources. Packets from all other remote sources are dropped. Connections from
    the host to itself are always allowed. Packets to other ports are left to the host's existing rules.
  - The host's existing rules stay effective. A source that a third-party rule drops, such as a ban of fail2ban, stays
    dropped although the ruleset allows it. A source that the ruleset does not allow is dropped although a third-party rule
    accepts it.
  - The ruleset is exact. An entry that is not listed any more is removed.
  - During a change, no packet of a source that is allowed before and afterwards is lost, and no other source is allowed. The
    rules are loaded again at boot. The only exception is a reload of firewalld, during which new connections wait or are
    rejected.
  - A change is confirmed over a new connection from the controller. If there is no confirmation, for example because the
    change cuts the connection to the controller, the host rolls the change back by itself, including files. It does so
    after O(rollback_timeout), or at its next boot. The task needs neither C(async) nor C(poll) for this.
  - The rules that drop are stateless. The next packet of a source that is not allowed any more ends its open connections,
    on every O(backend).
author:
  - gatehouse.kong contributors (!UNKNOWN)
extends_documentation_fragment:
  - gatehouse.kong.attributes
  - gatehouse.kong.archive
  - gatehouse.kong.firewall
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
options:
  ruleset:
    description:
      - The allowed sources of each port, as in the plan of M(gatehouse.kong.kong_plan) for a node.
      - Required if O(state=present), O(state=staged) or O(state=merged).
    type: dict
  state:
    description:
      - V(present) makes the host match O(ruleset).
      - V(staged) loads the rules of O(ruleset) but drops and accepts nothing, so only the host's own rules decide. Packets
        that V(present) would drop are counted by source address, protocol and port, with the time of the last packet.
        M(gatehouse.kong.kong_firewall_info) returns the counts. Needs C(nft).
      - V(merged) makes the host allow both the present sources and the sources of O(ruleset). Use it while Kong moves to
        other ports. A later run with V(present) removes the sources that are not needed any more. V(rolled_back) then
        restores the state before both runs.
      - V(absent) removes all rules, all files and the systemd unit.
      - V(rolled_back) restores the ruleset before the last confirmed change. A second run with V(rolled_back) changes
        nothing. If the host has no previous ruleset, for example after O(state=absent), the module warns.
    type: str
    choices: [present, staged, merged, absent, rolled_back]
    default: present
  rollback_timeout:
    description:
      - Seconds after the complete change within which the controller has to confirm it over a new connection. Otherwise the
        host rolls the change back.
      - At least 5.
    type: int
    default: 30
  confirm:
    description:
      - The change to confirm. The action plugin of this module sets this option when it connects again. Do not use it in
        playbooks.
    type: str
notes:
  - Needs root (C(CAP_NET_ADMIN)), systemd, and the package C(nftables). On hosts without C(nft), the packages C(iptables)
    and C(ipset) are enough, except for published ports.
  - "The early part: the table C(inet gatehouse_kong) of nftables drops packets from unauthorised sources to managed ports,
    before the host's own filter rules. It clears the bit C(0x10000000) of the packet mark of every packet, and sets it on
    authorised packets, so that no third-party rule can set it earlier. It is saved in C(/etc/gatehouse_kong) and loaded at
    boot by C(gatehouse-kong-firewall.service). Reloads of firewalld, ufw and netfilter-persistent do not change it."
  - The late part is the rule that accepts authorised packets, see O(backend). It matches the mark, so it accepts nothing if
    the early part is missing. firewalld cannot match marks, so its late part accepts the planned sources on the planned
    ports.
  - On hosts without C(nft), the early part is the chain C(GATEHOUSE-KONG) of the table C(mangle). The first rule of C(INPUT)
    jumps to it, and it uses ipsets whose names begin with C(gkong4-) and C(gkong6-). It is saved in
    C(/etc/gatehouse_kong_iptables) and loaded at boot by C(gatehouse-kong-iptables.service). If the kernel has no IPv6, the
    rules for IPv6 are only saved in the boot file, and the module warns.
  - A drop-in for C(nftables.service) makes that unit load the host's file and the early part in one transaction, even when
    the unit stops, so a restart leaves no gap. If this module does not know the command by which the unit loads its rules,
    the drop-in loads the early part immediately after it. The command C(nft -f /etc/nftables.conf) removes the early part
    until the unit, a boot or this module loads it again.
  - With O(backend=iptables), C(gatehouse-kong-accept.service) adds the late rule at boot, after the saved rules are loaded. A
    plugin of netfilter-persistent and drop-ins for C(iptables.service) and C(ip6tables.service) add it after each reload.
    Saved rules may contain the late rule. It uses no set, so it can be loaded without this collection.
  - Late rules are after every rule for specific sources. A ban that is appended after the late rule is not effective;
    M(gatehouse.kong.kong_firewall_info) reports it, and the next run moves the late rule after it. A rule that accepts only
    some of the packets (C(limit … -j ACCEPT), C(accept limit) of firewalld) does not limit authorised sources; a warning
    names it.
  - With O(backend=firewalld), a reload is needed if an ipset is added or removed, but not if ports or sources change. New
    connections are rejected while firewalld reloads, for about half a second. Third-party runtime settings and rules of
    iptables, which a reload removes, are restored afterwards.
  - With O(backend=firewalld), a packet that a forward port of firewalld has translated to a port of this host is accepted
    before any zone is evaluated. The early part decides about it by its local port.
  - With O(backend=ufw) the late rule is one line of C(/etc/ufw/after.rules) and one of C(/etc/ufw/after6.rules). No other
    file of ufw changes, and C(ufw reload) is not run. C(ufw reset) removes both lines; the next run adds them again. With
    C(IPV6=no) in C(/etc/default/ufw), ufw drops all IPv6 packets, and a warning says so.
  - If an entry is C(published), the table C(inet gatehouse_kong) also filters forwarded packets, on every O(backend).
  - If the firewall manager of a host changes, the late part for the earlier manager is removed in the same change.
  - If a third-party rule certainly drops every authorised source of a port, the module fails before it changes anything,
    and the message has the rule and the fix. If only a packet could show this, the module warns.
  - If the ruleset covers the port that Ansible is connected to, and would drop the controller's address that the host sees,
    the module fails before it changes anything.
  - "Counts: the sets C(counts4) and C(counts6) of the table have up to 65,536 entries each. Packets of further sources pass
    or are dropped as before, and the counter C(uncounted) counts them. Counts stay while the ruleset changes, also
    from V(staged) to V(present) with O(ruleset.count_days), and over reloads of firewalld, ufw and Docker. They start again
    after a reboot, a restart or reload of C(nftables.service), if O(ruleset.count_days) changes, and if a third party
    changed the table."
  - If O(state=staged), conflicts with third-party rules are warnings, and the port that Ansible is connected to is not
    checked.
  - If a host changes from V(present) to V(staged), the late part is removed. If the host's own rules drop by default, allowed
    sources lose their connections. A warning says so.
  - Until a change is confirmed, C(/var/lib/gatehouse_kong/pending) has the data for its rollback. The ruleset for
    O(state=rolled_back) is in C(/var/lib/gatehouse_kong/previous).
seealso:
  - module: gatehouse.kong.kong_plan
"""

EXAMPLES = r"""
- name: Open the proxy to any source, the Admin API to a network, and gossip to two peers
  gatehouse.kong.kong_firewall:
    ruleset:
      allow:
        - {listener: proxy, protocol: tcp, port: 8000, address: 0.0.0.0, sources: any}
        - {listener: admin, protocol: tcp, port: 8001, address: 192.168.10.11, sources: [admins]}
        - {listener: cluster, protocol: tcp, port: 7946, address: 192.168.10.11, sources: [peers]}
        - {listener: cluster, protocol: udp, port: 7946, address: 192.168.10.11, sources: [peers]}
        - {listener: cluster_rpc, protocol: tcp, port: 7373, address: 127.0.0.1, sources: []}
      sets:
        admins: {ipv4: [192.168.20.0/24]}
        peers: {ipv4: [192.168.10.12/32, 192.168.10.5/32]}

- name: Count the packets that the ruleset would drop, and drop nothing
  gatehouse.kong.kong_firewall:
    state: staged
    ruleset:
      allow:
        - {listener: admin, protocol: tcp, port: 8001, address: 192.168.10.11, sources: [admins]}
      sets:
        admins: {ipv4: [192.168.20.0/24]}

- name: Restore the ruleset before the last change
  gatehouse.kong.kong_firewall:
    state: rolled_back

- name: Remove all rules and files
  gatehouse.kong.kong_firewall:
    state: absent
"""

RETURN = r"""
backend:
  description: The host's firewall manager, whose chains or zones have the late part.
  returned: success
  type: str
  sample: nftables
backend_reason:
  description: The reason for this firewall manager.
  returned: success
  type: str
  sample: no other firewall manager is enabled
early:
  description: The location of the early part, which drops packets from unauthorised sources.
  returned: success
  type: str
  sample: the table inet gatehouse_kong of nftables
changes:
  description:
    - The changes as data. C(--diff) shows the same as text.
    - Null with O(state=rolled_back) if the host has no previous ruleset.
  returned: success
  type: dict
  contains:
    ports:
      description: Ports whose sources change, with C(protocol), C(port), C(address), C(listeners), C(gained) and C(lost).
      type: list
      elements: dict
    members:
      description: Sets whose networks change, with C(name), C(gained) and C(lost).
      type: list
      elements: dict
    drift:
      description: Differences between the loaded rules and the rules that this module has written.
      type: list
      elements: str
    boot:
      description: Differences that would have prevented the ruleset from being loaded after a reboot.
      type: list
      elements: str
  sample:
    ports: []
    members: [{name: peers, gained: [192.168.10.13/32], lost: []}]
    drift: []
    boot: ["/etc/gatehouse_kong/ruleset.nft: differs"]
conflicts:
  description:
    - Third-party rules that conflict with the ruleset. They drop packets from all authorised sources of a port, or divert
      them. Bans of specific sources, and limits that drop, are not listed.
  returned: success
  type: list
  elements: dict
  contains:
    certain:
      description: Whether the conflict is certain, or only possible.
      type: bool
    where:
      description: The table and chain, or the program.
      type: str
    reason:
      description: The rule or policy.
      type: str
    ports:
      description: The affected ports.
      type: list
      elements: str
    advice:
      description: The fix.
      type: str
    effect:
      description:
        - V(drop), the rule drops packets from authorised sources. The module fails if this is certain.
        - V(accept), packets are accepted although a rule of the host bans or limits them.
        - V(divert), the rule sends packets elsewhere before our rules are evaluated, such as a port that Docker publishes.
        - V(publish), the rule makes the container of a published port reachable by a port that the ruleset does not have.
        - V(exempt), a rule of the host that limits or drops some packets is not effective for authorised packets.
        - V(boot), a boot ends with other rules. For example, a program of the host cannot load its saved rules, or a unit
          flushes our rules after they are loaded.
      type: str
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.gatehouse.kong.plugins.module_utils._entry.firewall import FIREWALL_SPEC
from ansible_collections.gatehouse.kong.plugins.module_utils._entry.run import ARCHIVE_SPEC, run_module

_SPEC = {
    **ARCHIVE_SPEC,
    **FIREWALL_SPEC,
    "state": {"type": "str", "choices": ["present", "staged", "merged", "absent", "rolled_back"], "default": "present"},
    "rollback_timeout": {"type": "int", "default": 30},
    # Set by the action plugin: the change to confirm.
    "confirm": {"type": "str"},
}


def main() -> None:
    """Run the module."""
    needs_ruleset = [("state", state, ["ruleset"]) for state in ("present", "staged", "merged")]
    run_module("kong_firewall", AnsibleModule(_SPEC, supports_check_mode=True, required_if=needs_ruleset))


if __name__ == "__main__":
    main()
