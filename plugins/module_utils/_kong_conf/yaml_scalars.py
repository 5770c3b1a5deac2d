# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The scalar values of a kong.yml: text, numbers and booleans, as Kong 0.6 to 0.8 reads them.

Kong checks the type of every value (kong/tools/config_loader.lua). Its loader converts an unquoted `true`, `yes`, `false`,
`no`, `~`, and every value that Lua can read as a number (lyaml.c of the rock `yaml`). Therefore text is always written in
quotes, and the few numbers and booleans are always written without quotes.
"""

from __future__ import annotations

import re

# type = "number" and type = "boolean" in kong/tools/config_defaults.lua of 0.6 to 0.8.
BARE = {
    "cassandra.port": "number",
    "cassandra.replication_factor": "number",
    "cassandra.ssl.enabled": "boolean",
    "cassandra.ssl.verify": "boolean",
    "cassandra.timeout": "number",
    "cluster.auto-join": "boolean",
    "cluster.ttl_on_failure": "number",
    "database_cache_expiration": "number",
    "dns_resolvers_available.dnsmasq.port": "number",
    "memory_cache_size": "number",
    "postgres.port": "number",
    "send_anonymous_reports": "boolean",
}
BARE_FORM = {"number": re.compile(r"\d+(\.\d+)?", re.ASCII), "boolean": re.compile(r"true|false")}
# An unquoted value that every parser of YAML 1.1, and Lua's tonumber, reads as text.
_SURELY_TEXT = re.compile(
    r"\d+(\.\d+){3}:\d+|/.*|(?!(?:y|n|yes|no|on|off|true|false|null|nan|inf|infinity)\Z)[A-Za-z].*",
    re.ASCII | re.IGNORECASE,
)
VALUE = re.compile(
    r"""(?P<lead>[ \t]*)
    (?:"(?P<double>(?:[^"\\]|\\.)*)" | '(?P<single>(?:[^']|'')*)' | (?P<plain>(?![\[\]{}&*!|>%@`"'#,?]|-\s)\S.*?) | )
    (?P<tail>[ \t]*|[ \t]+\#.*)""",
    re.VERBOSE,
)


def read_scalar(match: re.Match[str]) -> str | None:
    """Return the text of a matched value; None if it is missing, or if it has escapes other than a backslash or quote."""
    if match["double"] is not None:
        text = re.sub(r"\\([\"\\])", r"\1", match["double"])
        return None if re.search(r"\\[^\"\\]", match["double"]) else text
    return match["single"].replace("''", "'") if match["single"] is not None else match["plain"]


def render_scalar(name: str, value: str, match: re.Match[str] | None) -> str:
    """Return the text of `value` for the file, with the kind of quotes of the present value."""
    if name in BARE:
        return value
    if match and match["single"] is not None:
        return "'" + value.replace("'", "''") + "'"
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def is_set(name: str, value: str, match: re.Match[str]) -> bool:
    """Tell whether the file already has `value`, in a form that Kong cannot read as another type."""
    if read_scalar(match) != value:
        return False
    if match["plain"] is None:
        return name not in BARE
    return name in BARE or _SURELY_TEXT.fullmatch(value) is not None
