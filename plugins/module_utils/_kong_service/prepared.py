# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads the settings that Kong prepared last, from its prefix: PREFIX/.kong_env, before 0.10 PREFIX/kong.conf.

Kong writes every setting with its final value: from its file, from its environment, or the default. The origin of a value is not in
the file. Sources: kong/cmd/utils/prefix_handler.lua; measured with Kong 0.10.4, 1.5.1 and 2.8.5:

- Values are as Kong uses them: no comments, lists without blanks, booleans as `true` and `false`. Empty values are left out.
- Kong 0.12 to 2.2 does not cut the file off, so the end of a longer old text stays: half a line, then old lines. Old lines have
  keys that occur before.
- The settings are those of the last preparation, even if nginx does not use them: `kong prepare` without a reload, or a
  reload that nginx rejected.
- Settings of every role are in the file, so it does not show which listeners are open.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

from ansible_collections.gatehouse.kong.plugins.module_utils._host.masters import Master, find_start

_FILES = (".kong_env", "kong.conf")
_LINE = re.compile(r"([a-z][a-z0-9_]*) = (.*)")
# The times of a normal start differ by the resolution of the clocks.
TOLERANCE = 3.0


@dataclass(frozen=True)
class Prepared:
    """The settings that a running Kong prepared last: the path of the file, its time in seconds since the epoch, and the values.

    `in_use` is false if they were prepared after the workers of nginx started, so nginx does not use them. `doubtful` is the
    setting before the end of an older text, whose value cannot be read.
    """

    path: str
    changed: float
    values: Mapping[str, str]
    in_use: bool = True
    doubtful: str = ""


def read_prepared(master: Master) -> Prepared | None:
    """Return the settings that a running Kong prepared last. None if there is no such file.

    The file of a running Kong is older than the workers that use it.
    """
    for name in _FILES:
        file = master.root / master.prefix.lstrip("/") / name
        with suppress(OSError):
            text, changed = file.read_text(encoding="utf-8", errors="replace"), file.stat().st_mtime
            in_use = changed <= find_start(master) + TOLERANCE
            return Prepared(f"{master.prefix}/{name}", changed, parse_prepared(text), in_use, find_doubtful(text))
    return None


def parse_prepared(text: str) -> dict[str, str]:
    """Return the settings in the text of the file, without the end of an older text."""
    return _split(text)[0]


def find_doubtful(text: str) -> str:
    """Return the setting before the end of an older text, whose value cannot be read; empty without such an end."""
    return _split(text)[1]


def _split(text: str) -> tuple[dict[str, str], str]:
    found: dict[str, str] = {}
    for line in text.split("\n"):
        match = _LINE.fullmatch(line)
        if match and match[1] in found:
            # The line before is half a line of the older text, or has such a half at its end.
            doubtful, _value = found.popitem()
            return found, doubtful
        if match:
            found[match[1]] = match[2].strip()
    return found, ""
