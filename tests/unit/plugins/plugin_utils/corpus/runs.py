# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Texts about running nodes: drift, observers, holders of virtual addresses, certificates, and restart decisions."""

from __future__ import annotations

from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.group import GroupError, select_nodes
from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.generations import list_generations
from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.restart_decision import decide_restart
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.file import PlanError, parse_plan
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.host import select_host
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.left import describe_members
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.queries import (
    find_advertised_address,
    get_host,
    get_node,
    list_paths,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._report.report import FORMS, Evidence
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.drift import format_drift, gather
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.explain import (
    choose_probes,
    explain,
    list_outcomes,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.probes import list_callers, list_probes_from
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.result import compare, format_verification
from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils.corpus.kongs import CONTAINERS, VIRTUAL
from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils.corpus.networks import SEED
from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils.corpus.texts import draw
from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils.fleets import planned

_NODES = ("a1", "a2", "b1")
_FINE = {"failed": False, "report": []}
_DRIFTS = {
    "as planned": {name: {"firewall": _FINE, "settings": {"failed": False, "changed_settings": [], "path": "/k"}} for name in _NODES},
    "every part differs": {
        "a1": {
            "firewall": {"failed": False, "report": ["tcp 8001 (admin): rule missing"]},
            "listeners": {"failed": False, "report": ["tcp 0.0.0.0:8001 listens and is not planned"]},
            "settings": {"failed": False, "path": "/etc/kong/kong.conf", "changed_settings": ["admin_listen", "pg_password", "proxy_listen"],
                         "before": {"admin_listen": "0.0.0.0:1"}, "changed": True, "unknown": ["typo"]},
            "interception": {"failed": False, "report": ["the rules are missing"]},
        },
        "a2": {"firewall": {"failed": False, "report": ["tcp 8001 (admin): rule missing"]},
               "settings": {"failed": False, "path": "/k", "changed_settings": [], "changed": True}},
        "b1": {"firewall": {"msg": "no permission", "failed": True}, "listeners": {"msg": "no lsof", "failed": True}},
    },
    "one node of one part": {"a1": {"firewall": _FINE}, "a2": {"msg": "the module failed"}},
}  # fmt: skip
_OBSERVED = {"arrived": [], "let_in": [], "unheard": [], "sent_on": [], "blind": {}}
_OBSERVERS = {
    "none": None,
    "arrived": {**_OBSERVED, "arrived": ["far", "box"]},
    "accepted": {**_OBSERVED, "arrived": ["far"], "let_in": ["far"]},
    "forwarded": {**_OBSERVED, "sent_on": ["far"]},
    "unheard": {**_OBSERVED, "unheard": ["far"]},
    "blind": {**_OBSERVED, "blind": {"ipv4": "another program drops packets"}},
    "nothing": _OBSERVED,
}
_PLANNED = {"open": "open", "filtered": "filtered", "closed": "refused"}
_HELD = {
    "one holder": {"vip1": ["10.9.0.100", "fd09::100"], "vip2": []},
    "two holders": {"vip1": ["10.9.0.100"], "vip2": ["10.9.0.100", "fd09::100"]},
    "no holder": {"vip1": [], "vip2": []},
    "one node did not answer": {"vip2": ["10.9.0.100"]},
}
_CERTIFICATE = {"subject": "CN=kong", "not_after": "2027-01-01T00:00:00Z"}


def describe_drift():
    """Yield the drift texts for results of the modules on the nodes of the seed."""
    plan = planned(SEED.nodes, SEED.others, SEED.groups)
    for title, seen in _DRIFTS.items():
        drift = gather(plan, seen).as_dict()
        yield from (f"=== {title}", *format_drift(drift), "")
        yield from FORMS[".md"](Evidence(plan, drift=drift)).partition("## Drift")[2].splitlines()[:20]


def _see(plan, mute, **more):
    """Return planned results, silent for services that need not answer; the mark is the caller's name."""
    return {
        caller: [
            {"name": probe.name, "mark": caller, "detail": "told", **more,
             "seen": "silent" if probe.kind == mute else _PLANNED[probe.expected]}
            for probe in list_probes_from(plan, caller)
        ]
        for caller in list_callers(plan)
    }  # fmt: skip


def describe_observers():
    """Yield the verifications of services that need not answer, with each observation of the node."""
    plan = planned(CONTAINERS.nodes, CONTAINERS.others)
    probes = choose_probes(plan, "far", "box", "stream")
    for title, observer in _OBSERVERS.items():
        yield f"=== {title}"
        seen = _see(plan, "udp")
        verification = compare(plan, seen, {"box": observer} if observer else None)
        lines = format_verification(verification)
        yield from lines[next(number for number, line in enumerate(lines) if line[:1].isupper() and number) :]
        outcomes = list_outcomes(plan, probes, seen["far"], observer)
        yield from (line for probe in probes for line in explain(plan, probe, outcomes))
        yield ""


def describe_holders():
    """Yield the verifications of virtual addresses, by the nodes that hold them."""
    plan = planned(VIRTUAL.nodes, VIRTUAL.others)
    for title, held in _HELD.items():
        verification = compare(plan, _see(plan, "udp"), None, held)
        yield from (f"=== {title}", *format_verification(verification), "")


def describe_certificates():
    """Yield notes about certificates, authentication, placeholders, and hosts that did not probe."""
    plan = planned(SEED.nodes, SEED.others, SEED.groups)
    seen = _see(plan, "none", status=200)
    for days, caller in ((-1, "a1"), (0, "a2"), (29, "admin"), (30, "client")):
        for result in seen[caller]:
            if " 8443 " in result["name"] or " 8444 " in result["name"]:
                result["certificate"] = {**_CERTIFICATE, "days_left": days}
    del seen["outsider"]
    placeholders = {"a1": [{"protocol": "tcp", "address": "0.0.0.0", "port": 8443}] * 2, "a2": []}
    verification = compare(plan, seen)
    yield from format_verification(verification, placeholders)
    outcomes = [outcome.as_dict() for outcome in verification.outcomes]
    evidence = Evidence(plan, {"at": "2026-11-25 12:00 UTC", "outcomes": outcomes, "placeholders": ["a1"]})
    yield from FORMS[".md"](evidence).splitlines()
    yield FORMS[".xml"](evidence).replace("><", ">\n<")


_SOCKETS = {
    "wildcard": ("0.0.0.0", []), "address": ("10.0.0.1", []), "loopback": ("127.0.0.1", []), "name": ("kong.example", []),
    "IPv6": ("::", []), "both": ("::", ["ipv6only=off"]), "reuseport": ("127.0.0.1", ["reuseport"]),
    "transparent": ("0.0.0.0", ["transparent"]),
}  # fmt: skip
_EFFECTIVE = [
    {
        "origin": "environment",
        "moves": True,
        "setting": "proxy_listen",
        "value": "x",
        "line": "KONG_PROXY_LISTEN is set",
    },
    {"origin": "environment", "moves": False, "setting": "log_level", "value": "x", "line": "KONG_LOG_LEVEL is set"},
    {"origin": "started", "moves": False, "setting": "database", "value": "x", "line": ""},
    {"origin": "outdated", "moves": False, "setting": "role", "value": "control_plane", "line": ""},
    {"origin": "outdated", "moves": False, "setting": "log_level", "value": "debug", "line": ""},
]


def _make_node(version, address, flags, role="traditional"):
    listener = {
        "name": "proxy",
        "setting": "proxy_listen",
        "address": address,
        "port": 8000,
        "protocols": ["tcp"],
        "flags": flags,
    }
    return {"version": version, "role": role, "listeners": [listener]}


def describe_restarts():
    """Yield the decisions for changes of each kind."""
    for version in ("0.8", "0.10", "0.14", "1.5", "3.9"):
        node = _make_node(version, "0.0.0.0", [])
        for name in ("role", "database", "nginx_user", "prefix", "log_level", "proxy_listen"):
            yield f"{version} {name}: {decide_restart(node, {name: '0.0.0.0:8000'}, listens=True).summary}"
        yield f"{version} environment: {decide_restart(node, {'log_level': None}, listens=True, environment=True).summary}"
        yield f"{version} nothing: {decide_restart(node, {}, listens=True).summary}"
        yield f"{version} other sockets: {decide_restart(node, {}, listens=False).summary}"
        yield f"{version} unreadable: {decide_restart(node, {'proxy_listen': 'x y z'}, listens=True).summary}"
    node = _make_node("3.9", "0.0.0.0", [])
    for found in _EFFECTIVE:
        for listens in (True, False):
            decision = decide_restart(node, {}, listens=listens, effective=[found])
            yield f"{found['origin']} {found['setting']}, listens {listens}: {decision.how}: {decision.summary}"
    for before, (old, old_flags) in _SOCKETS.items():
        where = f"[{old}]" if ":" in old else old
        text = " ".join([f"{where}:8000", *old_flags])
        for after, (new, flags) in _SOCKETS.items():
            decision = decide_restart(_make_node("1.5", new, flags), {"proxy_listen": text}, listens=True)
            yield f"{before} -> {after}: {decision.how}: {'; '.join(decision.reasons)}"


_PLANS = ["", "[]", "{}", '{"format": 2, "nodes": {}}', '{"format": 1}', "{", '"text"']


def describe_queries():
    """Yield the errors of queries that a plan cannot answer, and of groups without nodes."""
    plan = planned(SEED.nodes, SEED.others, SEED.groups)
    for name, query in {
        "unknown host": lambda: get_host(plan, "x"),
        "unknown node": lambda: get_node(plan, "x"),
        "a host that is no node": lambda: get_node(plan, "admin"),
        "unknown part": lambda: select_host(plan, "x"),
        "unknown listener": lambda: list_paths(plan, "a1", "b1", "status"),
        "unknown caller": lambda: list_paths(plan, "x", "b1", None),
        "unknown listener of a probe": lambda: choose_probes(plan, "a1", "b1", "status"),
        "advertised": lambda: find_advertised_address(plan, "b1"),
        "not advertised": lambda: find_advertised_address(planned(VIRTUAL.nodes, VIRTUAL.others), "vip1"),
        **{f"plan {text!r}": lambda text=text: parse_plan(text) for text in _PLANS},
    }.items():
        try:
            yield f"{name}: {query()}"
        except PlanError as error:
            yield f"{name}: {error}"
    for title, groups, options in _GROUPS:
        try:
            yield f"{title}: {select_nodes(groups, **{'extra': None, 'play_hosts': ['a'], 'groups_of_hosts': lambda _hosts: [], **options})}"
        except GroupError as error:
            yield f"{title}: {error}"
    yield describe_members(["a1", "a2", "a3"], "kong", ["a1", "a3"])


_GROUPS = [
    ("the default", {"kong": ["a"], "all": ["a"]}, {"group": "kong"}),
    ("no nodes", {"kong": [], "web": ["a"], "db": ["b"], "all": ["a", "b"]}, {"group": "kong"}),
    ("no hosts", {"all": []}, {"group": "kong"}),
    ("excluded", {"kong": [f"n{number}" for number in range(9)], "all": ["a"]}, {"group": "kong"}),
    ("another group", {"gate": ["a"], "all": ["a"]}, {"group": "gate"}),
    ("two groups", {"gate": ["a"], "kong": ["a"], "all": ["a"]}, {"group": "gate"}),
    (
        "two fleets",
        {"gate": ["a"], "edge": ["a"], "all": ["a"]},
        {"group": "gate", "groups_of_hosts": lambda _hosts: ["edge"]},
    ),
    ("extra", {"gate": ["a"], "kong": ["b"], "all": ["a"]}, {"group": "gate", "extra": "gate"}),
    (
        "named by a host",
        {"edge": ["a"], "all": ["a"]},
        {"group": "kong", "groups_of_hosts": lambda _hosts: ["edge", 7, "none"]},
    ),
]


def _collect_faults():
    """Return the evidence of a run with differences, a sample, placeholders, holders and drift."""
    plan = planned(SEED.nodes, SEED.others, SEED.groups)
    seen = _see(plan, "none")
    for number, result in enumerate(result for results in seen.values() for result in results):
        result["seen"] = ("open", "filtered", "refused", "unreachable", "silent", result["seen"])[number % 6]
    del seen["client"]
    verification = compare(plan, seen)
    kept = {
        "at": "2026-11-25 12:00 UTC",
        "outcomes": [outcome.as_dict() for outcome in verification.outcomes],
        "sampled": True,
        "placeholders": ["a1", "b1"],
        "holders": {"10.9.0.100": ["a1"], "10.9.0.101": [], "10.9.0.102": ["a1", "a2", "b1"]},
    }
    drift = gather(plan, _DRIFTS["every part differs"]).as_dict()
    return Evidence(plan, kept, {"at": "2026-11-25 12:05 UTC", **drift}, [])


def describe_report_of_faults():
    """Yield the report as Markdown and as JUnit XML."""
    evidence = _collect_faults()
    yield from FORMS[".md"](evidence).splitlines()
    yield from FORMS[".xml"](evidence).replace("><", ">\n<").splitlines()


def describe_picture_of_faults():
    """Yield the picture with the marks of the differences."""
    yield from draw(FORMS[".html"](_collect_faults())).splitlines()


def describe_releases():
    """Yield the generation of every release line, and its settings."""
    known = {}
    for generation in list_generations():
        known.setdefault(generation.name, []).append(generation)
        yield (
            f"{generation.name} {generation.versions} enterprise={generation.enterprise} {generation.path} {generation.format} "
            f"ipv6={generation.ipv6} hybrid={generation.hybrid} {generation.advertise} {generation.dnsmasq_port}"
        )
    for name, (generation, *_more) in known.items():
        yield f"=== {name}"
        yield from map(str, generation.settings)


RUNS = {"drift": describe_drift, "observers": describe_observers, "holders": describe_holders,
        "certificates": describe_certificates, "restarts": describe_restarts,
        "queries": describe_queries, "releases": describe_releases, "report-of-faults": describe_report_of_faults,
        "picture-of-faults": describe_picture_of_faults}  # fmt: skip
