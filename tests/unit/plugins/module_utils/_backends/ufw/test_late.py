# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the late part does on a host with ufw 0.36.2, from what iptables-save 1.8.9 listed there.

The host has the rules of `ufw allow 22/tcp` and `ufw limit 443/tcp`, and our rule.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._backends.ufw.files import keeps_rule
from ansible_collections.gatehouse.kong.plugins.module_utils._backends.ufw.late import UfwLate
from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import Host, HostError
from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.ruleset import ruleset_from_data

GOLDEN = Path(__file__).parents[5] / "golden" / "ufw"
RULE = "-m mark --mark 0x10000000/0x10000000 -m comment --comment gatehouse.kong -j ACCEPT"
LISTED = '-m mark --mark 0x10000000/0x10000000 -m comment --comment "gatehouse.kong" -j ACCEPT'


def ruleset(*ports):
    allow = [{"listener": f"l{port}", "protocol": protocol, "port": port, "address": None, "sources": ["friends"]}
             for protocol, port in ports]  # fmt: skip
    return ruleset_from_data({"allow": allow, "sets": {"friends": {"ipv4": ["10.0.0.0/31"], "ipv6": ["fd00::/127"]}}})


WANT = ruleset(("tcp", 8001), ("udp", 7946))


class Ufw(Host):
    """A host whose iptables-save lists the given rules."""

    def __init__(self, root):
        super().__init__(root)
        self.saved = {
            "iptables-save": (GOLDEN / "loaded" / "default.ipv4").read_text(),
            "ip6tables-save": (GOLDEN / "loaded" / "default.ipv6").read_text(),
        }
        self.write("/proc/net/if_inet6", "", 0o444)
        self.write("/etc/default/ufw", "IPV6=yes\n", 0o644)
        for number in ("", "6"):
            self.write(
                f"/etc/ufw/after{number}.rules", (GOLDEN / "after" / f"debian{number}.edited.rules").read_text(), 0o640
            )

    def which(self, program):
        return f"/usr/sbin/{program}"

    def run(self, *argv, **_given):
        return self.saved[argv[0]]


@pytest.fixture
def host(tmp_path):
    return Ufw(tmp_path)


def test_a_host_as_ufw_makes_it_has_nothing_to_tell(host):
    late = UfwLate(host)
    assert late.read(WANT) == ()
    assert late.stale(WANT) == ()
    assert late.obstacles(WANT) == ()


@pytest.mark.parametrize("port, lines", [
    (("tcp", 445), ["iptables rule comes after `-A ufw-after-input -p tcp -m tcp --dport 445 -j ufw-skip-to-policy-input`",
                    "ip6tables rule comes after `-A ufw6-after-input -p tcp -m tcp --dport 445 -j ufw6-skip-to-policy-input`"]),
    (("udp", 68), ["iptables rule comes after `-A ufw-after-input -p udp -m udp --dport 68 -j ufw-skip-to-policy-input`"]),
    (("tcp", 68), []),
])  # fmt: skip
def test_a_port_that_ufw_itself_drops_in_the_chain(host, port, lines):
    late = UfwLate(host)
    assert late.read(ruleset(port)) == tuple(f"{line}, which drops authorised packets first" for line in lines)
    assert late.stale(ruleset(port)) == tuple(
        f"/etc/ufw/after{'6' * number}.rules: differs" for number in range(len(lines))
    )


def test_a_file_that_a_killed_run_left_is_stale(host):
    host.write("/etc/ufw/after6.rules.gatehouse-kong", "", 0o640)
    late = UfwLate(host)
    assert late.read(WANT) == ()
    assert late.stale(WANT) == ("/etc/ufw/after6.rules.gatehouse-kong: left by a run that was killed",)


@pytest.mark.parametrize("setting, families", [
    ("IPV6=yes", 2), ('IPV6="yes"', 2), ("  IPV6=YES ", 2), ("IPV6='yes'", 2), ("IPV6=no", 1), ("# IPV6=yes", 1), ("", 1),
])  # fmt: skip
def test_the_families_that_ufw_loads(host, setting, families):
    host.write("/etc/default/ufw", f"MANAGE_BUILTINS=no\n{setting}\n", 0o644)
    assert len(UfwLate(host).read(None)) == families


def test_a_kernel_without_ipv6(host):
    host.remove(["/proc/net/if_inet6"])
    late = UfwLate(host)
    assert late.read(None) == (f"iptables rule: -A ufw-after-input {LISTED}",)
    assert [one.where for one in late.obstacles(WANT)] == ["the kernel"]


@pytest.mark.parametrize("line", [
    "-A INPUT -j ufw-before-input", "-A ufw-before-input -j ufw-user-input", "-A INPUT -j ufw-after-input",
])  # fmt: skip
def test_a_jump_that_is_missing(host, line):
    host.saved["iptables-save"] = host.saved["iptables-save"].replace(f"{line}\n", "")
    with pytest.raises(HostError) as error:
        UfwLate(host).read(WANT)
    assert f"iptables-save has no line `{line}`. " in str(error.value)


@pytest.mark.parametrize("text, keeps", [
    (f"*filter\n:ufw-after-input - [0:0]\n-A ufw-after-input {RULE}\nCOMMIT\n", True),
    (f"*filter\n:ufw-after-input - [0:0]\n-A ufw-after-input {LISTED}\nCOMMIT\n", True),
    ("*filter\n:ufw-after-input - [0:0]\nCOMMIT\n", False),
])  # fmt: skip
@pytest.mark.parametrize("file, other", [("after.rules", "after6.rules"), ("after6.rules", "after.rules")])
def test_files_that_keep_our_rule(host, text, keeps, file, other):
    host.write(f"/etc/ufw/{file}", text, 0o640)
    host.remove([f"/etc/ufw/{other}"])
    assert keeps_rule(host) is keeps
