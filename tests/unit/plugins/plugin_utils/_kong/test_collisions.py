# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.collisions import (
    describe,
    find_collisions,
    find_sharing,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.model import Listener

FINE, DUPLICATE, COLLISION = [], ["listen-duplicate"], ["listen-collision"]


def make_listener(text, name="proxy", protocols=("tcp",)):
    address, *flags = text.split()
    return Listener(name, f"{name}_listen", address, 8000, protocols, tuple(flags))


def find_codes(*listeners):
    return [code for code, _first, _second in find_collisions(listeners)]


@pytest.mark.parametrize(
    ("first", "second", "within", "between"),
    [
        # Within one setting: measured on nginx 1.22. Between two settings: always an error if both would get a packet.
        ("0.0.0.0", "0.0.0.0", DUPLICATE, COLLISION),
        ("*", "0.0.0.0", DUPLICATE, COLLISION),
        ("0.0.0.0", "127.0.0.1", FINE, COLLISION),
        ("127.0.0.1", "0.0.0.0", FINE, COLLISION),
        ("0.0.0.0 reuseport backlog=5", "127.0.0.1 ssl", FINE, COLLISION),
        ("0.0.0.0", "127.0.0.1 bind", COLLISION, COLLISION),
        ("0.0.0.0", "127.0.0.1 deferred", COLLISION, COLLISION),
        ("0.0.0.0 reuseport", "127.0.0.1 backlog=7", COLLISION, COLLISION),
        ("0.0.0.0 reuseport", "127.0.0.1 reuseport", FINE, COLLISION),
        ("0.0.0.0", "::", FINE, FINE),
        ("0.0.0.0", "::1", FINE, FINE),
        ("0.0.0.0", ":: ipv6only=off", COLLISION, COLLISION),
        ("127.0.0.1", ":: ipv6only=off", COLLISION, COLLISION),
        ("0.0.0.0 reuseport", ":: ipv6only=off reuseport", FINE, COLLISION),
        ("::1", "::", FINE, COLLISION),
        ("::1", ":: ipv6only=off", FINE, COLLISION),
        ("10.0.0.1", "10.0.0.2", FINE, FINE),
        ("localhost", "127.0.0.1", DUPLICATE, COLLISION),
        ("localhost", "::1", DUPLICATE, COLLISION),
        ("localhost", "0.0.0.0", FINE, COLLISION),
        ("localhost", "10.0.0.1", FINE, FINE),
        ("kong.example.org", "KONG.example.org", DUPLICATE, COLLISION),
        ("kong.example.org", "10.0.0.1", FINE, FINE),
    ],
)
def test_pairs(first, second, within, between):
    assert find_codes(make_listener(first), make_listener(second)) == within
    assert find_codes(make_listener(first), make_listener(second, "admin")) == between


def test_no_collision_on_different_protocols_or_ports():
    udp = make_listener("0.0.0.0", "stream", ("udp",))
    gossip = make_listener("0.0.0.0", "cluster", ("tcp", "udp"))
    other_port = Listener("admin", "admin_listen", "0.0.0.0", 8001, ("tcp",))
    assert find_codes(make_listener("0.0.0.0"), udp, other_port) == FINE
    assert find_codes(udp, gossip) == COLLISION
    assert find_codes(make_listener("0.0.0.0"), udp, gossip) == COLLISION * 2


def test_description_has_brackets_for_ipv6():
    assert describe(make_listener("::")) == "proxy_listen [::]:8000"


@pytest.mark.parametrize(
    ("text", "others", "is_shared"),
    [
        ("10.0.0.1", ["0.0.0.0"], True),
        ("10.0.0.1", ["*"], True),
        ("fd00::1", ["::"], True),
        ("10.0.0.1", [":: ipv6only=off"], True),
        ("10.0.0.1", [], False),
        ("10.0.0.1", ["10.0.0.2"], False),
        ("10.0.0.1", ["::"], False),
        ("fd00::1", ["0.0.0.0"], False),
        ("10.0.0.1 bind", ["0.0.0.0"], False),
        ("10.0.0.1 reuseport", ["0.0.0.0"], False),
        # A wildcard, and a host name, are no bound addresses.
        ("0.0.0.0", ["*"], False),
        ("0.0.0.0", [], False),
        ("::", [":: ipv6only=off"], False),
        ("kong.example.org", ["0.0.0.0"], False),
    ],
)
def test_nginx_uses_the_socket_of_a_wildcard_for_a_bound_address(text, others, is_shared):
    mine, rest = make_listener(text), [make_listener(other) for other in others]
    assert find_sharing(mine, [mine, *rest]) == (rest[0] if is_shared else None)
    # Listeners of another setting or port have sockets of their own.
    assert find_sharing(mine, [make_listener(other, "admin") for other in others]) is None
    assert find_sharing(mine, [replace(other, port=9000) for other in rest]) is None


def test_a_published_listener_shares_no_socket_of_the_host():
    assert find_sharing(replace(make_listener("10.0.0.1"), container_port=8000), [make_listener("0.0.0.0")]) is None
