# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The late part in iptables: differences, warnings, the script that it runs, and its files. tests/netns sends packets."""

from __future__ import annotations

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._backends.iptables.late import IptablesLate
from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import Host, HostError
from ansible_collections.gatehouse.kong.plugins.module_utils._host.systemd import start_new
from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.data import ruleset_from_data

ACCEPT = '-m mark --mark 0x10000000/0x10000000 -m comment --comment "gatehouse.kong" -j ACCEPT'
WANT = ruleset_from_data(
    {
        "allow": [
            {"listener": "proxy", "protocol": "tcp", "port": 8000, "sources": "any"},
            {"listener": "admin", "protocol": "tcp", "port": 8001, "sources": ["admins"]},
        ],
        "sets": {"admins": {"ipv4": ["10.9.0.0/24"], "ipv6": ["fd09::/64"]}},
    }
)
DROP = "-A INPUT -j DROP"
SCRIPT = "/etc/gatehouse_kong_accept/accept.sh"
UNIT = "/etc/systemd/system/gatehouse-kong-accept.service"
WANTS = "/etc/systemd/system/multi-user.target.wants/gatehouse-kong-accept.service"
DROP_INS = [f"/etc/systemd/system/{name}.service.d/gatehouse-kong-accept.conf" for name in ("iptables", "ip6tables")]
PLUGINS = "/usr/share/netfilter-persistent/plugins.d"
PLUGIN, SETS_PLUGIN = f"{PLUGINS}/90-gatehouse-kong", f"{PLUGINS}/05-gatehouse-kong"
IFUP_SCRIPTS = tuple(f"/etc/network/if-{phase}.d/zz-gatehouse-kong" for phase in ("pre-up", "up"))


def format_saved(*lines, policy="ACCEPT"):
    return "\n".join(["*filter", f":INPUT {policy} [0:0]", *lines, "COMMIT", ""])


def format_our_rule(chain="INPUT"):
    return f"-A {chain} {ACCEPT}"


RIGHT = format_saved(format_our_rule())


class FakeHost(Host):
    """A host with iptables-legacy. `listed` has the outputs of each iptables-save, in order."""

    def __init__(self, root, four=(RIGHT,), six=(RIGHT,), *, ipv6=True, nft=True):
        super().__init__(root)
        self.listed = {"iptables": list(four), "ip6tables": list(six)}
        self.nft = nft
        self.calls = []
        self.fails = None
        self.nft_is_loaded = False
        folder = self.locate("/bin")
        folder.mkdir(exist_ok=True)
        for name in ("xtables-legacy-multi", "systemctl"):
            (folder / name).touch()
        for path in ("/run/systemd/system", "/etc"):
            self.locate(path).mkdir(parents=True, exist_ok=True)
        for name in ("iptables", "ip6tables"):
            for action in ("", "-save", "-restore"):
                (folder / f"{name}{action}").symlink_to("xtables-legacy-multi")
        if ipv6:
            self.put("/proc/net/if_inet6", "")

    def put(self, path, text):
        self.locate(path).parent.mkdir(parents=True, exist_ok=True)
        self.locate(path).write_text(text)

    def which(self, program):
        if program == "nft":
            return "/sbin/nft" if self.nft else None
        path = self.locate("/bin") / program
        return str(path) if path.parent == self.locate("/bin") and path.exists() else None

    def run(self, *argv, stdin="", **_limits):
        name = argv[0].rpartition("/")[2]
        self.calls.append((name, *argv[1:], stdin))
        if name.endswith("-save"):
            texts = self.listed[name.removesuffix("-save")]
            return texts.pop(0) if len(texts) > 1 else texts[0]
        if self.fails and name == self.fails:
            raise HostError("no")
        return ""

    def call(self, function, *args):
        if function is start_new:
            raise OSError("without the socket of systemd its program is run")
        return self.nft_is_loaded

    @property
    def loaded(self):
        """The arguments and the script of each run of sh."""
        return [(argv[1:-1], argv[-1]) for argv in self.calls if argv[0] == "sh"]


def read_records(script):
    """Return the recorded places of a script, by family."""
    return {
        name: script.partition(f"<<'{name}'\n")[2].partition(f"\n{name}\n")[0].split("\n") for name in ("IPV4", "IPV6")
    }


def make_part(host, want=WANT):
    made = IptablesLate(host)
    made.read(want)
    return made


# The listed rules, whether rules are wanted, and the differences of a family.
LISTED = {
    "accepts by default": (format_saved(), True, ["the accept rule is missing in chain INPUT"]),
    "drops by default": (format_saved(policy="DROP"), True, ["the accept rule is missing in chain INPUT"]),
    "no difference": (format_saved(format_our_rule(), DROP), True, []),
    "not wanted": (format_saved(format_our_rule(), DROP), False, ["the accept rule in chain INPUT is not needed"]),
    "no rule": (format_saved(DROP), False, []),
}


