# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The Kongs of a host, and the sources that it allows to their sockets, as plain data."""

from __future__ import annotations

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._host.addresses import list_addresses
from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import Host, HostError
from ansible_collections.gatehouse.kong.plugins.module_utils._host.masters import Container, Master
from ansible_collections.gatehouse.kong.plugins.module_utils._host.networks import parse_networks
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.admin_api import AdminAnswer, DataPlane
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.connections import CONNECTED, Client, Link
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.effective import Sources
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.running import Running
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.serf import Member, Ring
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.sockets import Socket, Sockets
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.unit_environment import Variable
from ansible_collections.gatehouse.kong.plugins.module_utils._modules import kong_adopt_info
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.bounds import list_named_networks
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.iptables_walk import parse_saved
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.live_rules import LiveRules
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.published_access import Container as Behind

META = "usr/local/share/lua/5.1/kong/meta.lua"
UNIT = "kong.service"
CONTAINER = Container("podman", "0123456789abcdef" * 4)
OWN = Socket("tcp", 8001, "0.0.0.0", "nginx", UNIT)
OTHER = Socket("tcp", 22, "0.0.0.0", "sshd", "ssh.service")
OWN_DATA = {"protocol": "tcp", "address": "0.0.0.0", "port": 8001, "process": "nginx", "unit": UNIT}
SETTINGS = ("log_level", "pg_password", "role", "proxy_listen")
VALUES = {"log_level": "info", "pg_password": "hunter2"}
VARIABLE = Variable("traditional", "a drop-in")
SILENT = AdminAnswer()
ADMIN = Socket("tcp", 8001, "0.0.0.0", "nginx")


def list_access(monkeypatch, rules, *sockets):
    """Return the access through rules of iptables for IPv4; other hosts than this have no rules for IPv6."""
    saved = f"*filter\n:INPUT ACCEPT [0:0]\n{rules}\nCOMMIT\n"
    live = LiveRules(tuple(parse_saved(saved, "ipv4")), {"ipv4": tuple(list_named_networks("ipv4", saved)), "ipv6": ()})
    monkeypatch.setattr(kong_adopt_info, "read_live_rules", lambda host: live)
    return [*kong_adopt_info._list_access(None, sockets)]


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ("", {"sources": ["any"]}),
        ("-A INPUT -s 10.0.0.0/8 -j ACCEPT\n-A INPUT -j DROP", {"sources": ["10.0.0.0/8"]}),
        ("-A INPUT -j DROP", {}),
        ("-A INPUT -s 10.0.0.0/8 -m limit --limit 1/sec -j ACCEPT\n-A INPUT -j DROP",
         {"unknown": ["10.0.0.0/8"], "reason": "`-A INPUT -s 10.0.0.0/8 -m limit --limit 1/sec -j ACCEPT` in chain filter INPUT"}),
        ("-A INPUT -s 10.0.0.0/8 -j DROP\n-A INPUT -s 192.0.2.0/24 -j DROP", {"sources": ["any"], "except": ["10.0.0.0/8", "192.0.2.0/24"]}),
    ],
)  # fmt: skip
def test_access_is_described_in_the_shorter_form(monkeypatch, rules, expected):
    empty = {
        "protocol": "tcp",
        "port": 8001,
        "family": "ipv4",
        "sources": [],
        "except": [],
        "unknown": [],
        "reason": "",
    }
    assert list_access(monkeypatch, rules, ADMIN) == [{**empty, **expected}]


@pytest.mark.parametrize(
    ("sock", "families"),
    [
        (ADMIN, ["ipv4"]),
        (Socket("tcp", 8001, "::", "nginx"), ["ipv6"]),
        (Socket("udp", 7946, "::", "serf"), ["ipv4", "ipv6"]),
        (Socket("tcp", 8001, "127.0.0.1", "nginx"), []),
        (Socket("tcp", 8001, "::1", "nginx"), []),
    ],
)
def test_each_family_of_a_socket_is_described(monkeypatch, sock, families):
    assert [found["family"] for found in list_access(monkeypatch, "", sock)] == families


def test_rules_that_cannot_be_read_are_the_reason(monkeypatch):
    def fail(host):
        raise HostError("install the package nftables")

    monkeypatch.setattr(kong_adopt_info, "read_live_rules", fail)
    (found,) = kong_adopt_info._list_access(None, [ADMIN])
    assert (found["sources"], found["unknown"], found["reason"]) == ([], ["any"], "install the package nftables")


