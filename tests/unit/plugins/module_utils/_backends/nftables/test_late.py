# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The late part in nftables: its places among the host's rules, its commands and files. tests/netns sends packets."""

from __future__ import annotations

import subprocess
import types

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._backends.nftables import late, late_place
from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import Host
from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.data import ruleset_from_data

WANT = ruleset_from_data(
    {
        "allow": [
            {"listener": "proxy", "protocol": "tcp", "port": 8000, "sources": "any"},
            {"listener": "admin", "protocol": "tcp", "port": 8001, "address": "10.0.0.1", "sources": ["admins"]},
            {"listener": "cluster", "protocol": "udp", "port": 7946, "sources": ["admins"]},
            {"listener": "status", "protocol": "tcp", "port": 8007, "sources": []},
        ],
        "sets": {"admins": {"ipv4": ["10.9.0.0/24"]}},
    }
)
RULE = 'meta mark & 0x10000000 == 0x10000000 accept comment "gatehouse.kong"'
DROP, ACCEPT, COUNTER, LOG = {"drop": None}, {"accept": None}, {"counter": {"packets": 1, "bytes": 60}}, {"log": None}
OURS = "ours"  # represents the accept rule in a list of rules


def match(left, right, operator="=="):
    return {"match": {"op": operator, "left": left, "right": right}}


def match_port(number, protocol="tcp"):
    return match({"payload": {"protocol": protocol, "field": "dport"}}, number)


def match_source(address, protocol="ip"):
    return match({"payload": {"protocol": protocol, "field": "saddr"}}, address)


BAN = [match_source("10.9.0.7"), DROP]
LIMITED = [{"limit": {"rate": 10, "per": "second"}}, ACCEPT]
SSH = [match_port(22), ACCEPT]


LIMIT_OF_IPTABLES = {"xt": {"type": "match", "name": "limit"}}
INTERFACE = match({"meta": {"key": "iifname"}}, "wan")


def make_jump(to, kind="jump"):
    return {kind: {"target": to}}


def make_chain(*rules, name="input", family="inet", table="filter", base=True, **more):
    """Return a chain as nft lists it; handles count from 1, our rule has handle 90."""
    place = {"family": family, "table": table}
    kind = {"type": "filter", "hook": "input", "prio": 0, "policy": "accept", **more} if base else {}
    made = [{"chain": {**place, "name": name, **kind}}]
    for handle, rule in enumerate(rules, 1):
        is_ours = rule == OURS
        listed = {
            **place,
            "chain": name,
            "handle": 90 if is_ours else handle,
            "expr": late._EXPRESSIONS if is_ours else rule,
        }
        made.append({"rule": {**listed, "comment": "gatehouse.kong"} if is_ours else {"rule": listed}["rule"]})
    return made


def make_listing(objects, *of_files):
    return types.SimpleNamespace(objects=objects, of_files=frozenset(of_files))


def list_places(objects, want=WANT, of_files=()):
    chains = late_place.read_chains(make_listing(objects, *of_files))
    return {" ".join(place.chain): (place.after, place.handle) for place in late_place.find_places(chains, want)}


