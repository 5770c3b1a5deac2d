# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The early part in iptables reads, changes and removes the rules and sets of a model of a host."""

from __future__ import annotations

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._backends.iptables.backend import Iptables
from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import Host, HostError
from ansible_collections.gatehouse.kong.plugins.module_utils._host.systemd import start_new
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.nft_tables import has_iptables_nft
from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.data import ruleset_from_data
from ansible_collections.gatehouse.kong.plugins.module_utils._transaction.backend import Live


def make_ruleset(sources, port=8001, **more):
    entry = {"listener": "admin", "protocol": "tcp", "port": port, "sources": ["admins"], **more}
    return ruleset_from_data({"allow": [entry], "sets": {"admins": sources}})


FOUR = {"ipv4": ["10.9.0.0/24"]}
BOTH = {"ipv4": ["10.9.0.0/24"], "ipv6": ["fd09::/64"]}
WANT, OTHER = make_ruleset(BOTH), make_ruleset({"ipv4": ["10.8.0.0/16"], "ipv6": ["fd09::/64"]}, 9001)
SCRIPT = "/etc/gatehouse_kong_iptables/load.sh"
UNIT = "/etc/systemd/system/gatehouse-kong-iptables.service"
WANTS = "/etc/systemd/system/sysinit.target.wants/gatehouse-kong-iptables.service"


class FakeHost(Host):
    """A host with iptables-legacy. Commands change its tables mangle and its sets."""

    def __init__(self, root, *, ipv6=True):
        super().__init__(root)
        self.rules = {"iptables": ["-A INPUT -j FOREIGN"], "ip6tables": []}
        self.chains = {"iptables": [], "ip6tables": []}
        self.sets = {}
        self.calls = []
        self.missing = {"nft"}
        self.refused = ""  # by iptables-restore
        (root / "bin").mkdir()
        for name in ("iptables", "ip6tables"):
            for action in ("", "-save", "-restore"):
                (root / f"bin/{name}{action}").symlink_to("xtables-legacy-multi")
        if ipv6:
            self.write("/proc/net/if_inet6", "", 0o444)

    def which(self, program):
        path = self.locate("/bin") / program
        if "tables" in program:
            return str(path) if path.parent == self.locate("/bin") and path.is_symlink() else None
        return None if program in self.missing else f"/sbin/{program}"

    def run(self, *argv, stdin="", **_limits):
        name, _dash, action = argv[0].rpartition("/")[2].partition("-")
        self.calls.append((f"{name}-{action}" if action else name, *argv[1:], stdin))
        if action == "save":
            chains = [f":{chain} - [0:0]" for chain in self.chains[name]]
            return "\n".join(["*mangle", ":INPUT ACCEPT [0:0]", *chains, *self.rules[name], "COMMIT", ""])
        if action == "restore":
            if self.refused and self.refused in stdin:
                raise HostError("refused")
            if "--test" not in argv:
                self.load(name, stdin.splitlines())
        if argv == ("ipset", "save"):
            return self.save_sets()
        if argv == ("ipset", "restore"):
            self.change(stdin.splitlines())
        return ""

    def load(self, name, lines):
        assert (lines[0], lines[-1]) == ("*mangle", "COMMIT")
        for line in lines[1:-1]:
            word, chain, *_rest = line.replace(":", ": ", 1).split()
            if word == ":":
                self.chains[name] = [*{*self.chains[name], chain}]
                self.rules[name] = [rule for rule in self.rules[name] if not rule.startswith(f"-A {chain} ")]
            elif word == "-I":
                self.rules[name].insert(0, line.replace("-I INPUT 1", "-A INPUT"))
            elif word == "-D":
                self.rules[name].remove(f"-A{line[2:]}")
            elif word == "-X":
                self.chains[name].remove(chain)
            else:
                self.rules[name].append(line)

    def call(self, function, *args):
        if function is start_new:
            raise OSError
        assert function is has_iptables_nft
        return False

    def change(self, lines):
        for word, name, *rest in map(str.split, lines):
            if word == "create":
                self.sets[name] = [" ".join(rest)]
            elif word == "add":
                self.sets[name].append(rest[0])
            elif word == "swap":
                self.sets[name], self.sets[rest[0]] = self.sets[rest[0]], self.sets[name]
            else:
                del self.sets[name]

    def save_sets(self):
        return "".join(
            f"create {name} {kind}\n" + "".join(f"add {name} {element}\n" for element in members)
            for name, (kind, *members) in self.sets.items()
        )

    def select_calls(self, *names):
        return [call for call in self.calls if call[0] in names]


