# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# The fake's methods have the names that firewalld gives them.
# ruff: noqa: N802

"""A fake firewalld with a runtime and a permanent configuration. It records its calls in order."""

from __future__ import annotations

import copy
import types
from contextlib import nullcontext

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._backends.firewalld.session import (
    bus,
    elements,
    iptables,
    iptables_events,
    recording_file,
    session,
)

CONFIG = "/org/fedoraproject/FirewallD1/config"
ITEMS = {
    "RichRule": "rules_str",
    "Service": "services",
    "Port": "ports",
    "Protocol": "protocols",
    "SourcePort": "source_ports",
    "IcmpBlock": "icmp_blocks",
    "ForwardPort": "forward_ports",
}


def make_configuration(**more):
    """Return the configuration of a new host, with more parts."""
    zones = {
        "drop": {"target": "DROP"},
        "internal": {"services": ["ssh"]},
        "public": {"services": ["dhcpv6-client", "ssh"], "forward": True},
        "trusted": {"target": "ACCEPT"},
    }
    made = {"zones": zones, "ipsets": {}, "policies": {"allow-host-ipv6": {"priority": -15000}}, "direct": {}}
    return copy.deepcopy({**made, **more})


def make_ipset(entries=(), **options):
    return {"type": "hash:net", "options": options, "entries": list(entries)}


class Firewalld:
    """A fake with the methods of firewalld.dbus(5). A reload replaces the runtime by the permanent configuration."""

    def __init__(self, runtime=None, permanent=None):
        self.runtime = runtime or make_configuration()
        self.permanent = copy.deepcopy(self.runtime) if permanent is None else permanent
        self.calls = []
        self.before_reload = lambda: None
        self.panic = 0
        self.refuses = {}

    def __call__(self, interface, method, *args, seconds=0, path=None):
        if method.startswith(("add", "remove", "set", "change", "reload")):
            self.calls.append((method, *args))
        if method in self.refuses:
            raise bus.CallError(self.refuses[method])
        if interface.startswith(".config"):
            return self.read_configuration(interface, method, args, path)
        for stem, key in ITEMS.items():
            if interface == ".zone" and method in (f"add{stem}", f"remove{stem}"):
                return self.change_item(method.startswith("add"), key, args)
        if interface == ".direct":
            return self.handle_direct(method, args)
        return getattr(self, method)(*args)

    def read_configuration(self, interface, method, args, path):
        kinds = {"Zone": "zones", "Policy": "policies", "IPSet": "ipsets"}
        if method.endswith("ByName"):
            assert path == CONFIG
            kind = kinds[method[3:-6]]
            if args[0] not in self.permanent[kind]:
                raise bus.CallError(f"INVALID: {args[0]}")
            return f"{CONFIG}/{kind}/{args[0]}"
        if interface == ".config.direct":
            assert path == CONFIG
            return [self.permanent["direct"].get(kind, []) for kind in ("Chain", "Rule", "Passthrough")]
        kind, name = path[len(CONFIG) + 1 :].split("/")
        assert (interface, method) == {
            "zones": (".config.zone", "getSettings2"),
            "policies": (".config.policy", "getSettings"),
            "ipsets": (".config.ipset", "getSettings"),
        }[kind]
        found = self.permanent[kind][name]
        return ["", "", "", found["type"], found["options"], found["entries"]] if kind == "ipsets" else found

    def change_item(self, adds, key, args):
        zone, *item = args
        if adds:
            assert item.pop() == 0
        self.change(
            self.runtime["zones"][zone].setdefault(key, []), item[0] if len(item) == 1 else tuple(item), adds=adds
        )

    @staticmethod
    def change(have, value, *, adds):
        if adds is (value in have):
            raise bus.CallError("ALREADY_ENABLED: it" if adds else "NOT_ENABLED: it")
        (have.append if adds else have.remove)(value)

    def handle_direct(self, method, args):
        if method.startswith("getAll"):
            return self.runtime["direct"].get(method[6:-1], [])
        verb = "add" if method.startswith("add") else "remove"
        have = self.runtime["direct"].setdefault(method[len(verb) :], [])
        words = tuple(list(arg) if isinstance(arg, tuple) else arg for arg in args)  # D-Bus transfers an array
        return self.change(have, words, adds=verb == "add")

    def reload(self):
        self.before_reload()
        self.runtime = copy.deepcopy(self.permanent)

    def queryPanicMode(self):
        return self.panic

    def getDefaultZone(self):
        return "public"

    def getZones(self):
        return [*self.runtime["zones"]]

    def getZoneSettings2(self, zone):
        return copy.deepcopy(self.runtime["zones"][zone])

    def setZoneSettings2(self, zone, settings):
        self.runtime["zones"][zone].update(settings)

    def getPolicies(self):
        return [*self.runtime["policies"]]

    def getPolicySettings(self, policy):
        return copy.deepcopy(self.runtime["policies"][policy])

    def setPolicySettings(self, policy, settings):
        self.runtime["policies"][policy].update(settings)

    def getIPSets(self):
        return [*self.runtime["ipsets"]]

    def getIPSetSettings(self, name):
        found = self.runtime["ipsets"][name]
        return ["", "", "", found["type"], found["options"], found["entries"]]

    def getEntries(self, name):
        return list(self.runtime["ipsets"][name]["entries"])

    def setEntries(self, name, entries):
        self.runtime["ipsets"][name]["entries"] = list(entries)

    def addEntry(self, name, entry):
        self.change(self.runtime["ipsets"][name]["entries"], entry, adds=True)

    def removeEntry(self, name, entry):
        self.change(self.runtime["ipsets"][name]["entries"], entry, adds=False)

    def changeZoneOfSource(self, zone, source):
        self.bind("sources", zone, source)

    def changeZoneOfInterface(self, zone, interface):
        self.bind("interfaces", zone, interface)

    def removeSource(self, zone, source):
        self.change(self.runtime["zones"][zone].get("sources", []), source, adds=False)

    def removeInterface(self, zone, interface):
        self.change(self.runtime["zones"][zone].get("interfaces", []), interface, adds=False)

    def bind(self, key, zone, member):
        for settings in self.runtime["zones"].values():
            if member in settings.get(key, []):
                settings[key].remove(member)
        self.runtime["zones"][zone].setdefault(key, []).append(member)


