# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Finds out whether a reload has brought the changed file into effect, not only the sockets.

`kong reload` reports success after it has sent a signal. Kong's prefix may still have values of the old file, see plan.py. For a
Kong in a container, the prefix is read through /proc.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import Host, HostError
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.effective import (
    ENVIRONMENT,
    FILE,
    OUTDATED,
    STARTED,
    UNKNOWN,
    Sources,
    find_differences,
    find_effective,
    is_unverified,
    name_variable,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.nginx import ROOT, Nginx, find_nginx
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.plan import Kong
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.prepared import find_doubtful
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.rehearsal import read_settings, read_text
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.running import (
    KongFile,
    find_running,
    read_sources,
)

_WORKERS = re.compile(r"^\s*worker_processes\s+(\w+)\s*;", re.MULTILINE)
_WORKERS_SETTING, _WORKERS_ALIAS = "nginx_worker_processes", "nginx_main_worker_processes"
_SHOWN = 5


@dataclass(frozen=True)
class Expected:
    """The nginx before a reload, and the settings that the changed file gives Kong, None if they are unknown.

    `in_container` tells whether Kong has a network of its own.
    """

    before: Nginx
    settings: Mapping[str, str] | None = None
    in_container: bool = False

    def find_nginx(self) -> Nginx:
        """Return the nginx that runs now."""
        return find_nginx(self.before.prefix, in_container=self.in_container)

    def keeps_workers(self) -> bool:
        """Tell whether workers from before the reload still accept connections, so nginx has not taken a new configuration."""
        return bool(self.before.workers & self.find_nginx().workers)


def find_ineffective(host: Host, kong: Kong, expected: Expected) -> list[str]:
    """Return the reasons why the reload has no effect.

    Nothing is known about a Kong whose nginx was not found.
    """
    if not expected.before.workers:
        return []
    if expected.keeps_workers():
        return ["nginx still has its old workers"]
    now = expected.find_nginx()
    if not expected.settings:
        return [*_compare_workers(now), *_compare_file(host, kong, expected)]
    return [*_compare_workers(now), *_compare_settings(kong, now, expected.settings)]


def _compare_workers(now: Nginx) -> list[str]:
    wanted = _count_workers(now)
    if wanted is not None and wanted != len(now.workers):
        return [
            f"the number of nginx's workers is {len(now.workers)}, and worker_processes in {now.prefix}/nginx.conf is {wanted}"
        ]
    return []


def _compare_settings(kong: Kong, now: Nginx, wanted: Mapping[str, str]) -> list[str]:
    """Compare the prepared settings with those of a test of the file.

    Before 2.3 the file may end with lines of an older text: the value of the last setting before them cannot be read, and
    that setting may be a part of an old line. A setting without a line is empty.
    """
    found = read_settings(now.folder, now.prefix)
    if not wanted or not found:
        return []
    compared = {*wanted} - {find_doubtful(read_text(now.folder))} if kong.version < (2, 3) else {*wanted, *found}
    return _name_old(kong, now, (name for name in compared if wanted.get(name) != found.get(name)))


def _compare_file(host: Host, kong: Kong, expected: Expected) -> list[str]:
    """Compare the prepared settings with the lines of Kong's file, except those that a variable overrides."""
    with suppress(HostError, OSError):
        sources = _read_sources(host, kong, expected)
        found = find_differences(kong.settings, sources)
        names = {entry.setting for entry in found if entry.origin in (STARTED, OUTDATED)}
        return _name_old(kong, expected.before, names | _find_old_aliases(sources))
    return []


def _find_old_aliases(sources: Sources) -> set[str]:
    """Return the settings whose alias still has the old value, so that nginx.conf has it too.

    From 2.3 on `kong reload` keeps the derived alias in PREFIX/.kong_env. An alias that is stated itself is none.
    """
    stated = find_effective(_WORKERS_SETTING, sources)
    is_derived = find_effective(_WORKERS_ALIAS, sources).origin == UNKNOWN
    derived = sources.prepared.values.get(_WORKERS_ALIAS) if sources.prepared and sources.prepared.in_use else None
    is_old = stated.origin in (ENVIRONMENT, FILE) and is_derived and derived not in (None, stated.value)
    return {_WORKERS_SETTING} if is_old else set()


def _read_sources(host: Host, kong: Kong, expected: Expected) -> Sources:
    running = find_running(host, kong.unit, expected.before.prefix, in_container=expected.in_container)
    return read_sources(host, running, KongFile(kong.conf, "conf", {}), {*kong.settings, _WORKERS_ALIAS})


def explain_unverified(host: Host, kong: Kong, expected: Expected) -> str:
    """Return why the effect of a reload is not known, or for which settings; empty if all settings were compared."""
    if not expected.before.workers:
        return f"the nginx of the Kong in {expected.before.prefix} was not found"
    if expected.settings:
        return ""
    with suppress(HostError, OSError):
        sources = _read_sources(host, kong, expected)
        if sources.prepared is None:
            return f"{expected.before.prefix}/.kong_env cannot be read"
        if not sources.prepared.in_use:
            return f"{sources.prepared.path} is newer than the processes of nginx"
        names = sorted(name for name, value in kong.settings.items() if _is_unverified(name, value, sources))
        return f"{sources.prepared.path} does not show the values of {_list_names(names)}" if names else ""
    return f"{expected.before.prefix}/.kong_env cannot be compared"


def _is_unverified(setting: str, value: str, sources: Sources) -> bool:
    return name_variable(setting) not in sources.variables and is_unverified(setting, value, sources)


def _name_old(kong: Kong, nginx: Nginx, settings: Iterable[str]) -> list[str]:
    """Return a line with the names of the settings, if any. Their values may be secrets."""
    names = sorted(settings)
    return [f"{nginx.prefix} does not have the values of {kong.conf}: {_list_names(names)}"] if names else []


def _list_names(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"{', '.join(names[:_SHOWN])}{more}"


def _count_workers(nginx: Nginx) -> int | None:
    """Return the number of workers in nginx.conf, None if unknown.

    `auto` is one for each processor (src/core/nginx.c). In a container this depends on its C library.
    """
    try:
        found = _WORKERS.search((nginx.folder / "nginx.conf").read_text(encoding="utf-8", errors="replace"))
    except OSError:
        return None
    if found and found[1] == "auto" and nginx.root == ROOT:
        return os.sysconf("SC_NPROCESSORS_ONLN")
    return int(found[1]) if found and found[1].isdigit() else None
