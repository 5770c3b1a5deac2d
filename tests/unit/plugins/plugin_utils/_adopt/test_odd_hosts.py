# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Odd hosts that people configured by hand: their proposals have no unlabelled guess, no secret, and no source that the host drops now."""

from __future__ import annotations

import re

import pytest
import yaml

from ansible_collections.gatehouse.kong.plugins.plugin_utils._adopt.clients import parse_observed
from ansible_collections.gatehouse.kong.plugins.plugin_utils._adopt.files import render_files
from ansible_collections.gatehouse.kong.plugins.plugin_utils._adopt.model import read_found_host
from ansible_collections.gatehouse.kong.plugins.plugin_utils._adopt.propose import propose
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.variables import PlainInventory
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.compile import compile_plan
from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils._adopt.found import make_facts
from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils._adopt.odd_hosts import (
    NUMBER,
    SECRET,
    inspect,
)

CONF, ENV = "/etc/kong/kong.conf", "/etc/kong/kong.env"
DROPPING = "*filter\n:INPUT DROP [0:0]\n-A INPUT -i lo -j ACCEPT\n-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n{}\nCOMMIT\n"


def drop_all_but(*rules):
    return DROPPING.format("\n".join(f"-A INPUT {rule} -j ACCEPT" for rule in rules))


def match_field(protocol, field, right):
    return {"match": {"op": "==", "left": {"payload": {"protocol": protocol, "field": field}}, "right": right}}


def make_vmap(key, *elements):
    return {"vmap": {"key": key, "data": {"set": [*elements]}}}


PORT, SOURCE = (
    {"payload": {"protocol": protocol, "field": field}} for protocol, field in (("tcp", "dport"), ("ip", "saddr"))
)
OWN = {"family": "inet", "table": "own"}
NFT_WITH_MAPS = [
    {"chain": {**OWN, "name": "input", "type": "filter", "hook": "input", "prio": 0, "policy": "drop"}},
    {"chain": {**OWN, "name": "admins"}},
    {
        "rule": {
            **OWN,
            "chain": "input",
            "handle": 1,
            "expr": [
                make_vmap(
                    PORT,
                    [22, {"accept": None}],
                    [8001, {"jump": {"target": "admins"}}],
                    [{"range": [8000, 8000]}, {"accept": None}],
                )
            ],
        }
    },
    {
        "rule": {
            **OWN,
            "chain": "input",
            "handle": 2,
            "expr": [make_vmap({"concat": [SOURCE, PORT]}, [{"concat": ["10.0.0.7", 8443]}, {"accept": None}])],
        }
    },
    {
        "rule": {
            **OWN,
            "chain": "admins",
            "handle": 3,
            "expr": [match_field("ip", "saddr", "10.0.0.9"), {"accept": None}],
        }
    },
]
DOCKERED = """\
*nat
:PREROUTING ACCEPT [0:0]
-A PREROUTING ! -i br-1 -p tcp -m tcp --dport 80 -j DNAT --to-destination 172.18.0.2:8000
-A PREROUTING ! -i br-1 -p tcp -m tcp --dport 9001 -j DNAT --to-destination 172.18.0.2:8001
COMMIT
*filter
:FORWARD DROP [0:0]
:DOCKER-USER - [0:0]
-A FORWARD -j DOCKER-USER
-A FORWARD -d 172.18.0.2/32 ! -i br-1 -o br-1 -p tcp -m multiport --dports 8000,8001 -j ACCEPT
-A DOCKER-USER -p tcp -m conntrack --ctorigdstport 9001 --ctdir ORIGINAL ! -s 10.0.0.9/32 -j DROP
-A DOCKER-USER -p tcp -m tcp --dport 8000 ! -s 10.0.0.0/24 -j DROP
COMMIT
"""
ADMIN_ONLY = {
    "conf": "admin_listen = 0.0.0.0:8001\n",
    "sockets": [("tcp", 8000, "0.0.0.0"), ("tcp", 8443, "0.0.0.0"), ("tcp", 8001, "0.0.0.0")],
}

