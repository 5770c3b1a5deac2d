# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Renders the shell script that loads an interception. Both a run and a boot execute it.

Its result does not depend on the previous state. Routes are added before the rules that mark packets for them, and removed
after these rules. Therefore no marked packet is forwarded because its route is missing.
"""

from __future__ import annotations

import typing as t

from ansible_collections.gatehouse.kong.plugins.module_utils._host.family import FAMILY
from ansible_collections.gatehouse.kong.plugins.module_utils._interception.model import (
    ACCEPTED,
    ROUTED,
    TPROXY,
    Interception,
    select_family,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._interception.nftables import TABLE, render_interception

# Number of the routing table, and priority of the first routing rule. Other programs use priorities from 1000.
ROUTES = 711
_MARK = f"{ROUTED:#x}/{ROUTED:#x}"

# `protocol kernel`: systemd-networkd removes all other rules and routes that it does not know (networkd.conf(5),
# ManageForeignRoutingPolicyRules=). The rule for `lo` excludes packets of the host itself. It also excludes the mark from
# the check of the source's route that net.ipv4.conf.all.src_valid_mark=1 enables (wg-quick sets it).
_HEAD = f"""\
#!/bin/sh
# Written by gatehouse.kong. The next run replaces manual changes.
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

# ufw drops IPv4 packets to addresses of other hosts before it evaluates user rules (ufw-not-local in before.rules, 0.36.2).
# Third-party rules before the chains of ufw stay before our rule, so bans are still effective.
ACCEPT_COMMENT = "gatehouse.kong-transparent"
_BOTH = f"{ACCEPTED | ROUTED:#x}/{ACCEPTED | ROUTED:#x}"
_RULE = f"-m mark --mark {_BOTH} -m comment --comment {ACCEPT_COMMENT} -j ACCEPT"
_ACCEPT = f"""
accept() {{
    "$1" -w 10 -C INPUT {_RULE} 2>/dev/null && return
    number=$("$1" -S INPUT | grep '^-A' | grep -n -- ' -j ufw-before-logging-input$' | head -n 1 | cut -d : -f 1)
    "$1" -w 10 -I INPUT "${{number:-1}}" {_RULE}
}}

no_accept() {{
    while "$1" -w 10 -D INPUT {_RULE} 2>/dev/null; do :; done
}}
"""


class Programs(t.NamedTuple):
    """Absolute paths of programs. `iptables` is "" on hosts without ufw."""

    ip: str
    nft: str
    iptables: str


def render_load(rules: Interception, programs: Programs, *, ufw: bool) -> str:
    """Return the script that loads the intercept rules, which may be none; `ufw` tells whether ufw is enabled."""
    tproxy = {family: select_family(rules, family, TPROXY) for family in FAMILY}
    lines = [f"route {FAMILY[family].option}" for family in tproxy if tproxy[family]]
    lines += [f"{programs.nft} -f - <<'RULES'", render_interception(rules) + "RULES"]
    if programs.iptables:
        needed = ufw and any(rule.sources != () for rule in tproxy["ipv4"])
        lines.append(f"{'accept' if needed else 'no_accept'} {programs.iptables}")
    lines += [f"no_route {FAMILY[family].option}" for family in tproxy if not tproxy[family]]
    return _render_script(programs, lines)


def render_removal(programs: Programs) -> str:
    """Return the script that removes rules and routes from the kernel."""
    lines = [f"{programs.nft} delete table inet {TABLE} 2>/dev/null || true"]
    lines += [f"no_accept {programs.iptables}"] if programs.iptables else []
    return _render_script(programs, [*lines, *(f"no_route {family.option}" for family in FAMILY.values())])


def _render_script(programs: Programs, lines: list[str]) -> str:
    functions = _HEAD.format(ip=programs.ip) + (_ACCEPT if programs.iptables else "")
    return functions + "\n" + "".join(f"{line}\n" for line in lines)
