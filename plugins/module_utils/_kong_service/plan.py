# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Chooses the commands that apply changed settings to Kong: of systemd, of Kong's own program, or of the user.

Sources: kong/cmd/{start,quit,reload,prepare}.lua from 0.9 on, kong/cli/cmds/{start,stop,quit}.lua before;
build/package/kong.service at 2.8.5 and 3.2.0 and later.

A reload needs `kong prepare` first. Without `-c`, `kong reload` reads the prefix and not the file. With `-c`, it does so too
before 2.3, and from 2.3 on the values that Kong derived from the old file take precedence over the new file.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.start import find_start, split_at_kong
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.unit import Command

RELOAD, RESTART, START, STOP = "reload", "restart", "start", "stop"


class ServiceError(Exception):
    """Kong cannot be reloaded, restarted or stopped on this host; the message has the reason and the fix."""


class StepError(ServiceError):
    """A command has failed. `output` are the errors in its output, or the end of its output."""

    def __init__(self, message: str, output: Iterable[str] = ()) -> None:
        super().__init__(message)
        self.output = (*output,)


@dataclass(frozen=True)
class Step:
    """A command, and whether it has to succeed. With `settles`, the Serf agent has to end before the next step.

    With `as_kong`, it gets exactly the variables of a start of Kong, because they take precedence over the file, and runs
    in the unit's working directory, where relative paths in the file begin.
    """

    argv: tuple[str, ...]
    required: bool = True
    settles: bool = False
    as_kong: bool = False


@dataclass(frozen=True)
class Kong:
    """How Kong is run on a host.

    `unit` and `program` are empty if they do not exist. `start_of_unit` and `reload_of_unit` are the unit's commands at its
    start and at its reload. `user` is the user of the unit, empty for root, and `directory` its working directory. `prefix` is
    empty for Kong's default. `restart_command` and `reload_command` are the user's commands, empty if not given. `variables`
    are all variables of a start of the unit, or the `KONG_…` variables of a start by hand as far as they are known. `settings`
    are the settings in Kong's file, as far as they can be read. `is_roots` is false if the unit does not run as root, and
    this user can change that file, a file of variables, or programs, libraries and code that they name.
    `starter` is the user who started a Kong without a unit, if it runs, and empty for root.
    """

    version: tuple[int, int]
    conf: str
    prefix: str = ""
    unit: str = ""
    start_of_unit: tuple[Command, ...] = ()
    reload_of_unit: tuple[Command, ...] = ()
    user: str = ""
    directory: str = ""
    program: str = ""
    restart_command: str = ""
    reload_command: str = ""
    variables: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, str] = field(default_factory=dict)
    is_roots: bool = True
    starter: str = ""

    @property
    def stated(self) -> dict[str, str]:
        """The values in Kong's file and in the variables, by the name of the setting or variable."""
        return {**self.settings, **self.variables}

    @property
    def error_log(self) -> str:
        """The path of nginx's error log, relative to the prefix; empty if it is not set."""
        return self.variables.get("KONG_PROXY_ERROR_LOG", self.settings.get("proxy_error_log", ""))

    @property
    def gossips(self) -> bool:
        """Whether this Kong starts a Serf agent."""
        return self.version < (0, 11)


@dataclass(frozen=True)
class Procedure:
    """The action (`reload`, `restart`, `start` or `stop`), its steps, and the reason if a reload is replaced by a restart."""

    how: str
    steps: tuple[Step, ...]
    reason: str = ""


def choose_procedure(kong: Kong, how: str) -> Procedure:
    """Return the steps that reload, restart, start or stop Kong. A reload that would not read the file becomes a restart.

    Raises ServiceError for a host without a suitable command.
    """
    if how == STOP:
        return Procedure(STOP, _plan_stop(kong))
    if how in (RESTART, START):
        return Procedure(how, _plan_restart(kong, how))
    found = _plan_reload(kong)
    return Procedure(RESTART, _plan_restart(kong), found) if isinstance(found, str) else Procedure(RELOAD, found)


