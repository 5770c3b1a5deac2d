# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The units of a host as systemd reads them at boot, from unit files, drop-ins and links (systemd.unit(5)).

The files are read without systemctl: a running systemd does not know files that were changed since its last reload, and an
answer about all units takes longer.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass

from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import Host

# The first folder with a file has precedence. Transient units do not survive a boot.
FOLDERS = (
    "/etc/systemd/system.control", "/run/systemd/system.control", "/run/systemd/generator.early", "/etc/systemd/system",
    "/etc/systemd/system.attached", "/run/systemd/system", "/run/systemd/system.attached", "/run/systemd/generator",
    "/usr/local/lib/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system", "/run/systemd/generator.late",
)  # fmt: skip
_LINKS = (".wants", ".requires", ".upholds")
# Targets that a boot does not start.
_NOT_AT_BOOT = re.compile(
    r"(?:shutdown|reboot|soft-reboot|poweroff|halt|kexec|exit|final|umount|rescue|emergency|sleep|suspend|hibernate"
    r"|hybrid-sleep|suspend-then-hibernate|factory-reset|system-update|initrd[a-z-]*)\.target"
)
_STARTS = ("Wants", "Requires", "BindsTo", "Upholds")
# The setting of each kind of unit that names the service that it starts.
_STARTED = {"timer": "Unit", "path": "Unit", "socket": "Service"}
_CONTINUED = re.compile(r"\\\n(?:[ \t]*[#;][^\n]*\n)*")
_SETTING = re.compile(r"^[ \t]*([A-Z]\w*)[ \t]*=[ \t]*(.*?)[ \t]*$", re.MULTILINE)


@dataclass(frozen=True)
class Setting:
    """A setting in a unit file or drop-in."""

    path: str
    key: str
    value: str

    def __str__(self) -> str:
        return f"{self.key}={self.value}"


@dataclass(frozen=True)
class Unit:
    """The settings of a unit in the order in which systemd reads them. The name is that of its file, without a link."""

    name: str
    settings: tuple[Setting, ...]

    def list_commands(self, *keys: str) -> list[str]:
        """Return the values of settings that an empty value resets."""
        found: dict[str, list[str]] = {key: [] for key in keys}
        for setting in self.settings:
            if setting.key in found:
                found[setting.key] = [*found[setting.key], setting.value] if setting.value else []
        return [value for key in keys for value in found[key]]

    def list_names(self, *keys: str) -> list[str]:
        """Return the units in dependencies, which no other setting can reset."""
        return [name for setting in self.settings if setting.key in keys for name in setting.value.split()]


