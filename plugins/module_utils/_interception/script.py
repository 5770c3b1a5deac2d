# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writes the script that makes an interception, for /bin/sh: a run and a boot both start it.

It may run at any time and makes the same of every state. Routes come before the rules that mark packets for them, and go
after these, so that no marked packet is forwarded for want of a route.
"""

from __future__ import annotations

import typing as t

from ansible_collections.gatehouse.kong.plugins.module_utils._backends.iptables.rules import CHAIN
from ansible_collections.gatehouse.kong.plugins.module_utils._interception.iptables import PLACE, TABLES, render_tables
from ansible_collections.gatehouse.kong.plugins.module_utils._interception.model import (
    ROUTED,
    TPROXY,
    Interception,
    of_family,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._interception.nftables import TABLE, render_interception

NFTABLES, IPTABLES = "nftables", "iptables"
# Ours alone, and before those that programs use, which start at 1000 or above.
ROUTES = 711
_OPTION = {"ipv4": "-4", "ipv6": "-6"}
_MARK = f"{ROUTED:#x}/{ROUTED:#x}"

# `protocol kernel`: systemd-networkd removes every other rule and route that it does not know (networkd.conf(5),
# ManageForeignRoutingPolicyRules=). The rule for `lo` keeps the mark out of what the host itself sends, and out of the
# check of the source's route, which net.ipv4.conf.all.src_valid_mark=1 (wg-quick sets it) makes with the mark.
_HEAD = f"""\
#!/bin/sh
# Written by gatehouse.kong. The next run replaces what is changed here.
set -eu
ip={{ip}}

rule() {{{{
    family=$1 number=$2 shown=$3
    shift 3
    case $("$ip" "$family" rule show pref "$number") in
        "$number:"*"$shown"*) return ;;
    esac
    no_rule "$family" "$number"
    "$ip" "$family" rule add pref "$number" protocol kernel "$@"
}}}}

no_rule() {{{{
    while "$ip" "$1" rule del pref "$2" 2>/dev/null; do :; done
}}}}

route() {{{{
    "$ip" "$1" route replace local default dev lo table {ROUTES} proto kernel
    rule "$1" {ROUTES + 2} nop nop
    rule "$1" {ROUTES} 'iif lo goto {ROUTES + 2}' iif lo fwmark {_MARK} goto {ROUTES + 2}
    rule "$1" {ROUTES + 1} 'fwmark {_MARK} lookup {ROUTES}' fwmark {_MARK} lookup {ROUTES}
}}}}

no_route() {{{{
    [ -e /proc/net/if_inet6 ] || [ "$1" = -4 ] || return 0
    for number in {ROUTES + 1} {ROUTES} {ROUTES + 2}; do no_rule "$1" "$number"; done
    "$ip" "$1" route flush table {ROUTES} 2>/dev/null || true
}}}}
"""

# One step for each table: chains that are named are emptied or made, and what leads to them is put anew.
_IPTABLES = f"""
ours() {{
    "$1-save" -t "$2" | sed -n \
        -e 's/^:\\(GATEHOUSE-KONG-[A-Z]*\\) .*/:\\1 - [0:0]/p' -e 's/^-A \\(.* -j GATEHOUSE-KONG-[A-Z]*\\)$/-D \\1/p'
}}

load() {{
    {{
        echo "*$2"
        ours "$1" "$2"
        cat
        echo COMMIT
    }} | "$1-restore" --wait 10 --noflush
}}

unload() {{
    ours=$(ours "$1" "$2")
    [ -z "$ours" ] || printf '%s\\n' "$ours" | sed -n 's/^:\\([^ ]*\\) .*/-X \\1/p' | load "$1" "$2"
}}

# The chain of the firewall rules, if it is there, stays the first.
place() {{
    case $("$1-save" -t filter | sed -n '/^-A INPUT /{{p;q;}}') in
        '-A INPUT -j {CHAIN}') echo 2 ;;
        *) echo 1 ;;
    esac
}}
"""


class Programs(t.NamedTuple):
    """Absolute paths, those of iptables and ip6tables without the -save and -restore at their ends; "" is not there."""

    ip: str
    nft: str
    iptables: str
    ip6tables: str


def render_load(backend: str, catches: Interception, programs: Programs) -> str:
    """What makes the interception. `catches` may be empty: then it catches nothing."""
    tproxy = {family: bool(of_family(catches, family, TPROXY)) for family in _OPTION}
    before = [f"route {_OPTION[family]}" for family in tproxy if tproxy[family]]
    after = [f"no_route {_OPTION[family]}" for family in tproxy if not tproxy[family]]
    return _script(programs, before, _rules(backend, catches, programs), after)


def render_removal(backends: tuple[str, ...], programs: Programs, *, routes: bool) -> str:
    """What removes the rules of these backends from the kernel, and with `routes` their routes."""
    rules = [line for backend in backends for line in _rules(backend, None, programs)]
    return _script(programs, [], rules, [f"no_route {option}" for option in _OPTION.values()] if routes else [])


def _script(programs: Programs, *parts: list[str]) -> str:
    return _HEAD.format(ip=programs.ip) + _IPTABLES + "\n" + "".join(f"{line}\n" for part in parts for line in part)


def _rules(backend: str, catches: Interception | None, programs: Programs) -> list[str]:
    if backend == NFTABLES:
        if catches is None:
            return [f"{programs.nft} delete table inet {TABLE} 2>/dev/null || true"]
        return [f"{programs.nft} -f - <<'RULES'", render_interception(catches) + "RULES"]
    return [
        line
        for family, program in (("ipv4", programs.iptables), ("ipv6", programs.ip6tables))
        for line in _tables(family, program, None if catches is None else of_family(catches, family))
    ]


def _tables(family: str, program: str, catches: Interception | None) -> list[str]:
    """The lines for one family, which do nothing where the kernel does not have it."""
    there = "[ ! -e /proc/net/if_inet6 ] || " if family == "ipv6" else ""
    if catches is None:
        return [f"{there}unload {program} {table}" for table in reversed(TABLES)]
    lines: list[str] = []
    for table, rules in render_tables(catches).items():
        lines += [f"{there}load {program} {table} <<RULES", *rules, "RULES"]
    return [line.replace(PLACE, f"$(place {program})") for line in lines]
