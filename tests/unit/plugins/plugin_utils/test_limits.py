# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lists in texts: each list shows all items up to its limit. Of one item more, it shows the limit and counts the rest."""

from __future__ import annotations

import re
from itertools import chain

import pytest

from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.group import (
    GroupError,
    describe_no_nodes,
    select_nodes,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.changes import (
    GAINS,
    Change,
    compare_plans,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.changes_text import format_changes
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.host import format_names
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.summary import format_findings, format_plan
from ansible_collections.gatehouse.kong.plugins.plugin_utils._report.report import FORMS, Evidence
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.drift import format_drift, gather
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.names import explain_name
from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils.fleets import (
    allow_long_messages,
    compile_fleet,
    plan_fleet,
    read_text,
)

_NEW = {"kong_version": "3.9", "kong_admin_gui_listen": "off"}
_ALONE = {**_NEW, "kong_address": "10.1.0.1"}
_COUNT = re.compile(r" \+(\d+)| and (?:(\d+) )?more|\b(\d+) more (?:nodes|findings?)")


def list_ports(count):
    return ", ".join(f"0.0.0.0:{9000 + number}" for number in range(count))


def list_addresses(count, network="10.8.0"):
    return [f"{network}.{number}" for number in range(1, count + 1)]


def list_names(count):
    """Return names that no summary of ranges joins."""
    return [f"h{2 * number}" for number in range(count)]


def make_hosts(count, network="10.2.0", **variables):
    """Return hosts in one network."""
    addresses = list_addresses(count, network)
    return {
        name: {**variables, "kong_address": address} for name, address in zip(list_names(count), addresses, strict=True)
    }


def find(code, nodes, others=None, groups=None):
    """Return the whole message of the only finding with a code."""
    [finding] = [finding for finding in compile_fleet(nodes, others, groups).findings if finding.code == code]
    return read_text(finding)


def find_alone(code, **variables):
    return find(code, {"n": {**_ALONE, **{f"kong_{name}": value for name, value in variables.items()}}})


def find_with_facts(code, count, **variables):
    facts = {"all_ipv4_addresses": list_addresses(count)}
    return find(code, {"n": {**_NEW, "ansible_facts": facts, **variables}})


def open_only(count):
    """Return the settings of a node with a number of sockets."""
    return {"proxy_listen": list_ports(count), "admin_listen": "off", "status_listen": "off"}


def show_sites(unknown, known):
    nodes = {name: {**node, "kong_site": name} for name, node in make_hosts(known, **_NEW).items()}
    nodes["h0"]["kong_nat"] = [{"outside": "203.0.113.1", "sites": [f"x{name}" for name in list_names(unknown)]}]
    return find("nat-site-unknown", nodes)


def show_unreachable(ports, hosts, sites=1, **variables):
    """Return the fault of the warning about hosts without a path to ports."""
    node = {
        **_ALONE,
        "kong_site": "s",
        "kong_status_listen": list_ports(ports),
        "kong_status_sources": "@far",
        **variables,
    }
    others = make_hosts(hosts, kong_flat_network=False)
    for number, host in enumerate(others.values()):
        host["kong_site"] = f"t{number % sites}"
    with allow_long_messages():
        message = find("source-no-path", {"n": node}, others, {"far": [*others]})
    return message[: message.index(". ")]


def show_private(hosts):
    """Return the warning about hosts with a private source. It names the first host separately."""
    node = {
        **_ALONE,
        "kong_site": "s",
        "kong_status_listen": "0.0.0.0:8007",
        "kong_status_sources": list_names(hosts + 1),
    }
    others = make_hosts(hosts + 1, kong_site="t")
    return find("egress-private", {"n": {**node, "kong_nat": [{"outside": "203.0.113.1"}]}}, others)


def show_played(count):
    groups = {name: [f"{name}-1"] for name in list_names(count)}
    hosts = [host for members in groups.values() for host in members]
    with pytest.raises(GroupError) as caught:
        select_nodes(
            {"all": hosts, **groups},
            "h0",
            extra=None,
            play_hosts=hosts,
            is_limited=False,
            groups_of_hosts=lambda _hosts: [*groups],
        )
    return str(caught.value)


def plan_sources(terms, others=None):
    return plan_fleet({"n": {**_ALONE, "kong_status_listen": "0.0.0.0:8007", "kong_status_sources": terms}}, others)


def show_gained(count):
    return "".join(format_changes(compare_plans(plan_sources("nobody"), plan_sources(list_addresses(count)))))


def show_owners(count):
    others = make_hosts(count, kong_site="far", kong_nat=[{"outside": "10.3.0.9"}])
    changes = compare_plans(plan_sources("nobody", others), plan_sources([*others], others))
    return "".join(format_changes(changes))


def show_sources(count):
    return "\n".join(line for line in format_plan(plan_sources(list_addresses(count))) if "8007/tcp" in line)


def make_finding(number):
    """Return a finding whose message differs from that of other findings in more than a value."""
    message = chr(ord("a") + number)
    return {"severity": "warning", "code": "x", "hosts": ["h"], "variable": "v", "value": None, "message": message}


def show_intercepted(count):
    entry = {"destinations": list_addresses(count, "8.8.8"), "ports": [80], "listen_port": 8000}
    node = {"kong_version": "1.5", "kong_address": "1.0.0.1", "kong_proxy_listen": "0.0.0.0:8000 transparent"}
    plan = plan_fleet({"n": {**node, "kong_transparent": [entry]}})
    return "\n".join(line for line in format_plan(plan) if "8.8.8.1" in line)


def show_picture(count, part):
    """Return the part of a picture in Markdown that shows the callers of the same site."""
    others = make_hosts(count)
    page = FORMS[".md"](Evidence(plan_sources([*others], others), None, None))
    return "\n".join(re.findall(part, page))


def show_drift(count):
    nodes = make_hosts(count, **_NEW)
    result = {"listeners": {"failed": False, "report": ["x"]}}
    return "\n".join(format_drift(gather(plan_fleet(nodes), dict.fromkeys(nodes, result)).as_dict()))


LISTS = {
    "ports of a container": (6, lambda n: find_alone("published-no-listener", **open_only(n), published_ports=["80:81"])),
    "addresses in the facts": (
        4, lambda n: find_with_facts("address-unknown", n, kong_address_networks=["172.16.0.0/12"])),
    "networks of the addresses": (
        4, lambda n: find_with_facts("address-outside-networks", 1, kong_address_query="ansible_facts.all_ipv4_addresses[0]",
                                     kong_address_networks=list_addresses(n, "10.9.0"))),
    "addresses of the host": (6, lambda n: find_with_facts("address-not-on-host", n, kong_address="10.1.0.1")),
    "ports to intercept": (
        8, lambda n: find_alone("interception-listener", proxy_listen=list_ports(n),
                                transparent=[{"destinations": ["10.0.0.1"], "ports": [80], "listen_port": 1}])),
    "ports behind a NAT": (
        6, lambda n: find_alone("nat-no-listener", **open_only(n),
                                nat=[{"outside": "203.0.113.1", "inside_port": 1, "outside_port": 1}])),
    "groups with hosts": (8, lambda n: describe_no_nodes({name: ["h"] for name in list_names(n)})),
    "groups of a run": (8, show_played),
    "unknown sites": (4, lambda n: show_sites(n, 1)),
    "sites": (6, lambda n: show_sites(1, n)),
    "ports without a path": (4, lambda n: show_unreachable(n, 1)),
    "hosts without a path": (2, lambda n: show_unreachable(1, n)),
    "hosts of several sites without a path": (2, lambda n: show_unreachable(1, n, 2)),
    "hosts with a private source": (3, show_private),
    "nodes of a change": (12, lambda n: "".join(format_changes([Change(GAINS, tuple(list_names(n)), "x", "y")]))),
    "networks of a change": (12, show_gained),
    "hosts of a network": (3, show_owners),
    "sources of a listener": (4, show_sources),
    "findings of a plan": (10, lambda n: "".join(format_findings([make_finding(number) for number in range(n)]))),
    "intercepted networks": (4, show_intercepted),
    "callers in a picture": (3, lambda n: show_picture(n, r'"(h0, .*?)"')),
    "sources in a picture": (3, lambda n: show_picture(n, r"source (10.2.0.1, .*)")),
    "hosts of a plan": (10, lambda n: format_names(list_names(n))),
    "known names": (20, lambda n: explain_name("caller", "x", "host", list_names(n))),
    "nodes with one difference": (20, show_drift),
}  # fmt: skip


@pytest.mark.parametrize(("limit", "show"), LISTS.values(), ids=LISTS)
def test_a_list_shows_its_limit_and_counts_the_rest(limit, show):
    assert _COUNT.findall(show(limit)) == []
    counts = _COUNT.findall(show(limit + 1))
    assert counts
    assert {*chain(*counts)} <= {"", "1"}


@pytest.mark.parametrize(
    ("lengths", "shown"),
    [([300] * 10, 10), ([*[300] * 9, 301], 9), ([3000], 1), ([4000], 1), ([2000, 1000], 2), ([2000, 1001], 1)],
)
def test_the_findings_of_a_plan_have_at_most_3000_characters(lengths, shown):
    findings = [make_finding(number) for number in range(len(lengths))]
    own = len(format_findings(findings[:1])[0])
    for finding, length in zip(findings, lengths, strict=True):
        finding["message"] *= length - own + 1
    lines = format_findings(findings)
    assert [len(line) for line in lines[:shown]] == lengths[:shown]
    assert [line.partition(":")[0] for line in lines[shown:]] == ["1 more finding"] * (shown < len(lengths))
