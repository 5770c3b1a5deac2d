# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files of one run of ansible-playbook on the controller: the plan, or the findings of a fleet that has no plan, and archives.

They are in Ansible's local temporary directory, which belongs to one run and is removed at its end. Later plays, batches and
hosts of the same run read them there, because the processes of a run share no memory.
"""

from __future__ import annotations

import fcntl
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

from ansible import constants  # type: ignore[import-untyped]

from ansible_collections.gatehouse.kong.plugins.plugin_utils._archive import make_archive


def locate_plan(group: str) -> Path:
    """Return the path of the plan of this run for a group. If there is such a file, it is complete."""
    return _locate("plan", group)


@contextmanager
def lock_plan_file(group: str) -> Iterator[Path]:
    """Yield the path of the plan of this run for a group, to one worker at a time; the file may not exist yet."""
    path = locate_plan(group)
    with hold_lock(path):
        yield path


def provide_archive(module: str) -> str:
    """Return the archive with the code of a module (_archive.make_archive). It is made once in a run."""
    path = _locate("archive", module)
    with hold_lock(path):
        if not path.exists():
            path.write_text(make_archive(module), encoding="ascii")
    return path.read_text(encoding="ascii")


def keep_played(group: str, nodes: Sequence[str]) -> None:
    """Write the nodes of a group that --limit leaves in this run."""
    _locate("played", group).write_text(json.dumps(nodes), encoding="utf-8")


def read_played(group: str) -> list[str] | None:
    """Return the nodes that keep_played wrote in this run, None if it wrote none."""
    path = _locate("played", group)
    nodes: list[str] | None = json.loads(path.read_text(encoding="utf-8")) if path.exists() else None
    return nodes


def keep_checked(group: str) -> None:
    """Remember that this run has checked the variables of a group before facts."""
    _locate("checked", group).touch()


def is_checked(group: str) -> bool:
    """Tell whether keep_checked was called in this run."""
    return _locate("checked", group).exists()


def keep_refused(group: str, findings: Sequence[dict[str, Any]]) -> None:
    """Write the findings because of which this run has no plan for a group."""
    _locate("refused", group).write_text(json.dumps(findings), encoding="utf-8")


def read_refused(group: str) -> list[dict[str, Any]]:
    """Return the findings that keep_refused wrote in this run. Raises FileNotFoundError if no plan was refused."""
    findings: list[dict[str, Any]] = json.loads(_locate("refused", group).read_text(encoding="utf-8"))
    return findings


def find_first_host(text: str, host: str) -> str:
    """Return the host that was the first to report a text in this run. If no host has, it is this host from now on."""
    path = _locate("reported", sha256(text.encode()).hexdigest())
    with hold_lock(path):
        if not path.exists():
            path.write_text(host, encoding="utf-8")
    return path.read_text(encoding="utf-8")


@contextmanager
def hold_lock(path: Path) -> Iterator[None]:
    """Let one worker at a time use a file of this run."""
    with path.with_suffix(".lock").open("w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _locate(kind: str, name: str) -> Path:
    return Path(constants.DEFAULT_LOCAL_TMP) / f"gatehouse.kong.{kind}.{name}"
