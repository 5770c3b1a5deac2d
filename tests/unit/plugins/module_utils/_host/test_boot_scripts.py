# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Scripts that run at boot or with an interface."""

from __future__ import annotations

from ansible_collections.gatehouse.kong.plugins.module_utils._host.boot_scripts import IFUPDOWN, SCRIPTS, read_scripts
from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import Host

SHARED = (
    "/etc/network/interfaces",
    "/etc/network/interfaces.d/eth0",
    "/etc/network/if-up.d/a",
    "/etc/network/if-up.d/b",
)
OTHERS = (
    "/etc/NetworkManager/dispatcher.d/a",
    "/etc/networkd-dispatcher/routable.d/a",
    "/etc/rc.local",
    "/etc/rc.d/rc.local",
)


def test_scripts_are_read_in_a_fixed_order(tmp_path):
    host = Host(tmp_path)
    assert [*read_scripts(host, SCRIPTS)] == []
    for path in (*OTHERS, *reversed(SHARED), "/etc/network/other", "/etc/network/if-up.d/folder/c"):
        host.write(path, f"text of {path}", 0o755)
    host.locate("/etc/network/if-up.d/b").write_bytes(b"caf\xe9")
    host.link("/etc/network/if-up.d/broken", "/nowhere")
    found = dict(read_scripts(host, SCRIPTS))
    assert [*found] == [*SHARED, *OTHERS]
    assert (found["/etc/rc.local"], found["/etc/network/if-up.d/b"]) == ("text of /etc/rc.local", "caf\ufffd")
    assert [path for path, _text in read_scripts(host, IFUPDOWN)] == [*SHARED]
