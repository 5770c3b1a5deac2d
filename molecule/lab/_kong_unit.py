# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The systemd unit of the Kong placeholder on a host, like the unit in Kong's package of the same version.

Packages since 2020-09-17 (about 2.2) have a unit that prepares the prefix on reload. Packages since about 1.5 have a unit that
only signals nginx (Kong/kong-build-tools 204c597, b0da251; build/package/kong.service at 2.8.5). Older packages have no
unit: with KONG_UNIT=none in lab.yml, Kong is started by hand at boot; otherwise they get a unit like those that users write.
"""

from __future__ import annotations

from collections.abc import Mapping

UNIT = """\
[Unit]
Description=Kong placeholder of the gatehouse lab: opens Kong's listeners, is not Kong
After=network.target

[Service]
Type=notify
EnvironmentFile=/etc/kong-placeholder.env
EnvironmentFile=-/etc/kong/kong.env
ExecStartPre={prepare} -p /usr/local/kong
ExecStart=/usr/bin/python3 -B {program}/main.py
{reload}\
# The placeholder stops Serf and nginx itself, and ends after both have ended.
KillMode=mixed
TimeoutStartSec=60
TimeoutStopSec=30
"""
PREPARES = """\
ExecReload=/usr/local/bin/kong prepare -p /usr/local/kong
ExecReload=/usr/sbin/nginx -p /usr/local/kong -c nginx.conf -s reload
"""
SIGNALS = """\
ExecReload=/usr/sbin/nginx -p /usr/local/kong -c nginx.conf -s reload
"""
BY_HAND = """\
[Unit]
Description=Start of an old Kong, as users have it in rc.local
After=network.target
{condition}
[Service]
Type=oneshot
RemainAfterExit=yes
KillMode=process
ExecStart=/usr/local/bin/kong start
"""
# The package of a real Kong has a unit, or Kong is started as its users do without a unit.
NO_UNIT = "ConditionPathExists=!/lib/systemd/system/kong.service\n"
PROGRAM = "/usr/local/lib/kong-placeholder"
PREPARE = "/usr/local/bin/kong prepare"
# Kong has `kong prepare` since 0.11.
OLD_PREPARE = f"/usr/bin/python3 -B {PROGRAM}/commands.py unit-prepare"


def render_unit(kong: Mapping[str, str], *, real: bool) -> tuple[str, str]:
    """Return name and text of the unit, for a host's Kong environment in lab.yml; `real` is true for a real Kong."""
    if real or kong.get("KONG_UNIT") == "none":
        return "kong-by-hand.service", BY_HAND.format(condition=NO_UNIT if real else "")
    version = tuple(int(part) for part in kong["KONG_VERSION"].split(".")[:2])
    reload = PREPARES if version >= (2, 2) else SIGNALS if version >= (1, 5) else ""
    prepare = PREPARE if version >= (0, 11) else OLD_PREPARE
    return "kong.service", UNIT.format(program=PROGRAM, prepare=prepare, reload=reload)
