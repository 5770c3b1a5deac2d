# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Equivalent callers: hosts of one class have the same routes to any target, so one of them represents all."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterable, Iterator
from functools import cached_property
from itertools import islice

from ansible_collections.gatehouse.kong.plugins.plugin_utils._address import FAMILIES, find_family, is_private
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.model import Host

CallerClass = Hashable
Classes = dict[CallerClass, list[Host]]
# Returns the properties of a host on which a route depends, without its site. If the site of the target is given, properties that
# matter for targets of other sites only are left out.
MakeKind = Callable[[Host, str | None], tuple[Hashable, ...]]


def list_named_sites(hosts: Iterable[Host]) -> frozenset[str]:
    """Return the sites that the mappings of the hosts name."""
    return frozenset(site for host in hosts for mapping in host.nat for site in mapping.sites)


def make_kind(host: Host, site: str | None = None) -> tuple[Hashable, ...]:
    """Return all properties of a caller on which a route depends, to any target or to those of one site, without its own site."""
    local = tuple(host.address.select(family) is not None for family in FAMILIES)
    vpn = tuple(host.vpn.select(family) is not None for family in FAMILIES)
    # A host without an own address of a family has sources of that family in its networks only.
    networks = tuple(entry[0] for entry in host.networks if not host.address.select(find_family(entry[0])))
    return host.flat, local, vpn, networks, _make_nat_key(host, site)


def _make_nat_key(host: Host, site: str | None) -> Hashable:
    """Return the properties of a host's NAT on which its routes depend: the scopes of its outside addresses, by site."""
    scopes = tuple(sorted({(find_family(network), is_private(network)) for network in host.egress}))
    mappings = {
        (mapping.family, is_private(mapping.outside), mapping.sites if site is None else mapping.serves(site))
        for mapping in host.nat
    }
    return scopes, frozenset(mappings)


def make_kind_for_changes(host: Host, site: str | None = None) -> tuple[Hashable, ...]:
    """Return all properties of a caller on which a route depends before or after a change of the inventory, without its site.

    A host with a private address may have a NAT that the inventory does not name yet. Some changes must not be made to a host.
    """
    scopes = tuple(map(is_private, host.address.list_all()))
    return (*make_kind(host, site), scopes, host.unfit, host.off_vpn)


def classify(hosts: Iterable[Host], make: MakeKind = make_kind) -> Classes:
    """Group hosts by their sites and properties, in the given order.

    The sources that a target sees still differ between members of a class.
    """
    classes: Classes = {}
    for host in hosts:
        classes.setdefault((host.site, *make(host, None)), []).append(host)
    return classes


def merge_classes(hosts: Iterable[Host], target: Host, make: MakeKind = make_kind) -> dict[CallerClass, list[Host]]:
    """Group callers of one target that have the same routes to it.

    The sites that mappings of other targets name do not matter to it, so there are fewer classes than for all targets.
    """
    named = {target.site, *list_named_sites([target])}
    merged: dict[CallerClass, list[Host]] = {}
    for host in hosts:
        site = host.site if host.site in named else None
        merged.setdefault((site, *make(host, target.site)), []).append(host)
    return merged


class Group:
    """Callers in classes, for targets of any site.

    For a target of another site, hosts of different sites are in one class, unless a mapping names their site. So the number
    of these classes does not grow with the number of sites. ``remote`` has them, ``classes`` the classes within a site.
    """

    def __init__(self, hosts: Iterable[Host], named_sites: Collection[str] = (), make: MakeKind = make_kind) -> None:
        """Classify the hosts. ``named_sites`` are the sites that the mappings of the fleet name."""
        self.hosts = list(hosts)
        self.classes = classify(self.hosts, make)
        self.remote: Classes = {}
        self._named = named_sites
        self._make_kind = make
        self._near: dict[str, Classes] = {}
        self._chosen: dict[str, dict[CallerClass, Host | None]] = {}
        self._positions = {host.name: position for position, host in enumerate(self.hosts)}
        for kind, members in self.classes.items():
            self._near.setdefault(members[0].site, {})[kind] = members
            self.remote.setdefault(self.find_remote_class(members[0]), []).extend(members)

    def find_remote_class(self, host: Host) -> CallerClass:
        """Return the class of a host for targets of other sites."""
        return (host.site if host.site in self._named else None, *self._make_kind(host, None))

    def find_scope(self, site: str) -> str | None:
        """Return the properties of a target's site on which the sources of callers of other sites depend."""
        return site if site in self._named else None

    def find_near(self, site: str) -> Classes:
        """Return the classes of the hosts at a site."""
        return self._near.get(site, {})

    def choose_remote(self, site: str) -> dict[CallerClass, Host | None]:
        """Return for each remote class its first member at another site than the target, None if there is none."""
        if site not in self._chosen:
            self._chosen[site] = {
                kind: next((host for host in members if host.site != site), None)
                for kind, members in self.remote.items()
            }
        return self._chosen[site]

    def choose_representatives(self, target: Host) -> list[Host]:
        """Return a host for each class of callers of a target, except the target itself, in the order of the hosts."""
        near = _choose_others(self.find_near(target.site), target)
        chosen = [host for host in (*near, *self.choose_remote(target.site).values()) if host is not None]
        ordered = sorted(chosen, key=lambda host: self._positions[host.name])
        return [hosts[0] for hosts in merge_classes(ordered, target, self._make_kind).values()]

    @cached_property
    def for_changes(self) -> Group:
        """The same hosts in classes for changes of the inventory, see _fleet/remedies.py."""
        return Group(self.hosts, self._named, make_kind_for_changes)


def _choose_others(classes: Classes, target: Host) -> Iterator[Host]:
    """Yield the first member of each class that is not the target."""
    for members in classes.values():
        yield from islice((host for host in members if host is not target), 1)
