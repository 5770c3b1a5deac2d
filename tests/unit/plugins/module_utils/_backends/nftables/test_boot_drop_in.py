# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The drop-in for nftables.service, on hosts whose unit has other drop-ins."""

from __future__ import annotations

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._backends.nftables.boot import make_boot_unit
from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import Host

DEBIAN = """\
[Service]
ExecStart=/usr/sbin/nft -f /etc/nftables.conf
ExecReload=/usr/sbin/nft -f /etc/nftables.conf
ExecStop=/usr/sbin/nft flush ruleset
"""


def drop_in(tmp_path, name):
    """Return our drop-in for a host on which another drop-in adds a command to the reload."""
    host = Host(tmp_path)
    for path, text in (
        ("/lib/systemd/system/nftables.service", DEBIAN),
        (f"/etc/systemd/system/nftables.service.d/{name}", "[Service]\nExecReload=-/bin/sh /etc/some/load.sh\n"),
    ):
        host.locate(path).parent.mkdir(parents=True, exist_ok=True)
        host.locate(path).write_text(text)
    ((unit, text),) = make_boot_unit(host).drop_ins
    assert unit == "nftables.service"
    return text


@pytest.mark.parametrize("name", ["gatehouse-kong-transparent.conf", "gatehouse-kong-firewall.conf"])
def test_our_own_drop_ins_do_not_change_how_the_table_is_loaded(tmp_path, name):
    assert "\nExecStart=\n" in drop_in(tmp_path, name)


def test_a_reload_with_third_party_commands_is_not_replaced(tmp_path):
    assert "\nExecStart=\n" not in drop_in(tmp_path, "other.conf")
