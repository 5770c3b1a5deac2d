# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import Host
from ansible_collections.gatehouse.kong.plugins.module_utils._host.services import is_enabled

UNITS = "etc/systemd/system"


@pytest.mark.parametrize(
    ("links", "enabled"),
    [
        ({}, False),
        ({"multi-user.target.wants/ufw.service": "/lib/systemd/system/ufw.service"}, True),
        ({"docker.service.wants/ufw.service": "/lib/systemd/system/ufw.service"}, True),
        ({"multi-user.target.wants/ufw2.service": "/lib/systemd/system/ufw2.service"}, False),
        ({"multi-user.target.wants/ufw.service": "/lib/systemd/system/ufw.service", "ufw.service": "/dev/null"}, False),
        ({"ufw.service": "/lib/systemd/system/ufw.service"}, False),
    ],
)
def test_is_enabled(tmp_path, links, enabled):
    for name, target in links.items():
        link = tmp_path / UNITS / name
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(target)
    assert is_enabled(Host(tmp_path), "ufw") is enabled
