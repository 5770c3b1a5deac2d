# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

DOCUMENTATION = r"""
name: pf_rules
short_description: Rules of pf for another device that redirects packets to a Kong node
version_added: 0.1.0
author: gatehouse.kong contributors (@gatehouse-kong)
description:
  - Internal to the roles and playbooks of this collection, and may change with every release.
  - Takes a plan and the name of a node, and returns rules of pf for the packets that its C(kong_transparent) selects.
  - The rules are text. The collection does not apply them. They are for a gateway with BSD or macOS in front of the node, or
    for a BSD that runs Kong itself.
  - Kong does not see the original destination of the packets, unless it runs on the same host as pf.
  - There are no rules for addresses of the node itself, because these need no other device.
positional: host
options:
  _input:
    description: The path of a plan, as M(gatehouse.kong.kong_plan) returns it, or of a plan file; or a plan as data.
    type: raw
    required: true
  host:
    description: Inventory name of the node.
    type: str
    required: true
  form:
    description:
      - V(freebsd) is for FreeBSD and macOS, where pf has separate rules for translation (C(rdr)).
      - V(openbsd) is for OpenBSD (C(rdr-to)).
    type: str
    choices: [freebsd, openbsd]
    default: freebsd
seealso:
  - plugin: gatehouse.kong.kong_plan
    plugin_type: lookup
"""

EXAMPLES = r"""
- name: Compile the plan of the whole fleet
  gatehouse.kong.kong_plan:
  register: fleet
  run_once: true

- name: Write the rules for the gateway of the branch
  ansible.builtin.copy:
    dest: gateway.pf.conf
    content: "{{ fleet.path | gatehouse.kong.pf_rules('b1', form='openbsd') }}"
    mode: "0644"
  delegate_to: localhost
"""

RETURN = r"""
_value:
  description: The rules, one on each line, after a comment that they are not applied.
  type: str
"""

from collections.abc import Callable
from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.file import PlanError, open_plan
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.pf_rules import PF_FORMS, render_pf_rules
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.queries import get_node


def pf_rules(plan: Any, host: str, form: str = "freebsd") -> str:
    if form not in PF_FORMS:
        raise AnsibleFilterError(f"gatehouse.kong.pf_rules: form is {form!r}; accepted are {', '.join(PF_FORMS)}")
    try:
        opened = open_plan(plan)
        get_node(opened, host)
    except PlanError as exc:
        raise AnsibleFilterError(f"gatehouse.kong.pf_rules: {exc}") from exc
    return render_pf_rules(opened, host, form)


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"pf_rules": pf_rules}
