# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Restore points of a node: the state, before a run, of everything that the run may change on the node.

A run *takes* a restore point before it changes anything, and *keeps* it after it has succeeded. If a run fails, its point
stays taken. The next run does not replace that point, because it is the last state that no run has changed. The contents
of a restore point never leave the host.
"""

from __future__ import annotations

import json
import os
import typing as t
from dataclasses import asdict, dataclass, replace

from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import Host, HostError
from ansible_collections.gatehouse.kong.plugins.module_utils._transaction.rollback import STATE

TAKEN = f"{STATE}/restore_points/taken"
_DATA = "point.json"

NOTHING, RELOAD, RESTART, STOP = "nothing", "reload", "restart", "stop"


@dataclass(frozen=True)
class RestorePoint:
    """The state of a node at one moment.

    `files` has each path with the name of its copy, None if the file was missing. `parts` are plain data by name, such as
    the ruleset. `kong` tells how Kong was run. `run` names the last run that started from this state; names sort by time.
    `begun` is set when the restoration of the files begins.
    """

    files: tuple[tuple[str, str | None], ...]
    parts: dict[str, t.Any]
    kong: dict[str, t.Any]
    run: str = ""
    begun: bool = False


class RestorePoints:
    """The restore points on a host. `readers` return the present state of each part by its name.

    The points are in a folder of `state`, the folder of the area (rollback.Area) of the rules.
    """

    def __init__(self, host: Host, readers: t.Mapping[str, t.Callable[[], t.Any]], state: str = STATE) -> None:
        self._host = host
        self._readers = readers
        self._state = state
        self._folder = f"{state}/restore_points"
        self._taken = f"{self._folder}/taken"
        self._previous = f"{self._folder}/previous"
        # A point that is being written. It is never read, and the next run removes it if a run was killed.
        self._new = f"{self._folder}/new"

    def take(self, files: t.Iterable[str], parts: t.Iterable[str], kong: dict[str, t.Any], run: str = "") -> None:
        """Save the present state before a run.

        The point of a failed run is not replaced; missing files are added to it. It is replaced only if the host is in the
        state of that point, or if the point lacks a part.
        """
        paths = dict.fromkeys(self._resolve_path(path) for path in files)
        names = [*parts]
        taken = self._read(self._taken)
        if taken is not None and {*names} <= {*taken.parts} and not self._is_present(taken):
            more = self._copy_files(
                [path for path in paths if path not in dict(taken.files)], self._taken, len(taken.files)
            )
            # The changes of more than one run separate the two states, so a reload may not be enough.
            kong = {**taken.kong, "how": RESTART}
            self._write_data(self._taken, replace(taken, files=taken.files + more, kong=kong, run=run))
            return
        self._host.make_directory(self._state, 0o700)
        self._host.make_directory(self._folder, 0o700)
        self._host.remove_tree(self._new)
        self._host.make_directory(self._new, 0o700)
        saved = self._copy_files([*paths], self._new, 0)
        self._write_data(self._new, RestorePoint(saved, {part: self._readers[part]() for part in names}, kong, run))
        self._host.remove_tree(self._taken)
        self._host.move(self._new, self._taken)

    def keep(self) -> None:
        """Make the taken point the target of the next rollback, after a successful run. If nothing changed, remove it."""
        taken = self._read(self._taken)
        if taken is None:
            return
        if self._is_present(taken):
            self._host.remove_tree(self._taken)
            return
        self._host.remove_tree(self._previous)
        self._host.move(self._taken, self._previous)

    def find(self) -> RestorePoint | None:
        """Return the state before the last run that changed anything; None if no state is kept or the host is in it."""
        folder = self._find_folder()
        point = self._read(folder)
        return None if point is None or self._is_present(point) else point

    def has_open_run(self) -> bool:
        """Tell whether a run changed the node and neither succeeded nor was rolled back."""
        taken = self._read(self._taken)
        return taken is not None and not self._is_present(taken)

    def restore_files(self, point: RestorePoint) -> None:
        """Restore the files of a point, with owner, mode and SELinux context. Raises HostError."""
        folder = self._find_folder()
        self._write_data(folder, replace(point, begun=True))
        for path, copy in point.files:
            if copy is None:
                self._host.remove((path,))
            elif not self._is_same(path, f"{folder}/{copy}"):
                directory, _slash, name = path.rpartition("/")
                staged = f"{directory}/.{name}.gatehouse_kong"
                self._host.copy(f"{folder}/{copy}", staged)
                self._host.move(staged, path)

    def find_changed_files(self, point: RestorePoint) -> tuple[str, ...]:
        """Return the paths of the files that differ from their copies."""
        folder = self._find_folder()
        return tuple(path for path, copy in point.files if not self._is_same(path, copy and f"{folder}/{copy}"))

    def remove(self) -> None:
        """Remove all restore points."""
        self._host.remove_tree(self._folder)

    def _find_folder(self) -> str:
        return self._taken if self._host.locate(self._taken).exists() else self._previous

    def _is_present(self, point: RestorePoint) -> bool:
        if point.begun or self.find_changed_files(point):
            return False
        return all(self._readers[part]() == value for part, value in point.parts.items())

    def _is_same(self, path: str, copy: str | None) -> bool:
        """Tell whether a file has the content, owner and mode of its copy; a copy of None means a missing file."""
        where = self._host.locate(path)
        if copy is None or not where.exists():
            return copy is None and not where.exists()
        saved = self._host.locate(copy)
        status = [(found.st_mode, found.st_uid, found.st_gid) for found in (where.stat(), saved.stat())]
        return status[0] == status[1] and where.read_bytes() == saved.read_bytes()

    def _resolve_path(self, path: str) -> str:
        """Return the path with all symbolic links resolved."""
        return "/" + os.path.relpath(os.path.realpath(self._host.locate(path)), os.path.realpath(self._host.root))

    def _copy_files(self, paths: list[str], folder: str, first: int) -> tuple[tuple[str, str | None], ...]:
        """Copy the files that exist; return each path with the name of its copy."""
        names = {path: f"file{number}" for number, path in enumerate(paths, first) if self._host.locate(path).exists()}
        for path, name in names.items():
            self._host.copy(path, f"{folder}/{name}")
        return tuple((path, names.get(path)) for path in paths)

    def _read(self, folder: str) -> RestorePoint | None:
        text = self._host.read(f"{folder}/{_DATA}")
        if text is None:
            return None
        try:
            data = json.loads(text)
            files = tuple((path, copy) for path, copy in data["files"])
            return RestorePoint(files, data["parts"], data["kong"], data["run"], data["begun"])
        except (ValueError, KeyError, TypeError) as error:
            raise HostError(f"{folder}/{_DATA} is damaged, so its state cannot be restored. Remove {folder}") from error

    def _write_data(self, folder: str, point: RestorePoint) -> None:
        self._host.write(f"{folder}/{_DATA}", json.dumps(asdict(point), indent=2) + "\n", 0o600)


def choose_kong_step(point: RestorePoint, *, changed: bool, unit_changed: bool, listens: bool, runs: bool) -> str:
    """Return the step that makes Kong run as at a restore point: `nothing`, `reload`, `restart` or `stop`.

    `changed`: Kong's files differ from the restore point. `unit_changed`: so does Kong's unit. `listens`: Kong has the
    sockets of the restore point. `runs`: Kong runs now. If a reload was enough for the change, it is enough for its rollback.
    """
    if not point.kong["runs"]:
        return STOP if runs else NOTHING
    if unit_changed:
        return RESTART
    if changed or point.begun:
        return RELOAD if point.kong["how"] == RELOAD and not point.begun else RESTART
    return NOTHING if listens else RESTART
