# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A parser of kong.conf like Kong's, independent of the code under test.

`read_config` is Penlight's `config.read` with Kong's arguments (lua/pl/config.lua). `COMMENTS` are the three ways in which
Kong's loaders remove comments from values (kong/conf_loader.lua, kong/conf_loader/init.lua).
"""

from __future__ import annotations

import re


def read_config(text: bytes) -> dict[bytes, bytes]:
    found: dict[bytes, bytes] = {}
    section, joined = False, b""
    for line in text.split(b"\n"):
        if not line.strip(b" \t\v\f\r") or re.match(rb"[ \t\v\f\r]*[;#]", line):
            continue
        match = re.search(rb"\\[ \t\v\f\r]*$", line)
        if match:
            joined += line[: match.start()]
            continue
        logical, joined = joined + line, b""
        if logical.startswith(b"["):
            section = True
            continue
        logical = logical.lstrip(b" \t\v\f\r")
        match = re.search(rb"[ \t\v\f\r]*=[ \t\v\f\r]*", logical)
        if match and not section:
            key = re.sub(rb"[^A-Za-z0-9]", b"_", logical[: match.start()])
            found[key] = logical[match.end() :].strip(b" \t\v\f\r")
    return found


COMMENTS = {
    "0.9": lambda value: re.sub(rb"#.*", b"", value, flags=re.DOTALL),
    "0.10 to 2.x": lambda value: re.sub(rb"[^\\]#.*", b"", value, flags=re.DOTALL).replace(b"\\#", b"#"),
    "3.x": lambda value: re.sub(rb"\s*(?<!\\)#.*", b"", value, count=1, flags=re.DOTALL).replace(b"\\#", b"#"),
}


def read_as_kong(text: str, version: str) -> dict[str, str]:
    """Return the settings of a kong.conf that Kong of `version` (a key of COMMENTS) reads."""
    raw = read_config(text.encode("utf-8", "surrogateescape"))
    values = {key: COMMENTS[version](value).strip(b" \t\n\v\f\r") for key, value in raw.items()}
    return {key.decode("latin-1"): value.decode("utf-8", "surrogateescape") for key, value in values.items()}
