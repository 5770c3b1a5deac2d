# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: parse_listen
short_description: Read a listen value of Kong
version_added: 0.1.0
author: gatehouse.kong contributors (@gatehouse-kong)
description:
  - Reads the value of a listen setting of Kong, such as C(proxy_listen), in the grammar of a version of Kong.
  - A value that Kong accepts but nginx or Serf rejects is an error as well, for example port V(0).
positional: _input
options:
  _input:
    description:
      - The value as in Kong's configuration, or a list of its entries.
      - A port without an address means all IPv4 addresses.
    type: raw
    required: true
  version:
    description:
      - The version of Kong, V(0.6) to V(3.15).
      - Quote it, because YAML reads V(3.10) as V(3.1).
    type: str
    default: "3.9"
  setting:
    description: The name of the setting in Kong. The allowed flags depend on it.
    type: str
    default: proxy_listen
"""

EXAMPLES = r"""
- name: Show the ports with TLS
  ansible.builtin.debug:
    msg: >-
      {{ '0.0.0.0:8000, [::]:8443 ssl http2' | gatehouse.kong.parse_listen
         | selectattr('flags', 'contains', 'ssl') | map(attribute='port') }}

- name: Fail if the Admin API listens on every address
  ansible.builtin.assert:
    that: >-
      '127.0.0.1:8001, [::1]:8444 ssl' | gatehouse.kong.parse_listen(version='1.5', setting='admin_listen')
      | selectattr('address', 'in', ['0.0.0.0', '*', '::']) | length == 0

- name: Show that there is no stream listener
  ansible.builtin.debug:
    msg: "{{ 'off' | gatehouse.kong.parse_listen(setting='stream_listen') }}"
"""

RETURN = r"""
_value:
  description: The entries in the given order. An empty list for V(off).
  type: list
  elements: dict
  contains:
    address:
      description: The address in canonical form, IPv6 without brackets. V(*) and host names are unchanged.
      type: str
      sample: 0.0.0.0
    port:
      description: The port.
      type: int
      sample: 8443
    family:
      description: V(ipv4), V(ipv6), or V(name) for a host name. For nginx V(*) is an IPv4 address.
      type: str
      sample: ipv4
    flags:
      description: The flags of the entry in the given order.
      type: list
      elements: str
      sample: [ssl, http2]
    text:
      description: The entry as text for Kong.
      type: str
      sample: 0.0.0.0:8443 ssl http2
"""

from typing import TYPE_CHECKING, Any

from ansible.errors import AnsibleFilterError

from ansible_collections.gatehouse.kong.plugins.plugin_utils._findings import make_plain
from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.generations import (
    Generation,
    Setting,
    find_generation,
    format_versions_with,
    parse_version,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.listen import ListenEntry, parse_listen, render_entry
from ansible_collections.gatehouse.kong.plugins.plugin_utils._libraries import LibraryError, require_libraries

if TYPE_CHECKING:
    from collections.abc import Callable


def parse_listen_filter(value: Any, version: Any = "3.9", setting: str = "proxy_listen") -> list[dict[str, Any]]:
    """Return the entries of a listen value as plain data. Raises AnsibleFilterError for a value that Kong cannot use."""
    try:
        require_libraries()
        generation = find_generation(parse_version(version))
        entries = parse_listen(value, generation, _find_setting(generation, str(make_plain(setting))))
    except (LibraryError, ValueError) as exc:
        raise AnsibleFilterError(f"gatehouse.kong.parse_listen: {exc}") from exc
    return [_as_dict(entry) for entry in entries]


def _find_setting(generation: Generation, name: str) -> Setting:
    setting = generation.find_setting(name)
    if setting is not None:
        return setting
    known = ", ".join(setting.name for setting in generation.settings)
    versions = format_versions_with(name)
    where = f"it is known to Kong {versions}; " if versions else ""
    raise ValueError(f"Kong {generation.versions} has no listen setting {name!r}: {where}it has {known}")


def _as_dict(entry: ListenEntry) -> dict[str, Any]:
    return {
        "address": entry.address,
        "port": entry.port,
        "family": entry.family,
        "flags": list(entry.flags),
        "text": render_entry(entry),
    }


class FilterModule:
    """The plugin class for Ansible."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filter with its name."""
        return {"parse_listen": parse_listen_filter}
