# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The late part on a host with ufw 0.36.2, from a listing of iptables-save 1.8.9.

The host has the rules of `ufw allow 22/tcp` and `ufw limit 443/tcp`, and our rule.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._backends.ufw import late_session
from ansible_collections.gatehouse.kong.plugins.module_utils._backends.ufw.files import keeps_rule
from ansible_collections.gatehouse.kong.plugins.module_utils._backends.ufw.late import UfwLate
from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import Host, HostError
from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.data import ruleset_from_data

GOLDEN = Path(__file__).parents[5] / "golden" / "ufw"
RULE = "-m mark --mark 0x10000000/0x10000000 -m comment --comment gatehouse.kong -j ACCEPT"
LISTED = '-m mark --mark 0x10000000/0x10000000 -m comment --comment "gatehouse.kong" -j ACCEPT'


def make_ruleset(*ports):
    allow = [{"listener": f"l{port}", "protocol": protocol, "port": port, "address": None, "sources": ["friends"]}
             for protocol, port in ports]  # fmt: skip
    return ruleset_from_data({"allow": allow, "sets": {"friends": {"ipv4": ["10.0.0.0/31"], "ipv6": ["fd00::/127"]}}})


WANT = make_ruleset(("tcp", 8001), ("udp", 7946))


class Ufw(Host):
    """A host whose iptables-save lists the given rules."""

    def __init__(self, root):
        super().__init__(root)
        self.requests = []
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

    def call(self, function, *args):
        """Record the request to the session."""
        assert function is late_session.bring
        self.requests.extend(args)

    def add(self, *lines, program="iptables-save"):
        """Append rules to the table filter."""
        head, commit, tail = self.saved[program].partition("COMMIT\n")
        self.saved[program] = head + "".join(f"{line}\n" for line in lines) + commit + tail

    def which(self, program):
        return f"/usr/sbin/{program}"

    def run(self, *argv, **_given):
        return self.saved[argv[0]]


@pytest.fixture
def host(tmp_path):
    return Ufw(tmp_path)


def test_a_host_as_ufw_creates_it_has_no_differences(host):
    late = UfwLate(host)
    assert late.read(WANT) == ()
    assert late.compare_persisted(WANT) == ()
    assert late.find_conflicts(WANT) == ()


@pytest.mark.parametrize("port, lines", [
    (("tcp", 445), ["iptables rule follows `-A ufw-after-input -p tcp -m tcp --dport 445 -j ufw-skip-to-policy-input`",
                    "ip6tables rule follows `-A ufw6-after-input -p tcp -m tcp --dport 445 -j ufw6-skip-to-policy-input`"]),
    (("udp", 68), ["iptables rule follows `-A ufw-after-input -p udp -m udp --dport 68 -j ufw-skip-to-policy-input`"]),
    (("tcp", 68), []),
])  # fmt: skip
def test_a_port_for_which_ufw_itself_drops_packets_in_the_chain(host, port, lines):
    late = UfwLate(host)
    assert late.read(make_ruleset(port)) == tuple(f"{line}, which drops authorised packets" for line in lines)
    assert late.compare_persisted(make_ruleset(port)) == tuple(
        f"/etc/ufw/after{'6' * number}.rules: differs" for number in range(len(lines))
    )


def test_a_drop_of_a_port_without_authorised_sources_is_no_difference(host):
    allow = [{"listener": "l445", "protocol": "tcp", "port": 445, "address": None, "sources": []}]
    assert UfwLate(host).read(ruleset_from_data({"allow": allow, "sets": {}})) == ()


@pytest.mark.parametrize("line", ["-j RETURN", "-g BANS", "-j DROP"])
def test_a_rule_that_sends_every_packet_to_the_default_of_ufw(host, line):
    """No packet would reach a rule of ours after it."""
    rule, managed = f"-A ufw-after-input {line}", f"-A ufw-after-input {LISTED}"
    saved = (
        host.saved["iptables-save"].replace(":INPUT ", ":BANS - [0:0]\n:INPUT ").replace(managed, f"{rule}\n{managed}")
    )
    host.saved["iptables-save"] = saved
    assert UfwLate(host).read(WANT) == (f"iptables rule follows `{rule}`, which drops authorised packets",)
    host.saved["iptables-save"] = saved.replace(f"{rule}\n{managed}", f"{managed}\n{rule}")
    assert UfwLate(host).read(WANT) == ()


