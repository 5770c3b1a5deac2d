# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Selected callers of a target, as classes. They are counted and named, but not listed for each target.

The time for lists of all targets would grow with the square of the number of hosts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, islice
from typing import TypeVar

from ansible_collections.gatehouse.kong.plugins.plugin_utils._fleet.callers import make_kind_for_changes, merge_classes
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.model import Host
from ansible_collections.gatehouse.kong.plugins.plugin_utils._text import make_natural_key

# The number of hosts that a message names.
SHOWN_HOSTS = 3
_Value = TypeVar("_Value", bound=Hashable)


class Callers:
    """The hosts of one class, for every target that they may call.

    A target has no callers with its own value of ``get_own``, which returns the site of a host, or its name.
    """

    def __init__(self, hosts: Sequence[Host], get_own: Callable[[Host], str]) -> None:
        """Take the hosts in natural order."""
        self._hosts, self._get_own = hosts, get_own
        self._counts = Counter(map(get_own, hosts))
        self._first: dict[str, list[Host]] = {}

    def count(self, target: Host) -> int:
        """Return the number of callers."""
        return len(self._hosts) - self._counts[self._get_own(target)]

    def list_first(self, target: Host) -> list[Host]:
        """Return the first callers."""
        own = self._get_own(target)
        if own not in self._first:
            others = (host for host in self._hosts if self._get_own(host) != own)
            self._first[own] = [*islice(others, SHOWN_HOSTS)]
        return self._first[own]

    @cached_property
    def sites(self) -> frozenset[str]:
        """The sites of the hosts."""
        return frozenset(host.site for host in self._hosts)

    @cached_property
    def leavers(self) -> dict[str, list[Host]]:
        """The hosts with kong_flat_network: false, by address."""
        found: dict[str, list[Host]] = {}
        for host in self._hosts:
            for address in host.address.list_all() if host.flat is False else ():
                found.setdefault(address, []).append(host)
        return found

    @cached_property
    def for_changes(self) -> list[Callers]:
        """The hosts in classes for changes of the inventory, see remedies.py."""
        classes: dict[Hashable, list[Host]] = {}
        for host in self._hosts:
            classes.setdefault(make_kind_for_changes(host), []).append(host)
        return [Callers(hosts, self._get_own) for hosts in classes.values()]


@dataclass(frozen=True)
class Selection:
    """Callers of a target, in classes that each have a caller."""

    target: Host
    classes: tuple[Callers, ...]

    def __len__(self) -> int:
        """Return the number of callers."""
        return sum(callers.count(self.target) for callers in self.classes)

    @cached_property
    def first(self) -> list[Host]:
        """The first callers in natural order."""
        found = (host for callers in self.classes for host in callers.list_first(self.target))
        return sorted(found, key=lambda host: make_natural_key(host.name))[:SHOWN_HOSTS]

    @property
    def is_at_one_site(self) -> bool:
        """Whether all callers are at one site."""
        sites = {callers.list_first(self.target)[0].site for callers in self.classes}
        known = {*sites, self.target.site}
        return len(sites) == 1 and all(callers.sites <= known for callers in self.classes)

    @cached_property
    def examples(self) -> list[tuple[Host, int]]:
        """A caller of each class for changes of the inventory, with the number of callers of this class."""
        found = [smaller for callers in self.classes for smaller in callers.for_changes if smaller.count(self.target)]
        hosts = [smaller.list_first(self.target)[0] for smaller in found]
        numbers = {host.name: smaller.count(self.target) for host, smaller in zip(hosts, found, strict=True)}
        merged = merge_classes(hosts, self.target, make_kind_for_changes).values()
        return [(same[0], sum(numbers[host.name] for host in same)) for same in merged]

    @property
    def has_leavers(self) -> bool:
        """Whether a caller of another site has kong_flat_network: false, and an address of the target."""
        found = (
            callers.leavers.get(address, ()) for callers in self.classes for address in self.target.address.list_all()
        )
        return any(host.site != self.target.site for host in chain.from_iterable(found))

    def group(self, get_value: Callable[[Host], _Value]) -> dict[_Value, Selection]:
        """Return the callers by a value that all callers of a class have in common."""
        found: dict[_Value, list[Callers]] = {}
        for callers in self.classes:
            found.setdefault(get_value(callers.list_first(self.target)[0]), []).append(callers)
        return {value: Selection(self.target, tuple(classes)) for value, classes in found.items()}
