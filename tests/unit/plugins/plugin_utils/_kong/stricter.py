# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The values that Kong's loader accepts and the collection rejects. docs/findings.md has them as a table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache

from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.generations import (
    Generation,
    find_generation,
    format_versions_where,
    list_generations,
    parse_version,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.listeners import read_listeners
from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.versions import MINORS
from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils._kong.kong_loader import accepts

REFUSED = "nginx refuses it."


@dataclass(frozen=True)
class Stricter:
    """Settings with which Kong's loader finds no error, the code with which the collection rejects them, and the reason."""

    code: str
    settings: dict[str, str]
    consequence: str

    def applies(self, generation: Generation) -> bool:
        """Return whether Kong's loader accepts the settings in this generation, and the collection rejects them."""
        texts = {_get_own_name(generation, name): text for name, text in self.settings.items()}
        return all(accepts(generation, name, text) for name, text in texts.items()) and self.code in _find_codes(
            generation, tuple(texts.items())
        )


@dataclass(frozen=True)
class OfTheFleet:
    """Codes about several hosts or about a host's addresses, of which Kong's loader knows nothing."""

    codes: tuple[str, ...]
    consequence: str
    applies: Callable[[Generation], bool] = field(default=lambda generation: generation.gossip)


def _get_own_name(generation: Generation, name: str) -> str:
    is_alias = name == "admin_listen" and generation.find_setting("admin_api_listen") is not None
    return "admin_api_listen" if is_alias else name


@cache
def _list_versions() -> dict[Generation, str]:
    """Return a version of each generation."""
    texts = [f"{major}.{minor}{end}" for major, minors in MINORS.items() for minor in minors for end in ("", ".0.0")
             if (major, minor) >= (2, 1) or not end]  # fmt: skip
    return {find_generation(parse_version(text)): text for text in texts}


@cache
def _find_codes(generation: Generation, settings: tuple[tuple[str, str], ...]) -> frozenset[str]:
    variables = {f"kong_{name}": text for name, text in settings}
    found = read_listeners("n1", _list_versions()[generation], variables.pop("kong_role", "traditional"), variables, {})
    return frozenset(finding.code for finding in found.findings if finding.severity == "error")


def _make_proxy(code: str, text: str, consequence: str = REFUSED) -> Stricter:
    return Stricter(code, {"proxy_listen": text}, consequence)


def _make_both(proxy: str, name: str, text: str, consequence: str) -> Stricter:
    return Stricter("listen-collision", {"proxy_listen": proxy, name: text}, consequence)


HOST_NAME = "Kong reads all text before the port as a host name, and nginx refuses it."
DROPPED = "Kong drops the setting without a message."
ONE_SOCKET = "Kong starts. nginx opens one socket, and the Admin API gets only requests whose `Host` header is its internal name."
BY_ADDRESS = (
    "Kong starts, and the destination address of a connection selects the listener. So an address, which NAT may change, "
    "decides who reaches the Admin API."
)
TWICE = "nginx cannot bind the port a second time."
NO_TLS = "nginx refuses it. From 2.7.2 on Kong starts, but removes `ssl`: the port has no TLS."
UNIX = "Kong starts and opens a unix socket of this name, which no other host can reach."
NOT_BOUND = (
    "The address cannot be bound, and nginx or Serf does not start. With the wildcard on the same port, nginx starts."
)
STRICTER = (
    Stricter("setting-unknown", {"proxy_listen_ssl": "0.0.0.0:8443"}, DROPPED),
    Stricter("setting-unknown", {"cluster_advertise": "192.0.2.1:7946"}, DROPPED),
    Stricter("role-unsupported", {"role": "data_plane"}, DROPPED),
    _make_proxy("port-zero", "0.0.0.0:0"),
    Stricter("port-zero", {"cluster_listen": "192.0.2.1:0"}, "Serf or nginx refuses it."),
    _make_proxy("port-range", "0.0.0.0:70000"),
    _make_proxy("port-range", "localhost:70000"),
    Stricter("port-range", {"cluster_listen": "192.0.2.1:70000"}, "Serf refuses it."),
    _make_proxy("port-not-decimal", "0.0.0.0:1e3"),
    Stricter("port-not-decimal", {"cluster_listen": "192.0.2.1:0x50"}, "Serf refuses it."),
    _make_proxy("address-octet", "777.1.1.1:80"),
    Stricter("address-octet", {"cluster_listen": "777.1.1.1:7946"}, "Serf refuses it."),
    _make_proxy("address-invalid", "1.2.3:80", "nginx reads it as 1.2.0.3."),
    _make_proxy("address-invalid", "[]:80"),
    _make_proxy("name-invalid", "a;b:8000"),
    _make_proxy("junk-before-address", "foo 0.0.0.0:8000", HOST_NAME),
    _make_proxy("flag-unsupported", "udp 0.0.0.0:8000", HOST_NAME),
    _make_proxy("flag-repeated", "ssl ssl 0.0.0.0:8000", HOST_NAME),
    _make_proxy("flag-repeated", "[::]:8000 ipv6only=on ipv6only=off", "Kong passes both to nginx, and `off` counts."),
    _make_proxy("flag-unknown", "foo 0.0.0.0:1e3", HOST_NAME),
    _make_proxy("plain-entry-missing", "ssl 0.0.0.0:8443", HOST_NAME),
    _make_proxy("off-unsupported", "off, 0.0.0.0:8000", HOST_NAME),
    _make_proxy("ipv6-brackets", "::1:80"),
    _make_proxy(
        "ipv6-brackets-lost", "[::1]:80", "Kong passes the address to nginx without its brackets, and nginx refuses it."
    ),
    _make_proxy("ipv6-mapped", "[fe80::1%eth0]:80"),
    _make_proxy("too-many-entries", "0.0.0.0:80, 0.0.0.0:81"),
    _make_proxy("flag-value", "0.0.0.0:80 backlog=0"),
    _make_proxy("flag-value", "0.0.0.0:80 so_keepalive=::"),
    Stricter("udp-incompatible-flag", {"stream_listen": "0.0.0.0:53 udp proxy_protocol"}, REFUSED),
    Stricter("udp-incompatible-flag", {"stream_listen": "0.0.0.0:53 udp ssl"}, NO_TLS),
    _make_proxy("unix-socket", "unix:80", UNIX),
    _make_proxy("unix-socket", "unix:/run/kong.sock:80", UNIX),
    _make_proxy("listen-duplicate", "0.0.0.0:8000, 0.0.0.0:8000 ssl", "nginx: `a duplicate listen`."),
    Stricter(
        "listen-duplicate",
        {"proxy_listen": "0.0.0.0:8000", "proxy_listen_ssl": "0.0.0.0:8000"},
        "nginx: `a duplicate listen`.",
    ),
    _make_both("0.0.0.0:8000", "admin_listen", "127.0.0.1:8000", BY_ADDRESS),
    _make_both("0.0.0.0:8000", "admin_listen", "0.0.0.0:8000", ONE_SOCKET),
    _make_proxy("listen-collision", "0.0.0.0:8000, 127.0.0.1:8000 bind", TWICE),
    _make_both("0.0.0.0:8000 bind", "admin_listen", "0.0.0.0:8000 bind", "nginx: `duplicate listen options`."),
    _make_both("0.0.0.0:8000", "stream_listen", "0.0.0.0:8000", TWICE),
    _make_proxy(
        "listen-collision", "0.0.0.0:7946", "nginx and Serf use the same port, and one of them does not start."
    ),
)
OF_THE_FLEET = (
    OfTheFleet(
        ("advertise-invalid", "advertise-unreachable", "advertise-duplicate", "advertise-not-single"),
        "The nodes start. Peers connect to an address that does not answer, or to the wrong node, and caches go stale. Each "
        "peer may still be shown as alive.",
    ),
    OfTheFleet(("gossip-bind",), "The nodes start. The firewall of a peer drops the gossip."),
    OfTheFleet(("bind-not-on-host",), NOT_BOUND, lambda _any: True),
)


def list_stricter_codes(generation: Generation) -> frozenset[str]:
    """Return the codes with which the collection rejects a value that this generation accepts."""
    return frozenset(case.code for case in STRICTER if case.applies(generation))


def format_table() -> str:
    """Return the table of docs/findings.md."""
    assert set(_list_versions()) == set(list_generations())
    rows = [
        (f"`{case.code}`", " with ".join(f"`{name}: {text}`" for name, text in case.settings.items()), case)
        for case in STRICTER
    ]
    fleet = [(", ".join(f"`{code}`" for code in case.codes), "", case) for case in OF_THE_FLEET]
    lines = [
        f"| {codes} | {settings} | {format_versions_where(case.applies)} | {case.consequence} |\n"
        for codes, settings, case in rows + fleet
    ]
    return f"| code | example | Kong versions that accept it | consequence |\n|---|---|---|---|\n{''.join(lines)}"
