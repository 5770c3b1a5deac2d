# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where a host sends packets on to other addresses, and which of that leads into Kong's container past our rules.

A published port is judged on its way to the container. But if somebody publishes another port of the same container, such
as that of the Admin API, no rule of ours is asked.
"""

from __future__ import annotations

import ipaddress
import re
import shlex
import typing as t
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress

from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.conflict import Conflict, Translation
from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.ruleset import PROTOCOLS, Ruleset, Service

_TARGET = re.compile(r"\[?(?P<address>[0-9a-fA-F.:]+?)\]?(?::(?P<port>\d+))?")
_SINGLE = ("/32", "/128")


def saved_translations(saved: str, program: str) -> Iterator[Translation]:
    """Those of one port each in the output of iptables-save or ip6tables-save."""
    for line in saved.partition("*nat\n")[2].partition("\nCOMMIT")[0].splitlines():
        words = shlex.split(line)
        options = dict(zip(words, words[1:]))
        target = _TARGET.fullmatch(options.get("--to-destination", ""))
        port = options.get("--dport", "")
        if target and options.get("-p") in PROTOCOLS and port.isdigit():
            address = options.get("-d")
            single = address.removesuffix(_SINGLE[":" in address]) if address else None
            place = f"{program} chain {options['-A']} of table nat"
            yield Translation(place, options["-p"], single, int(port), target[1], int(target[2] or port))


def listed_translations(objects: Iterable[dict[str, t.Any]]) -> Iterator[Translation]:
    """Those of one port each that `nft -j list ruleset` lists itself, from the list below "nftables"."""
    for rule in (item["rule"] for item in objects if "rule" in item):
        target = next((one["dnat"] for one in rule["expr"] if "dnat" in one), None)
        # Others have maps and ranges in these places.
        with suppress(KeyError, TypeError, ValueError):
            fields = {key: value for one in rule["expr"] for key, value in _matched(one)}
            if target and fields["protocol"] in PROTOCOLS:
                place = f"nftables chain {rule['family']} {rule['table']} {rule['chain']}"
                port, address = int(fields["dport"]), fields.get("daddr")
                to, to_port = str(ipaddress.ip_address(target["addr"])), int(target.get("port", port))
                yield Translation(place, fields["protocol"], address, port, to, to_port)


def _matched(expression: dict[str, t.Any]) -> Iterator[tuple[str, t.Any]]:
    match = expression.get("match", {})
    payload = match["left"].get("payload", {}) if match.get("op") == "==" and isinstance(match["left"], dict) else {}
    if payload.get("field") in ("dport", "daddr"):
        yield payload["field"], match["right"]
    if payload.get("field") == "dport":
        yield "protocol", payload["protocol"]


def bypasses(found: Sequence[Translation], want: Ruleset) -> tuple[Conflict, ...]:
    """What leads into the container of a published port, from a port that is not published by the ruleset."""
    published = [entry.service for entry in want.allow if entry.published]
    meant = {one for one in found if any(_covers(service, one) for service in published)}
    others = {one for one in found if one.to in {each.to for each in meant}} - meant
    order = sorted(others, key=lambda one: (one.place, one.port, one.protocol, one.address or "", one.to))
    return tuple(map(_conflict, order))


def _conflict(one: Translation) -> Conflict:
    return Conflict(
        certain=True,
        where=one.place,
        reason=f"it leads to {one}, into the container of a published port, and no rule says who may come",
        ports=(f"{one.protocol} {one.port} at {one.address or 'every address'}",),
        advice=f"If Kong listens there, add {one.port}:{one.to_port}/{one.protocol} to kong_published_ports (`published` in a "
        "ruleset); else publish it no longer",
        effect="publish",
    )


def _covers(service: Service, one: Translation) -> bool:
    """Whether all packets that it translates are to the service."""
    if (service.protocol, service.port) != (one.protocol, one.port):
        return False
    family = "ipv6" if ":" in one.to else "ipv4"
    return family in service.families and (service.breadth > 0 or service.address == one.address)
