# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._backends import registry
from ansible_collections.gatehouse.kong.plugins.module_utils._gateway import points
from ansible_collections.gatehouse.kong.plugins.module_utils._gateway.points import NAT
from ansible_collections.gatehouse.kong.plugins.module_utils._gateway.table import AREA
from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import Host
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service import running, sockets
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.running import Running
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.sockets import Socket, Sockets
from ansible_collections.gatehouse.kong.plugins.module_utils._modules import kong_restore_point
from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.data import ruleset_from_data, ruleset_to_data
from ansible_collections.gatehouse.kong.plugins.module_utils._transaction.backend import Live
from ansible_collections.gatehouse.kong.plugins.module_utils._transaction.restore_point import RestorePoints

CONF = "/etc/kong/kong.conf"
DROP_IN = "/etc/systemd/system/kong.service.d/gatehouse-kong.conf"
ENTRY = {"listener": "admin", "protocol": "tcp", "port": 8001, "address": None, "sources": "any"}
KONG = {"how": "reload", "runs": True, "looks": 30, "prefix": "",
        "listeners": [{"name": "nginx", "protocols": ["tcp"], "port": 8001, "address": "127.0.0.1"}]}  # fmt: skip


def make_rules(port):
    return ruleset_from_data({"allow": [{**ENTRY, "port": port}]})


class Node:
    """A node with a simulated firewall and simulated sockets; its files and its drop-in are real."""

    def __init__(self, root, monkeypatch):
        self.host = Host(root)
        self.host.run = lambda *argv, **_named: self.commands.append(argv) or ""
        for folder in ("run", "var/lib", "etc/kong"):
            self.host.locate(f"/{folder}").mkdir(parents=True)
        self.commands, self.warnings, self.backends = [], [], []
        self.ruleset, self.port, self.unit = make_rules(8001), 8001, "kong.service"
        self.set_file(8001)
        module = kong_restore_point
        monkeypatch.setattr(module, "Host", lambda: self.host)
        monkeypatch.setattr(module, "require_root", lambda _work: None)
        monkeypatch.setattr(running, "find_running", lambda _host, _service, _prefix: Running(None, self.unit))
        monkeypatch.setattr(registry, "choose", self._choose)
        monkeypatch.setattr(sockets, "read_sockets", lambda unit, _prefix: Sockets(self._read_sockets(), unit))

    def _choose(self, _host, name):
        self.backends.append(name)
        backend = SimpleNamespace(require=lambda: None, read=lambda: Live(self.ruleset))
        return SimpleNamespace(backend=backend)

    def _read_sockets(self):
        return (Socket("tcp", self.port, "127.0.0.1", "nginx", "kong.service"),) if self.port else ()

    def set_file(self, port):
        self.host.write(CONF, f"admin_listen = 127.0.0.1:{port}\n", 0o640)

    def set_drop_in(self, text):
        self.host.write(DROP_IN, text, 0o644)

    def move(self, port):
        self.set_file(port)
        self.ruleset, self.port = make_rules(port), port

    def call(self, state, check_mode=False, **more):
        params = {
            "state": state,
            "files": [CONF],
            "firewall": True,
            "gateway": False,
            "backend": "auto",
            "service": "kong",
            "kong": KONG,
            "run": "7",
        }
        module = SimpleNamespace(params={**params, **more}, check_mode=check_mode, warn=self.warnings.append)
        return kong_restore_point._apply(module)


@pytest.fixture
def node(tmp_path, monkeypatch):
    return Node(tmp_path, monkeypatch)


def test_a_run_and_its_rollback(node):
    node.call("taken", backend="nftables")
    assert node.backends == ["nftables"]
    node.move(9001)
    node.call("kept")
    found = node.call("found")
    assert found == {
        "changed": False, "found": True, "run": "7", "firewall": True, "ruleset": ruleset_to_data(make_rules(8001)), "interception": [],
        "kong": KONG, "files": [CONF], "how": "reload",
    }  # fmt: skip
    assert node.host.read(CONF) == "admin_listen = 127.0.0.1:9001\n"
    assert node.call("restored", check_mode=True)["changed"]
    assert node.host.read(CONF) == "admin_listen = 127.0.0.1:9001\n"
    assert node.call("restored") == {**found, "changed": True}
    assert (node.host.read(CONF), node.warnings) == ("admin_listen = 127.0.0.1:8001\n", [])
    again = node.call("restored")
    assert (again["changed"], again["how"]) == (False, "restart")
    node.call("absent")
    assert node.call("found") == {"changed": False, "found": False, "run": ""}


