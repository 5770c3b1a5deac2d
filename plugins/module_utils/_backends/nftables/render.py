# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The text of our nftables table for a ruleset (nft(8))."""

from __future__ import annotations

import typing as t
from collections.abc import Mapping

from ansible_collections.gatehouse.kong.plugins.module_utils._backends.nftables.counts import (
    PUBLISHED_UNAUTHORISED,
    UNAUTHORISED,
    list_count_chains,
    render_count_chains,
    render_count_removal,
    render_counts,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._backends.nftables.rules import (
    Rule,
    compile_published,
    compile_rules,
    set_name,
    swap_name,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._host.family import FAMILIES, FAMILY
from ansible_collections.gatehouse.kong.plugins.module_utils._host.networks import Networks, from_members
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.names import (
    CHAIN,
    FORWARD,
    MARK,
    MARK_MASK,
    PRIORITY,
    PUBLISHED,
    TABLE,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.ruleset import Ruleset

_HEADER = f"""\
# Written by gatehouse.kong. The next run replaces manual changes.
# One transaction replaces the table. `add` makes `delete` succeed if there is no table yet (nft before 1.0.7 has no
# `destroy`).
add table inet {TABLE}
delete table inet {TABLE}
"""

_UNMARK = f'meta mark set meta mark & {MARK_MASK:#x} comment "only rules below set this bit"'
_ACCEPT = f"meta mark set meta mark | {MARK:#x} accept"


def render_table(ruleset: Ruleset | None) -> str:
    """Return the input for `nft -f` that replaces our table by the table for a ruleset, or removes it (None)."""
    if ruleset is None:
        return _HEADER
    sets = _list_networks(ruleset)
    rendered = _render_sets(sets, {name: name for name in sets})
    return _HEADER + _render_table(render_counts(ruleset, new=True) + rendered + _render_chains(ruleset, {}))


def render_change(have: Ruleset, names: Mapping[str, str], want: Ruleset) -> tuple[str, ...]:
    """Return the inputs for `nft -f`, in order, that change one ruleset to another without losing a packet.

    `have` is the loaded ruleset, and `names` has the names under which its sets are in use, by their first name. While a
    set is loaded, the kernel does not find all its elements (Linux 6.18 at 35,000 packets per second lost 0.2 to 0.8
    packets per change, but no packet in this way). Therefore a changed set is created under its other name before a rule
    uses it, and the old set is removed when no rule uses it any more. The input with the rules declares its sets again
    without elements, because nft 0.9.8 requires that. This does not change the sets. Counts stay, unless the number of
    days changes for which they are kept.
    """
    before, after = _list_networks(have), _list_networks(want)
    kept = {name: names[name] for name, networks in after.items() if before.get(name) == networks}
    fresh = {name: swap_name(names[name]) if name in names else name for name in after if name not in kept}
    unused = [names[name] for name in before if name not in kept]
    in_use = {**kept, **fresh}
    counts = render_counts(want, new=have.count_days != want.count_days)
    return (
        *([_render_table(_render_sets(after, fresh))] if fresh else []),
        _flush(have, want) + _render_table(counts + _declare_sets(after, in_use) + _render_chains(want, in_use)),
        *(["".join(f"delete set inet {TABLE} {name}\n" for name in unused)] if unused else []),
    )


def _flush(have: Ruleset, want: Ruleset) -> str:
    """Return the commands that flush our chains, and delete the chains and counts that are not needed any more."""
    old, new = _list_chain_names(have), _list_chain_names(want)
    commands = [f"flush chain inet {TABLE} {name}\n" for name in old]
    commands += [f"delete chain inet {TABLE} {name}\n" for name in old if name not in new]
    commands += [render_count_removal()] if have.count_days not in (0, want.count_days) else []
    return "".join(commands)


def _render_table(content: str) -> str:
    return f"table inet {TABLE} {{\n{content}}}\n"


def _list_networks(ruleset: Ruleset) -> dict[str, Networks]:
    """Return the networks of each set in nftables, by its first name."""
    return {
        set_name(source_set.name, family): source_set.select_family(family)
        for source_set in ruleset.sets
        for family in FAMILIES
    }


def _list_chain_names(ruleset: Ruleset) -> tuple[str, ...]:
    published = _has_published(ruleset)
    chains = (CHAIN, *((FORWARD, PUBLISHED) if published else ()))
    return (*chains, *list_count_chains(ruleset, published=published))


def _has_published(ruleset: Ruleset) -> bool:
    return any(entry.published for entry in ruleset.allow)


def _render_chains(ruleset: Ruleset, names: Mapping[str, str]) -> str:
    """Return the chains with their rules. A set has its name in `names`, or else its first name."""
    counting = render_count_chains(ruleset, published=_has_published(ruleset))
    return "\n".join([*counting, _render_input(ruleset, names), *_render_published(ruleset, names)])


def _render_input(ruleset: Ruleset, names: Mapping[str, str]) -> str:
    compiled = compile_rules(ruleset.allow, counts=bool(ruleset.count_days))
    rules = "".join(f"\t\t{_render_rule(rule, _match_destination, UNAUTHORISED, names)}\n" for rule in compiled)
    return (
        f"\tchain {CHAIN} {{\n"
        f"\t\ttype filter hook input priority filter - {-PRIORITY}; policy accept;\n"
        '\t\tiifname "lo" return comment "the host reaches itself"\n'
        f"\t\t{_UNMARK}\n"
        f"{rules}\t}}\n"
    )


def _render_published(ruleset: Ruleset, names: Mapping[str, str]) -> list[str]:
    """Return the chains for published ports. They match the destination of forwarded packets before its translation.

    Replies of the container have the same original destination, but `ct direction` excludes them.
    """
    compiled = compile_published(ruleset.allow, counts=bool(ruleset.count_days))
    rules = "".join(
        f"\t\t{_render_rule(rule, _match_original_destination, PUBLISHED_UNAUTHORISED, names)}\n" for rule in compiled
    )
    base = (
        f"\tchain {FORWARD} {{\n"
        f"\t\ttype filter hook forward priority filter - {-PRIORITY}; policy accept;\n"
        f"\t\tct direction original ct status dnat jump {PUBLISHED}\n\t}}\n"
    )
    return [base, f"\tchain {PUBLISHED} {{\n{rules}\t}}\n"] if rules else []


def _render_sets(networks: Mapping[str, Networks], names: Mapping[str, str]) -> str:
    """Return the sets in `names`, under the names there, with their elements."""
    return "".join(_set(name, networks[first]) for first, name in names.items())


def _declare_sets(networks: Mapping[str, Networks], names: Mapping[str, str]) -> str:
    """Return the sets in `names`, under the names there, without elements."""
    return _render_sets({name: from_members(members.family, ()) for name, members in networks.items()}, names)


def _set(name: str, networks: Networks) -> str:
    elements = ",\n\t\t\t".join(_render_element(text) for text in networks.minimise().format())
    return (
        f"\tset {name} {{\n"
        f"\t\ttype {networks.family}_addr\n\t\tflags interval\n\t\tauto-merge\n"
        + (f"\t\telements = {{\n\t\t\t{elements}\n\t\t}}\n" if elements else "")
        + "\t}\n\n"
    )


def _render_element(text: str) -> str:
    # A single address is written without its length, as nft lists it.
    address, _slash, length = text.partition("/")
    return address if length == ("128" if ":" in address else "32") else text


def _render_rule(rule: Rule, matches: t.Callable[[Rule], list[str]], count_chain: str, names: Mapping[str, str]) -> str:
    verdict = _ACCEPT if rule.accept else f"goto {count_chain}" if rule.counts else "drop"
    parts = [*matches(rule), _match_sources(rule, names), verdict]
    return " ".join(part for part in parts if part) + f' comment "{rule.listener}"'


def _match_destination(rule: Rule) -> list[str]:
    """Return the matches of the destination of packets to the host itself."""
    address = f"{FAMILY[t.cast('str', rule.family)].ip} daddr {rule.address}" if rule.address else _match_family(rule)
    return [address, _render_ports(rule.ports)]


def _match_original_destination(rule: Rule) -> list[str]:
    """Return the matches of the destination of packets to a container, before the host translated it."""
    ((protocol, port),) = rule.ports
    address = (
        f"ct original {FAMILY[t.cast('str', rule.family)].ip} daddr {rule.address}"
        if rule.address
        else _match_family(rule)
    )
    return [address, f"meta l4proto {protocol} ct original proto-dst {port}"]


def _match_family(rule: Rule) -> str:
    # `ip saddr` and `ip6 saddr` match the family already.
    return f"meta nfproto {rule.family}" if rule.family and not rule.source_set else ""


def _render_ports(ports: tuple[tuple[str, int], ...]) -> str:
    protocols = {protocol for protocol, _port in ports}
    if len(protocols) > 1:
        return "meta l4proto . th dport " + _render_values([f"{protocol} . {port}" for protocol, port in ports])
    return f"{protocols.pop()} dport " + _render_values([str(port) for _protocol, port in ports])


def _render_values(values: list[str]) -> str:
    return values[0] if len(values) == 1 else f"{{ {', '.join(values)} }}"


def _match_sources(rule: Rule, names: Mapping[str, str]) -> str:
    if rule.source_set is None:
        return ""
    family = t.cast("str", rule.family)
    name = set_name(rule.source_set, family)
    return f"{FAMILY[family].ip} saddr @{names.get(name, name)}"