HOSTS = {
    "an old kong.yml by hand": {
        "version": "0.8.3",
        "by_hand": True,
        "files": {
            "/etc/kong/kong.yml": f"proxy_listen: '0.0.0.0:8000'\nadmin_api_listen: 0.0.0.0:8001\ncassandra:\n  password: {SECRET}\n"
            f'cluster:\n  encrypt: "{SECRET}"\n'
        },
        "sockets": [("tcp", 8000, "0.0.0.0"), ("tcp", 8443, "0.0.0.0"), ("tcp", 8001, "0.0.0.0")],
        "clients": [(8001, "10.0.0.9"), (8001, "192.0.2.66")],
        "rules": {
            "ipv4": drop_all_but("-s 10.0.0.9/32 -p tcp -m tcp --dport 8001", "-p tcp -m multiport --dports 8000,8443")
        },
        "expected": {"kong_admin_sources": ["10.0.0.9"], "kong_proxy_sources": None},
    },
    "an env file with quotes": {
        "version": "3.4.2",
        "unit": {"EnvironmentFiles": f"{ENV} (ignore_errors=yes)"},
        "files": {
            ENV: f"# by hand\nKONG_PROXY_LISTEN=\"0.0.0.0:8000, 0.0.0.0:8443 ssl\"\nKONG_PG_PASSWORD='{SECRET} x'\n"
            f'KONG_ADMIN_LISTEN = 10.0.0.1:8001 \nKONG_ADMIN_GUI_LISTEN=off\nKONG_LICENSE_DATA=\'{{"key": "{SECRET}"}}\'\n'
        },
        "sockets": [("tcp", 8000, "0.0.0.0"), ("tcp", 8443, "0.0.0.0"), ("tcp", 8001, "10.0.0.1")],
        "expected": {
            "kong_listen_target": "env",
            "kong_listen_file": ENV,
            "kong_proxy_listen": "0.0.0.0:8000, 0.0.0.0:8443 ssl",
        },
    },
    "a missing env file and several drop-ins": {
        "version": "2.8.5",
        "unit": {
            "EnvironmentFiles": "/etc/default/kong (ignore_errors=yes)",
            "Environment": f'KONG_NGINX_DAEMON=off KONG_ADMIN_LISTEN=0.0.0.0:9001 "KONG_PG_PASSWORD={SECRET} y"',
            "FragmentPath": "/lib/systemd/system/kong.service",
            "DropInPaths": "/etc/systemd/system/kong.service.d/10.conf /etc/systemd/system/kong.service.d/20.conf",
        },
        "files": {
            CONF: f"pg_password = {SECRET}\nstatus_listen = 0.0.0.0:8100\n",
            "/etc/systemd/system/kong.service.d/10.conf": "[Service]\nEnvironment=KONG_ADMIN_LISTEN=127.0.0.1:8001\n",
            "/etc/systemd/system/kong.service.d/20.conf": f'[Service]\nEnvironment=KONG_ADMIN_LISTEN=0.0.0.0:9001 "KONG_PG_PASSWORD={SECRET} y"\n',
        },
        "sockets": [
            ("tcp", 8000, "0.0.0.0"),
            ("tcp", 8443, "0.0.0.0"),
            ("tcp", 9001, "0.0.0.0"),
            ("tcp", 8100, "0.0.0.0"),
        ],
        "clients": [(9001, "10.0.0.9")],
        "expected": {
            "kong_admin_listen": "0.0.0.0:9001",
            "kong_status_listen": "0.0.0.0:8100",
            "kong_listen_target": None,
        },
        "asked": "admin_listen comes from Environment= in /etc/systemd/system/kong.service.d/20.conf",
    },
    "started by hand with -c and -p": {
        "version": "2.8.5",
        "by_hand": True,
        "starter": "alice",
        "prefixes": ["/srv/kong"],
        "inside": {},
        "files": {
            "/srv/my.conf": f"pg_password = {SECRET}\n",
            "/srv/kong/.kong_env": f"admin_listen = 0.0.0.0:9001\npg_password = {SECRET}\n"
            "proxy_listen = 0.0.0.0:8000\nstatus_listen = off\n",
        },
        "sockets": [("tcp", 8000, "0.0.0.0"), ("tcp", 9001, "0.0.0.0")],
        "expected": {
            "kong_admin_listen": "0.0.0.0:9001",
            "kong_proxy_listen": "0.0.0.0:8000",
            "kong_listen_file": None,
        },
        "asked": "Kong was started by hand",
    },
    "variables in a container of docker compose": {
        "version": "3.4.2",
        "record": {
            "Id": NUMBER,
            "HostConfig": {"NetworkMode": "shop_default"},
            "Config": {
                "Cmd": ["kong", "docker-start"],
                "Env": ["KONG_ADMIN_LISTEN=0.0.0.0:8001", f"KONG_PG_PASSWORD={SECRET}", "KONG_ADMIN_GUI_LISTEN=off"],
            },
            "NetworkSettings": {
                "IPAddress": "",
                "Networks": {"shop_default": {"IPAddress": "172.18.0.2"}},
                "Ports": {
                    "8000/tcp": [{"HostIp": "0.0.0.0", "HostPort": "80"}],
                    "8001/tcp": [{"HostIp": "0.0.0.0", "HostPort": "9001"}],
                    "8444/tcp": None,
                },
            },
        },
        "clients": [(8001, "10.0.0.9"), (8001, "10.0.0.66")],
        "rules": {"ipv4": DOCKERED},
        "expected": {
            "kong_published_ports": ["0.0.0.0:80:8000", "0.0.0.0:9001:8001"],
            "kong_admin_sources": ["10.0.0.9"],
            "kong_proxy_sources": ["10.0.0.0/24"],
        },
        "asked": "10.0.0.66 is a client of admin, but",
    },
    "IPv6 only": {
        "version": "2.8.5",
        "addresses": ["fd00::1"],
        "files": {CONF: "proxy_listen = [::]:8000\nadmin_listen = [fd00::1]:8001\n"},
        "sockets": [("tcp", 8000, "::"), ("tcp", 8001, "fd00::1")],
        "clients": [(8001, "fd00::9")],
        "rules": {
            "ipv6": drop_all_but("-s fd00::/64 -p tcp -m tcp --dport 8000", "-s fd00::9/128 -p tcp -m tcp --dport 8001")
        },
        "expected": {
            "kong_admin_sources": ["fd00::9"],
            "kong_proxy_sources": ["fd00::/64"],
            "kong_proxy_listen": "[::]:8000",
        },
    },
    "no Admin API": {
        "version": "2.8.5",
        "files": {CONF: "admin_listen = off\nproxy_listen = 127.0.0.1:8000\n"},
        "sockets": [("tcp", 8000, "127.0.0.1")],
        "expected": {"kong_admin_listen": "off", "kong_admin_sources": None},
    },
    "streams of tcp and udp": {
        "version": "2.8.5",
        "files": {CONF: "stream_listen = 0.0.0.0:9100, 0.0.0.0:9200 udp, 127.0.0.1:9300\nproxy_listen = off\n"},
        "sockets": [("tcp", 9100, "0.0.0.0"), ("udp", 9200, "0.0.0.0"), ("tcp", 9300, "127.0.0.1")],
        "rules": {"ipv4": drop_all_but("-s 10.0.0.0/28 -p tcp -m tcp --dport 9100", "-p udp -m udp --dport 9200")},
        "expected": {"kong_stream_sources": {9100: ["10.0.0.0/28"], 9200: ["any"]}},
    },
    "a data plane": {
        "version": "3.4.2",
        "files": {
            CONF: f"role = data_plane\ndatabase = off\ncluster_control_plane = cp.example.org:8005\n"
            f"cluster_cert_key = {SECRET}\nproxy_listen = 0.0.0.0:8000\n"
        },
        "sockets": [("tcp", 8000, "0.0.0.0")],
        "rules": {"ipv4": drop_all_but("-s 10.0.9.0/24 -p tcp -m tcp --dport 8000")},
        "expected": {"kong_role": "data_plane", "kong_proxy_sources": ["10.0.9.0/24"], "kong_admin_listen": None},
    },
    "an ipset and a dropping policy": {
        "version": "2.8.5",
        "files": {CONF: ADMIN_ONLY["conf"]},
        "sockets": ADMIN_ONLY["sockets"],
        "clients": [(8001, "10.0.0.9"), (8001, "192.0.2.66")],
        "rules": {
            "ipv4": drop_all_but(
                "-p tcp -m multiport --dports 8000,8443 -m set --match-set users src",
                "-p tcp -m tcp --dport 8001 -m set --match-set admins src",
            )
        },
        "sets": {"users": ["10.0.0.0/24", "198.51.100.7/32"], "admins": ["10.0.0.8/30"]},
        "expected": {"kong_admin_sources": ["10.0.0.9"], "kong_proxy_sources": ["10.0.0.0/24", "198.51.100.7/32"]},
        "asked": "192.0.2.66 is a client of admin, but",
    },
    "an ipset that cannot be read": {
        "version": "2.8.5",
        "files": {CONF: ADMIN_ONLY["conf"]},
        "sockets": ADMIN_ONLY["sockets"],
        "rules": {"ipv4": drop_all_but("-p tcp -m multiport --dports 8000,8443 -m set --match-set users src")},
        "expected": {"kong_proxy_sources": None},
        "asked": "the sources that the host's firewall allows to proxy (8000, 8443) cannot be a list",
    },
    "maps of nft": {
        "version": "2.8.5",
        "files": {CONF: ADMIN_ONLY["conf"]},
        "sockets": ADMIN_ONLY["sockets"],
        "clients": [(8001, "10.0.0.9"), (8001, "10.0.0.7")],
        "rules": {"nft": NFT_WITH_MAPS},
        "expected": {"kong_admin_sources": ["10.0.0.9"], "kong_proxy_sources": {8000: ["any"], 8443: ["10.0.0.7/32"]}},
    },
    "no TLS in Kong 0.11": {
        "version": "0.11.2",
        "unit": {"Environment": "KONG_ADMIN_SSL=off", "FragmentPath": ""},
        "files": {CONF: "ssl = off\nproxy_listen = 0.0.0.0:8000\nadmin_listen = 0.0.0.0:8001\n"},
        "sockets": [("tcp", 8000, "0.0.0.0"), ("tcp", 8001, "0.0.0.0")],
        "rules": {"ipv4": drop_all_but("-s 10.0.0.0/24 -p tcp -m tcp --dport 8000")},
        "expected": {"kong_ssl": "off", "kong_admin_ssl": "off", "kong_proxy_sources": ["10.0.0.0/24"]},
    },
    "a firewall that drops everything": {
        "version": "2.8.5",
        "files": {CONF: ADMIN_ONLY["conf"]},
        "sockets": ADMIN_ONLY["sockets"],
        "clients": [(8001, "10.0.0.9")],
        "rules": {"ipv4": drop_all_but()},
        "expected": {"kong_proxy_sources": ["nobody"], "kong_admin_sources": None},
    },
    "a file that Kong reads only in part, with templates": {
        "version": "2.8.5",
        "files": {
            CONF: f"log_level = {{{{ x }}}}\nadmin_listen = {{{{ lookup('pipe', 'id') }}}}\npg_password = {SECRET} {{{{ x }}}}\n"
        },
        "sockets": [("tcp", 8000, "0.0.0.0")],
        "expected": {"kong_admin_listen": None},
        "asked": "the value of kong_admin_listen is a template for Ansible",
    },
    "an unknown interface in the rules": {
        "version": "2.8.5",
        "files": {CONF: ADMIN_ONLY["conf"]},
        "sockets": ADMIN_ONLY["sockets"],
        "rules": {
            "ipv4": drop_all_but("-i eth1 -p tcp -m tcp --dport 8000", "-s 10.0.0.0/24 -p tcp -m tcp --dport 8443")
        },
        "expected": {"kong_proxy_sources": {8000: ["any"], 8443: ["10.0.0.0/24"]}},
        "asked": "the sources that the host's firewall allows to proxy (8000) cannot be a list",
    },
}


