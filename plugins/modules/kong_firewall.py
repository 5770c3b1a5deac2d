# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: kong_firewall
short_description: Make a host's firewall match a ruleset
version_added: 0.1.0
description:
  - Decides for each listed port which sources may reach it. Listed sources are allowed, all other remote sources are
    dropped, and the host itself always gets through. Packets to other ports are left to the host's own rules.
  - The host's own rules still count. A source that a third-party rule drops, such as a ban of fail2ban, stays dropped
    although the ruleset allows it. A source that the ruleset does not allow stays out although a third-party rule accepts it.
  - The ruleset is exact. An entry that is no longer listed is removed, whatever the host had before.
  - A change loses no packet of a source that was allowed before and is allowed afterwards, and lets no other source in.
    The rules are loaded again at boot. The one exception is a reload of firewalld, during which new connections wait or
    are refused.
  - A change is confirmed over a new connection from the controller. If there is no confirmation, for example because the
    change cuts the controller off, the host restores the state before the change by itself, files included, after
    O(rollback_timeout), or at its next boot. The task needs neither C(async) nor C(poll) for this.
  - The rules that drop keep no connection state, so a source that loses its permission loses its open connections with
    the next packet, on every O(backend).
author:
  - gatehouse.kong contributors (!UNKNOWN)
extends_documentation_fragment:
  - gatehouse.kong.attributes
  - gatehouse.kong.firewall
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
options:
  ruleset:
    description:
      - Who may reach what, as the plan of M(gatehouse.kong.kong_plan) holds it for a node.
      - Required if O(state=present) or O(state=merged).
    type: dict
  state:
    description:
      - With V(present) the host is made to match O(ruleset).
      - With V(merged) it is made to allow what O(ruleset) allows and what it allows already, for the time in which Kong
        moves to other ports. A run with V(present) afterwards closes what is left over, and the state before both is the one
        that V(rolled_back) returns to.
      - With V(absent) every trace is removed, that is rules, files and the systemd unit.
      - With V(rolled_back) the host returns to the ruleset before the last change that lasted. Once it has, another such run
        changes nothing. Where the host keeps none, as where O(state=absent) removed it, a warning says so.
    type: str
    choices: [present, merged, absent, rolled_back]
    default: present
  rollback_timeout:
    description:
      - Seconds that the controller has, after the change is complete, to come back over a new connection. Then the host
        returns to the state before the change.
      - At least 5.
    type: int
    default: 30
  confirm:
    description:
      - The change to confirm. The module's own action plugin sets this when it comes back over a new connection; leave it
        out of playbooks.
    type: str
