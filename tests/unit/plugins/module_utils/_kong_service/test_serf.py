# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The members of the Serf cluster of a host."""

from __future__ import annotations

import json

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import Host, HostError
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.serf import Member, Ring, read_ring
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.sockets import Socket

# As Serf 0.8.2 prints them.
MEMBERS = {
    "members": [
        {"name": "b1_0.0.0.0:7946_c5", "addr": "192.168.10.5:9000", "port": 9000, "tags": {}, "status": "alive"},
        {"name": "a1_0.0.0.0:7946_d3", "addr": "[fd00::1]:7946", "port": 7946, "tags": {}, "status": "left"},
    ]
}
INFO = {"agent": {"name": "a1_0.0.0.0:7946_d3"}, "serf": {"encrypted": "false"}}
RING = Ring(
    "a1_0.0.0.0:7946_d3",
    (
        Member("b1_0.0.0.0:7946_c5", "192.168.10.5", 9000, "alive"),
        Member("a1_0.0.0.0:7946_d3", "fd00::1", 7946, "left"),
    ),
)


def make_socket(address="127.0.0.1", port=7373, protocol="tcp", process="serf"):
    return Socket(protocol, port, address, process)


@pytest.fixture
def ask(monkeypatch):
    """Return a function that reads the members, and the arguments of the programs that it ran."""

    def run(sockets, rpc="127.0.0.1:7373", *, program="/usr/bin/serf", **answers):
        host, asked, given = Host(), [], {"members": MEMBERS, "info": INFO, **answers}

        def run_program(*argv, seconds):
            asked.append(argv)
            if given[argv[1]] is None:
                raise HostError("connection refused")
            return json.dumps(given[argv[1]])

        monkeypatch.setattr(host, "which", lambda name: program if name == "serf" else None)
        monkeypatch.setattr(host, "run", run_program)
        return read_ring(host, sockets, rpc), asked

    return run


@pytest.mark.parametrize(
    ("sock", "place"),
    [
        (make_socket(), "127.0.0.1:7373"),
        (make_socket("0.0.0.0"), "127.0.0.1:7373"),
        (make_socket("::"), "[::1]:7373"),
        (make_socket("fd00::1"), "[fd00::1]:7373"),
    ],
)
def test_the_agent_at_a_socket_of_kong_is_asked(ask, sock, place):
    found, asked = ask([make_socket(port=7946), sock])
    assert found == RING
    assert asked == [("serf", verb, f"-rpc-addr={place}", "-format=json") for verb in ("members", "info")]


@pytest.mark.parametrize(
    "sock",
    [make_socket(port=7946), make_socket(protocol="udp"), make_socket(process="nginx")],
    ids=["another port", "udp", "another program"],
)
def test_no_other_socket_is_asked(ask, sock):
    assert ask([sock]) == (Ring(), [])


def test_a_host_without_the_program_has_no_members(ask):
    assert ask([make_socket()], program=None) == (Ring(), [])


@pytest.mark.parametrize(
    "answers",
    [
        {"members": None},
        {"info": None},
        {"members": {}},
        {"members": {"members": [{"name": "x"}]}},
        {"members": {"members": [{"name": "x", "addr": "10.0.0.1", "status": "alive"}]}},
        {"info": []},
    ],
)
def test_an_answer_that_cannot_be_read_has_no_members(ask, answers):
    assert ask([make_socket()], **answers)[0] == Ring()
