# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The script that loads our sets and iptables rules at boot, and the unit that runs it.

Both families and the sets are in one file, so that a crash leaves the complete old or the complete new state.
"""

from __future__ import annotations

import shlex
import typing as t
from collections.abc import Iterable

from ansible_collections.gatehouse.kong.plugins.module_utils._backends.iptables.rules import (
    CHAIN,
    MARK_CHAIN,
    TABLE,
    make_rules,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._host.boot_unit import EARLY, BootUnit
from ansible_collections.gatehouse.kong.plugins.module_utils._host.family import FAMILIES
from ansible_collections.gatehouse.kong.plugins.module_utils._host.paths import IPTABLES, SCRIPT_FILE, SET_PREFIX
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.ipset import (
    MAXELEM,
    OTHER,
    fill,
    list_wanted_sets,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.ruleset import Ruleset

UNIT = "gatehouse-kong-iptables.service"

# Files that netfilter-persistent, and iptables.service and ip6tables.service of Red Hat, load at boot.
SAVED_FILES = (
    "/etc/iptables/rules.v4",
    "/etc/iptables/rules.v6",
    "/etc/sysconfig/iptables",
    "/etc/sysconfig/ip6tables",
)
_LOADERS = ("netfilter-persistent.service", "iptables.service", "ip6tables.service")

# The script does not use the mark of a run (~), because the sets of an interrupted run can still be in use.
_MARK = "+"

_FUNCTIONS = """\
#!/bin/sh
# Written by gatehouse.kong. The next run replaces manual changes.
# usage: load.sh [sets]
set -eu

OUR_SETS='{names}'

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

# One transaction for each family: it replaces the rules of the chain, and makes the jump to it the first rule of INPUT.
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

# iptables-nft releases the sets of replaced rules a moment later. A set that a third-party rule uses is kept.
destroy() {{
    {ipset} destroy "$1" 2>/dev/null || {{ sleep 1 && {ipset} destroy "$1" 2>/dev/null; }} || true
}}

remove_other_sets() {{
    {ipset} list -n | sed -n '/^{prefix}/p' | while read -r name; do
        case " $OUR_SETS " in *" $name "*) ;; *) destroy "$name" ;; esac
    done
}}
"""

_LOAD = """
# Rules that other programs saved can use our sets that were removed, or that had their other name. If a set is
# missing, all these rules are rejected. Therefore the sets are created before other programs load their rules: known sets
# with their elements, unknown sets empty. All have our options: `ipset -exist restore` fails if a set has other options.
make_missing_sets() {{
    for file in "$@"; do
        [ ! -e "$file" ] || sed -n 's/.* --match-set \\({prefix}[^ ]*\\) .*/\\1/p' "$file"
    done | sort -u | while read -r name; do
        ! {ipset} list -n "$name" >/dev/null 2>&1 || continue
        case $name in {ipv6}*) family=inet6 ;; *) family=inet ;; esac
        first=${{name%'{other}'}}
        case " $OUR_SETS " in
        *" $first "*) sets | sed -n "s/^\\([a-z]*\\) $first\\( .*\\)*$/\\1 $name\\2/p" ;;
        *) echo "create $name hash:net family $family maxelem {maxelem}" ;;
        esac
    done | {ipset} -exist restore
}}

swap_sets() {{
    {{
        sets | sed -n '/^create /p'
        for name in $OUR_SETS; do
            printf 'swap %s{mark} %s\\ndestroy %s{mark}\\n' "$name" "$name" "$name"
        done
    }} | {ipset} -exist restore
}}

fill_sets waiting
if [ "${{1:-}}" = sets ]; then
    swap_sets
    make_missing_sets {saved}
    exit
fi
# Sets and rules change together when the rules for the waiting sets are loaded. After that, no rule uses the sets with the
# final names, so they can be filled.
load_rules waiting '-I INPUT 1 -j {chain}'
fill_sets cat
load_rules cat '-I INPUT 1 -j {chain}'
remove_other_sets
# Scripts of the host restore these files later, for example when an interface is brought up.
make_missing_sets{restored}
"""

_REMOVE = """
load_rules cat '-X {chain}
-X {mark_chain}'
remove_other_sets
"""

# Other programs replace whole tables with saved rules, which can use our sets.
_DROP_IN = f"""\
# Written by gatehouse.kong: creates the sets that saved rules can use, and loads its own rules afterwards.
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
    """Absolute paths of programs; iptables and ip6tables without -save or -restore at the end."""

    ipset: str
    iptables: str
    ip6tables: str


def render_script(ruleset: Ruleset, programs: Programs, restored: Iterable[str] = ()) -> str:
    """Return the shell script that loads a ruleset. It can run at any time: the result does not depend on the state.

    `restored` are the saved files that scripts of the host restore after the boot unit.
    """
    lines: list[str] = []
    for name, networks in list_wanted_sets(ruleset).items():
        create, *adds = fill(name, networks)
        # An interrupted run can have left the set with elements.
        lines += [create, f"flush {name}", *adds]
    rules = (make_rules(ruleset, family) for family in FAMILIES)
    names = " ".join(list_wanted_sets(ruleset))
    return _fill_template(_FUNCTIONS + _LOAD, programs, names, lines, *rules, restored=restored)


def render_removal(programs: Programs) -> str:
    """Return the shell script that removes all our chains, rules and sets from the kernel."""
    return _fill_template(_FUNCTIONS + _REMOVE, programs, "", (), (), ())


def parse_script(text: str, family: str) -> tuple[str, ...]:
    """Return the rules of a family in such a script; no rules for any other text."""
    word = family.upper()
    return tuple(text.partition(f"<<'{word}'\n")[2].partition(f"\n{word}\n")[0].splitlines())


def _fill_template(
    template: str, programs: Programs, names: str, *blocks: Iterable[str], restored: Iterable[str] = ()
) -> str:
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
        restored="".join(f" {shlex.quote(file)}" for file in restored),
        chain=CHAIN,
        mark_chain=MARK_CHAIN,
        table=TABLE,
    )
