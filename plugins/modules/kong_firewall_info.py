# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: kong_firewall_info
short_description: Compare a host's firewall with a ruleset
version_added: 0.1.0
description:
  - Compares the rules of this collection on the host with a ruleset, and finds third-party rules that conflict with it.
    Changes nothing, and works on a host without rules of this collection too.
  - The result shows what M(gatehouse.kong.kong_firewall) would change, because the plan or the host has changed since its
    last run.
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
    support: none
options:
  ruleset:
    description:
      - The allowed sources of each port, as in the plan of M(gatehouse.kong.kong_plan) for a node.
      - Without a ruleset, only the state of the rules of this collection is reported. RV(differs) is then true if a third party
        changed them, if they would not be loaded at boot, or if an unconfirmed change is present.
    type: dict
notes:
  - Needs root (C(CAP_NET_ADMIN)), like M(gatehouse.kong.kong_firewall).
  - A third-party rule that accepts a managed port is not reported, because the early part drops unauthorised sources
    nevertheless.
  - Bans and other rules before the late rule are not reported. A ban after the late rule is reported, because it is not
    effective there.
  - Rules that divert packets for a port before our rules are reported, such as a port that Docker publishes.
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

- name: Fail if the host differs
  ansible.builtin.assert:
    that: not firewall.differs
    fail_msg: "{{ firewall.report | join('\n') }}"

- name: Report the state of the rules of this collection, without a ruleset
  gatehouse.kong.kong_firewall_info:
"""

RETURN = r"""
differs:
  description: Whether the rules or the files that load them at boot differ, or an unconfirmed change is present.
  returned: success
  type: bool
report:
  description: A readable line for each difference and each conflict.
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
  description: The reason for this firewall manager.
  returned: success
  type: str
  sample: no other firewall manager is enabled
early:
  description: The location of the early part, which drops packets from unauthorised sources.
  returned: success
  type: str
  sample: the table inet gatehouse_kong of nftables
ruleset:
  description: The rules of this collection on the host, in the form of O(ruleset); null if the host has none.
  returned: if O(ruleset) is not given
  type: dict
staged:
  description: Whether the loaded rules are staged. They then drop and accept nothing.
  returned: success
  type: bool
counts:
  description: The counted packets of sources that the loaded rules do not allow; null if they count nothing.
  returned: success
  type: dict
  contains:
    entries:
      description:
        - An entry for each source, protocol and port, with C(source), C(protocol), C(port), C(packets), and C(age), the
          seconds since the last packet. Up to C(limit) entries for each family.
      type: list
      elements: dict
    limit:
      description: The largest number of entries for each family.
      type: int
    uncounted:
      description: The number of packets that have no entry, because the entries of their family were full. Then the list is
        incomplete.
      type: int
    seconds:
      description: The seconds since the count began, null if that is longer than an entry is kept.
      type: int
  sample:
    entries: [{source: 192.168.10.77, protocol: tcp, port: 8001, packets: 12, age: 340}]
    limit: 65536
    uncounted: 0
    seconds: 86400
changes:
  description: The needed changes, in the form of M(gatehouse.kong.kong_firewall).
  returned: success
  type: dict
conflicts:
  description: Third-party rules that conflict with the ruleset, in the form of M(gatehouse.kong.kong_firewall).
  returned: success
  type: list
  elements: dict
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.gatehouse.kong.plugins.module_utils._entry.firewall import FIREWALL_SPEC
from ansible_collections.gatehouse.kong.plugins.module_utils._entry.run import ARCHIVE_SPEC, run_module


def main() -> None:
    """Run the module."""
    run_module("kong_firewall_info", AnsibleModule({**ARCHIVE_SPEC, **FIREWALL_SPEC}, supports_check_mode=True))


if __name__ == "__main__":
    main()
