# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What brings a Kong up with its changed settings: commands of systemd, of Kong's own program, or of its user's.

Sources: kong/cmd/{start,quit,reload,prepare}.lua from 0.9 on, kong/cli/cmds/{start,stop,quit}.lua before;
build/package/kong.service at 2.8.5 and 3.2.0 and later.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field

RELOAD, RESTART, STOP = "reload", "restart", "stop"


class ServiceError(Exception):
    """Kong cannot be brought up here; the message says why, and the way out where there is one."""


@dataclass(frozen=True)
class Step:
    """A command, and whether it has to succeed. With `settles` the agent of the gossip has to be gone after it.

    With `as_kong` it gets the `KONG_...` variables of Kong's unit, because these outrank the file.
    """

    argv: tuple[str, ...]
    required: bool = True
    settles: bool = False
    as_kong: bool = False


@dataclass(frozen=True)
class Kong:
    """How Kong is run on a host.

    `unit` and `program` are empty where the host has none. `reload_of_unit` is the unit's ExecReload, and `user` whom it runs
    as if that is not root. `prefix` is empty where it is Kong's default. The commands are the user's, empty where none is given.
    `variables` are the `KONG_...` variables that systemd gives to the unit.
    """

    version: tuple[int, int]
    conf: str
    prefix: str = ""
    unit: str = ""
    reload_of_unit: str = ""
    user: str = ""
    program: str = ""
    restart_command: str = ""
    reload_command: str = ""
    variables: Mapping[str, str] = field(default_factory=dict)

    @property
    def gossips(self) -> bool:
        """Whether it starts a Serf agent."""
        return self.version < (0, 11)


@dataclass(frozen=True)
class Way:
    """What is done, `reload`, `restart` or `stop`, by which steps; and why no reload if one was asked for."""

    how: str
    steps: tuple[Step, ...]
    reason: str = ""


def way(kong: Kong, how: str) -> Way:
    """Return the steps that reload, restart or stop a Kong, or restart it if a reload is not enough.

    Raises ServiceError if nothing on this host can do it.
    """
    if how == STOP:
        return Way(STOP, _halt(kong))
    if how == RESTART:
        return Way(RESTART, _restart(kong))
    found = _reload(kong)
    return Way(RESTART, _restart(kong), found) if isinstance(found, str) else Way(RELOAD, found)


def _restart(kong: Kong) -> tuple[Step, ...]:
    if kong.restart_command:
        return (Step((*shlex.split(kong.restart_command),)),)
    if kong.unit and kong.gossips:
        # A start that comes too soon finds the old agent, keeps it, and is left without one when that ends.
        return Step(("systemctl", "stop", kong.unit), settles=True), Step(("systemctl", "start", kong.unit))
    if kong.unit:
        return (Step(("systemctl", "restart", kong.unit)),)
    if kong.program:
        return _stop(kong), Step((kong.program, "start", "-c", kong.conf, *_prefix(kong)))
    raise ServiceError(
        "Kong cannot be restarted here: there is no such systemd unit, no program of Kong's where it was looked for, and no "
        "command was given. Give kong_listen_service, kong_listen_program or kong_listen_restart_command"
    )


def _halt(kong: Kong) -> tuple[Step, ...]:
    if kong.unit:
        return (Step(("systemctl", "stop", kong.unit), settles=kong.gossips),)
    if kong.program and not kong.restart_command:
        return (_stop(kong),)
    raise ServiceError(
        "Kong cannot be stopped here: there is no such systemd unit, and no program of Kong's. Stop it yourself"
    )


def _stop(kong: Kong) -> Step:
    """Kong's own program, which fails where Kong does not run. Before 0.9 `quit` waits for open connections for ever."""
    words = ("quit", *_prefix(kong)) if kong.version >= (0, 9) else ("stop", "-c", kong.conf)
    return Step((kong.program, *words), required=False, settles=kong.gossips)


def _prefix(kong: Kong) -> tuple[str, ...]:
    return ("-p", kong.prefix) if kong.prefix and kong.version >= (0, 9) else ()


def _reload(kong: Kong) -> tuple[Step, ...] | str:
    """The steps of a reload that hears the changed file, or why there is none."""
    if kong.version < (0, 11):
        return "before 0.11 a reload does not read the file"
    if kong.restart_command or kong.reload_command:
        asked = kong.reload_command
        return (Step((*shlex.split(asked),)),) if asked else "no command to reload it was given"
    prepare = Step((kong.program, "prepare", "-c", kong.conf, *_prefix(kong)), as_kong=True)
    if kong.unit:
        return _reload_of_unit(kong, prepare)
    if kong.version >= (2, 3):
        return (Step((kong.program, "reload", "-c", kong.conf, *_prefix(kong)), as_kong=True),)
    return prepare, Step((kong.program, "reload", *_prefix(kong)), as_kong=True)


def _reload_of_unit(kong: Kong, prepare: Step) -> tuple[Step, ...] | str:
    reload = Step(("systemctl", "reload", kong.unit))
    hears = " prepare" in kong.reload_of_unit or (" reload" in kong.reload_of_unit and kong.version >= (2, 3))
    if not kong.reload_of_unit:
        return f"{kong.unit} has no ExecReload"
    if hears:
        return (reload,)
    # Units of the packages from about 1.5 to 2.1 only send nginx its signal.
    if not kong.program:
        return f"ExecReload of {kong.unit} does not read the file"
    if kong.user:
        return f"{kong.unit} runs as {kong.user}, who could not read what root prepares"
    return prepare, reload
