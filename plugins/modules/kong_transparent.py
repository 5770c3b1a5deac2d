# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: kong_transparent
short_description: Lead packets that are on their way elsewhere to a port of this host
version_added: 0.1.0
description:
  - Packets that a gateway would forward, chosen by destination and port, go to a listener on the gateway itself instead.
  - With the method V(tproxy) they keep their destination, which the listener sees. Its socket must be transparent
    (C(IP_TRANSPARENT)), as Kong 0.15 to 1.5 opens it with the flag V(transparent). With the method V(redirect) their
    destination is rewritten, for any listener.
  - What is selected never goes past the listener. It is dropped where the listener is down or its socket not transparent,
    where the client is none of the sources, and whenever it would be forwarded all the same.
  - Packets to the host's own addresses are left alone, whatever the destinations say, and so SSH to it. Only with
    O(catches[].own) and the method V(redirect) are they taken.
  - The list is exact. What is no longer in it is removed, whatever the host had before. It is loaded again at boot.
author:
  - gatehouse.kong contributors (!UNKNOWN)
extends_documentation_fragment:
  - gatehouse.kong.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
options:
  catches:
    description:
      - What to catch, as the filter P(gatehouse.kong.host_interception#filter) gives it for a node.
      - Required if O(state=present). An empty list removes every trace, as O(state=absent) does.
    type: list
    elements: dict
    suboptions:
      method:
        description: Whether packets keep their destination.
        type: str
        choices: [tproxy, redirect]
        required: true
      family:
        description: The address family of the packets. The other family takes an entry of its own.
        type: str
        choices: [ipv4, ipv6]
        required: true
      destinations:
        description: Networks of that family (CIDR) that packets are addressed to.
        type: list
        elements: str
        required: true
      own:
        description:
          - Whether the destinations are addresses of the host itself, which are left alone otherwise.
          - With the method V(redirect) only.
        type: bool
        default: false
      ports:
        description: TCP ports that packets are addressed to.
        type: list
        elements: int
        required: true
      interfaces:
        description: Interfaces that packets come in through. All if there are none.
        type: list
        elements: str
        default: []
      listener:
        description: The name of the listener, which comments and the diff show.
        type: str
        required: true
      address:
        description:
          - The address that the listener is bound to.
          - Without it the listener has every address of the host.
        type: str
      port:
        description: The listener's port.
        type: int
        required: true
      sources:
        description: Either V(any), or a list of networks (CIDR) of that family. Packets from others are dropped.
        type: raw
        required: true
  state:
    description:
      - With V(present) the host catches what O(catches) says.
      - With V(absent) every trace is removed, that is rules, routes, files and the systemd unit.
    type: str
    choices: [present, absent]
    default: present
notes:
  - Needs root (C(CAP_NET_ADMIN)), systemd, and the packages C(iproute2) and C(nftables), whatever firewall manager the host
    has.
  - Rules are in the nftables table C(inet gatehouse_kong_transparent). Where ufw is enabled, there is also one rule in the
    chain C(INPUT) of iptables, before the chains of ufw, with the comment C(gatehouse.kong-transparent). ufw drops IPv4
    packets to addresses of other hosts before it asks the rules of C(ufw deny), so these rules do not hold for intercepted
    packets over IPv4. Rules of other programs before the chains of ufw, such as bans of fail2ban, hold.
  - C(firewall-cmd --reload) and C(ufw reload) leave all of these rules alone.
  - The method V(tproxy) needs the bits 0x10000000 and 0x20000000 of the packet mark, the routing rules 711 to 713 and the
    routing table 711.
  - A packet caught by V(tproxy) comes to the host's own input rules with the address and port that its client dialled, and
    with the mark 0x10000000. The rule with which M(gatehouse.kong.kong_firewall) accepts authorised packets accepts it as
    well, so run that module first. No other program can set this mark for packets that are not intercepted. If a chain of
    the host drops intercepted packets, the module fails before it changes anything and names a command that accepts them. On
    a host of firewalld that is a port to be opened.
  - A packet caught by V(redirect) comes to the listener's own port, whose rules are those of M(gatehouse.kong.kong_firewall).
  - Connections through the host that are open at the time of the change, and that it selects, end.
  - Rules are in C(/etc/gatehouse_kong_transparent) and are loaded at boot by C(gatehouse-kong-transparent.service).
    Drop-ins for C(nftables.service) and C(netfilter-persistent.service) load them again after these flush them.
  - IPv4 and IPv6 forwarding is the owner's business (C(net.ipv4.ip_forward)), for what is not caught.
seealso:
  - module: gatehouse.kong.kong_firewall
  - plugin: gatehouse.kong.host_interception
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Lead what is on its way to 10.0.0.1:80 to Kong's port 8000, which sees where it was going
  gatehouse.kong.kong_transparent:
    catches:
      - method: tproxy
        family: ipv4
        destinations: [10.0.0.1/32]
        ports: [80]
        listener: proxy
        port: 8000
        sources: [10.20.0.0/16]

- name: Remove every trace
  gatehouse.kong.kong_transparent:
    state: absent
"""

RETURN = r"""
report:
  description: How the host differed, a line each, for people. Empty where it did not.
  returned: success
  type: list
  elements: str
  sample: ["at boot: the unit gatehouse-kong-transparent.service is not enabled"]
drift:
  description: Lines that are in the kernel and should not be (C(+)), and that should be and are not (C(-)).
  returned: success
  type: list
  elements: str
  sample: ["-ipv4 712:\tfrom all fwmark 0x20000000/0x20000000 lookup 711"]
boot:
  description: What would not have brought the rules back after a reboot.
  returned: success
  type: list
  elements: str
deaf:
  description: A line for each port that packets are caught for and on which no transparent socket listens.
  returned: success
  type: list
  elements: str
conflicts:
  description: What else on the host refuses, or may refuse, packets that were caught, as M(gatehouse.kong.kong_firewall) has it.
  returned: always
  type: list
  elements: dict
"""

import typing as t
from dataclasses import asdict

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import Host, HostError, require_root
from ansible_collections.gatehouse.kong.plugins.module_utils._interception.interceptor import (
    Interceptor,
    Outcome,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._interception.model import (
    InterceptionError,
    catches_from_data,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._interception.traces import deaf_listeners
from ansible_collections.gatehouse.kong.plugins.module_utils._transaction.transaction import ConflictError

_CATCH_SPEC = {
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
    "catches": {"type": "list", "elements": "dict", "options": _CATCH_SPEC},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
}


def run(module: AnsibleModule) -> dict[str, t.Any]:
    """Make the host match, or in check mode tell what that would change; the result."""
    params = module.params
    host = Host()
    want = (catches_from_data(params["catches"]) or None) if params["state"] == "present" else None
    interceptor = Interceptor(host)
    if want is None and params["state"] == "present" and interceptor.is_untouched():
        outcome = Outcome("", "", (), (), changed=False)
    else:
        outcome = interceptor.converge(want, check_mode=module.check_mode)
    deaf = deaf_listeners(host, want or ())
    for warning in (*outcome.conflicts, *deaf):
        module.warn(str(warning))
    return {
        "changed": outcome.changed,
        "report": [*_differences(outcome), *deaf],
        "drift": list(outcome.drift),
        "boot": list(outcome.stale),
        "deaf": list(deaf),
        "conflicts": [asdict(conflict) for conflict in outcome.conflicts],
        **({"diff": _diff(outcome)} if module._diff else {}),
    }


def _differences(outcome: Outcome) -> list[str]:
    lines = [f"unexpected: {line[1:]}" for line in outcome.drift if line.startswith("+")]
    lines += [f"missing: {line[1:]}" for line in outcome.drift if line.startswith("-")]
    lines += [f"at boot: {line}" for line in outcome.stale]
    return lines or (["the intercept rules differ from the plan"] if outcome.changed else [])


def _diff(outcome: Outcome) -> dict[str, str]:
    extra = _differences(outcome) if outcome.drift or outcome.stale else []
    return {"before": outcome.before + "".join(f"{line}\n" for line in extra), "after": outcome.after}


def main() -> None:
    """Run the module."""
    module = AnsibleModule(_SPEC, supports_check_mode=True, required_if=[("state", "present", ["catches"])])
    try:
        require_root("kong_transparent")
        result = run(module)
    except (InterceptionError, HostError) as error:
        module.fail_json(msg=str(error), conflicts=[])
    except ConflictError as error:
        module.fail_json(msg=str(error), conflicts=[asdict(conflict) for conflict in error.conflicts])
    module.exit_json(**result)


if __name__ == "__main__":
    main()
