# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A wrong variable of a group gives few and short lines, however many nodes and however long their names are."""

from __future__ import annotations

import pytest

from ansible_collections.gatehouse.kong.plugins.plugin_utils._findings import ERROR, share_findings
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory import kinds
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.contract import KINDS
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.summary import format_findings, format_plan
from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils.values import RIGHT, UNDEFINED, compile_hosts

MOST_BYTES, LONGEST_LINE = 6_000, 1_200
# The output of the playbook plan without our texts; with names of 64 characters it is 1,900 characters.
OF_ANSIBLE = 2_000
# If each node had a finding of its own, there would be more findings than that.
NODES, MOST_FINDINGS = 12, 7
WRONG = {
    kinds.LISTEN: ["127.0.0.1:8001", "10.99.99.99:8001", "0.0.0.0:70000", "[::1]:8001", "0.0.0.0:8001 x", "0.0.0.0:8000"],
    kinds.ENDPOINT: ["192.168.10.5:9000", "127.0.0.1:9000", "10.0.1.1:7946", "fd00::1"],
    kinds.ADDRESSES: ["10.0.1.1", "10.77.0.1", "127.0.0.1", "fd00::1", ["10.0.1.1", "fd00::1"]],
    kinds.VERSION: ["0.10", "9.9", "0.10.4"],
    kinds.NAME: ["data_plane", "control_plane", "traditional"],
    kinds.SOURCES: ["nohost", ["any"], ["8.8.8.0/24"], ["10.0.0.0/8"], ["@none", "@x"], ["x1", "x2", "x3"], "admin"],
}  # fmt: skip
OTHERS = {"admin": {"kong_address": "192.168.7.7", "kong_site": "office"}}


def name(number):
    """Return a name of 36 characters."""
    return f"kong-gateway-production-fra1-r{number % 7}-{number:04}"


def make_facts(address):
    """Return facts of a host with one address."""
    return {
        "ansible_facts": {
            "all_ipv4_addresses": [address],
            "default_ipv4": {"address": address, "interface": "eth0", "gateway": "10.0.0.254"},
        }
    }


def make_site(count, **more):
    """Return nodes of one site, by their names."""
    addresses = {number: f"10.0.1.{number}" for number in range(1, count + 1)}
    return {name(number): {"kong_address": own, **make_facts(own), **more} for number, own in addresses.items()}


def make_sites(count, **more):
    """Return nodes of hybrid mode, each in its own site behind a NAT. Every sixth is a control plane."""
    return {
        name(number): {
            "kong_version": "3.4", "kong_role": "data_plane" if number % 6 else "control_plane",
            "kong_address": f"10.{number}.0.1", "kong_site": f"site-{number}", **make_facts(f"10.{number}.0.1"),
            "kong_nat": [{"outside": f"198.51.100.{number}"}], **more,
        }
        for number in range(1, count + 1)
    }  # fmt: skip


FLEETS = {
    "one site": lambda count, **more: make_site(count, **{"kong_version": "3.9", **more}),
    "gossip": lambda count, **more: make_site(count, **{"kong_version": "0.10.4", **more}),
    "gossip between sites": lambda count, **more: make_sites(
        count, **{"kong_version": "0.10.4", "kong_role": "traditional", **more}
    ),
    "hybrid mode between sites": make_sites,
}


def describe(nodes):
    """Return the shared findings of a fleet as a run shows them: the errors, or else all."""
    shared = share_findings(compile_hosts(nodes, OTHERS).findings)
    return [finding for finding in shared if finding["severity"] == ERROR] or shared


@pytest.mark.parametrize("fleet", FLEETS)
@pytest.mark.parametrize("variable", KINDS)
def test_a_wrong_variable_of_a_group(variable, fleet):
    kind = KINDS[variable]
    for value in (*RIGHT.get(kind, ()), *WRONG.get(kind, ()), UNDEFINED, "x" * 5000, [["10.0.0.1"]]):
        shared = describe(FLEETS[fleet](NODES, **{variable: value}))
        assert len(shared) <= MOST_FINDINGS, (value, [finding["message"] for finding in shared])
        lines = format_findings(shared)
        assert sum(len(line) + 1 for line in lines) <= MOST_BYTES, value
        assert max(map(len, lines), default=0) <= LONGEST_LINE, value


@pytest.mark.parametrize("fleet", FLEETS)
@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("kong_cluster_advertise", "192.168.10.5:9000"),
        ("kong_cluster_listen", "127.0.0.1:7946"),
        ("kong_address", "10.0.1.1"),
        ("kong_admin_sources", ["admin"]),
        ("kong_transparent", [{"destinations": "any", "ports": [80, 22], "listen_port": 8000}]),
    ],
)
def test_a_hundred_nodes(fleet, variable, value):
    lines = format_findings(describe(FLEETS[fleet](100, **{variable: value})))
    assert sum(len(line) + 1 for line in lines) <= MOST_BYTES
    assert max(map(len, lines), default=0) <= LONGEST_LINE
    assert len(lines) <= MOST_FINDINGS


