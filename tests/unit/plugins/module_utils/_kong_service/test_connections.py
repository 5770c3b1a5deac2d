# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The clients of the ports of Kong that the kernel knows."""

from __future__ import annotations

from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.connections import (
    Client,
    Link,
    list_clients,
    list_container_clients,
    list_links,
    list_proxied_clients,
)

HEAD = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"


def make_row(own, peer, state="01"):
    return f"   0: {own} {peer} {state} 00000000:00000000 00:00000000 00000000     0        0 1 1 0 20 4 30 10 -1\n"


def test_clients_of_the_ports_are_listed_once_each(tmp_path):
    (tmp_path / "net").mkdir()
    own, client = "0B0AA8C0:1F41", "140AA8C0"  # 192.168.10.11:8001, 192.168.10.20
    rows = [
        make_row(own, f"{client}:C001"),
        make_row(own, f"{client}:C002"),
        make_row(own, "150AA8C0:C003", "06"),  # TIME_WAIT
        make_row("0B0AA8C0:0016", f"{client}:C004"),
        make_row(own, "0B0AA8C0:C005"),  # the host itself
    ]
    (tmp_path / "net/tcp").write_text(HEAD + "".join(rows))
    mapped = "0000000000000000FFFF00000B0AA8C0:1F41"
    (tmp_path / "net/tcp6").write_text(HEAD + make_row(mapped, "0000000000000000FFFF00001E0AA8C0:C006"))
    expected = [Client(8001, "192.168.10.20", "connected"), Client(8001, "192.168.10.30", "connected")]
    assert list_clients({8001}, {"192.168.10.11"}, tmp_path) == expected


def test_links_are_open_connections_from_or_to_some_ports(tmp_path):
    (tmp_path / "net").mkdir()
    rows = [
        make_row("0B0AA8C0:1F45", "140AA8C0:C001"),  # 192.168.10.11:8005 from 192.168.10.20:49153
        make_row("0B0AA8C0:1F45", "140AA8C0:C002", "06"),
        make_row("0B0AA8C0:C003", "140AA8C0:1F45"),
        make_row("0B0AA8C0:C004", "140AA8C0:0050"),
        make_row("0B0AA8C0:C005", "0B0AA8C0:1F45"),
    ]
    (tmp_path / "net/tcp").write_text(HEAD + "".join(rows))
    mapped = "0000000000000000FFFF00000B0AA8C0:1F45"
    (tmp_path / "net/tcp6").write_text(HEAD + make_row(mapped, "0000000000000000FFFF00001E0AA8C0:C006"))
    received = [
        Link("192.168.10.11", 8005, "192.168.10.20", 49153),
        Link("192.168.10.11", 8005, "192.168.10.30", 49158),
    ]
    sent = Link("192.168.10.11", 49155, "192.168.10.20", 8005)
    assert list_links({8005}, (), tmp_path) == received
    assert list_links((), {8005}, tmp_path) == [sent]
    assert list_links({8005}, {8005}, tmp_path) == [*received, sent]


# Lines as ct_seq_show of the kernel writes them.
TRACKED = """\
ipv4     2 tcp      6 117 TIME_WAIT src=192.168.10.20 dst=192.168.10.11 sport=49162 dport=8001 \
src=192.168.10.11 dst=192.168.10.20 sport=8001 dport=49162 [ASSURED] mark=0 use=2
ipv4     2 tcp      6 119 TIME_WAIT src=192.168.10.21 dst=192.0.2.1 sport=49162 dport=80 \
src=192.168.10.11 dst=192.168.10.21 sport=8001 dport=49162 [ASSURED] mark=0 use=2
ipv4     2 tcp      6 119 TIME_WAIT src=192.168.10.22 dst=192.168.10.99 sport=49162 dport=8001 \
src=192.168.10.99 dst=192.168.10.22 sport=8001 dport=49162 [ASSURED] mark=0 use=2
ipv4     2 tcp      6 119 TIME_WAIT src=192.168.10.11 dst=192.168.10.11 sport=49162 dport=8001 \
src=192.168.10.11 dst=192.168.10.11 sport=8001 dport=49162 mark=0 use=2
ipv4     2 tcp      6 119 TIME_WAIT src=192.168.10.11 dst=192.168.10.20 sport=49162 dport=8001 \
src=192.168.10.20 dst=192.168.10.11 sport=8001 dport=49162 mark=0 use=2
ipv4     2 tcp      6 119 TIME_WAIT src=192.168.10.23 dst=192.168.10.11 sport=8001 dport=22 \
src=192.168.10.11 dst=192.168.10.23 sport=22 dport=8001 mark=0 use=2
ipv4     2 tcp      6 9 CLOSE src=192.168.10.26 dst=192.168.10.11 sport=49162 dport=8001 \
src=192.168.10.11 dst=192.168.10.26 sport=8001 dport=49162 [ASSURED] mark=0 use=2
ipv4     2 tcp      6 59 CLOSE_WAIT src=192.168.10.27 dst=192.168.10.11 sport=49162 dport=8001 \
src=192.168.10.11 dst=192.168.10.27 sport=8001 dport=49162 [ASSURED] mark=0 use=2
ipv4     2 udp      17 27 src=192.168.10.24 dst=192.168.10.11 sport=7946 dport=7946 [UNREPLIED] \
src=192.168.10.11 dst=192.168.10.24 sport=7946 dport=7946 mark=0 use=2
ipv6     10 tcp      6 117 TIME_WAIT src=fd00:0000:0000:0000:0000:0000:0000:0002 dst=fd00:0000:0000:0000:0000:0000:0000:0001 sport=1 dport=8001 \
src=fd00:0000:0000:0000:0000:0000:0000:0001 dst=fd00:0000:0000:0000:0000:0000:0000:0002 sport=8001 dport=1 mark=0 use=2
ipv4     2 icmp     1 29 src=192.168.10.25 dst=192.168.10.11 type=8 code=0 id=3 \
src=192.168.10.11 dst=192.168.10.25 type=0 code=0 id=3 mark=0 use=2
"""


