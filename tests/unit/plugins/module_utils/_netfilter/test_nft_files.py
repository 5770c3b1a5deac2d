# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The tables that the host's files for nft define."""

from __future__ import annotations

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import Host
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.nft_files import find_tables_in_files


@pytest.mark.parametrize(
    ("text", "tables"),
    [
        ("", set()),
        ("flush ruleset\n", set()),
        ("table inet filter {\n}\n", {("inet", "filter")}),
        ("table nat {\n}\n", {("ip", "nat")}),
        ("  add table ip6 a\n\tcreate table ip b\n", {("ip6", "a"), ("ip", "b")}),
        ("# table inet old {\ndelete table inet gone\n", set()),
    ],
)
def test_the_tables_of_a_file(tmp_path, text, tables):
    host = Host(tmp_path)
    host.locate("/etc").mkdir()
    host.locate("/etc/nftables.conf").write_text(text)
    assert find_tables_in_files(host) == tables


@pytest.mark.parametrize(
    ("path", "is_read"),
    [
        ("/etc/nftables.conf", True),
        ("/etc/sysconfig/nftables.conf", True),
        ("/etc/nftables/main.nft", True),
        ("/etc/nftables/main.txt", False),
        ("/etc/nftables.d/10-own", True),
        ("/etc/other.nft", False),
    ],
)
def test_the_files_of_the_boot_services_are_read(tmp_path, path, is_read):
    host = Host(tmp_path)
    host.locate(path).parent.mkdir(parents=True)
    host.locate(path).write_text("table inet filter {\n}\n")
    assert find_tables_in_files(host) == ({("inet", "filter")} if is_read else set())