def test_check_mode_saves_nothing(node):
    node.call("taken", check_mode=True)
    node.move(9001)
    assert not node.call("found")["found"]


def test_if_the_files_are_correct_the_sockets_decide(node):
    node.call("taken")
    node.ruleset = make_rules(9001)
    assert node.call("found")["how"] == "nothing"
    node.port = 9001
    assert node.call("found")["how"] == "restart"


def test_the_sockets_of_a_container_are_ignored(node):
    node.call("taken", kong={**KONG, "looks": 0})
    node.ruleset, node.port = make_rules(9001), None
    assert node.call("found")["how"] == "nothing"


def test_a_kong_that_did_not_run_is_stopped(node):
    node.port = None
    node.call("taken", kong={**KONG, "runs": False, "listeners": []})
    node.ruleset = make_rules(9001)
    assert node.call("found")["how"] == "nothing"
    node.port = 9001
    assert node.call("found")["how"] == "stop"


@pytest.mark.parametrize("before", ["", "[Service]\nAmbientCapabilities=CAP_NET_BIND_SERVICE\n"])
def test_the_drop_in_is_restored_and_needs_a_restart(node, before):
    if before:
        node.set_drop_in(before)
    node.call("taken")
    node.set_drop_in("[Service]\n# another drop-in\n")
    restored = node.call("restored")
    assert (restored["how"], restored["changed"], node.host.read(DROP_IN) or "") == ("restart", True, before)
    assert node.host.locate(DROP_IN).parent.exists() == bool(before)
    assert node.commands == [("systemctl", "daemon-reload")]


def test_without_a_unit_there_is_no_drop_in(node):
    node.unit = ""
    node.call("taken")
    node.move(9001)
    assert node.call("restored")["how"] == "reload"
    assert node.commands == []


def test_without_the_option_firewall_no_ruleset_is_saved(node):
    node.call("taken", firewall=False)
    node.move(9001)
    found = node.call("found")
    assert (found["firewall"], found["ruleset"], node.backends) == (False, None, [])
    node.call("restored")
    assert node.warnings == []


def test_a_restore_point_without_rules_is_a_warning(node):
    node.ruleset = None
    node.call("taken")
    node.move(9001)
    assert (node.call("found")["ruleset"], node.warnings) == (None, [])
    node.call("restored")
    (warning,) = node.warnings
    assert "had no rules of gatehouse.kong" in warning


def test_while_a_change_waits_the_rules_before_it_are_saved(node):
    """The host restores these rules if the change is not confirmed."""
    node.host.write("/var/lib/gatehouse_kong/pending/id", "abc", 0o600)
    node.host.write(
        "/var/lib/gatehouse_kong/pending/ruleset.json", json.dumps(ruleset_to_data(make_rules(7001))), 0o600
    )
    node.call("taken")
    node.host.remove_tree("/var/lib/gatehouse_kong/pending")
    assert node.call("found")["ruleset"] == ruleset_to_data(make_rules(7001))


def test_a_run_that_was_rolled_back_is_not_open(node, monkeypatch):
    def is_open():
        return kong_restore_point.has_open_run(node.host, "auto", "kong")

    def fail(_host, _name):
        raise OSError("no")

    assert not is_open()
    node.call("taken")
    node.move(9001)
    assert is_open()
    monkeypatch.setattr(registry, "choose", lambda _host, _name: (each for each in ()).throw(OSError("no")))
    assert is_open()
    monkeypatch.setattr(registry, "choose", node._choose)
    node.move(8001)
    assert not is_open()


def test_the_points_of_a_gateway_have_its_translations_only(node, monkeypatch):
    nat = [None]
    readers = {NAT: lambda: nat[0]}
    monkeypatch.setattr(points, "make_points", lambda host, _rollback: RestorePoints(host, readers, AREA.state))
    node.call("taken", gateway=True, check_mode=True)
    nat[0] = {"forwards": []}
    assert node.call("found", gateway=True) == {"changed": False, "found": False, "run": ""}
    node.call("taken", gateway=True)
    nat[0] = {"forwards": [1]}
    node.call("kept", gateway=True)
    expected = {"changed": False, "found": True, "run": "7", "nat": {"forwards": []}}
    assert node.call("found", gateway=True) == node.call("restored", gateway=True) == expected
    assert not node.call("found")["found"]
    node.call("absent", gateway=True)
    assert not node.call("found", gateway=True)["found"]
