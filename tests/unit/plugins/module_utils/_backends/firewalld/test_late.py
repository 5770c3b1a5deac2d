# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The late part with a fake firewalld and a host in a temporary directory."""

from __future__ import annotations

import ast
import copy
import json

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._backends.firewalld import late as late_module
from ansible_collections.gatehouse.kong.plugins.module_utils._backends.firewalld.late import FirewalldLate
from ansible_collections.gatehouse.kong.plugins.module_utils._backends.firewalld.session import bus, session
from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import Host, HostError
from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.data import ruleset_from_data

A, B = "gkfwd4-a-peers", "gkfwd4-b-peers"
ENTRY = {"listener": "admin", "protocol": "tcp", "port": 8001, "address": "0.0.0.0", "sources": ["peers"]}
WANT = ruleset_from_data({"allow": [ENTRY], "sets": {"peers": {"ipv4": ["10.0.0.1/32"]}}})
OTHER = ruleset_from_data({"allow": [ENTRY], "sets": {"peers": {"ipv4": ["10.0.0.2/32"]}}})
NONE = ruleset_from_data({"allow": []})
RULES = [
    f'rule priority="32767" family="ipv4" source ipset="{name}" port port="8001" protocol="tcp" accept'
    for name in (A, B)
]
LINES = "".join(
    f'  <rule priority="32767" family="ipv4"><source ipset="{name}"/><port port="8001" protocol="tcp"/><accept/></rule>\n'
    for name in (A, B)
)
OPTIONS = {"family": "inet", "maxelem": "1048576"}
PUBLIC = "<zone>\n  <short>Public</short>\n</zone>\n"
HOME = "<zone>\n\t<!-- our home -->\n\t<interface name='eth1'/>\n</zone>\n"


class Listing:
    """The objects that nft lists."""

    def __init__(self):
        self.objects = []

    def add_rules(self, chain, count, table="firewalld"):
        self.objects += [
            {"rule": {"family": "inet", "table": table, "chain": chain, "expr": []}} for _number in range(count)
        ]


class FakeHost(Host):
    """A host with files in a temporary directory, and with the programs that a test adds."""

    def require_net_admin(self):
        """Accept any process: the tests need no root."""

    def __init__(self, root):
        super().__init__(root)
        self.programs = {"firewall-cmd", "firewall-offline-cmd", "systemctl", "nft"}
        self.ran = []
        self.saved = {}

    def which(self, program):
        return f"/usr/bin/{program}" if program in self.programs else None

    def run(self, *argv, stdin=""):
        self.ran.append(argv)
        return self.saved.get(argv, "")


@pytest.fixture
def host(tmp_path):
    made = FakeHost(tmp_path)
    for path, text in {
        "/etc/firewalld/firewalld.conf": "DefaultZone=public\nFirewallBackend=nftables\n",
        "/etc/firewalld/zones/home.xml": HOME,
        "/usr/lib/firewalld/zones/public.xml": PUBLIC,
        "/usr/lib/firewalld/zones/work.xml": PUBLIC,
        "/usr/lib/firewalld/zones/drop.xml": '<zone target="DROP"/>\n',
        "/var/lib/gatehouse_kong/pending/id": "1",
    }.items():
        made.locate(path).parent.mkdir(parents=True, exist_ok=True)
        made.locate(path).write_text(text)
    for directory in ("/etc/firewalld/ipsets", "/run/systemd/system", "/run/systemd/units"):
        made.locate(directory).mkdir(parents=True)
    made.locate("/run/systemd/units/invocation:firewalld.service").symlink_to("0123")
    return made


