# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Settings of a host that change the rules at the next boot, although our files are in place."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ansible_collections.gatehouse.kong.plugins.module_utils._backends.nftables.place import FILE
from ansible_collections.gatehouse.kong.plugins.module_utils._host.boot_scripts import SCRIPTS, read_scripts
from ansible_collections.gatehouse.kong.plugins.module_utils._host.boot_unit import UNIT_DIRECTORY
from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import Host
from ansible_collections.gatehouse.kong.plugins.module_utils._host.services import is_enabled
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.conflict import Conflict

_OUR_UNITS = ("gatehouse-kong-firewall", "gatehouse-kong-accept", "gatehouse-kong-iptables")
_DROP_IN_FOLDERS = (UNIT_DIRECTORY, "/run/systemd/system", "/usr/local/lib/systemd/system", "/usr/lib/systemd/system")
# Settings that decide whether and how a unit starts (systemd.unit(5), systemd.service(5)).
_DECIDES = re.compile(r"^(?:Exec\w+|Condition\w+|Assert\w+|Type)=.*$", re.MULTILINE)
_EXEC = re.compile(r"^Exec(?:Start|StartPre|StartPost)=(.*)$", re.MULTILINE)
_FILE = re.compile(r"nft\b.*?(?:-f|--file)[ =](/[^\s\"';]+)")
_PATH = re.compile(r"/[^\s\"';]+")
_FLUSHES = re.compile(r"^[^#\n]*\bflush ruleset\b", re.MULTILINE)
_PRECEDES_OURS = re.compile(rf"^Before=(?:.*[ \t])?{_OUR_UNITS[0]}\.service(?:[ \t]|$)", re.MULTILINE)
# With our drop-in, this unit loads our table too.
_LOADS_OURS = "nftables.service"
_MANAGERS = {"firewalld": "firewalld", "ufw": "ufw"}
_PORTS = ("every managed port",)


def find_boot_conflicts(host: Host, manager: str) -> tuple[Conflict, ...]:
    """Return warnings about units and scripts that remove our rules at boot, changed units, and a disabled manager."""
    return (
        *_find_changed_units(host),
        *_find_flushing_units(host),
        *_find_flushing_scripts(host),
        *_check_manager(host, manager),
    )


def _find_changed_units(host: Host) -> Iterator[Conflict]:
    for unit in _OUR_UNITS:
        for folder in _DROP_IN_FOLDERS:
            for path in sorted(host.locate(f"{folder}/{unit}.service.d").glob("*.conf")):
                drop_in = f"{folder}/{unit}.service.d/{path.name}"
                found = _DECIDES.search(host.read(drop_in) or "")
                if found:
                    reason = f"it sets `{found[0]}` for a unit that loads our rules"
                    yield _make_warning(
                        drop_in, reason, f"Remove that line or delete {drop_in}, then run `systemctl daemon-reload`"
                    )


def _find_flushing_units(host: Host) -> Iterator[Conflict]:
    links = {path.name: path for path in sorted(host.locate(UNIT_DIRECTORY).glob("*.wants/*.service"))}
    for name, path in links.items():
        unit = host.locate(f"{UNIT_DIRECTORY}/{name}") if host.locate(f"{UNIT_DIRECTORY}/{name}").exists() else path
        if name == _LOADS_OURS or not unit.exists():
            continue
        text = unit.read_text(encoding="utf-8", errors="replace")
        if _PRECEDES_OURS.search(text):
            continue
        for command in _EXEC.findall(text):
            files = (*_FILE.findall(command), *(path for path in _PATH.findall(command) if _is_script(host, path)))
            if _FLUSHES.search(command) or any(_FLUSHES.search(host.read(file) or "") for file in files):
                reason = f"it runs `{command}`, which flushes all nftables tables"
                advice = f"Add `Before=gatehouse-kong-firewall.service` to {name}, or flush only its own tables"
                yield _make_warning(f"unit {name}", reason, advice)


def _find_flushing_scripts(host: Host) -> Iterator[Conflict]:
    """Yield the scripts that run after our unit, for example when an interface is brought up."""
    for path, text in read_scripts(host, SCRIPTS):
        lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
        files = (file for line in lines for file in _FILE.findall(line))
        if _FLUSHES.search(text) or any(_FLUSHES.search(host.read(file) or "") for file in files):
            reason = "it flushes all nftables tables, after our rules are loaded at boot"
            yield _make_warning(path, reason, f"Flush only its own tables, or run `nft -f {FILE}` after it")


def _is_script(host: Host, path: str) -> bool:
    """Tell whether a file is a script, which begins with the name of an interpreter such as a shell or nft."""
    file = host.locate(path)
    if not file.is_file():
        return False
    with file.open("rb") as opened:
        return opened.read(2) == b"#!"


def _check_manager(host: Host, manager: str) -> Iterator[Conflict]:
    service = _MANAGERS.get(manager)
    if service and not is_enabled(host, service):
        reason = f"{manager} is in use, but {service}.service is not enabled, so its rules are not loaded at boot"
        yield _make_warning(f"{service}.service", reason, f"Run `systemctl enable {service}`, or disable {manager}")


def _make_warning(where: str, reason: str, advice: str) -> Conflict:
    return Conflict(certain=False, where=where, reason=reason, ports=_PORTS, advice=advice, effect="boot")
