# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Our rules in ufw's words, made from a ruleset: one for each source of a port, and one that refuses all others."""

from __future__ import annotations

import typing as t
from collections.abc import Iterator

from ansible_collections.gatehouse.kong.plugins.module_utils._backends.ufw.session import OWNER
from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.ruleset import ANY, Allow, Ruleset, entries_of

EVERYWHERE = {"ipv4": "0.0.0.0/0", "ipv6": "::/0"}
_SINGLE = {"ipv4": "/32", "ipv6": "/128"}


class Rule(t.NamedTuple):
    """A rule as ufw keeps it: the tuple of its file (`action protocol port to any from in`), and what it shows."""

    tuple: str
    comment: str


def make_rules(ruleset: Ruleset, family: str) -> tuple[Rule, ...]:
    """The rules of one family, in the order in which they must stand: one address before all of them.

    A source that is in two sets of a port has one rule, as ufw keeps no rule twice.
    """
    sources = {one.name: [text.removesuffix(_SINGLE[family]) for text in one.of(family).outermost().texts()]
               for one in ruleset.sets}  # fmt: skip
    made: dict[str, Rule] = {}
    for entry in entries_of(ruleset, family):
        for rule in _entry_rules(entry, family, sources):
            made.setdefault(rule.tuple, rule)
    return tuple(made.values())


def _entry_rules(entry: Allow, family: str, sources: dict[str, list[str]]) -> Iterator[Rule]:
    for name in entry.set_names:
        for source in sources[name]:
            yield _rule("allow", entry, family, source, name)
    if entry.sources == ANY:
        yield _rule("allow", entry, family, EVERYWHERE[family], "anyone")
    else:
        yield _rule("deny", entry, family, EVERYWHERE[family], "all others")


def _rule(action: str, entry: Allow, family: str, source: str, who: str) -> Rule:
    service = entry.service
    to = EVERYWHERE[family] if service.breadth else service.address
    words = f"{action} {service.protocol} {service.port} {to} any {source} in"
    return Rule(words, f"{OWNER}{entry.listener}: {who}")