@pytest.mark.parametrize("case", LISTED)
def test_the_differences_of_each_family(tmp_path, case):
    text, is_wanted, expected = LISTED[case]
    host = FakeHost(tmp_path, four=[text], six=[text])
    found = IptablesLate(host).read(WANT if is_wanted else None)
    assert found == tuple(f"{name}: {line}" for name in ("iptables", "ip6tables") for line in expected)
    assert [argv[0] for argv in host.calls] == ["iptables-save", "ip6tables-save"]


def test_without_ipv6_only_iptables_is_read(tmp_path):
    host = FakeHost(tmp_path, four=[format_saved(DROP)], six=[format_saved(DROP)], ipv6=False)
    assert [line.partition(":")[0] for line in IptablesLate(host).read(WANT)] == ["iptables"]
    assert [argv[0] for argv in host.calls] == ["iptables-save"]


def test_the_rules_are_loaded_once_and_read_again(tmp_path):
    host = FakeHost(
        tmp_path,
        four=[format_saved(DROP), format_saved(format_our_rule(), DROP)],
        six=[format_saved(policy="DROP"), format_saved(format_our_rule(), policy="DROP")],
    )
    made = make_part(host)
    assert made.apply(WANT) == ()
    ((options, script),) = host.loaded
    assert options == ("-s", "--")
    assert read_records(script) == {"IPV4": [DROP], "IPV6": ["-A INPUT"]}
    assert f"load {tmp_path}/bin/iptables places_ipv4" in script
    assert f"load {tmp_path}/bin/ip6tables places_ipv6" in script
    assert made.apply(WANT) == ()
    assert len(host.loaded) == 1


def test_unchanged_rules_are_not_loaded(tmp_path):
    host = FakeHost(tmp_path, four=[format_saved(format_our_rule(), DROP)])
    make_part(host).apply(WANT)
    assert host.loaded == []


def test_the_rules_are_removed(tmp_path):
    host = FakeHost(tmp_path, four=[format_saved(format_our_rule(), DROP), format_saved(DROP)], six=[format_saved()])
    make_part(host, None).apply(None)
    ((_options, script),) = host.loaded
    assert read_records(script) == {"IPV4": [""], "IPV6": [""]}
    assert len(host.loaded) == 1


def test_three_attempts_if_other_programs_change_the_rules(tmp_path):
    host = FakeHost(tmp_path, four=[format_saved(DROP)], six=[format_saved(DROP)])
    with pytest.raises(HostError, match=r"^iptables: the accept rule is missing in chain INPUT: "):
        make_part(host).apply(WANT)
    assert len(host.loaded) == 3


def test_the_third_attempt_can_succeed(tmp_path):
    host = FakeHost(tmp_path, four=[*[format_saved(DROP)] * 3, format_saved(format_our_rule(), DROP)])
    assert make_part(host).apply(WANT) == ()
    assert len(host.loaded) == 3


def test_only_check_mode_validates(tmp_path):
    host = FakeHost(tmp_path, four=[format_saved(DROP)])
    made = make_part(host)
    made.validate(WANT, check_mode=False)
    assert host.loaded == []
    made.validate(WANT, check_mode=True)
    made.validate(None, check_mode=True)
    assert [options for options, _script in host.loaded] == [("-s", "--", "--test")] * 2
    assert [read_records(script)["IPV4"] for _options, script in host.loaded] == [[DROP], [""]]


def test_the_snapshot_restores_the_current_rules(tmp_path):
    lines = (
        "-A INPUT -s 10.9.0.7/32 -j DROP",
        format_our_rule(),
        "-A INPUT -j LOG",
        DROP,
        ":OWN - [0:0]",
        format_our_rule("OWN"),
    )
    found = make_part(FakeHost(tmp_path, four=[format_saved(*lines)])).snapshot(WANT)
    assert found.files == (SCRIPT, UNIT, *DROP_INS, WANTS, PLUGIN, SETS_PLUGIN, *IFUP_SCRIPTS)
    ((command, script),) = found.load
    assert command == ("sh",)
    assert read_records(script) == {"IPV4": ["-A INPUT -j LOG", "-A OWN"], "IPV6": ["-A INPUT"]}