notes:
  - Needs root (C(CAP_NET_ADMIN)), systemd, and the package C(nftables). On hosts without C(nft), the packages C(iptables)
    and C(ipset) serve instead, except for published ports.
  - "The early part: the table C(inet gatehouse_kong) of nftables drops packets of unauthorised sources to managed ports,
    before the host's own filter rules. It clears the bit C(0x10000000) of the packet mark of every packet and sets it on
    authorised packets, so that no earlier rule of a third party can set it. It is kept in C(/etc/gatehouse_kong) and loaded at
    boot by C(gatehouse-kong-firewall.service). Reloads of firewalld, ufw and netfilter-persistent do not touch it."
  - The late part is the rule that accepts authorised packets, see O(backend). It matches the mark, so it accepts nothing if
    the early part is missing. On firewalld, which cannot match marks, it accepts the planned sources at the planned ports.
  - On hosts without C(nft), the early part is the chain C(GATEHOUSE-KONG) of the table C(mangle), entered by the first rule of
    C(INPUT), with ipsets whose names begin with C(gkong4-) and C(gkong6-). It is kept in C(/etc/gatehouse_kong_iptables)
    and loaded at boot by C(gatehouse-kong-iptables.service). If the kernel has no IPv6, its rules for IPv6 wait in the boot
    file, and a warning says so.
  - A drop-in for C(nftables.service) has that unit load the host's file and the early part in one transaction, also when it
    stops, so a restart leaves no gap. If the unit loads its rules in a way that this module does not know, the drop-in
    loads the early part right afterwards. C(nft -f /etc/nftables.conf) by hand removes the early part until the unit, a
    boot or this module loads it again.
  - With O(backend=iptables), C(gatehouse-kong-accept.service) adds the late rule at boot, after the saved rules are loaded. A
    plugin of netfilter-persistent and drop-ins for C(iptables.service) and C(ip6tables.service) add it after each reload.
    Saved rules may contain the late rule. It names no set, so it loads without this collection.
  - Late rules come after every rule that is about some sources only. A ban that is appended behind the late rule does not
    hold; M(gatehouse.kong.kong_firewall_info) reports it, and the next run moves the late rule behind it. A rule that
    accepts only a part of the packets (C(limit … -j ACCEPT), C(accept limit) of firewalld) does not limit authorised
    sources; a warning names it.
  - With O(backend=firewalld) a reload is needed if an ipset is new or removed, and not if ports or sources change. New
    connections are refused while firewalld reloads, about half a second. Third-party runtime settings and rules of
    iptables, which a reload removes, are restored afterwards.
  - With O(backend=firewalld) a packet that one of its own forward ports sent to a port of this host is accepted before
    any zone is asked; the early part judges it by the local port.
  - With O(backend=ufw) the late rule is one line of C(/etc/ufw/after.rules) and one of C(/etc/ufw/after6.rules). No other
    file of ufw changes, and C(ufw reload) is not run. C(ufw reset) removes both lines; the next run adds them again. With
    C(IPV6=no) in C(/etc/default/ufw), ufw drops all IPv6 packets, and a warning says so.
  - If an entry is C(published), the table C(inet gatehouse_kong) also judges what the host forwards, on every O(backend).
  - If the firewall manager of a host changes, the late part for the earlier manager is removed in the same change.
  - If a third-party rule drops every authorised source of a port for certain, the module fails before it changes anything
    and names the rule and the fix. If that cannot be told without a packet, it warns.
  - If the ruleset covers the port that Ansible itself is connected to, and would drop the controller's address as the host
    sees it, the module fails before it changes anything.
  - Until a change is confirmed, C(/var/lib/gatehouse_kong/pending) holds what restores the state before it. The ruleset for
    O(state=rolled_back) is in C(/var/lib/gatehouse_kong/previous).
seealso:
  - module: gatehouse.kong.kong_plan
"""

EXAMPLES = r"""
- name: Open the proxy to anyone, the admin API to one network, and gossip to two peers
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

- name: Return to the ruleset before the last change
  gatehouse.kong.kong_firewall:
    state: rolled_back

- name: Remove every trace
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
  description: Why that one.
  returned: success
  type: str
  sample: no other firewall manager is enabled
early:
  description: Where the early part is, which drops packets of unauthorised sources.
  returned: success
  type: str
  sample: the table inet gatehouse_kong of nftables
changes:
  description:
    - What gains and what loses which sources, for programs. With C(--diff) the same is shown as text.
    - Null where O(state=rolled_back) and the host keeps none.
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
      description: What was found among our rules that this module did not write.
      type: list
      elements: str
    boot:
      description: What would not have brought the ruleset back after a reboot.
      type: list
      elements: str
  sample:
    ports: []
    members: [{name: peers, gained: [192.168.10.13/32], lost: []}]
    drift: []
    boot: ["/etc/gatehouse_kong/ruleset.nft: differs"]
conflicts:
  description:
    - Third-party rules that conflict with the ruleset. They drop packets of all authorised sources of a port, or divert
      them. Bans of some sources, and limits that drop, are not listed.
  returned: always
  type: list
  elements: dict
  contains:
    certain:
      description: Whether that happens to packets for certain, or only may.
      type: bool
    where:
      description: The table and chain, or the program.
      type: str
    reason:
      description: The rule or policy.
      type: str
    ports:
      description: The ports that it is about.
      type: list
      elements: str
    advice:
      description: What to do about it.
      type: str
    effect:
      description:
        - With V(drop) it refuses. The module fails where that is certain.
        - With V(accept) it lets in others than the sources, before these rules are asked.
        - With V(divert) it sends packets elsewhere before these rules see them, as a port that Docker publishes.
        - With V(publish) it leads into the container of a published port, by a port that the ruleset does not have.
        - With V(exempt) a rule of the host that limits or drops some packets does not hold for authorised packets.
        - With V(boot) a program of the host cannot load its saved rules at boot, so that the host has no rules then.
      type: str
