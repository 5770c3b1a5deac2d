# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The origin of a report: the fleet, the time, the version of the collection, the inventory and its commit."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path

import yaml  # type: ignore[import-untyped]

from ansible_collections.gatehouse.kong.plugins.plugin_utils._files import shorten_source

_COLLECTION = Path(__file__).parents[3]
_GIT_SECONDS = 5
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2} UTC")
# Folders next to an inventory file whose variables belong to the inventory.
_VARIABLES = ("group_vars", "host_vars")


@dataclass(frozen=True, slots=True)
class Origin:
    """The header of a report. ``commit`` is empty if the inventory is not in a git tree."""

    fleet: str
    at: str
    version: str
    inventory: str
    commit: str = ""

    @property
    def text(self) -> str:
        """The origin in one sentence."""
        commit = f", commit {self.commit}" if self.commit else ""
        return f"Written at {self.at} by gatehouse.kong {self.version} from the inventory {self.inventory}{commit}."


def find_origin(sources: Sequence[str], fleet: str = "") -> Origin:
    """Return the origin of a report about these inventory sources. Without a fleet name, the inventory's name is used."""
    paths = [Path(source) for source in sources if "," not in source]
    return Origin(
        fleet or ", ".join(path.name if path.is_dir() else path.stem for path in paths) or "unnamed",
        format_now(),
        read_collection_version(),
        ", ".join(shorten_source(source) for source in sources) or "none",
        ", ".join(dict.fromkeys(_find_commits(paths))),
    )


def format_title(title: str, origin: Origin | None) -> tuple[str, tuple[str, ...]]:
    """Return a title with the name of the fleet in place of {}, and the texts below it."""
    return (title.format(f" {origin.fleet}"), (origin.text,)) if origin else (title.format(""), ())


def with_old_time(origin: Origin, old: Mapping[str, str], text_of: Callable[[str, Origin], str]) -> Origin:
    """Return the origin with the time of the old texts if all new texts differ from them in this time only.

    ``old`` has the text of each file by its suffix, and ``text_of`` returns a new text for a suffix and an origin.
    """
    times = dict.fromkeys(time for text in old.values() for time in _TIME.findall(text))
    candidates = (replace(origin, at=time) for time in times)
    same = (
        old_origin for old_origin in candidates if all(text_of(suffix, old_origin) == old[suffix] for suffix in old)
    )
    return next(same, origin)


def format_now() -> str:
    """Return the current time as the report shows it."""
    return datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC")


def read_collection_version(folder: Path = _COLLECTION) -> str:
    """Return the version of the collection: from MANIFEST.json if it is installed, from galaxy.yml in its source tree."""
    manifest = folder / "MANIFEST.json"
    if manifest.exists():
        return str(json.loads(manifest.read_text(encoding="utf-8"))["collection_info"]["version"])
    return str(yaml.safe_load((folder / "galaxy.yml").read_text(encoding="utf-8"))["version"])


def _find_commits(paths: Sequence[Path]) -> Iterator[str]:
    for path in paths:
        folder = path if path.is_dir() else path.parent
        commit = _run_git(folder, "rev-parse", "--short", "HEAD")
        if commit:
            own = [path] if path.is_dir() else [path, *(folder / name for name in _VARIABLES)]
            changed = _run_git(folder, "status", "--porcelain", "--", *map(str, own))
            yield f"{commit} with uncommitted changes" if changed else commit


def _run_git(folder: Path, *arguments: str) -> str:
    """Return the output of git, or an empty text if git is missing, fails or takes too long."""
    command = ["git", "--no-optional-locks", "-C", str(folder), *arguments]
    try:
        found = subprocess.run(command, capture_output=True, text=True, check=True, timeout=_GIT_SECONDS)
    except (OSError, subprocess.SubprocessError):
        return ""
    return found.stdout.strip()