class Reads:
    """A fake firewalld that reads our ipsets and rules from the host's files when it reloads."""

    def __init__(self, host, firewalld):
        self.host, self.firewalld = host, firewalld
        firewalld.reload = self.reload

    def reload(self):
        import xml.etree.ElementTree as ET  # noqa: PLC0415

        runtime = self.firewalld.runtime = copy.deepcopy(self.firewalld.permanent)
        for path in sorted(self.host.locate("/etc/firewalld/ipsets").glob("*.xml")):
            root = ET.parse(path).getroot()
            options = {option.get("name"): option.get("value") for option in root.iter("option")}
            entries = [str(entry.text) for entry in root.iter("entry")]
            runtime["ipsets"][path.stem] = {"type": root.get("type"), "options": options, "entries": entries}
        for path in self.host.locate("/etc/firewalld/zones").glob("*.xml"):
            named = [name for name in (A, B) if f'"{name}"' in path.read_text()]
            rules = [rule for name, rule in zip((A, B), RULES, strict=True) if name in named]
            if rules:
                runtime["zones"].setdefault(path.stem, {})["rules_str"] = rules


@pytest.fixture
def firewalld(double, host, monkeypatch):
    zones = {
        "public": {},
        "home": {"interfaces": ["eth1"]},
        "drop": {"target": "DROP", "sources": ["192.0.2.9"]},
        "trusted": {"target": "ACCEPT", "sources": ["10.9.0.0/24"]},
        "work": {"sources": ["10.8.0.0/24"], "target": "default"},
        "dmz": {"services": ["ssh"]},
    }
    made = double.Firewalld(double.make_configuration(zones=zones))
    Reads(host, made)
    monkeypatch.setattr(session, "connect", lambda: made)
    monkeypatch.setattr(late_module, "has_libraries", lambda **_need: True)
    return made


@pytest.fixture
def run(host, firewalld):
    """Apply a ruleset to the host, as a run of the module does."""

    def bring(want, listing=None):
        late = FirewalldLate(host, listing or list_objects(firewalld))
        late.require()
        late.read(want)
        late.validate(want, check_mode=False)
        late.snapshot(want)
        warnings = late.apply(want)
        confirmed = FirewalldLate(host, list_objects(firewalld))  # as in another process
        if confirmed.compare_persisted(want):
            confirmed.persist(want)
        return warnings

    return bring


def list_objects(firewalld):
    """Return the objects that nft lists if no rules were flushed."""
    listing = Listing()
    for zone, settings in firewalld.runtime["zones"].items():
        listing.add_rules(f"filter_IN_{zone}_post", len(settings.get("rules_str", [])))
    return listing


def read_files(host):
    return {
        str(path.relative_to(host.root)): path.read_bytes().decode(errors="replace")
        for path in host.locate("/etc/firewalld").rglob("*")
        if path.is_file()
    }


def test_rules_are_in_zones_with_interfaces_or_neutral_sources_and_in_the_default_zone(run, firewalld):
    run(WANT)
    have = {zone: sorted(settings.get("rules_str", [])) for zone, settings in firewalld.runtime["zones"].items()}
    assert have == {"public": RULES, "home": RULES, "work": RULES, "drop": [], "trusted": [], "dmz": []}


def test_the_permanent_configuration_equals_the_runtime_configuration(run, host):
    run(WANT)
    found = read_files(host)
    assert found["etc/firewalld/zones/home.xml"] == HOME.replace("</zone>", f"{LINES}</zone>")
    assert found["etc/firewalld/zones/public.xml"].startswith(PUBLIC.replace("</zone>\n", f"{LINES}</zone>\n"))
    assert "<entry>10.0.0.1</entry>" in found[f"etc/firewalld/ipsets/{A}.xml"]
    assert "<entry>" not in found[f"etc/firewalld/ipsets/{B}.xml"]
    assert {*found} == {
        "etc/firewalld/firewalld.conf",
        "etc/firewalld/zones/home.xml",
        "etc/firewalld/zones/public.xml",
        "etc/firewalld/zones/work.xml",
        f"etc/firewalld/ipsets/{A}.xml",
        f"etc/firewalld/ipsets/{B}.xml",
    }


