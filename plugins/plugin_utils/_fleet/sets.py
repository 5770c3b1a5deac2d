# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sets: groups of sources as nodes see them, each under a name that stays while its members come and go."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count

from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.model import Listener

# The longest name that every backend takes, with room for a number.
_LONGEST_NAME = 190
Content = tuple[tuple[str, ...], tuple[str, ...]]  # IPv4 and IPv6 networks
SetKey = tuple[str, Content]


@dataclass
class Sets:
    """Every distinct group of sources in the plan, and who uses it, which is what it is named after."""

    _users: dict[str, dict[Content, tuple[str, ...]]] = field(default_factory=dict)

    def add(self, label: str, content: Content, host: str, listener: Listener, protocol: str) -> SetKey:
        """Register content under a label and return its key."""
        user = (host, str(listener.port), protocol, listener.address)
        self._users.setdefault(label, {}).setdefault(content, user)
        return label, content

    def names(self) -> dict[SetKey, str]:
        """Return the name of every set: its label, and where nodes see different things their first user as well.

        A name does not depend on the content, so a peer that comes or goes leaves it as it is.
        """
        names: dict[SetKey, str] = {}
        taken: set[str] = set()
        for label, contents in self._users.items():
            for content, name in zip(contents, _distinct_names(label, list(contents.values())), strict=True):
                names[label, content] = _free_name(name, taken)
        return names


def _distinct_names(label: str, users: Sequence[tuple[str, ...]]) -> list[str]:
    """Return one name for each user, as short as tells them apart: label, label-host, label-host-port, …."""
    if len(users) == 1:
        return [label]
    depths = range(1, len(users[0]) + 1)
    depth = next((depth for depth in depths if len({user[:depth] for user in users}) == len(users)), len(users[0]))
    return ["-".join((label, *user[:depth])) for user in users]


def _free_name(name: str, taken: set[str]) -> str:
    """Return the name in characters that every backend takes, with a number where it is taken, and take it.

    Sites, clusters and hosts may be called anything, so two names can come out alike.
    """
    plain = re.sub(r"[^A-Za-z0-9_.-]", "-", name)[:_LONGEST_NAME]
    numbered = (f"{plain}-{number}" if number > 1 else plain for number in count(1))
    free = next(one for one in numbered if one not in taken)
    taken.add(free)
    return free
