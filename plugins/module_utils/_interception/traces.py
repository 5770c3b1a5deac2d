# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads the rules and routes of an interception from the kernel, and the sockets of its listeners."""

from __future__ import annotations

import re
from contextlib import suppress

from ansible_collections.gatehouse.kong.plugins.module_utils._host.family import FAMILY
from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import Host, HostError
from ansible_collections.gatehouse.kong.plugins.module_utils._interception.model import TPROXY, Interception
from ansible_collections.gatehouse.kong.plugins.module_utils._interception.nftables import TABLE
from ansible_collections.gatehouse.kong.plugins.module_utils._interception.script import (
    ACCEPT_COMMENT,
    ROUTES,
    Programs,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.iptables_programs import list_families

_NUMBERS = tuple(str(ROUTES + number) for number in range(3))


def list_traces(host: Host, programs: Programs) -> list[str]:
    """Return our rules and routes as lines, without counters and handles. The same state gives the same lines."""
    lines: list[str] = []
    if host.which("nft"):
        lines += _ask(host, programs.nft, "--stateless", "list", "table", "inet", TABLE)
    if programs.iptables:
        lines += [line for line in _ask(host, programs.iptables, "-S", "INPUT") if ACCEPT_COMMENT in line]
    for family in list_families(host):
        option = FAMILY[family].option
        rules = [line for line in _ask(host, programs.ip, option, "rule", "show") if line.split(":")[0] in _NUMBERS]
        routes = _ask(host, programs.ip, option, "route", "show", "table", str(ROUTES))
        lines += [f"{family} {line.strip()}" for line in (*rules, *routes)]
    return lines


def find_deaf_listeners(host: Host, rules: Interception) -> tuple[str, ...]:
    """Return a line for each port of a TPROXY rule without a transparent socket; none if ss cannot show the option."""
    ports = {rule.port for rule in rules if rule.method == TPROXY}
    if not ports:
        return ()
    try:
        listed = host.run("ss", "--listening", "--tcp", "--numeric", "--no-header", "--inet-sockopt")
    except HostError:
        return ()  # iproute2 before 5.10 has no such option
    sockets = re.findall(r"^\S+ +\d+ +\d+ +\S*:(\d+) .*\n?(.*inet-sockopt.*)?$", listed, re.MULTILINE)
    transparent = {int(port) for port, options in sockets if " transparent" in options}
    return tuple(
        f"no transparent socket listens on port {port}, so intercepted packets for it are dropped until Kong opens the port"
        for port in sorted(ports - transparent)
    )


def _ask(host: Host, *argv: str) -> list[str]:
    """Return the lines that a program lists; none if the object does not exist."""
    with suppress(HostError):
        return host.run(*argv).splitlines()
    return []