def write_files(root, texts):
    for name, text in texts.items():
        path = root / name.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def list_clients(ports, own):
    assert own == ["192.168.10.11"]
    return [Client(port, "192.0.2.1", CONNECTED) for port in ports]


def list_logged(*place):
    return [*place]


@pytest.fixture
def inspect(monkeypatch, tmp_path):
    """Return a function that inspects a host with one Kong, whose unit has a command and whose files have a text."""

    def run(
        command=("kong", "start"),
        *,
        files=(),
        container=None,
        shares_network=True,
        log=None,
        answer=SILENT,
        settings=SETTINGS,
        record=None,
    ):
        host, process = Host(tmp_path / "host"), tmp_path / "proc/7"
        write_files(tmp_path / "host", dict.fromkeys(files, ""))
        write_files(process / "root", {META: "major = 2\nminor = 8\npatch = 5\n"})
        master = Master(process, "/opt/kong", UNIT, container, shares_network)
        found = Running(master, UNIT)

        def find_running(given, service, prefix, *, in_container):
            assert (given, service, prefix, in_container) == (host, "kong", "/opt/kong", not shares_network)
            return found

        def read_commands(given, unit, *names):
            assert (given, unit, names) == (host, UNIT, ("ExecStartPre", "ExecStart"))
            return [command]

        def read_sources(given, running, file, asked_for, *, files):
            assert files.root == (process / "root" if container else host.root)
            assert (given, running, file.defaults, asked_for) == (host, found, {}, [*settings, "admin_access_log"])
            return Sources(file.path, {**VALUES, "admin_access_log": log}, variables={"KONG_ROLE": VARIABLE})

        def read_sockets(unit, prefix):
            assert (unit, prefix) == (UNIT, "/opt/kong")
            return Sockets((OWN, OTHER), UNIT)

        def ask_admin_api(sockets, ports):
            asked.append(([*sockets], ports))
            return answer

        asked = []
        monkeypatch.setattr(kong_adopt_info, "inspect_container", lambda given, of: record if of is container else None)
        monkeypatch.setattr(kong_adopt_info, "gethostname", lambda: "gateway")
        for double in (
            ask_admin_api,
            find_running,
            read_commands,
            read_sources,
            read_sockets,
            list_clients,
            list_logged,
        ):
            monkeypatch.setattr(kong_adopt_info, double.__name__, double)
        monkeypatch.setattr(kong_adopt_info, "_list_access", lambda given, found: [(given is host, *found)])
        monkeypatch.setattr(kong_adopt_info, "_list_published_access", lambda given, of: [(given is host, of)])
        monkeypatch.setattr(host, "call", lambda function: ["192.168.10.11"] if function is list_addresses else None)
        monkeypatch.setattr(kong_adopt_info, "list_kongs", lambda: [master])
        monkeypatch.setattr(kong_adopt_info, "find_starter", lambda running: "alice" if running is found else None)
        [result] = kong_adopt_info.inspect_kongs(host, "kong", settings)
        assert asked == [([OWN] if shares_network else [], {8001})]
        return result

    return run


def test_a_kong_is_plain_data(inspect, tmp_path):
    assert inspect(("kong", "start", "-c", "/srv/kong.conf")) == {
        "version": "2.8.5",
        "answers": False,
        "hostname": "gateway",
        "id": "",
        "data_planes": [],
        "prefix": "/opt/kong",
        "unit": UNIT,
        "container": "",
        "shares_network": True,
        "starter": "alice",
        "path": "/srv/kong.conf",
        "mounted": "",
        "published": None,
        "format": "conf",
        "settings": {
            "log_level": {"value": "info", "origin": "file", "place": ""},
            "pg_password": {"value": "<hidden>", "origin": "file", "place": ""},
            "role": {"value": "traditional", "origin": "environment", "place": "a drop-in"},
        },
        "secrets": [],
        "sockets": [OWN_DATA],
        "access": [(True, OWN)],
        "clients": [{"port": 8001, "source": "192.0.2.1", "found": "connected"}],
        "links": [],
        "ring": {"name": "", "members": ()},
        "logged": [tmp_path / "proc/7/root", "/opt/kong", "logs/admin_access.log"],
    }


