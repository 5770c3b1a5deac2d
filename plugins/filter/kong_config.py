# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

DOCUMENTATION = r"""
name: kong_config
short_description: The settings of kong_config as text
version_added: 0.1.0
author: gatehouse.kong contributors (@gatehouse-kong)
description:
  - Internal to the roles and playbooks of this collection, and may change with every release.
  - Takes a dictionary of Kong settings, such as the variable C(kong_config), and returns each as text for the configuration
    file of that Kong version. Booleans become V(on) and V(off), or V(true) and V(false) before 0.9, and nested settings of
    C(kong.yml) get names with dots.
  - The plan has only the names of these settings, because the values may be passwords or keys.
  - Listen settings are an error here. They have their own variables.
positional: version
options:
  _input:
    description: The settings.
    type: dict
    required: true
  version:
    description: The node's Kong version.
    type: str
    required: true
seealso:
  - module: gatehouse.kong.kong_conf
"""

EXAMPLES = r"""
- name: Write other settings of Kong
  gatehouse.kong.kong_conf:
    path: /etc/kong/kong.conf
    settings: "{{ {'log_level': 'notice', 'pg_ssl': true} | gatehouse.kong.kong_config('3.9') }}"
"""

RETURN = r"""
_value:
  description: Kong settings and their values as text.
  type: dict
"""

from collections.abc import Callable
from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.config import ConfigError, read_config_of
from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.generations import VersionError


def kong_config(value: Any, version: str) -> dict[str, str]:
    try:
        return read_config_of(version, value)
    except VersionError as exc:
        raise AnsibleFilterError(f"gatehouse.kong.kong_config: {exc}") from exc
    except ConfigError as exc:
        raise AnsibleFilterError(str(exc)) from exc


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"kong_config": kong_config}
