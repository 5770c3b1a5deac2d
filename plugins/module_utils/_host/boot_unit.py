# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A systemd unit and the files it loads: what makes rules survive a reboot."""

from __future__ import annotations

from dataclasses import dataclass

from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import Host, HostError

UNIT_DIRECTORY = "/etc/systemd/system"


@dataclass(frozen=True)
class BootUnit:
    """A unit with its text, the units that want it (as in WantedBy=), and the one file it loads.

    `drop_ins` are settings for units of the host's own, by unit and text, that bring the rules back when those units
    flush them. They are files of ours: nothing of the host's own is edited.
    """

    name: str
    text: str
    wanted_by: tuple[str, ...]
    drop_ins: tuple[tuple[str, str], ...]
    directory: str
    file: str

    @property
    def path(self) -> str:
        """The unit file."""
        return f"{UNIT_DIRECTORY}/{self.name}"

    @property
    def unit_files(self) -> dict[str, str]:
        """The texts of the files that systemd itself reads."""
        drop_in = f"{self.name.partition('.')[0]}.conf"
        return {
            self.path: self.text,
            **{f"{UNIT_DIRECTORY}/{other}.d/{drop_in}": text for other, text in self.drop_ins},
        }

    @property
    def links(self) -> tuple[str, ...]:
        """The links by which systemd remembers that the unit is enabled."""
        return tuple(f"{UNIT_DIRECTORY}/{other}.wants/{self.name}" for other in self.wanted_by)


def stale_parts(host: Host, unit: BootUnit, content: str | None) -> tuple[str, ...]:
    """One line for each part that differs from what loads `content` at boot (None: no part may be left)."""
    if content is None:
        return tuple(
            f"{path}: to be removed"
            for path in (*unit.unit_files, *unit.links, unit.directory)
            if host.path(path).exists() or host.path(path).is_symlink()
        )
    lines = [] if host.holds(unit.file, content, 0o600) else [_missing_or_differs(host, unit.file)]
    lines += [] if _directory_is_private(host, unit.directory) else [f"{unit.directory}: not mode 0700"]
    return (*lines, *_stale_unit(host, unit))


def install(host: Host, unit: BootUnit, content: str) -> None:
    """Write the file and the unit and enable it. If that fails, the files are as before and HostError is raised."""
    before = {path: host.read(path) for path in (unit.file, *unit.unit_files)}
    unit_changes = bool(_stale_unit(host, unit))
    try:
        host.make_directory(unit.directory, 0o700)
        host.write(unit.file, content, 0o600)
        if unit_changes:
            for path, text in unit.unit_files.items():
                host.write(path, text, 0o644)
            for link in unit.links:
                host.remove((link,))  # it may lead elsewhere
                host.link(link, unit.path)
            from ansible_collections.gatehouse.kong.plugins.module_utils._host.systemd import start  # noqa: PLC0415

            # It has nothing more to do, but then shows as active, as it will after a boot.
            start(host, unit.name, [other for other, _text in unit.drop_ins])
    except HostError:
        _put_back(host, unit, before)
        raise


def uninstall(host: Host, unit: BootUnit) -> None:
    """Remove the unit, its links, its file and its directory, leaving no trace."""
    if host.path(unit.path).exists():
        host.run("systemctl", "disable", "--now", unit.name)
    _remove_unit(host, unit)
    _remove_directory(host, unit)
    host.run("systemctl", "daemon-reload")


def _stale_unit(host: Host, unit: BootUnit) -> tuple[str, ...]:
    files = (path for path, text in unit.unit_files.items() if not host.holds(path, text, 0o644))
    links = (link for link in unit.links if not host.path(link).is_symlink())
    return (*(_missing_or_differs(host, path) for path in files), *(f"{link}: missing" for link in links))


def _missing_or_differs(host: Host, path: str) -> str:
    return f"{path}: {'missing' if host.read(path) is None else 'differs'}"


def _directory_is_private(host: Host, path: str) -> bool:
    where = host.path(path)
    return not where.exists() or where.stat().st_mode & 0o7777 == 0o700


def _put_back(host: Host, unit: BootUnit, before: dict[str, str | None]) -> None:
    if before[unit.path] is None:
        _remove_unit(host, unit)
    if before[unit.file] is None:
        _remove_directory(host, unit)
    for path, text in before.items():
        if text is not None:
            host.write(path, text, 0o600 if path == unit.file else 0o644)


def _remove_unit(host: Host, unit: BootUnit) -> None:
    host.remove((*unit.links, *unit.unit_files))
    host.remove_empty(f"{UNIT_DIRECTORY}/{other}.d" for other, _text in unit.drop_ins)
    host.remove_empty(f"{UNIT_DIRECTORY}/{other}.wants" for other in unit.wanted_by)


def _remove_directory(host: Host, unit: BootUnit) -> None:
    """Remove our own directory with everything in it, left-over temporary files included."""
    where = host.path(unit.directory)
    if where.is_dir():
        host.remove(f"{unit.directory}/{file.name}" for file in where.iterdir())
        where.rmdir()
