# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Finds out whether a reload has brought the changed file into effect, not only the sockets.

`kong reload` reports success after it has sent a signal. Kong's prefix may still have values of the old file, see plan.py.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.nginx import Nginx, find_nginx
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.plan import Kong
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.rehearsal import read_settings

_WORKERS = re.compile(r"^\s*worker_processes\s+(\w+)\s*;", re.MULTILINE)
_SHOWN = 5


def find_ineffective(kong: Kong, before: Nginx, wanted: Mapping[str, str] | None) -> list[str]:
    """Return the reasons why the reload has no effect.

    `before` is the nginx before the reload. `wanted` has the settings that the changed file gives Kong, None if unknown.
    Nothing is known about a Kong whose nginx is not found on this host.
    """
    if not before.workers:
        return []
    now = find_nginx(kong.prefix)
    return [*_compare_workers(before, now), *_compare_settings(kong, now, wanted)]


def _compare_workers(before: Nginx, now: Nginx) -> list[str]:
    if before.workers & now.workers:
        return ["nginx still has its old workers"]
    wanted = _count_workers(now.prefix)
    if wanted is not None and wanted != len(now.workers):
        return [f"nginx has {len(now.workers)} workers, and {now.prefix}/nginx.conf has worker_processes {wanted}"]
    return []


def _compare_settings(kong: Kong, now: Nginx, wanted: Mapping[str, str] | None) -> list[str]:
    """Compare the prepared settings. The values may be secrets, so only the names are returned.

    Before 2.3 the file may end with lines of an older text, and the last setting before them cannot be read.
    """
    found = read_settings(now.prefix, now.prefix)
    if not wanted or not found:
        return []
    compared = {*wanted} & {*found} if kong.version < (2, 3) else {*wanted, *found}
    names = sorted(name for name in compared if wanted.get(name) != found.get(name))
    more = f" and {len(names) - _SHOWN} others" if len(names) > _SHOWN else ""
    text = f"{', '.join(names[:_SHOWN])}{more}"
    return [f"{now.prefix} does not have the values of {kong.conf}: {text}"] if names else []


def _count_workers(prefix: str) -> int | None:
    """Return the number of workers in nginx.conf; `auto` is one for each processor (src/core/nginx.c). None if unknown."""
    try:
        found = _WORKERS.search(Path(prefix, "nginx.conf").read_text(encoding="utf-8", errors="replace"))
    except OSError:
        return None
    if found and found[1] == "auto":
        return os.sysconf("SC_NPROCESSORS_ONLN")
    return int(found[1]) if found and found[1].isdigit() else None