def test_a_zone_without_a_file_has_rules_only_at_runtime(run, host, firewalld):
    host.locate("/usr/lib/firewalld/zones/work.xml").unlink()
    run(WANT)
    assert sorted(firewalld.runtime["zones"]["work"]["rules_str"]) == RULES
    assert "etc/firewalld/zones/work.xml" not in read_files(host)


def test_a_second_run_changes_nothing(run, host, firewalld):
    run(WANT)
    firewalld.calls.clear()
    late = FirewalldLate(host, list_objects(firewalld))
    assert late.read(WANT) == ()
    assert late.apply(WANT) == ()
    assert late.compare_persisted(WANT) == ()
    assert firewalld.calls == []


def test_other_members_take_two_calls_and_no_reload(run, host, firewalld):
    run(WANT)
    firewalld.calls.clear()
    run(OTHER)
    assert firewalld.calls == [("setEntries", B, ["10.0.0.2"]), ("setEntries", A, [])]
    found = read_files(host)
    assert "<entry>10.0.0.2</entry>" in found[f"etc/firewalld/ipsets/{B}.xml"]
    assert "<entry>" not in found[f"etc/firewalld/ipsets/{A}.xml"]


def test_an_ipset_without_use_takes_no_reload(run, firewalld):
    run(WANT)
    firewalld.calls.clear()
    run(NONE)
    assert "reload" not in {name for name, *_arguments in firewalld.calls}


def test_a_reload_between_two_runs_does_not_restore_the_old_members(run, host, firewalld):
    run(WANT)
    run(OTHER)
    firewalld.reload()
    late = FirewalldLate(host, list_objects(firewalld))
    assert late.read(OTHER) == ()
    assert late.compare_persisted(OTHER) == ()


@pytest.mark.parametrize("change", [None, NONE], ids=["absent", "no ports"])
def test_removal_restores_all_files(run, host, firewalld, change):
    before = read_files(host)
    run(WANT)
    assert read_files(host) != before
    run(change)
    assert read_files(host) == before
    zones = firewalld.runtime["zones"]
    assert zones
    assert {name: zone.get("rules_str", []) for name, zone in zones.items()} == {name: [] for name in zones}


def test_only_absent_removes_the_loaded_ipsets(run, firewalld):
    run(WANT)
    run(NONE)
    assert firewalld.runtime["ipsets"] == {
        name: {"type": "hash:net", "options": OPTIONS, "entries": []} for name in (A, B)
    }
    run(WANT)
    run(None)
    assert firewalld.runtime["ipsets"] == {}


def test_removal_needs_no_running_firewalld(run, host, monkeypatch):
    before = read_files(host)
    run(WANT)
    monkeypatch.setattr(session, "connect", lambda: None)
    late = FirewalldLate(host, Listing())
    assert len(late.compare_persisted(None)) == 5
    late.persist(None)
    assert read_files(host) == before


def edit(host, path, change):
    where = host.locate(path)
    where.write_text(change(where.read_text()))


@pytest.mark.parametrize(
    "damage, lines",
    [
        (lambda f: f.runtime["zones"]["home"]["rules_str"].remove(RULES[0]), (f"firewalld's zone home lacks the rule: {RULES[0]}",)),
        (lambda f: f.runtime["zones"]["dmz"].update(interfaces=["eth2"]),
         tuple(f"firewalld's zone dmz lacks the rule: {rule}" for rule in RULES)),
        (lambda f: f.runtime["zones"]["drop"].update(rules_str=[RULES[0], "rule drop"]),
         (f"firewalld's zone drop has an unexpected rule: {RULES[0]}",)),
        (lambda f: f.runtime["ipsets"][A]["entries"].append("10.0.0.7"),
         (f"firewalld's ipset {A} has other entries", f"firewalld's ipset {B} has other entries")),
        (lambda f: f.runtime["ipsets"].pop(B), (f"firewalld's ipset {B} is missing",)),
        (lambda f: f.runtime["ipsets"][B]["options"].update(timeout="5"),
         (f"firewalld's ipset {B} has another type or other options",)),
        (lambda f: f.runtime["zones"]["public"].update(rules_str=[*RULES, 'rule family="ipv4" drop']), ()),
    ],
    ids=["rule removed", "interface moved", "unexpected rule", "entry added", "ipset missing", "ipset changed", "ban added"],
)  # fmt: skip
def test_drift_is_reported_and_repaired(run, host, firewalld, damage, lines):
    run(WANT)
    damage(firewalld)
    listing = list_objects(firewalld)
    assert FirewalldLate(host, listing).read(WANT) == lines
    run(WANT, listing)
    assert FirewalldLate(host, list_objects(firewalld)).read(WANT) == ()