def _plan_restart(kong: Kong, how: str = RESTART) -> tuple[Step, ...]:
    """Return the steps that restart or start Kong. Raises ServiceError for a host without a suitable command."""
    if kong.restart_command:
        return (_make_step(kong.restart_command),)
    if kong.unit and kong.gossips:
        # If Kong starts too early, it uses the old agent, and has no agent when the old agent ends.
        return Step(("systemctl", "stop", kong.unit), settles=True), Step(("systemctl", "start", kong.unit))
    if kong.unit:
        return (Step(("systemctl", "restart", kong.unit)),)
    if kong.program:
        _require_start_by_root(kong)
        return _make_stop(kong), Step(
            (kong.program, "start", "-c", kong.conf, *_make_prefix_options(kong)), as_kong=True
        )
    raise ServiceError(
        f"Kong cannot be {how}ed on this host: its systemd unit and its program were not found, and no command is given. "
        "Set kong_listen_service, kong_listen_program or kong_listen_restart_command"
    )


def _plan_stop(kong: Kong) -> tuple[Step, ...]:
    if kong.unit:
        return (Step(("systemctl", "stop", kong.unit), settles=kong.gossips),)
    if kong.program and not kong.restart_command:
        return (_make_stop(kong),)
    raise ServiceError(
        "Kong cannot be stopped on this host: its systemd unit and its program were not found. Stop it yourself"
    )


def _make_stop(kong: Kong) -> Step:
    """Return the stop by Kong's program, which fails if Kong does not run.

    Before 0.9, `quit` waits for open connections without a limit, so `stop` is used.
    """
    words = ("quit", *_make_prefix_options(kong)) if kong.version >= (0, 9) else ("stop", "-c", kong.conf)
    return Step((kong.program, *words), required=False, settles=kong.gossips)


def _make_prefix_options(kong: Kong) -> tuple[str, ...]:
    return ("-p", kong.prefix) if kong.prefix and kong.version >= (0, 9) else ()


def _plan_reload(kong: Kong) -> tuple[Step, ...] | str:
    """Return the steps of a reload that reads the changed file, or the reason why there is no such reload."""
    if kong.version < (0, 11):
        return "a reload of Kong before 0.11 does not read the file"
    if kong.restart_command or kong.reload_command:
        command = kong.reload_command
        return (_make_step(command),) if command else "no reload command is given"
    options = find_options(kong)
    if kong.unit:
        return _plan_unit_reload(kong, options)
    _require_start_by_root(kong)
    return make_prepare(kong, options or ()), Step((kong.program, "reload", *_make_prefix_options(kong)), as_kong=True)


def _make_step(command: str) -> Step:
    """Return the step that runs a command of the user. Raises ServiceError if it cannot be split into words."""
    try:
        return Step((*shlex.split(command),))
    except ValueError as error:
        raise ServiceError(f"the command {command!r} cannot be split into words: {error}. Close its quotes") from error


def _require_start_by_root(kong: Kong) -> None:
    """Raise ServiceError if another user started Kong. Files that root writes into its prefix would keep it from starting again."""
    if kong.starter:
        raise ServiceError(
            f"Kong was started by hand as user {kong.starter}, who could not use files that root writes into its prefix. Set "
            "kong_listen_restart_command, and for reloads kong_listen_reload_command, to a command that runs as this user, such as "
            f"`runuser -u {kong.starter} -- {kong.program} restart -c {kong.conf}`"
        )


def _plan_unit_reload(kong: Kong, options: tuple[str, ...] | None) -> tuple[Step, ...] | str:
    reload = Step(("systemctl", "reload", kong.unit))
    if not kong.reload_of_unit:
        return f"{kong.unit} has no ExecReload"
    if any(after[0] == "prepare" for _before, after in split_at_kong(kong.reload_of_unit)):
        return (reload,)
    # Units of the packages from about 1.5 to 2.1 only send a signal to nginx.
    if not kong.program:
        return f"ExecReload of {kong.unit} does not read the file"
    if kong.user:
        return f"{kong.unit} runs as user {kong.user}, who cannot read files that `kong prepare` writes as root"
    if options is None:
        return (
            f"ExecReload of {kong.unit} does not read the file, and the options and variables of its start are unknown"
        )
    return make_prepare(kong, options), reload


def make_prepare(kong: Kong, options: Iterable[str]) -> Step:
    """Return the step that writes Kong's file and the environment of its start into a prefix."""
    return Step((kong.program, "prepare", *options), as_kong=True)


def find_options(kong: Kong) -> tuple[str, ...] | None:
    """Return the options for `kong prepare` that make it read the same files as the start of Kong. None if they are unknown."""
    if not kong.unit:
        return ("-c", kong.conf, *_make_prefix_options(kong))
    start = find_start(kong.start_of_unit)
    return start.options if start else None
