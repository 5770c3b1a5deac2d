# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What brings sets and rules of iptables back at boot: a script of ours and the unit that runs it.

One file for both families and the sets, so that a crash leaves the old one or the new one, and not a part of each.
"""

from __future__ import annotations

import typing as t
from collections.abc import Iterable

from ansible_collections.gatehouse.kong.plugins.module_utils._backends.iptables.rules import (
    CHAIN,
    MARK_CHAIN,
    TABLE,
    make_rules,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._host.boot_unit import EARLY, BootUnit
from ansible_collections.gatehouse.kong.plugins.module_utils._host.paths import IPTABLES, SCRIPT_FILE, SET_PREFIX
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.ipset import (
    MAXELEM,
    OTHER,
    fill,
    wanted_sets,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.ruleset import FAMILIES, Ruleset

UNIT = "gatehouse-kong-iptables.service"

# Files that netfilter-persistent, and iptables.service and ip6tables.service of Red Hat, load at boot.
SAVED_FILES = (
    "/etc/iptables/rules.v4",
    "/etc/iptables/rules.v6",
    "/etc/sysconfig/iptables",
    "/etc/sysconfig/ip6tables",
)
_LOADERS = ("netfilter-persistent.service", "iptables.service", "ip6tables.service")

# Another mark than that of a run, which may have been interrupted: what it left stays in use until its rules go.
_MARK = "+"

_FUNCTIONS = """\
#!/bin/sh
# Written by gatehouse.kong. The next run replaces what is changed here.
# usage: load.sh [sets]
set -eu

OURS='{names}'

sets() {{
    cat <<'SETS'
{sets}
SETS
}}

rules_ipv4() {{
    cat <<'IPV4'
{rules4}
IPV4
}}

rules_ipv6() {{
    cat <<'IPV6'
{rules6}
IPV6
}}

# The same sets or rules, but with the temporary names of the sets.
waiting() {{
    sed 's/ \\({prefix}[^ ]*\\)/ \\1{mark}/'
}}

fill_sets() {{
    sets | "$1" | {ipset} -exist restore
}}

# One step for each family: the chain has other rules, and the jump to it comes first, wherever it was.
load() {{
    {{
        printf '%s\\n' '*{table}' ':{chain} - [0:0]' ':{mark_chain} - [0:0]'
        "$1-save" -t {table} | sed -n 's/^-A \\(.* -[jg] {chain}\\)$/-D \\1/p'
        printf '%s\\n' "$2"
        cat
        echo COMMIT
    }} | "$1-restore" --wait 10 --noflush
}}

load_rules() {{
    rules_ipv4 | "$1" | load {iptables} "$2"
    [ ! -e /proc/net/if_inet6 ] || rules_ipv6 | "$1" | load {ip6tables} "$2"
}}

# iptables-nft lets go of the sets of replaced rules a moment later. A set that somebody else's rule names stays.
destroy() {{
    {ipset} destroy "$1" 2>/dev/null || {{ sleep 1 && {ipset} destroy "$1" 2>/dev/null; }} || true
}}

remove_other_sets() {{
    {ipset} list -n | sed -n '/^{prefix}/p' | while read -r name; do
        case " $OURS " in *" $name "*) ;; *) destroy "$name" ;; esac
    done
}}
"""

_LOAD = """
# Rules that others saved may name sets of ours that are no more, or that had the other of their two names then; where one
# is missing, such rules are refused, all of them. So before others load theirs, the sets are made, and empty ones for
# names that are not known: with our own options, as `ipset -exist restore` refuses a set that has others.
make_missing_sets() {{
    for file in {saved}; do
        [ ! -e "$file" ] || sed -n 's/.* --match-set \\({prefix}[^ ]*\\) .*/\\1/p' "$file"
    done | sort -u | while read -r name; do
        ! {ipset} list -n "$name" >/dev/null 2>&1 || continue
        case $name in {ipv6}*) family=inet6 ;; *) family=inet ;; esac
        first=${{name%'{other}'}}
        case " $OURS " in
        *" $first "*) sets | sed -n "s/^\\([a-z]*\\) $first\\( .*\\)*$/\\1 $name\\2/p" ;;
        *) echo "create $name hash:net family $family maxelem {maxelem}" ;;
        esac
    done | {ipset} -exist restore
}}

