# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads the properties of Kong's systemd unit: whether it exists, its user and its commands.

`systemctl show` prints a command as `{ path=… ; argv[]=WORD WORD … ; ignore_errors=no ; … }` and does not quote its words
(print_property in src/systemctl/systemctl-show.c), so the words of a shell command appear one by one.
"""

from __future__ import annotations

import re
import typing as t
from contextlib import suppress

from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import Host, HostError
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.capabilities import ROOT

Command = t.Tuple[str, ...]

# Signs of a shell separate words too.
_WORD = re.compile(r"""[^\s;&|()'"]+""")
_ARGV = re.compile(r"argv\[\]=(.*?) ; (?:ignore_errors|flags)=")


def find_unit(host: Host, service: str) -> str:
    """Return the full name of a systemd unit, or an empty text if this host has no such unit."""
    unit = service if "." in service or not service else f"{service}.service"
    if not unit or host.which("systemctl") is None:
        return ""
    with suppress(HostError):
        return unit if _read_property(host, unit, "LoadState") == "loaded" else ""
    return ""


def read_commands(host: Host, unit: str, *names: str) -> tuple[Command, ...]:
    """Return the commands of a unit as lists of words, for properties such as ExecStart, in their order."""
    return parse_commands("\n".join(_read_property(host, unit, name) for name in names)) if unit else ()


def parse_commands(shown: str) -> tuple[Command, ...]:
    """Return the commands in the output of `systemctl show` as lists of words."""
    return tuple((*_WORD.findall(argv),) for argv in _ARGV.findall(shown))


def read_user(host: Host, unit: str) -> str:
    """Return the user of a unit, empty for root."""
    user = _read_property(host, unit, "User") if unit else ""
    return "" if user in ROOT else user


def read_directory(host: Host, unit: str) -> str:
    """Return the working directory of a unit, empty without a unit. `!` precedes one that may be missing; then it is `/`."""
    shown = _read_property(host, unit, "WorkingDirectory").lstrip("!") if unit else ""
    return shown if host.locate(shown).is_dir() and shown.startswith("/") else "/" if unit else ""


def _read_property(host: Host, unit: str, name: str) -> str:
    return host.run("systemctl", "show", unit, f"--property={name}", "--value").strip()
