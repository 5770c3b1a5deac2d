# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filters that read plans, templated by Ansible itself."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from ansible_collections.gatehouse.kong.plugins.filter import cloud_firewall_rules as filter_module
from ansible_collections.gatehouse.kong.plugins.plugin_utils._ansible_inventory import make_plain_value
from ansible_collections.gatehouse.kong.plugins.plugin_utils._json import dump_json
from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.config import read_config_of
from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils.fleets import (
    SEED_NODES,
    SEED_OTHERS,
    plan_fleet,
)

PLAN = plan_fleet({**SEED_NODES, "new": {"kong_address": "192.168.10.60", "kong_site": "lan"}}, SEED_OTHERS)


@pytest.mark.parametrize(("limit", "warned"), [(50, False), (2, True)])
def test_a_limit_of_a_cloud_firewall_that_is_near_is_a_warning(monkeypatch, limit, warned):
    texts = []
    monkeypatch.setattr(filter_module, "Display", lambda: SimpleNamespace(warning=texts.append))
    nodes = {
        "n": {"kong_version": "3.9", "kong_address": "10.0.0.1", "kong_proxy_listen": "0.0.0.0:8000, 0.0.0.0:8443 ssl"}
    }
    assert len(filter_module.cloud_firewall_rules(plan_fleet(nodes, {}), "n", "openstack", limit=limit)) == 2
    assert [text.startswith("gatehouse.kong.cloud_firewall_rules: openstack accepts at most 2") for text in texts] == [
        True
    ] * warned


# The collection loader of Ansible replaces imports, so it needs its own process.
PROGRAM = """
import json, sys
from ansible.errors import AnsibleError
from ansible.parsing.dataloader import DataLoader
from ansible.plugins.loader import init_plugin_loader
from ansible.template import Templar

try:
    from ansible.template import trust_as_template
except ImportError:  # before ansible-core 2.19, every template was trusted
    trust_as_template = str

expressions, text = json.load(sys.stdin)
init_plugin_loader()
loader = DataLoader()
# Like a registered result or a plan file: Ansible tags the data that it passes to templates.
templar = Templar(loader=loader, variables={"plan": loader.load(text), "text": text})

def render(expression):
    try:
        return {"value": templar.template(trust_as_template("{{ " + expression + " }}"))}
    except AnsibleError as exc:
        return {"error": str(exc)}

json.dump({expression: render(expression) for expression in expressions}, sys.stdout)
"""


@pytest.fixture(scope="module")
def rendered():
    """Return the results of all expressions of this file, templated in one process."""
    found = [path for path in sys.path if (Path(path) / "ansible_collections").is_dir()]
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        input=json.dumps([EXPRESSIONS, dump_json(PLAN)]),
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "ANSIBLE_COLLECTIONS_PATH": os.pathsep.join(found)},
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


@pytest.fixture
def render(rendered):
    return lambda expression: rendered[expression]["value"]


@pytest.mark.parametrize(
    ("node", "expected"),
    [("a1", "192.168.10.11:7946"), ("a2", "192.168.10.12:7946"), ("b1", "192.168.10.5:9000")],
)
@pytest.mark.parametrize("source", ["plan", "text | from_json"])
def test_cluster_advertise(render, source, node, expected):
    assert render(f"{source} | gatehouse.kong.cluster_advertise('{node}')") == expected


def test_firewall_rules(render):
    rules = render("plan | gatehouse.kong.firewall_rules('a1')")
    assert [rule for rule in rules if rule["listener"] == "cluster"] == [
        {
            "listener": "cluster",
            "protocol": protocol,
            "port": 7946,
            "address": "192.168.10.11",
            "sources": ["192.168.10.5/32", "192.168.10.11/32", "192.168.10.12/32"],
        }
        for protocol in ("tcp", "udp")
    ]
    assert [rule["sources"] for rule in rules if rule["listener"] == "proxy"] == ["any", "any"]
    assert [rule["sources"] for rule in rules if rule["listener"] == "cluster_rpc"] == [[]]


def test_kong_path(render):
    assert render("plan | gatehouse.kong.kong_path('a1', 'b1', 'cluster') | first") == {
        "from": "a1",
        "to": "b1",
        "listener": "cluster",
        "protocol": "tcp",
        "dial_address": "192.168.10.5",
        "dial_port": 9000,
        "sources": ["192.168.10.11/32"],
        "address": "192.168.23.45",
        "port": 80,
        "via": "nat",
    }
    assert render("plan | gatehouse.kong.kong_path('admin', 'b1', 'admin')") == []
    assert render("plan | gatehouse.kong.kong_udp_observers") == []
    assert render("plan | gatehouse.kong.kong_path('admin', 'b1', listener='cluster_rpc')") == []
    listeners = render("plan | gatehouse.kong.kong_path('admin', 'a1') | map(attribute='listener') | unique")
    assert listeners == ["proxy", "admin", "cluster"]


