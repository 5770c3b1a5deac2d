# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The open connections to the ports of Kong."""

from __future__ import annotations

from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.connections import (
    Connection,
    list_connections,
)

HEAD = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"


def make_row(own, peer, state="01"):
    return f"   0: {own} {peer} {state} 00000000:00000000 00:00000000 00000000     0        0 1 1 0 20 4 30 10 -1\n"


def test_clients_of_the_ports_are_listed_once_each(tmp_path):
    (tmp_path / "net").mkdir()
    own, client = "0B0AA8C0:1F41", "140AA8C0"  # 192.168.10.11:8001, 192.168.10.20
    rows = [
        make_row(own, f"{client}:C001"),
        make_row(own, f"{client}:C002"),
        make_row(own, "150AA8C0:C003", "06"),  # TIME_WAIT
        make_row("0B0AA8C0:0016", f"{client}:C004"),
        make_row(own, "0B0AA8C0:C005"),  # the host itself
    ]
    (tmp_path / "net/tcp").write_text(HEAD + "".join(rows))
    mapped = "0000000000000000FFFF00000B0AA8C0:1F41"
    (tmp_path / "net/tcp6").write_text(HEAD + make_row(mapped, "0000000000000000FFFF00001E0AA8C0:C006"))
    assert list_connections({8001}, tmp_path) == [Connection(8001, "192.168.10.20"), Connection(8001, "192.168.10.30")]
