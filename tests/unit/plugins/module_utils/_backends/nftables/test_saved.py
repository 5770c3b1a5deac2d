# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._backends.nftables.saved import (
    find_files_with_our_rules,
    without_ours,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import Host
from ansible_collections.gatehouse.kong.plugins.module_utils._host.third_party_files import clean_file

BEFORE = """\
#!/usr/sbin/nft -f
flush ruleset
table inet filter {
    chain input {
        type filter hook input priority filter; policy drop;
        tcp dport 22 accept comment "not gatehouse.kong"
"""
AFTER = """\
    }
}
table inet gatehouse {
    chain x {
    }
}
"""
LATE = '        meta mark & 0x10000000 == 0x10000000 accept comment "gatehouse.kong"\n'
EARLY = """\
table inet gatehouse_kong {
    set friends_ipv4 {
        type ipv4_addr
        elements = { 10.0.0.1 }
    }

    chain input {
        type filter hook input priority filter - 10; policy accept;
    }
}
"""
OTHER = EARLY.replace("gatehouse_kong", "gatehouse_kong_transparent")
NAT = EARLY.replace("gatehouse_kong", "gatehouse_kong_nat")


@pytest.mark.parametrize(
    "text", [BEFORE + LATE + AFTER + EARLY, EARLY + BEFORE + AFTER, OTHER + EARLY + NAT + BEFORE + LATE + LATE + AFTER]
)
def test_only_our_tables_and_rules_are_removed(text):
    assert without_ours(text) == BEFORE + AFTER


@pytest.mark.parametrize(
    "text", ["", BEFORE + AFTER, LATE.replace("gatehouse.kong", "mine"), EARLY.replace("inet", "ip")]
)
def test_other_text_is_kept(text):
    assert without_ours(text) == text


def test_rules_with_handles_are_removed():
    listed = EARLY.replace(" {\n", " { # handle 7\n", 1) + LATE.replace("\n", " # handle 9\n")
    assert without_ours(BEFORE + listed + AFTER) == BEFORE + AFTER


@pytest.mark.parametrize(
    "file", ["/etc/nftables.conf", "/etc/sysconfig/nftables.conf", "/etc/nftables/a.nft", "/etc/nftables.d/b"]
)
def test_a_saved_copy_is_found_and_cleaned_and_the_file_keeps_its_mode(tmp_path, file):
    host = Host(tmp_path)
    host.locate(file).parent.mkdir(parents=True)
    host.locate(file).write_bytes(b"# \xff\n" + (BEFORE + LATE + AFTER + EARLY).encode())
    host.locate(file).chmod(0o755)
    assert find_files_with_our_rules(host) == (file,)
    clean_file(host, file, without_ours)
    assert host.locate(file).read_bytes() == b"# \xff\n" + (BEFORE + AFTER).encode()
    assert host.locate(file).stat().st_mode & 0o7777 == 0o755
    assert find_files_with_our_rules(host) == ()


def test_blank_lines_before_our_rule_and_tables_after_an_empty_table_are_kept():
    rule = 'meta mark & 0x10000000 == 0x10000000 accept comment "gatehouse.kong"'
    text = "table inet gatehouse_kong {}\ntable inet filter {\n\tchain input {\n\t\ttcp dport 22 accept\n\n%s\t\tdrop\n\t}\n}\n"
    assert without_ours(text % f"\t\t{rule}\n") == text % ""
