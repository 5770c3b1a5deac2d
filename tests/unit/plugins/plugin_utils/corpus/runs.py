# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Texts about running nodes: drift, observers, holders of virtual addresses, certificates, and reports of faults."""

from __future__ import annotations

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
from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils.fleets import plan_fleet

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
    plan = plan_fleet(SEED.nodes, SEED.others, SEED.groups)
    for title, probed in _DRIFTS.items():
        drift = gather(plan, probed).as_dict()
        yield from (f"=== {title}", *format_drift(drift), "")
        yield from FORMS[".md"](Evidence(plan, drift=drift)).partition("## Drift")[2].splitlines()[:20]


def _make_results(plan, mute, **more):
    """Return planned results, silent for services that need not answer; the mark is the caller's name."""
    return {
        caller: [
            {"name": probe.name, "mark": caller, "detail": "told", **more,
             "result": "silent" if probe.kind == mute else _PLANNED[probe.expected]}
            for probe in list_probes_from(plan, caller)
        ]
        for caller in list_callers(plan)
    }  # fmt: skip


def describe_observers():
    """Yield the verifications of services that need not answer, with each observation of the node."""
    plan = plan_fleet(CONTAINERS.nodes, CONTAINERS.others)
    probes = choose_probes(plan, "far", "box", "stream")
    for title, observer in _OBSERVERS.items():
        yield f"=== {title}"
        probed = _make_results(plan, "udp")
        verification = compare(plan, probed, {"box": observer} if observer else None)
        lines = format_verification(verification)
        after_title, *_others = (number for number, line in enumerate(lines) if line[:1].isupper() and number)
        yield from lines[after_title:]
        outcomes = list_outcomes(plan, probes, probed["far"], observer)
        yield from (line for probe in probes for line in explain(plan, probe, outcomes))
        yield ""


def describe_holders():
    """Yield the verifications of virtual addresses, by the nodes that hold them."""
    plan = plan_fleet(VIRTUAL.nodes, VIRTUAL.others)
    for title, held in _HELD.items():
        verification = compare(plan, _make_results(plan, "udp"), None, held)
        yield from (f"=== {title}", *format_verification(verification), "")


def describe_certificates():
    """Yield notes about certificates, authentication, placeholders, and hosts that did not probe."""
    plan = plan_fleet(SEED.nodes, SEED.others, SEED.groups)
    probed = _make_results(plan, "none", status=200)
    for days, caller in ((-1, "a1"), (0, "a2"), (29, "admin"), (30, "client")):
        for result in probed[caller]:
            if " 8443 " in result["name"] or " 8444 " in result["name"]:
                result["certificate"] = {**_CERTIFICATE, "days_left": days}
    del probed["outsider"]
    placeholders = {"a1": [{"protocol": "tcp", "address": "0.0.0.0", "port": 8443}] * 2, "a2": []}
    verification = compare(plan, probed)
    yield from format_verification(verification, placeholders)
    outcomes = [outcome.as_dict() for outcome in verification.outcomes]
    evidence = Evidence(plan, {"at": "2026-11-25 12:00 UTC", "outcomes": outcomes, "placeholders": ["a1"]})
    yield from FORMS[".md"](evidence).splitlines()
    yield FORMS[".xml"](evidence).replace("><", ">\n<")


def _collect_faults():
    """Return the evidence of a run with differences, a sample, placeholders, holders and drift."""
    plan = plan_fleet(SEED.nodes, SEED.others, SEED.groups)
    probed = _make_results(plan, "none")
    for number, result in enumerate(result for results in probed.values() for result in results):
        result["result"] = ("open", "filtered", "refused", "unreachable", "silent", result["result"])[number % 6]
    del probed["client"]
    verification = compare(plan, probed)
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


RUNS = {"drift": describe_drift, "observers": describe_observers, "holders": describe_holders,
        "certificates": describe_certificates, "report-of-faults": describe_report_of_faults,
        "picture-of-faults": describe_picture_of_faults}  # fmt: skip