def test_rules_that_are_missing_in_the_kernel_are_drift_and_a_reload_restores_them(run, host, firewalld):
    run(WANT)
    listing = Listing()
    listing.add_rules("filter_IN_public_post", 2)
    listing.add_rules("filter_IN_home_post", 1)
    listing.add_rules("filter_IN_home_post", 5, table="another")
    assert FirewalldLate(host, listing).read(WANT) == (
        "nftables chain filter_IN_home_post: rules of gatehouse.kong: 1, expected 2",
    )
    firewalld.calls.clear()
    host.ran.clear()
    run(WANT, listing)
    assert firewalld.calls == [("reload",)]
    assert ("nft", "add", "table", "inet", "firewalld") in host.ran


def test_with_iptables_the_rules_are_in_its_chains(run, host, firewalld):
    run(WANT)
    edit(host, "/etc/firewalld/firewalld.conf", lambda text: text.replace("=nftables", "=iptables"))
    chain = ("iptables-save", "-t", "filter")
    host.saved = {
        chain: "-A IN_public_post -j ACCEPT\n" * 2 + "-A IN_home_post -j ACCEPT\n-A IN_home_post_x -j ACCEPT\n"
    }
    assert FirewalldLate(host, Listing()).read(WANT) == (
        "iptables chain IN_home_post: rules of gatehouse.kong: 1, expected 2",
    )
    host.ran.clear()
    run(WANT, Listing())
    assert ("nft", "add", "table", "inet", "firewalld") not in host.ran


def test_without_nft_the_rules_in_the_kernel_are_not_checked(run, host, firewalld):
    run(WANT)
    host.programs.remove("nft")
    assert FirewalldLate(host, None).read(WANT) == ()


@pytest.mark.parametrize(
    "path, change, line",
    [
        ("/etc/firewalld/zones/home.xml", lambda _text: HOME, "/etc/firewalld/zones/home.xml: differs"),
        ("/etc/firewalld/zones/dmz.xml", lambda _text: HOME, "/etc/firewalld/zones/dmz.xml: differs"),
        ("/etc/firewalld/firewalld.conf", lambda text: text.replace("public", "drop"),
         "/etc/firewalld/zones/drop.xml: missing"),
        (f"/etc/firewalld/ipsets/{A}.xml", lambda text: text.replace("10.0.0.1", "10.0.0.7"),
         f"/etc/firewalld/ipsets/{A}.xml: differs"),
        ("/etc/firewalld/ipsets/gkfwd6-a-old.xml", lambda _text: "", "/etc/firewalld/ipsets/gkfwd6-a-old.xml: to be removed"),
    ],
)  # fmt: skip
def test_a_changed_permanent_configuration_is_reported_and_repaired(run, host, path, change, line):
    run(WANT)
    host.locate(path).touch()
    edit(host, path, change)
    assert FirewalldLate(host, Listing()).compare_persisted(WANT) == (line,)
    run(WANT)
    assert FirewalldLate(host, Listing()).compare_persisted(WANT) == ()


OWN_FORM = """\
  <rule family="ipv4" priority="32767">
    <source ipset="{}"/>
    <port port="{}" protocol="tcp"/>
    <accept/>
  </rule>
"""


