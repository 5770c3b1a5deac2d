# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The late part on ufw with real packets. A simple early part here marks authorised packets and drops all other packets.

The chains are the chains that /lib/ufw/ufw-init-functions of ufw 0.36.2 loads. The rules files are from Debian.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._backends.ufw.late import UfwLate
from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import HostError
from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.data import ruleset_from_data

GOLDEN = Path(__file__).parents[1] / "golden" / "ufw" / "after"
RULE = "-m mark --mark 0x10000000/0x10000000 -m comment --comment gatehouse.kong -j ACCEPT"
# friend, ally and outsider reach 8000 (any); friend and ally reach 8001. 8002 is not managed.
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
        lab.host.which = lambda program: "/usr/sbin/ufw" if program == "ufw" else which(self.name_program(program))
        run = lab.host.run
        lab.host.run = lambda program, *words, **named: run(self.name_program(program), *words, **named)
        for path, text in {
            "/proc/net/if_inet6": "",
            "/usr/sbin/ufw": f"#!{sys.executable}\n",
            "/etc/default/ufw": "IPV6=yes\n",
            "/etc/ufw/after.rules": (GOLDEN / "debian.rules").read_text(),
            "/etc/ufw/after6.rules": (GOLDEN / "debian6.rules").read_text(),
        }.items():
            lab.host.write(path, text, 0o640)
        self.start()

    def name_program(self, program):
        """Return the name of an iptables program of this variant."""
        plain, hyphen, action = program.partition("-")
        return (
            f"{plain}-{self.variant}{hyphen}{action}"
            if plain in PROGRAMS.values() and action in ("", "save", "restore")
            else program
        )

    def start(self, *, reject=False):
        """Load ufw as ufw-init does, and the early part."""
        self.stop()
        self.lab.run_nft(EARLY)
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
        self.restore(self.lab.host.locate(f"/etc/ufw/after{number}.rules").read_text(), family)

    def stop(self):
        self.lab.run_nft("flush ruleset")
        for program in PROGRAMS.values():
            self.lab.host.run(f"{program}-legacy-restore", stdin="*filter\n:INPUT ACCEPT\nCOMMIT\n")

    def restore(self, text, family="ipv4"):
        self.lab.host.run(f"{PROGRAMS[family]}-restore", "--noflush", stdin=text)

    def add(self, *rules, family="ipv4"):
        """Change the table filter as an administrator does. The placeholder @ is `ufw` or `ufw6`."""
        text = "".join(f"{rule}\n".replace("@", f"ufw{NUMBERS[family]}") for rule in rules)
        self.restore(f"*filter\n{text}COMMIT\n", family)

    def list_rules(self, family="ipv4", chain="@-after-input"):
        name = chain.replace("@", f"ufw{NUMBERS[family]}")
        return [line for line in self.list_saved(family) if line.startswith(f"-A {name} ")]

    def list_saved(self, family="ipv4"):
        text = self.lab.host.run(f"{PROGRAMS[family]}-save", "-t", "filter").replace('"', "")
        return [line for line in text.splitlines() if line.startswith("-A ")]

    def locate_file(self, family="ipv4"):
        return self.lab.host.locate(f"/etc/ufw/after{NUMBERS[family]}.rules")

    def read_late(self):
        """Return a new object that has read the host, as in each run of the module."""
        late = UfwLate(self.lab.host)
        late.read(WANT)
        return late

    def find_drift(self, want=WANT):
        return UfwLate(self.lab.host).read(want)

    def converge(self, want=WANT):
        late = self.read_late()
        late.compare_persisted(want)
        late.apply(want)
        late.persist(want)

    def reaches(self, name, port, family="ipv4"):
        listener = self.lab.open_listener(port, family=family)
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
def test_authorised_sources_can_connect(ufw, family, reject):
    ufw.start(reject=reject)
    assert not ufw.reaches("friend", 8001, family)
    ufw.converge()
    assert ufw.reaches("friend", 8001, family)
    assert ufw.reaches("outsider", 8000, family)
    assert not ufw.reaches("outsider", 8001, family)
    assert not ufw.reaches("friend", 8002, family)
    ufw.add("-A @-user-input -p tcp --dport 8001 -j ACCEPT", family=family)
    assert not ufw.reaches("outsider", 8001, family)
    ufw.lab.run_nft("delete table inet gatehouse_kong")
    assert not ufw.reaches("friend", 8000, family)


