# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Complete texts for a terminal, word for word: plans, changes, verifications and explanations."""

from __future__ import annotations

import pytest

from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.changes import compare_plans
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.changes_text import format_changes
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.pf_rules import PF_FORMS, render_pf_rules
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.summary import format_plan
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.explain import (
    choose_probes,
    explain,
    list_outcomes,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.probes import list_callers, list_probes_from
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.result import compare, format_verification
from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils.fleets import (
    SEED_NODES,
    SEED_OTHERS,
    plan_fleet,
)
from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils.golden import compare_with_file

SEED = plan_fleet(SEED_NODES, SEED_OTHERS)
RESULTS = {"open": "open", "filtered": "filtered", "closed": "refused"}
BOX = {
    "kong_address": ["10.0.0.1", "fd00::1"],
    "kong_site": "box",
    "kong_vpn_address": "10.8.0.1",
    "kong_version": "3.9",
}
INTERCEPTION = [
    {
        "listen_port": 8000,
        "ports": [80, 8080],
        "destinations": ["198.51.100.0/24", "203.0.113.7"],
        "interfaces": ["eth1"],
    },
    {"listen_port": 8000, "ports": 443, "destinations": "any"},
]
# Interception, published ports, a stream over UDP, a data plane, IPv6, and a mapping one to one.
NODES = {
    "edge": {**BOX, "kong_proxy_listen": "0.0.0.0:8000, [::]:8000", "kong_transparent": INTERCEPTION,
             "kong_proxy_sources": [f"10.{number}.0.0/16" for number in range(1, 7)]},
    "old": {"kong_version": "1.5", "kong_address": "10.0.0.2", "kong_site": "box", "kong_transparent": INTERCEPTION[:1],
            "kong_proxy_listen": "0.0.0.0:8000 transparent", "kong_proxy_sources": ["10.20.0.0/16"]},
    "box": {**BOX, "kong_address": ["10.0.0.3", "fd00::3"], "kong_vpn_address": "10.8.0.3",
            "kong_stream_listen": "0.0.0.0:53 udp", "kong_published_ports": ["53:53/udp", "80:8000", "8001:8001"],
            "kong_admin_listen": "0.0.0.0:8001", "kong_admin_sources": ["far"]},
    "cp": {**BOX, "kong_address": "10.0.0.4", "kong_vpn_address": "10.8.0.4", "kong_role": "control_plane",
           "kong_cluster": "hybrid", "kong_admin_listen": "127.0.0.1:8001"},
    "dp": {**BOX, "kong_address": "10.1.0.4", "kong_vpn_address": "10.8.0.5", "kong_role": "data_plane",
           "kong_cluster": "hybrid", "kong_site": "far",
           "kong_nat": [{"outside": "192.0.2.7", "device": "router"}]},
}  # fmt: skip
OTHERS = {"far": {"kong_address": "10.1.0.9", "kong_site": "far", "kong_vpn_address": "10.8.0.9"},
          "lost": {"kong_address": "10.7.0.9", "kong_site": "nowhere"}}  # fmt: skip
NODES["old"]["kong_verify_outsiders"] = ["lost"]
PLAN = plan_fleet(NODES, OTHERS)


def plan_later():
    """Return the plan of the seed after many changes."""
    mapping = {"outside": "192.168.10.6", "outside_port": 9001, "inside_port": 80, "protocols": ["tcp", "udp"]}
    nodes = {
        "a1": {**SEED_NODES["a1"], "kong_proxy_sources": ["192.168.0.0/16"], "kong_admin_sources": ["nobody"]},
        "a2": {**SEED_NODES["a2"], "kong_address": "192.168.10.13", "kong_config": {"log_level": "debug"}},
        "b1": {**SEED_NODES["b1"], "kong_nat": [{**mapping, "device": "fritz"}], "kong_version": "0.10.3"},
        "c1": {"kong_address": "10.9.0.1", "kong_site": "new"},
    }
    return plan_fleet(nodes, SEED_OTHERS)


def make_verification(plan, changes=(), *, absent=(), silent=()):
    """Return a verification with other results for the named probes."""
    changed = {(caller, name): more for caller, name, more in changes}
    probed = {
        caller: [
            {"name": probe.name, "detail": "", "mark": f"{caller} {probe.name}", "result": RESULTS[probe.expected]}
            | ({"result": "silent"} if probe.kind == "udp" or probe.name in silent else {})
            | changed.get((caller, probe.name), {})
            for probe in list_probes_from(plan, caller)
        ]
        for caller in list_callers(plan)
        if caller not in absent
    }
    return compare(plan, probed)


CERTIFICATE = {"subject": "CN=kong", "not_after": "2027-01-01T00:00:00Z"}
CHANGES = [
    ("a1", "b1 cluster tcp 80 192.168.10.5:9000", {"result": "filtered", "detail": "no answer"}),
    ("a1", "b1 cluster udp 80 192.168.10.5:9000", {"result": "filtered", "detail": "no answer"}),
    ("a2", "a1 admin tcp 8001 192.168.10.11:8001", {"result": "open", "detail": "HTTP 200", "status": 200}),
    ("admin", "a1 admin tcp 8001 192.168.10.11:8001", {"status": 200}),
    ("admin", "a2 admin tcp 8444 192.168.10.12:8444", {"certificate": {**CERTIFICATE, "days_left": 29}}),
    ("admin", "a1 admin tcp 8444 192.168.10.11:8444", {"certificate": {**CERTIFICATE, "days_left": -1}}),
]
PLACEHOLDERS = {"a1": [{"protocol": "tcp", "address": "0.0.0.0", "port": 8000}], "a2": []}


def explain_pairs(plan, pairs, probed=()):
    """Return the explanations of the probes between pairs of hosts."""
    lines = []
    for caller, target in pairs:
        probes = choose_probes(plan, caller, target, None)
        found = list_outcomes(plan, probes, probed, None)
        lines += [line for probe in probes for line in (*explain(plan, probe, found), "")]
    return lines


TEXTS = {
    "plan-seed": lambda: format_plan(SEED),
    "plan-many-kinds": lambda: format_plan(PLAN),
    "changes": lambda: format_changes(compare_plans(SEED, plan_later())),
    "changes-back": lambda: format_changes(compare_plans(plan_later(), SEED)),
    "verification": lambda: format_verification(make_verification(SEED)),
    "verification-differs": lambda: format_verification(make_verification(SEED, CHANGES, absent=["b1"]), PLACEHOLDERS),
    "verification-many-kinds": lambda: format_verification(make_verification(PLAN)),
    "explain": lambda: explain_pairs(
        SEED, [("a1", "b1"), ("b1", "a1"), ("admin", "b1")],
        [{"name": CHANGES[0][1], "result": "filtered", "detail": "no answer"}],
    ),
    "explain-many-kinds": lambda: explain_pairs(PLAN, [("far", "box"), ("lost", "old"), ("dp", "cp"), ("far", "edge"), ("edge", "dp")]),
    **{f"pf-{form}": lambda form=form: [render_pf_rules(PLAN, name, form) for name in ("edge", "old")] for form in PF_FORMS},
}  # fmt: skip


@pytest.mark.parametrize("name", TEXTS)
def test_terminal_text_word_for_word(name):
    compare_with_file(f"terminal/{name}.txt", "".join(f"{line}\n" for line in TEXTS[name]()))
