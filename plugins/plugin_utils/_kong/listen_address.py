# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The address:port of a listen entry, in the grammar of each generation."""

from __future__ import annotations

import re
from ipaddress import IPv6Address
from typing import TYPE_CHECKING

from ansible_collections.gatehouse.kong.plugins.plugin_utils._address import parse_port
from ansible_collections.gatehouse.kong.plugins.plugin_utils._text import quote_value, shorten

if TYPE_CHECKING:
    from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.generations import Generation, Setting

ANY_IPV4 = "0.0.0.0"  # in Kong's settings: every IPv4 address
_IPV4_LIKE = re.compile(r"[0-9.]+")
# Names that a resolver looks up: RFC 1123, and underscores as in names of containers. /etc/hosts has no name with a dot at its end.
_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_NAME = re.compile(rf"\*|(?=.{{1,253}}\Z){_LABEL}(?:\.{_LABEL})*")
_LUA_NUMBER = re.compile(r"0[xX][0-9A-Fa-f]+|[0-9]*\.?[0-9]*(?:[eE]\+?[0-9]+)?")


class ListenError(ValueError):
    """A listen value that the version does not accept, or that would fail later.

    ``code`` is stable. ``reason`` is the message without the value, for callers that show the value themselves.
    """

    def __init__(self, code: str, reason: str, value: object = None) -> None:
        super().__init__(reason if value is None else f"{quote_value(value)}: {reason}")
        self.code = code
        self.reason = reason


def parse_address(text: str, generation: Generation, setting: Setting) -> tuple[str, int]:
    """Return canonical address and port of ``address:port``; a bare port means all IPv4 addresses.

    Raises ``ListenError``.
    """
    if text.startswith("unix:"):
        raise ListenError("unix-socket", f"{quote_value(text)} is a unix socket, which no other host can reach")
    if "://" in text:
        raise ListenError("listen-url", f"{quote_value(text)} is a URL; write ADDRESS:PORT without the scheme")
    if text.isascii() and text.isdigit():
        return ANY_IPV4, _parse_port(text, text, generation)
    host, colon, port = text.rpartition(":")
    if text.endswith("]") or not colon:
        raise ListenError("port-missing", f"{quote_value(text)} has no port")
    if ":" in host and not (host.startswith("[") and host.endswith("]")):
        raise ListenError("ipv6-brackets", f"{quote_value(text)}: write IPv6 as [ADDRESS]:PORT")
    return _parse_host(host, generation, setting), _parse_port(port, text, generation)


def _parse_port(text: str, entry: str, generation: Generation) -> int:
    port = parse_port(text)
    if port is None:
        raise _make_port_error(text, entry, generation)
    return port


def _make_port_error(text: str, entry: str, generation: Generation) -> ListenError:
    if text.isascii() and text.isdigit():
        if not text.strip("0"):
            return ListenError(
                "port-zero", f"port 0 of {quote_value(entry)} cannot be used; give a port from 1 to 65535"
            )
        return ListenError("port-range", f"port {shorten(text, 20)} of {quote_value(entry)} is above 65535")
    if text and generation.format == "yaml" and _LUA_NUMBER.fullmatch(text):
        return ListenError(
            "port-not-decimal", f"port {quote_value(text)} of {quote_value(entry)} must be written in decimal digits"
        )
    return ListenError("port-invalid", f"port {quote_value(text)} of {quote_value(entry)} is not a number")


def _parse_host(host: str, generation: Generation, setting: Setting) -> str:
    if not host:
        wildcards = "0.0.0.0" if setting.grammar == "ipv4:port" else "0.0.0.0 or *"
        raise ListenError("address-missing", f"there is no address before the port; write {wildcards} for all")
    if host.startswith("["):
        return _parse_ipv6(host[1:-1], generation, setting)
    if _IPV4_LIKE.fullmatch(host):
        return _parse_ipv4(host)
    if setting.grammar == "ipv4:port":
        raise ListenError("address-not-ipv4", f"{quote_value(host)} is not an IPv4 address")
    if not _NAME.fullmatch(host):
        raise ListenError("name-invalid", f"{quote_value(host)} is neither an address nor a host name")
    return host


def _parse_ipv4(host: str) -> str:
    octets = host.split(".")
    if len(octets) != 4 or not all(1 <= len(octet) <= 3 for octet in octets):
        raise ListenError("address-invalid", f"{quote_value(host)} is not an IPv4 address")
    numbers = [int(octet) for octet in octets]
    if max(numbers) > 255:
        raise ListenError("address-octet", f"{quote_value(host)} has an octet above 255")
    return ".".join(map(str, numbers))


def _parse_ipv6(host: str, generation: Generation, setting: Setting) -> str:
    if setting.grammar == "list" and ("." in host or "%" in host):
        raise ListenError(
            "ipv6-mapped", f"Kong does not match {quote_value(host)}: write the address in hexadecimal groups, no zone"
        )
    try:
        address = IPv6Address(host)
    except ValueError:
        raise ListenError("address-invalid", f"{quote_value(host)} is not an IPv6 address") from None
    if setting.grammar == "ipv4:port" or generation.format == "yaml":
        raise ListenError("ipv6-unsupported", f"this version accepts IPv4 only, not {quote_value(host)}")
    if address.scope_id:
        raise ListenError(
            "ipv6-mapped", f"{quote_value(host)} has a zone, which Kong does not accept; use an address without a zone"
        )
    if not generation.ipv6:
        message = f"0.13 passes {quote_value(host)} to nginx without its brackets; use IPv4, or Kong 0.14.0 and later"
        raise ListenError("ipv6-brackets-lost", message)
    return _shorten(address)


def _shorten(address: IPv6Address) -> str:
    mapped = address.ipv4_mapped
    if mapped is None:
        return str(address)
    # Newer versions of Python write ::ffff:192.0.2.1 here, which Kong's list grammar does not match.
    high, low = divmod(int(mapped), 65536)
    return f"::ffff:{high:x}:{low:x}"