def make_host(monkeypatch, folder, odd):
    result = inspect(monkeypatch, folder, odd)
    assert SECRET not in str(result)
    addresses = odd.get("addresses", ["10.0.0.1"])
    facts = make_facts(*addresses)
    if ":" in addresses[0]:
        facts = {
            "interfaces": ["e"],
            "e": {"ipv6": [{"address": addresses[0], "prefix": "64"}]},
            "default_ipv6": {"address": addresses[0]},
        }
    return read_found_host("a", facts, result)


@pytest.mark.parametrize("odd", HOSTS.values(), ids=HOSTS)
def test_odd_hosts_have_a_careful_proposal(monkeypatch, tmp_path, odd):
    host = make_host(monkeypatch, tmp_path, odd)
    proposal = propose([host], {})
    files = render_files(proposal)
    assert SECRET not in str(files)
    values = yaml.safe_load(files["host_vars/a.yml"])
    assert {name: values.get(name) for name in odd["expected"]} == odd["expected"]
    assert any(question.startswith(odd.get("asked", "")) for question in [*proposal.questions["a"], ""])
    again = propose([host], parse_observed(files["observed.yml"]))
    assert render_files(again) == files
    for text in files.values():
        yaml.safe_load(text) if not text.startswith("# Adopted") else None
    placeholders = yaml.safe_load(re.sub(r"^#(?=kong_config|  \w)", "", files["host_vars/a.yml"], flags=re.MULTILINE))
    config = dict.fromkeys(placeholders.get("kong_config", {}), "secret-of-the-vault")
    for variables in (values, {**values, "kong_config": config}):
        compilation = compile_plan(PlainInventory({"all": ["a"], "kong": ["a"]}, {"a": variables}), "kong")
        assert not compilation.errors, compilation.errors
        assert find_wider(compilation.plan, host, proposal.questions["a"]) == []


