# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Right and wrong values of the variables of the inventory, and the check of a compilation with them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from ansible_collections.gatehouse.kong.plugins.plugin_utils._findings import (
    MESSAGE_LIMIT,
    format_finding,
    get_end,
    share_findings,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory import kinds
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.contract import KINDS
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.variables import (
    FactsNeededError,
    VariableError,
    VaultedError,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._json import dump_json
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.compile import compile_plan

UNDEFINED = "{{ not_defined }}"
# The value of the fact `chosen`.
FROM_FACTS = "{{ ansible_facts.chosen }}"
ENCRYPTED = "$ANSIBLE_VAULT"


class Templates(Mapping):
    """Variables like those of Ansible: a value that refers to an undefined variable cannot be computed."""

    def __init__(self, variables):
        self.variables = variables

    def __getitem__(self, name):
        if name == "ansible_facts":
            return self.variables[name]
        if self.variables[name] == FROM_FACTS:
            try:
                return self.variables["ansible_facts"]["chosen"]
            except (KeyError, TypeError):
                raise VariableError("'chosen' is undefined") from None
        if UNDEFINED in str(self.variables[name]):
            raise VariableError("'not_defined' is undefined")
        if ENCRYPTED in str(self.variables[name]):
            raise VaultedError("no vault password")
        return self.variables[name]

    def __contains__(self, name):
        return name in self.variables

    def __iter__(self):
        return iter(self.variables)

    def __len__(self):
        return len(self.variables)


class FixedTemplates(Templates):
    """The same variables without facts."""

    def __getitem__(self, name):
        if name == "ansible_facts" or self.variables[name] == FROM_FACTS:
            raise FactsNeededError(name)
        return super().__getitem__(name)


@dataclass(frozen=True)
class TemplatedInventory:
    """An inventory whose values are computed when they are read."""

    groups: Mapping
    hostvars: Mapping

    def read_variables(self, host):
        return Templates(self.hostvars[host])

    def without_facts(self, host):
        return Templates({name: value for name, value in self.hostvars[host].items() if name != "ansible_facts"})

    def read_fixed(self, host):
        return FixedTemplates({"ansible_facts": {}, **self.hostvars[host]})


# Values that no variable can have. A value of kong_strict and so on that is not read by the compiler is an error as well.
NEVER = {
    "empty text": "",
    "blanks": " \t",
    "a list in quotes": '["10.0.0.50", "10.0.0.51"]',
    "a list in quotes of Python": "['a', 'b']",
    "a list that lost its quotes": "[10.0.0.50, 10.0.0.51]",
    "a mapping in quotes": '{"outside": "203.0.113.7"}',
    "text with quotes inside": "'0.10'",
    "an undefined variable": UNDEFINED,
    "an encrypted value": ENCRYPTED,
    "a list with an undefined variable": ["10.0.0.1", UNDEFINED],
    "a nested list": [["10.0.0.1"]],
    "a list with null": [None],
    "a date": date(2026, 11, 30),
    "not a number": float("nan"),
}
# Values that only some variables can have.
SOMETIMES = {
    "text": "some text",
    "text with commas": "10.0.0.50,10.0.0.51",
    "an empty list": [],
    "a list": ["a", "b"],
    "a list of numbers": [1, 2.5],
    "a long list": [f"10.0.{number // 250}.{number % 250}:x" for number in range(500)],
    "a list of booleans": [True],
    "a mapping": {"a": 1},
    "an empty mapping": {},
    "a mapping of lists": {8000: [], "x": [[]]},
    "a list of mappings": [{"a": 1}],
    "true": True,
    "false": False,
    "zero": 0,
    "a port": 8000,
    "the SSH port": 22,
    "a negative number": -1,
    "a large number": 10**30,
    "a fraction": 0.1,
    "a port with a leading zero": "08000",
    "an address with leading zeros": "010.000.000.001",
    "a URL": "https://cp.example:8005",
    "an address and port": "0.0.0.0:8000",
    "an address": "10.0.0.1",
    "a loopback address": "127.0.0.1",
    "a multicast address": "224.0.0.1",
    "the broadcast address": ["255.255.255.255"],
    "an endpoint of no host": "0.0.0.5:8005",
    "a query with nulls": "[{outside: nothing, inside_port: `8000`}]",
    "a host of the inventory": "admin",
    "any": "any",
    "off": "off",
    "a long text": "x" * 5000,
    "control characters": "\x1b[31mred\n",
}
RIGHT = {
    kinds.NAME: ["a", "b", 7],
    kinds.PATH: ["/etc/kong/kong.conf", "plan.json"],
    kinds.HOST_PATH: ["/etc/kong/kong.conf"],
    kinds.ENDPOINT: ["10.0.0.9:8005", "cp.example:8005", "[fd00::9]:8005", "10.0.0.1:7946"],
    kinds.ADDRESS_QUERY: [
        "ansible_facts.default_ipv4.address",
        "nothing",
        "ansible_facts.all_ipv4_addresses",
        "a[",
        "[@]",
    ],
    kinds.NAT_QUERY: ["[{outside: '203.0.113.7', inside_port: `8000`}]", "nothing || `[]`", "nothing", "a[", "[@]"],
    kinds.ROLE: ["traditional", "control_plane", "data_plane", "a"],
    kinds.TARGET: ["conf", "env", "a"],
    kinds.BOOLEAN: [True, False],
    kinds.DAYS: [1, 14, "365"],
    kinds.SWITCH: [True, "no"],
    kinds.WHOLE_NUMBER: [0, 30, "30"],
    kinds.COUNT: [1, "2"],
    kinds.TRIES: [1, "10"],
    kinds.TIMEOUT: [0.5, 60, "2"],
    kinds.ROLLBACK_SECONDS: [5, "30"],
    kinds.BACKEND: ["auto", "ufw"],
    kinds.FIREWALL_STATE: ["present", "rolled_back"],
    kinds.GATEWAY_STATE: ["present", "rolled_back"],
    kinds.PRESENCE: ["present", "absent"],
    kinds.COMMAND: ["docker restart kong"],
    kinds.BATCHES: [1, "10%", [1, "10%"]],
    kinds.ADDRESSES: ["10.0.0.1", "10.0.0.2", ["10.0.0.1", "fd00::1"], "fd00::2", "198.51.100.1"],
    kinds.VIRTUAL_ADDRESSES: ["10.0.0.100", ["10.0.0.100", "fd00::100"], [], "10.0.0.1"],
    kinds.NETWORKS: [["10.0.0.0/8"], "192.0.2.1", ["10.0.0.0/24", "fd00::/8"]],
    kinds.NAMES: ["admin", ["@others"], ["@kong", "admin"]],
    kinds.SOURCES: [
        *("any", "nobody", "peers", "admin", ["@others", "10.1.0.0/16"], ["admin", "nobody"]),
        *({8000: "any", 8443: "nobody"}, ["data_planes"], "control_planes", "0.0.0.0/0", "@empty", "@none", "0.0.0.0"),
    ],
    kinds.PUBLICATIONS: [
        *(["8000:8000", "8443:8443"], ["80:8000", "192.0.2.1:80:8000"], ["7946:7946", "7946:7946/udp"], "7946:7946"),
        *(["22:8000"], "8001:8001", "9:99", "0:1"),
    ],
    kinds.MAPPINGS: [
        [{"outside": "203.0.113.7"}],
        [{"outside": "203.0.113.8", "inside_port": 8000}],
        [{"outside": "203.0.113.8", "outside_port": 80, "inside_port": 7946, "protocols": "tcp"}],
        [{"outside": "203.0.113.9", "inside_port": 8000, "sites": ["c"]}],
        [{"outside": "203.0.113.9", "inside": "10.0.0.100", "inside_port": 8000}],
        [{"outside": "2001:db8::7", "outside_port": 7946}],
        [{"destinations": "any", "ports": [80, 22], "listen_port": 8000}],
    ],
    kinds.INTERCEPTIONS: [
        [{"outside": "203.0.113.7"}],
        [{"destinations": "any", "ports": [80, 22], "listen_port": 8000}],
        [{"destinations": ["10.5.0.0/16"], "ports": 80, "listen_port": 8000}] * 2,
        [{"destinations": ["10.5.0.0/16"], "ports": 80, "listen_port": 8000}],
        [{"destinations": ["10.0.0.1"], "ports": [8000], "listen_port": 8000, "interfaces": "eth0"}],
        [{"destinations": ["fd00::/8"], "ports": [443], "listen_port": 8443}],
        [{"destinations": ["10.5.0.0/16"], "ports": [80], "listen_port": 1}],
    ],
    kinds.SETTINGS: [
        {"log_level": "info", "portal": True},
        {"database": "off"},
        {"database": "postgres", "cluster_cert": "/c", "cluster_cert_key": "/k"},
        {"role": "x"},
        {"a": "b\nc"},
        {"a b": 1},
    ],
    kinds.LISTEN: [
        *(
            "0.0.0.0:8000",
            "127.0.0.1:8001",
            "off",
            ["0.0.0.0:8000", "0.0.0.0:8443 ssl"],
            "[::]:8000",
            8000,
            "10.0.0.1:22",
        ),
        *(
            "0.0.0.0:8443 ssl",
            "host.example:9000",
            "10.0.0.1:8000 transparent",
            "0.0.0.0:9100 udp",
            "0.0.0.0:7946",
            "on",
        ),
    ],
    kinds.VERSION: [
        "0.6",
        "0.8.3",
        "0.9",
        "0.10.4",
        "0.11",
        "0.12",
        "0.13",
        1.5,
        "2.0",
        "2.8",
        "3.4",
        "3.4.3.5",
        "3.9",
    ],
}
# Values of single variables, in addition to those of its kind.
OWN = {
    "kong_version": ["9.9", 0.1, "3.4.3.5"],
    "kong_dnsmasq_port": [8053, "8000"],
    "kong_cluster_listen_rpc": ["127.0.0.1:7373"],
    "kong_cluster_listen": ["0.0.0.0:7946", "0.0.0.0:8005", "10.0.0.1:7946"],
    "kong_cluster_advertise": ["10.0.0.1:7946", "203.0.113.7:7946", "127.0.0.1:7946"],
    "kong_admin_ssl": ["on", False],
    "kong_ssl": ["off", True],
}


def list_right_values(name):
    """Return values of a variable that are of its kind; some contradict other variables."""
    return OWN.get(name, []) + RIGHT[KINDS[name]]


def make_inventory(nodes, others=None):
    """Return an inventory of nodes and other hosts, with groups that source terms may name."""
    others = others or {}
    groups = {"kong": [*nodes], "others": [*others], "all": [*nodes, *others], "empty": []}
    return TemplatedInventory(groups, {**nodes, **others})


def compile_hosts(nodes, others=None):
    """Return the compilation of nodes and other hosts."""
    return compile_plan(make_inventory(nodes, others), "kong")


def check_compilation(compilation):
    """Check that there is a plan or an error, and that every message names its variable and its host and is short."""
    if compilation.plan is not None:
        dump_json(compilation.plan)
    else:
        assert compilation.errors
    for finding in compilation.findings:
        assert finding.variable
        assert finding.message.startswith(f"{finding.host}: {finding.variable}: "), finding
        assert len(finding.message) <= MESSAGE_LIMIT, finding
        assert finding.message.isprintable(), finding
    for shared in share_findings(compilation.findings):
        line, end = format_finding(shared).removesuffix(f" [{shared['code']}]"), get_end(shared)
        assert max(len(line), len(end)) <= MESSAGE_LIMIT, shared
