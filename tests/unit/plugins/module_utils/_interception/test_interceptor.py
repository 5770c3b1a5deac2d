# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The steps of a change of intercept rules, its files and conflicts. tests/netns sends packets."""

from __future__ import annotations

import json
from contextlib import nullcontext

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import Host, HostError
from ansible_collections.gatehouse.kong.plugins.module_utils._host.systemd import start_new
from ansible_collections.gatehouse.kong.plugins.module_utils._interception import interceptor
from ansible_collections.gatehouse.kong.plugins.module_utils._interception.interceptor import (
    Interceptor,
    read_kept_interception,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._interception.model import (
    format_interception,
    interception_from_data,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._interception.nftables import render_interception
from ansible_collections.gatehouse.kong.plugins.module_utils._interception.script import (
    Programs,
    render_load,
    render_removal,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._interception.traces import list_traces
from ansible_collections.gatehouse.kong.plugins.module_utils._transaction.transaction import ConflictError

INTERCEPT_RULE = {
    "method": "tproxy", "family": "ipv4", "destinations": ["10.0.0.1/32"], "ports": [80], "interfaces": [],
    "listener": "proxy", "address": None, "port": 8000, "sources": "any", "own": False,
}  # fmt: skip
WANT, OTHER = (interception_from_data([{**INTERCEPT_RULE, "ports": [port]}]) for port in (80, 81))
SCRIPT, STATE = "/etc/gatehouse_kong_transparent/load.sh", "/etc/gatehouse_kong_transparent/state.json"
UNIT = "/etc/systemd/system/gatehouse-kong-transparent.service"
DROP_INS = [
    f"/etc/systemd/system/{name}.service.d/gatehouse-kong-transparent.conf"
    for name in ("nftables", "netfilter-persistent")
]
WANTS = "/etc/systemd/system/sysinit.target.wants/gatehouse-kong-transparent.service"
PROGRAMS = Programs("/progs/ip", "/progs/nft", "")


class FakeHost(Host):
    """A host whose table is the last loaded script. It lists `objects` of nft and `saved` rules of iptables."""

    def __init__(self, root):
        super().__init__(root)
        self.programs = {"ip", "nft", "systemctl", "ss"}
        self.objects, self.saved = [], {}
        self.table = []
        self.calls, self.loaded = [], []
        self.fails = ()
        for folder in ("/run/systemd/system", "/etc", "/proc/net"):
            self.locate(folder).mkdir(parents=True)
        self.locate("/proc/net/if_inet6").touch()

    def require_net_admin(self):
        pass

    def which(self, program):
        return f"/progs/{program}" if program in self.programs else None

    def run(self, *argv, stdin="", **_limits):
        name = argv[0].rpartition("/")[2]
        self.calls.append((name, *argv[1:]))
        if any(word in (name, stdin) for word in self.fails):
            raise HostError(f"{name} fails")
        if argv == ("sh",):
            self.loaded.append(stdin)
            self.table = [] if stdin == render_removal(PROGRAMS) else ["table", str(hash(stdin))]
        if argv == ("nft", "--json", "--terse", "list", "ruleset"):
            return json.dumps({"nftables": self.objects})
        if name == "nft" and "list" in argv and "--json" not in argv:
            return "".join(f"{line}\n" for line in self.table)
        if name.endswith("-save"):
            return self.saved["ip6tables" if "6" in name else "iptables"]
        return ""

    def call(self, function, *args):
        assert function is start_new
        raise OSError


@pytest.fixture
def host(tmp_path, monkeypatch):
    monkeypatch.setattr(interceptor.Rollback, "hold_lock", lambda _rollback: nullcontext())
    return FakeHost(tmp_path)


def converge(host, want, *, check_mode=False):
    return Interceptor(host).converge(want, check_mode=check_mode)


def test_rules_are_loaded_kept_and_removed(host):
    assert Interceptor(host).is_untouched()
    found = converge(host, WANT)
    stale = (f"{SCRIPT}: missing", f"{UNIT}: missing", *(f"{path}: missing" for path in DROP_INS), f"{WANTS}: missing")
    assert (found.before, found.after, found.drift, found.stale, found.changed) == (
        "",
        format_interception(WANT),
        (),
        stale,
        True,
    )
    assert not Interceptor(host).is_untouched()
    script = render_load(WANT, PROGRAMS, ufw=False)
    assert (host.loaded, host.read(SCRIPT)) == ([script], script)
    kept = json.loads(host.read(STATE))
    assert kept == {"interception": read_kept_interception(host), "listing": list_traces(host, PROGRAMS)}
    assert interception_from_data(read_kept_interception(host)) == WANT
    modes = [host.locate(path).stat().st_mode & 0o777 for path in ("/etc/gatehouse_kong_transparent", SCRIPT, STATE)]
    assert modes == [0o700, 0o600, 0o600]
    again = converge(host, WANT)
    assert (again.before, again.after, again.changed, again.stale) == (
        format_interception(WANT),
        format_interception(WANT),
        False,
        (),
    )
    assert host.loaded == [script]
    removed = converge(host, None)
    assert (removed.before, removed.after, removed.changed) == (format_interception(WANT), "", True)
    assert host.loaded == [script, render_removal(PROGRAMS)]
    assert (read_kept_interception(host), Interceptor(host).is_untouched(), converge(host, None).changed) == (
        [],
        True,
        False,
    )


def test_other_rules_replace_the_rules(host):
    converge(host, WANT)
    found = converge(host, OTHER)
    assert (found.before, found.after, found.changed, found.stale) == (
        format_interception(WANT), format_interception(OTHER), True, (f"{SCRIPT}: differs",),
    )  # fmt: skip
    assert host.loaded[-1] == host.read(SCRIPT) == render_load(OTHER, PROGRAMS, ufw=False)
    assert interception_from_data(read_kept_interception(host)) == OTHER


def test_check_mode_validates_the_rules_and_changes_nothing(host):
    assert converge(host, WANT, check_mode=True).changed
    assert (host.loaded, host.locate(SCRIPT).exists()) == ([], False)
    assert ("nft", "--check", "--file", "-") in host.calls
    converge(host, WANT)
    host.calls.clear()
    converge(host, WANT, check_mode=True)
    converge(host, None, check_mode=True)
    assert ("nft", "--check", "--file", "-") not in host.calls


def test_rules_that_nft_rejects_are_not_loaded(host):
    host.fails = (render_interception(WANT),)
    with pytest.raises(HostError, match="nft fails"):
        converge(host, WANT)
    assert (host.loaded, host.locate(SCRIPT).exists()) == ([], False)


def test_changed_rules_in_the_kernel_are_drift_and_loaded_again(host):
    converge(host, WANT)
    host.table = [*host.table[:1], "another rule"]
    found = converge(host, WANT)
    assert [line[0] for line in found.drift] == ["-", "+"]
    assert (found.drift[1], found.changed) == ("+another rule", True)
    assert len(host.loaded) == 2
    assert converge(host, WANT).drift == ()


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"interception": []}'])
def test_a_damaged_record_is_written_again(host, text):
    converge(host, WANT)
    host.locate(STATE).write_text(text)
    assert read_kept_interception(host) == []
    assert converge(host, WANT).changed
    assert not converge(host, WANT).changed


def test_after_a_failed_change_the_rules_are_restored(host):
    converge(host, WANT)
    host.fails = (render_load(OTHER, PROGRAMS, ufw=False),)
    with pytest.raises(HostError, match="sh fails"):
        converge(host, OTHER)
    script = render_load(WANT, PROGRAMS, ufw=False)
    assert (host.loaded[-1], host.read(SCRIPT)) == (script, script)
    host.fails = ()
    assert not converge(host, WANT).changed


def test_a_failed_first_change_leaves_no_file(host):
    host.fails = ("sh",)
    with pytest.raises(HostError, match="sh fails"):
        converge(host, WANT)
    assert host.locate(SCRIPT).exists()  # the removal failed as well
    host.fails = (render_load(WANT, PROGRAMS, ufw=False),)
    host.remove_tree("/etc/gatehouse_kong_transparent")
    with pytest.raises(HostError, match="sh fails"):
        converge(host, WANT)
    assert host.loaded == [render_removal(PROGRAMS)]
    assert Interceptor(host).is_untouched()


@pytest.mark.parametrize(
    "want, program, package", [(WANT, "ip", "iproute2"), (None, "ip", "iproute2"), (WANT, "nft", "nftables")]
)
def test_the_error_names_a_missing_program(host, want, program, package):
    host.programs.discard(program)
    with pytest.raises(HostError, match=f"{program} is not installed.*{package}"):
        converge(host, want)


def test_without_nft_there_is_nothing_to_remove(host):
    host.programs.discard("nft")
    assert not converge(host, None).changed


def test_requirements(host, monkeypatch):
    asked = []
    for name in ("require_net_admin", "require_systemd", "require_writable"):
        monkeypatch.setattr(host, name, lambda *paths, name=name: asked.append((name, *paths)))
    converge(host, None)
    assert asked == [("require_net_admin",), ("require_systemd",), ("require_writable", "/etc")]


def test_with_ufw_the_script_has_a_rule_for_it(host):
    host.programs |= {"ufw", "iptables", "iptables-save", "iptables-restore"}
    host.write("/etc/ufw/ufw.conf", "ENABLED=yes\n", 0o644)
    host.saved = {"iptables": "", "ip6tables": ""}
    converge(host, WANT)
    assert host.loaded == [render_load(WANT, Programs("/progs/ip", "/progs/nft", "/progs/iptables"), ufw=True)]


DROP = {"drop": None}


def make_chain(*expressions, hook="input", priority=0, family="inet", **more):
    place = {"family": family, "table": "filter"}
    made = {
        "chain": {**place, "name": "c", "type": "filter", "hook": hook, "prio": priority, "policy": "accept", **more}
    }
    rules = [{"rule": {**place, "chain": "c", "handle": 4, "expr": list(expressions)}}] if expressions else []
    return [{"table": {"family": family, "name": "filter"}}, made, *rules]


def match_port(number):
    return {"match": {"op": "==", "left": {"payload": {"protocol": "tcp", "field": "dport"}}, "right": number}}


# Options of the intercept rule, the chain of the host, and whether the chain conflicts.
CONFLICTS = {
    "drops the port": ({}, make_chain(match_port(80), DROP), True),
    "drops another port": ({}, make_chain(match_port(8000), DROP), False),
    "policy": ({}, make_chain(policy="drop"), True),
    "a redirected packet has another port": ({"method": "redirect"}, make_chain(match_port(80), DROP), False),
    "no source": ({"sources": []}, make_chain(match_port(80), DROP), False),
    "a port of several": ({"ports": [79, 80]}, make_chain(match_port(80), DROP), True),
    "a network": ({"destinations": ["10.5.0.0/17"]}, make_chain(match_port(80), DROP), True),
    "IPv6": ({"family": "ipv6", "destinations": ["fd00::1/128"]}, make_chain(match_port(80), DROP), True),
    "an IPv6 network": ({"family": "ipv6", "destinations": ["fd00::/64"]}, make_chain(match_port(80), DROP), True),
    "a network, for packets of its family": ({"destinations": ["10.5.0.0/17"]}, make_chain(match_port(80), DROP, family="ip"), True),
    "a network, for packets of the other family": (
        {"destinations": ["10.5.0.0/17"]}, make_chain(match_port(80), DROP, family="ip6"), False,
    ),
    "an IPv6 network, for packets of its family": (
        {"family": "ipv6", "destinations": ["fd00::/64"]}, make_chain(match_port(80), DROP, family="ip6"), True,
    ),
    "another destination": (
        {}, make_chain({"match": {"op": "==", "left": {"payload": {"protocol": "ip", "field": "daddr"}}, "right": "10.0.0.2"}}, DROP), False,
    ),
    "this destination": (
        {}, make_chain({"match": {"op": "==", "left": {"payload": {"protocol": "ip", "field": "daddr"}}, "right": "10.0.0.1"}}, DROP), True,
    ),
    "diverts packets, after our rules": ({}, make_chain(match_port(80), {"redirect": {"port": 1}}, hook="prerouting", priority=-100), False),
}  # fmt: skip


@pytest.mark.parametrize("case", CONFLICTS)
def test_conflicts_of_nftables(host, case):
    changes, host.objects, expected = CONFLICTS[case]
    want = interception_from_data([{**INTERCEPT_RULE, **changes}])
    if not expected:
        assert converge(host, want).conflicts == ()
        return
    with pytest.raises(ConflictError) as caught:
        converge(host, want)
    assert {conflict.effect for conflict in caught.value.conflicts} == {"drop"}
    assert host.loaded == []


def test_a_unit_that_flushes_at_boot_is_a_warning_of_a_change(host):
    host.write("/lib/systemd/system/own.service", "[Service]\nExecStart=/usr/sbin/nft flush ruleset\n", 0o644)
    host.link("/etc/systemd/system/multi-user.target.wants/own.service", "/lib/systemd/system/own.service")
    for check_mode in (True, False):
        found = converge(host, WANT, check_mode=check_mode)
        assert [(conflict.where, conflict.effect) for conflict in found.conflicts] == [("unit own.service", "unload")]
    assert converge(host, None).conflicts == ()


def test_a_possible_conflict_is_returned(host):
    unknown = {"match": {"op": "==", "left": {"meta": {"key": "length"}}, "right": 60}}
    host.objects = make_chain(unknown, match_port(80), DROP)
    (conflict,) = converge(host, WANT).conflicts
    assert (conflict.certain, [port.split()[1] for port in conflict.ports]) == (False, ["80"])


ACCEPT = '-A INPUT -m mark --mark 0x10000000/0x10000000 -m comment --comment "gatehouse.kong" -j ACCEPT'
PORT = "-A INPUT -p tcp -m tcp --dport 80 -j DROP"


def format_saved(*lines, policy="ACCEPT"):
    return "\n".join(
        ["*nat", ":INPUT ACCEPT [0:0]", "COMMIT", "*filter", f":INPUT {policy} [0:0]", *lines, "COMMIT", ""]
    )


# Rules of iptables-legacy, which nft does not list, and whether they conflict.
LEGACY = {
    "no rule": (format_saved(), False),
    "a drop": (format_saved(PORT), True),
    "a drop after the rule of the firewall": (format_saved(ACCEPT, PORT), False),
    "a drop before the rule of the firewall": (format_saved(PORT, ACCEPT), True),
    "the policy": (format_saved(policy="DROP"), True),
    "an accept before the policy": (format_saved("-A INPUT -j ACCEPT", policy="DROP"), False),
    "another port": (format_saved("-A INPUT -p tcp -m tcp --dport 8000 -j DROP"), False),
}


@pytest.mark.parametrize("variant", ["legacy", "nf_tables"])
@pytest.mark.parametrize("case", LEGACY)
def test_conflicts_of_iptables_legacy(host, monkeypatch, case, variant):
    text, conflicts = LEGACY[case]
    host.programs |= {"iptables", "iptables-save", "iptables-restore", "ip6tables-save", "ip6tables-restore"}
    host.saved = {"iptables": text, "ip6tables": format_saved()}
    run = host.run
    monkeypatch.setattr(host, "run", lambda *argv, **more: variant if argv[1:] == ("-V",) else run(*argv, **more))
    if conflicts and variant == "legacy":
        with pytest.raises(ConflictError, match="iptables"):
            converge(host, WANT)
    else:
        assert converge(host, WANT).conflicts == ()