"""

import typing as t
from dataclasses import asdict

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.gatehouse.kong.plugins.module_utils._backends.options import OPTIONS, changes
from ansible_collections.gatehouse.kong.plugins.module_utils._backends.registry import choose
from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import Host, HostError, require_root
from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.ruleset import (
    Ruleset,
    RulesetError,
    ruleset_from_data,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._transaction.backend import Backend
from ansible_collections.gatehouse.kong.plugins.module_utils._transaction.rollback import Kept, Rollback
from ansible_collections.gatehouse.kong.plugins.module_utils._transaction.transaction import (
    ConflictError,
    Guard,
    LockoutError,
    confirm,
    converge,
)

if t.TYPE_CHECKING:
    from ansible_collections.gatehouse.kong.plugins.module_utils._transaction.lockout import Connection

_SPEC = {
    **OPTIONS,
    "state": {"type": "str", "choices": ["present", "merged", "absent", "rolled_back"], "default": "present"},
    "rollback_timeout": {"type": "int", "default": 30},
    # The action plugin's word to the module: the change that is to last.
    "confirm": {"type": "str"},
}
_LEAST_TIMEOUT = 5
_NOTHING_KEPT = "this host keeps no state from before a change, so there is nothing to return to"


def wanted(state: str, ruleset: Ruleset | None, backend: Backend, rollback: Rollback) -> Kept | None:
    """The state asked for; None where it is the one before the last change and none is kept."""
    if state == "rolled_back":
        return rollback.previous()
    if state == "merged" and ruleset is not None:
        from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.union import unite  # noqa: PLC0415

        backend.require()
        return Kept(unite(backend.read().ruleset, ruleset))
    return Kept(ruleset if state == "present" else None)


def _connection() -> Connection | None:
    """The connection over which a change comes, looked for where there is a change."""
    from ansible_collections.gatehouse.kong.plugins.module_utils._transaction.lockout import find_connection  # noqa: PLC0415

    return find_connection()


def run(module: AnsibleModule) -> dict[str, t.Any]:
    """Do one half of a change, or find that there is none; the result."""
    host = Host()
    rollback = Rollback(host)
    # What is asked for may depend on what is there, which another run must not change meanwhile.
    with rollback.alone():
        choice = choose(host, module.params["backend"])
        result = {
            "changed": False,
            "backend": choice.backend.name,
            "backend_reason": choice.reason,
            "early": choice.early,
        }
        return {**result, **_half(module, choice.backend, rollback)}


def _half(module: AnsibleModule, backend: Backend, rollback: Rollback) -> dict[str, t.Any]:
    params = module.params
    state = params["state"]
    ruleset = ruleset_from_data(params["ruleset"]) if state in ("present", "merged") else None
    want = wanted(state, ruleset, backend, rollback)
    if want is None:
        module.warn(_NOTHING_KEPT)
        return {"changes": None, "conflicts": []}
    if params["confirm"]:
        transitional = state == "merged" and want.ruleset != ruleset
        keep = state != "rolled_back"
        confirm(backend, want.ruleset, rollback, params["confirm"], keep=keep, transitional=transitional)
        return {"changed": True}
    guard = Guard(rollback, params["rollback_timeout"], _connection)
    outcome = converge(backend, want.ruleset, guard, check_mode=module.check_mode, opens=ruleset)
    for warning in (*outcome.conflicts, *outcome.warnings):
        module.warn(str(warning))
    return {
        "changed": outcome.changed,
        "changes": changes(outcome),
        "conflicts": [asdict(conflict) for conflict in outcome.conflicts],
        **({"_transaction": outcome.transaction} if outcome.transaction else {}),
        **({"diff": {"before": outcome.before, "after": outcome.after}} if module._diff else {}),
    }


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        _SPEC, supports_check_mode=True, required_if=[("state", state, ["ruleset"]) for state in ("present", "merged")]
    )
    if module.params["rollback_timeout"] < _LEAST_TIMEOUT:
        module.fail_json(
            msg=f"rollback_timeout is {module.params['rollback_timeout']!r}; accepted are {_LEAST_TIMEOUT} seconds or "
            "more, as a new connection takes its time",
            conflicts=[],
        )
    try:
        require_root("kong_firewall")
        result = run(module)
    except (RulesetError, HostError, LockoutError) as error:
        module.fail_json(msg=str(error), conflicts=[])
    except ConflictError as error:
        module.fail_json(msg=str(error), conflicts=[asdict(conflict) for conflict in error.conflicts])
    module.exit_json(**result)


if __name__ == "__main__":
    main()
