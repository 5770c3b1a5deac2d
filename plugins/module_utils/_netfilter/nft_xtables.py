# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lines of iptables-save, added to rules of iptables-nft in the output of `nft --json`.

`nft --json` names the extensions of such a rule ({"xt": {"type": "match", "name": "conntrack"}}) without their options.
`iptables-save` lists the options. Both programs list the rules of a chain in the same order.
"""

from __future__ import annotations

import typing as t
from collections import Counter
from collections.abc import Collection, Iterator

from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import Host
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.iptables_save import split_saved
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.nft_walk import LINE

Json = t.Any
Listing = t.List[t.Dict[str, Json]]
_Place = t.Tuple[str, str]  # table and chain
_SAVE = {"ip": "iptables-nft-save", "ip6": "ip6tables-nft-save"}


def read_saved(host: Host, objects: Listing) -> dict[str, str]:
    """Return the output of iptables-save by family (ip or ip6), if rules of the family have extensions. Raises HostError."""
    return {
        family: host.run(program)
        for family, program in _SAVE.items()
        if needs_options(objects, family) and host.which(program)
    }


def needs_options(objects: Listing, family: str) -> bool:
    """Tell whether a rule of a family (ip or ip6) has an extension of iptables."""
    return any(map(_has_extension, _list_rules(objects, family)))


def find_tables_of_iptables(objects: Listing, of_files: Collection[tuple[str, str]]) -> frozenset[tuple[str, str]]:
    """Return the family and the name of each table with an extension of iptables: iptables-nft manages these tables.

    Tables in the host's files for nft, `of_files`, are left out, because iptables may only have added rules to them.
    """
    rules = (item["rule"] for item in objects if "rule" in item)
    found = {(rule["family"], rule["table"]) for rule in rules if _has_extension(rule)}
    return frozenset(found - {*of_files})


def _has_extension(rule: dict[str, Json]) -> bool:
    # nft lists some statements as a string.
    return any("xt" in part for part in rule["expr"] if isinstance(part, dict))


def with_options(objects: Listing, family: str, saved: str) -> Listing:
    """Return the listing of `nft -j list ruleset` with the line of iptables-save added to each rule of a family.

    No lines are added in a chain for which the two programs list different numbers of rules.
    """
    lines = _parse_lines(saved)
    listed = Counter(_make_place(rule) for rule in _list_rules(objects, family))
    left = {place: iter(rules) for place, rules in lines.items() if len(rules) == listed[place]}
    return [_with_line(item, family, left) for item in objects]


def _list_rules(objects: Listing, family: str) -> Iterator[dict[str, Json]]:
    return (item["rule"] for item in objects if item.get("rule", {}).get("family") == family)


def _make_place(rule: dict[str, Json]) -> _Place:
    return rule["table"], rule["chain"]


def _with_line(item: dict[str, Json], family: str, left: dict[_Place, Iterator[str]]) -> dict[str, Json]:
    rule = item.get("rule", {})
    if rule.get("family") != family or _make_place(rule) not in left:
        return item
    return {"rule": {**rule, LINE: next(left[_make_place(rule)])}}


def _parse_lines(saved: str) -> dict[_Place, list[str]]:
    found: dict[_Place, list[str]] = {}
    table = ""
    for line in split_saved(saved):
        if line.startswith("*"):
            table = line[1:]
        elif line.startswith("-A "):
            found.setdefault((table, line.split(" ", 2)[1]), []).append(line)
    return found