def test_nat_forwards(render):
    forwards = render("plan | gatehouse.kong.nat_forwards('192.168.10.5')")
    assert [(item["protocol"], item["inside"], item["inside_port"]) for item in forwards] == [
        ("tcp", "192.168.23.45", 80),
        ("udp", "192.168.23.45", 80),
    ]
    assert render("plan | gatehouse.kong.nat_forwards") == forwards


NO_PLAN = "this is not a plan of format 1, which gatehouse.kong.kong_plan returns in its key path"
BAD = {
    "plan | gatehouse.kong.cluster_advertise('new')": "'new' runs Kong 3.9, which advertises no address; only 0.6 to 0.10 do",
    "plan | gatehouse.kong.cluster_advertise('c9')": "'c9' is not a Kong node of the plan; the nodes are a1, a2, b1, new",
    "plan | gatehouse.kong.firewall_rules('admin')": "'admin' is not a Kong node of the plan",
    "plan | gatehouse.kong.kong_path('a1', 'admin')": "'admin' is not a Kong node of the plan",
    "plan | gatehouse.kong.kong_path('c9', 'a1')": "'c9' is not in the plan; the hosts are a1, a2, admin, b1, new",
    "plan | gatehouse.kong.kong_path('a1', 'b1', 'stream')": (
        "'b1' has no listener 'stream'; it has admin, cluster, cluster_rpc, proxy"
    ),
    "{'plan': plan} | gatehouse.kong.firewall_rules('a1')": f"{NO_PLAN}: a dictionary with ['plan']",
    "{1: 2, 'x': 3} | gatehouse.kong.firewall_rules('a1')": f"{NO_PLAN}: a dictionary with",
    "[] | gatehouse.kong.cluster_advertise('a1')": f"{NO_PLAN}: []",
    "[] | gatehouse.kong.kong_udp_observers": f"{NO_PLAN}: []",
    "plan | gatehouse.kong.nat_forwards('b1')": "'b1' is not a NAT device of the plan; the devices are: 192.168.10.5",
    "'a1' | gatehouse.kong.firewall_rules('a1')": "the plan file a1 cannot be read: ",
    "(plan | combine({'format': 2})) | gatehouse.kong.kong_path('a1', 'a2')": NO_PLAN,
}


@pytest.mark.parametrize("expression", BAD)
def test_errors(rendered, expression):
    message = rendered[expression]["error"]
    assert BAD[expression] in message
    assert expression.partition("gatehouse.kong.")[2].partition("(")[0] in message


ADVERTISED = {"a1": "192.168.10.11:7946", "a2": "192.168.10.12:7946", "b1": "192.168.10.5:9000"}
EXPRESSIONS = [
    *(
        f"{source} | gatehouse.kong.cluster_advertise('{node}')"
        for source in ("plan", "text | from_json")
        for node in ADVERTISED
    ),
    "plan | gatehouse.kong.firewall_rules('a1')",
    "plan | gatehouse.kong.kong_path('a1', 'b1', 'cluster') | first",
    "plan | gatehouse.kong.kong_udp_observers",
    "plan | gatehouse.kong.nat_forwards('192.168.10.5')",
    "plan | gatehouse.kong.nat_forwards",
    "plan | gatehouse.kong.kong_path('admin', 'b1', 'admin')",
    "plan | gatehouse.kong.kong_path('admin', 'b1', listener='cluster_rpc')",
    "plan | gatehouse.kong.kong_path('admin', 'a1') | map(attribute='listener') | unique",
    *BAD,
]


class Vaulted:
    """A vaulted value of ansible-core before 2.19."""

    __ENCRYPTED__ = True

    def __str__(self):
        return "10.0.0.7"


def test_vaulted_values_are_text():
    assert read_config_of("0.8", {"pg_host": Vaulted(), "a": {"b": Vaulted()}}) == {
        "pg_host": "10.0.0.7",
        "a.b": "10.0.0.7",
    }
    assert make_plain_value([Vaulted(), {"a": Vaulted()}, 5, None]) == ["10.0.0.7", {"a": "10.0.0.7"}, 5, None]