@pytest.mark.parametrize(
    "rules, stale",
    [
        ([(A, 8001), (B, 8001)], False),
        ([(B, 8001), (A, 8001)], False),
        ([(A, 8001)], True),
        ([(A, 8001), (B, 8002)], True),
        ([(A, 8001), (B, 8001), (A, 8002)], True),
    ],
)
def test_a_zone_file_that_firewalld_rewrote_is_compared_by_its_rules(run, host, firewalld, rules, stale):
    run(WANT)
    text = HOME.replace("</zone>", "".join(OWN_FORM.format(*rule) for rule in rules) + "</zone>")
    edit(host, "/etc/firewalld/zones/home.xml", lambda _text: text)
    assert bool(FirewalldLate(host, Listing()).compare_persisted(WANT)) is stale
    run(None)
    assert read_files(host)["etc/firewalld/zones/home.xml"] == HOME


def test_an_administrator_edits_a_zone_and_removal_keeps_the_edit(run, host):
    run(WANT)
    edit(host, "/etc/firewalld/zones/public.xml", lambda text: text.replace("Public", "Office"))
    edit(host, "/etc/firewalld/zones/home.xml", lambda text: text.replace("our home", "home"))
    run(None)
    assert read_files(host)["etc/firewalld/zones/public.xml"] == PUBLIC.replace("Public", "Office")
    assert read_files(host)["etc/firewalld/zones/home.xml"] == HOME.replace("our home", "home")


@pytest.mark.parametrize(
    "break_it, message",
    [
        (lambda path: path.write_bytes(b"<zone>\n<!-- caf\xe9 --><interface name='e'/></zone>"), "is not valid XML"),
        (lambda path: path.write_bytes(b'<?xml version="1.0" encoding="latin-1"?>\n<zone><!-- \xe9 --></zone>'), "is not UTF-8"),
        (lambda path: path.write_text("<zone>"), "is not valid XML"),
        (lambda path: path.write_text("<policy/>"), "it has no element <zone>"),
        (lambda path: (path.rename(path.with_name("x")), path.symlink_to("x")), "is a symbolic link"),
        (lambda path: (path.unlink(), path.symlink_to("nowhere")), "cannot be read: No such file or directory"),
    ],
)  # fmt: skip
def test_a_zone_file_that_cannot_be_edited_is_an_error_before_any_change(host, firewalld, break_it, message):
    break_it(host.locate("/etc/firewalld/zones/home.xml"))
    before = read_files(host)
    late = FirewalldLate(host, Listing())
    with pytest.raises(HostError, match=f"^/etc/firewalld/zones/home.xml.*{message}"):
        late.read(WANT), late.validate(WANT, check_mode=False)
    assert (firewalld.calls, read_files(host)) == ([], before)


def test_the_whole_permanent_configuration_is_checked_before_a_reload(host, firewalld):
    calls = {}

    def run_program(*argv, stdin=""):
        check = host.locate("/run/gatehouse_kong_check")
        calls.update({argv: sorted(str(path.relative_to(check)) for path in check.rglob("*.*"))})
        return ""

    host.run = run_program
    late = FirewalldLate(host, Listing())
    late.read(WANT)
    late.validate(WANT, check_mode=True)
    assert calls == {
        ("firewall-offline-cmd", f"--system-config={host.root}/run/gatehouse_kong_check", "--check-config"): [
            "firewalld.conf", f"ipsets/{A}.xml", f"ipsets/{B}.xml", "zones/home.xml", "zones/public.xml",
            "zones/work.xml",
        ]
    }  # fmt: skip
    assert not host.locate("/run/gatehouse_kong_check").exists()
    assert firewalld.calls == []


def test_without_a_reload_there_is_nothing_to_check(run, host, firewalld):
    run(WANT)
    late = FirewalldLate(host, Listing())
    late.read(OTHER)
    host.ran.clear()
    late.validate(OTHER, check_mode=True)
    assert host.ran == []