BANS = {
    "ufw deny": "-A @-user-input -s {} -j DROP",
    "ufw reject": "-A @-user-input -s {} -j REJECT",
    "ufw insert 1 deny": "-I @-user-input 1 -s {} -j DROP",
    "ufw deny to a port": "-A @-user-input -p tcp --dport 8001 -s {} -j DROP",
    "iptables -I INPUT": "-I INPUT 1 -s {} -j DROP",
    "a rule in ufw-before-input": "-I @-before-input 1 -s {} -j DROP",
    "a rule in after.rules": "-I @-after-input 1 -s {} -j DROP",
    "an interface in INPUT": "-I INPUT 1 -i ally -j DROP",
    "ufw deny in on an interface": "-A @-user-input -i ally -j DROP",
}


@pytest.mark.parametrize("ban", BANS.values(), ids=BANS)
@pytest.mark.parametrize("first", [False, True], ids=["after our run", "before our run"])
def test_a_ban_of_a_source_is_effective(ufw, ban, first):
    steps = [ufw.converge, lambda: ufw.add(ban.format("10.0.2.2"))]
    for step in steps[::-1] if first else steps:
        step()
    assert not ufw.reaches("ally", 8001)
    assert ufw.reaches("friend", 8001)
    assert ufw.find_drift() == ()


# Drops that are not reported: bans of each authorised source, and replies.
UNSEEN = {
    "bans of all sources": ["-A @-user-input -s 10.0.1.2 -j DROP", "-A @-user-input -s 10.0.2.2 -j DROP"],
    "replies": ["-A OUTPUT -p tcp -m tcp --sport 8001 -j DROP"],
}


@pytest.mark.parametrize("rules", UNSEEN.values(), ids=UNSEEN)
def test_drops_that_are_not_reported_are_effective(ufw, rules):
    ufw.converge()
    ufw.add(*rules)
    assert [name for name in ("friend", "ally", "outsider") if ufw.reaches(name, 8001)] == []
    assert (ufw.read_late().find_conflicts(WANT), ufw.find_drift()) == ((), ())


@pytest.mark.parametrize("first", [False, True], ids=["after our run", "before our run"])
def test_a_mark_that_another_program_sets_opens_no_port(ufw, first):
    steps = [ufw.converge, lambda: set_mark(ufw)]
    for step in steps[::-1] if first else steps:
        step()
    assert [name for name in ("friend", "ally", "outsider") if ufw.reaches(name, 8001)] == ["friend", "ally"]


def set_mark(ufw):
    """Set our mark on every packet before the input hook."""
    ufw.restore("*mangle\n-I PREROUTING 1 -j MARK --set-xmark 0x10000000/0x10000000\nCOMMIT\n")


def test_a_reset_of_ufw_removes_our_rule_until_the_next_run(ufw):
    ufw.converge()
    for family, name in (("ipv4", "debian.rules"), ("ipv6", "debian6.rules")):
        ufw.locate_file(family).write_text((GOLDEN / name).read_text())
    ufw.start()
    assert [name for name in ("friend", "outsider") if ufw.reaches(name, 8001)] == []
    assert ufw.find_drift() != ()
    ufw.converge()
    assert [name for name in ("friend", "outsider") if ufw.reaches(name, 8001)] == ["friend"]


@pytest.mark.parametrize("family", ["ipv4", "ipv6"])
def test_after_a_disabled_ufw_only_our_rules_drop(ufw, family):
    """`ufw disable` and `ufw-init flush-all` remove all rules of iptables, with the policy ACCEPT."""
    ufw.converge()
    for each in NUMBERS:
        ufw.lab.host.run(
            f"{PROGRAMS[each]}-restore", stdin="*filter\n:INPUT ACCEPT\n:FORWARD ACCEPT\n:OUTPUT ACCEPT\nCOMMIT\n"
        )
    assert [name for name in ("friend", "ally", "outsider") if ufw.reaches(name, 8001, family)] == ["friend", "ally"]


