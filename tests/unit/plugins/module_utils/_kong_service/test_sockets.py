# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import socket
from dataclasses import replace
from pathlib import Path

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._host.processes import count_draining
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.socket_drift import (
    compare_listeners,
    find_kong_sockets,
    find_taken,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.sockets import (
    Listener,
    Socket,
    Sockets,
    parse_listeners,
    read_sockets,
)

KONG = "kong.service"
HEAD = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
LINE = "   0: {} {} {} 00000000:00000000 00:00000000 00000000     0        0 {} 1\n"


def make_nginx(port, address, protocol="tcp", unit=KONG):
    return Socket(protocol, port, address, "nginx", unit)


PROXY = Listener("proxy", "tcp", 8000, "0.0.0.0")
ADMIN = Listener("admin", "tcp", 8001, "127.0.0.1")
GOSSIP = Listener("cluster", "tcp", 7946, "0.0.0.0")
SERF = Socket("tcp", 7946, "::", "serf", KONG)
DUAL = Listener("proxy", "tcp", 8000, "::")
AT_HOME = Listener("proxy", "tcp", 8000, "192.168.10.11")
OWN = replace(AT_HOME, has_own_socket=True)
CASES = {
    "as planned": ([PROXY, ADMIN], [make_nginx(8000, "0.0.0.0"), make_nginx(8001, "127.0.0.1")], [], []),
    "nothing listens": ([PROXY], [], [PROXY], []),
    "another protocol": ([PROXY], [make_nginx(8000, "0.0.0.0", "udp")], [PROXY], [make_nginx(8000, "0.0.0.0", "udp")]),
    "wider than planned": ([ADMIN], [make_nginx(8001, "0.0.0.0")], [ADMIN], [make_nginx(8001, "0.0.0.0")]),
    "an additional socket": (
        [ADMIN],
        [make_nginx(8001, "127.0.0.1"), make_nginx(9001, "0.0.0.0")],
        [],
        [make_nginx(9001, "0.0.0.0")],
    ),
    "a socket of Serf for both families": ([GOSSIP], [SERF], [], []),
    "nginx at IPv6 only": ([PROXY], [make_nginx(8000, "::")], [PROXY], [make_nginx(8000, "::")]),
    "nginx at IPv6 only, and an address": (
        [PROXY, AT_HOME],
        [make_nginx(8000, "::")],
        [PROXY, AT_HOME],
        [make_nginx(8000, "::")],
    ),
    "a socket for each family": ([PROXY, DUAL], [make_nginx(8000, "0.0.0.0"), make_nginx(8000, "::")], [], []),
    "a star": ([Listener("proxy", "tcp", 8000, "*")], [make_nginx(8000, "0.0.0.0")], [], []),
    "a wildcard and an address": ([PROXY, AT_HOME], [make_nginx(8000, "0.0.0.0")], [], []),
    "a star and an address": ([Listener("proxy", "tcp", 8000, "*"), AT_HOME], [make_nginx(8000, "0.0.0.0")], [], []),
    "a wildcard and an address in IPv6": (
        [DUAL, Listener("proxy", "tcp", 8000, "fd00::1")],
        [make_nginx(8000, "::")],
        [],
        [],
    ),
    "a wildcard and an address, each with reuseport": (
        [PROXY, AT_HOME],
        [make_nginx(8000, "0.0.0.0"), make_nginx(8000, "192.168.10.11")],
        [],
        [],
    ),
    "a wildcard, and an address whose own socket is missing": ([PROXY, OWN], [make_nginx(8000, "0.0.0.0")], [OWN], []),
    "a wildcard, and an address with its own socket": (
        [PROXY, OWN],
        [make_nginx(8000, "0.0.0.0"), make_nginx(8000, "192.168.10.11")],
        [],
        [],
    ),
    "an address that is twice in the plan, with its own socket": (
        [PROXY, AT_HOME, replace(OWN, name="admin")],
        [make_nginx(8000, "0.0.0.0")],
        [AT_HOME, replace(OWN, name="admin")],
        [],
    ),
    "a wildcard that is not open, and an address": (
        [PROXY, AT_HOME],
        [make_nginx(8000, "192.168.10.11")],
        [PROXY],
        [],
    ),
    "a wildcard of the other family, and an address": ([DUAL, AT_HOME], [make_nginx(8000, "::")], [AT_HOME], []),
    "a wildcard of another port, and an address": (
        [Listener("proxy", "tcp", 80, "0.0.0.0"), AT_HOME],
        [make_nginx(80, "0.0.0.0"), make_nginx(8000, "0.0.0.0")],
        [AT_HOME],
        [make_nginx(8000, "0.0.0.0")],
    ),
    "a wildcard of another program, and an address": (
        [PROXY, AT_HOME],
        [make_nginx(8000, "0.0.0.0", unit="squatter.service")],
        [PROXY, AT_HOME],
        [make_nginx(8000, "0.0.0.0", unit="squatter.service")],
    ),
    "a name": (
        [Listener("admin", "tcp", 8001, "localhost")],
        [make_nginx(8001, socket.gethostbyname("localhost"))],
        [],
        [],
    ),
    "an unknown name": (
        [Listener("admin", "tcp", 8001, "no.such.name.invalid")],
        [make_nginx(8001, "10.0.0.1")],
        [],
        [make_nginx(8001, "10.0.0.1")],
    ),
    "on loopback": ([], [make_nginx(8007, "127.0.0.1"), make_nginx(8007, "::1")], [], []),
    "of another program": (
        [PROXY],
        [make_nginx(8000, "0.0.0.0"), make_nginx(22, "0.0.0.0", unit="ssh.service")],
        [],
        [],
    ),
    "of another program at the address of Kong": (
        [PROXY],
        [make_nginx(8000, "0.0.0.0", unit="squatter.service")],
        [PROXY],
        [make_nginx(8000, "0.0.0.0", unit="squatter.service")],
    ),
    "of an unknown program": ([PROXY], [Socket("tcp", 8000, "0.0.0.0")], [], []),
    "of another program on Kong's port": (
        [ADMIN],
        [make_nginx(8001, "127.0.0.1"), make_nginx(8001, "10.0.0.1", unit=None)],
        [],
        [make_nginx(8001, "10.0.0.1", unit=None)],
    ),
}


@pytest.mark.parametrize("listeners, sockets, missing, unexpected", CASES.values(), ids=CASES)
def test_sockets_are_compared_with_the_plan(listeners, sockets, missing, unexpected):
    drift = compare_listeners(listeners, Sockets(tuple(sockets), KONG))
    assert (list(drift.missing), list(drift.unexpected)) == (missing, unexpected)


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.fixture
def proc(tmp_path):
    """Return the /proc of a little-endian host, like all hosts of Kong: 0100007F is 127.0.0.1."""
    listening = LINE.format("0100007F:1F41", "00000000:0000", "0A", 101) + LINE.format(
        "0100007F:1F41", "0100007F:9", "01", 102
    )
    write(tmp_path / "net" / "tcp", HEAD + listening)
    write(
        tmp_path / "net" / "tcp6",
        HEAD + LINE.format("000000FD000000000000000001000000:1F40", "0" * 32 + ":0000", "0A", 103),
    )
    write(tmp_path / "net" / "udp", HEAD + LINE.format("00000000:1F0A", "00000000:0000", "07", 104))
    for pid, inode, unit in ((7, 101, KONG), (8, 103, "user.slice")):
        write(tmp_path / str(pid) / "comm", "nginx\n")
        write(tmp_path / str(pid) / "cgroup", f"0::/system.slice/{unit}\n")
        write(tmp_path / str(pid) / "environ", f"PATH=/bin\0KONG_ADMIN_LISTEN=0.0.0.0:{pid}\0")
        write(tmp_path / str(pid) / "cmdline", "nginx: worker process is shutting down\0\0")
        (tmp_path / str(pid) / "fd").mkdir()
        (tmp_path / str(pid) / "fd" / "3").symlink_to(f"socket:[{inode}]")
        (tmp_path / str(pid) / "fd" / "4").symlink_to("/dev/null")
    (tmp_path / "self").symlink_to("7")
    return tmp_path


def test_the_tables_of_the_kernel_are_read(proc):
    assert read_sockets(proc=proc).all == (
        Socket("udp", 7946, "0.0.0.0", None, None),
        Socket("tcp", 8000, "fd00::1", "nginx", None),
        Socket("tcp", 8001, "127.0.0.1", "nginx", KONG),
    )


def test_sockets_of_this_machine_are_found():
    with socket.create_server(("127.0.0.1", 0)) as v4, socket.create_server(("::1", 0), family=socket.AF_INET6) as v6:
        found = {(sock.address, sock.port): sock.process for sock in read_sockets().all}
        program = Path("/proc/self/comm").read_text().strip()
        assert [found.get(server.getsockname()[:2]) for server in (v4, v6)] == [program, program]


def test_draining_workers_are_counted(proc):
    assert (count_draining(KONG, proc), count_draining("", proc), count_draining("other.service", proc)) == (1, 2, 0)


def test_the_present_sockets_of_kong():
    serf, other = Socket("udp", 7946, "0.0.0.0", "serf", None), Socket("tcp", 22, "0.0.0.0", "sshd", None)
    present = (make_nginx(8000, "0.0.0.0"), serf, other)
    assert find_kong_sockets(Sockets(present, KONG)) == [make_nginx(8000, "0.0.0.0")]
    assert find_kong_sockets(Sockets(present, "")) == []  # that nginx is not of Kong
    assert find_taken([PROXY], Sockets(present, "")) == [make_nginx(8000, "0.0.0.0")]


@pytest.mark.parametrize("conf, is_kong", [("include 'nginx-kong.conf';\n", True), ("include sites;\n", False)])
def test_a_kong_with_an_unknown_prefix_is_found_and_another_nginx_is_not(proc, tmp_path, conf, is_kong):
    write(proc / "7/cmdline", "nginx: master process nginx -p /srv/app -c nginx.conf\0")
    write(tmp_path / "root/srv/app/nginx.conf", conf)
    (proc / "7/root").symlink_to(tmp_path / "root")
    sockets = read_by_hand(proc, tmp_path / "kong", "pids/nginx.pid", "")
    assert [sock.port for sock in find_kong_sockets(sockets)] == ([8000, 8001] if is_kong else [])
    assert sockets.unit == (str(tmp_path / "kong") if is_kong else "")


def read_by_hand(proc, prefix, name, pid):
    """Return the sockets of a Kong from `kong start`: process 7 is nginx's master, 8 its worker; the pid file has `pid`."""
    for number, parent in ((7, 1), (8, 7)):
        write(proc / str(number) / "stat", f"{number} (a (b) c) S {parent} {number} 0\n")
    write(prefix / name, f"{pid}\n")
    return read_sockets("", str(prefix), proc)


@pytest.mark.parametrize("name", ["pids/nginx.pid", "nginx.pid"])
def test_a_kong_without_a_unit_is_found_by_its_pid_file(proc, tmp_path, name):
    sockets = read_by_hand(proc, tmp_path / "kong", name, 7)
    assert sockets.unit == str(tmp_path / "kong")
    assert [(sock.port, sock.unit) for sock in find_kong_sockets(sockets)] == [
        (8000, sockets.unit),
        (8001, sockets.unit),
    ]
    assert [sock.port for sock in compare_listeners([ADMIN], sockets).unexpected] == [8000]


def test_the_pid_of_a_worker_does_not_include_its_master(proc, tmp_path):
    assert [sock.port for sock in find_kong_sockets(read_by_hand(proc, tmp_path / "kong", "pids/nginx.pid", 8))] == [
        8000
    ]


@pytest.mark.parametrize("pid", ["9", "", "../8"])
def test_a_pid_file_without_a_running_process_is_ignored(proc, tmp_path, pid):
    sockets = read_by_hand(proc, tmp_path / "kong", "pids/nginx.pid", pid)
    assert (sockets.unit, compare_listeners([ADMIN], sockets).unexpected) == ("", ())


def test_a_pid_file_of_another_program_is_ignored(proc, tmp_path):
    write(proc / "7" / "comm", "sshd\n")
    assert read_by_hand(proc, tmp_path / "kong", "pids/nginx.pid", 7).unit == ""


def test_the_pid_file_of_a_kong_with_a_unit_is_ignored(proc, tmp_path):
    read_by_hand(proc, tmp_path / "kong", "pids/nginx.pid", 8)
    assert [sock.port for sock in find_kong_sockets(read_sockets(KONG, str(tmp_path / "kong"), proc))] == [8001]
    read_by_hand(proc, tmp_path / "kong", "pids/nginx.pid", 7)
    found = read_sockets(KONG, str(tmp_path / "kong"), proc)
    assert [(sock.port, sock.unit) for sock in found.all] == [(7946, None), (8000, None), (8001, KONG)]


@pytest.mark.parametrize(
    "listener, sock, is_taken",
    [
        (PROXY, make_nginx(8000, "0.0.0.0", unit="other.service"), True),
        (PROXY, make_nginx(8000, "127.0.0.1", unit="other.service"), True),
        (ADMIN, make_nginx(8001, "0.0.0.0", unit="other.service"), True),
        (ADMIN, make_nginx(8001, "127.0.0.2", unit="other.service"), False),
        (PROXY, make_nginx(8000, "::1", unit="other.service"), False),
        (PROXY, make_nginx(8000, "0.0.0.0", "udp", "other.service"), False),
        (PROXY, make_nginx(8002, "0.0.0.0", unit="other.service"), False),
        (PROXY, make_nginx(8000, "127.0.0.1"), False),
        (PROXY, Socket("tcp", 8000, "0.0.0.0"), False),
    ],
)
def test_sockets_of_other_programs_that_keep_kong_from_listening(listener, sock, is_taken):
    assert find_taken([listener], Sockets((sock,), KONG)) == ([sock] if is_taken else [])


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        (None, False),
        ([], False),
        (["ssl", "http2", "proxy_protocol", "udp"], False),
        (["ssl", "reuseport"], True),
        (["bind"], True),
        (["deferred"], True),
        (["backlog=16384"], True),
        (["ipv6only=on"], True),
        (["so_keepalive=on"], True),
    ],
)
def test_flags_that_give_an_address_its_own_socket(flags, expected):
    entry = {"name": "proxy", "protocols": ["tcp", "udp"], "port": 8000, "address": "10.0.0.1", "flags": flags}
    assert [listener.has_own_socket for listener in parse_listeners([entry])] == [expected, expected]
