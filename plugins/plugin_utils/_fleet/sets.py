# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sets: groups of sources as nodes see them. The name of a set does not change when its members do."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import count
from typing import Any, NamedTuple

from ansible_collections.gatehouse.kong.plugins.plugin_utils._address import find_family, sort_networks
from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.model import Listener
from ansible_collections.gatehouse.kong.plugins.plugin_utils._text import make_natural_key

# The longest name that every backend accepts, with room for a number.
_LONGEST_NAME = 190
# A set that more other sets include is written once. In smaller fleets every set has all its networks.
_FEW = 8


class Label(NamedTuple):
    """The name of a set, in two parts: its members, and the site that sees them."""

    members: str
    place: str


@dataclass(frozen=True, eq=False)
class Shared:
    """The sources of callers as nodes of all other sites see them: each network, and the number of hosts that have it."""

    counts: Mapping[str, int]


@dataclass(frozen=True)
class Content:
    """The networks of a set: its own, and those of a shared set, except some of them."""

    own: tuple[str, ...]
    shared: Shared | None = None
    without: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.own or self.shared)

    @cached_property
    def networks(self) -> tuple[str, ...]:
        """All networks of the set."""
        if self.shared is None:
            return self.own
        return sort_networks((*self.own, *(self.shared.counts.keys() - {*self.without})))


SetKey = tuple[Label, Content]


@dataclass
class Sets:
    """All distinct groups of sources in the plan. A group is named after its first user."""

    _users: dict[Label, dict[Content, tuple[str, ...]]] = field(default_factory=dict)

    def add(self, label: Label, content: Content, host: str, listener: Listener, protocol: str) -> SetKey:
        """Register content under a label and return its key."""
        user = (host, str(listener.port), protocol, listener.address)
        users = self._users.setdefault(label, {})
        if content not in users:
            content = next((known for known in users if known.networks == content.networks), content)
        users.setdefault(content, user)
        return label, content

    def list_names(self) -> dict[SetKey, str]:
        """Return the name of every set: its label, and its first user if nodes see different members.

        A name does not depend on the members, so a peer that is added or removed does not change it.
        """
        names: dict[SetKey, str] = {}
        taken: set[str] = set()
        for label, contents in self._users.items():
            for content, name in zip(
                contents, _make_distinct_names("-".join(label), list(contents.values())), strict=True
            ):
                names[label, content] = _find_free_name(name, taken)
        return names


def describe_sets(names: Mapping[SetKey, str]) -> dict[str, dict[str, Any]]:
    """Return all sets as plain data, by name. A shared set that many sets include has a name of its own."""
    uses = Counter(content.shared for _label, content in names if content.shared)
    taken = {*names.values()}
    shared_names: dict[Shared, str] = {}
    for label, content in names:
        if content.shared and uses[content.shared] > _FEW and content.shared not in shared_names:
            shared_names[content.shared] = _find_free_name(f"{label.members}-from-other-sites", taken)
    described = {name: _describe_set(content, shared_names) for (_label, content), name in names.items()}
    shared_sets = {name: _split_families(sort_networks(shared.counts)) for shared, name in shared_names.items()}
    found = described | shared_sets
    return {name: found[name] for name in sorted(found, key=make_natural_key)}


def _describe_set(content: Content, shared_names: Mapping[Shared, str]) -> dict[str, Any]:
    if content.shared is None or content.shared not in shared_names:
        return _split_families(content.networks)
    return {**_split_families(content.own), "includes": shared_names[content.shared], "except": list(content.without)}


def _split_families(networks: Iterable[str]) -> dict[str, Any]:
    families: dict[str, Any] = {"ipv4": [], "ipv6": []}
    for network in networks:
        families[f"ipv{find_family(network)}"].append(network)
    return families


def _make_distinct_names(label: str, users: Sequence[tuple[str, ...]]) -> list[str]:
    """Return distinct names for the users, as short as possible: label, label-host, label-host-port, …."""
    if len(users) == 1:
        return [label]
    most = len(users[0])
    depth = next((depth for depth in range(most) if len({user[:depth] for user in users}) == len(users)), most)
    return ["-".join((label, *user[:depth])) for user in users]


def _find_free_name(name: str, taken: set[str]) -> str:
    """Return the name in characters that every backend accepts, with a number if it is in use, and add it to ``taken``.

    Names of sites, clusters and hosts may contain any character, so two names may become equal.
    """
    plain = re.sub(r"[^A-Za-z0-9_.-]", "-", name)[:_LONGEST_NAME]
    candidates = (f"{plain}-{number}" if number > 1 else plain for number in count(1))
    free = next(candidate for candidate in candidates if candidate not in taken)
    taken.add(free)
    return free
