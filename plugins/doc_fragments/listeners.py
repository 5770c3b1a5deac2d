# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations


class ModuleDocFragment:
    """The option for planned listeners, in the form of the plan."""

    DOCUMENTATION = r"""
options:
  listeners:
    description: The planned listeners, as in the plan of M(gatehouse.kong.kong_plan) for a node.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: The name of the listener.
        type: str
        required: true
      protocols:
        description: V(tcp), V(udp), or both.
        type: list
        elements: str
        choices: [tcp, udp]
        required: true
      port:
        description: The local port.
        type: int
        required: true
      address:
        description: The bind address, V(*), or a name of this host.
        type: str
        required: true
      setting:
        description: The setting that opens the listener. Only listeners of Kong's settings are expected to answer.
        type: str
      flags:
        description: The flags of the listener.
        type: list
        elements: str
"""