class Units:
    """The units of a host. The names in the folders, and the units that a boot starts, are read once."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._started: dict[str, Unit] | None = None
        self._folders = [(folder, _list_files(host, folder)) for folder in FOLDERS]

    def find_file(self, name: str) -> str | None:
        """Return the path of the file of a unit, or of its template; None if no folder has it."""
        candidates = (
            f"{folder}/{file}" for file in _list_files_of(name) for folder, files in self._folders if file in files
        )
        return next(candidates, None)

    def starts_at_boot(self, name: str) -> bool:
        """Tell whether a boot starts a unit, by this name or another name. Another unit with this name does not count."""
        file = self._resolve(self.find_file(name))
        if file is None or file.rpartition("/")[2] != name:
            return False
        return name in {*self._list_linked()} or any(
            self._resolve(self.find_file(other)) == file for other in self.read_boot()
        )

    def list_drop_ins(self, *names: str) -> list[str]:
        """Return the paths of the drop-ins of a unit with these names in the order of their file names, as systemd reads them."""
        found: dict[str, str] = {}
        for start in dict.fromkeys(start for name in names for start in _list_starts(name)):
            for folder in (f"{folder}/{start}.d" for folder, files in self._folders if f"{start}.d" in files):
                for file in _list_files(self._host, folder):
                    if file.endswith(".conf"):
                        found.setdefault(file, f"{folder}/{file}")
        return [found[file] for file in sorted(found)]

    def read(self, name: str) -> Unit | None:
        """Return the settings of a unit, or None if it has no file or is masked."""
        path = self.find_file(name)
        file = self._resolve(path)
        if path is None or file is None:
            return None
        # A link is another name of a unit, which has the drop-ins of both names.
        names = (name, file.rpartition("/")[2]) if "@" not in name else (name,)
        sources = (path, *self.list_drop_ins(*names))
        return Unit(name, tuple(setting for source in sources for setting in self.read_settings(source)))

    def read_settings(self, path: str) -> Iterator[Setting]:
        """Yield the settings of a file. A file that cannot be read has none."""
        text = ""
        with suppress(OSError):
            text = self._host.read(path) or ""
        for key, value in _SETTING.findall(_CONTINUED.sub(" ", text)):
            yield Setting(path, key, value)

    def read_boot(self) -> dict[str, Unit]:
        """Return the units that a boot starts by name: linked units, their dependencies, and the services of timers."""
        if self._started is None:
            self._started = self._read_started()
        return self._started

    def _read_started(self) -> dict[str, Unit]:
        found: dict[str, Unit] = {}
        left = [*dict.fromkeys(self._list_linked())]
        while left:
            name = left.pop()
            unit = None if name in found else self.read(name)
            if unit is not None:
                found[name] = unit
                left += [*unit.list_names(*_STARTS), *_list_started(unit)]
        return found

    def _resolve(self, path: str | None) -> str | None:
        """Return the path of the file of a unit without links, or None if there is no file or the unit is masked."""
        file = None if path is None else os.path.realpath(self._host.locate(path))
        return None if file == os.devnull else file

    def _list_linked(self) -> Iterator[str]:
        for folder, files in self._folders:
            for file in files:
                starter, kind = _split(file)
                if kind in _LINKS and not _NOT_AT_BOOT.fullmatch(starter):
                    yield from _list_files(self._host, f"{folder}/{file}")


def find_predecessors(name: str, units: dict[str, Unit], first: Iterable[str]) -> set[str]:
    """Return the units that start before a unit in the same boot. `first` are units that it names in After=."""
    before: dict[str, set[str]] = {other: set(unit.list_names("After")) for other, unit in units.items()}
    before.setdefault(name, set()).update(first)
    for other, unit in units.items():
        for later in unit.list_names("Before"):
            before.setdefault(later, set()).add(other)
    found: set[str] = set()
    left = [name]
    while left:
        # A unit that the boot does not start has no place in the order.
        earlier = {other for other in before.get(left.pop(), ()) if other in units} - found
        found |= earlier
        left += earlier
    return found


def _list_files(host: Host, folder: str) -> list[str]:
    try:
        with os.scandir(host.locate(folder)) as entries:
            return sorted(entry.name for entry in entries)
    except OSError:
        return []


def _split(name: str) -> tuple[str, str]:
    """Return the name of a unit without its kind, and its kind with the dot."""
    stem, dot, kind = name.rpartition(".")
    return stem, f"{dot}{kind}"


def _list_files_of(name: str) -> tuple[str, ...]:
    """Return the names of the files that can define a unit: its own name, and that of its template."""
    stem, kind = _split(name)
    template = f"{stem.partition('@')[0]}@{kind}"
    return (name, template) if "@" in stem and name != template else (name,)


def _list_starts(name: str) -> Iterator[str]:
    """Yield the names of folders with drop-ins: for the unit, for each beginning of its name, and for its kind."""
    yield from _list_files_of(name)
    stem, kind = _split(name)
    words = stem.split("-")
    yield from (f"{'-'.join(words[:count])}-{kind}" for count in range(len(words) - 1, 0, -1))
    yield kind[1:]


def _list_started(unit: Unit) -> list[str]:
    stem, kind = _split(unit.name)
    key = _STARTED.get(kind[1:])
    return [] if key is None else unit.list_commands(key)[-1:] or [f"{stem}.service"]
