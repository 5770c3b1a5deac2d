# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: kong_firewall_info
short_description: Tell how a host's firewall differs from a ruleset
version_added: 0.1.0
description:
  - Compares what the host's firewall holds of this collection with what it should hold, and looks for what else on the
    host defeats it. Nothing is changed, and nothing has to be in order for it to answer.
  - It says what M(gatehouse.kong.kong_firewall) would change, whatever changed since its last run, be it the plan or the
    host.
author:
  - gatehouse.kong contributors (!UNKNOWN)
extends_documentation_fragment:
  - gatehouse.kong.attributes
  - gatehouse.kong.firewall
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
options:
  ruleset:
    description:
      - Who may reach what, as the plan of M(gatehouse.kong.kong_plan) holds it for a node.
      - Without it nothing of this collection should be there.
    type: dict
notes:
  - Needs root (C(CAP_NET_ADMIN)), like M(gatehouse.kong.kong_firewall).
  - A third-party accept of a managed port is no finding, because the early part drops unauthorised sources all the same.
  - Bans and other rules before the late rule come and go without a finding. A ban behind the late rule is reported, because
    it has no effect there.
  - Rules that send packets for a port elsewhere before these rules are reported, such as a port that Docker publishes.
seealso:
  - module: gatehouse.kong.kong_firewall
"""

EXAMPLES = r"""
- name: Compare the host with a ruleset
  gatehouse.kong.kong_firewall_info:
    ruleset:
      allow:
        - {listener: proxy, protocol: tcp, port: 8000, address: 0.0.0.0, sources: any}
        - {listener: admin, protocol: tcp, port: 8001, address: 192.168.10.11, sources: [admins]}
      sets:
        admins: {ipv4: [192.168.20.0/24]}
  register: firewall

- name: Stop where it differs
  ansible.builtin.assert:
    that: not firewall.differs
    fail_msg: "{{ firewall.report | join('\n') }}"
"""

RETURN = r"""
differs:
  description: Whether the rules, what loads them at boot, or what is left of an unfinished change differ.
  returned: success
  type: bool
report:
  description: The differences and the conflicts, a line each, for people. Empty where there are none.
  returned: success
  type: list
  elements: str
  sample: ["peers lacks 192.168.10.13/32"]
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
  description: What has to change, in the form of M(gatehouse.kong.kong_firewall).
  returned: success
  type: dict
conflicts:
  description: What else decides about the ruleset's ports, in the form of M(gatehouse.kong.kong_firewall).
  returned: success
  type: list
  elements: dict
"""

import typing as t
from dataclasses import asdict

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.gatehouse.kong.plugins.module_utils._backends.options import OPTIONS, changes, report
from ansible_collections.gatehouse.kong.plugins.module_utils._backends.registry import choose
from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import Host, HostError, require_root
from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.ruleset import RulesetError, ruleset_from_data
from ansible_collections.gatehouse.kong.plugins.module_utils._transaction.rollback import Rollback
from ansible_collections.gatehouse.kong.plugins.module_utils._transaction.transaction import inspect


def run(params: dict[str, t.Any]) -> dict[str, t.Any]:
    """What differs, as the module returns it."""
    host = Host()
    rollback = Rollback(host)
    # A run that changes the rules in between would make it a comparison with parts of both.
    with rollback.alone():
        choice = choose(host, params["backend"])
        want = ruleset_from_data(params["ruleset"]) if params["ruleset"] else None
        outcome = inspect(choice.backend, want, rollback)
    return {
        "differs": outcome.changed,
        "report": report(outcome),
        "backend": choice.backend.name,
        "backend_reason": choice.reason,
        "early": choice.early,
        "changes": changes(outcome),
        "conflicts": [asdict(conflict) for conflict in outcome.conflicts],
    }


def main() -> None:
    """Run the module."""
    module = AnsibleModule(OPTIONS, supports_check_mode=True)
    try:
        require_root("kong_firewall_info")
        result = run(module.params)
    except (RulesetError, HostError) as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=False, **result)


if __name__ == "__main__":
    main()