swap_sets() {{
    {{
        sets | sed -n '/^create /p'
        for name in $OURS; do
            printf 'swap %s{mark} %s\\ndestroy %s{mark}\\n' "$name" "$name" "$name"
        done
    }} | {ipset} -exist restore
}}

fill_sets waiting
if [ "${{1:-}}" = sets ]; then
    swap_sets
    make_missing_sets
    exit
fi
# Whatever there was, everything changes at the moment at which the rules for the waiting sets come. After that nobody
# looks at the sets of the real names.
load_rules waiting '-I INPUT 1 -j {chain}'
fill_sets cat
load_rules cat '-I INPUT 1 -j {chain}'
remove_other_sets
"""

_REMOVE = """
load_rules cat '-X {chain}
-X {mark_chain}'
remove_other_sets
"""

# A loader replaces whole tables by what was saved, which may name our sets.
_DROP_IN = f"""\
# Written by gatehouse.kong: makes the sets that saved rules may name, and puts its own rules in place afterwards.
[Service]
ExecStartPre=-/bin/sh {SCRIPT_FILE} sets
ExecStartPost=-/bin/sh {SCRIPT_FILE}
ExecReload=-/bin/sh {SCRIPT_FILE}
"""

UNIT_PARTS = BootUnit(
    UNIT,
    description="which sources may reach Kong's ports, for iptables",
    target=EARLY,
    after=f"local-fs.target systemd-modules-load.service gatehouse-kong-rollback.service {' '.join(_LOADERS)}",
    command=f"/bin/sh {SCRIPT_FILE}",
    directory=IPTABLES,
    file=SCRIPT_FILE,
    drop_ins=tuple((loader, _DROP_IN) for loader in _LOADERS),
)


class Programs(t.NamedTuple):
    """Absolute paths; those of iptables and ip6tables without the -save and -restore at their ends."""

    ipset: str
    iptables: str
    ip6tables: str


def render_script(ruleset: Ruleset, programs: Programs) -> str:
    """What makes the ruleset, for /bin/sh. It may run at any time: it makes the same of every state."""
    lines: list[str] = []
    for name, networks in wanted_sets(ruleset).items():
        create, *adds = fill(name, networks)
        # It may be a left-over with members.
        lines += [create, f"flush {name}", *adds]
    rules = (make_rules(ruleset, family) for family in FAMILIES)
    return _script(_FUNCTIONS + _LOAD, programs, " ".join(wanted_sets(ruleset)), lines, *rules)


def render_removal(programs: Programs) -> str:
    """What leaves no trace of ours in the kernel, for /bin/sh."""
    return _script(_FUNCTIONS + _REMOVE, programs, "", (), (), ())


def rules_in_script(text: str, family: str) -> tuple[str, ...]:
    """The lines of a family's rules in such a script; none in any other text."""
    word = family.upper()
    return tuple(text.partition(f"<<'{word}'\n")[2].partition(f"\n{word}\n")[0].splitlines())


def _script(template: str, programs: Programs, names: str, *blocks: Iterable[str]) -> str:
    sets, rules4, rules6 = ("\n".join(block) for block in blocks)
    return template.format(
        **programs._asdict(),
        names=names,
        sets=sets,
        rules4=rules4,
        rules6=rules6,
        prefix=SET_PREFIX["ipv4"].replace("4", "[46]"),
        ipv6=SET_PREFIX["ipv6"],
        mark=_MARK,
        other=OTHER,
        maxelem=MAXELEM,
        saved=" ".join(SAVED_FILES),
        chain=CHAIN,
        mark_chain=MARK_CHAIN,
        table=TABLE,
    )
