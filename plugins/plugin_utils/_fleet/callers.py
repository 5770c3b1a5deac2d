# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Callers that are alike: hosts of one class take the same routes to any target, so one of them answers for all."""

from __future__ import annotations

from collections.abc import Hashable, Iterable

from ansible_collections.gatehouse.kong.plugins.plugin_utils._address import FAMILIES, family_of, is_private
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.model import Host

CallerClass = Hashable
Classes = dict[CallerClass, list[Host]]


def classify(hosts: Iterable[Host]) -> Classes:
    """Group hosts by everything about a caller that a route depends on, in the order given.

    Which sources a target sees still differs from member to member.
    """
    classes: Classes = {}
    for host in hosts:
        classes.setdefault(_class_of(host), []).append(host)
    return classes


def _class_of(host: Host) -> CallerClass:
    local = tuple(host.address.of(family) is not None for family in FAMILIES)
    vpn = tuple(host.vpn.of(family) is not None for family in FAMILIES)
    return host.site, host.flat, local, vpn, _outside(host)


def _outside(host: Host) -> Hashable:
    """Return what matters of a host's NAT to a caller's routes: the scope of the addresses outside, for each site."""
    scopes = tuple(sorted({(family_of(network), is_private(network)) for network in host.egress}))
    mappings = tuple(sorted({(mapping.family, is_private(mapping.outside), mapping.sites) for mapping in host.nat}))
    return scopes, mappings


def representatives(classes: Classes, target: Host) -> list[Host]:
    """Return one member of each class, never the target itself; a class of the target alone has none."""
    others = (next((host for host in members if host is not target), None) for members in classes.values())
    return [host for host in others if host is not None]
