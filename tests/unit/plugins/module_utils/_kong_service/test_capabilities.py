# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import Host
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.capabilities import (
    BIND,
    DROP_IN,
    RAW,
    Port,
    find_capabilities,
    grant,
    render_drop_in,
    write_drop_in,
)

HIGH, LOW, TRANSPARENT = Port(8000), Port(80), Port(8000, ("transparent",))
UNIT = "kong.service"

CASES = {
    "root needs nothing": ([LOW, TRANSPARENT], "root", 1024, ()),
    "a unit without a user needs nothing": ([LOW], "", 1024, ()),
    "high ports need nothing": ([HIGH], "kong", 1024, ()),
    "a low port": ([HIGH, LOW], "kong", 1024, (BIND,)),
    "port 1023 is the last low port": ([Port(1023)], "kong", 1024, (BIND,)),
    "port 1024 is open to any user": ([Port(1024)], "kong", 1024, ()),
    "a host that opens low ports to any user": ([LOW], "kong", 80, ()),
    "transparent sockets": ([TRANSPARENT], "kong", 1024, (RAW,)),
    "both": ([LOW, TRANSPARENT], "kong", 1024, (BIND, RAW)),
}


@pytest.mark.parametrize("ports, user, first_free, expected", CASES.values(), ids=CASES)
def test_the_capabilities_that_a_user_needs(ports, user, first_free, expected):
    assert find_capabilities(ports, user, first_free) == expected


def test_an_unlimited_unit_stays_unlimited():
    text = render_drop_in((BIND,), ["cap_net_bind_service", "cap_chown"], "")
    assert "AmbientCapabilities=CAP_NET_BIND_SERVICE" in text
    assert "Bounding" not in text


def test_a_limited_unit_gets_its_missing_capabilities_and_keeps_them():
    text = render_drop_in((BIND,), ["cap_chown"], "")
    assert "CapabilityBoundingSet=CAP_NET_BIND_SERVICE" in text
    assert render_drop_in((BIND,), ["cap_chown", "cap_net_bind_service"], text) == text


class FakeHost(Host):
    """A host whose unit runs as user kong."""

    def __init__(self, root):
        super().__init__(root)
        self.calls = []

    def run(self, *argv, stdin=""):
        self.calls.append(argv[1])
        return "User=kong\nCapabilityBoundingSet=cap_net_bind_service cap_net_raw\n"


def test_the_drop_in_is_written_and_removed(tmp_path):
    host = FakeHost(tmp_path)
    path = DROP_IN.format(unit=UNIT)
    assert (grant(host, UNIT, [HIGH]), host.read(path)) == (None, None)
    assert grant(host, UNIT, [LOW]) == ""
    text = host.read(path) or ""
    assert "AmbientCapabilities=CAP_NET_BIND_SERVICE" in text
    assert grant(host, UNIT, [LOW]) is None
    assert grant(host, UNIT, [HIGH]) == text
    assert not host.locate(path).parent.exists()
    assert host.calls.count("daemon-reload") == 2


@pytest.mark.parametrize("had", [[], [LOW]], ids=["none", "present"])
def test_the_drop_in_is_restored(tmp_path, had):
    host = FakeHost(tmp_path)
    grant(host, UNIT, had)
    first = host.read(DROP_IN.format(unit=UNIT))
    write_drop_in(host, UNIT, grant(host, UNIT, [TRANSPARENT]))
    assert host.read(DROP_IN.format(unit=UNIT)) == first