def test_tracked_clients_are_those_whose_replies_come_from_a_port_of_this_host(tmp_path):
    (tmp_path / "net").mkdir()
    (tmp_path / "net/nf_conntrack").write_text(TRACKED)
    found = list_clients({8001, 7946}, {"192.168.10.11", "fd00::1"}, tmp_path)
    assert found == [
        Client(7946, "192.168.10.24", "tracked"),
        Client(8001, "192.168.10.20", "tracked"),
        Client(8001, "192.168.10.21", "tracked"),
        Client(8001, "192.168.10.27", "tracked"),
        Client(8001, "fd00::2", "tracked"),
    ]


def test_clients_of_a_container_are_connected_in_its_network_or_tracked_by_the_host(tmp_path):
    for name in ("host", "container"):
        (tmp_path / name / "net").mkdir(parents=True)
    # 10.88.0.2:8001 in the container, 192.168.10.20 and the host's own connection to port 8001 of the host
    (tmp_path / "container/net/tcp").write_text(HEAD + make_row("0200580A:1F41", "140AA8C0:C001"))
    (tmp_path / "host/net/tcp").write_text(HEAD + make_row("0B0AA8C0:1F41", "150AA8C0:C001"))
    for name in ("host", "container"):
        (tmp_path / name / "net/tcp6").write_text(HEAD)
    tracked = (
        "ipv4     2 tcp      6 117 TIME_WAIT src=192.168.10.22 dst=192.168.10.11 sport=49162 dport=80 "
        "src=10.88.0.2 dst=192.168.10.22 sport=8001 dport=49162 [ASSURED] mark=0 use=2\n"
    )
    (tmp_path / "host/net/nf_conntrack").write_text(tracked)
    found = list_container_clients({8001}, ["10.88.0.2"], tmp_path / "container", tmp_path / "host")
    assert found == [Client(8001, "192.168.10.20", "connected"), Client(8001, "192.168.10.22", "tracked")]


def test_clients_of_a_proxy_on_the_host_are_clients_of_the_container(tmp_path):
    """docker-proxy accepts connections that no rule translates, for example of IPv6 to a container without IPv6."""
    (tmp_path / "net").mkdir()
    own = "0B0AA8C0"  # 192.168.10.11
    rows = [
        make_row(f"{own}:0050", "140AA8C0:C001"),  # port 80
        make_row(f"{own}:1F41", "150AA8C0:C002"),  # port 8001
        make_row(f"{own}:0016", "160AA8C0:C003"),
        make_row("0100007F:0050", "0100007F:C004"),
    ]
    (tmp_path / "net/tcp").write_text(HEAD + "".join(rows))
    tracked = (
        "ipv4     2 tcp      6 431999 ESTABLISHED src=192.168.10.23 dst=192.168.10.11 sport=49162 dport=80 "
        "src=192.168.10.11 dst=192.168.10.23 sport=80 dport=49162 [ASSURED] mark=0 zone=0 use=2\n"
        # The host translates this connection, so the tracked server is the container.
        "ipv4     2 tcp      6 431999 ESTABLISHED src=192.168.10.24 dst=192.168.10.11 sport=49163 dport=80 "
        "src=10.88.0.2 dst=192.168.10.24 sport=80 dport=49163 [ASSURED] mark=0 zone=0 use=2\n"
    )
    (tmp_path / "net/nf_conntrack").write_text(tracked)
    published = [("", 80, 8000), ("192.168.10.12", 8001, 8001)]
    assert list_proxied_clients(published, ["192.168.10.11", "192.168.10.12", "127.0.0.1"], tmp_path) == [
        Client(8000, "192.168.10.20", "connected"),
        Client(8000, "192.168.10.23", "tracked"),
    ]