# Rules that `ufw logging high`, and `ufw allow` of another port, add.
HARMLESS = {
    "ufw logging high": [
        "-A @-before-logging-input -j LOG",
        "-A @-after-logging-input -j LOG",
        "-I @-user-input 1 -j LOG",
    ],
    "ufw allow of another port": ["-A @-user-input -p tcp --dport 8002 -j ACCEPT"],
}


@pytest.mark.parametrize("rules", HARMLESS.values(), ids=HARMLESS)
def test_other_settings_of_ufw_do_not_affect_managed_ports(ufw, rules):
    ufw.converge()
    ufw.add(*rules)
    assert [name for name in ("friend", "ally", "outsider") if ufw.reaches(name, 8001)] == ["friend", "ally"]
    assert ufw.find_drift() == ()
    ufw.add(*(rule.replace("-A ", "-D ").replace("-I @-user-input 1", "-D @-user-input") for rule in rules))
    assert [name for name in ("friend", "ally", "outsider") if ufw.reaches(name, 8001)] == ["friend", "ally"]


def test_a_restart_of_ufw_loads_our_rule(ufw):
    ufw.converge()
    ufw.start()
    assert [name for name in ("friend", "ally", "outsider") if ufw.reaches(name, 8001)] == ["friend", "ally"]
    assert ufw.find_drift() == ()


def test_ufw_limit_is_effective(ufw):
    ufw.converge()
    ufw.add(
        "-A @-user-input -p tcp --dport 8000 -m conntrack --ctstate NEW -m recent --set",
        "-A @-user-input -p tcp --dport 8000 -m conntrack --ctstate NEW -m recent --update --seconds 30 --hitcount 6 -j @-user-limit",
        "-A @-user-input -p tcp --dport 8000 -j @-user-limit-accept",
    )
    assert [ufw.reaches("friend", 8000) for _try in range(7)] == [True] * 5 + [False] * 2
    assert not ufw.reaches("outsider", 8001)


def test_a_ban_after_our_rule_is_drift_and_effective_after_the_next_run(ufw):
    ufw.converge()
    before = ufw.list_rules()
    ufw.add("-A @-after-input -s 10.0.2.2 -j DROP")
    assert ufw.reaches("ally", 8001)
    assert ufw.find_drift() == (
        "iptables rule precedes `-A ufw-after-input -s 10.0.2.2/32 -j DROP`, which therefore has no effect",
    )
    ufw.converge()
    assert not ufw.reaches("ally", 8001)
    assert ufw.list_rules() == [*before[:-1], "-A ufw-after-input -s 10.0.2.2/32 -j DROP", before[-1]]
    assert ufw.find_drift() == ()


@pytest.mark.parametrize("end", ["-j DROP", "-j REJECT", "-p tcp -m tcp --dport 8001 -j DROP", "-p tcp -j REJECT"])
@pytest.mark.parametrize("family", ["ipv4", "ipv6"])
def test_a_rule_of_after_rules_that_drops_all_packets(ufw, family, end):
    chain = f"ufw{NUMBERS[family]}-after-input"
    text = ufw.locate_file(family).read_text()
    ufw.locate_file(family).write_text(
        text.replace("COMMIT\n", f"-A {chain} {end}\n-A {chain} -p udp --dport 9 -j ACCEPT\nCOMMIT\n")
    )
    before = ufw.locate_file(family).read_text()
    ufw.start()
    ufw.converge()
    assert ufw.reaches("friend", 8001, family)
    assert ufw.find_drift() == ()
    loaded = ufw.list_saved(family)
    ufw.start()
    assert ufw.list_saved(family) == loaded
    assert ufw.reaches("friend", 8001, family)
    late = ufw.read_late()
    assert late.compare_persisted(WANT) == ()
    late.apply(None)
    late.persist(None)
    assert ufw.locate_file(family).read_text() == before


