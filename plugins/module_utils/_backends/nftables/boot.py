# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The unit that loads the early part at boot, and the drop-in that keeps it loaded when nftables.service is reloaded.

nftables.service flushes all tables: its file begins with `flush ruleset`, and so does its ExecStop. With our drop-in, it
loads the host's file and our file in one transaction, so that our table is always loaded.
"""

from __future__ import annotations

import re

from ansible_collections.gatehouse.kong.plugins.module_utils._backends.nftables.place import (
    APPENDED_FILE,
    DIRECTORY,
    FILE,
    LATE_FILE,
    UNIT,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._host.boot_unit import EARLY, UNIT_DIRECTORY, BootUnit
from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import Host

# A pattern, because an `include` with a pattern succeeds without a matching file (nft(8), "INCLUDE FILES").
_APPENDED = APPENDED_FILE.replace(".nft", "*.nft")
_LATE = f'/bin/sh -c "[ ! -e {LATE_FILE} ] || exec /bin/sh {LATE_FILE}"'

# `systemctl stop nftables` flushes the host's rules and keeps our table.
_WITH_HOST_RULES = """\
# Written by gatehouse.kong: loads the host's rules and the table of gatehouse.kong in one transaction.
[Service]
ExecStart=
ExecStart={start}
ExecStartPost=-{late}
ExecReload=
ExecReload={reload}
ExecReload=-{late}
ExecStop=
ExecStop={nft} 'flush ruleset; include "{file}";'
"""
# If nft rejects the host's file, the unit fails, as it would without our drop-in. Our table is still loaded.
_TOGETHER = (
    """/bin/sh -c "{nft} '{flush}include \\"{host}\\"; include \\"{file}\\"; include \\"{appended}\\";'"""
    """ || {nft} '{flush}include \\"{host}\\"; include \\"{file}\\";'"""
    """ || {{ {nft} '{flush}include \\"{host}\\";'; status=$$?; {nft} -f {file}; exit $$status; }}\""""
)
_AFTERWARDS = """\
# Written by gatehouse.kong: loads its own table again after this unit's `flush ruleset`.
[Service]
ExecStartPost=-{nft} -f {file}
ExecStartPost=-{late}
ExecReload=-{nft} -f {file}
ExecReload=-{late}
"""
_UNIT_FOLDERS = (UNIT_DIRECTORY, "/run/systemd/system", "/usr/local/lib/systemd/system", "/usr/lib/systemd/system",
                 "/lib/systemd/system")  # fmt: skip
_COMMAND = re.compile(r"^Exec(?P<key>Start|Reload|Stop)=(?P<command>.*)$", re.MULTILINE)
_LOADS = re.compile(r"""\S*/nft (?:-f (?P<path>/[^\s"']+)|'flush ruleset; include "(?P<flushed>/[^\s"']+)";?')""")


def make_boot_unit(host: Host) -> BootUnit:
    """Return the unit that loads our table at boot, with its drop-in for nftables.service."""
    nft = host.which("nft") or "/usr/sbin/nft"
    return BootUnit(
        UNIT,
        description="which sources may reach Kong's ports",
        target=EARLY,
        after="nftables.service",
        command=f"{nft} -f {FILE}",
        then=_LATE,
        directory=DIRECTORY,
        file=FILE,
        drop_ins=(("nftables.service", _drop_in(host, nft)),),
    )


def _list_third_party_drop_ins(host: Host) -> list[str]:
    """Return the third-party drop-ins. Our drop-in for the interception is left out: it only adds commands at the end."""
    folders = [f"{folder}/nftables.service.d" for folder in _UNIT_FOLDERS]
    paths = (f"{folder}/{path.name}" for folder in folders for path in host.locate(folder).glob("*.conf"))
    return [path for path in paths if "/gatehouse-kong-" not in path]


def _drop_in(host: Host, nft: str) -> str:
    """Return the drop-in for the host's nftables.service.

    For the unit of Debian or Red Hat, it loads both files in one transaction. For other units, it loads our file later.
    """
    unit = next((text for folder in _UNIT_FOLDERS if (text := host.read(f"{folder}/nftables.service"))), "")
    unit += "".join(host.read(path) or "" for path in _list_third_party_drop_ins(host))
    commands = [(match["key"], _LOADS.fullmatch(match["command"])) for match in _COMMAND.finditer(unit)]
    loads = {key: found for key, found in commands if found and key != "Stop"}
    if {*loads} != {"Start", "Reload"} or len(commands) > len({key for key, _found in commands}):
        return _AFTERWARDS.format(nft=nft, file=FILE, late=_LATE)
    start, reload = (
        _TOGETHER.format(
            nft=nft, file=FILE, appended=_APPENDED,
            flush="flush ruleset; " if found["flushed"] else "", host=found["flushed"] or found["path"],
        )
        for found in (loads["Start"], loads["Reload"])
    )  # fmt: skip
    return _WITH_HOST_RULES.format(start=start, reload=reload, nft=nft, file=FILE, late=_LATE)
