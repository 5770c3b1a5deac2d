# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: kong_service
short_description: Have Kong live by its changed settings, and see that it does
version_added: 0.1.0
author:
  - gatehouse.kong contributors (!UNKNOWN)
description:
  - Reloads or restarts Kong, by its systemd unit, by Kong's own program or by commands of yours, and then looks until exactly
    what should listen does listen and answers. Where it does not come to that, the module fails with the difference.
  - Where a reload was asked for and is not enough, Kong is restarted. A reload is not enough where nothing on the host makes
    the running Kong read the changed file, or where the sockets are not right a few seconds after it.
  - Kong's file is not touched, neither before nor afterwards.
  - Where the unit runs as another user than root, and listens below the first port that is open to all users or with the
    flag C(transparent), a drop-in gives it the capabilities for that. It is removed when no listener needs it. Where the module
    fails, the drop-in is what it was before.
extends_documentation_fragment:
  - gatehouse.kong.attributes
  - gatehouse.kong.listeners
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
options:
  how:
    description:
      - What the change of the settings needs, as the filter P(gatehouse.kong.kong_restart_decision#filter) tells.
      - With V(stop) Kong is stopped, and O(listeners) has to be empty.
    type: str
    choices: [reload, restart, stop]
    default: restart
  version:
    description: Kong's version.
    type: str
    required: true
  conf:
    description: The configuration file that Kong's own program is to read.
    type: path
    required: true
  prefix:
    description: The prefix of the running Kong, where it is not Kong's default; before 0.9 its C(nginx_working_dir).
    type: path
  service:
    description: Kong's systemd unit. Where the host has no such unit, Kong's own program starts and stops it.
    type: str
    default: kong
  program:
    description: Kong's own program.
    type: path
    default: /usr/local/bin/kong
  restart_command:
    description: A command that restarts Kong, where neither systemd nor Kong's own program does. It is not run by a shell.
    type: str
  reload_command:
    description:
      - A command that has Kong read its file and reload.
      - Where O(restart_command) is given and this is not, Kong is always restarted.
    type: str
  looks:
    description:
      - How often, a second apart, to look at what listens after a restart. After a reload it is at most five times.
      - With V(0) it is not looked at, for a Kong whose sockets cannot be seen on the host.
    type: int
    default: 30
  drain:
    description: Seconds to wait, after a reload, until nginx's old workers have finished their connections.
    type: int
    default: 10
notes:
  - The drop-in is C(/etc/systemd/system/UNIT.d/gatehouse-kong.conf). In place of it, the sysctl
    C(net.ipv4.ip_unprivileged_port_start) opens low ports to every user of the host. A Kong that systemd does not run needs
    that, or root.
  - Before Kong 0.11, Serf agents are waited for to end between stop and start.
  - C(kong prepare) and C(kong reload) get the variables C(KONG_…) of the unit (C(Environment=), C(EnvironmentFile=)), because
    these outrank the file. The environment of running processes is not read.
  - A command that does not end within 300 seconds is killed.
seealso:
  - module: gatehouse.kong.kong_conf
  - module: gatehouse.kong.kong_listen_info
"""

EXAMPLES = r"""
- name: Have Kong read its file again
  gatehouse.kong.kong_service:
    how: reload
    version: "3.9"
    conf: /etc/kong/kong.conf
    listeners:
      - {name: proxy, protocols: [tcp], address: 0.0.0.0, port: 8000}
"""

RETURN = r"""
how:
  description: What was done, V(reload), V(restart) or V(stop). In check mode what would be done first.
  returned: always
  type: str
reasons:
  description: Why a reload was not enough, if one was asked for.
  returned: always
  type: list
  elements: str
report:
  description: What is still wrong.
  returned: always
  type: list
  elements: str
  sample: ["admin: nothing listens on tcp 127.0.0.1:8001"]
draining:
  description: How many old workers of nginx still have connections.
  returned: success
  type: int
"""

import os
import re
import typing as t
from dataclasses import asdict

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import Host, HostError, require_root
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.capabilities import Port, grant, put
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.plan import (
    Kong,
    ServiceError,
    choose_procedure,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.run import (
    LISTENER_SPEC,
    Done,
    Wanted,
    bring_up,
    known_unit,
    reload_of,
    user_of,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.sockets import listeners_of
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.unit_environment import unit_environment

_SPEC = {
    "how": {"type": "str", "choices": ["reload", "restart", "stop"], "default": "restart"},
    "version": {"type": "str", "required": True},
    "conf": {"type": "path", "required": True},
    "prefix": {"type": "path"},
    "listeners": {"type": "list", "elements": "dict", "required": True, "options": LISTENER_SPEC},
    "service": {"type": "str", "default": "kong"},
    "program": {"type": "path", "default": "/usr/local/bin/kong"},
    "restart_command": {"type": "str"},
    "reload_command": {"type": "str"},
    "looks": {"type": "int", "default": 30},
    "drain": {"type": "int", "default": 10},
}
# What speaks no HTTP, or not at once: Serf, streams, and whoever expects the PROXY protocol's line first.
_NO_HTTP = ("stream", "cluster_rpc")


def kong_of(params: dict[str, t.Any], host: Host) -> Kong:
    """How Kong is run here. Raises ServiceError for a version that is none, HostError where systemd does not answer."""
    found = re.match(r"(\d+)\.(\d+)", params["version"])
    if not found:
        raise ServiceError(f"version is {params['version']!r}; expected is a version of Kong, such as '3.9'")
    unit = known_unit(host, params["service"])
    program = params["program"]
    return Kong(
        version=(int(found[1]), int(found[2])),
        conf=params["conf"],
        prefix=params["prefix"] or "",
        unit=unit,
        reload_of_unit=reload_of(host, unit),
        user=user_of(host, unit),
        program=program if os.access(program, os.X_OK) else "",
        restart_command=params["restart_command"] or "",
        reload_command=params["reload_command"] or "",
        variables=unit_environment(host, unit),
    )


def wanted_of(params: dict[str, t.Any]) -> Wanted:
    """What has to listen, and what of it answers a request."""
    http = [one for one in params["listeners"] if one["name"] not in _NO_HTTP and one["protocols"] == ["tcp"]
            and one["setting"] and "proxy_protocol" not in (one["flags"] or ())]  # fmt: skip
    return Wanted(listeners_of(params["listeners"]), listeners_of(http), params["looks"])


def run(module: AnsibleModule) -> Done:
    """Have Kong live by its settings, or in check mode tell how."""
    host, how = Host(), module.params["how"]
    kong = kong_of(module.params, host)
    if module.check_mode:
        chosen = choose_procedure(kong, how)
        return Done(chosen.how, (chosen.reason,) if chosen.reason else (), ())
    ports = [Port(one["port"], (*(one["flags"] or ()),)) for one in module.params["listeners"] if one["setting"]]
    before = grant(host, kong.unit, ports) if kong.unit and ports else None
    if before is None:
        return bring_up(kong, how, wanted_of(module.params), module.params["drain"])
    lives = False
    try:
        # A process gets its capabilities when it starts.
        done = bring_up(kong, "restart", wanted_of(module.params), module.params["drain"])
        lives = not done.wrong
        return done
    finally:
        if not lives:
            put(host, kong.unit, before)


def main() -> None:
    """Run the module."""
    module = AnsibleModule(_SPEC, supports_check_mode=True)
    try:
        require_root("kong_service")
        done = run(module)
    except (ServiceError, HostError, OSError) as error:
        module.fail_json(msg=str(error), how="nothing", reasons=[], report=[str(error)])
    result = asdict(done)
    result["report"] = result.pop("wrong")
    if done.wrong:
        module.fail_json(msg=f"Kong does not live by its settings: {'; '.join(done.wrong)}", **result)
    module.exit_json(changed=True, **result)


if __name__ == "__main__":
    main()