def test_our_rule_after_a_rule_that_drops_all_packets_is_drift(ufw):
    ufw.converge()
    ufw.add("-I @-after-input 1 -j DROP")
    assert not ufw.reaches("friend", 8001)
    assert ufw.find_drift() == ("iptables rule follows `-A ufw-after-input -j DROP`, which drops authorised packets",)
    ufw.converge()
    assert ufw.reaches("friend", 8001)
    assert ufw.find_drift() == ()


@pytest.mark.parametrize("family", ["ipv4", "ipv6"])
@pytest.mark.parametrize("changes, drift", [
    ([f"-D @-after-input {RULE}"], ["rule missing: -A @-after-input {rule}"]),
    ([f"-A @-after-input {RULE}"], ["rule present 2 times: -A @-after-input {listed}"]),
    ([f"-A INPUT {RULE}"], ["rule in the wrong chain: -A INPUT {listed}"]),
    ([f"-D @-after-input {RULE}", f"-A @-after-logging-input {RULE}"],
     ["rule in the wrong chain: -A @-after-logging-input {listed}", "rule missing: -A @-after-input {rule}"]),
], ids=["missing", "repeated", "also in INPUT", "in another chain"])  # fmt: skip
def test_drift_of_the_loaded_chain_and_its_repair(ufw, family, changes, drift):
    ufw.converge()
    expected = {loaded: ufw.list_saved(loaded) for loaded in NUMBERS}
    ufw.add(*changes, family=family)
    listed = RULE.replace("gatehouse.kong", '"gatehouse.kong"')
    names = [line.replace("@", f"ufw{NUMBERS[family]}").format(rule=RULE, listed=listed) for line in drift]
    assert ufw.find_drift() == tuple(f"{PROGRAMS[family]} {line}" for line in names)
    ufw.converge()
    assert {loaded: ufw.list_saved(loaded) for loaded in NUMBERS} == expected


def test_without_a_ruleset_our_rule_is_removed(ufw):
    files = {family: ufw.locate_file(family).read_bytes() for family in NUMBERS}
    rules = {family: ufw.list_saved(family) for family in NUMBERS}
    assert ufw.find_drift(None) == ()
    ufw.converge()
    assert len(ufw.find_drift(None)) == 2
    assert len(ufw.read_late().compare_persisted(None)) == 2
    late = ufw.read_late()
    late.apply(None)
    late.persist(None)
    assert {family: ufw.locate_file(family).read_bytes() for family in NUMBERS} == files
    assert {family: ufw.list_saved(family) for family in NUMBERS} == rules
    assert ufw.find_drift(None) == ()
    assert ufw.read_late().compare_persisted(None) == ()


def test_a_second_run_changes_nothing(ufw):
    ufw.converge()
    numbers = {family: ufw.locate_file(family).stat().st_ino for family in NUMBERS}
    assert ufw.find_drift() == ()
    assert ufw.read_late().compare_persisted(WANT) == ()
    ufw.converge()
    assert {family: ufw.locate_file(family).stat().st_ino for family in NUMBERS} == numbers


def test_text_counters_and_comments_of_third_party_rules_are_preserved(ufw):
    ufw.add('-A @-after-input -s 10.0.3.2 -m comment --comment "a \\"b\\" #c" -j DROP')
    assert not ufw.reaches("outsider", 8000)
    counted = [
        line for line in ufw.lab.host.run("iptables-save", "-c", "-t", "filter").splitlines() if "10.0.3.2" in line
    ]
    assert len(counted) == 1
    assert not counted[0].startswith("[0:0]")
    ufw.converge()
    after = ufw.lab.host.run("iptables-save", "-c", "-t", "filter").splitlines()
    assert [line for line in after if "10.0.3.2" in line] == counted


USER_RULES = """\
*filter
:ufw-user-input - [0:0]
### RULES ###
-A ufw-user-input -p tcp --dport 22 -j ACCEPT
# a comment
-A ufw-user-input -p tcp --dport 80 -j ACCEPT

### END RULES ###
COMMIT
"""


