# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Generations: ranges of Kong versions with the same listen settings, and the path of their settings file."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING

from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.settings import (
    ROLES,
    Setting,
    list_enterprise_settings,
    list_kong_yml_settings,
    list_old_settings,
    list_settings,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.versions import (
    MINORS,
    NEWEST,
    KongVersion,
    VersionError,
    parse_version,
)

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "ROLES",
    "Generation",
    "KongVersion",
    "Setting",
    "VersionError",
    "find_generation",
    "format_known",
    "format_versions_where",
    "format_versions_with",
    "list_generations",
    "list_listeners_of",
    "list_setting_names",
    "parse_version",
]


@dataclass(frozen=True, slots=True, eq=False)
class Generation:
    """A range of Kong versions with the same listen settings; there is one object for each release line.

    ``ipv6`` tells whether HTTP listeners accept IPv6 (Serf never does). ``advertise`` is the name of the setting for
    the advertised address, with dots if kong.yml nests it. ``dnsmasq_port`` is that of the resolver that Kong starts.
    """

    name: str
    versions: str
    enterprise: bool
    path: str
    format: str
    settings: tuple[Setting, ...]
    ipv6: bool = True
    hybrid: bool = False
    advertise: str | None = None
    dnsmasq_port: str | None = None

    @property
    def gossip(self) -> bool:
        """Whether nodes exchange messages through Serf."""
        return self.advertise is not None

    @property
    def modern(self) -> bool:
        """Whether a setting is a list of entries with flags."""
        return self.settings[0].grammar == "list"

    @property
    def switches(self) -> dict[str, str]:
        """The boolean settings that belong to listeners, with their defaults."""
        opened = {setting.switch: "on" for setting in self.settings if setting.switch}
        return opened | {setting.http2_switch: "off" for setting in self.settings if setting.http2_switch}

    def find_setting(self, name: str) -> Setting | None:
        """Return the setting with the name ``name`` in this generation, or ``None``."""
        return next((setting for setting in self.settings if setting.name == name), None)

    def find_tls_setting(self, plain: Setting) -> Setting | None:
        """Return the setting for the TLS port that belongs to a plain setting, in generations before 0.13."""
        return next((setting for setting in self.settings if setting.ssl_of == plain.name), None)

    def knows(self, name: str) -> bool:
        """Tell whether ``name`` is a listen setting, a switch or an address setting of this generation."""
        if name in ("cluster_advertise", "dnsmasq_port"):
            return getattr(self, name.removeprefix("cluster_")) is not None
        return self.find_setting(name) is not None or name in self.switches


def find_generation(version: KongVersion) -> Generation:
    """Return the generation of a version from ``parse_version``, always the same object for one release line.

    A newer version than the known versions has the generation of the newest.
    """
    return _make_generation(*min(version.line, NEWEST), enterprise=version.enterprise)


@cache
def _make_generation(major: int, minor: int, *, enterprise: bool) -> Generation:
    line = (major, minor)
    if line < (0, 9):
        return _make_kong_yml()
    if line < (0, 13):
        return _make_old_kong_conf(line)
    name, versions = next((name, versions) for first, name, versions in reversed(_LIST_GENERATIONS) if line >= first)
    return Generation(
        name=name,
        versions=versions,
        enterprise=enterprise,
        path="/etc/kong/kong.conf",
        format="conf",
        settings=list_settings(line) + (list_enterprise_settings(line) if enterprise else ()),
        # 0.13 passes IPv6 addresses to nginx without brackets (CHANGELOG of 0.14.0).
        ipv6=line >= (0, 14),
        hybrid=line >= (2, 0),
    )


_LIST_GENERATIONS = (
    ((0, 13), "G7", "0.13.0-0.14.1"),
    ((0, 15), "G8", "0.15.0-1.2.3"),
    ((1, 3), "G9", "1.3.0-1.3.x"),
    ((1, 4), "G10", "1.4.0-1.5.1"),
    ((2, 0), "G11", "2.0.0-2.1.4"),
    ((2, 2), "G12", "2.2.0-2.8.5"),
    ((3, 0), "G13", "3.0.0-3.1.1"),
    ((3, 2), "G14", "3.2.0-3.3.1"),
    ((3, 4), "G15", "3.4.0-3.5.0"),
    ((3, 6), "G16", "3.6.0-3.9.4"),
    # Enterprise only, with the same listeners as 3.9.
    ((3, 10), "G16", "3.10-3.15"),
)