def find_wider(plan, host, questions):
    """Return the entries of the plan that allow a source which the host's rules certainly drop now, and without a question."""
    asked = " ".join(question for question in questions if "cannot be a list" in question)
    wider = []
    for entry in plan["nodes"]["a"]["ruleset"]["allow"]:
        for access in host.kongs[0].access:
            if (access.protocol, access.port) != (entry["protocol"], entry["port"]) or "any" in access.sources:
                continue
            networks = (
                [network for name in entry["sources"] for network in plan["sets"][name][access.family]]
                if entry["sources"] != "any"
                else ["any"]
            )
            if networks == ["any"] and f"{access.port}" not in asked:
                wider.append((entry, access))
            wider += [
                (entry, network)
                for network in networks
                if network != "any" and access.refuses(network.partition("/")[0])
            ]
    return wider


@pytest.mark.parametrize(
    ("result", "reason"),
    [
        ({"kongs": []}, "no Kong runs here"),
        ({"msg": "kong_adopt_info needs root; run with become"}, "not read: kong_adopt_info needs root"),
    ],
    ids=["stopped", "without root"],
)
def test_hosts_that_cannot_be_read_are_left_out(result, reason):
    files = render_files(propose([read_found_host("a", make_facts("10.0.0.1"), result)], {}))
    assert f"- a: {reason}" in files["report.md"]
    assert yaml.safe_load(files["hosts.yml"]) == {"kong": {"hosts": {}}}


def test_a_host_with_two_kongs_is_left_out(monkeypatch, tmp_path):
    odd = {"version": "2.8.5", "prefixes": ["/usr/local/kong", "/srv/dp"], "files": {CONF: f"pg_password = {SECRET}\n"}}
    proposal = propose([make_host(monkeypatch, tmp_path, odd)], {})
    assert "several Kongs run here (/usr/local/kong and /srv/dp)" in proposal.left_out["a"]