def test_the_files_of_the_unit(tmp_path):
    host = FakeHost(tmp_path, four=[format_saved(DROP)])
    made = make_part(host)
    assert made.compare_persisted(WANT) == (*(f"{path}: missing" for path in (SCRIPT, UNIT, *DROP_INS, WANTS)),)
    assert made.compare_persisted(None) == ()
    made.persist(WANT)
    assert read_records(host.read(SCRIPT)) == {"IPV4": [DROP], "IPV6": ["-A INPUT"]}
    assert made.compare_persisted(WANT) == ()
    assert host.read(PLUGIN) is None
    removed = (UNIT, *DROP_INS, WANTS, "/etc/gatehouse_kong_accept")
    assert made.compare_persisted(None) == tuple(f"{path}: to be removed" for path in removed)
    made.persist(None)
    assert made.compare_persisted(None) == ()


def test_the_hooks_of_netfilter_persistent(tmp_path):
    host = FakeHost(tmp_path, nft=False)
    host.locate(PLUGINS).mkdir(parents=True)
    made = make_part(host)
    assert [line for line in made.compare_persisted(WANT) if PLUGINS in line] == [
        f"{PLUGIN}: missing",
        f"{SETS_PLUGIN}: missing",
    ]
    made.persist(WANT)
    assert made.compare_persisted(WANT) == ()
    assert {host.locate(path).stat().st_mode & 0o777 for path in (PLUGIN, SETS_PLUGIN)} == {0o755}
    host.put(PLUGIN, "x")
    assert made.compare_persisted(WANT) == (f"{PLUGIN}: differs",)
    made.persist(WANT)
    host.locate(PLUGIN).chmod(0o644)
    assert made.compare_persisted(WANT) == (f"{PLUGIN}: differs",)
    made.persist(WANT)
    host.nft = True
    assert made.compare_persisted(WANT) == (f"{UNIT}: differs", f"{SETS_PLUGIN}: to be removed")
    made.persist(WANT)
    assert (host.read(SETS_PLUGIN), made.compare_persisted(WANT)) == (None, ())
    assert f"{PLUGIN}: to be removed" in made.compare_persisted(None)
    made.persist(None)
    assert (host.read(PLUGIN), made.compare_persisted(None)) == (None, ())


def test_unchanged_hooks_are_not_written_again(tmp_path):
    host = FakeHost(tmp_path)
    host.locate(PLUGINS).mkdir(parents=True)
    made = make_part(host)
    made.persist(WANT)
    before = host.locate(PLUGIN).stat().st_ino
    made.persist(WANT)
    assert host.locate(PLUGIN).stat().st_ino == before


@pytest.mark.parametrize("earlier", [None, "earlier"])
def test_the_hooks_are_restored_if_the_unit_cannot_be_installed(tmp_path, earlier):
    host = FakeHost(tmp_path)
    host.locate(PLUGINS).mkdir(parents=True)
    if earlier:
        host.put(PLUGIN, earlier)
    made = make_part(host)
    host.fails = "systemctl"
    with pytest.raises(HostError, match="no"):
        made.persist(WANT)
    assert (host.read(PLUGIN), host.read(UNIT)) == (earlier, None)


EARLY = ":GATEHOUSE-KONG - [0:0]\n-A INPUT -j GATEHOUSE-KONG"


@pytest.mark.parametrize(
    "want, left",
    [(WANT, format_saved(format_our_rule(), DROP)), (None, format_saved(DROP))],
    ids=["the accept rule is kept", "all our rules are removed"],
)
def test_saved_files_of_other_programs(tmp_path, want, left):
    host = FakeHost(tmp_path)
    host.put("/etc/iptables/rules.v4", format_saved(EARLY, format_our_rule(), DROP))
    made = make_part(host, want)
    line = "/etc/iptables/rules.v4: has rules of gatehouse.kong"
    assert line in made.compare_persisted(want)
    made.persist(want)
    assert host.read("/etc/iptables/rules.v4") == left
    assert line not in made.compare_persisted(want)


def test_a_saved_accept_rule_is_stale_only_without_a_ruleset(tmp_path):
    host = FakeHost(tmp_path)
    host.put("/etc/iptables/rules.v4", format_saved(format_our_rule(), DROP))
    line = "/etc/iptables/rules.v4: has rules of gatehouse.kong"
    assert (line in make_part(host).compare_persisted(WANT), line in make_part(host, None).compare_persisted(None)) == (
        False,
        True,
    )
    make_part(host).persist(WANT)
    assert host.read("/etc/iptables/rules.v4") == format_saved(format_our_rule(), DROP)