def load_host(tmp_path, want=WANT, **more):
    host = FakeHost(tmp_path, **more)
    Iptables(host).apply(want)
    host.calls.clear()
    return host


def test_rules_are_loaded_read_changed_and_removed(tmp_path):
    host = FakeHost(tmp_path)
    before = {name: [*lines] for name, lines in host.rules.items()}
    assert Iptables(host).read() == Live(None)
    for want in (WANT, OTHER, WANT):
        made = Iptables(host)
        assert made.apply(want) == ()
        assert made.read() == Live(want)
        assert Iptables(host).read() == Live(want)
    assert {argv[1:-1] for argv in host.select_calls("iptables-restore", "ip6tables-restore")} == {
        ("--wait", "10", "--noflush")
    }
    made = Iptables(host)
    made.apply(None)
    assert (made.read(), host.rules, host.sets) == (Live(None), before, {})
    assert not any(host.chains.values())


def test_unchanged_rules_are_not_loaded(tmp_path):
    host = load_host(tmp_path)
    Iptables(host).apply(WANT)
    assert [argv[:-1] for argv in host.calls] == [("iptables-save",), ("ip6tables-save",), ("ipset", "save")]


def test_the_rules_are_read_once(tmp_path):
    host = load_host(tmp_path)
    made = Iptables(host)
    assert made.read() == made.read()
    assert len(host.calls) == 3


def test_a_failed_load_restores_the_rules(tmp_path):
    host = load_host(tmp_path)
    host.refused = "9001"
    with pytest.raises(HostError, match="refused"):
        Iptables(host).apply(OTHER)
    assert Iptables(host).read() == Live(WANT)


def test_the_first_error_is_reported_if_the_rules_cannot_be_restored(tmp_path):
    host = FakeHost(tmp_path)
    host.refused = "COMMIT"
    with pytest.raises(HostError, match="refused"):
        Iptables(host).apply(WANT)


def test_without_ipv6_its_rules_are_read_from_the_boot_script(tmp_path):
    host = FakeHost(tmp_path, ipv6=False)
    made = Iptables(host)
    made.apply(WANT)
    assert {argv[0] for argv in host.calls} == {"iptables-save", "iptables-restore", "ipset"}
    made.persist(WANT)
    assert Iptables(host).read() == Live(WANT)
    ipv4 = make_ruleset(FOUR)
    assert [(conflict.where, SCRIPT in conflict.reason) for conflict in made.find_conflicts(WANT)] == [
        ("the kernel", True)
    ]
    assert made.find_conflicts(ipv4) == ()
    host.write("/proc/net/if_inet6", "", 0o444)
    assert Iptables(host).find_conflicts(WANT) == ()


def test_only_check_mode_validates_and_only_rules_that_change(tmp_path):
    host = load_host(tmp_path)
    for want, check_mode in ((OTHER, False), (None, True), (WANT, True)):
        Iptables(host).validate(want, check_mode=check_mode)
    assert host.select_calls("iptables-restore", "ip6tables-restore") == []
    Iptables(host).validate(OTHER, check_mode=True)
    tests = host.select_calls("iptables-restore", "ip6tables-restore")
    assert [argv[:-1] for argv in tests] == [
        (f"{name}-restore", "--wait", "10", "--noflush", "--test") for name in ("iptables", "ip6tables")
    ]
    assert all("9001" in argv[-1] and "--match-set" not in argv[-1] for argv in tests)
    assert Iptables(host).read() == Live(WANT)


def test_the_snapshot_has_a_script_for_the_rules_and_the_files_of_the_unit(tmp_path):
    made = Iptables(FakeHost(tmp_path))
    found = made.snapshot(Live(WANT), None)
    assert found.files[:2] == (SCRIPT, UNIT)
    assert WANTS in found.files
    ((command, script),) = found.load
    assert command == ("sh",)
    assert ("8001" in script, f"{tmp_path}/bin/iptables" in script, "/sbin/ipset" in script) == (True, True, True)
    ((_command, removal),) = made.snapshot(Live(None), WANT).load
    assert "8001" not in removal
    assert f"{tmp_path}/bin/ip6tables" in removal


def test_files_are_written_and_removed(tmp_path):
    host = FakeHost(tmp_path)
    made = Iptables(host)
    assert made.compare_persisted(WANT)[:2] == (f"{SCRIPT}: missing", f"{UNIT}: missing")
    made.persist(WANT)
    assert (made.compare_persisted(WANT), made.compare_persisted(OTHER)) == ((), (f"{SCRIPT}: differs",))
    assert f"{UNIT}: to be removed" in made.compare_persisted(None)
    made.persist(None)
    assert (made.compare_persisted(None), host.locate(SCRIPT).exists()) == ((), False)


