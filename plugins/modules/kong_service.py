# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: kong_service
short_description: Apply changed settings to Kong and verify its listeners
version_added: 0.1.0
author:
  - gatehouse.kong contributors (!UNKNOWN)
description:
  - Reloads, restarts or starts Kong with its systemd unit, with Kong's own program, or with your commands. Then it checks until
    exactly the planned listeners are open and answer. If that does not happen, the module fails with the differences.
  - From Kong 0.11 on, the file is prepared in a temporary folder first, with the variables and options of Kong's start, and
    nginx tests the result. If Kong or nginx rejects the file, the module fails, and the running Kong is not touched. A Kong
    that does not run is started in any case.
  - If a reload was requested but is not enough, Kong is restarted. A reload is not enough if no command on the host makes
    the running Kong read the changed file. It is not enough either if, a few seconds later, the sockets are wrong, nginx
    has another number of workers than its file says, or Kong's prefix does not have the values of the file.
  - If the workers from before the reload still accept connections, nginx has refused the configuration, or the reload did not
    reach it. The running Kong continues as before. Then the module fails, and Kong is not restarted, because the restart could
    fail too. There is one exception. If nginx could not open a port that Kong itself has on another address, Kong is restarted.
  - The same applies to a reload command that fails with an error of nginx or Kong, and to any failed reload of a Kong whose nginx
    is not found, for example because two containers have the same prefix. A Kong that does not run is started.
  - If the module fails, its message has the last error lines of the unit's journal and of nginx's error log.
  - Kong's file is never changed.
  - If the unit does not run as root, ports below the first unprivileged port and listeners with the flag C(transparent) need
    capabilities. A drop-in for the unit adds them. It is removed when no listener needs it. If the module fails, the
    previous drop-in is restored.
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
  how:
    description:
      - The action that the change of the settings needs, as C(restart) of M(gatehouse.kong.kong_node_info).
      - V(start) is for a Kong that does not run.
      - With V(stop), Kong is stopped, and O(listeners) has to be empty.
    type: str
    choices: [reload, restart, start, stop]
    default: restart
  version:
    description: Kong's version.
    type: str
    required: true
  conf:
    description: The configuration file for Kong's own program. If it is missing, Kong has its defaults.
    type: path
    required: true
  before:
    description: Kong's file as it was before the change. The default is O(conf).
    type: path
  keep_before:
    description: Whether to keep the file O(before) after the settings are effective.
    type: bool
    default: true
  settings:
    description:
      - The names of the planned settings. If Kong was started by hand, it keeps the variables of its start for all other
        settings, with a warning. Before 0.11 these are the variables of its Serf agent, later the values in C(.kong_env) in
        its prefix that O(before) does not give.
      - If omitted, a Kong that was started by hand is reloaded or restarted without these variables.
    type: list
    elements: str
  prefix:
    description: The prefix of the running Kong if it is not Kong's default. Before 0.9 this is C(nginx_working_dir).
    type: path
  service:
    description:
      - Kong's systemd unit. If Kong runs, the unit of its nginx is used, even if that unit has another name.
      - If the host has no such unit, or Kong was started by hand, Kong's own program is used.
    type: str
    default: kong
  program:
    description: Kong's own program.
    type: path
    default: /usr/local/bin/kong
  restart_command:
    description:
      - A command that restarts Kong, for hosts on which neither systemd nor Kong's own program can do it.
      - No shell is used.
    type: str
  reload_command:
    description:
      - A command that makes Kong read the whole file and reload (C(kong prepare), then C(kong reload)).
      - If O(restart_command) is given without O(reload_command), Kong is always restarted.
    type: str
  looks:
    description:
      - The number of checks after a restart, one per second. After a reload there are five checks. If nginx then still has
        its old workers, and no log has an error, there are this number of further checks.
      - With V(0), the listeners are not checked. Use this for a Kong in a container with a network of its own, whose sockets
        are not visible on the host. The effect of a reload is checked if the host has one Kong with this prefix.
    type: int
    default: 30
  drain:
    description: Seconds to wait, after a reload, until nginx's old workers have finished their connections.
    type: int
    default: 10
notes:
  - The drop-in is C(/etc/systemd/system/UNIT.d/gatehouse-kong.conf). Alternatively, the sysctl
    C(net.ipv4.ip_unprivileged_port_start) opens low ports to every user of the host. A Kong without a systemd unit needs
    this sysctl, or has to run as root.
  - Before Kong 0.11, the module waits for the end of the Serf agent between stop and start.
  - C(kong prepare) and C(kong reload) get exactly the variables of a start of the unit, because variables take precedence over
    the file, and Kong resolves references such as C({vault://env/x}) with them. The environment of a running Kong is not used.
  - A command that does not end within 300 seconds is killed.
seealso:
  - module: gatehouse.kong.kong_conf
  - module: gatehouse.kong.kong_listen_info
"""

EXAMPLES = r"""
- name: Reload Kong and verify its listeners
  gatehouse.kong.kong_service:
    how: reload
    version: "3.9"
    conf: /etc/kong/kong.conf
    listeners:
      - {name: proxy, protocols: [tcp], address: 0.0.0.0, port: 8000}
"""

RETURN = r"""
how:
  description:
    - The action, V(reload), V(restart), V(start) or V(stop). In check mode the first planned action.
    - V(nothing) if the running Kong was not touched, for example because Kong rejects the file.
  returned: always
  type: str
reasons:
  description: The reasons why a requested reload was not enough.
  returned: always
  type: list
  elements: str
refused:
  description:
    - Whether nginx has refused the configuration at the reload, or the reload did not reach it, and the running Kong continues
      as before.
  returned: always
  type: bool
draining:
  description: The number of old workers of nginx that still have connections.
  returned: success
  type: int
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.gatehouse.kong.plugins.module_utils._entry.listeners import LISTENER_SPEC
from ansible_collections.gatehouse.kong.plugins.module_utils._entry.run import ARCHIVE_SPEC, run_module

_SPEC = {
    **ARCHIVE_SPEC,
    "how": {"type": "str", "choices": ["reload", "restart", "start", "stop"], "default": "restart"},
    "version": {"type": "str", "required": True},
    "conf": {"type": "path", "required": True},
    "before": {"type": "path"},
    "keep_before": {"type": "bool", "default": True},
    "settings": {"type": "list", "elements": "str"},
    "prefix": {"type": "path"},
    "listeners": {"type": "list", "elements": "dict", "required": True, "options": LISTENER_SPEC},
    "service": {"type": "str", "default": "kong"},
    "program": {"type": "path", "default": "/usr/local/bin/kong"},
    "restart_command": {"type": "str"},
    "reload_command": {"type": "str"},
    "looks": {"type": "int", "default": 30},
    "drain": {"type": "int", "default": 10},
}


def main() -> None:
    """Run the module."""
    run_module("kong_service", AnsibleModule(_SPEC, supports_check_mode=True))


if __name__ == "__main__":
    main()
