# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The clients in the access log of Kong's Admin API.

A line of nginx begins with the address, and has the request in quotes (ngx_http_log_module, "combined"). From 2.3 on a control
plane also logs its data planes there, with requests below /v1/ or /v2/, which the Admin API does not have.
"""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

DEFAULT_LOG = "logs/admin_access.log"
_MOST_BYTES = 16 << 20
_OF_DATA_PLANE = re.compile(rb'"[A-Z]+ /v\d/')


def list_logged(root: Path, prefix: str, log: str) -> list[str]:
    """Return the addresses in the newest part of a log, without loopback and data planes; none if it is no file.

    `root` is the root directory of Kong, `log` the setting: a path, which may be relative to the prefix. Raises OSError.
    """
    path = root / str(Path(prefix) / log).lstrip("/")
    # A terminal, a pipe or a socket would block.
    if not path.is_file():
        return []
    with path.open("rb") as file:
        file.seek(max(file.seek(0, os.SEEK_END) - _MOST_BYTES, 0))
        found = {line.split(b" ", 1)[0].decode("ascii", "replace") for line in file if not _OF_DATA_PLANE.search(line)}
    return sorted(set(_parse_addresses(found)))


def _parse_addresses(words: set[str]) -> Iterator[str]:
    for word in words:
        with suppress(ValueError):
            address = ipaddress.ip_address(word)
            if not address.is_loopback:
                yield str(address)
