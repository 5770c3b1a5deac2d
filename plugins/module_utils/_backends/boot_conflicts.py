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
from ansible_collections.gatehouse.kong.plugins.module_utils._host.units import Units, find_predecessors
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.conflict import Conflict

# The first unit loads the table of nftables. A change has a timer and a service with its own number.
_OUR_UNITS = (
    "gatehouse-kong-firewall.service", "gatehouse-kong-accept.service", "gatehouse-kong-iptables.service",
    "gatehouse-kong-rollback.service", "gatehouse-kong-rollback-0.service", "gatehouse-kong-rollback-0.timer",
)  # fmt: skip
# Settings that decide whether, when and with which rights a unit starts (systemd.unit(5), systemd.service(5), systemd.exec(5)).
_DECIDES = re.compile(
    r"Exec\w+|Condition\w+|Assert\w+|Type|On\w+Sec|Unit|User|DynamicUser|PrivateUsers|PrivateNetwork|NetworkNamespacePath"
    r"|RootDirectory|RootImage|CapabilityBoundingSet"
)
_COMMANDS = ("ExecStart", "ExecStartPre", "ExecStartPost")
# Our drop-ins for units of the host. Each has the name of one of our units.
_OUR_DROP_IN = re.compile(rf"{UNIT_DIRECTORY}/(?P<unit>[^/]+)\.d/gatehouse-kong-[a-z]+\.conf")
_FILE = re.compile(r"nft\b.*?(?:-f|--file)[ =](/[^\s\"';]+)")
_PATH = re.compile(r"/[^\s\"';]+")
_FLUSHES = re.compile(r"^[^#\n]*\bflush ruleset\b", re.MULTILINE)
# With our drop-in, this unit loads our table too.
_LOADS_OURS = "nftables.service"
_MANAGERS = {"firewalld": "firewalld", "ufw": "ufw"}
_PORTS = ("every managed port",)


def find_boot_conflicts(host: Host, manager: str) -> tuple[Conflict, ...]:
    """Return warnings about units and scripts that remove our rules at boot, changed units, and a disabled manager."""
    units = Units(host)
    return (
        *_find_changed_units(units),
        *_find_emptied_drop_ins(host, units),
        *_find_flushing_units(host, units),
        *_find_flushing_scripts(host),
        *_check_manager(host, manager),
    )


def _find_changed_units(units: Units) -> Iterator[Conflict]:
    for unit in _OUR_UNITS:
        path = units.find_file(unit)
        if path is not None and not path.startswith(f"{UNIT_DIRECTORY}/"):
            reason = f"it has precedence over {UNIT_DIRECTORY}/{unit}, which loads or restores our rules"
            yield _make_warning(path, reason, f"Delete {path}, then run `systemctl daemon-reload`")
    drop_ins = dict.fromkeys(path for unit in _OUR_UNITS for path in units.list_drop_ins(unit))
    for path in drop_ins:
        found = next((setting for setting in units.read_settings(path) if _DECIDES.fullmatch(setting.key)), None)
        if found:
            reason = f"it sets `{found}` for a unit that loads or restores our rules"
            yield _make_warning(path, reason, f"Remove that line or delete {path}, then run `systemctl daemon-reload`")


def _find_emptied_drop_ins(host: Host, units: Units) -> Iterator[Conflict]:
    """Yield the drop-ins that hide our drop-in for a unit of the host, or that reset a setting of it."""
    root = host.locate("/")
    for ours in (f"/{path.relative_to(root)}" for path in sorted(root.glob(f"{UNIT_DIRECTORY[1:]}/*.d/*.conf"))):
        match = _OUR_DROP_IN.fullmatch(ours)
        if match is None:
            continue
        paths = units.list_drop_ins(match["unit"])
        hides = [path for path in paths if path.rpartition("/")[2] == ours.rpartition("/")[2] and path != ours]
        keys = {setting.key for setting in units.read_settings(ours)}
        later = paths[paths.index(ours) + 1 :] if ours in paths else []
        resets = (setting for path in later for setting in units.read_settings(path))
        found = [setting for setting in resets if setting.key in keys and not setting.value]
        for path, reason in (
            *((path, f"it has precedence over {ours}") for path in hides),
            *((setting.path, f"it sets `{setting}`, which removes the commands of {ours}") for setting in found),
        ):
            effect = f"{reason}, so {match['unit']} does not load our rules again after it removed them"
            yield _make_warning(path, effect, f"Rename or delete {path}, then run `systemctl daemon-reload`")


def _find_flushing_units(host: Host, units: Units) -> Iterator[Conflict]:
    started = units.read_boot()
    ours = _OUR_UNITS[0]
    earlier = find_predecessors(ours, started, (_LOADS_OURS,))
    for name in sorted({*started} - earlier - {_LOADS_OURS, ours}):
        for command in started[name].list_commands(*_COMMANDS):
            files = (*_FILE.findall(command), *(path for path in _PATH.findall(command) if _is_script(host, path)))
            if _FLUSHES.search(command) or any(_FLUSHES.search(host.read(file) or "") for file in files):
                reason = f"it runs `{command}`, which flushes all nftables tables"
                advice = f"Add `Before={ours}` to {name}, or flush only its own tables"
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
