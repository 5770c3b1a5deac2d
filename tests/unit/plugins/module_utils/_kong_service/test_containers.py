# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The records of containers: environment, published ports and file of Kong."""

from __future__ import annotations

import json

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import Host, HostError
from ansible_collections.gatehouse.kong.plugins.module_utils._host.masters import Container
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.containers import (
    Published,
    find_command,
    find_source,
    inspect_container,
    list_own_addresses,
    list_published,
    read_environment,
)


def make_record(**ports):
    """Return a record with bindings of ports, each `ADDRESS PORT`."""
    bindings = {
        name.replace("_", "/"): texts
        and [dict(zip(("HostIp", "HostPort"), text.split(" "), strict=True)) for text in texts]
        for name, texts in ports.items()
    }
    return {"NetworkSettings": {"Ports": bindings}}


@pytest.mark.parametrize(
    ("ports", "expected"),
    [
        ({}, []),
        # podman 4.3
        ({"8000_tcp": [" 80"]}, [("", 80, 8000, "tcp")]),
        # Docker lists a port of every address twice.
        ({"8000_tcp": ["0.0.0.0 80", ":: 80"]}, [("", 80, 8000, "tcp")]),
        ({"8000_tcp": ["0.0.0.0 80"]}, [("0.0.0.0", 80, 8000, "tcp")]),
        ({"8000_tcp": [":: 80"]}, [("::", 80, 8000, "tcp")]),
        ({"8000_tcp": ["0.0.0.0 32768", ":: 32769"]}, [("0.0.0.0", 32768, 8000, "tcp"), ("::", 32769, 8000, "tcp")]),
        # A port that is exposed and not published.
        ({"8001_tcp": None, "8000_tcp": ["127.0.0.1 80"]}, [("127.0.0.1", 80, 8000, "tcp")]),
        ({"9200_udp": [" 9200"], "8000_tcp": [" 81", " 80"]},
         [("", 80, 8000, "tcp"), ("", 81, 8000, "tcp"), ("", 9200, 9200, "udp")]),
    ],
)  # fmt: skip
def test_published_ports(ports, expected):
    assert list_published(make_record(**ports)) == [Published(*item) for item in expected]


@pytest.mark.parametrize(
    "record", [{}, {"NetworkSettings": None}, {"NetworkSettings": {"Ports": None, "Networks": None}}]
)
def test_a_container_without_networks_publishes_nothing(record):
    assert list_published(record) == []
    assert list_own_addresses(record) == []


def test_addresses_of_every_network():
    networks = {
        "a": {"IPAddress": "10.88.0.2", "GlobalIPv6Address": ""},
        "b": {"IPAddress": "10.89.0.2", "GlobalIPv6Address": "fd00::2"},
        "c": None,
    }
    record = {"NetworkSettings": {"IPAddress": "10.88.0.2", "Networks": networks}}
    assert list_own_addresses(record) == ["10.88.0.2", "10.89.0.2", "fd00::2"]


@pytest.mark.parametrize(
    ("entrypoint", "command", "path"),
    [
        ("", ["kong", "start", "-c", "/srv/kong.conf"], "/srv/kong.conf"),
        (["/docker-entrypoint.sh"], ["kong", "docker-start", "--conf", "/srv/kong.conf"], "/srv/kong.conf"),
        ("/usr/bin/tini -- kong start", ["-c", "/srv/kong.conf"], "/srv/kong.conf"),
        (["/docker-entrypoint.sh"], ["kong", "docker-start"], ""),
        (["sh"], ["-c", "kong start"], ""),
        (None, ["kong", "start", "-c"], ""),
        (None, None, ""),
    ],
)
def test_the_file_that_the_command_names(entrypoint, command, path):
    assert find_command({"Config": {"Entrypoint": entrypoint, "Cmd": command}}) == path


@pytest.mark.parametrize(
    ("mount", "source"),
    [
        (("bind", "/srv/k.conf", "/etc/kong/kong.conf"), "/srv/k.conf"),
        (("bind", "/srv/kong/", "/etc/kong/"), "/srv/kong/kong.conf"),
        (("bind", "/srv/kong", "/etc/kon"), ""),
        (("volume", "/var/lib/volumes/k", "/etc/kong"), ""),
    ],
)
def test_the_file_of_the_host_behind_a_mount(mount, source):
    mounts = [
        {"Type": "bind", "Source": "/x", "Destination": "/y"},
        dict(zip(("Type", "Source", "Destination"), mount, strict=True)),
    ]
    assert find_source({"Mounts": mounts}, "/etc/kong/kong.conf") == source


def test_only_variables_of_kong_leave_the_record():
    record = {"Config": {"Env": ["PATH=/bin", "KONG_ADMIN_LISTEN=a=b", "AWS_SECRET=x"]}}
    assert read_environment(record) == {"KONG_ADMIN_LISTEN": "a=b"}
    assert read_environment({"Config": None}) == {}


@pytest.mark.parametrize(
    ("output", "expected"),
    [(json.dumps([{"Id": "1"}]), {"Id": "1"}), ("[]", None), ("no JSON", None), (HostError("unknown"), None)],
)
def test_the_engine_is_asked_for_the_record(monkeypatch, output, expected):
    host = Host()

    def run(*argv):
        assert argv == ("docker", "inspect", "0" * 64)
        if isinstance(output, HostError):
            raise output
        return output

    monkeypatch.setattr(host, "run", run)
    monkeypatch.setattr(host, "which", lambda name: f"/usr/bin/{name}")
    assert inspect_container(host, Container("docker", "0" * 64)) == expected
    monkeypatch.setattr(host, "which", lambda _name: None)
    assert inspect_container(host, Container("docker", "0" * 64)) is None


@pytest.mark.parametrize(
    ("mode", "other", "ports"),
    [
        ("container:abc", {"NetworkSettings": {"Ports": {"8000/tcp": []}}}, {"8000/tcp": []}),
        ("container:abc", None, {}),
        ("bridge", None, {}),
    ],
)
def test_a_container_in_the_network_of_another_has_its_published_ports(monkeypatch, mode, other, ports):
    records = {"0" * 64: {"HostConfig": {"NetworkMode": mode}, "NetworkSettings": {"Ports": {}}}, "abc": other}
    host = Host()
    monkeypatch.setattr(host, "run", lambda *argv: json.dumps([records[argv[2]]] if records[argv[2]] else []))
    monkeypatch.setattr(host, "which", lambda name: f"/usr/bin/{name}")
    record = inspect_container(host, Container("podman", "0" * 64))
    assert (record["NetworkSettings"]["Ports"], record["HostConfig"]) == (ports, {"NetworkMode": mode})
