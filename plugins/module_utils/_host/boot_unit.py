# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A systemd unit and the file that it loads at boot, so that rules survive a reboot."""

from __future__ import annotations

from dataclasses import dataclass

from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import Host, HostError
from ansible_collections.gatehouse.kong.plugins.module_utils._host.own_files import compare_files

UNIT_DIRECTORY = "/etc/systemd/system"


# A target at which the network is not up yet. A unit for it has no default dependencies, which would order it later.
EARLY = "sysinit.target"
_EARLY_LINES = """\
DefaultDependencies=no
Wants=network-pre.target
Before=network-pre.target shutdown.target
Conflicts=shutdown.target
"""
_TEXT = """\
# Written by gatehouse.kong.
[Unit]
Description=Rules of gatehouse.kong: {unit.description}
{early}After={unit.after}

[Service]
Type=oneshot
RemainAfterExit=yes
StandardInput=null
TimeoutStartSec=120
ExecStart={unit.command}
{then_start}ExecReload={unit.command}
{then_reload}
[Install]
WantedBy={unit.target}
"""


@dataclass(frozen=True)
class BootUnit:
    """A unit that runs `command` at boot, to load its file; `target` wants the unit (as in WantedBy=).

    `then` is a command that runs afterwards and may fail. `drop_ins` are pairs of a unit of the host and the text of a
    drop-in for it. The drop-in loads our rules again after that unit flushed them. Drop-ins are files of their own: the
    host's existing unit files are not edited.
    """

    name: str
    description: str
    target: str
    after: str
    command: str
    directory: str
    file: str
    drop_ins: tuple[tuple[str, str], ...] = ()
    then: str = ""

    @property
    def text(self) -> str:
        """Text of the unit file."""
        return _TEXT.format(
            unit=self,
            early=_EARLY_LINES if self.target == EARLY else "",
            then_start=f"ExecStartPost=-{self.then}\n" if self.then else "",
            then_reload=f"ExecReload=-{self.then}\n" if self.then else "",
        )

    @property
    def path(self) -> str:
        """Path of the unit file."""
        return f"{UNIT_DIRECTORY}/{self.name}"

    @property
    def link(self) -> str:
        """Path of the link that enables the unit."""
        return f"{UNIT_DIRECTORY}/{self.target}.wants/{self.name}"

    @property
    def paths(self) -> tuple[str, ...]:
        """Paths of the file that the unit loads, the files that systemd reads, and the link."""
        return (self.file, *self.unit_files, self.link)

    @property
    def unit_files(self) -> dict[str, str]:
        """Texts of the files that systemd reads: the unit file and the drop-ins, by path."""
        drop_in = f"{self.name.partition('.')[0]}.conf"
        return {
            self.path: self.text,
            **{f"{UNIT_DIRECTORY}/{other}.d/{drop_in}": text for other, text in self.drop_ins},
        }


def compare_parts(host: Host, unit: BootUnit, content: str | None) -> tuple[str, ...]:
    """Return one line for each file, link or directory that differs from an installation that loads `content` at boot.

    If `content` is None, no part may be present.
    """
    if content is None:
        return tuple(
            f"{path}: to be removed"
            for path in (*unit.unit_files, unit.link, unit.directory)
            if host.locate(path).exists() or host.locate(path).is_symlink()
        )
    directory = () if _is_private(host, unit.directory) else (f"{unit.directory}: not mode 0700",)
    return (*compare_files(host, {unit.file: content}, 0o600), *directory, *_compare_unit(host, unit))


def install(host: Host, unit: BootUnit, content: str) -> None:
    """Write the file and the unit, and enable the unit.

    On failure, restore the files and raise HostError.
    """
    before = {path: host.read(path) for path in (unit.file, *unit.unit_files)}
    unit_changes = bool(_compare_unit(host, unit))
    try:
        host.make_directory(unit.directory, 0o700)
        host.write(unit.file, content, 0o600)
        if unit_changes:
            for path, text in unit.unit_files.items():
                host.write(path, text, 0o644)
            host.remove((unit.link,))  # an existing link may have another target
            host.link(unit.link, unit.path)
            from ansible_collections.gatehouse.kong.plugins.module_utils._host.systemd import start  # noqa: PLC0415

            # The rules are loaded already. The start only makes the unit active, which is its state after a boot.
            start(host, unit.name, [other for other, _text in unit.drop_ins])
    except HostError:
        _restore(host, unit, before)
        raise


def uninstall(host: Host, unit: BootUnit) -> None:
    """Remove the unit, its drop-ins, its link, its file and its directory."""
    if host.locate(unit.path).exists():
        host.run("systemctl", "disable", "--now", unit.name)
    _remove_unit(host, unit)
    _remove_directory(host, unit)
    host.run("systemctl", "daemon-reload")


def _compare_unit(host: Host, unit: BootUnit) -> tuple[str, ...]:
    link = () if host.locate(unit.link).is_symlink() else (f"{unit.link}: missing",)
    return (*compare_files(host, unit.unit_files, 0o644), *link)


def _is_private(host: Host, path: str) -> bool:
    directory = host.locate(path)
    return not directory.exists() or directory.stat().st_mode & 0o7777 == 0o700


def _restore(host: Host, unit: BootUnit, before: dict[str, str | None]) -> None:
    if before[unit.path] is None:
        _remove_unit(host, unit)
    if before[unit.file] is None:
        _remove_directory(host, unit)
    for path, text in before.items():
        if text is not None:
            host.write(path, text, 0o600 if path == unit.file else 0o644)


def _remove_unit(host: Host, unit: BootUnit) -> None:
    host.remove((unit.link, *unit.unit_files))
    host.remove_empty(f"{UNIT_DIRECTORY}/{other}.d" for other, _text in unit.drop_ins)
    host.remove_empty((f"{UNIT_DIRECTORY}/{unit.target}.wants",))


def _remove_directory(host: Host, unit: BootUnit) -> None:
    """Remove the unit's directory with all its files, temporary files included."""
    directory = host.locate(unit.directory)
    if directory.is_dir():
        host.remove(f"{unit.directory}/{file.name}" for file in directory.iterdir())
        directory.rmdir()
