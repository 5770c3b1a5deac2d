# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The commands that the early part in nftables runs, and its answers. tests/netns loads its rules."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._backends.nftables.backend import Nftables
from ansible_collections.gatehouse.kong.plugins.module_utils._backends.nftables.render import render_table
from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import Host, HostError
from ansible_collections.gatehouse.kong.plugins.module_utils._host.systemd import start_new
from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.data import ruleset_from_data
from ansible_collections.gatehouse.kong.plugins.module_utils._transaction.backend import Live

GOLDEN = Path(__file__).parents[5] / "golden" / "nftables"
FILES = (
    "/etc/gatehouse_kong/ruleset.nft",
    "/etc/systemd/system/gatehouse-kong-firewall.service",
    "/etc/systemd/system/nftables.service.d/gatehouse-kong-firewall.conf",
    "/etc/systemd/system/sysinit.target.wants/gatehouse-kong-firewall.service",
)


def read_golden(name):
    listed = json.loads((GOLDEN / f"{name}.listed.json").read_text())
    return ruleset_from_data(json.loads((GOLDEN / f"{name}.json").read_text())), listed


WANT, LISTED = read_golden("sources")
CHANGED = [*LISTED, LISTED[-1]]  # another program repeated a rule
PUBLISHED, _listed = read_golden("published")
TABLE = {"table": {"family": "inet", "name": "gatehouse_kong", "handle": 2}}


class FakeHost(Host):
    """A host with fake programs. nft lists `objects`, and `table` for our table. `prints` is the output of the rest."""

    def __init__(self, root, objects=(), table=()):
        super().__init__(root)
        self.objects, self.table = [*objects], [*table]
        self.prints = {"iptables-nft-save": "", "ip6tables-nft-save": ""}
        self.missing = set()
        self.calls = []

    def which(self, program):
        return None if program in self.missing else f"/usr/sbin/{program}"

    def run(self, *argv, stdin="", **_limits):
        self.calls.append((argv, stdin))
        if argv == ("nft", "--json", "--terse", "list", "ruleset"):
            return json.dumps({"nftables": self.objects})
        if argv == ("nft", "--json", "list", "table", "inet", "gatehouse_kong"):
            return json.dumps({"nftables": self.table})
        if argv == ("nft", "list", "table", "inet", "gatehouse_kong"):
            return "table as listed"
        return self.prints.get(argv[0], "")

    def call(self, function, *args):
        assert function is start_new
        raise OSError

    @property
    def loaded(self):
        return [given for argv, given in self.calls if argv == ("nft", "--file", "-")]


def make_chain(hook="input", family="inet", table="filter", name="c", priority=0, policy="accept"):
    place = {"family": family, "table": table}
    return {"chain": {**place, "name": name, "type": "filter", "hook": hook, "prio": priority, "policy": policy}}


@pytest.mark.parametrize(
    "objects, asks",
    [
        ([TABLE], True),
        ([], False),
        ([{"table": {"family": "ip", "name": "gatehouse_kong"}}], False),
        ([{"table": {"family": "inet", "name": "gatehouse_kong_transparent"}}], False),
        ([make_chain(table="gatehouse_kong")], False),
    ],
)
def test_our_table_is_listed_if_it_is_there(tmp_path, objects, asks):
    host = FakeHost(tmp_path, objects, LISTED)
    assert Nftables(host).read() == (Live(WANT) if asks else Live(None))
    assert len(host.calls) == 1 + asks


def test_differences_of_the_table_are_reported(tmp_path):
    host = FakeHost(tmp_path, [TABLE], CHANGED)
    live = Nftables(host).read()
    assert live.drift
    found = Nftables(host).snapshot(live, None)
    assert found.load == ((("nft", "--file", "-"), f"{render_table(None)}table as listed"),)


@pytest.mark.parametrize("ruleset", [WANT, None])
def test_the_snapshot_has_the_table_and_the_files_of_the_unit(tmp_path, ruleset):
    host = FakeHost(tmp_path)
    found = Nftables(host).snapshot(Live(ruleset), None)
    assert (found.files, found.load) == (FILES, ((("nft", "--file", "-"), render_table(ruleset)),))
    assert host.calls == []


