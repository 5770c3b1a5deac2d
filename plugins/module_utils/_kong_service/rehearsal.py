# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Prepares Kong's file in a private folder, and lets nginx test the result, before the running Kong is touched.

`kong prepare` exists from 0.11 on, and tests the result itself from 0.14 on (check_conf in
kong/cmd/utils/nginx_signals.lua). `nginx -t` opens the sockets that are new, and fails for an address that the host does
not have. Ports in use do not matter to it: of this Kong, with or without reuseport, or of another program
(ngx_open_listening_sockets in src/core/ngx_connection.c; tested with nginx 1.22).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from ansible_collections.gatehouse.kong.plugins.module_utils._host.trust import is_trusted
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.commands import run_step
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.nginx import Nginx
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.plan import (
    Kong,
    ServiceError,
    Step,
    StepError,
    find_options,
    make_prepare,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.prepared import parse_prepared
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.scratch import open_scratch

_TESTS_ITSELF = (0, 14)


def rehearse(kong: Kong, nginx: Nginx) -> Mapping[str, str] | None:
    """Return the settings that the changed file gives Kong. Raises ServiceError if Kong or nginx rejects them.

    Returns None if this cannot be known: before 0.11, without Kong's program on the host, or if Kong is started by a
    command of the user or by a unit that is not understood, or if nginx needs a file of the prefix. The user of a unit must not
    decide what a program of root does, so the files of the unit have to be those of root. The folder may hold passwords: only root
    can read it, and it is removed.
    """
    options = find_options(kong)
    is_by_user = kong.restart_command or kong.reload_command
    if kong.version < (0, 11) or not kong.program or is_by_user or options is None or not kong.is_roots:
        return None
    with _without_new_logs(kong), open_scratch() as folder:
        try:
            run_step(make_prepare(kong, (*_without_prefix(options), "-p", folder)), kong)
            if kong.version < _TESTS_ITSELF and is_trusted(nginx.program):
                run_step(Step((nginx.program, "-t", "-p", folder, "-c", "nginx.conf"), as_kong=True), kong)
        except StepError as error:
            reason = " / ".join(error.output or [str(error)])
            if _names_file_of(nginx.prefix, reason, folder):
                return None
            reason = reason.replace(folder, nginx.prefix)
            raise ServiceError(f"it rejects the changed {kong.conf}: {reason}") from error
        return read_settings(Path(folder), nginx.prefix)


def prepare(kong: Kong, conf: str, prefix: str) -> dict[str, str]:
    """Return the settings that a file gives a Kong without a unit, as if they were prepared in a prefix; none if it rejects the file."""
    with _without_new_logs(kong), open_scratch() as folder:
        with suppress(StepError):
            run_step(make_prepare(kong, ("-c", conf, "-p", folder)), kong)
        return read_settings(Path(folder), prefix)


@contextmanager
def _without_new_logs(kong: Kong) -> Iterator[None]:
    """Remove the logs that the test creates: nginx opens them, and the user of Kong's unit cannot write a log of root."""
    stated = [value.split() for name, value in kong.stated.items() if name.lower().endswith("_log")]
    paths = [Path(words[0]) for words in stated if words]
    missing = [path for path in paths if path.is_absolute() and not path.exists()]
    try:
        yield
    finally:
        for path in missing:
            with suppress(OSError):
                if path.is_file() and not path.stat().st_size:
                    path.unlink()


def read_settings(folder: Path, prefix: str) -> dict[str, str]:
    """Return the settings that were prepared in a folder, as if it were the prefix; none if they cannot be read."""
    return parse_prepared(read_text(folder).replace(str(folder), prefix))


def read_text(folder: Path) -> str:
    """Return the text of the settings that were prepared in a folder, empty if it cannot be read."""
    with suppress(OSError):
        return (folder / ".kong_env").read_text(encoding="utf-8", errors="replace")
    return ""


def _names_file_of(prefix: str, errors: str, folder: str) -> bool:
    """Tell whether errors name a file that the prefix has and the folder lacks: nginx looks for a relative `include` there."""
    names = re.findall(rf"""{re.escape(folder)}(/[^\s"':;,]+)""", errors)
    return any(Path(prefix + name).exists() and not Path(folder + name).exists() for name in names)


def _without_prefix(options: tuple[str, ...]) -> Iterator[str]:
    """Yield the options, which have two words each, without the prefix."""
    for name, value in zip(options[::2], options[1::2]):
        if name != "-p":
            yield from (name, value)
