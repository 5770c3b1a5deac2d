# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Drop-ins of a host that override our drop-in for the capabilities of Kong's unit.

Kong runs with its capabilities until its next start, so nothing else shows the loss before a boot.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import Host
from ansible_collections.gatehouse.kong.plugins.module_utils._host.units import Setting, Unit, Units
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.capabilities import DROP_IN

AMBIENT, BOUNDING = "AmbientCapabilities", "CapabilityBoundingSet"


@dataclass(frozen=True)
class _Set:
    """A set of capabilities: these names, or with `inverted` all other names."""

    inverted: bool
    names: frozenset[str] = frozenset()

    def has(self, name: str) -> bool:
        return (name in self.names) != self.inverted

    def assign(self, value: str, initial: _Set) -> _Set:
        """Return the set after an assignment. systemd replaces an initial set, and every set by an assignment without names."""
        inverted = value.startswith("~")
        names = frozenset(value.lstrip("~").upper().split())
        if not names or self == initial:
            return _Set(inverted, names)
        return _Set(self.inverted, self.names | names if inverted == self.inverted else self.names - names)


# The sets of a unit without settings.
_INITIAL = {AMBIENT: _Set(inverted=False), BOUNDING: _Set(inverted=True)}


def find_lost_capabilities(host: Host, name: str) -> Iterator[str]:
    """Yield a line for each drop-in with which the next start of Kong's unit lacks capabilities of our drop-in."""
    units, ours = Units(host), DROP_IN.format(unit=name)
    granted = [setting.value for setting in units.read_settings(ours) if setting.key == AMBIENT]
    unit = units.read(name) if granted else None
    if unit is None:
        return
    lost: dict[str, list[str]] = {}
    for capability in granted:
        for key in _INITIAL:
            is_lost, by = _find_loss(unit, key, capability)
            if is_lost:
                reason = f"{by.path} sets `{by}`, which overrides {ours}" if by else _explain_hidden(units, name, ours)
                lost.setdefault(reason, []).append(capability)
    for reason, capabilities in lost.items():
        yield (
            f"{reason}: at its next start {name} does not have {' and '.join(dict.fromkeys(capabilities))}, so Kong cannot "
            "open its ports. Remove that line or file, then run `systemctl daemon-reload`"
        )


def _find_loss(unit: Unit, key: str, capability: str) -> tuple[bool, Setting | None]:
    """Tell whether a set of a unit lacks a capability, and return the setting that removed the capability, if any."""
    current, by = _INITIAL[key], None
    for setting in unit.settings:
        if setting.key == key:
            before, current = current, current.assign(setting.value, _INITIAL[key])
            by = setting if before.has(capability) and not current.has(capability) else by
    return not current.has(capability), by


def _explain_hidden(units: Units, name: str, ours: str) -> str:
    """Return the reason why systemd does not read our drop-in."""
    file = ours.rpartition("/")[2]
    other = next((path for path in units.list_drop_ins(name) if path.rpartition("/")[2] == file), "another file")
    return f"{other} has precedence over {ours}"