def refuse_rights():
    raise HostError("this process lacks CAP_NET_ADMIN")


def read_request(script):
    """Return the request that the script of a rollback passes to its session."""
    return json.loads(ast.literal_eval(script.rpartition("json.loads(")[2].rpartition(")))")[0]))


MORE = ruleset_from_data(
    {"allow": [ENTRY, {**ENTRY, "port": 7946, "sources": ["more"]}], "sets": {"peers": {"ipv4": ["10.0.0.1/32"]},
     "more": {"ipv4": ["10.0.0.7/32"]}}}
)  # fmt: skip


def test_the_rollback_of_a_new_ipset_takes_no_reload(run, host, firewalld):
    run(WANT)
    late = FirewalldLate(host, list_objects(firewalld))
    late.read(MORE)
    request = read_request(late.snapshot(WANT).load[1][1])
    late.apply(MORE)
    firewalld.calls.clear()
    session.answer(request)
    assert ("reload",) not in firewalld.calls
    assert firewalld.runtime["ipsets"]["gkfwd4-a-more"]["entries"] == []
    assert FirewalldLate(host, list_objects(firewalld)).read(WANT) == ()


def test_the_rollback_of_the_first_change_removes_all_our_objects(run, host, firewalld):
    late = FirewalldLate(host, list_objects(firewalld))
    late.read(WANT)
    snapshot = late.snapshot(None)
    late.apply(WANT)
    late.persist(None)  # represents the rollback, which restores the files
    session.answer(read_request(snapshot.load[1][1]))
    assert firewalld.runtime["ipsets"] == {}


def test_the_rollback_restores_rules_entries_and_files(run, host, firewalld, double):
    run(WANT)
    late = FirewalldLate(host, list_objects(firewalld))
    late.read(OTHER)
    snapshot = late.snapshot(WANT)
    assert snapshot.files == (
        f"/etc/firewalld/ipsets/{A}.xml",
        f"/etc/firewalld/ipsets/{B}.xml",
        "/etc/firewalld/zones/home.xml",
        "/etc/firewalld/zones/public.xml",
        "/etc/firewalld/zones/work.xml",
    )
    (shell, removal), (_python, script) = snapshot.load
    assert shell == ("sh",)
    assert f" /etc/firewalld/ipsets/{A}.xml /etc/firewalld/ipsets/{B}.xml " in removal
    request = read_request(script)
    before = copy.deepcopy(firewalld.runtime)
    late.apply(OTHER)
    assert firewalld.runtime != before
    session.answer(request)
    assert firewalld.runtime == before


@pytest.mark.parametrize(
    "break_it, message",
    [
        (lambda host: host.programs.remove("firewall-cmd"), "firewall-cmd is missing on this host"),
        (lambda host: host.programs.remove("firewall-offline-cmd"), "firewall-cmd is missing on this host"),
        (lambda host: host.locate("/run/systemd/units/invocation:firewalld.service").unlink(), "firewalld.service is not active"),
        (lambda host: setattr(host, "require_net_admin", refuse_rights), "this process lacks"),
        (lambda host: host.locate("/run/systemd/system").rmdir(), "this host does not run systemd"),
        (lambda host: host.locate("/etc/firewalld").rename(host.locate("/etc/x")), "/etc/firewalld is missing"),
    ],
)  # fmt: skip
def test_a_missing_requirement_is_an_error(host, break_it, message):
    break_it(host)
    with pytest.raises(HostError, match=message):
        FirewalldLate(host, Listing()).require()


def test_an_error_names_firewalld(host, firewalld, double):
    def fail(*_words):
        raise bus.CallError("it hangs")

    firewalld.getZones = fail
    with pytest.raises(HostError, match=r"^firewalld: it hangs$"):
        FirewalldLate(host, Listing()).read(WANT)
