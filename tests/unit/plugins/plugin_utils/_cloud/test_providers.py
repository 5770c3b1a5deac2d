# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The arguments of the modules for cloud firewalls, checked by the real argument specification of each module."""

from __future__ import annotations

import pytest

from ansible_collections.gatehouse.kong.plugins.plugin_utils._cloud.ingress import Ingress
from ansible_collections.gatehouse.kong.plugins.plugin_utils._cloud.providers import PROVIDERS, make_cloud_rules
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.file import PlanError
from ansible_collections.gatehouse.kong.tests.unit.docs.package_modules import find_module, validate
from ansible_collections.gatehouse.kong.tests.unit.docs.pages import list_blocks

ADMIN = Ingress("tcp", 8001, "admin", ("192.0.2.10/31",), ("2001:db8::/64",))
GOSSIP = Ingress("udp", 7946, "cluster", ("198.51.100.0/24", "203.0.113.7/32"), ())
POLICY = (ADMIN, GOSSIP)
AZURE = {"direction": "Inbound", "access": "Allow"}

EXPECTED = {
    "aws": [
        {"proto": "tcp", "ports": ["8001"], "cidr_ip": ["192.0.2.10/31"], "rule_desc": "kong admin-tcp-8001"},
        {"proto": "tcp", "ports": ["8001"], "cidr_ipv6": ["2001:db8::/64"], "rule_desc": "kong admin-tcp-8001"},
        {"proto": "udp", "ports": ["7946"], "cidr_ip": ["198.51.100.0/24", "203.0.113.7/32"], "rule_desc": "kong cluster-udp-7946"},
    ],
    "azure": [
        {"name": "kong-admin-tcp-8001", "priority": 100, **AZURE, "protocol": "Tcp", "destination_port_range": "8001",
         "source_address_prefix": ["192.0.2.10/31", "2001:db8::/64"]},
        {"name": "kong-cluster-udp-7946", "priority": 101, **AZURE, "protocol": "Udp", "destination_port_range": "7946",
         "source_address_prefix": ["198.51.100.0/24", "203.0.113.7/32"]},
    ],
    "gcp": [
        {"name": "kong-admin-tcp-8001-ipv4", "description": "kong admin-tcp-8001", "direction": "INGRESS",
         "allowed": [{"ip_protocol": "tcp", "ports": ["8001"]}], "source_ranges": ["192.0.2.10/31"]},
        {"name": "kong-admin-tcp-8001-ipv6", "description": "kong admin-tcp-8001", "direction": "INGRESS",
         "allowed": [{"ip_protocol": "tcp", "ports": ["8001"]}], "source_ranges": ["2001:db8::/64"]},
        {"name": "kong-cluster-udp-7946-ipv4", "description": "kong cluster-udp-7946", "direction": "INGRESS",
         "allowed": [{"ip_protocol": "udp", "ports": ["7946"]}], "source_ranges": ["198.51.100.0/24", "203.0.113.7/32"]},
    ],
    "hetzner": [
        {"direction": "in", "protocol": "tcp", "port": "8001", "source_ips": ["192.0.2.10/31", "2001:db8::/64"], "description": "kong admin-tcp-8001"},
        {"direction": "in", "protocol": "udp", "port": "7946", "source_ips": ["198.51.100.0/24", "203.0.113.7/32"],
         "description": "kong cluster-udp-7946"},
    ],
    "openstack": [
        {"direction": "ingress", "ether_type": family, "protocol": protocol, "port_range_min": port, "port_range_max": port,
         "remote_ip_prefix": network, "description": f"kong {name}"}
        for family, protocol, port, network, name in (
            ("IPv4", "tcp", 8001, "192.0.2.10/31", "admin-tcp-8001"),
            ("IPv6", "tcp", 8001, "2001:db8::/64", "admin-tcp-8001"),
            ("IPv4", "udp", 7946, "198.51.100.0/24", "cluster-udp-7946"),
            ("IPv4", "udp", 7946, "203.0.113.7/32", "cluster-udp-7946"),
        )
    ],
}  # fmt: skip


def make(provider, policy=POLICY, prefix="kong", limit=None):
    return make_cloud_rules(policy, provider, prefix, limit).rules


def list_warnings(provider, policy, limit=None):
    return make_cloud_rules(policy, provider, "kong", limit).warnings


def make_networks(count):
    return tuple(f"10.{number >> 8}.{number & 255}.1/32" for number in range(count))


@pytest.mark.parametrize("provider", PROVIDERS)
def test_rules_are_those_of_the_provider(provider):
    assert make(provider) == EXPECTED[provider]


# The playbooks of the guide, by provider.
GUIDE = {
    name: block.data
    for block in list_blocks()
    if block.kind == "playbook" and block.page == "docs/guides/cloud-firewalls.md"
    if (name := block.text.splitlines()[0].rpartition(" ")[2]) in PROVIDERS
}


def make_tasks(task, rules):
    """Return the arguments of a module in a task of the guide, with rules in the place of their template; a loop gives several."""
    module = find_module(task)
    if "loop" in task:
        return [{name: rule.get(name, value) for name, value in task[module].items()} for rule in rules]
    return [{name: rules if "cloud_firewall_rules" in str(value) else value for name, value in task[module].items()}]


