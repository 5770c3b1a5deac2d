# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sets: groups of sources as nodes see them. The name of a set does not change when its members do."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count

from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.model import Listener

# The longest name that every backend accepts, with room for a number.
_LONGEST_NAME = 190
Content = tuple[tuple[str, ...], tuple[str, ...]]  # IPv4 and IPv6 networks
SetKey = tuple[str, Content]


@dataclass
class Sets:
    """All distinct groups of sources in the plan. A group is named after its first user."""

    _users: dict[str, dict[Content, tuple[str, ...]]] = field(default_factory=dict)

    def add(self, label: str, content: Content, host: str, listener: Listener, protocol: str) -> SetKey:
        """Register content under a label and return its key."""
        user = (host, str(listener.port), protocol, listener.address)
        self._users.setdefault(label, {}).setdefault(content, user)
        return label, content

    def list_names(self) -> dict[SetKey, str]:
        """Return the name of every set: its label, and its first user if nodes see different members.

        A name does not depend on the members, so a peer that is added or removed does not change it.
        """
        names: dict[SetKey, str] = {}
        taken: set[str] = set()
        for label, contents in self._users.items():
            for content, name in zip(contents, _make_distinct_names(label, list(contents.values())), strict=True):
                names[label, content] = _find_free_name(name, taken)
        return names


def _make_distinct_names(label: str, users: Sequence[tuple[str, ...]]) -> list[str]:
    """Return distinct names for the users, as short as possible: label, label-host, label-host-port, …."""
    if len(users) == 1:
        return [label]
    depths = range(1, len(users[0]) + 1)
    depth = next((depth for depth in depths if len({user[:depth] for user in users}) == len(users)), len(users[0]))
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
