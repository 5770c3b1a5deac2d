# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The work of the module kong_listen_info."""

from __future__ import annotations

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._modules import kong_listen_info
from ansible_collections.gatehouse.kong.plugins.module_utils._modules.kong_listen_info import find_unbindable

VIRTUAL, VIRTUAL6 = "10.9.0.100", "fd00::100"


def listener(address, *flags, port=8000, name="proxy"):
    return {"name": name, "protocols": ["tcp"], "port": port, "address": address, "flags": [*flags]}


@pytest.mark.parametrize(
    ("listeners", "expected"),
    [
        ([listener(VIRTUAL), listener(VIRTUAL6)], [VIRTUAL, VIRTUAL6]),
        ([listener("0.0.0.0"), listener(VIRTUAL)], []),
        ([listener("*"), listener(VIRTUAL)], []),
        ([listener("::"), listener(VIRTUAL6)], []),
        # Neither the wildcard of the other family nor of another port.
        ([listener("::"), listener(VIRTUAL)], [VIRTUAL]),
        ([listener("0.0.0.0", port=8001), listener(VIRTUAL)], [VIRTUAL]),
        ([listener("0.0.0.0"), listener(VIRTUAL, "reuseport")], [VIRTUAL]),
        ([listener("0.0.0.0"), listener(VIRTUAL), listener(VIRTUAL, port=8443)], [VIRTUAL]),
        ([listener(VIRTUAL, "transparent")], []),
        ([listener("0.0.0.0", "transparent"), listener(VIRTUAL)], []),
        ([listener(VIRTUAL, "transparent"), listener(VIRTUAL, port=8443)], [VIRTUAL]),
    ],
)
def test_addresses_that_a_standby_cannot_bind(monkeypatch, listeners, expected):
    """nginx binds only the wildcard if an address of its family has the same port."""
    monkeypatch.setattr(kong_listen_info, "is_bindable", lambda address: address not in (VIRTUAL, VIRTUAL6))
    assert find_unbindable(listeners) == expected
