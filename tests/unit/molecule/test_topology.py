# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path

import _boot
import _topology
import pytest
import yaml

SEED = {
    "networks": {"lan": ["192.168.10.0/24"], "branch": ["192.168.23.0/24"]},
    "hosts": {
        "router": {
            "addresses": {"lan": ["192.168.10.5"], "branch": ["192.168.23.254"]},
        },
        "b1": {
            "init": "systemd",
            "addresses": {"branch": ["192.168.23.45"]},
            "gateways": ["192.168.23.254"],
            "kong": {"KONG_VERSION": "0.10.4"},
        },
    },
}


def load(folder: Path, data) -> _topology.Topology:
    (folder / "lab.yml").write_text(yaml.safe_dump(data), encoding="utf-8")
    return _topology.load(folder)


def change_host(host, **values):
    hosts = {**SEED["hosts"], host: {**SEED["hosts"][host], **values}}
    return {**SEED, "hosts": hosts}


def test_a_host_has_an_address_of_every_subnet_of_its_networks(tmp_path):
    networks = {**SEED["networks"], "lan": ["192.168.10.0/24", "fd00:10::/64"]}
    topology = load(tmp_path, {**SEED, "networks": networks})
    b1, router = topology.hosts
    assert topology.list_links(b1) == {"branch": ("192.168.23.45",)}
    assert topology.list_links(router) == {
        "lan": ("192.168.10.5", "fd00:10::ffff:ffff:ffff:fffc"),
        "branch": ("192.168.23.254",),
    }


def test_no_two_hosts_of_a_scenario_have_one_address():
    for path in sorted(Path(_topology.__file__).parents[1].glob("*/lab.yml")):
        topology = _topology.load(path.parent)
        addresses = [
            address for host in topology.hosts for found in topology.list_links(host).values() for address in found
        ]
        assert len({*addresses}) == len(addresses), path


def test_the_folder_names_the_scenario(tmp_path):
    folder = tmp_path / "seed"
    folder.mkdir()
    assert load(folder, SEED).scenario == "seed"


def test_a_host_boots_with_its_route(tmp_path):
    host = load(tmp_path, SEED).find_host("b1")
    assert "ip -4 route replace default via 192.168.23.254" in _boot.render_script(host)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (change_host("b1", init="sysv"), "host b1: init 'sysv' is neither"),
        (change_host("b1", addresses={"lan": ["192.168.23.45"]}), "host b1: '192.168.23.45' is not in network 'lan'"),
        (
            change_host("b1", gateways=["192.168.10.5"]),
            "host b1: its gateway '192.168.10.5' is not on a network of the host",
        ),
        (change_host("router", router={"forwards": []}), "host router: unknown keys: router"),
        (change_host("b1", gateways=["10.0.0.1"]), "no network of lab.yml contains the address '10.0.0.1'"),
    ],
)
def test_an_invalid_topology_is_rejected(tmp_path, data, message):
    with pytest.raises(_topology.TopologyError, match=message):
        load(tmp_path, data)


def test_the_scenarios_have_a_valid_topology():
    scenarios = [file.parent for file in (Path(__file__).resolve().parents[3] / "molecule").glob("*/lab.yml")]
    assert len(scenarios) > 8
    assert all(_topology.load(scenario).hosts for scenario in scenarios)


def test_the_environment_can_set_the_version_of_a_scenarios_nodes(tmp_path, monkeypatch):
    hosts = {"k1": {"addresses": {}, "kong": {"KONG_VERSION": "${KONG_VERSION:-3.9.1}", "KONG_DATABASE": "off"}}}
    (tmp_path / "lab.yml").write_text(yaml.safe_dump({"networks": {}, "hosts": hosts}))
    for value, expected in ((None, "3.9.1"), ("", "3.9.1"), ("2.8.5", "2.8.5")):
        monkeypatch.setenv("KONG_VERSION", value) if value is not None else monkeypatch.delenv("KONG_VERSION", False)
        assert _topology.load(tmp_path).hosts[0].kong == {"KONG_VERSION": expected, "KONG_DATABASE": "off"}


def test_a_host_that_boots_before_others(tmp_path):
    topology = load(tmp_path, change_host("b1", boots_before_others=True))
    assert {host.name: host.boots_before_others for host in topology.hosts} == {"router": False, "b1": True}
