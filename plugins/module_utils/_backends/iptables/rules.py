# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rules of our chain, in the format of iptables-save: created from a ruleset, and parsed into a ruleset.

iptables and ip6tables list these rules in the same form, in the nft and the legacy variant (1.8.9). A chain is unchanged
exactly if its lines equal the lines that are created from the ruleset it represents.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from ansible_collections.gatehouse.kong.plugins.module_utils._host.family import FAMILY
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.ipset import SetNames, set_name
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.names import MARK
from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.ruleset import (
    ANY,
    WILDCARDS,
    Allow,
    Ruleset,
    Service,
    select_entries,
)

TABLE = "mangle"
CHAIN = "GATEHOUSE-KONG"
JUMP = f"-A INPUT -j {CHAIN}"
# Its rule marks authorised packets. Rules lead to it with -g, so packets then continue in INPUT after the jump to CHAIN.
MARK_CHAIN = f"{CHAIN}-MARK"

_FIRST_RULES = (
    f'-A {CHAIN} -i lo -m comment --comment "the host reaches itself" -j RETURN',
    f'-A {CHAIN} -m comment --comment "only rules below set this bit" -j MARK --set-xmark 0x0/{MARK:#x}',
)
_MARK_RULE = f"-A {MARK_CHAIN} -j MARK --set-xmark {MARK:#x}/{MARK:#x}"
# XT_MAX_COMMENT_LEN in linux/netfilter/xt_comment.h is 256, with the terminating 0.
_LONGEST_COMMENT = 255
_FOR, _AT = " for ", " at "
_RULE = re.compile(
    rf"-A {CHAIN} (?:-d \S+ )?-p (?P<protocol>tcp|udp) -m (?P=protocol) --dport (?P<port>\d+)"
    r"(?: -m set --match-set (?P<set>\S+) src)? -m comment --comment (?P<comment>.+)"
    rf" (?P<verdict>-g {MARK_CHAIN}|-j DROP)"
)


def make_rules(ruleset: Ruleset, family: str, names: SetNames | None = set_name) -> tuple[str, ...]:
    """Return the lines of the chain for one family, in the required order.

    Without `names`, the lines contain no sets. This is sufficient to check the lines.
    """
    rules = (line for entry in select_entries(ruleset, family) for line in _render_entry(entry, family, names))
    return (*_FIRST_RULES, *rules, _MARK_RULE)


def read_rules(lines: Iterable[str]) -> tuple[list[Allow], dict[str, str]]:
    """Return the entries that the lines of one family represent, and the name in ipset of each set that they use.

    Lines that make_rules cannot return are ignored. The rules of the result then differ from the lines.
    """
    entries: list[Allow] = []
    sets: dict[str, str] = {}
    names: list[str] = []
    for match in filter(None, map(_RULE.fullmatch, lines)):
        comment = match["comment"].strip('"')
        if match["set"]:
            # The comment has the whole name, which may be too long for ipset.
            names.append(comment.partition(_FOR)[0])
            sets[names[-1]] = match["set"]
            continue
        # A rule without a set ends an entry: it accepts or drops all remaining sources.
        listener, _at, address = comment.partition(_AT)
        sources = ANY if match["verdict"] != "-j DROP" else tuple(sorted(names))
        entries.append(Allow(listener, Service(match["protocol"], int(match["port"]), address or None), sources))
        names = []
    return entries, sets


def are_same_rules(found: Iterable[str], expected: Iterable[str]) -> bool:
    """Compare lines without quotes, because iptables-save quotes a comment only if necessary."""
    return [without_quotes(line) for line in found] == [without_quotes(line) for line in expected]


def without_quotes(line: str) -> str:
    """Return a line without quotes. Our comments do not contain quotes."""
    return line.replace('"', "")


def _render_entry(entry: Allow, family: str, names: SetNames | None) -> list[str]:
    service = entry.service
    one_address = service.address and service.address not in WILDCARDS
    to = f"-d {service.address}/{FAMILY[family].bits} " if one_address else ""
    match = f"-A {CHAIN} {to}-p {service.protocol} -m {service.protocol} --dport {service.port}"
    sources = [
        f"{match}{_set_match(name, family, names)} {_render_comment(name + _FOR + entry.listener)} -g {MARK_CHAIN}"
        for name in entry.set_names
    ]
    # The comment has the address, because the rules for 0.0.0.0 or :: and for every address of both families are equal.
    last = _render_comment(entry.listener + (_AT + service.address if service.address else ""))
    return [*sources, f"{match} {last} {f'-g {MARK_CHAIN}' if entry.sources == ANY else '-j DROP'}"]


def _set_match(name: str, family: str, names: SetNames | None) -> str:
    return f" -m set --match-set {names(name, family)} src" if names else ""


def _render_comment(text: str) -> str:
    return f'-m comment --comment "{text[:_LONGEST_COMMENT]}"'