BAN = "-A INPUT -s 10.9.0.7/32 -j DROP"
LIMIT = "-A INPUT -m limit --limit 10/sec -j ACCEPT"
REST, BEFORE = "accepts the rest", "the jump to the chain of this rule"
# Rules of iptables and of ip6tables; then the place, effect and reason of each warning, and its ports.
WARNINGS = {
    "none": ([BAN, DROP], [DROP], []),
    "a limit that accepts": (
        [LIMIT, DROP],
        [],
        [("table filter of iptables", "exempt", f"`{LIMIT}` {REST}", ["8000", "8001"])],
    ),
    "a ban between two ends": (
        [],
        ["-A INPUT -p tcp -m tcp --dport 8001 -j DROP", "-A INPUT -s fd09::7/128 -j DROP", DROP],
        [("table filter of ip6tables", "exempt", f"`-A INPUT -s fd09::7/128 -j DROP` {BEFORE}", ["8000"])],
    ),
}


@pytest.mark.parametrize("case", WARNINGS)
def test_ineffective_rules_are_warnings(tmp_path, case):
    four, six, expected = WARNINGS[case]
    found = make_part(FakeHost(tmp_path, four=[format_saved(*four)], six=[format_saved(*six)])).find_conflicts(WANT)
    assert [(conflict.where, conflict.effect) for conflict in found] == [row[:2] for row in expected]
    for conflict, (_where, _effect, reason, ports) in zip(found, expected, strict=True):
        start, end = reason.rsplit("` ", 1)
        assert conflict.reason.startswith(f"{start}` ")
        assert conflict.reason.endswith(end)
        assert ([port.split()[1] for port in conflict.ports], conflict.certain) == (ports, False)
        assert conflict.advice


def test_conflicts_are_found_with_the_rule_at_its_place(tmp_path):
    mangled = f"*mangle\n:INPUT ACCEPT [0:0]\n-A INPUT -p tcp -m tcp --dport 8001 -j DROP\nCOMMIT\n{format_saved(DROP)}"
    (conflict,) = make_part(FakeHost(tmp_path, four=[mangled])).find_conflicts(WANT)
    assert (conflict.certain, conflict.effect, [port.split()[1] for port in conflict.ports]) == (True, "drop", ["8001"])


def test_a_kernel_without_ipv6_and_a_file_that_cannot_be_loaded(tmp_path):
    host = FakeHost(tmp_path, ipv6=False)
    host.put("/etc/iptables/rules.v4", format_saved("-A INPUT -m set --match-set bans src -j DROP"))
    link = host.locate("/etc/systemd/system/multi-user.target.wants/netfilter-persistent.service")
    link.parent.mkdir(parents=True)
    link.symlink_to("/lib/systemd/system/netfilter-persistent.service")
    host.put("/lib/systemd/system/netfilter-persistent.service", "[Service]\n")
    kernel, file = make_part(host).find_conflicts(WANT)
    assert (kernel.where, SCRIPT in kernel.reason) == ("the kernel", True)
    assert file.where == "/etc/iptables/rules.v4"
    assert ("iptables-restore", "--wait", "10", "--test", host.read("/etc/iptables/rules.v4")) in host.calls


def test_translations_are_read_from_the_table_nat(tmp_path):
    nat = "*nat\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -p tcp -m tcp --dport 8001 -j DNAT --to-destination 172.17.0.2:80\nCOMMIT\n"
    made = make_part(FakeHost(tmp_path, four=[format_saved() + nat, format_saved()]))
    assert len(made.find_translations()) == 1
    made.read(WANT)
    assert made.find_translations() == ()


@pytest.fixture
def with_rights(monkeypatch):
    monkeypatch.setattr(Host, "require_net_admin", lambda _host: None)


def test_requirements(tmp_path, monkeypatch):
    host, asked = FakeHost(tmp_path), []
    for name in ("require_net_admin", "require_systemd", "require_writable"):
        monkeypatch.setattr(host, name, lambda *paths, name=name: asked.append((name, *paths)))
    IptablesLate(host).require()
    assert asked == [("require_net_admin",), ("require_systemd",), ("require_writable", "/etc")]


def test_a_host_without_systemd_is_an_error(tmp_path, with_rights):
    host = FakeHost(tmp_path)
    assert IptablesLate(host).require() is None
    host.locate("/run/systemd/system").rmdir()
    with pytest.raises(HostError, match="systemd"):
        IptablesLate(host).require()


def test_rules_of_the_other_variant_are_an_error(tmp_path, with_rights):
    host = FakeHost(tmp_path)
    (tmp_path / "bin/iptables-nft-save").touch()
    host.listed["iptables-nft"] = [format_saved(DROP)]
    host.nft_is_loaded = True
    with pytest.raises(HostError, match="rules of iptables-nft"):
        IptablesLate(host).require()


def test_a_family_without_programs_is_an_error(tmp_path):
    host = FakeHost(tmp_path)
    (tmp_path / "bin/ip6tables-restore").unlink()
    with pytest.raises(HostError, match=r"ip6tables\S*-restore"):
        IptablesLate(host).require()
