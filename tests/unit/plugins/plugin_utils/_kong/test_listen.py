# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import re

import pytest

from ansible_collections.gatehouse.kong.plugins.plugin_utils._codes import CODES
from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.generations import find_generation, parse_version
from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.listen import (
    ListenEntry,
    parse_advertise,
    parse_listen,
    render_entries,
    render_entry,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.listen_address import ListenError


def read(version, setting, value):
    generation = find_generation(parse_version(version))
    return parse_listen(value, generation, generation.find_setting(setting))


@pytest.mark.parametrize(
    ("version", "setting", "value", "text"),
    [
        # 0.6 to 0.8: host:port for nginx, IPv4:port for Serf
        ("0.6", "proxy_listen", "0.0.0.0:8000", "0.0.0.0:8000"),
        ("0.6", "proxy_listen", "*:8000", "*:8000"),
        ("0.7", "admin_api_listen", "localhost:8001", "localhost:8001"),
        ("0.8", "cluster_listen", "192.168.023.045:00080", "192.168.23.45:80"),
        ("0.8", "proxy_listen", "0.0.0.0:8000 ", "0.0.0.0:8000"),
        ("0.8", "proxy_listen", 8000, "0.0.0.0:8000"),
        ("0.8", "proxy_listen", "0.0.0.0:80, 0.0.0.0:443 ssl", "0.0.0.0:80, 0.0.0.0:443 ssl"),
        # 0.9 to 0.12
        ("0.9", "proxy_listen", "[::]:8000", "[::]:8000"),
        ("0.10", "cluster_listen", "192.168.23.45:80", "192.168.23.45:80"),
        ("0.10", "admin_listen_ssl", "[::1]:8444", "[::1]:8444"),
        ("0.10", "proxy_listen", "[::ffff:192.0.2.1]:80", "[::ffff:c000:201]:80"),
        ("0.11", "proxy_listen", ["0.0.0.0:443 http2 ssl", "8000"], "0.0.0.0:443 http2 ssl, 0.0.0.0:8000"),
        # the list grammar
        ("0.13", "proxy_listen", "010.001.0.1:080", "10.1.0.1:80"),
        ("0.14", "proxy_listen", "[::1]:80", "[::1]:80"),
        ("0.15", "proxy_listen", "8000 transparent", "0.0.0.0:8000 transparent"),
        ("1.5", "proxy_listen", "transparent ssl *:80 http2", "*:80 transparent ssl http2"),
        ("1.5", "status_listen", "0.0.0.0:8100 ssl", "0.0.0.0:8100 ssl"),
        ("2.0", "proxy_listen", "off", "off"),
        ("2.0", "proxy_listen", "off, 0.0.0.0:9000", "off"),
        ("2.0", "proxy_listen", False, "off"),
        ("2.0", "proxy_listen", ["off"], "off"),
        ("2.0", "proxy_listen", "0.0.0.0:8000 http2", "0.0.0.0:8000 http2"),
        ("2.2", "stream_listen", "0.0.0.0:53 udp reuseport, 53", "0.0.0.0:53 udp reuseport, 0.0.0.0:53"),
        ("2.8", "proxy_listen", "[2001:DB8:0:0:0:0:0:1]:443 ssl", "[2001:db8::1]:443 ssl"),
        ("3.0", "proxy_listen", "[::]:80 ipv6only=off backlog=1", "[::]:80 ipv6only=off backlog=1"),
        ("3.9", "proxy_listen", "8000 so_keepalive=30m::10", "0.0.0.0:8000 so_keepalive=30m::10"),
        ("3.9", "proxy_listen", " 0.0.0.0:8000\tssl ,127.0.0.1:1", "0.0.0.0:8000 ssl, 127.0.0.1:1"),
        ("3.9", "proxy_listen", ["0.0.0.0:8000, 8001", 8002], "0.0.0.0:8000, 0.0.0.0:8001, 0.0.0.0:8002"),
        ("3.9", "proxy_listen", "kong-1.example.org:8000", "kong-1.example.org:8000"),
        ("3.9", "proxy_listen", "_:80", "_:80"),
        ("3.9", "proxy_listen", "[::ffff:c000:201]:80", "[::ffff:c000:201]:80"),
    ],
)
def test_accepted(version, setting, value, text):
    assert render_entries(read(version, setting, value)) == text


@pytest.mark.parametrize(
    ("name", "is_valid"),
    [("a" * 63, True), ("a" * 64, False), (".".join(["a" * 49] * 5), True), (".".join(["a" * 50] * 5), False)],
)
def test_the_length_of_a_host_name(name, is_valid):
    """RFC 1035: 63 characters in a label, 253 in a name."""
    if is_valid:
        assert render_entries(read("3.9", "proxy_listen", f"{name}:80")) == f"{name}:80"
        return
    with pytest.raises(ListenError, match="neither an address nor a host name"):
        read("3.9", "proxy_listen", f"{name}:80")


@pytest.mark.parametrize(
    ("version", "setting", "value", "code"),
    [
        # Kong rejects it as well
        ("3.9", "proxy_listen", "127.0.0.1", "port-missing"),
        ("3.9", "proxy_listen", "[::1]", "port-missing"),
        ("3.9", "proxy_listen", "localhost", "port-missing"),
        ("3.9", "proxy_listen", ":8000", "address-missing"),
        ("3.9", "proxy_listen", "ssl", "address-missing"),
        ("3.9", "proxy_listen", "0.0.0.0:http", "port-invalid"),
        ("3.9", "proxy_listen", "0.0.0.0:-1", "port-invalid"),
        ("3.9", "proxy_listen", "0.0.0.0:", "port-invalid"),
        ("3.9", "proxy_listen", "", "listen-empty"),
        ("3.9", "proxy_listen", [], "listen-empty"),
        ("3.9", "proxy_listen", "0.0.0.0:80,", "listen-empty"),
        ("3.9", "proxy_listen", "0.0.0.0:80, off", "off-not-first"),
        ("3.9", "proxy_listen", "OFF", "port-missing"),
        ("3.9", "proxy_listen", "off ssl", "port-missing"),
        ("3.9", "proxy_listen", "0.0.0.0:80 SSL", "flag-unknown"),
        ("3.9", "proxy_listen", "0.0.0.0:80 fastopen=3", "flag-unknown"),
        ("3.9", "proxy_listen", "0.0.0.0:80 ssl ssl", "flag-repeated"),
        ("3.9", "proxy_listen", "0.0.0.0:80 udp", "flag-unsupported"),
        ("3.9", "proxy_listen", "::1:80", "ipv6-brackets"),
        ("3.9", "proxy_listen", "::", "ipv6-brackets"),
        ("3.9", "proxy_listen", "[::1:80", "ipv6-brackets"),
        ("3.9", "proxy_listen", "[:::1]:80", "address-invalid"),
        ("3.9", "proxy_listen", "[]:80", "address-invalid"),
        ("3.9", "proxy_listen", "1.2.3:80", "address-invalid"),
        ("3.9", "proxy_listen", "1.2.3.0004:80", "address-invalid"),
        ("3.9", "proxy_listen", "256.0.0.1:80", "address-octet"),
        ("3.9", "proxy_listen", "0.0.0.0:65536", "port-range"),
        ("3.9", "proxy_listen", "http://0.0.0.0:8001", "listen-url"),
        ("0.8", "proxy_listen", "http://0.0.0.0:8001", "listen-url"),
        ("3.9", "proxy_listen", "unix:/run/kong.sock", "unix-socket"),
        ("3.9", "proxy_listen", True, "listen-type"),
        ("3.9", "proxy_listen", None, "listen-type"),
        ("3.9", "proxy_listen", {"port": 1}, "listen-type"),
        ("3.9", "proxy_listen", [["0.0.0.0:80"]], "listen-type"),
        ("3.9", "proxy_listen", 80.5, "listen-type"),
        ("3.9", "proxy_listen", "[::ffff:192.0.2.1]:80", "ipv6-mapped"),
        ("3.9", "proxy_listen", "[fe80::1%eth0]:80", "ipv6-mapped"),
        ("0.12", "proxy_listen", "[fe80::1%eth0]:80", "ipv6-mapped"),
        ("0.8", "proxy_listen", "[fe80::1%eth0]:80", "ipv6-unsupported"),
        ("2.0", "proxy_listen", "0.0.0.0:80 transparent", "flag-unsupported"),
        ("0.14", "proxy_listen", "0.0.0.0:80 transparent", "flag-unsupported"),
        ("1.2", "proxy_listen", "0.0.0.0:80 reuseport", "flag-unsupported"),
        ("1.5", "proxy_listen", "0.0.0.0:80 backlog=1", "flag-unsupported"),
        ("1.5", "stream_listen", "0.0.0.0:80 ssl", "flag-unsupported"),
        ("2.1", "stream_listen", "0.0.0.0:80 udp", "flag-unsupported"),
        ("3.1", "status_listen", "0.0.0.0:80 http2", "flag-unsupported"),
        ("3.9", "stream_listen", "0.0.0.0:80 http2", "flag-unsupported"),
        # Kong accepts it, and nginx or Serf rejects it
        ("3.9", "proxy_listen", "0.0.0.0:0", "port-zero"),
        ("3.9", "proxy_listen", 0, "port-zero"),
        ("0.9", "proxy_listen", "0.0.0.0:70000", "port-range"),
        ("3.9", "proxy_listen", "localhost:70000", "port-range"),
        ("0.9", "cluster_listen", "777.1.1.1:1231", "address-octet"),
        ("0.12", "proxy_listen", "777.1.1.1:80", "address-octet"),
        ("0.9", "cluster_listen", "1.1.1.1:99999", "port-range"),
        ("0.10", "cluster_listen", "1.1.1.1:0", "port-zero"),
        ("0.13", "proxy_listen", "[::]:80", "ipv6-brackets-lost"),
        ("2.2", "stream_listen", "0.0.0.0:53 udp ssl", "udp-incompatible-flag"),
        ("3.9", "stream_listen", "0.0.0.0:53 udp proxy_protocol", "udp-incompatible-flag"),
        ("3.9", "stream_listen", "0.0.0.0:53 udp backlog=5", "udp-incompatible-flag"),
        ("3.9", "stream_listen", "0.0.0.0:53 so_keepalive=on udp", "udp-incompatible-flag"),
        ("3.9", "proxy_listen", "foo 0.0.0.0:8000", "junk-before-address"),
        ("3.9", "proxy_listen", "fastopen=3 0.0.0.0:8000 ssl", "junk-before-address"),
        ("3.9", "proxy_listen", "a;b:8000", "name-invalid"),
        ("3.9", "proxy_listen", "cp..x:80", "name-invalid"),
        ("3.9", "proxy_listen", ".cp:80", "name-invalid"),
        ("3.9", "proxy_listen", "cp.:80", "name-invalid"),
        ("3.9", "proxy_listen", "cp-.x:80", "name-invalid"),
        ("3.9", "proxy_listen", "-cp:80", "name-invalid"),
        ("0.9", "proxy_listen", "unix:/run/kong.sock:80", "unix-socket"),
        ("0.9", "proxy_listen", "$host:80", "name-invalid"),
        ("0.9", "proxy_listen", "::1:80", "ipv6-brackets"),
        ("3.9", "proxy_listen", "0.0.0.0:80 backlog=0", "flag-value"),
        ("3.9", "proxy_listen", "0.0.0.0:80 so_keepalive=::", "flag-value"),
        ("3.9", "proxy_listen", "0.0.0.0:80 so_keepalive=x:y:1", "flag-value"),
        ("3.9", "proxy_listen", "[::]:80 ipv6only=on ipv6only=off", "flag-repeated"),
        ("0.6", "proxy_listen", "0.0.0.0:1e3", "port-not-decimal"),
        ("0.8", "cluster_listen", "1.1.1.1:0x50", "port-not-decimal"),
        ("0.8", "proxy_listen", "0.0.0.0:80.5", "port-not-decimal"),
        # old versions cannot express it
        ("0.8", "proxy_listen", "[::]:8000", "ipv6-unsupported"),
        ("0.8", "admin_api_listen", "0.0.0.0:8001 ssl", "flag-unsupported"),
        ("0.9", "admin_listen", "0.0.0.0:8001, 0.0.0.0:8444 ssl", "flag-unsupported"),
        ("0.10", "proxy_listen", "0.0.0.0:80 ssl http2", "flag-unsupported"),
        ("0.10", "proxy_listen", "off", "off-unsupported"),
        ("0.10", "cluster_listen", False, "off-unsupported"),
        ("0.10", "cluster_listen", "[::1]:7946", "ipv6-unsupported"),
        ("0.10", "cluster_listen", "localhost:7946", "address-not-ipv4"),
        ("0.10", "cluster_listen", "*:7946", "address-not-ipv4"),
        ("0.10", "cluster_listen", "1.1.1.1:1, 2.2.2.2:2", "too-many-entries"),
        ("0.12", "proxy_listen", "0.0.0.0:80, 0.0.0.0:81", "too-many-entries"),
        ("0.12", "proxy_listen", "0.0.0.0:80, 0.0.0.0:81 ssl, 82 ssl", "too-many-entries"),
        ("0.12", "proxy_listen", "0.0.0.0:443 ssl", "plain-entry-missing"),
        ("0.12", "proxy_listen", "0.0.0.0:80 http2", "flag-needs-ssl"),
        ("0.12", "proxy_listen", "0.0.0.0:80 proxy_protocol", "flag-unsupported"),
        ("0.12", "proxy_listen_ssl", "0.0.0.0:80 ssl", "flag-unsupported"),
    ],
)
def test_refused(version, setting, value, code):
    with pytest.raises(ListenError) as caught:
        read(version, setting, value)
    assert caught.value.code == code
    assert code in CODES
    message = str(caught.value)
    assert value is None or message.startswith(repr(value))
    assert setting in message
    assert "ADDRESS:PORT" in message or "IPV4:PORT" in message


def test_messages_name_the_versions_that_know_a_flag():
    with pytest.raises(ListenError, match=r"known to Kong 0\.15 to 1\.5"):
        read("3.9", "proxy_listen", "8000 transparent")
    with pytest.raises(ListenError, match="no version has it for this setting"):
        read("3.9", "stream_listen", "8000 http2")


@pytest.mark.parametrize(
    ("address", "family", "text"),
    [
        ("0.0.0.0", "ipv4", "0.0.0.0:80"),
        ("*", "ipv4", "*:80"),
        ("::", "ipv6", "[::]:80"),
        ("localhost", "name", "localhost:80"),
    ],
)
def test_entries(address, family, text):
    entry = ListenEntry(address, 80)
    assert entry.family == family
    assert render_entry(entry) == text


@pytest.mark.parametrize("version", ["0.6", "0.8", "0.9", "0.10"])
def test_advertise(version):
    generation = find_generation(parse_version(version))
    assert parse_advertise("192.168.10.5:9000", generation) == ListenEntry("192.168.10.5", 9000)
    for value in ("192.168.10.5", "kong:9000", "[::1]:9000", "192.168.10.5:0", "off"):
        with pytest.raises(ListenError):
            parse_advertise(value, generation)


def keep_text(text):
    return text


class TaggedStr(str):
    """A subclass that str() does not convert, like Ansible's tagged text."""

    __slots__ = ()
    __str__ = keep_text


def test_tagged_text_becomes_plain():
    (entry,) = read("3.9", "proxy_listen", TaggedStr("localhost:8000"))
    assert not isinstance(entry.address, TaggedStr)
    assert not isinstance(render_entry(entry), TaggedStr)


@pytest.mark.parametrize(
    ("backlog", "is_accepted"),
    [
        ("0", False),
        ("1", True),
        ("000000000001", True),
        ("2147483647", True),
        ("2147483648", False),
        ("9" * 5000, False),
    ],
)
def test_the_backlog_is_a_number_of_31_bits(backlog, is_accepted):
    generation = find_generation(parse_version("3.9"))
    arguments = (f"0.0.0.0:80 backlog={backlog}", generation, generation.find_setting("proxy_listen"))
    if is_accepted:
        assert parse_listen(*arguments)[0].flags == (f"backlog={backlog}",)
    else:
        with pytest.raises(ListenError, match="the backlog is 1 to 2147483647"):
            parse_listen(*arguments)


@pytest.mark.parametrize(
    ("version", "name", "value", "advice"),
    [
        ("3.9", "proxy_listen", ":8000", "write 0.0.0.0 or * for all"),
        ("0.10", "cluster_listen", ":7946", "write 0.0.0.0 for all"),
    ],
)
def test_advice_for_a_port_alone_is_accepted(version, name, value, advice):
    with pytest.raises(ListenError, match=re.escape(advice)):
        read(version, name, value)
    for wildcard in advice.removeprefix("write ").removesuffix(" for all").split(" or "):
        assert read(version, name, f"{wildcard}{value}")


def test_an_advertised_port_alone_has_no_host():
    with pytest.raises(ListenError, match="it has no host to connect to"):
        parse_advertise(":7946", find_generation(parse_version("0.10")))