def test_secrets_are_names_and_no_value_leaves_the_host(inspect, tmp_path):
    write_files(tmp_path / "host", {"etc/kong/kong.conf": "pg_password = hunter2 # hunter2\nlog_level = info\n"})
    found = inspect(("kong", "start"))
    assert found["secrets"] == [{"name": "pg_password", "place": "/etc/kong/kong.conf"}]
    assert "hunter2" not in str(found)


def test_the_admin_api_has_the_running_version_and_the_data_planes(inspect):
    found = inspect(answer=AdminAnswer("2.9.0", (DataPlane("7f", "dp", "192.0.2.1"),)))
    listed = [{"id": "7f", "hostname": "dp", "ip": "192.0.2.1"}]
    assert (found["version"], found["answers"], found["data_planes"]) == ("2.9.0", True, listed)


@pytest.mark.parametrize(
    ("settings", "ports"),
    [
        ({}, {8001}),
        ({"admin_listen": "0.0.0.0:9001, [::1]:8444 ssl"}, {9001, 8444}),
        ({"admin_listen": "[fd00:0:0:0:0:0:0:1]:9001 reuseport backlog=16384"}, {9001}),
        ({"admin_api_listen": "0.0.0.0:9001"}, {9001}),
        ({"admin_listen": "off"}, set()),
        ({"proxy_listen": "0.0.0.0:9000"}, {8001}),
    ],
)
def test_the_ports_of_the_admin_api(settings, ports):
    assert kong_adopt_info._list_admin_ports(settings) == ports


@pytest.mark.parametrize(
    ("settings", "asked"),
    [
        ({}, None),
        ({"role": "traditional", "cluster_control_plane": "cp:8005"}, None),
        ({"role": "control_plane"}, ({8001}, ())),
        ({"role": "data_plane", "cluster_control_plane": "cp.example.org:9005"}, ((), {9005})),
        ({"role": "data_plane", "cluster_control_plane": "[fd00::1]:9005"}, ((), {9005})),
        ({"role": "data_plane", "cluster_control_plane": "cp"}, None),
        ({"role": "data_plane"}, None),
    ],
)
def test_links_are_those_of_the_cluster(monkeypatch, settings, asked):
    monkeypatch.setattr(kong_adopt_info, "list_links", lambda ports, dialled: [(ports, dialled)])
    assert kong_adopt_info._list_links(settings, [ADMIN]) == ([asked] if asked else [])


@pytest.mark.parametrize(
    ("values", "place"), [({}, "127.0.0.1:7373"), ({"cluster_listen_rpc": "127.0.0.1:7400"}, "127.0.0.1:7400")]
)
def test_the_agent_of_serf_is_asked_where_it_answers_programs(inspect, monkeypatch, values, place):
    ring = Ring("a_id", (Member("a_id", "10.0.0.1", 7946, "alive"),))
    monkeypatch.setattr(
        kong_adopt_info,
        "read_ring",
        lambda _host, sockets, rpc: ring if ([*sockets], rpc) == ([OWN], place) else Ring(),
    )
    monkeypatch.setitem(VALUES, "cluster_listen_rpc", values.get("cluster_listen_rpc"))
    member = {"name": "a_id", "address": "10.0.0.1", "port": 7946, "status": "alive"}
    assert inspect(settings=(*SETTINGS, "cluster_listen_rpc"))["ring"] == {"name": "a_id", "members": (member,)}


@pytest.mark.parametrize("shares_network", [True, False])
def test_sockets_in_another_network_are_left_out(inspect, shares_network):
    found = inspect(container=CONTAINER, shares_network=shares_network)
    assert (found["container"], found["shares_network"]) == ("0123456789ab", shares_network)
    assert found["sockets"] == ([OWN_DATA] if shares_network else [])
    assert len(found["clients"]) == shares_network


RECORD = {
    "Config": {"Cmd": ["kong", "docker-start", "-c", "/opt/k.conf"]},
    "Mounts": [{"Type": "bind", "Source": "/srv/k.conf", "Destination": "/opt/k.conf"}],
    "NetworkSettings": {"IPAddress": "10.88.0.2", "Ports": {"8001/tcp": [{"HostIp": "", "HostPort": "80"}]}},
}


