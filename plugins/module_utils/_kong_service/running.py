# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How the running Kong was started: by which systemd unit or in which container, and with which variables."""

from __future__ import annotations

import pwd
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass

from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import Host
from ansible_collections.gatehouse.kong.plugins.module_utils._host.masters import (
    Container,
    Master,
    find_master,
    read_user,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._host.text import remove_suffix
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_conf.text import ConfError
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_conf.unknown import LUA, find_installed_defaults
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_conf.values import read_values
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.containers import (
    inspect_container,
    read_environment,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.effective import Sources, name_variable
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.prepared import read_prepared
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.start import Start, find_start
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.unit import find_unit, read_commands
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.unit_environment import (
    Variable,
    read_unit_variables,
)

# The units of the packages; that of Kong Enterprise had either name (build/package/ of Kong/kong, and its documentation).
_OF_COMMUNITY, _OF_ENTERPRISE = "kong", "kong-enterprise-edition"
_CONFS = ("/etc/kong/kong.conf", "/etc/kong.conf")  # Kong 0.10 and later searches in this order
# The entrypoint of the official images sets KONG_X to the content of the file that KONG_X_FILE names (docker-kong). It may be a secret.
_FROM_FILE = "_FILE"
_SHORT = 12  # the length of a container's id in the output of podman and docker


@dataclass(frozen=True)
class Running:
    """How Kong runs: its nginx, None if it does not run or is not visible, and its systemd unit, empty if it has none."""

    master: Master | None
    unit: str


@dataclass(frozen=True)
class KongFile:
    """Kong's file: its path, empty if unknown, its format, and the values that Kong uses for missing lines."""

    path: str
    form: str
    defaults: Mapping[str, str]


def find_running(host: Host, service: str, prefix: str, *, in_container: bool = False) -> Running:
    """Return how the Kong with a prefix runs. Raises HostError.

    `service` is Kong's unit according to the user. The unit of a running Kong is that of its nginx, also with another name, or
    none if it was started by hand. A Kong that does not run has the unit `service`, if the host has it.
    """
    named = find_unit(host, service) or (find_unit(host, _OF_ENTERPRISE) if service == _OF_COMMUNITY else "")
    master = find_master(prefix, unit=named, in_container=in_container)
    return Running(master, _find_unit_of(host, master, named) if master else named)


def find_starter(running: Running) -> str:
    """Return the user of a running Kong that has no unit: its name, or its number without a name. Empty for root."""
    number = read_user(running.master.process) if running.master and not running.unit else ""
    if number in ("", "0"):
        return ""
    with suppress(KeyError):
        return pwd.getpwuid(int(number)).pw_name
    return number


def _find_unit_of(host: Host, master: Master, named: str) -> str:
    """Return the systemd unit that started a running Kong, empty if it was started by hand or in a container.

    A Kong that was started by hand can be in the cgroup of the service that started the shell, such as cron.
    """
    unit = master.unit or ""
    if not unit or unit == named or master.container or host.which("systemctl") is None:
        return unit if unit == named else ""
    shown = host.run("systemctl", "show", unit, "--property=Type", "--property=MainPID", "--property=ExecStart")
    properties = dict(line.partition("=")[::2] for line in shown.splitlines())
    runs_kong = properties.get("Type") != "oneshot" and "kong" in properties.get("ExecStart", "")
    return unit if runs_kong or properties.get("MainPID") == master.process.name else ""


def read_sources(
    host: Host, running: Running, file: KongFile, settings: Collection[str], *, files: Host | None = None
) -> Sources:
    """Return the places from which Kong takes its settings, with their values. Raises HostError or OSError.

    `files` has the file, by default the host itself: a container has files of its own.
    A container does not tell which variables are from its `--env-file`: those with the values of that file.
    """
    files = files or host
    variables, stated = _find_variables(host, running), _read_file(files, file, settings)
    if file.form == "env":
        stated = {**stated, **_select_values(variables, file.path, settings)}
        values = {name_variable(name): value for name, value in stated.items()} if _find_container(running) else {}
        variables = {
            name: variable
            for name, variable in variables.items()
            if variable.file != file.path and values.get(name) != variable.value
        }
    return Sources(
        path=file.path,
        file=stated,
        changed=_read_time(files, file.path),
        defaults=_find_defaults(host, running, file, settings),
        variables=variables,
        prepared=read_prepared(running.master) if running.master else None,
        known=find_installed_defaults(running.master.root / LUA.relative_to("/")) if running.master else {},
    )


def find_fallbacks(host: Host, running: Running, file: KongFile, settings: Collection[str]) -> dict[str, str]:
    """Return the values that Kong uses for settings if its file has no line for them, as far as they are known.

    Values that Kong loses at its next start or at the next boot do not count. Raises HostError or OSError.
    """
    sources = read_sources(host, running, file, settings)
    found = {name: sources.variables.get(name_variable(name)) for name in settings}
    of_variables = {
        name: variable.value
        for name, variable in found.items()
        if variable and variable.is_known and variable.is_permanent
    }
    is_known = not _find_container(running) and (
        file.form != "env" or _find_conf_of_unit(host, running.unit) is not None
    )
    return {**(find_installed_defaults() if is_known else {}), **sources.defaults, **of_variables}


def read_quoted(host: Host, running: Running, file: KongFile, settings: Collection[str]) -> dict[str, str]:
    """Return the values of settings that systemd reads from a file of variables, without quotes. Raises HostError or OSError.

    Returns none for another file, for example of a container: docker keeps the quotes.
    """
    return _select_values(_find_variables(host, running), file.path, settings) if file.form == "env" else {}


def _select_values(variables: Mapping[str, Variable], path: str, settings: Collection[str]) -> dict[str, str]:
    """Return the values of the settings whose variables are from a file."""
    found = {name: variables.get(name_variable(name)) for name in settings}
    return {name: variable.value for name, variable in found.items() if variable and variable.file == path}


def find_conf(host: Host, start: Start | None) -> str | None:
    """Return the path of the kong.conf that a start of Kong reads, empty if there is none. None if it is unknown."""
    if start is None:
        return None
    named = dict(zip(start.options[::2], start.options[1::2])).get("-c")
    return named or next((path for path in _CONFS if host.locate(path).exists()), "")


def _find_conf_of_unit(host: Host, unit: str) -> str | None:
    return find_conf(host, find_start(read_commands(host, unit, "ExecStartPre", "ExecStart")))


def _find_defaults(host: Host, running: Running, file: KongFile, settings: Collection[str]) -> dict[str, str]:
    """Return the values for settings that neither Kong's file nor its environment has; none if they are unknown.

    If that file has variables, Kong reads another file too, and its defaults after that.
    """
    if file.form != "env":
        return {**file.defaults}
    conf = _find_conf_of_unit(host, running.unit)
    if conf is None:
        return {}
    values = _read_file(host, KongFile(conf, "conf", {}), settings)
    return {**file.defaults, **{name: value for name, value in values.items() if value is not None}}


def _read_file(host: Host, file: KongFile, settings: Collection[str]) -> dict[str, str | None]:
    text = host.read(file.path) if file.path else None
    with suppress(ConfError):  # the comparison of the file with the plan reports it
        return read_values(file.form, text or "", settings)
    return {}


def _read_time(host: Host, path: str) -> float:
    with suppress(FileNotFoundError):
        return host.locate(path).stat().st_mtime if path else 0.0
    return 0.0


def _find_variables(host: Host, running: Running) -> dict[str, Variable]:
    """Return the `KONG_…` variables of a start of Kong: of its container, or of its unit. Raises HostError or OSError.

    The environment of Kong's processes is not used, because nginx overwrites it with its titles.
    """
    container = _find_container(running)
    return _read_container(host, container) if container else read_unit_variables(host, running.unit)


def _find_container(running: Running) -> Container | None:
    return running.master.container if running.master else None


def _read_container(host: Host, container: Container) -> dict[str, Variable]:
    """Return the variables of a container; none if its engine does not know it, such as a container of another user."""
    record = inspect_container(host, container)
    pairs = read_environment(record) if record else {}
    origin = f"the environment of container {container.number[:_SHORT]}"
    from_files = {
        remove_suffix(name, _FROM_FILE): Variable("", f"{name} in {origin}", is_known=False)
        for name, value in pairs.items()
        if name.endswith(_FROM_FILE) and value
    }
    return {**from_files, **{name: Variable(value, origin) for name, value in pairs.items()}}
