# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rules of our chain, as iptables-save writes them: made from a ruleset, and read back into one.

iptables and ip6tables, the nft and the legacy variant list these few shapes alike (1.8.9), so a chain is ours exactly
when its lines are those that its own meaning makes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.ipset import SetNames, set_name
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.names import MARK
from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.ruleset import (
    ANY,
    WILDCARDS,
    Allow,
    Ruleset,
    Service,
    entries_of,
)

TABLE = "mangle"
CHAIN = "GATEHOUSE-KONG"
JUMP = f"-A INPUT -j {CHAIN}"
# Its rule marks authorised packets. It is entered with -g, so they go on in INPUT behind the jump to CHAIN.
MARK_CHAIN = f"{CHAIN}-MARK"

_FIRST_RULES = (
    f'-A {CHAIN} -i lo -m comment --comment "the host reaches itself" -j RETURN',
    f'-A {CHAIN} -m comment --comment "only rules below set this bit" -j MARK --set-xmark 0x0/{MARK:#x}',
)
_MARK_RULE = f"-A {MARK_CHAIN} -j MARK --set-xmark {MARK:#x}/{MARK:#x}"
_LENGTH = {"ipv4": 32, "ipv6": 128}
# XT_MAX_COMMENT_LEN in linux/netfilter/xt_comment.h is 256, with the end.
_LONGEST_COMMENT = 255
_FOR, _AT = " for ", " at "
_RULE = re.compile(
    rf"-A {CHAIN} (?:-d \S+ )?-p (?P<protocol>tcp|udp) -m (?P=protocol) --dport (?P<port>\d+)"
    r"(?: -m set --match-set (?P<set>\S+) src)? -m comment --comment (?P<comment>.+)"
    rf" (?P<verdict>-g {MARK_CHAIN}|-j DROP)"
)


def make_rules(ruleset: Ruleset, family: str, names: SetNames | None = set_name) -> tuple[str, ...]:
    """The chain's lines for one family, in the order in which they must stand.

    Without `names` no line names a set, which is enough to have the lines checked.
    """
    rules = (line for entry in entries_of(ruleset, family) for line in _entry_rules(entry, family, names))
    return (*_FIRST_RULES, *rules, _MARK_RULE)


def read_rules(lines: Iterable[str]) -> tuple[list[Allow], dict[str, str]]:
    """The entries that lines of one family stand for, and the name in ipset of each set that they name.

    A line that make_rules never writes is passed over: whoever makes the rules of the result misses it there.
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
        # The rule without a set ends an entry: everyone else, or anyone at all.
        listener, _at, address = comment.partition(_AT)
        sources = ANY if match["verdict"] != "-j DROP" else tuple(sorted(names))
        entries.append(Allow(listener, Service(match["protocol"], int(match["port"]), address or None), sources))
        names = []
    return entries, sets


def same_rules(these: Iterable[str], those: Iterable[str]) -> bool:
    """Compare lines: iptables-save puts a comment into quotes only where it has to."""
    return [spelled(line) for line in these] == [spelled(line) for line in those]


def spelled(line: str) -> str:
    """A line without quotes; no comment of ours has any."""
    return line.replace('"', "")


def _entry_rules(entry: Allow, family: str, names: SetNames | None) -> list[str]:
    service = entry.service
    one_address = service.address and service.address not in WILDCARDS
    to = f"-d {service.address}/{_LENGTH[family]} " if one_address else ""
    match = f"-A {CHAIN} {to}-p {service.protocol} -m {service.protocol} --dport {service.port}"
    sources = [
        f"{match}{_set_match(name, family, names)} {_comment(name + _FOR + entry.listener)} -g {MARK_CHAIN}"
        for name in entry.set_names
    ]
    # The address tells 0.0.0.0 and :: from every address of both families, which no rule of one family can.
    last = _comment(entry.listener + (_AT + service.address if service.address else ""))
    return [*sources, f"{match} {last} {f'-g {MARK_CHAIN}' if entry.sources == ANY else '-j DROP'}"]


def _set_match(name: str, family: str, names: SetNames | None) -> str:
    return f" -m set --match-set {names(name, family)} src" if names else ""


def _comment(text: str) -> str:
    return f'-m comment --comment "{text[:_LONGEST_COMMENT]}"'
