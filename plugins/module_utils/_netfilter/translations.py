# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Destination translations of a host, and translations that bypass our rules to reach Kong's container.

Our rules filter packets to a published port before they reach the container. If another port of the same container is
published, for example the port of the Admin API, our rules do not match its packets.
"""

from __future__ import annotations

import ipaddress
import re
import shlex
import typing as t
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress

from ansible_collections.gatehouse.kong.plugins.module_utils._host.text import remove_suffix
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.conflict import Conflict, Translation
from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.ruleset import PROTOCOLS, Ruleset, Service

_TARGET = re.compile(r"\[?(?P<address>[0-9a-fA-F.:]+?)\]?(?::(?P<port>\d+))?")
_SINGLE = ("/32", "/128")


def parse_saved_translations(saved: str, program: str) -> Iterator[Translation]:
    """Yield the translations of single ports in the output of iptables-save or ip6tables-save."""
    for line in saved.partition("*nat\n")[2].partition("\nCOMMIT")[0].splitlines():
        words = shlex.split(line)
        options = dict(zip(words, words[1:]))
        target = _TARGET.fullmatch(options.get("--to-destination", ""))
        port = options.get("--dport", "")
        if target and options.get("-p") in PROTOCOLS and port.isdigit():
            address = options.get("-d")
            single = remove_suffix(address, _SINGLE[":" in address]) if address else None
            place = f"{program} chain {options['-A']} of table nat"
            yield Translation(place, options["-p"], single, int(port), target[1], int(target[2] or port))


def parse_listed_translations(objects: Iterable[dict[str, t.Any]]) -> Iterator[Translation]:
    """Yield the translations of single ports in the list "nftables" of `nft -j list ruleset`."""
    for rule in (item["rule"] for item in objects if "rule" in item):
        target = next((expression["dnat"] for expression in rule["expr"] if "dnat" in expression), None)
        # Other translations have maps or ranges here.
        with suppress(KeyError, TypeError, ValueError):
            fields = {key: value for expression in rule["expr"] for key, value in _list_matched_fields(expression)}
            if target and fields["protocol"] in PROTOCOLS:
                place = f"nftables chain {rule['family']} {rule['table']} {rule['chain']}"
                port, address = int(fields["dport"]), fields.get("daddr")
                to, to_port = str(ipaddress.ip_address(target["addr"])), int(target.get("port", port))
                yield Translation(place, fields["protocol"], address, port, to, to_port)


def _list_matched_fields(expression: dict[str, t.Any]) -> Iterator[tuple[str, t.Any]]:
    match = expression.get("match", {})
    payload = match["left"].get("payload", {}) if match.get("op") == "==" and isinstance(match["left"], dict) else {}
    if payload.get("field") in ("dport", "daddr"):
        yield payload["field"], match["right"]
    if payload.get("field") == "dport":
        yield "protocol", payload["protocol"]


def bypasses(found: Sequence[Translation], want: Ruleset) -> tuple[Conflict, ...]:
    """Return a conflict for each port that leads to the container of a published port but is not in the ruleset."""
    published = [entry.service for entry in want.allow if entry.published]
    expected = {translation for translation in found if any(_covers(service, translation) for service in published)}
    containers = {translation.to for translation in expected}
    unexpected = {translation for translation in found if translation.to in containers} - expected
    return tuple(map(_make_conflict, sorted(unexpected, key=_make_key)))


def _make_key(translation: Translation) -> tuple[str, int, str, str, str]:
    return translation.place, translation.port, translation.protocol, translation.address or "", translation.to


def _make_conflict(translation: Translation) -> Conflict:
    port, protocol = translation.port, translation.protocol
    return Conflict(
        certain=True,
        where=translation.place,
        reason=f"it leads to {translation} in the container of a published port, and no rule limits its sources",
        ports=(f"{protocol} {port} at {translation.address or 'every address'}",),
        advice=f"If Kong listens on that port, add {port}:{translation.to_port}/{protocol} to kong_published_ports "
        "(`published` in a ruleset); otherwise, stop publishing it",
        effect="publish",
    )


def _covers(service: Service, translation: Translation) -> bool:
    """Tell whether all packets of a translation are addressed to a service."""
    if (service.protocol, service.port) != (translation.protocol, translation.port):
        return False
    family = "ipv6" if ":" in translation.to else "ipv4"
    return family in service.families and (service.breadth > 0 or service.address == translation.address)