def test_published_ports_need_nft(tmp_path):
    made = Iptables(FakeHost(tmp_path))
    with pytest.raises(HostError, match=r"8001 .*nft"):
        made.find_conflicts(make_ruleset(FOUR, published=True, address="0.0.0.0"))
    assert made.find_conflicts(WANT) == ()
    assert made.find_translations() == ()


def test_requirements(tmp_path, monkeypatch):
    host, asked = FakeHost(tmp_path), []
    for name in ("require_net_admin", "require_systemd", "require_writable"):
        monkeypatch.setattr(host, name, lambda *paths, name=name: asked.append((name, *paths)))
    Iptables(host).require()
    assert asked == [("require_net_admin",), ("require_systemd",), ("require_writable", "/etc")]
    (tmp_path / "bin/ip6tables-restore").unlink()
    with pytest.raises(HostError, match="ip6tables"):
        Iptables(host).require()
    host.missing.add("ipset")
    with pytest.raises(HostError, match="ipset is not installed"):
        Iptables(host).require()


def test_rules_of_the_other_variant_are_an_error(tmp_path, monkeypatch):
    host = FakeHost(tmp_path)
    for name in ("require_net_admin", "require_systemd", "require_writable"):
        monkeypatch.setattr(host, name, lambda *_paths: None)
    monkeypatch.setattr(host, "call", lambda *_call: True)
    monkeypatch.setattr(host, "run", lambda *_argv: "*filter\n-A INPUT -j DROP\nCOMMIT\n")
    Iptables(host).require()
    (tmp_path / "bin/iptables-nft-save").symlink_to("xtables-nft-multi")
    with pytest.raises(HostError, match="iptables-nft"):
        Iptables(host).require()


CHAIN, JUMP = "GATEHOUSE-KONG", "-A INPUT -j GATEHOUSE-KONG"


def drop_rule(host, family, at):
    lines = [line for line in host.rules[family] if line.startswith(f"-A {CHAIN} ")]
    host.rules[family].remove(lines[at])
    return lines[at]


# A change of the rules or sets by another program, and the reported differences.
DAMAGE = {
    "the jump is missing": (
        lambda host: host.rules["iptables"].remove(JUMP), ["iptables: the jump from INPUT to GATEHOUSE-KONG is missing"]
    ),
    "the jump is not first": (
        lambda host: host.rules["iptables"].insert(0, "-A INPUT -j ACCEPT"),
        ["iptables: the jump to GATEHOUSE-KONG is not the first rule of INPUT, or is repeated"],
    ),
    "another jump": (
        lambda host: host.rules["ip6tables"].append("-A FORWARD -j GATEHOUSE-KONG"),
        ["unexpected ip6tables rule: -A FORWARD -j GATEHOUSE-KONG",
         "ip6tables: the jump to GATEHOUSE-KONG is not the first rule of INPUT, or is repeated"],
    ),
    "another rule": (
        lambda host: host.rules["iptables"].append(f"-A {CHAIN} -s 10.0.0.9/32 -j RETURN"),
        [f"unexpected iptables rule: -A {CHAIN} -s 10.0.0.9/32 -j RETURN"],
    ),
    "a rule twice": (
        lambda host: host.rules["iptables"].append(host.rules["iptables"][-1]),
        ["iptables: the rules of GATEHOUSE-KONG are in another order or repeated"],
    ),
    "another set": (
        lambda host: host.sets.update({"gkong4-x": ["hash:net family inet maxelem 1048576"]}),
        ["set gkong4-x: unused, or used only during a change"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", DAMAGE)
def test_differences_are_reported_and_repaired(tmp_path, case):
    damage, expected = DAMAGE[case]
    host = load_host(tmp_path)
    damage(host)
    assert list(Iptables(host).read().drift) == expected
    Iptables(host).apply(WANT)
    assert Iptables(host).read() == Live(WANT)


def test_a_missing_rule_is_reported(tmp_path):
    host = load_host(tmp_path)
    line = drop_rule(host, "ip6tables", 0)
    assert Iptables(host).read().drift == (f"ip6tables rule missing: {line}",)


def test_a_missing_set_is_reported(tmp_path):
    host = load_host(tmp_path)
    del host.sets["gkong4-admins"]
    assert Iptables(host).read().drift == ("set gkong4-admins: missing",)


def test_unused_sets_are_reported(tmp_path):
    host = FakeHost(tmp_path)
    host.sets["gkong6-b"] = host.sets["gkong4-a"] = ["hash:net family inet maxelem 1048576"]
    assert Iptables(host).read() == Live(None, tuple(f"set {name}: unused" for name in ("gkong4-a", "gkong6-b")))