def test_lines_in_user_rules_that_ufw_did_not_write_are_preserved(ufw):
    path = ufw.lab.host.locate("/etc/ufw/user.rules")
    path.write_text(USER_RULES)
    ufw.restore(USER_RULES)
    rules = ufw.list_rules(chain="@-user-input")
    ufw.converge()
    assert path.read_text() == USER_RULES
    assert ufw.list_rules(chain="@-user-input") == rules
    assert ufw.reaches("outsider", 80)
    ufw.start()
    ufw.restore(USER_RULES)
    assert ufw.reaches("outsider", 80)


def run_snapshot(ufw, snapshot):
    """Run the commands of a snapshot, as the rollback does."""
    assert snapshot.files == ()
    assert len(snapshot.load) == 1
    ((command, given),) = snapshot.load
    ufw.lab.host.run(*command, stdin=given)


def test_a_rollback_removes_our_rule_and_keeps_later_edits(ufw):
    before = {family: ufw.locate_file(family).read_text() for family in NUMBERS}
    snapshot = ufw.read_late().snapshot(None)
    ufw.converge()
    ufw.locate_file().write_text(
        ufw.locate_file().read_text().replace("COMMIT\n", "-A ufw-after-input -s 10.0.2.2 -j DROP\nCOMMIT\n")
    )
    ufw.add("-A @-after-input -s 10.0.2.2 -j DROP")
    for _time in range(2):
        run_snapshot(ufw, snapshot)
        assert ufw.find_drift(None) == ()
        assert ufw.locate_file().read_text() == before["ipv4"].replace(
            "COMMIT\n", "-A ufw-after-input -s 10.0.2.2 -j DROP\nCOMMIT\n"
        )
        assert ufw.locate_file("ipv6").read_text() == before["ipv6"]
        assert ufw.list_rules()[-1] == "-A ufw-after-input -s 10.0.2.2/32 -j DROP"


def test_a_rollback_restores_our_rule(ufw):
    ufw.converge()
    files, rules = ufw.locate_file().read_text(), ufw.list_saved()
    late = ufw.read_late()
    snapshot = late.snapshot(WANT)
    late.apply(None)
    late.persist(None)
    for _time in range(2):
        run_snapshot(ufw, snapshot)
        assert ufw.locate_file().read_text() == files
        assert ufw.list_saved() == rules


def test_a_rollback_at_boot_edits_the_files_of_a_ufw_that_is_not_loaded(ufw):
    before = ufw.locate_file().read_text()
    snapshot = ufw.read_late().snapshot(None)
    ufw.converge()
    ufw.stop()
    run_snapshot(ufw, snapshot)
    assert ufw.locate_file().read_text() == before
    assert ufw.list_saved() == []


def test_check_mode_changes_nothing(ufw):
    before = ufw.list_saved(), ufw.locate_file().read_bytes()
    ufw.read_late().validate(WANT, check_mode=True)
    assert (ufw.list_saved(), ufw.locate_file().read_bytes()) == before


@pytest.mark.parametrize("commands, message", [
    ("-F INPUT", ("iptables-save has no line `-A INPUT -j ufw-before-input`. Load them with `iptables -F "
     "ufw-before-logging-input; iptables -X ufw-before-logging-input; ufw reload`, or disable ufw with `ufw disable`")),
    ("-F ufw-before-input", ("iptables-save has no line `-A ufw-before-input -j ufw-user-input`. Load them with `ufw reload`, "
     "or disable ufw with `ufw disable`")),
    ("-D INPUT -j ufw-after-input", ("iptables-save has no line `-A INPUT -j ufw-after-input`. Load them with `iptables -F "
     "ufw-before-logging-input; iptables -X ufw-before-logging-input; ufw reload`, or disable ufw with `ufw disable`")),
])  # fmt: skip
def test_chains_that_packets_do_not_pass_are_an_error(ufw, commands, message):
    ufw.add(commands)
    with pytest.raises(HostError) as error:
        ufw.read_late()
    assert str(error.value) == f"the rules of ufw are not loaded: {message}"


