# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Units, drop-ins and scripts with which a boot ends without intercept rules, or without the translations of a gateway.

The test of boot_conflicts has more cases, for the rules of the firewall.
"""

from __future__ import annotations

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._gateway import table
from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import Host
from ansible_collections.gatehouse.kong.plugins.module_utils._interception.interceptor import Interceptor
from ansible_collections.gatehouse.kong.tests.unit.plugins.module_utils._gateway.nats import make_nat

UNITS = "/etc/systemd/system"
INTERCEPT, NAT = "gatehouse-kong-transparent", "gatehouse-kong-nat"
COMMANDS = {
    INTERCEPT: "/bin/sh /etc/gatehouse_kong_transparent/load.sh",
    NAT: "/usr/sbin/nft -f /etc/gatehouse_kong_nat/nat.nft",
}
LOST = {INTERCEPT: "the intercept rules", NAT: "the translations of this gateway"}
FLUSH = "[Service]\nExecStart=/usr/sbin/nft flush ruleset\n"


class BareHost(Host):
    def which(self, program):
        return f"/usr/sbin/{program}"


def write(host, path, text):
    host.locate(path).parent.mkdir(parents=True, exist_ok=True)
    host.locate(path).write_text(text)


def enable_unit(host, name, text):
    write(host, f"/lib/systemd/system/{name}", text)
    write(host, f"{UNITS}/multi-user.target.wants/{name}", "")


@pytest.fixture
def host(tmp_path):
    return BareHost(tmp_path)


@pytest.fixture(params=[INTERCEPT, NAT])
def unit(request):
    """Name of the unit that loads our rules."""
    return request.param


@pytest.fixture
def find(host, unit, monkeypatch):
    """Function that returns the warnings of the module that writes the unit, on a host without other conflicts."""
    for name in ("refuse_host", "find_strict_filters", "find_nat_conflicts"):
        monkeypatch.setattr(table, name, lambda *_arguments: ())
    monkeypatch.setattr(table.NatTable, "_locate_addresses", lambda *_arguments: {})
    monkeypatch.setattr(Interceptor, "_find_rule_conflicts", lambda *_arguments: ())
    functions = {INTERCEPT: lambda: Interceptor(host).find_conflicts(("rule",)),
                 NAT: lambda: table.NatTable(host).find_conflicts(make_nat())}  # fmt: skip
    return functions[unit]


def test_a_host_that_loads_our_rules_at_boot(host, unit, find):
    enable_unit(host, "nftables.service", FLUSH)
    enable_unit(host, "early.service", f"[Unit]\nBefore={unit}.service\n{FLUSH}")
    enable_unit(host, "before.service", f"[Unit]\nBefore=nftables.service\n{FLUSH}")
    write(host, f"{UNITS}/{unit}.service.d/own.conf", "[Service]\nNice=5\n")
    write(host, f"{UNITS}/other.service.d/own.conf", "[Service]\nExecStart=\n")
    assert find() == ()


def test_a_unit_that_flushes_all_tables(host, unit, find):
    enable_unit(host, "own.service", FLUSH)
    (found,) = find()
    assert (found.certain, found.effect, found.stops) == (False, "unload", False)
    assert str(found) == (
        f"unit own.service may leave the host after a reboot without {LOST[unit]}: it runs `/usr/sbin/nft flush ruleset`, "
        f"which flushes all nftables tables. Add `Before={unit}.service` to own.service, or flush only its own tables"
    )


def test_a_script_that_flushes_all_tables(host, unit, find):
    write(host, "/etc/network/if-up.d/own", "#!/bin/sh\nnft flush ruleset\n")
    (found,) = find()
    assert (found.where, found.ports) == ("/etc/network/if-up.d/own", (LOST[unit],))
    assert found.advice == f"Flush only its own tables, or run `{COMMANDS[unit]}` after it"


@pytest.mark.parametrize("line", ["ExecStart=", "ConditionPathExists=/nowhere", "User=nobody"])
@pytest.mark.parametrize("folder", ["{}.service.d", "gatehouse-kong-.service.d"])
def test_a_drop_in_that_changes_our_unit(host, unit, find, folder, line):
    path = f"{UNITS}/{folder.format(unit)}/own.conf"
    write(host, path, f"[X]\n{line}\n")
    (found,) = find()
    assert (found.where, f"`{line}`" in found.reason) == (path, True)


def test_a_file_that_has_precedence_over_our_unit(host, unit, find):
    write(host, f"{UNITS}/{unit}.service", "[Service]\n")
    assert find() == ()
    write(host, f"/run/systemd/system.control/{unit}.service", "")
    assert [found.where for found in find()] == [f"/run/systemd/system.control/{unit}.service"]


@pytest.mark.parametrize("name, expected", [("zz", True), ("aa", False)])
def test_a_drop_in_that_removes_the_commands_of_our_drop_in(host, unit, find, name, expected):
    write(host, f"{UNITS}/nftables.service.d/{unit}.conf", f"[Service]\nExecStartPost=-{COMMANDS[unit]}\n")
    write(host, f"{UNITS}/nftables.service.d/{name}.conf", "[Service]\nExecStartPost=\n")
    assert [found.where for found in find()] == [f"{UNITS}/nftables.service.d/{name}.conf"] * expected


def test_drop_ins_of_other_rules_are_not_reported(host, unit, find):
    other = {INTERCEPT: NAT, NAT: INTERCEPT}[unit]
    for name in (other, "gatehouse-kong-firewall"):
        write(host, f"{UNITS}/nftables.service.d/{name}.conf", "[Service]\nExecStartPost=-/bin/true\n")
        write(host, f"{UNITS}/{name}.service.d/own.conf", "[Service]\nExecStart=\n")
    write(host, f"{UNITS}/nftables.service.d/zz.conf", "[Service]\nExecStartPost=\n")
    assert find() == ()


@pytest.mark.parametrize("unit", [NAT], indirect=True)
@pytest.mark.parametrize("kind", ["service", "timer"])
def test_a_drop_in_that_changes_the_rollback_of_a_gateway(host, find, kind):
    path = f"{UNITS}/gatehouse-kong-nat-rollback-.{kind}.d/own.conf"
    write(host, path, "[X]\nExecStart=\n")
    assert [found.where for found in find()] == [path]