def test_a_ban_in_a_chain_after_our_rule_is_a_warning(host):
    host.add("-A BANS -s 10.9.0.7/32 -j DROP", "-A BANS -j DROP", "-A ufw-after-input -j BANS")
    host.saved["iptables-save"] = host.saved["iptables-save"].replace(":INPUT ", ":BANS - [0:0]\n:INPUT ")
    late = UfwLate(host)
    assert late.read(WANT) == ()
    assert [(found.effect, found.certain, found.reason) for found in late.find_conflicts(WANT)] == [
        ("exempt", False, "`-A BANS -s 10.9.0.7/32 -j DROP` follows the rule of gatehouse.kong")
    ]


def test_the_temporary_file_of_a_killed_run_is_stale(host):
    host.write("/etc/ufw/after6.rules.gatehouse-kong", "", 0o640)
    late = UfwLate(host)
    assert late.read(WANT) == ()
    assert late.compare_persisted(WANT) == ("/etc/ufw/after6.rules.gatehouse-kong: temporary file of a killed run",)


@pytest.mark.parametrize("setting, families", [
    ("IPV6=yes", 2), ('IPV6="yes"', 2), ("  IPV6=YES ", 2), ("IPV6='yes'", 2), ("IPV6=no", 1), ("# IPV6=yes", 1), ("", 1),
])  # fmt: skip
def test_the_families_for_which_ufw_loads_rules(host, setting, families):
    host.write("/etc/default/ufw", f"MANAGE_BUILTINS=no\n{setting}\n", 0o644)
    assert len(UfwLate(host).read(None)) == families


def test_a_kernel_without_ipv6(host):
    host.remove(["/proc/net/if_inet6"])
    late = UfwLate(host)
    assert late.read(None) == (f"unexpected iptables rule: -A ufw-after-input {LISTED}",)
    assert [conflict.where for conflict in late.find_conflicts(WANT)] == ["the kernel"]


FLUSHED = "`iptables -F ufw-before-logging-input; iptables -X ufw-before-logging-input; ufw reload`"


@pytest.mark.parametrize("line, remedy", [
    ("-A INPUT -j ufw-before-input", FLUSHED),
    ("-A INPUT -j ufw-after-input", FLUSHED),
    ("-A ufw-before-input -j ufw-user-input", "`ufw reload`"),
])  # fmt: skip
def test_a_missing_jump(host, line, remedy):
    host.saved["iptables-save"] = host.saved["iptables-save"].replace(f"{line}\n", "")
    with pytest.raises(HostError) as error:
        UfwLate(host).read(WANT)
    assert str(error.value) == (
        f"the rules of ufw are not loaded: iptables-save has no line `{line}`. Load them with {remedy}, or disable ufw with "
        "`ufw disable`"
    )


def test_chains_of_ufw_that_were_never_loaded(host):
    host.saved["ip6tables-save"] = "*filter\n:INPUT ACCEPT [0:0]\nCOMMIT\n"
    with pytest.raises(HostError) as error:
        UfwLate(host).read(WANT)
    assert str(error.value) == (
        "the rules of ufw are not loaded: ip6tables-save has no line `-A INPUT -j ufw6-before-input`. Load them with "
        "`ufw reload`, or disable ufw with `ufw disable`"
    )


@pytest.mark.parametrize("file, number", [("after.rules", ""), ("after6.rules", "6")])
def test_a_file_without_a_place(host, file, number):
    host.write(f"/etc/ufw/{file}", "*filter\nCOMMIT\n", 0o640)
    late = UfwLate(host)
    assert late.read(WANT) == ()
    with pytest.raises(HostError) as error:
        late.compare_persisted(WANT)
    assert str(error.value) == (
        f"/etc/ufw/{file} has no table `*filter` with the chain ufw{number}-after-input that ends in a line `COMMIT`. Restore "
        f"it from /usr/share/ufw/{file}"
    )


BAN = "-A ufw-after-input -s 192.0.2.1/32 -j DROP"
END = "-A ufw-after-input -j DROP"


