# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The script that adds the accept rule at its place, and the unit and hooks that run it.

The same script loads the rule in a run, at boot, and after another program has loaded the host's rules. It finds the
recorded anchor in the current rules. For each family, one transaction of iptables-restore removes the rule from all places
and adds it at the right place. The result does not depend on the previous state, and there is no intermediate state.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from ansible_collections.gatehouse.kong.plugins.module_utils._backends.iptables.late_place import Place
from ansible_collections.gatehouse.kong.plugins.module_utils._backends.iptables.late_saved import (
    list_restored_files,
    list_restoring_units,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._host.boot_scripts import IFUPDOWN
from ansible_collections.gatehouse.kong.plugins.module_utils._host.boot_unit import BootUnit
from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import Host
from ansible_collections.gatehouse.kong.plugins.module_utils._host.paths import IPTABLES_LATE as FILE
from ansible_collections.gatehouse.kong.plugins.module_utils._host.paths import SCRIPT_FILE
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.iptables_rule import LOGS
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.iptables_save import with_raw_bytes
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.names import LATE_RULE

UNIT = "gatehouse-kong-accept.service"
DIRECTORY = "/etc/gatehouse_kong_accept"

# netfilter-persistent(8) runs every plugin with run-parts, in the order of their names. Names with a dot are skipped.
PLUGIN_DIRECTORY = "/usr/share/netfilter-persistent/plugins.d"
PLUGIN = f"{PLUGIN_DIRECTORY}/90-gatehouse-kong"
SETS_PLUGIN = f"{PLUGIN_DIRECTORY}/05-gatehouse-kong"
_PLUGIN_TEXT = f"""\
#!/bin/sh
# Written by gatehouse.kong: adds its rules after netfilter-persistent has replaced or removed the rules of iptables.
case ${{1:-}} in
start | flush)
    [ ! -e {SCRIPT_FILE} ] || /bin/sh {SCRIPT_FILE}
    exec /bin/sh {FILE}
    ;;
esac
"""
_SETS_PLUGIN_TEXT = f"""\
#!/bin/sh
# Written by gatehouse.kong: creates the sets that saved rules can use, which `netfilter-persistent flush` destroys.
if [ "${{1:-}}" = start ] && [ -e {SCRIPT_FILE} ]; then
    exec /bin/sh {SCRIPT_FILE} sets
fi
"""

# ifup(8) runs these scripts after a script or a line `pre-up` or `up` that can have restored the host's saved rules. A
# failed script would keep the interface down.
_IFUP_SCRIPTS = tuple(f"/etc/network/if-{phase}.d/zz-gatehouse-kong" for phase in ("pre-up", "up"))
_IFUP_TEXT = f"""\
#!/bin/sh
# Written by gatehouse.kong: adds its rules after another script has restored the rules of iptables.
[ ! -e {SCRIPT_FILE} ] || /bin/sh {SCRIPT_FILE} || true
/bin/sh {FILE} || true
"""
PLUGINS = (PLUGIN, SETS_PLUGIN, *_IFUP_SCRIPTS)

# RHEL's iptables.service has no plugins. The ExecReload= of a drop-in runs after that of the unit.
_DROP_IN = f"""\
# Written by gatehouse.kong: adds its accept rule after this unit has replaced the rules of iptables.
[Service]
ExecStartPost=-/bin/sh {FILE}
ExecReload=-/bin/sh {FILE}
"""
_DROP_INS = (("iptables.service", _DROP_IN), ("ip6tables.service", _DROP_IN))

# The unit with all drop-ins that can be on a host.
UNIT_PARTS = BootUnit(
    UNIT,
    description="accept the packets that its other rules have authorised",
    target="multi-user.target",
    after="gatehouse-kong-rollback.service netfilter-persistent.service iptables.service ip6tables.service"
    " networking.service",
    command=f"/bin/sh {FILE}",
    directory=DIRECTORY,
    file=FILE,
    drop_ins=_DROP_INS,
)


def make_unit(host: Host) -> BootUnit:
    """Return the unit with the drop-ins that the host needs. It runs after the host's own units that load saved rules.

    With netfilter-persistent, both units of the drop-ins are aliases of netfilter-persistent.service, which has a plugin.
    Without nft, saved rules can have replaced the early part, so the unit loads it again.
    """
    return replace(
        UNIT_PARTS,
        after=" ".join((UNIT_PARTS.after, *list_restoring_units(host))),
        drop_ins=() if has_plugins(host) else _DROP_INS,
        then="" if host.which("nft") else f"/bin/sh {SCRIPT_FILE}",
    )


def has_plugins(host: Host) -> bool:
    """Tell whether netfilter-persistent is installed."""
    return host.locate(PLUGIN_DIRECTORY).is_dir()


def make_plugins(host: Host) -> dict[str, str | None]:
    """Return the texts of our plugins for netfilter-persistent and ifup; None for a plugin that the host does not need.

    Only a host without nft has our ipsets.
    """
    used = has_plugins(host)
    with_sets = used and host.which("nft") is None
    restores = bool(list_restored_files(host, IFUPDOWN))
    return {
        PLUGIN: _PLUGIN_TEXT if used else None,
        SETS_PLUGIN: _SETS_PLUGIN_TEXT if with_sets else None,
        **dict.fromkeys(_IFUP_SCRIPTS, _IFUP_TEXT if restores else None),
    }


_SCRIPT = """\
#!/bin/sh
# Written by gatehouse.kong. The next run replaces manual changes.
# usage: accept.sh [--test]
set -eu
# Comments can contain bytes that are not UTF-8.
export LC_ALL=C

# The rules before which the accept rule is inserted, or the chains to which it is appended.
places_ipv4() {{
    cat <<'IPV4'
{ipv4}
IPV4
}}

places_ipv6() {{
    cat <<'IPV6'
{ipv6}
IPV6
}}

# Reads the places, a line "*saved" and the output of iptables-save. Writes the input of iptables-restore.
change() {{
    awk -v rule='{rule}' '
    function bare(text) {{ gsub(/"/, "", text); return text }}
    function without_comment(text) {{
        gsub(/"([^"\\\\]|\\\\.)*"/, "TEXT", text)
        gsub(/ -m comment| --comment [^ ]+/, "", text)
        return text
    }}

    # The number of the rule before which the accept rule is inserted: the anchor, or the first log rule directly before it.
    function before_logs(chain, number) {{
        while (number > 1 && plain[chain, number - 1] ~ / -j ({logs})( |$)/) number--
        return number
    }}
    function find(chain, anchor,    number) {{
        for (number = 1; number <= count[chain]; number++)
            if (rules[chain, number] == anchor) return before_logs(chain, number)
        return 0
    }}
    function find_default(    number) {{
        for (number = 1; number <= count["INPUT"]; number++)
            if (plain["INPUT", number] ~ /^-A INPUT( ! -i lo| -p (tcp|udp)| -m (tcp|udp|state|conntrack)| --(ct)?state NEW)* -j (DROP|REJECT)( |$)/)
                return before_logs("INPUT", number)
        return find_end("INPUT")
    }}
    function find_end(chain) {{
        return policy == "ACCEPT" ? count[chain] + 1 : before_logs(chain, count[chain] + 1)
    }}
    function insert(chain, number) {{
        if (!(chain in added)) added[chain] = (number > count[chain] ? "-A " chain : "-I " chain " " number) " " rule
    }}

    !saved && $0 == "*saved" {{ saved = 1; next }}
    !saved && NF {{ places[++wanted] = bare($0) }}
    saved && /^:/ {{ known[substr($1, 2)] = 1; if ($1 == ":INPUT") policy = $2 }}
    saved && /^-A / {{
        if (bare($0) == "-A " $2 " " rule) removed = removed "-D" substr($0, 3) "\\n"
        else {{
            rules[$2, ++count[$2]] = bare($0)
            plain[$2, count[$2]] = without_comment($0)
        }}
    }}
    END {{
        for (at = 1; at <= wanted; at++) {{
            split(places[at], words, " ")
            chain = words[2]
            if (!(chain in known) && chain != "INPUT") number = 0
            else if (places[at] == "-A " chain) number = find_end(chain)
            else number = find(chain, places[at])
            if (number) insert(chain, number)
            else lost = 1
        }}
        if (lost) insert("INPUT", find_default())
        printf "*filter\\n%s", removed
        for (chain in added) print added[chain]
        print "COMMIT"
    }}'
}}

load() {{
    saved=$("$1-save" -t filter)
    text=$({{ "$2"; echo '*saved'; printf '%s\\n' "$saved"; }} | change)
    printf '%s\\n' "$text" | "$1-restore" --wait 10 --noflush ${{3:+"$3"}}
}}

load {iptables} places_ipv4 "${{1:-}}"
[ ! -e /proc/net/if_inet6 ] || load {ip6tables} places_ipv6 "${{1:-}}"
"""


def render_script(places: Mapping[str, Iterable[Place]], programs: Mapping[str, str]) -> str:
    """Return the script that adds the accept rule at these places, by family; without places, it removes the rule.

    `programs` has the paths of iptables and ip6tables by family. If an anchor is missing when the script runs, the rule is
    added before the first rule of INPUT that drops all packets, or at the end of INPUT.
    """
    texts = {family: "\n".join(_record(place) for place in places.get(family, ())) for family in programs}
    return _SCRIPT.format(
        ipv4=texts["ipv4"],
        ipv6=texts["ipv6"],
        rule=LATE_RULE,
        logs="|".join(LOGS),
        iptables=programs["ipv4"],
        ip6tables=programs["ipv6"],
    )


def _record(place: Place) -> str:
    # A line of the script cannot contain a comment with a line break. The script then uses the end of the chain.
    return with_raw_bytes(place.anchor) if place.anchor and "\n" not in place.anchor else f"-A {place.chain}"