def test_a_table_that_is_new_removed_or_changed_by_a_third_party_is_replaced(tmp_path):
    for table, want in (([], WANT), (CHANGED, WANT), (LISTED, None)):
        host = FakeHost(tmp_path, [TABLE] if table else [], table)
        made = Nftables(host)
        made.read()
        assert made.apply(want) == ()
        assert host.loaded == [render_table(want)]


def test_an_unchanged_table_is_updated_in_steps(tmp_path):
    host = FakeHost(tmp_path, [TABLE], LISTED)
    made = Nftables(host)
    made.read()
    made.apply(PUBLISHED)
    assert host.loaded
    assert all("delete table" not in text for text in host.loaded)


def test_only_check_mode_validates(tmp_path):
    host = FakeHost(tmp_path)
    Nftables(host).validate(WANT, check_mode=False)
    assert host.calls == []
    Nftables(host).validate(WANT, check_mode=True)
    assert host.calls == [(("nft", "--check", "--file", "-"), render_table(WANT))]


def test_files_are_written_and_removed(tmp_path):
    host = FakeHost(tmp_path)
    made = Nftables(host)
    assert made.compare_persisted(WANT) == tuple(f"{path}: missing" for path in FILES)
    made.persist(WANT)
    assert host.read(FILES[0]) == render_table(WANT)
    assert (made.compare_persisted(WANT), made.compare_persisted(PUBLISHED)) == ((), (f"{FILES[0]}: differs",))
    assert made.compare_persisted(None) == tuple(
        f"{path}: to be removed" for path in (*FILES[1:], "/etc/gatehouse_kong")
    )
    made.persist(None)
    assert made.compare_persisted(None) == ()


@pytest.mark.parametrize("want", [WANT, None])
def test_copies_in_files_of_the_host_are_removed(tmp_path, want):
    host, file = FakeHost(tmp_path), "/etc/nftables.conf"
    host.write(file, "flush ruleset\ntable inet gatehouse_kong {\n}\n", 0o755)
    line = f"{file}: has rules of gatehouse.kong"
    assert Nftables(host).compare_persisted(want)[-1] == line
    Nftables(host).persist(want)
    assert host.read(file) == "flush ruleset\n"
    assert line not in Nftables(host).compare_persisted(want)


LATE_CHAINS = frozenset({("ip", "filter", "INPUT")})
# A base chain that drops all packets, the ruleset, and whether it is a conflict.
CHAINS = {
    "ingress": (make_chain("ingress", "netdev", policy="drop"), WANT, True),
    "prerouting": (make_chain("prerouting", policy="drop"), WANT, True),
    "input": (make_chain(priority=-20, policy="drop"), WANT, True),
    "egress": (make_chain("egress", "netdev", policy="drop"), WANT, True),
    "after the early part, so that the late part accepts": (make_chain(policy="drop"), WANT, True),
    "output": (make_chain("output", policy="drop"), WANT, False),
    "forward": (make_chain("forward", policy="drop"), WANT, False),
    "forward, published": (make_chain("forward", policy="drop"), PUBLISHED, True),
    "reported by the late part": (make_chain(family="ip", name="INPUT", policy="drop"), WANT, False),
    "its name in another family": (make_chain(family="ip6", name="INPUT", policy="drop"), WANT, True),
    "our table": (make_chain(table="gatehouse_kong", name="input", policy="drop"), WANT, False),
    "our table, published": (
        make_chain("forward", table="gatehouse_kong", name="forward", policy="drop"),
        PUBLISHED,
        False,
    ),
}


@pytest.mark.parametrize("case", CHAINS)
def test_conflicts_of_base_chains(tmp_path, case):
    listed, want, expected = CHAINS[case]
    family = listed["chain"]["family"]
    host = FakeHost(tmp_path, [{"table": {"family": family, "name": listed["chain"]["table"]}}, listed])
    found = Nftables(host, late_chains=LATE_CHAINS).find_conflicts(want)
    assert bool(found) is expected
    assert all(
        listed["chain"]["hook"] in conflict.where or listed["chain"]["name"] in conflict.where for conflict in found
    )


def test_conflicts_are_found_in_the_planned_objects(tmp_path):
    host = FakeHost(tmp_path, [{"table": {"family": "inet", "name": "filter"}}, make_chain(policy="drop")])
    assert Nftables(host).find_conflicts(WANT)
    asked = []

    def select_planned(listing, want):
        asked.append((listing.objects, want))
        return [item for item in listing.objects if "chain" not in item]

    assert Nftables(host, planned=select_planned).find_conflicts(WANT) == ()
    assert asked == [(host.objects, WANT)]


