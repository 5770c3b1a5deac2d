# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The late part on ufw with real packets. The early part is written out here: it marks authorised packets and drops others.

The chains are those that /lib/ufw/ufw-init-functions of ufw 0.36.2 loads, and the rules files are Debian's.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._backends.ufw.late import UfwLate
from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.ruleset import ruleset_from_data

GOLDEN = Path(__file__).parents[1] / "golden" / "ufw" / "after"
RULE = "-m mark --mark 0x10000000/0x10000000 -m comment --comment gatehouse.kong -j ACCEPT"
# friend, ally and stranger reach 8000 (any); friend and ally reach 8001. 8002 is not managed.
EARLY = """
table inet gatehouse_kong {
  chain input {
    type filter hook input priority filter - 10; policy accept;
    iifname "lo" return
    meta mark set meta mark & 0xefffffff
    tcp dport 8000 meta mark set meta mark | 0x10000000 return
    tcp dport 8001 ip saddr { 10.0.1.2, 10.0.2.2 } meta mark set meta mark | 0x10000000 return
    tcp dport 8001 ip6 saddr { fd00:1::2, fd00:2::2 } meta mark set meta mark | 0x10000000 return
    tcp dport { 8000, 8001 } drop
  }
}
"""
WANT = ruleset_from_data({
    "allow": [
        {"listener": "proxy", "protocol": "tcp", "port": 8000, "address": None, "sources": "any"},
        {"listener": "admin", "protocol": "tcp", "port": 8001, "address": None, "sources": ["friends"]},
    ],
    "sets": {"friends": {"ipv4": ["10.0.1.2/32", "10.0.2.2/32"], "ipv6": ["fd00:1::2/128", "fd00:2::2/128"]}},
})  # fmt: skip
NUMBERS = {"ipv4": "", "ipv6": "6"}
PROGRAMS = {"ipv4": "iptables", "ipv6": "ip6tables"}
BUILTINS = ["before-logging-input", "before-input", "after-input", "after-logging-input", "reject-input", "track-input"]
MORE = ["user-input", "user-limit", "user-limit-accept", "skip-to-policy-input"]
BEFORE = """\
-A ufw{0}-before-input -i lo -j ACCEPT
-A ufw{0}-before-input -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A ufw{0}-before-input -j ufw{0}-user-input
-A ufw{0}-skip-to-policy-input -j DROP
-A ufw{0}-user-limit -j REJECT
-A ufw{0}-user-limit-accept -j ACCEPT
"""


class Ufw:
    """The node of the lab with ufw, on one of the variants of iptables."""

    def __init__(self, lab, variant):
        self.lab = lab
        self.variant = variant
        which = lab.host.which
        lab.host.which = lambda program: "/usr/sbin/ufw" if program == "ufw" else which(self.of_variant(program))
        run = lab.host.run
        lab.host.run = lambda program, *words, **given: run(self.of_variant(program), *words, **given)
        for path, text in {
            "/proc/net/if_inet6": "",
            "/usr/sbin/ufw": f"#!{sys.executable}\n",
            "/etc/default/ufw": "IPV6=yes\n",
            "/etc/ufw/after.rules": (GOLDEN / "debian.rules").read_text(),
            "/etc/ufw/after6.rules": (GOLDEN / "debian6.rules").read_text(),
        }.items():
            lab.host.write(path, text, 0o640)
        self.start()

    def of_variant(self, program):
        """The program of iptables as it would be called if the other variant were not on the machine."""
        plain, hyphen, action = program.partition("-")
        return (
            f"{plain}-{self.variant}{hyphen}{action}"
            if plain in PROGRAMS.values() and action in ("", "save", "restore")
            else program
        )

    def start(self, *, reject=False):
        """Load ufw as ufw-init does, and the early part."""
        self.stop()
        self.lab.nft(EARLY)
        for family in NUMBERS:
            self.start_family(family, reject=reject)

    def start_family(self, family, *, reject=False):
        number = NUMBERS[family]
        chains = [f":ufw{number}-{name} - [0:0]\n" for name in (*BUILTINS, *MORE)]
        jumps = [f"-A INPUT -j ufw{number}-{name}\n" for name in BUILTINS]
        self.restore(
            "".join(["*filter\n:INPUT DROP [0:0]\n", *chains, *jumps, BEFORE.format(number), "COMMIT\n"]), family
        )
        if family == "ipv6":
            self.restore("*filter\n-I ufw6-before-input 1 -p ipv6-icmp -j ACCEPT\nCOMMIT\n", family)
        if reject:
            self.restore(f"*filter\n-A ufw{number}-reject-input -j REJECT\nCOMMIT\n", family)
        self.restore(self.lab.host.path(f"/etc/ufw/after{number}.rules").read_text(), family)

    def stop(self):
        self.lab.nft("flush ruleset")
        for program in PROGRAMS.values():
            self.lab.host.run(f"{program}-legacy-restore", stdin="*filter\n:INPUT ACCEPT\nCOMMIT\n")

    def restore(self, text, family="ipv4"):
        self.lab.host.run(f"{PROGRAMS[family]}-restore", "--noflush", stdin=text)

    def add(self, *rules, family="ipv4"):
        """Change the table filter as an administrator; @ is `ufw` or `ufw6`."""
        text = "".join(f"{rule}\n".replace("@", f"ufw{NUMBERS[family]}") for rule in rules)
        self.restore(f"*filter\n{text}COMMIT\n", family)

    def rules(self, family="ipv4", chain="@-after-input"):
        name = chain.replace("@", f"ufw{NUMBERS[family]}")
        return [line for line in self.saved(family) if line.startswith(f"-A {name} ")]

    def saved(self, family="ipv4"):
        text = self.lab.host.run(f"{PROGRAMS[family]}-save", "-t", "filter").replace('"', "")
        return [line for line in text.splitlines() if line.startswith("-A ")]

    def file(self, family="ipv4"):
        return self.lab.host.path(f"/etc/ufw/after{NUMBERS[family]}.rules")

    def late(self):
        """A new object, as each run of the module has, that has read the host."""
        late = UfwLate(self.lab.host)
        late.read(WANT)
        return late

    def drift(self, want=WANT):
        return UfwLate(self.lab.host).read(want)

    def converge(self, want=WANT):
        late = self.late()
        late.stale(want)
        late.apply(want)
        late.persist(want)

    def reaches(self, name, port, family="ipv4"):
        listener = self.lab.listen(port, family=family)
        try:
            return self.lab.connect(name, listener, family=family) is not None
        finally:
            listener.close()


