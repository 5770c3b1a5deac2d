# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Equivalent callers: hosts of one class have the same routes to any target, so one of them represents all."""

from __future__ import annotations

from collections.abc import Hashable, Iterable

from ansible_collections.gatehouse.kong.plugins.plugin_utils._address import FAMILIES, find_family, is_private
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.model import Host

CallerClass = Hashable
Classes = dict[CallerClass, list[Host]]


def classify(hosts: Iterable[Host]) -> Classes:
    """Group hosts by all properties of a caller on which a route depends, in the given order.

    The sources that a target sees still differ between members of a class.
    """
    classes: Classes = {}
    for host in hosts:
        classes.setdefault(_make_class(host), []).append(host)
    return classes


def _make_class(host: Host) -> CallerClass:
    local = tuple(host.address.select(family) is not None for family in FAMILIES)
    vpn = tuple(host.vpn.select(family) is not None for family in FAMILIES)
    # A host without an own address of a family has sources of that family in its networks only.
    networks = tuple(entry[0] for entry in host.networks if not host.address.select(find_family(entry[0])))
    return host.site, host.flat, local, vpn, networks, _make_nat_key(host)


def _make_nat_key(host: Host) -> Hashable:
    """Return the properties of a host's NAT on which its routes depend: the scopes of its outside addresses, by site."""
    scopes = tuple(sorted({(find_family(network), is_private(network)) for network in host.egress}))
    mappings = tuple(sorted({(mapping.family, is_private(mapping.outside), mapping.sites) for mapping in host.nat}))
    return scopes, mappings


def choose_representatives(classes: Classes, target: Host) -> list[Host]:
    """Return a member of each class, except the target itself. A class with only the target has no representative."""
    others = (next((host for host in members if host is not target), None) for members in classes.values())
    return [host for host in others if host is not None]