TEMPLATES = {
    "kong_admin_sources": lambda node: [f"ops-{node}"],
    "kong_admin_listen": lambda node: f"{node}:8001, 0.0.0.0:80x{node}",
    "kong_proxy_listen": lambda node: f"proxy-{node}:80",
    "kong_version": lambda node: f"9.9.{node}",
    "kong_role": lambda node: f"role-{node}",
    "kong_cluster_listen": lambda node: f"{node}:7946",
    "kong_transparent": lambda node: [{"destinations": [f"{node}.example"], "ports": [80], "listen_port": 8000}],
    "kong_published_ports": lambda node: [f"{node}:foo"],
    "kong_config": lambda node: {f"setting of {node}": 1},
    "kong_admin_listn": lambda node: node,
}


@pytest.mark.parametrize("suffix", ["", "-" + "x" * 64, "-" + "x" * 200])
@pytest.mark.parametrize("variable", TEMPLATES)
def test_a_template_of_a_group(variable, suffix):
    """The values of the nodes differ, and the text is shown once with some of the values."""
    nodes = make_site(100, kong_version="3.9")
    nodes = {f"{node}{suffix}": {**values, variable: TEMPLATES[variable](node)} for node, values in nodes.items()}
    lines = format_findings(describe(nodes))
    assert lines
    assert sum(len(line) + 1 for line in lines) <= MOST_BYTES - OF_ANSIBLE
    assert max(map(len, lines)) <= LONGEST_LINE
    assert len({line for line in lines if line.startswith("- ")}) <= MOST_FINDINGS


def test_many_wrong_items_of_a_list():
    terms = [f"nohost{number}" for number in range(299)]
    lines = format_findings(describe(make_site(100, kong_version="3.9", kong_admin_sources=terms)))
    assert lines[1:] == [
        "  Values: 'nohost0', 'nohost1', 'nohost2' and 296 more",
        "All values: with kong_report_path, the playbook plan writes all findings to a report.",
    ]


def test_findings_of_many_kinds_are_limited_together():
    shared = [
        {"severity": "error", "code": "source-any", "hosts": ["n"], "message": f"{letter * 3} {'text ' * 70}"}
        for letter in "abcdefghijklmnop"
    ]
    lines = format_findings(shared)
    assert sum(len(line) + 1 for line in lines) <= MOST_BYTES - OF_ANSIBLE
    assert "more findings" in lines[-1]


def test_a_thousand_nodes_with_a_warning_each():
    nodes = make_site(3, kong_version="3.9")
    shared = [
        {"severity": "warning", "code": "source-any", "hosts": [f"{node}-{number}"], "message": f"text {number}"}
        for node in nodes
        for number in range(1000)
    ]
    assert len(format_findings(shared)) <= 12
    details = [{**finding, "details": {finding["hosts"][0]: "is long " * 40}} for finding in shared]
    assert len(format_findings(details)) <= 12


@pytest.mark.parametrize("fleet", FLEETS)
def test_a_misspelt_variable_of_a_group(fleet):
    """It is a warning, so there is a plan, and its tables are short as well."""
    plan = compile_hosts(FLEETS[fleet](100, kong_admin_listn="0.0.0.0:8001"), OTHERS).plan
    lines = format_plan(plan)
    assert any(line.endswith("did you mean kong_admin_listen? [variable-unknown]") for line in lines)
    assert sum(len(line) + 1 for line in lines) <= MOST_BYTES
    assert max(map(len, lines)) <= LONGEST_LINE


def test_a_plan_with_long_names_and_sites_is_as_short():
    """The sites are a template, so each node has another site, and no path to the others."""
    names = [f"kong-{number:03}.{'abcd'[number % 4] * 57}.example.com" for number in range(1, 101)]
    assert {*map(len, names)} == {78}
    common = {"kong_version": "3.9", "kong_admin_listen": "0.0.0.0:8001", "kong_status_listen": "0.0.0.0:8100"}
    sources = {f"kong_{name}_sources": [names[0]] for name in ("admin", "admin_gui", "proxy", "status")}
    nodes = {
        node: {**common, **sources, "kong_address": f"10.0.0.{number}", "kong_site": node}
        for number, node in enumerate(names, start=1)
    }
    lines = format_plan(compile_hosts(nodes).plan)
    assert any("more finding" in line for line in lines)
    # The output of Ansible in a run that succeeds is half of that in a run that fails.
    assert sum(len(line) + 1 for line in lines) <= MOST_BYTES - OF_ANSIBLE / 2
    assert max(map(len, lines)) <= LONGEST_LINE