def test_a_container_with_its_own_network_has_ports_and_a_file(inspect, monkeypatch, tmp_path):
    def list_container_clients(*asked):
        assert asked == ({8001}, ["10.88.0.2"], tmp_path / "proc/7")
        return [Client(8001, "192.0.2.9", CONNECTED)]

    monkeypatch.setattr(kong_adopt_info, "list_container_clients", list_container_clients)
    found = inspect(container=CONTAINER, shares_network=False, record=RECORD)
    assert found["published"] == [{"address": "", "port": 80, "inside": 8001, "protocol": "tcp"}]
    assert (found["path"], found["mounted"]) == ("/opt/k.conf", "/srv/k.conf")
    assert found["clients"] == [{"port": 8001, "source": "192.0.2.9", "found": "connected"}]
    assert found["access"] == [(True, RECORD)]


def test_clients_of_a_program_on_the_host_are_clients_of_the_container(inspect, monkeypatch):
    def list_proxied_clients(published, own):
        assert ([*published], own) == ([("", 80, 8001)], ["192.168.10.11"])
        return [Client(8001, "192.0.2.8", CONNECTED), Client(8001, "192.0.2.9", CONNECTED)]

    seen = [Client(8001, "192.0.2.9", CONNECTED)]
    monkeypatch.setattr(kong_adopt_info, "list_container_clients", lambda *asked: seen)
    monkeypatch.setattr(kong_adopt_info, "list_proxied_clients", list_proxied_clients)
    found = inspect(container=CONTAINER, shares_network=False, record=RECORD)
    assert [client["source"] for client in found["clients"]] == ["192.0.2.8", "192.0.2.9"]


# `docker inspect` of a container in a user-defined network.
COMPOSED = {
    "HostConfig": {"NetworkMode": "shop_default"},
    "NetworkSettings": {
        "IPAddress": "",
        "Networks": {"shop_default": {"IPAddress": "172.18.0.2", "GlobalIPv6Address": "", "Gateway": "172.18.0.1"}},
        "Ports": {
            "8000/tcp": [{"HostIp": "0.0.0.0", "HostPort": "80"}, {"HostIp": "::", "HostPort": "80"}],
            "8001/tcp": [{"HostIp": "127.0.0.1", "HostPort": "8001"}, {"HostIp": "10.0.0.13", "HostPort": "9001"}],
            "8002/tcp": None,
            "8003/sctp": [{"HostIp": "10.0.0.13", "HostPort": "9003"}],
        },
    },
}


def list_published(monkeypatch, rules, *, fails=False):
    def read(host):
        if fails:
            raise HostError("install the package nftables")
        return LiveRules(
            tuple(parse_saved(rules, "ipv4")), {"ipv4": tuple(list_named_networks("ipv4", rules)), "ipv6": ()}
        )

    def make_container_finder(host, addresses):
        assert addresses == ["172.18.0.2"]
        own = parse_networks("ipv4", ["10.0.0.13"])
        interfaces = {"ipv4": {"172.18.0.2": "br-1"}, "ipv6": {}}
        return lambda _service, family, port: Behind(
            port, own, interfaces[family], frozenset(["br-1"]), has_listener=False
        )

    monkeypatch.setattr(kong_adopt_info, "read_live_rules", read)
    monkeypatch.setattr(kong_adopt_info, "make_container_finder", make_container_finder)
    found = [*kong_adopt_info._list_published_access(None, COMPOSED)]
    return {(entry["port"], entry["inside"], entry["family"]): entry for entry in found}


RULES = """\
*nat
:PREROUTING ACCEPT [0:0]
-A PREROUTING -d 10.0.0.13/32 ! -i br-1 -p tcp -m tcp --dport 80 -j DNAT --to-destination 172.18.0.2:8000
-A PREROUTING -d 10.0.0.13/32 ! -i br-1 -p tcp -m tcp --dport 9001 -j DNAT --to-destination 172.18.0.2:8001
COMMIT
*filter
:FORWARD DROP [0:0]
-A FORWARD -p tcp -m tcp --dport 8001 ! -s 10.0.0.20/32 -j DROP
-A FORWARD ! -i br-1 -o br-1 -j ACCEPT
COMMIT
"""


def test_the_access_to_published_ports_is_that_of_forwarded_packets(monkeypatch):
    found = list_published(monkeypatch, RULES)
    # Without an address of IPv6 and a program that listens, no packet of IPv6 reaches the container.
    assert [*found] == [(80, 8000, "ipv4"), (9001, 8001, "ipv4")]
    assert found[80, 8000, "ipv4"]["sources"] == ["any"]
    assert found[9001, 8001, "ipv4"]["sources"] == ["10.0.0.20/32"]


