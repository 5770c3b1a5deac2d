# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The code of the controller sorts names of hosts, groups, networks and sites in natural order: dp2 before dp10.

Each other use of sorted() is listed here with the values that it sorts.
"""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).parents[3]
FOLDERS = ("plugins/plugin_utils", "plugins/action", "plugins/filter", "plugins/lookup")
# By the values: the arguments of sorted().
OTHER = {
    "names of variables, keys, settings and listeners": {
        "set(item) - _MAPPING_KEYS, key=str", "_MAPPING_KEYS", "SETTING_VARIABLES", "SOURCE_VARIABLES", "self.opened.config",
        "SOURCE_VARIABLES | {OUTSIDERS}", "KNOWN_VARIABLES.intersection(self.variables)",
        "SOURCE_VARIABLES.intersection(self.variables.variables)", "names.intersection(self.variables)",
        "KNOWN_VARIABLES", "(str(name) for name in facts if str(name).startswith(_PREFIX))", "map(str, plan)",
        "{**default, **node.get('connection', {})}.items()", "{reachable.name for reachable in node.reachable}",
        "{reachable.name for reachable in get_node(plan, target).reachable}", "{*before['settings'], *after['settings']}",
        "node.settings.items()", "_NOT_WITH_UDP.intersection(names)", "config",
        "{setting.listener for generation in list_generations() for setting in generation.settings}",
    },
    "ports": {
        "{_parse_port(port) for port in _list(item['ports'])}", "{listener.port for listener in found}", "ports",
        "single.items()",
    },
    "keys that no reader sees": {
        "lines, key=itemgetter(0)", "numbers", "(cell for cell in found if cell[0] in self._firsts[family, cell[1]])",
        "{(find_family(network), is_private(network)) for network in host.egress}",
        "probes, key=lambda probe: probe.name",
    },
    "positions in the order of a sample": {
        "((find_family(network), *compute_bounds(network), network) for network in self._positions)",
        "self._find_positions(differing)", "inside", "self._sources.keys() - inside", "firsts",
        "hosts, key=lambda host: sha256(host.name.encode()).digest()",
    },
    "values in an order of their own": {
        "networks, key=lambda entry: (-get_prefix_length(entry[0]), entry[0])", "set(networks), key=_make_network_key",
        "_PATHS, key=lambda path: path != generation.path",
        "control_planes, key=lambda other: (*_compute_distance(node, other), _compute_weight(node, other))",
        "target.select_listeners(listener), key=lambda entry: entry.bound is None",
        "target.select_listeners(name), key=lambda entry: _needs_proxy_protocol(target, entry)",
        "chosen, key=lambda host: self._positions[host.name]", "(ip_address(address) for address in addresses)",
        "entries, key=lambda entry: (entry.port, entry.protocol, -entry.packets, entry.source)",
        "(target for target in targets if family in target.families), key=lambda target: not target.is_wildcard",
        "row.flows, key=lambda flow: (flow.site != box.site, find_device(flow, box) or '')",
    },
}  # fmt: skip


def list_sorted():
    """Return the arguments of each sorted() without make_natural_key, by the file."""
    for folder in FOLDERS:
        for path in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "sorted":
                    arguments = ", ".join(map(ast.unparse, [*node.args, *node.keywords]))
                    if "make_natural_key" not in arguments:
                        yield str(path.relative_to(ROOT)), arguments


def test_names_are_sorted_in_natural_order():
    known = set().union(*OTHER.values())
    assert [found for found in list_sorted() if found[1] not in known] == []


def test_each_listed_exception_exists():
    assert set().union(*OTHER.values()) - {arguments for _path, arguments in list_sorted()} == set()
