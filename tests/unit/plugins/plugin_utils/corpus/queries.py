# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Texts that need no fleet: restart decisions, releases, and queries that cannot be answered."""

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
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.explain import (
    choose_probes,
)
from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils.corpus.kongs import VIRTUAL
from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils.corpus.networks import SEED
from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils.fleets import plan_fleet

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
    plan = plan_fleet(SEED.nodes, SEED.others, SEED.groups)
    for name, query in {
        "unknown host": lambda: get_host(plan, "x"),
        "unknown node": lambda: get_node(plan, "x"),
        "a host that is no node": lambda: get_node(plan, "admin"),
        "unknown part": lambda: select_host(plan, "x"),
        "unknown listener": lambda: list_paths(plan, "a1", "b1", "status"),
        "unknown caller": lambda: list_paths(plan, "x", "b1", None),
        "unknown listener of a probe": lambda: choose_probes(plan, "a1", "b1", "status"),
        "advertised": lambda: find_advertised_address(plan, "b1"),
        "not advertised": lambda: find_advertised_address(plan_fleet(VIRTUAL.nodes, VIRTUAL.others), "vip1"),
        **{f"plan {text!r}": lambda text=text: parse_plan(text) for text in _PLANS},
    }.items():
        try:
            yield f"{name}: {query()}"
        except PlanError as error:
            yield f"{name}: {error}"
    for title, groups, options in _GROUPS:
        try:
            given = {"extra": None, "play_hosts": ["a"], "is_limited": True, "groups_of_hosts": lambda _hosts: []}
            yield f"{title}: {select_nodes(groups, **{**given, **options})}"
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


QUERIES = {"restarts": describe_restarts, "queries": describe_queries, "releases": describe_releases}
