# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The work of the module kong_listen_info."""

from __future__ import annotations

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._modules import kong_listen_info
from ansible_collections.gatehouse.kong.plugins.module_utils._modules.kong_listen_info import find_unbindable

VIRTUAL, VIRTUAL6 = "10.9.0.100", "fd00::100"


def make_listener(address, *flags, port=8000, name="proxy"):
    return {"name": name, "protocols": ["tcp"], "port": port, "address": address, "flags": [*flags]}


@pytest.mark.parametrize(
    ("listeners", "expected"),
    [
        ([make_listener(VIRTUAL), make_listener(VIRTUAL6)], [VIRTUAL, VIRTUAL6]),
        ([make_listener("0.0.0.0"), make_listener(VIRTUAL)], []),
        ([make_listener("*"), make_listener(VIRTUAL)], []),
        ([make_listener("::"), make_listener(VIRTUAL6)], []),
        # Neither the wildcard of the other family nor of another port.
        ([make_listener("::"), make_listener(VIRTUAL)], [VIRTUAL]),
        ([make_listener("0.0.0.0", port=8001), make_listener(VIRTUAL)], [VIRTUAL]),
        ([make_listener("0.0.0.0"), make_listener(VIRTUAL, "reuseport")], [VIRTUAL]),
        ([make_listener("0.0.0.0"), make_listener(VIRTUAL), make_listener(VIRTUAL, port=8443)], [VIRTUAL]),
        ([make_listener(VIRTUAL, "transparent")], []),
        ([make_listener("0.0.0.0", "transparent"), make_listener(VIRTUAL)], []),
        ([make_listener(VIRTUAL, "transparent"), make_listener(VIRTUAL, port=8443)], [VIRTUAL]),
    ],
)
def test_addresses_that_a_standby_cannot_bind(monkeypatch, listeners, expected):
    """nginx binds only the wildcard if an address of its family has the same port."""
    monkeypatch.setattr(kong_listen_info, "is_bindable", lambda address: address not in (VIRTUAL, VIRTUAL6))
    assert find_unbindable(listeners) == expected
