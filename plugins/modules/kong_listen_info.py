# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: kong_listen_info
short_description: Compare the sockets and the effective settings of the running Kong with the plan
version_added: 0.1.0
description:
  - Reads the open sockets of the host, independent of Kong's file, and compares them with the planned listeners. Changes
    nothing and opens no connection.
  - A planned listener without a socket is missing. A socket of Kong, or on a port of Kong, that is not planned is
    unexpected, for example an Admin API that still listens on C(0.0.0.0).
  - Compares the effective values of O(settings) with the planned values, and reports the origin of each other value that
    a line in Kong's file does not explain. Variables C(KONG_…) of Kong's unit or container take precedence over Kong's file
    (Kong 0.9 and later). The variables of a Kong that was started by hand are unknown, but C(.kong_env) in Kong's prefix
    has their effect. The environment of Kong's processes is not read, because nginx overwrites it.
author:
  - gatehouse.kong contributors (!UNKNOWN)
extends_documentation_fragment:
  - gatehouse.kong.attributes
  - gatehouse.kong.archive
  - gatehouse.kong.listeners
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
options:
  settings:
    description:
      - The planned settings of Kong and their values as text.
      - Values of secrets, as in M(gatehouse.kong.kong_conf), are compared on the host, and are neither returned nor logged.
    type: dict
    default: {}
  defaults:
    description: The values, as text, that Kong uses for settings of O(settings) that its file does not have.
    type: dict
    default: {}
  path:
    description: Kong's file. Without it, only variables are compared.
    type: path
    default: ''
  format:
    description:
      - The format of the file, as in M(gatehouse.kong.kong_conf).
      - With V(env), variables that systemd reads from this file are the file's values. Variables of other places are reported.
      - With V(yaml), Kong reads no variables, so only sockets are compared.
    type: str
    choices: [conf, yaml, env]
    default: conf
  container:
    description: Whether Kong runs in a container with a network of its own. Then the host's sockets are not compared.
    type: bool
    default: false
  service:
    description:
      - Kong's systemd unit. The sockets of its processes and the variables of the unit belong to Kong.
      - If Kong runs, the unit of its nginx is used instead, even if that unit has another name.
      - If Kong was started by hand, or the host has no such unit, the processes in the pid files below O(prefix), and their
        child processes, belong to Kong.
      - If there are no such processes, the sockets of nginx and Serf on the ports of O(listeners) belong to Kong.
    type: str
    default: kong
  prefix:
    description: The prefix of the running Kong, by default V(/usr/local/kong). Before 0.9 this is C(nginx_working_dir).
    type: path
notes:
  - Needs root to find the process of each socket.
  - Sockets on a loopback address are never unexpected.
  - A socket at C([::]) also counts for C(0.0.0.0) if there is no other socket. Whether it accepts IPv4 cannot be read.
  - A socket at a planned wildcard also counts for the planned addresses of its family, port and protocol, because nginx opens
    only the wildcard.
  - The sockets of a Kong in a container are not visible to this module. The variables of a container are read with C(podman inspect)
    or C(docker inspect) as root.
seealso:
  - module: gatehouse.kong.kong_firewall_info
"""

EXAMPLES = r"""
- name: Compare the sockets with the planned listeners
  gatehouse.kong.kong_listen_info:
    listeners:
      - {name: proxy, protocols: [tcp], address: 0.0.0.0, port: 8000}
      - {name: admin, protocols: [tcp], address: 127.0.0.1, port: 8001}
    settings:
      admin_listen: 127.0.0.1:8001
    path: /etc/kong/kong.conf
  register: listening
"""

RETURN = r"""
differs:
  description: >-
    Whether a listener is missing, a socket is unexpected, an effective value is not as planned, or the effective values are
    unknown because Kong was prepared again and not reloaded.
  returned: success
  type: bool
report:
  description: A readable line for each difference.
  returned: success
  type: list
  elements: str
  sample: ["tcp 0.0.0.0:8001 (nginx) is not in the plan"]
