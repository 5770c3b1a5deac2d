# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The sources that the rules of a plan allow, for many questions: each set of the plan is read once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any

from ansible_collections.gatehouse.kong.plugins.plugin_utils._address import (
    BITS,
    compute_bounds,
    find_family,
    get_prefix_length,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.members import FAMILIES


class Networks:
    """Networks (CIDR text) in which an address is found without a search through all of them."""

    def __init__(self, networks: Iterable[str]) -> None:
        """Keep the networks by family, length and bits of their prefix."""
        self._known = {_make_key(network): network for network in networks}
        self._lengths = {key[:2] for key in self._known}

    def list_containing(self, inner: str) -> Iterator[str]:
        """Yield the networks that contain a network."""
        family, length, bits = _make_key(inner)
        for other, shorter in self._lengths:
            if other == family and shorter <= length:
                key = family, shorter, bits >> (length - shorter)
                if key in self._known:
                    yield self._known[key]


@cache
def _make_key(network: str) -> tuple[int, int, int]:
    family, length = find_family(network), get_prefix_length(network)
    return family, length, compute_bounds(network)[0] >> (BITS[family] - length)


class Sets:
    """The sets of a plan."""

    def __init__(self, sets: Mapping[str, Any]) -> None:
        """Keep the sets. The networks of a set are read with the first question about it."""
        self._sets = sets
        self._read: dict[str, Networks] = {}

    def allow(self, names: Iterable[str], source: str) -> bool:
        """Tell whether a set of these names has a network that contains a source (CIDR text)."""
        return any(self._has(name, source) for name in names)

    def find_shared(self, name: str) -> str:
        """Return the name of the set that a set includes, or its own name."""
        return str(self._sets[name].get("includes", name))

    def list_own(self, name: str) -> list[str]:
        """Return the networks of a set without an included set."""
        return [network for family in FAMILIES for network in self._sets[name][family]]

    def list_excepted(self, name: str) -> list[str]:
        """Return the networks of the included set that a set leaves out."""
        return list(self._sets[name].get("except", ()))

    def _has(self, name: str, source: str) -> bool:
        shared = self.find_shared(name)
        own = any(True for _network in self._read_networks(name).list_containing(source))
        return own or (
            shared != name
            and any(
                network not in self._sets[name]["except"]
                for network in self._read_networks(shared).list_containing(source)
            )
        )

    def _read_networks(self, name: str) -> Networks:
        if name not in self._read:
            self._read[name] = Networks(self.list_own(name))
        return self._read[name]
