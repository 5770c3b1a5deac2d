# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Units, drop-ins and scripts of a host with which a boot ends without our rules, although our files are in place.

This is the same for the rules of the firewall, the intercept rules and the translations of a gateway.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from ansible_collections.gatehouse.kong.plugins.module_utils._host.boot_scripts import SCRIPTS, read_scripts
from ansible_collections.gatehouse.kong.plugins.module_utils._host.boot_unit import UNIT_DIRECTORY, BootUnit
from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import Host
from ansible_collections.gatehouse.kong.plugins.module_utils._host.units import Units, find_predecessors
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.conflict import Conflict

# Settings that decide whether, when and with which rights a unit starts (systemd.unit(5), systemd.service(5), systemd.exec(5)).
_DECIDES = re.compile(
    r"Exec\w+|Condition\w+|Assert\w+|Type|On\w+Sec|Unit|User|DynamicUser|PrivateUsers|PrivateNetwork|NetworkNamespacePath"
    r"|RootDirectory|RootImage|CapabilityBoundingSet"
)
_COMMANDS = ("ExecStart", "ExecStartPre", "ExecStartPost")
_FILE = re.compile(r"nft\b.*?(?:-f|--file)[ =](/[^\s\"';]+)")
_PATH = re.compile(r"/[^\s\"';]+")
_FLUSHES = re.compile(r"^[^#\n]*\bflush ruleset\b", re.MULTILINE)


@dataclass(frozen=True)
class BootRules:
    """Rules that a boot loads into nftables.

    The first of `units` loads them, after the units `after`, some of which load them too, with our drop-ins. `command`
    loads the rules by hand. `lost` and `effect` name them in a warning.
    """

    units: tuple[str, ...]
    after: tuple[str, ...]
    command: str
    lost: str
    effect: str = "unload"

    def warn(self, where: str, reason: str, advice: str) -> Conflict:
        """Return the warning that a boot ends without these rules."""
        return Conflict(
            certain=False, where=where, reason=reason, ports=(self.lost,), advice=advice, effect=self.effect
        )


def find_boot_losses(host: Host, unit: BootUnit, lost: str, rollback: str = "") -> tuple[Conflict, ...]:
    """Return warnings about the rules of a unit at boot. `rollback` is the name of the units that restore them, if any."""
    units = (unit.name, *(list_rollback_units(rollback) if rollback else ()))
    rules = BootRules(units, (*unit.after.split(),), unit.command, lost)
    return find_losses(host, Units(host), rules)


def find_losses(host: Host, units: Units, rules: BootRules) -> tuple[Conflict, ...]:
    """Return warnings about units and scripts that remove rules at boot, and about changed units."""
    return (
        *_find_changed_units(units, rules),
        *_find_emptied_drop_ins(host, units, rules),
        *_find_flushing_units(host, units, rules),
        *_find_flushing_scripts(host, rules),
    )


def list_rollback_units(name: str) -> tuple[str, ...]:
    """Return the units of a rollback. A change has a timer and a service with its own number."""
    return f"{name}.service", f"{name}-0.service", f"{name}-0.timer"


def _find_changed_units(units: Units, rules: BootRules) -> Iterator[Conflict]:
    for unit in rules.units:
        path = units.find_file(unit)
        if path is not None and not path.startswith(f"{UNIT_DIRECTORY}/"):
            reason = f"it has precedence over {UNIT_DIRECTORY}/{unit}, which loads or restores our rules"
            yield rules.warn(path, reason, f"Delete {path}, then run `systemctl daemon-reload`")
    drop_ins = dict.fromkeys(path for unit in rules.units for path in units.list_drop_ins(unit))
    for path in drop_ins:
        found = next((setting for setting in units.read_settings(path) if _DECIDES.fullmatch(setting.key)), None)
        if found:
            reason = f"it sets `{found}` for a unit that loads or restores our rules"
            yield rules.warn(path, reason, f"Remove that line or delete {path}, then run `systemctl daemon-reload`")


def _find_emptied_drop_ins(host: Host, units: Units, rules: BootRules) -> Iterator[Conflict]:
    """Yield the drop-ins that hide our drop-in for a unit of the host, or that reset a setting of it."""
    root = host.locate("/")
    names = {f"{unit.rpartition('.')[0]}.conf" for unit in rules.units}
    for ours in (f"/{path.relative_to(root)}" for path in sorted(root.glob(f"{UNIT_DIRECTORY[1:]}/*.d/*.conf"))):
        folder, _slash, name = ours.rpartition("/")
        if name not in names:
            continue
        unit = folder.rpartition("/")[2][: -len(".d")]
        paths = units.list_drop_ins(unit)
        hides = [path for path in paths if path.rpartition("/")[2] == name and path != ours]
        keys = {setting.key for setting in units.read_settings(ours)}
        later = paths[paths.index(ours) + 1 :] if ours in paths else []
        resets = (setting for path in later for setting in units.read_settings(path))
        found = [setting for setting in resets if setting.key in keys and not setting.value]
        for path, reason in (
            *((path, f"it has precedence over {ours}") for path in hides),
            *((setting.path, f"it sets `{setting}`, which removes the commands of {ours}") for setting in found),
        ):
            effect = f"{reason}, so {unit} does not load our rules again after it removed them"
            yield rules.warn(path, effect, f"Rename or delete {path}, then run `systemctl daemon-reload`")


def _find_flushing_units(host: Host, units: Units, rules: BootRules) -> Iterator[Conflict]:
    started = units.read_boot()
    ours = rules.units[0]
    earlier = find_predecessors(ours, started, rules.after)
    for name in sorted({*started} - earlier - {*rules.units}):
        for command in started[name].list_commands(*_COMMANDS):
            files = (*_FILE.findall(command), *(path for path in _PATH.findall(command) if _is_script(host, path)))
            if _FLUSHES.search(command) or any(_FLUSHES.search(host.read(file) or "") for file in files):
                reason = f"it runs `{command}`, which flushes all nftables tables"
                advice = f"Add `Before={ours}` to {name}, or flush only its own tables"
                yield rules.warn(f"unit {name}", reason, advice)


def _find_flushing_scripts(host: Host, rules: BootRules) -> Iterator[Conflict]:
    """Yield the scripts that run after our unit, for example when an interface is brought up."""
    for path, text in read_scripts(host, SCRIPTS):
        lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
        files = (file for line in lines for file in _FILE.findall(line))
        if _FLUSHES.search(text) or any(_FLUSHES.search(host.read(file) or "") for file in files):
            reason = "it flushes all nftables tables, after our rules are loaded at boot"
            yield rules.warn(path, reason, f"Flush only its own tables, or run `{rules.command}` after it")


def _is_script(host: Host, path: str) -> bool:
    """Tell whether a file is a script, which begins with the name of an interpreter such as a shell or nft."""
    file = host.locate(path)
    if not file.is_file():
        return False
    with file.open("rb") as opened:
        return opened.read(2) == b"#!"