@pytest.mark.parametrize("rules, drift", [
    ([BAN], [f"iptables rule precedes `{BAN}`, which therefore has no effect"]),
    ([END], []),
    ([BAN, END], [f"iptables rule precedes `{BAN}`, which therefore has no effect"]),
    ([END, BAN], []),
    ([f"-A ufw-after-input {LISTED}"], [f"iptables rule present 2 times: -A ufw-after-input {LISTED}"]),
    ([f"-A INPUT {LISTED}"], [f"iptables rule in the wrong chain: -A INPUT {LISTED}"]),
])  # fmt: skip
def test_rules_after_our_rule(host, rules, drift):
    host.add(*rules)
    assert UfwLate(host).read(WANT) == tuple(drift)


def test_a_rule_that_drops_all_packets_before_our_rule(host):
    present = f"-A ufw-after-input {LISTED}\n"
    host.saved["iptables-save"] = host.saved["iptables-save"].replace(present, f"{END}\n{present}")
    assert UfwLate(host).read(WANT) == (f"iptables rule follows `{END}`, which drops authorised packets",)


@pytest.mark.parametrize("rule, services", [
    ("-A INPUT -s 192.0.2.1/32 -j DROP", ("tcp 8001 at every address", "udp 7946 at every address")),
    ("-A INPUT -s 192.0.2.1/32 -p tcp -m tcp --dport 8001 -j DROP", ("tcp 8001 at every address",)),
    ("-A INPUT -p tcp -m tcp --dport 22 -j DROP", ()),
    ("-A INPUT -p tcp -m tcp --dport 8001 -j ACCEPT", ()),
])  # fmt: skip
def test_rules_after_the_chains_of_ufw(host, rule, services):
    host.add(rule)
    late = UfwLate(host)
    assert late.read(WANT) == ()
    found = [conflict for conflict in late.find_conflicts(WANT) if conflict.effect == "exempt"]
    assert [(conflict.certain, conflict.where, {*conflict.ports}) for conflict in found] == (
        [(False, "table filter of iptables", {*services})] if services else []
    )
    assert [(conflict.reason, conflict.advice) for conflict in found] == (
        [(f"`{rule}` follows the chains of ufw, which accept authorised packets",
          "Move it to the top of INPUT, or use `ufw insert 1 deny from ...`")] if services else []
    )  # fmt: skip


def test_ipv6_that_ufw_drops(host):
    host.write("/etc/default/ufw", "IPV6=no\n", 0o644)
    late = UfwLate(host)
    assert late.read(WANT) == ()
    (found,) = late.find_conflicts(WANT)
    assert (found.certain, found.where, {*found.ports}) == (
        False,
        "ufw",
        {"IPv6 to tcp 8001 at every address", "IPv6 to udp 7946 at every address"},
    )
    assert found.reason == "/etc/default/ufw has no IPV6=yes, so ufw drops all IPv6 packets"
    assert found.advice == "Set IPV6=yes in /etc/default/ufw and run `ufw reload`, unless that is intended"


@pytest.mark.parametrize("address, sources", [("10.0.0.1", ["friends"]), (None, [])])
def test_ipv6_that_is_not_needed(host, address, sources):
    host.write("/etc/default/ufw", "IPV6=no\n", 0o644)
    allow = [{"listener": "admin", "protocol": "tcp", "port": 8001, "address": address, "sources": sources}]
    want = ruleset_from_data({"allow": allow, "sets": {"friends": {"ipv4": ["10.0.0.0/31"]}}})
    late = UfwLate(host)
    late.read(want)
    assert late.find_conflicts(want) == ()


def test_a_port_of_one_family(host):
    allow = [{"listener": "admin", "protocol": "tcp", "port": 445, "address": "10.0.0.1", "sources": ["friends"]}]
    want = ruleset_from_data({"allow": allow, "sets": {"friends": {"ipv4": ["10.0.0.0/31"]}}})
    (line,) = UfwLate(host).read(want)
    assert line.startswith("iptables rule follows `-A ufw-after-input -p tcp -m tcp --dport 445 ")


def test_a_rule_that_drops_all_packets_after_our_rule_is_not_a_conflict(host):
    host.add(BAN, END)
    late = UfwLate(host)
    late.read(WANT)
    assert late.find_conflicts(WANT) == ()


@pytest.mark.parametrize("refuse", ["require_net_admin", "require_systemd", "require_writable"])
def test_requirements(host, monkeypatch, refuse):
    calls = []
    for name in ("require_net_admin", "require_systemd", "require_writable"):
        monkeypatch.setattr(host, name, lambda *words, name=name: calls.append((name, *words)))
    UfwLate(host).require()
    assert calls == [("require_net_admin",), ("require_systemd",), ("require_writable", "/etc/ufw")]

    def fail(*_words):
        raise HostError(refuse)

    monkeypatch.setattr(host, refuse, fail)
    with pytest.raises(HostError, match=f"^{refuse}$"):
        UfwLate(host).require()


