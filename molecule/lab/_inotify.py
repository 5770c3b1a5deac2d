# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The machine-wide limit that many systemd containers exhaust: raised if needed, and restored with the last lab."""

from __future__ import annotations

from pathlib import Path

from _podman import LABEL, RUN, list_containers, run_podman
from _topology import Topology

LIMIT = Path("/proc/sys/fs/inotify/max_user_instances")
RECORD = RUN / "inotify-before"
# Measured: about 19 systemd containers fit in the kernel's default of 128.
PER_SYSTEMD = 8


def raise_limit(topology: Topology) -> None:
    """Raise the limit so that it is enough for this lab and all running labs."""
    other_containers = len(_list_containers()) - len(list_containers(topology.scenario))
    needed = PER_SYSTEMD * (len(topology.hosts) + other_containers) + 64
    before = int(LIMIT.read_text(encoding="utf-8"))
    if before >= needed:
        return
    RUN.mkdir(parents=True, exist_ok=True)
    if not RECORD.exists():
        RECORD.write_text(str(before), encoding="utf-8")
    LIMIT.write_text(str(needed), encoding="utf-8")
    print(f"{LIMIT}: raised from {before} to {needed} until the last lab is removed")


def restore_limit() -> None:
    if RECORD.exists() and not _list_containers():
        LIMIT.write_text(RECORD.read_text(encoding="utf-8"), encoding="utf-8")
        RECORD.unlink()


def _list_containers() -> list[str]:
    """Return the containers of the labs of all scenarios."""
    return run_podman("ps", "--all", "--quiet", "--filter", f"label={LABEL}").split()
