# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

DOCUMENTATION = r"""
name: kong_plan
short_description: The part of a host in the plan of this run
version_added: 0.1.0
author: gatehouse.kong contributors (@gatehouse-kong)
description:
  - Returns what one host needs from the plan that M(gatehouse.kong.kong_plan) compiled in this run, without reading the rest
    of the plan. If this run has not compiled the plan yet, it is compiled now.
  - Without the name of a host, returns the path of the plan, as input of filters and modules.
options:
  _terms:
    description: Inventory names of Kong nodes, of gateways, or of other hosts of the plan.
    type: list
    elements: str
  group:
    description: The inventory group of the Kong nodes. The default is the variable C(kong_group) of the host, or V(kong).
    type: str
notes:
  - The path is in Ansible's temporary directory of this run, which only the user can read, and which is removed at the end of
    the run.
seealso:
  - module: gatehouse.kong.kong_plan
"""

EXAMPLES = r"""
- name: Make this host's firewall match the plan
  gatehouse.kong.kong_firewall:
    ruleset: "{{ lookup('gatehouse.kong.kong_plan', inventory_hostname).ruleset }}"

- name: Write the report
  gatehouse.kong.kong_report:
    plan: "{{ lookup('gatehouse.kong.kong_plan') }}"
    path: report
  run_once: true
"""

RETURN = r"""
_raw:
  description:
    - For each name the host's part of the plan, as described in the collection's C(docs/design.md), with two differences.
      C(ruleset) also has the C(sets) that it names, as the option O(gatehouse.kong.kong_firewall#module:ruleset) needs them.
      The sources in C(interception) are networks, as the option O(gatehouse.kong.kong_transparent#module:interception) needs them.
    - For a gateway also C(gateway), the options O(gatehouse.kong.kong_gateway#module:forwards),
      O(gatehouse.kong.kong_gateway#module:egress) and O(gatehouse.kong.kong_gateway#module:sets).
    - Without a name, the path of the plan.
  type: list
  elements: raw
"""

from collections.abc import Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleLookupError
from ansible.plugins.lookup import LookupBase

from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.trusted import explain_refusal
from ansible_collections.gatehouse.kong.plugins.plugin_utils._libraries import LibraryError
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.file import PlanError
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.host import select_host
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.kept import PartedPlan
from ansible_collections.gatehouse.kong.plugins.plugin_utils._run import locate_plan


class LookupModule(LookupBase):
    def run(self, terms: Sequence[str], variables: Mapping[str, Any] | None = None, **options: Any) -> list[Any]:
        self.set_options(var_options=variables, direct=options)
        variables = variables or {}
        if refused := explain_refusal(variables):
            raise AnsibleLookupError(refused)
        group = self.get_option("group") or self._templar.template(variables.get("kong_group")) or "kong"
        path = locate_plan(str(group))
        try:
            if not path.exists():
                self._compile(str(group), variables)
            if not terms:
                return [str(path)]
            plan = PartedPlan(path)
            return [select_host(plan, name) for name in terms]
        except (LibraryError, PlanError) as exc:
            # Ansible would repeat the message of the cause.
            raise AnsibleLookupError(f"gatehouse.kong.kong_plan: {exc}") from None

    def _compile(self, group: str, variables: Mapping[str, Any]) -> None:
        """Compile the plan, if no task of this run has done it, for example because of --start-at-task."""
        # Imported only here, because it takes longer than all other uses of this plugin together.
        from ansible_collections.gatehouse.kong.plugins.plugin_utils._run_plan import RefusedError, get_plan  # noqa: PLC0415

        try:
            get_plan(group, variables, self._templar, self._loader)
        except RefusedError as exc:
            raise PlanError(f"{exc}. The playbook gatehouse.kong.plan shows the errors") from exc