@pytest.mark.parametrize("missing", ["ufw", "iptables-save", "iptables-restore"])
def test_a_missing_program(host, monkeypatch, missing):
    monkeypatch.setattr(host, "which", lambda program: None if program == missing else f"/usr/sbin/{program}")
    with pytest.raises(HostError) as error:
        UfwLate(host).require()
    assert str(error.value) == f"the program {missing} is missing on this host. Install the packages ufw and iptables"


def list_parts(request):
    return [(part["chain"], part["loaded"], part["in_file"]) for part in request["parts"]]


def test_the_request_to_a_session(host):
    late = UfwLate(host)
    late.read(WANT)
    late.apply(WANT)
    assert host.requests == []
    late.apply(None)
    late.persist(None)
    late.persist(WANT)
    late.validate(None, check_mode=False)
    assert len(host.requests) == 3
    late.validate(None, check_mode=True)
    assert [list_parts(request) for request in host.requests] == [
        [("ufw-after-input", "", None), ("ufw6-after-input", "", None)],
        [("ufw-after-input", None, ""), ("ufw6-after-input", None, "")],
        [("ufw-after-input", None, "end"), ("ufw6-after-input", None, "end")],
        [("ufw-after-input", "", None), ("ufw6-after-input", "", None)],
    ]
    assert [request["options"] for request in host.requests] == [(), (), (), ("--test",)]
    for request in host.requests:
        assert (request["rule"], request["lock"]) == (RULE, str(host.locate("/run/ufw.lock")))
    assert host.requests[0]["parts"][1] == {
        "chain": "ufw6-after-input",
        "file": str(host.locate("/etc/ufw/after6.rules")),
        "save": "/usr/sbin/ip6tables-save",
        "restore": "/usr/sbin/ip6tables-restore",
        "loaded": "",
        "in_file": None,
    }


def test_a_missing_rule_is_added_at_its_place(host):
    host.saved["iptables-save"] = host.saved["iptables-save"].replace(f"-A ufw-after-input {LISTED}\n", "")
    host.add(END)
    late = UfwLate(host)
    assert late.read(WANT) == (f"iptables rule missing: -A ufw-after-input {RULE}",)
    late.apply(WANT)
    (request,) = host.requests
    assert list_parts(request) == [("ufw-after-input", END, None), ("ufw6-after-input", "end", None)]


def test_families_for_which_ufw_loads_no_rules_are_not_changed(host):
    host.write("/etc/default/ufw", "IPV6=no\n", 0o644)
    host.write("/etc/ufw/after6.rules", "", 0o640)
    late = UfwLate(host)
    late.read(WANT)
    assert late.compare_persisted(WANT) == ()
    late.apply(None)
    late.persist(WANT)
    assert [list_parts(request) for request in host.requests] == [
        [("ufw-after-input", "", None), ("ufw6-after-input", None, None)],
        [("ufw-after-input", None, "end"), ("ufw6-after-input", None, "")],
    ]


def test_a_session_that_fails(host, monkeypatch):
    def fail(_function, *_args):
        raise late_session.SessionError("no permission")

    monkeypatch.setattr(host, "call", fail)
    late = UfwLate(host)
    late.read(None)
    with pytest.raises(HostError, match=r"^ufw: no permission$"):
        late.apply(None)


@pytest.mark.parametrize("text, keeps", [
    (f"*filter\n:ufw-after-input - [0:0]\n-A ufw-after-input {RULE}\nCOMMIT\n", True),
    (f"*filter\n:ufw-after-input - [0:0]\n-A ufw-after-input {LISTED}\nCOMMIT\n", True),
    ("*filter\n:ufw-after-input - [0:0]\nCOMMIT\n", False),
])  # fmt: skip
@pytest.mark.parametrize("file, other", [("after.rules", "after6.rules"), ("after6.rules", "after.rules")])
def test_files_that_contain_our_rule(host, text, keeps, file, other):
    host.write(f"/etc/ufw/{file}", text, 0o640)
    host.remove([f"/etc/ufw/{other}"])
    assert keeps_rule(host) is keeps
