# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files with iptables rules or sets that services of the host load at boot: our lines in them, and unloadable files."""

from __future__ import annotations

import re
import typing as t
from collections.abc import Iterable, Iterator
from pathlib import Path

from ansible_collections.gatehouse.kong.plugins.module_utils._backends.iptables.late_place import is_accept_rule
from ansible_collections.gatehouse.kong.plugins.module_utils._backends.iptables.rules import CHAIN, MARK_CHAIN
from ansible_collections.gatehouse.kong.plugins.module_utils._host.boot_scripts import (
    RC_LOCAL,
    SCRIPTS,
    UNITS,
    read_scripts,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import Host, HostError
from ansible_collections.gatehouse.kong.plugins.module_utils._host.paths import SET_PREFIX
from ansible_collections.gatehouse.kong.plugins.module_utils._host.services import IPTABLES_SERVICES, is_enabled
from ansible_collections.gatehouse.kong.plugins.module_utils._host.third_party_files import (
    Clean,
    read_text,
    select_files_to_change,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._host.units import Units
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.conflict import Conflict

# Files of programs that load rules or sets at boot, as packages of Debian and RHEL name them.
_SAVED_FILES = (
    "/etc/iptables/rules.v4",
    "/etc/iptables/rules.v6",
    "/etc/iptables/ipsets",
    "/etc/sysconfig/iptables",
    "/etc/sysconfig/ip6tables",
    "/etc/sysconfig/ipset",
)
# Scripts and units can load files with other names, for example with `pre-up iptables-restore < FILE`.
_RESTORE = re.compile(
    r"\b(?P<program>ip6?tables(?:-nft|-legacy)?-restore|ipset\b.*\brestore)\b[^\n;|&]*?(?P<file>/[^\s;|&<>\"']+)"
)

# Units after the target that wants our unit cannot precede our unit.
_LAST = re.compile(r"^After=.*\b(?:multi-user|graphical)\.target", re.MULTILINE)

# Files from which Debian's ipset-persistent and RHEL's ipset.service create sets before iptables rules are loaded.
_SET_FILES = ("etc/iptables/ipsets", "etc/sysconfig/ipset", "etc/sysconfig/ipset.d/*.set")
_CREATED = re.compile(r"^create (\S+)", re.MULTILINE)
_SETS = re.compile(r" --(?:match|add|del)-set (?!{}|{})(\S+)".format(*SET_PREFIX.values()))

# A line of a saved file, with its line break. A quoted comment can contain line breaks.
_SAVED_LINE = re.compile(r'#[^\n]*\n?|(?:"(?:[^"\\]|\\.)*"|[^\n])*\n|[^\n]+', re.DOTALL)
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
_COUNTERS = re.compile(r"^\[\d+:\d+\] ")
_CHAIN_LINE = r"^:{0} |^-A {0} | -[jg] {0}( |$)"
_EARLY_CHAINS = re.compile(_CHAIN_LINE.format(f"({CHAIN}|{MARK_CHAIN})"))
_ALL_CHAINS = re.compile(_CHAIN_LINE.format(rf"{CHAIN}(-\S*)?"))
_OUR_SET = re.compile(r"^(create|add) ({0}|{1})| --(match|add|del)-set ({0}|{1})".format(*SET_PREFIX.values()))


def without_ours(text: str) -> str:
    """Return a file for iptables-restore or `ipset restore` without our chains, sets and accept rule.

    All other bytes are kept. A third-party rule is kept even if its comment names our chains.
    """
    return "".join(line for line in _SAVED_LINE.findall(text) if not _is_ours(line, _ALL_CHAINS) and not _is_rule(line))


def without_early(text: str) -> str:
    """Return the file without the chains and sets of the early part, but with the accept rule.

    If a set is missing, iptables-restore rejects the whole file. If all sets are present, the file restores old rules.
    """
    return "".join(line for line in _SAVED_LINE.findall(text) if not _is_ours(line, _EARLY_CHAINS))


def list_saved_files(host: Host) -> tuple[str, ...]:
    """Return the existing files from which programs of the host load iptables rules or sets."""
    files = dict.fromkeys((*_SAVED_FILES, *list_restored_files(host)))
    return tuple(file for file in files if host.locate(file).is_file())


def list_restored_files(host: Host, scripts: Iterable[str] = (*SCRIPTS, *UNITS)) -> tuple[str, ...]:
    """Return the files from which scripts and units load iptables rules or sets. `scripts` are patterns of paths.

    A file can be missing: another program can save it later.
    """
    return tuple(dict.fromkeys(file for _program, file in _list_restores(host, scripts)))


def list_restoring_units(host: Host) -> tuple[str, ...]:
    """Return the names of the units that load such files at boot and are not ordered after all other units."""
    units = (
        path.rpartition("/")[2]
        for path, text in read_scripts(host, UNITS)
        if _RESTORE.search(text) and not _LAST.search(text)
    )
    return (*units, *(("rc-local.service",) if list_restored_files(host, RC_LOCAL) else ()))


def _list_restores(host: Host, scripts: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield the program and the file of each command that loads iptables rules or sets from a file."""
    for _path, text in read_scripts(host, scripts):
        yield from _RESTORE.findall(text)


def select_files_to_clean(host: Host, clean: Clean) -> tuple[str, ...]:
    """Return the saved files that `clean` changes: their programs saved them while our rules were loaded."""
    return select_files_to_change(host, list_saved_files(host), clean)


def find_unloadable(host: Host, programs: t.Mapping[str, str]) -> Iterator[Conflict]:
    """Yield a warning for each file that its service or script cannot load at boot. The host lacks these rules then.

    `programs` has the paths of iptables and ip6tables by family. A script can create chains and sets before it loads a
    file, so a file of a script may use those that are loaded now.
    """
    for file, (family, by_service) in dict(_list_loaded_files(host)).items():
        if not host.locate(file).is_file():
            continue
        text = read_text(host, file)
        missing = sorted({*_SETS.findall(text)} - {*_list_saved_sets(host)}) if by_service else []
        options = () if by_service else ("--noflush",)
        try:
            host.run(f"{programs[family]}-restore", "--wait", "10", "--test", *options, stdin=text)
        except HostError as error:
            yield _make_warning(file, f"{error}", "Correct the file, or save the rules again", certain=True)
        else:
            if missing:
                reason = (
                    f"it uses the set {missing[0]}, which no saved file creates, so iptables may reject the whole file"
                )
                yield _make_warning(file, reason, "Save the sets as well, or remove these rules from it", certain=False)


def _list_loaded_files(host: Host) -> Iterator[tuple[str, tuple[str, bool]]]:
    """Yield each file of iptables rules that is loaded at boot, with its family, and True if a service loads it."""
    for program, file in _list_restores(host, (*SCRIPTS, *UNITS)):
        if not program.startswith("ipset"):
            yield file, ("ipv6" if program.startswith("ip6") else "ipv4", False)
    units = Units(host)
    for service, files in IPTABLES_SERVICES:
        for file in files if is_enabled(units, service) else ():
            yield file, ("ipv6" if "6" in file else "ipv4", True)


def _make_warning(file: str, reason: str, advice: str, *, certain: bool) -> Conflict:
    ports = ("every port that is not managed",)
    return Conflict(certain=certain, where=file, reason=reason, ports=ports, advice=advice, effect="boot")


def _list_saved_sets(host: Host) -> Iterator[str]:
    """Yield the names of third-party sets that are created before the rules are loaded. Our unit creates our sets."""
    for pattern in _SET_FILES:
        for path in filter(Path.is_file, host.locate("/").glob(pattern)):
            yield from _CREATED.findall(path.read_text(encoding="utf-8", errors="replace"))


def _strip_counters(line: str) -> str:
    return _COUNTERS.sub("", line).rstrip("\n")


def _is_rule(line: str) -> bool:
    return is_accept_rule(_strip_counters(line))


def _is_ours(line: str, chains: t.Pattern[str]) -> bool:
    plain = _QUOTED.sub("TEXT", _strip_counters(line))
    return bool(chains.search(plain) or _OUR_SET.search(plain))