missing:
  description: Planned listeners without a socket, with C(name), C(protocol), C(port) and C(address).
  returned: success
  type: list
  elements: dict
unexpected:
  description:
    - Sockets that are not planned, with C(protocol), C(address), C(port), C(process) and C(unit).
    - If Kong has no unit, C(unit) of its sockets is Kong's prefix.
  returned: success
  type: list
  elements: dict
listens:
  description: Whether exactly O(listeners) listen, so that no listener is missing and no socket is unexpected.
  returned: success
  type: bool
runs:
  description: Whether Kong runs. With O(container), any Kong with a network of its own counts.
  returned: success
  type: bool
present:
  description:
    - The present sockets of Kong's processes, in the form of O(listeners). Empty if no Kong was found, even if another nginx
      runs on this host.
  returned: success
  type: list
  elements: dict
cannot_bind:
  description:
    - Why a process cannot bind an address of O(listeners), and the fix. The host does not have the address now, and the sysctl
      C(ip_nonlocal_bind) of its family is 0. Empty if every address can be bound.
    - Listeners with the flag C(transparent) can bind any address, and host names are not resolved.
  returned: success
  type: str
  sample: "this host does not have 192.168.10.100 now, so Kong cannot bind it and would not start"
unit:
  description: The systemd unit of Kong. Empty if Kong was started by hand, or if the host has no unit of Kong.
  returned: success
  type: str
  sample: kong.service
unloaded:
  description:
    - A readable line if the settings of the running Kong are unknown, because C(kong prepare) ran after its last reload.
    - Empty otherwise.
  returned: success
  type: str
lost_capabilities:
  description:
    - A readable line for each drop-in with which Kong's unit lacks a capability at its next start that the drop-in of this
      collection adds, for example for a port below 1024. Each line is also a warning.
  returned: success
  type: list
  elements: str
effective:
  description:
    - The effective values that are not as planned, and that no line in Kong's file explains.
    - C(setting), C(value), which is hidden for secrets, C(moves), C(origin), C(place) and C(line), a readable line.
    - C(value) is V(unknown) if a container's C(KONG_X_FILE) names a file with the value and the running Kong does not show it.
    - C(origin) is V(environment) for a variable, V(outdated) if Kong was not reloaded since its file changed, and V(started)
      if neither the file nor a unit has the value. C(place) is the place of the variable, or Kong's own file of settings.
    - C(moves) is true if a listen setting opens other addresses or ports than planned.
  returned: success
  type: list
  elements: dict
  sample:
    - setting: status_listen
      value: 0.0.0.0:8105
      origin: environment
      place: Environment= in /etc/systemd/system/kong.service.d/status.conf
      moves: true
      line: >-
        status_listen is 0.0.0.0:8105, planned off: KONG_STATUS_LISTEN (Environment= in
        /etc/systemd/system/kong.service.d/status.conf) overrides /etc/kong/kong.conf
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.gatehouse.kong.plugins.module_utils._entry.listeners import LISTENER_SPEC
from ansible_collections.gatehouse.kong.plugins.module_utils._entry.run import ARCHIVE_SPEC, run_module

_SPEC = {
    **ARCHIVE_SPEC,
    "listeners": {"type": "list", "elements": "dict", "required": True, "options": LISTENER_SPEC},
    "settings": {"type": "dict", "default": {}},
    "defaults": {"type": "dict", "default": {}},
    "path": {"type": "path", "default": ""},
    "format": {"type": "str", "choices": ["conf", "yaml", "env"], "default": "conf"},
    "container": {"type": "bool", "default": False},
    "service": {"type": "str", "default": "kong"},
    "prefix": {"type": "path"},
}


def main() -> None:
    """Run the module."""
    # Otherwise the log of the host would get the options, including secrets.
    run_module("kong_listen_info", AnsibleModule(_SPEC, supports_check_mode=True, no_log=True))


if __name__ == "__main__":
    main()