@pytest.fixture(params=["nft", "legacy"])
def ufw(request, lab):
    made = Ufw(lab, request.param)
    yield made
    made.stop()


@pytest.mark.parametrize("reject", [False, True], ids=["deny", "reject"])
@pytest.mark.parametrize("family", ["ipv4", "ipv6"])
def test_who_gets_in(ufw, family, reject):
    ufw.start(reject=reject)
    assert not ufw.reaches("friend", 8001, family)
    ufw.converge()
    assert ufw.reaches("friend", 8001, family)
    assert ufw.reaches("stranger", 8000, family)
    assert not ufw.reaches("stranger", 8001, family)
    assert not ufw.reaches("friend", 8002, family)
    ufw.add("-A @-user-input -p tcp --dport 8001 -j ACCEPT", family=family)
    assert not ufw.reaches("stranger", 8001, family)
    ufw.lab.nft("delete table inet gatehouse_kong")
    assert not ufw.reaches("friend", 8000, family)


BANS = {
    "ufw deny": "-A @-user-input -s {} -j DROP",
    "ufw reject": "-A @-user-input -s {} -j REJECT",
    "ufw insert 1 deny": "-I @-user-input 1 -s {} -j DROP",
    "ufw deny to a port": "-A @-user-input -p tcp --dport 8001 -s {} -j DROP",
    "iptables -I INPUT": "-I INPUT 1 -s {} -j DROP",
    "a rule in ufw-before-input": "-I @-before-input 1 -s {} -j DROP",
    "a rule in after.rules": "-I @-after-input 1 -s {} -j DROP",
}


@pytest.mark.parametrize("ban", BANS.values(), ids=BANS)
@pytest.mark.parametrize("first", [False, True], ids=["after our run", "before our run"])
def test_a_ban_of_one_source_holds(ufw, ban, first):
    steps = [ufw.converge, lambda: ufw.add(ban.format("10.0.2.2"))]
    for step in steps[::-1] if first else steps:
        step()
    assert not ufw.reaches("ally", 8001)
    assert ufw.reaches("friend", 8001)
    assert ufw.drift() == ()


def test_ufw_limit_holds(ufw):
    ufw.converge()
    ufw.add(
        "-A @-user-input -p tcp --dport 8000 -m conntrack --ctstate NEW -m recent --set",
        "-A @-user-input -p tcp --dport 8000 -m conntrack --ctstate NEW -m recent --update --seconds 30 --hitcount 6 -j @-user-limit",
        "-A @-user-input -p tcp --dport 8000 -j @-user-limit-accept",
    )
    assert [ufw.reaches("friend", 8000) for _try in range(7)] == [True] * 5 + [False] * 2
    assert not ufw.reaches("stranger", 8001)


def test_a_ban_behind_our_rule_is_drift_and_holds_after_the_next_run(ufw):
    ufw.converge()
    before = ufw.rules()
    ufw.add("-A @-after-input -s 10.0.2.2 -j DROP")
    assert ufw.reaches("ally", 8001)
    assert ufw.drift() == (
        "iptables rule is not the last of ufw-after-input; after it comes `-A ufw-after-input -s 10.0.2.2/32 -j DROP`",
    )
    ufw.converge()
    assert not ufw.reaches("ally", 8001)
    assert ufw.rules() == [*before[:-1], "-A ufw-after-input -s 10.0.2.2/32 -j DROP", before[-1]]
    assert ufw.drift() == ()
