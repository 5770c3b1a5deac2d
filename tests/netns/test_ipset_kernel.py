# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sets that are created without ipset(8), compared with the output of ipset(8)."""

from __future__ import annotations

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._backends.iptables.ipset_kernel import (
    SetsError,
    change,
    save_sets,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._host.networks import from_members, parse_range
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.ipset import fill, parse_sets

IPV4 = [*(f"10.0.{number // 200}.{number % 200}" for number in range(0, 4400, 2)), "10.9.0.0/16", "0.0.0.0/1"]
IPV6 = [*(f"fd00::{number:x}" for number in range(1, 2300, 2)), "fd01::/64", "8000::/1"]
PREFIXES = ("gkong4-", "gkong6-")


def networks(family, texts):
    return from_members(family, (parse_range(family, text) for text in texts))


@pytest.fixture
def host(lab):
    yield lab.host
    lab.host.run("ipset", "destroy")


def test_the_program_and_the_kernel_list_the_same_sets(host):
    host.run("ipset", "create", "foreign", "hash:ip")
    made = {"gkong4-a": networks("ipv4", IPV4), "gkong6-a": networks("ipv6", IPV6), "gkong4-b": networks("ipv4", [])}
    host.call(change, [line for name, those in made.items() for line in fill(name, those)])
    told = host.call(save_sets, PREFIXES)
    assert "foreign" not in told
    for text in (told, host.run("ipset", "save")):
        found = parse_sets(text)
        assert {name: live.networks for name, live in found.items()} == made
        assert not any(live.oddities for live in found.values())
    # The rollback and the boot do the same.
    host.run("ipset", "-exist", "restore", stdin="\n".join(fill("gkong4-a", made["gkong4-a"])) + "\n")


@pytest.mark.parametrize(
    "words",
    [
        ["create", "gkong4-b", "hash:ip"],
        ["create", "gkong4-b", "hash:net", "timeout", "60"],
        ["create", "gkong4-b", "hash:net", "comment"],
        ["create", "gkong4-b", "list:set"],
        ["add", "gkong4-a", "10.0.0.2", "nomatch"],
    ],
)
def test_unsupported_sets_are_left_to_the_program(host, words):
    host.call(change, fill("gkong4-a", networks("ipv4", ["10.0.0.1"])))
    assert host.call(save_sets, PREFIXES)
    host.run("ipset", *words)
    assert host.call(save_sets, PREFIXES) is None


@pytest.mark.parametrize(
    "lines, number, busy, word",
    [
        (["add gkong4-a 10.0.0.2", "add gkong4-a 10.0.0.1"], 0, False, "exists already"),
        (["add gkong4-a 10.0.0.2", "swap gkong4-a gkong4-c"], 1, False, "gkong4-c"),
        (["create gkong4-a hash:net family inet maxelem 1048576"], 0, False, "exists"),
        (["destroy gkong4-c"], 0, False, "No such file"),
        (["add gkong4-a 10.0.0.2", "destroy gkong4-a"], 1, True, "in use"),
    ],
)
def test_lines_that_the_kernel_rejects(host, lines, number, busy, word):
    host.call(change, fill("gkong4-a", networks("ipv4", ["10.0.0.1"])))
    host.run("ipset", "create", "names", "list:set")
    host.run("ipset", "add", "names", "gkong4-a")
    with pytest.raises(SetsError, match=word) as raised:
        host.call(change, lines)
    assert (raised.value.number, raised.value.busy) == (number, busy)
    host.run("ipset", "destroy", "names")
