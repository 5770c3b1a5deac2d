# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A plan in a file from which the part of a host is read without the rest of the plan.

The file has a line for each node, host and set, and for each other key of the plan: its name, a tab, and its value as JSON.
The lines are sorted by name, so a line is found in a few steps. Only the standard library and _text are imported here, because a task
reads its host's part in a process of its own, which would import the compiler again for every host.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from mmap import ACCESS_READ, mmap
from operator import itemgetter
from pathlib import Path
from typing import Any

from ansible_collections.gatehouse.kong.plugins.plugin_utils._text import make_natural_key

_HEAD = b"a plan of gatehouse.kong in parts, format 1\n"
_PARTED = ("hosts", "nodes", "sets")
# A use of all parts, such as the text of the whole plan, keeps this number of them in memory.
_KEPT = 20


def write_parts(path: Path, plan: Mapping[str, Any]) -> None:
    """Write a plan for the processes of this run. Only the user can read the file, and no process reads an incomplete file."""
    lines = [(key.encode(), plan, key) for key in plan if key not in _PARTED]
    lines += [(_name_line(kind, name), plan[kind], name) for kind in _PARTED for name in plan[kind]]
    unfinished = path.with_name(f"{path.name}.{os.getpid()}")
    unfinished.touch(mode=0o600)
    with unfinished.open("wb") as file:
        file.write(_HEAD)
        file.writelines(
            b"%s\t%s\n" % (line, json.dumps(values[name]).encode())
            for line, values, name in sorted(lines, key=itemgetter(0))
        )
    unfinished.replace(path)


def _name_line(kind: str, name: str) -> bytes:
    return f"{kind} {json.dumps(name)}".encode()


def has_parts(path: Path) -> bool:
    """Tell whether write_parts wrote the file. Raises OSError for an unreadable file."""
    with path.open("rb") as file:
        return file.read(len(_HEAD)) == _HEAD


class PartedPlan(Mapping[str, Any]):
    """A plan in such a file. Its nodes, hosts and sets are read one by one."""

    def __init__(self, path: Path) -> None:
        """Open the file. Raises OSError for a missing file."""
        self._path = path
        with path.open("rb") as file:
            self._data = mmap(file.fileno(), 0, access=ACCESS_READ)
        self._parts = {kind: _Parts(self, kind) for kind in _PARTED}

    def __getitem__(self, key: str) -> Any:
        return self._parts[key] if key in self._parts else self.read(key.encode())

    def __iter__(self) -> Iterator[str]:
        return (*_PARTED, *(name.decode() for name, _value in self.list_lines() if b" " not in name)).__iter__()

    def __len__(self) -> int:
        return sum(1 for _key in self)

    def as_dict(self) -> dict[str, Any]:
        """Return the whole plan as plain data, with sorted names."""
        plan: dict[str, Any] = {kind: {} for kind in _PARTED}
        for line, value in self.list_lines():
            kind, is_part, name = line.decode().partition(" ")
            (plan[kind] if is_part else plan)[json.loads(name) if is_part else kind] = json.loads(value)
        return plan | {
            kind: {name: plan[kind][name] for name in sorted(plan[kind], key=make_natural_key)} for kind in _PARTED
        }

    def read(self, name: bytes) -> Any:
        """Return the value of a line. Raises KeyError if there is no such line."""
        low, high = len(_HEAD), len(self._data)
        while low < high:
            start = max(low, self._data.rfind(b"\n", low, (low + high) // 2) + 1)
            end, tab = self._data.find(b"\n", start), self._data.find(b"\t", start)
            found = self._data[start:tab]
            if found == name:
                return json.loads(self._data[tab:end])
            low, high = (end + 1, high) if found < name else (low, start)
        raise KeyError(name)

    def list_lines(self) -> Iterator[tuple[bytes, bytes]]:
        """Yield the name and the value of each line."""
        # Read as a file, because each page of a mapped file that is read counts as memory of this process.
        with self._path.open("rb") as file:
            file.seek(len(_HEAD))
            for line in file:
                name, _tab, value = line.partition(b"\t")
                yield name, value


class _Parts(Mapping[str, Any]):
    """The nodes, hosts or sets of a plan by name. The last ones that were read are kept."""

    def __init__(self, plan: PartedPlan, kind: str) -> None:
        self._plan = plan
        self._kind = kind
        self._read: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._read:
            if len(self._read) >= _KEPT:
                self._read.clear()
            self._read[name] = self._plan.read(_name_line(self._kind, name))
        return self._read[name]

    def __iter__(self) -> Iterator[str]:
        kind = f"{self._kind} ".encode()
        names = (line[len(kind) :] for line, _value in self._plan.list_lines() if line.startswith(kind))
        return iter(sorted(map(json.loads, names), key=make_natural_key))

    def __len__(self) -> int:
        return sum(1 for _name in self)