def test_the_module_of_each_provider_accepts_the_playbook_of_the_guide_and_no_other_key():
    assert {*GUIDE} == {*PROVIDERS}
    for provider, (play,) in GUIDE.items():
        compiling, task = play["tasks"]
        assert (find_module(compiling), compiling["register"]) == ("gatehouse.kong.kong_plan", "fleet")
        assert f"fleet.path | gatehouse.kong.cloud_firewall_rules(groups.kong, '{provider}'" in str(task)
        module = find_module(task)
        rules = make(provider)
        wrong = make_tasks(task, [{**rules[0], **dict.fromkeys(("allowed", "protocol", "proto"), "none")}])
        (*accepted, refused) = validate(module, [*make_tasks(task, rules), *wrong])
        assert accepted == [[]] * len(make_tasks(task, rules)), provider
        assert refused, provider


@pytest.mark.parametrize(("provider", "most"), [("aws", 60), ("azure", 1000), ("gcp", 5000), ("hetzner", 500)])
def test_more_entries_than_the_provider_accepts_are_an_error(provider, most):
    def list_policy(count):
        networks = make_networks(count)
        if provider == "azure":
            return [Ingress("tcp", 1000 + number, "proxy", ("0.0.0.0/0",), ()) for number in range(count)]
        return [Ingress("tcp", 8001, "admin", networks, ("::/0",) if provider in ("aws", "gcp") else ())]

    assert make(provider, list_policy(most))
    with pytest.raises(PlanError, match=f"{provider} accepts at most {most} .*, and these hosts need {most + 1}"):
        make(provider, list_policy(most + 1))
    assert make(provider, list_policy(most + 1), limit=most + 1)


@pytest.mark.parametrize(("count", "warned"), [(54, False), (55, True), (60, True)])
def test_a_limit_that_is_near_is_a_warning(count, warned):
    policy = [Ingress("tcp", 8001, "admin", make_networks(count), ())]
    text = (
        f"aws accepts at most 60 networks of a family, and these hosts already need {count}. Write larger networks as sources, or "
        "give fewer hosts one firewall, or raise the quota and set limit"
    )
    assert list_warnings("aws", policy) == ((text,) if warned else ())
    assert list_warnings("aws", policy, limit=600) == ()


def test_azure_limits_the_networks_of_all_rules_too():
    """An account cannot raise that limit with the number of rules."""

    def list_policy(count):
        return [Ingress("tcp", 8001, "admin", make_networks(2000), ()),
                Ingress("tcp", 8000, "proxy", make_networks(count - 2000), ())]  # fmt: skip

    assert len(make("azure", list_policy(4000))) == 2
    assert "4000 networks in all rules" in list_warnings("azure", list_policy(3601))[0]
    for limit in (None, 9000):
        with pytest.raises(
            PlanError, match=r"at most 4000 networks in all rules, and these hosts need 4001[.] .* one firewall$"
        ):
            make("azure", list_policy(4001), limit=limit)


@pytest.mark.parametrize(
    ("provider", "key"), [("aws", "rule_desc"), ("azure", "name"), ("gcp", "name"), ("hetzner", "description"), ("openstack", "description")]
)  # fmt: skip
def test_the_complete_text_of_a_rule_is_checked(provider, key):
    """A plan file may have any name as a listener. The longest name of Kong's listeners is accepted with the longest prefix."""
    most = {"gcp": 20, "azure": 30}.get(provider, 100)
    longest = [Ingress("tcp", 65535, "cluster_telemetry", ("10.0.0.0/8",), ("::/0",))]
    assert make(provider, longest, prefix="a" * most)
    for listener in ("x" * 250, "a\nb"):
        with pytest.raises(PlanError, match=f"^{provider} does not accept the {key} 'kong.{listener[:1]}"):
            make(provider, [Ingress("tcp", 80, listener, ("10.0.0.0/8",), ())])


def test_openstack_has_no_limit_but_that_of_the_project():
    networks = tuple(f"10.0.{number}.1/32" for number in range(200))
    assert len(make("openstack", [Ingress("tcp", 8001, "admin", networks, ())])) == 200
    with pytest.raises(PlanError, match="at most 199 networks"):
        make("openstack", [Ingress("tcp", 8001, "admin", networks, ())], limit=199)


@pytest.mark.parametrize(
    ("provider", "prefix"), [("gcp", "Kong"), ("gcp", "9a"), ("gcp", "a" * 21), ("azure", "-kong"), ("azure", "a b"), ("aws", "ü"), ("aws", "")]
)  # fmt: skip
def test_a_prefix_that_the_provider_refuses_is_an_error(provider, prefix):
    with pytest.raises(PlanError, match=f"prefix is '{prefix}'"):
        make(provider, prefix=prefix)


def test_an_unknown_provider_is_an_error_with_the_known():
    with pytest.raises(PlanError, match="provider is 'ec2'; accepted are aws, azure, gcp, hetzner, openstack"):
        make("ec2")


@pytest.mark.parametrize("provider", PROVIDERS)
def test_no_port_is_no_rule(provider):
    assert make(provider, []) == []