def make_legacy_rules(family):
    """Return rules of iptables-nft. nft does not list their options."""
    place = {"family": family, "table": "filter"}
    match = {"xt": {"type": "match", "name": "tcp"}}
    return [
        {"table": {"family": family, "name": "filter"}},
        {"chain": {**place, "name": "INPUT", "type": "filter", "hook": "input", "prio": 0, "policy": "accept"}},
        {"rule": {**place, "chain": "INPUT", "handle": 4, "expr": [match, {"drop": None}]}},
    ]


NAT = "*nat\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -p tcp -m tcp --dport {} -j DNAT --to-destination {}\nCOMMIT\n"
OPTIONS = "*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -p tcp -m tcp --dport 8001 -j DROP\nCOMMIT\n"
SAVES = {"ip": "iptables-nft-save", "ip6": "ip6tables-nft-save"}


@pytest.mark.parametrize("family", ["ip", "ip6"])
def test_options_of_iptables_are_read_from_the_program_of_the_family(tmp_path, family):
    host = FakeHost(tmp_path, make_legacy_rules(family))
    made = Nftables(host)
    host.prints[SAVES[family]] = OPTIONS
    (conflict,) = made.find_conflicts(WANT)
    assert (conflict.certain, [port.split()[1] for port in conflict.ports]) == (True, ["8001"])
    assert [argv for argv, _given in host.calls if argv[0].endswith("-save")] == [(SAVES[family],)]
    host.missing.add(SAVES[family])
    unknown = Nftables(host).find_conflicts(WANT)
    assert unknown
    assert not any(conflict.certain for conflict in unknown)


def test_translations_of_iptables_and_of_nft(tmp_path):
    base = {
        "chain": {
            "family": "ip",
            "table": "nat",
            "name": "pre",
            "type": "nat",
            "hook": "prerouting",
            "prio": -100,
            "policy": "accept",
        }
    }
    port = {"match": {"op": "==", "left": {"payload": {"protocol": "tcp", "field": "dport"}}, "right": 9001}}
    rule = {
        "rule": {
            "family": "ip",
            "table": "nat",
            "chain": "pre",
            "handle": 9,
            "expr": [port, {"dnat": {"addr": "172.17.0.9"}}],
        }
    }
    nat = [{"table": {"family": "ip", "name": "nat"}}, base, rule]
    host = FakeHost(tmp_path, [*nat, *make_legacy_rules("ip"), *make_legacy_rules("ip6")])
    host.prints = {
        "iptables-nft-save": NAT.format(8001, "172.17.0.2:80") + OPTIONS,
        "ip6tables-nft-save": NAT.format(8002, "[fd00::2]:80") + OPTIONS,
    }
    made = Nftables(host)
    made.find_conflicts(WANT)
    assert [(translation.place, translation.port, translation.to) for translation in made.find_translations()] == [
        ("nftables chain ip nat pre", 9001, "172.17.0.9"),
        ("iptables chain PREROUTING of table nat", 8001, "172.17.0.2"),
        ("ip6tables chain PREROUTING of table nat", 8002, "fd00::2"),
    ]


@pytest.mark.parametrize("hook, expected", [("prerouting", 1), ("output", 1), ("input", 0)])
def test_translations_need_a_chain_that_can_translate(tmp_path, hook, expected):
    port = {"match": {"op": "==", "left": {"payload": {"protocol": "tcp", "field": "dport"}}, "right": 9001}}
    rule = {
        "rule": {
            "family": "inet",
            "table": "filter",
            "chain": "c",
            "handle": 9,
            "expr": [port, {"dnat": {"addr": "172.17.0.9"}}],
        }
    }
    assert len(Nftables(FakeHost(tmp_path, [make_chain(hook), rule])).find_translations()) == expected


def test_requirements(tmp_path, monkeypatch):
    host, asked = FakeHost(tmp_path), []
    for name in ("require_net_admin", "require_systemd", "require_writable"):
        monkeypatch.setattr(host, name, lambda *paths, name=name: asked.append((name, *paths)))
    Nftables(host).require()
    assert asked == [("require_net_admin",), ("require_systemd",), ("require_writable", "/etc")]
    host.missing.add("nft")
    with pytest.raises(HostError, match="nft is not installed"):
        Nftables(host).require()