class Programs:
    """The programs that a session runs: iptables-save and -restore, and programs that a test adds."""

    def __init__(self):
        self.saved = ["# by iptables-save\n*filter\n:INPUT ACCEPT [1:2]\nCOMMIT\n"]
        self.loaded = []
        self.errors = []
        self.others = {}

    def run(self, *argv, stdin=""):
        if argv == ("iptables-save", "-c"):
            return self.saved.pop(0) if len(self.saved) > 1 else self.saved[0]
        if argv == ("iptables-restore", "--wait", "10", "-c", "--noflush"):
            if self.errors:
                raise self.errors.pop(0)
            self.loaded.append(stdin)
            return ""
        answer = self.others.get(argv, "") if argv[1:] == ("--test",) else self.others[argv]
        if isinstance(answer, Exception):
            raise answer
        if callable(answer):
            return answer(stdin)
        return answer


@pytest.fixture(autouse=True)
def library(monkeypatch):
    """The D-Bus library. A session sees no signals and no events of iptables, unless a test replaces these functions."""
    made = types.SimpleNamespace(Boolean=bool)
    monkeypatch.setattr(bus, "dbus", made)
    monkeypatch.setattr(recording_file, "read_instance", lambda: "boot :1.1")
    monkeypatch.setattr(session, "watch", lambda: list)
    monkeypatch.setattr(session, "watch_tables", lambda: nullcontext(str))
    return made


@pytest.fixture(autouse=True)
def programs(monkeypatch):
    made = Programs()
    for module in (elements, iptables, iptables_events):
        monkeypatch.setattr(module, "run", made.run)
    monkeypatch.setattr(iptables.time, "sleep", lambda _seconds: None)
    monkeypatch.setattr(
        iptables.shutil, "which", lambda name: name if name in ("iptables-restore", "nft", "ipset") else None
    )
    return made


@pytest.fixture
def double():
    """The fake and the functions that create its parts, for tests in other files."""
    return types.SimpleNamespace(Firewalld=Firewalld, make_configuration=make_configuration, make_ipset=make_ipset)