INPUT = "inet filter input"
# The host's chains; then for each chain that needs the rule, the number of rules after it and the handle of the next.
HOSTS = {
    "no chain": ([], {}),
    "accepts by default": (make_chain(SSH, BAN), {}),
    "drops by default": (make_chain(SSH, BAN, policy="drop"), {INPUT: (0, None)}),
    "ends with a drop": (make_chain(SSH, [COUNTER, DROP]), {INPUT: (1, 2)}),
    "a ban before the end, and a rule after it": (make_chain(BAN, [DROP], SSH), {INPUT: (2, 2)}),
    "ends of two ports": (make_chain(SSH, [match_port(8001), DROP], [match_port(7946, "udp"), DROP]), {INPUT: (2, 2)}),
    "ends of two ports in the other order": (make_chain([match_port(7946, "udp"), DROP], [match_port(8001), DROP]), {INPUT: (2, 1)}),
    "end of a port without allowed sources": (make_chain([match_port(8007), DROP]), {}),
    "end of a third-party port": (make_chain([match_port(443), DROP]), {}),
    "logs for the drop": (make_chain(SSH, [LOG], [COUNTER, LOG], [DROP]), {INPUT: (3, 2)}),
    "logs for the policy": (make_chain(SSH, [LOG], policy="drop"), {INPUT: (1, 2)}),
    "counts only": (make_chain(SSH, [COUNTER], [DROP]), {INPUT: (1, 3)}),
    "logs some packets": (make_chain(SSH, [match_port(8000), {"limit": {"rate": 1}}, LOG], [DROP]), {INPUT: (2, 2)}),
    "drops and logs some packets": (make_chain(SSH, [match_port(443), LOG, DROP], [DROP]), {INPUT: (1, 3)}),
    "a statement that is listed as a word": (make_chain(["notrack"], ["continue"], [DROP]), {INPUT: (1, 3)}),
    "the rule is present": (make_chain(SSH, OURS, [DROP]), {INPUT: (1, 3)}),
    "the rule is at the end, the policy drops": (make_chain(SSH, OURS, policy="drop"), {INPUT: (0, None)}),
    "another hook": (make_chain([DROP], hook="forward"), {}),
    "before the early part": (make_chain([DROP], prio=-11), {}),
    "at the priority of the early part": (make_chain([DROP], prio=-10), {}),
    "right after the early part": (make_chain([DROP], prio=-9), {INPUT: (1, 1)}),
    "another family": (make_chain([DROP], family="bridge"), {}),
    "iptables-nft": (make_chain([LIMIT_OF_IPTABLES, ACCEPT], [DROP], family="ip", name="INPUT"), {}),
    "the names of iptables in a table of nft": (make_chain([DROP], family="ip", name="INPUT"), {"ip filter INPUT": (1, 1)}),
    "a ban of a network interface": (make_chain([INTERFACE, DROP], SSH, [DROP]), {INPUT: (1, 3)}),
    "a chain to which a network interface leads": (
        make_chain([INTERFACE, make_jump("own")], policy="drop") + make_chain([DROP], name="own", base=False), {INPUT: (0, None)},
    ),
    "every packet returns to the policy": (make_chain(SSH, [{"return": None}], BAN, policy="drop"), {INPUT: (2, 2)}),
    "capitals in a table of nft": (make_chain([DROP], name="INPUT"), {"inet filter INPUT": (1, 1)}),
    "only IPv4": (make_chain([DROP], family="ip"), {"ip filter input": (1, 1)}),
    "only IPv6": (make_chain([DROP], family="ip6"), {"ip6 filter input": (1, 1)}),
    "IPv6, the port has an IPv4 address": (make_chain([match_port(8001), DROP], family="ip6"), {}),
    "our tables": (make_chain([DROP], table="gatehouse_kong") + make_chain([DROP], table="gatehouse_kong_out"), {}),
    "a table with our name in another family": (
        make_chain([DROP], table="gatehouse_kong", family="ip"), {"ip gatehouse_kong input": (1, 1)},
    ),
    "two tables": (
        make_chain([DROP], table="a") + make_chain(SSH, table="b", policy="drop"), {"inet a input": (1, 1), "inet b input": (0, None)},
    ),
    "a jump to a chain that drops": (
        make_chain(SSH, [make_jump("own")]) + make_chain(SSH, [DROP], name="own", base=False), {"inet filter own": (1, 2)},
    ),
    "a goto to a chain that drops": (
        make_chain([make_jump("own", "goto")]) + make_chain([DROP], name="own", base=False), {"inet filter own": (1, 1)},
    ),
    "a chain of the same name in another table": (
        make_chain([make_jump("own")]) + make_chain(name="own", base=False) + make_chain([DROP], name="own", table="b", base=False), {},
    ),
    "a chain to which a ban leads too": (
        make_chain([match_source("10.9.0.7"), make_jump("own")], [make_jump("own")]) + make_chain([DROP], name="own", base=False), {INPUT: (1, 2)},
    ),
    "a chain to which a ban leads through another chain": (
        make_chain([match_source("10.9.0.7"), make_jump("first")], [make_jump("own")]) + make_chain([make_jump("own")], name="first", base=False)
        + make_chain([DROP], name="own", base=False),
        {INPUT: (1, 2)},
    ),
    "a chain to which a map leads for some sources": (
        make_chain(
            [{"vmap": {"key": {"payload": {"protocol": "ip", "field": "saddr"}},
                       "data": {"set": [["10.9.0.7", make_jump("own")]]}}}],
            [make_jump("own")],
        ) + make_chain([DROP], name="own", base=False),
        {INPUT: (1, 2)},
    ),
    "a chain to which a jump for another port leads": (
        make_chain([match_port(443), make_jump("own")], [make_jump("own")]) + make_chain([DROP], name="own", base=False), {"inet filter own": (1, 1)},
    ),
    "the policy drops packets that return from a chain": (
        make_chain([make_jump("own")], policy="drop") + make_chain(BAN, name="own", base=False), {INPUT: (0, None)},
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", HOSTS)
def test_places(case):
    objects, expected = HOSTS[case]
    assert list_places(objects) == expected


@pytest.mark.parametrize("case", HOSTS)
def test_the_listing_with_the_rules_has_each_rule_once_at_its_place(case):
    objects, expected = HOSTS[case]
    planned = late.with_late_rules(make_listing(objects), WANT)
    plain = [item for item in objects if item.get("rule", {}).get("comment") != "gatehouse.kong"]
    added = [item for item in planned if item not in plain]
    assert [item for item in planned if item in plain] == plain
    assert len(added) == len(expected)
    for item in added:
        rule = item["rule"]
        after, handle = expected[f"{rule['family']} {rule['table']} {rule['chain']}"]
        assert (rule["comment"], rule["expr"]) == ("gatehouse.kong", late._EXPRESSIONS)
        same_chain = [
            other["rule"].get("handle")
            for other in planned[planned.index(item) + 1 :]
            if "rule" in other and [other["rule"][key] for key in ("family", "table", "chain")]
            == [rule[key] for key in ("family", "table", "chain")]
        ]  # fmt: skip
        assert (len(same_chain), same_chain[0] if same_chain else None) == (after, handle)
    assert list_places(planned) == expected


def test_a_table_in_the_hosts_files_is_not_a_table_of_iptables():
    objects = make_chain([LIMIT_OF_IPTABLES, ACCEPT], [DROP], family="ip", name="INPUT")
    assert list_places(objects, of_files=[("ip6", "filter")]) == {}
    assert list_places(objects, of_files=[("ip", "filter")]) == {"ip filter INPUT": (1, 2)}


def test_the_rule_is_the_one_that_nft_lists():
    (rule,) = [
        item["rule"]
        for item in late.with_late_rules(make_listing(make_chain([DROP])), WANT)
        if item.get("rule", {}).get("comment")
    ]
    mark = {"&": [{"meta": {"key": "mark"}}, 0x10000000]}
    assert rule["expr"] == [{"match": {"op": "==", "left": mark, "right": 0x10000000}}, {"accept": None}]


class FakeHost(Host):
    def __init__(self, root):
        super().__init__(root)
        self.calls = []

    def run(self, *argv, stdin="", **_limits):
        self.calls.append((argv, stdin))
        return ""


def make_part(tmp_path, *objects):
    return late.NftablesLate(FakeHost(tmp_path), make_listing([item for group in objects for item in group]))


MISSING, UNNEEDED, WRONG = "is missing", "is not needed", "is misplaced or repeated"
ADD = f"add rule inet filter input {RULE}\n"
INSERT = f"insert rule inet filter input handle 1 {RULE}\n"
DELETE = "delete rule inet filter input handle 90\n"
# Rules of the chain input, its policy, whether a ruleset is wanted; then the difference and the commands.
LOADED = {
    "nothing to do": ([SSH], "accept", True, None, ""),
    "missing at the end": ([SSH], "drop", True, MISSING, ADD),
    "missing before the drop": ([[DROP]], "accept", True, MISSING, INSERT),
    "present at the end": ([SSH, OURS], "drop", True, None, ""),
    "present before the drop": ([SSH, OURS, [DROP]], "accept", True, None, ""),
    "a ban was inserted": ([BAN, SSH, OURS, [DROP]], "accept", True, None, ""),
    "a ban was appended": ([SSH, OURS, BAN], "drop", True, WRONG, ADD + DELETE),
    "after the drop": ([[DROP], OURS], "accept", True, WRONG, INSERT + DELETE),
    "repeated": ([SSH, OURS, OURS], "drop", True, WRONG, ADD + 2 * DELETE),
    "the host accepts by default": ([SSH, OURS], "accept", True, UNNEEDED, DELETE),
    "no ruleset": ([SSH, OURS], "drop", False, UNNEEDED, DELETE),
    "no ruleset, no rule": ([SSH], "drop", False, None, ""),
}


@pytest.mark.parametrize("case", LOADED)
def test_differences_and_the_commands_that_remove_them(tmp_path, case):
    rules, policy, is_wanted, difference, commands = LOADED[case]
    made, want = make_part(tmp_path, make_chain(*rules, policy=policy)), WANT if is_wanted else None
    found = (
        ()
        if difference is None
        else (f"nftables chain {INPUT}: the rule that accepts authorised packets {difference}",)
    )
    assert made.read(want) == found
    assert made.apply(want) == ()
    loaded = [(("nft", "--file", "-"), commands)] if commands else []
    assert made._host.calls == loaded
    made.validate(want, check_mode=False)
    assert made._host.calls == loaded
    made.validate(want, check_mode=True)
    assert made._host.calls == loaded + [(("nft", "--check", "--file", "-"), text) for _argv, text in loaded]


def test_a_rule_of_another_program_with_our_comment_in_our_table_is_not_moved(tmp_path):
    assert make_part(tmp_path, make_chain(OURS, table="gatehouse_kong")).read(WANT) == ()


def test_the_differences_are_sorted(tmp_path):
    made = make_part(tmp_path, make_chain(OURS, table="b"), make_chain([DROP], table="c"), make_chain(OURS, table="a"))
    assert [line.split()[3] for line in made.read(WANT)] == ["a", "b", "c"]


FILES = {"script": "/etc/gatehouse_kong/accept.sh", "rules": "/etc/gatehouse_kong/accept.nft"}


def read_files(host):
    return {name: host.read(path) for name, path in FILES.items()}


def test_files_are_written_and_removed(tmp_path):
    made = make_part(tmp_path, make_chain(SSH, policy="drop"))
    assert made.compare_persisted(WANT) == tuple(f"{path}: missing" for path in FILES.values())
    assert made.compare_persisted(None) == ()
    made.persist(WANT)
    assert made.compare_persisted(WANT) == ()
    found = read_files(made._host)
    assert found["rules"] == f"# Written by gatehouse.kong. The next run replaces manual changes.\n{ADD}"
    assert '        after["inet filter input"] = 0\n' in found["script"]
    modes = {made._host.locate(path).stat().st_mode & 0o777 for path in FILES.values()}
    assert modes == {0o600}
    assert made.compare_persisted(None) == tuple(f"{path}: to be removed" for path in FILES.values())
    made._host.locate(FILES["script"]).chmod(0o644)
    assert made.compare_persisted(WANT) == (f"{FILES['script']}: differs",)
    made.persist(None)
    assert read_files(made._host) == {"script": None, "rules": None}


def test_no_file_of_rules_is_needed_if_each_rule_is_before_a_rule_of_the_host(tmp_path):
    made = make_part(tmp_path, make_chain(SSH, [DROP]))
    made.persist(WANT)
    found = read_files(made._host)
    assert found["rules"] is None
    assert '        after["inet filter input"] = 1\n' in found["script"]


def as_nft(*chains):
    """Return the output of `nft -a list ruleset` for tables with one chain each."""
    lines = []
    for table, name, kind, rules in chains:
        lines += [f"table {table} {{ # handle 1", f"\tchain {name} {{ # handle 2", *([f"\t\t{kind}"] if kind else [])]
        lines += [f"\t\t{rule} # handle {handle}" for handle, rule in rules] + ["\t}", "}"]
    return "\n".join(lines) + "\n"


HOOKED = "type filter hook input priority filter; policy drop;"
HOST_RULES = [(4, "tcp dport 22 accept"), (5, 'log prefix "end of chain # handle 7"'), (6, "drop")]


@pytest.fixture
def nft(tmp_path, monkeypatch):
    """A fake program nft that lists a text and records its commands."""
    program = tmp_path / "bin" / "nft"
    program.parent.mkdir()
    program.write_text(
        f"#!/bin/sh\ncase $1 in -a) cat {tmp_path}/listed ;; *) cat >>{tmp_path}/loaded; echo 1 >>{tmp_path}/transactions ;; esac\n"
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")

    def run(script, listed):
        (tmp_path / "listed").write_text(listed)
        (tmp_path / "loaded").unlink(missing_ok=True)
        subprocess.run(["sh"], input=script, text=True, check=True)
        return (tmp_path / "loaded").read_text()

    return run


@pytest.mark.parametrize(
    "rules, after, expected",
    [
        (HOST_RULES, 0, ADD),
        (HOST_RULES, 1, INSERT.replace("handle 1", "handle 6")),
        (HOST_RULES, 3, INSERT.replace("handle 1", "handle 4")),
        (HOST_RULES, 4, ""),  # fewer rules than at the time of the run
        ([], 0, ADD),
        ([*HOST_RULES[:2], (6, 'drop comment "two\nlines"')], 1, INSERT.replace("handle 1", "handle 6")),
        ([*HOST_RULES, (90, RULE)], 0, DELETE + ADD),
        ([(90, RULE), *HOST_RULES], 1, DELETE + INSERT.replace("handle 1", "handle 6")),
        ([(90, RULE.replace("gatehouse.kong", "gatehouse.kong, edited")), *HOST_RULES], 1, INSERT.replace("handle 1", "handle 6")),
    ],
)  # fmt: skip
def test_the_boot_script_adds_the_rule_by_the_number_of_rules_after_it(tmp_path, nft, rules, after, expected):
    made = make_part(tmp_path, make_chain(SSH, *[[DROP]] * after, policy="drop"))
    made.persist(WANT)
    listed = as_nft(("ip filter", "input", HOOKED, [(8, "drop")]), ("inet filter", "input", HOOKED, rules))
    assert nft(made._host.read(FILES["script"]), listed) == expected


def test_the_boot_script_needs_the_chain(tmp_path, nft):
    made = make_part(tmp_path, make_chain(policy="drop"))
    made.persist(WANT)
    assert nft(made._host.read(FILES["script"]), as_nft(("inet filter", "other", HOOKED, []))) == ""


@pytest.mark.parametrize(
    "rules, added",
    [([SSH], ""), ([SSH, OURS], ADD), ([SSH, OURS, [DROP]], INSERT.replace("handle 1", "handle 6"))],
)
def test_the_snapshot_restores_the_current_rules_in_one_transaction(tmp_path, nft, rules, added):
    made = make_part(tmp_path, make_chain(*rules, policy="drop"))
    found = made.snapshot(WANT)
    assert found.files == (FILES["script"], FILES["rules"])
    ((argv, script),) = found.load
    assert argv == ("sh",)
    listed = as_nft(
        ("inet filter", "input", HOOKED, [*HOST_RULES, (90, RULE), (91, RULE)]), ("ip x", "y", "", [(7, RULE)])
    )
    removal = "".join(
        f"delete rule {at}\n"
        for at in ("inet filter input handle 90", "inet filter input handle 91", "ip x y handle 7")
    )
    assert nft(script, listed) == removal + added
    assert (tmp_path / "transactions").read_text() == "1\n"


LEGACY = ["/proc/net/ip_tables_names", "/proc/net/ip6_tables_names"]


@pytest.mark.parametrize(
    "tables, expected",
    [
        (["filter\n", None], LEGACY[:1]),
        (["nat\n", "mangle\nfilter\n"], LEGACY[1:]),
        (["filters\n", ""], []),
    ],
)
def test_a_filter_table_of_iptables_legacy_is_a_warning(tmp_path, tables, expected):
    made = make_part(tmp_path)
    for path, text in zip(LEGACY, tables, strict=True):
        if text is not None:
            made._host.locate(path).parent.mkdir(parents=True, exist_ok=True)
            made._host.locate(path).write_text(text)
    found = made.find_conflicts(WANT)
    assert [(conflict.where, conflict.certain, conflict.ports) for conflict in found] == [
        (path, False, ("any port",)) for path in expected
    ]
    assert all("iptables-legacy" in conflict.reason and "-legacy-save" in conflict.advice for conflict in found)


REST, BEFORE = "accepts the rest", "the jump to the chain of this rule"
# Rules of input and of a chain of the host; then rule, reason and ports of each warning.
VOID = {
    "a limit that accepts": ([LIMITED, [DROP]], [("input", 1, REST, ["7946", "8000", "8001"])]),
    "a limit of one port": ([[match_port(8001), *LIMITED], [DROP]], [("input", 1, REST, ["8001"])]),
    "a limit of a third-party port": ([[match_port(443), *LIMITED], [DROP]], []),
    "a limit that drops": ([[{"limit": {"rate": 10, "inv": True}}, DROP], [DROP]], []),
    "a quota": ([[{"quota": {"val": 1}}, ACCEPT], [DROP]], [("input", 1, REST, ["7946", "8000", "8001"])]),
    "a count of connections": ([[{"ct count": {"val": 9}}, ACCEPT], [DROP]], [("input", 1, REST, ["7946", "8000", "8001"])]),
    "an accept of some sources": ([[match_source("10.9.0.7"), ACCEPT], [DROP]], []),
    "a ban between the ends of two ports": (
        [[match_port(8001), DROP], BAN, [DROP]], [("input", 2, BEFORE, ["7946", "8000"])]
    ),
    "a ban before the first end": ([BAN, [match_port(8001), DROP], [DROP]], []),
    "a ban after all ends": ([[DROP], BAN], []),
    "a limit between the ends of two ports": (
        [[match_port(8001), DROP], LIMITED, [DROP]], [("input", 2, REST, ["7946", "8000"])]
    ),
    "a ban of a network interface": ([[INTERFACE, DROP], BAN, [DROP]], []),
}  # fmt: skip


@pytest.mark.parametrize("case", VOID)
def test_ineffective_rules_are_warnings(tmp_path, case):
    rules, expected = VOID[case]
    found = make_part(tmp_path, make_chain(*rules)).find_conflicts(WANT)
    assert [(conflict.where, conflict.effect, conflict.certain) for conflict in found] == [
        (f"nftables chain inet filter {name}", "exempt", False) for name, *_rest in expected
    ]
    for conflict, (_name, handle, reason, ports) in zip(found, expected, strict=True):
        assert f"# handle {handle}` " in conflict.reason
        assert conflict.reason.endswith(reason)
        assert [port.split()[1] for port in conflict.ports] == ports
        assert conflict.advice


def test_the_late_part_has_no_translations_and_no_requirements(tmp_path):
    made = make_part(tmp_path)
    assert (made.name, made.find_translations(), made.require()) == ("nftables", (), None)