def _make_kong_yml() -> Generation:
    return Generation(
        name="G2",
        versions="0.6.0-0.8.3",
        enterprise=False,
        path="/etc/kong/kong.yml",
        format="yaml",
        settings=list_kong_yml_settings(),
        ipv6=False,
        advertise="cluster.advertise",
        dnsmasq_port="dns_resolvers_available.dnsmasq.port",
    )


def _make_old_kong_conf(line: tuple[int, int]) -> Generation:
    name, versions = {
        9: ("G3", "0.9.0-0.9.9"),
        10: ("G4", "0.10.0-0.10.4"),
        11: ("G5", "0.11.0-0.11.2"),
        12: ("G6", "0.12.0-0.12.3"),
    }[line[1]]
    return Generation(
        name=name,
        versions=versions,
        enterprise=False,
        # 0.9 reads /etc/kong.conf before /etc/kong/kong.conf, so a file with that name would have priority.
        path="/etc/kong.conf" if line == (0, 9) else "/etc/kong/kong.conf",
        format="conf",
        settings=list_old_settings(line),
        advertise="cluster_advertise" if line < (0, 11) else None,
        dnsmasq_port="dnsmasq_port" if line == (0, 9) else None,
    )


@cache
def list_generations() -> tuple[Generation, ...]:
    """Return the generation of every release line, oldest first, Kong before Kong Enterprise."""
    return (*_release_lines(enterprise=False).values(), *_release_lines(enterprise=True).values())


@cache
def _release_lines(*, enterprise: bool) -> dict[tuple[int, int], Generation]:
    lines = [(major, minor) for major, minors in MINORS.items() for minor in minors]
    released = [line for line in lines if (line >= (2, 1) if enterprise else line < (3, 10))]
    return {line: _make_generation(*line, enterprise=enterprise) for line in released}


@cache
def list_setting_names() -> tuple[str, ...]:
    """Return every listen setting, switch and address setting of any generation, in order of appearance."""
    names = [
        name
        for generation in list_generations()
        for name in (*(setting.name for setting in generation.settings), *generation.switches)
    ]
    return tuple(dict.fromkeys([*names, "cluster_advertise", "dnsmasq_port"]))


@cache
def list_listener_names() -> tuple[str, ...]:
    """Return the names of the listeners of all versions, such as ``proxy``."""
    return tuple(sorted({setting.listener for generation in list_generations() for setting in generation.settings}))


def list_listeners_of(version: object, role: object) -> frozenset[str]:
    """Return the names of the listeners that a version has in a role. Raises VersionError."""
    generation = find_generation(parse_version(version))
    return frozenset(setting.listener for setting in generation.settings if role in setting.roles)


def format_versions_where(test: Callable[[Generation], bool]) -> str:
    """Return the release lines whose generation passes, as text: ``0.6 to 0.12, Kong Enterprise 2.1 to 3.4``.

    Enterprise is named only for lines for which Kong does not pass. The text is empty if no line passes.
    """
    kong = {line: test(generation) for line, generation in _release_lines(enterprise=False).items()}
    extra = {
        line: test(generation) and not kong.get(line) for line, generation in _release_lines(enterprise=True).items()
    }
    # Enterprise 3.10 and later continue the lines of Kong: they have every feature of Kong 3.9.
    carried_on = kong[3, 9] and extra[3, 10]
    later = {line: passed for line, passed in extra.items() if line >= (3, 10)} if carried_on else {}
    only_enterprise = [f"Kong Enterprise {span}" for span in _spans({**extra, **dict.fromkeys(later, False)})]
    return ", ".join([*_spans({**kong, **later}), *only_enterprise])


def format_known(versions: str) -> str:
    """Return ``known to Kong VERSIONS`` for a text of format_versions_where, which may begin with Kong Enterprise."""
    return f"known to {versions}" if versions.startswith("Kong ") else f"known to Kong {versions}"


def _spans(passed: dict[tuple[int, int], bool]) -> list[str]:
    runs = [[line for line, _same in run] for ok, run in groupby(passed.items(), key=itemgetter(1)) if ok]
    texts = [[f"{major}.{minor}" for major, minor in (run[0], run[-1])] for run in runs]
    return [first if first == last else f"{first} to {last}" for first, last in texts]


@cache
def format_versions_with(name: str) -> str:
    """Return the release lines that have setting ``name``, as text."""
    return format_versions_where(lambda generation: generation.knows(name))