def test_a_file_without_a_place_is_an_error_before_any_change(ufw):
    ufw.locate_file().write_text("*nat\nCOMMIT\n")
    late = ufw.read_late()
    with pytest.raises(HostError) as error:
        late.compare_persisted(WANT)
    assert str(error.value) == (
        "/etc/ufw/after.rules has no table `*filter` with the chain ufw-after-input that ends in a line `COMMIT`. Restore it "
        "from /usr/share/ufw/after.rules"
    )
    assert late.compare_persisted(None) == ()


def test_a_host_with_ipv6_disabled_in_ufw(ufw):
    ufw.lab.host.locate("/etc/default/ufw").write_text("IPV6=no\n")
    ufw.locate_file("ipv6").write_text("")
    ufw.converge()
    assert ufw.reaches("friend", 8001)
    assert ufw.locate_file("ipv6").read_text() == ""
    assert [str(conflict) for conflict in ufw.read_late().find_conflicts(WANT) if conflict.where == "ufw"] == [
        (
            "ufw may block IPv6 to tcp 8000 at every address, IPv6 to tcp 8001 at every address: /etc/default/ufw has no "
            "IPV6=yes, so ufw drops all IPv6 packets. Set IPV6=yes in /etc/default/ufw and run `ufw reload`, unless that is "
            "intended"
        )
    ]


CONFLICTS = {
    "deny to a port": (["-A @-user-input -p tcp --dport 8001 -j DROP"], True),
    "deny a network with all sources": (["-A @-user-input -p tcp --dport 8001 -s 10.0.0.0/16 -j DROP"], True),
    "drop in ufw-before-input": (["-I @-before-input 1 -p tcp --dport 8001 -j DROP"], True),
    "deny a source": (["-A @-user-input -s 10.0.2.2 -j DROP"], False),
    "deny a source to a port": (["-A @-user-input -p tcp --dport 8001 -s 10.0.2.2 -j DROP"], False),
    "deny after allow": (["-A @-user-input -p tcp --dport 8001 -j ACCEPT",
                          "-A @-user-input -p tcp --dport 8001 -j DROP"], False),
    "limit": (["-A @-user-input -p tcp --dport 8001 -m conntrack --ctstate NEW -m recent --set",
               "-A @-user-input -p tcp --dport 8001 -m conntrack --ctstate NEW -m recent --update --seconds 30 --hitcount 6 -j @-user-limit",
               "-A @-user-input -p tcp --dport 8001 -j @-user-limit-accept"], False),
    "deny another port": (["-A @-user-input -p tcp --dport 8002 -j DROP"], False),
}  # fmt: skip


@pytest.mark.parametrize("rules, certain", CONFLICTS.values(), ids=CONFLICTS)
@pytest.mark.parametrize("first", [False, True], ids=["after our run", "before our run"])
def test_a_rule_that_drops_every_source_is_a_conflict(ufw, rules, certain, first):
    steps = [ufw.converge, lambda: ufw.add(*rules)]
    for step in steps[::-1] if first else steps:
        step()
    found = [conflict for conflict in ufw.read_late().find_conflicts(WANT) if conflict.where.startswith("table")]
    assert [(conflict.where, conflict.ports) for conflict in found if conflict.stops] == (
        [("table filter of iptables", ("tcp 8001 at every address",))] if certain else []
    )
    assert ufw.reaches("friend", 8001) is not certain


def test_a_ban_after_the_chains_of_ufw_is_reported(ufw):
    ufw.converge()
    ufw.add(
        "-A INPUT -s 10.0.2.2 -j DROP", "-A INPUT -p tcp --dport 22 -j DROP", "-A INPUT -p tcp --dport 8001 -j ACCEPT"
    )
    assert ufw.reaches("ally", 8001)
    assert [str(conflict) for conflict in ufw.read_late().find_conflicts(WANT) if conflict.effect == "exempt"] == [
        (
            "table filter of iptables exempts authorised sources on tcp 8000 at every address, tcp 8001 at every address: "
            "`-A INPUT -s 10.0.2.2/32 -j DROP` follows the chains of ufw, which accept authorised packets. Move it to the top "
            "of INPUT, or use `ufw insert 1 deny from ...`"
        )
    ]