def test_rules_that_cannot_be_read_leave_published_ports_unknown(monkeypatch):
    found = list_published(monkeypatch, RULES, fails=True)
    assert [*found] == [(80, 8000, "ipv4"), (80, 8000, "ipv6"), (9001, 8001, "ipv4")]
    assert {(*entry["unknown"], entry["reason"]) for entry in found.values()} == {
        ("any", "install the package nftables")
    }


@pytest.mark.parametrize("record", [None, {}, {"NetworkSettings": {"Ports": {"8001/tcp": None}}}])
def test_a_container_that_publishes_nothing_has_no_access(record):
    assert not [*kong_adopt_info._list_published_access(None, record)]


@pytest.mark.parametrize("record", [RECORD, {"Config": {}}])
def test_a_container_in_the_network_of_the_host_publishes_nothing(inspect, record):
    found = inspect(container=CONTAINER, record=record)
    assert found["published"] is None
    assert len(found["clients"]) == 1


def test_a_container_without_published_ports_has_no_client(inspect):
    found = inspect(container=CONTAINER, shares_network=False, record={"Config": {}})
    assert (found["published"], found["clients"], found["path"]) == ([], [], "")


@pytest.mark.parametrize("in_container", [True, False])
def test_the_file_of_a_container_is_in_its_own_folders(inspect, tmp_path, in_container):
    write_files(tmp_path / "proc/7/root", {"etc/kong/kong.conf": ""})
    found = inspect(files=["/etc/kong.conf"], container=CONTAINER if in_container else None)
    assert found["path"] == ("/etc/kong/kong.conf" if in_container else "/etc/kong.conf")


@pytest.mark.parametrize(
    ("command", "files", "path", "form"),
    [
        (("kong", "start"), ["/etc/kong/kong.conf", "/etc/kong/kong.yml"], "/etc/kong/kong.conf", "conf"),
        (("kong", "start"), ["/etc/kong/kong.yml"], "/etc/kong/kong.yml", "yaml"),
        (("kong", "start", "-c", "/srv/kong.conf"), ["/etc/kong/kong.yml"], "/srv/kong.conf", "conf"),
        (("start.sh",), ["/etc/kong.conf"], "/etc/kong.conf", "conf"),
        (("kong", "start"), [], "", "conf"),
    ],
    ids=["found", "of an old Kong", "named", "unknown start", "none"],
)
def test_the_file_is_the_one_that_kong_reads(inspect, command, files, path, form):
    found = inspect(command, files=files)
    assert (found["path"], found["format"]) == (path, form)


@pytest.mark.parametrize(
    ("value", "path"), [(None, "logs/admin_access.log"), ("/var/log/kong.log", "/var/log/kong.log")]
)
def test_the_log_of_the_admin_listener_is_read(inspect, value, path):
    assert inspect(log=value)["logged"][-1] == path


@pytest.mark.parametrize("shares_network", [True, False])
def test_connections_are_measured_to_the_tcp_ports_of_kong(monkeypatch, shares_network):
    master = Master(None, "/opt/kong", UNIT, None, shares_network)
    monkeypatch.setattr(kong_adopt_info, "list_kongs", lambda: [master])
    monkeypatch.setattr(kong_adopt_info, "find_running", lambda _host, _service, prefix: Running(master, UNIT))
    udp = Socket("udp", 7946, "0.0.0.0", "serf", UNIT)
    monkeypatch.setattr(kong_adopt_info, "read_sockets", lambda unit, prefix: Sockets((OWN, udp, OTHER), unit))
    links = [Link("10.0.0.1", 40, "10.0.0.2", 8001)], [Link("10.0.0.1", 8001, "10.0.0.2", 50)]

    def hold_connections(ends, ports, seconds):
        assert (ends, ports, seconds) == ([("10.0.0.2", 8001)], {8001} if shares_network else set(), 7.5)
        return links

    monkeypatch.setattr(kong_adopt_info, "hold_connections", hold_connections)
    assert kong_adopt_info.measure(Host(), [{"address": "10.0.0.2", "port": 8001}], 7.5) == {
        "sent": [{"address": "10.0.0.1", "port": 40, "peer": "10.0.0.2", "peer_port": 8001}],
        "received": [{"address": "10.0.0.1", "port": 8001, "peer": "10.0.0.2", "peer_port": 50}],
    }
