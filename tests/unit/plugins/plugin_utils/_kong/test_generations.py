# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.generations import (
    ROLES,
    VersionError,
    find_generation,
    format_versions_with,
    list_generations,
    list_listeners_of,
    parse_version,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.listeners import read_listeners

HTTP_0_13 = "ssl http2 proxy_protocol"
HTTP_0_15 = f"{HTTP_0_13} transparent"
HTTP_1_3 = f"{HTTP_0_15} deferred bind reuseport"
HTTP_2_0 = f"{HTTP_0_13} deferred bind reuseport backlog=N"
SOCKET_3_0 = "ipv6only=on ipv6only=off so_keepalive=on so_keepalive=off so_keepalive=T"
HTTP_3_0 = f"{HTTP_2_0} {SOCKET_3_0}"
STREAM_2_0 = "ssl proxy_protocol bind reuseport backlog=N"


def get_generation(version):
    return find_generation(parse_version(version))


@pytest.mark.parametrize(
    ("text", "line", "patch", "enterprise"),
    [
        ("0.6", (0, 6), None, False),
        ("0.10.4", (0, 10), 4, False),
        (" 2.8 ", (2, 8), None, False),
        ("2.8.99", (2, 8), 99, False),
        (2.8, (2, 8), None, False),
        (0.11, (0, 11), None, False),
        ("3.1", (3, 1), None, False),
        ("3.4.3.5", (3, 4), 3, True),
        ("2.8.4.1-enterprise-edition", (2, 8), 4, True),
        ("3.10", (3, 10), None, True),
        ("3.9.4", (3, 9), 4, False),
        ("3.15.0.1", (3, 15), 0, True),
        ("3.16.0.2", (3, 16), 0, True),
        (3.16, (3, 16), None, True),
        ("3.100", (3, 100), None, True),
    ],
)
def test_known_versions(text, line, patch, enterprise):
    version = parse_version(text)
    assert (version.line, version.patch, version.enterprise) == (line, patch, enterprise)


@pytest.mark.parametrize(
    ("version", "is_newer"),
    [("2.8.99", False), ("3.9.4", False), ("3.15.9.9", False), ("3.16", True), ("3.16.0.2", True)],
)
def test_newer_version_has_the_settings_of_the_newest_known_version(version, is_newer):
    assert parse_version(version).is_newer is is_newer
    assert (get_generation(version) is get_generation("3.15")) is (is_newer or version.startswith("3.15"))


@pytest.mark.parametrize(
    ("value", "code", "says"),
    [
        (0.1, "version-unquoted", "'0.10'"),
        (3.1, "version-unquoted", "'3.10'"),
        (3, "version-unknown", "0.6 to 0.15"),
        (True, "version-unknown", "0.6 to 0.15"),
        (None, "version-unknown", "0.6 to 0.15"),
        (["3.9"], "version-unknown", "0.6 to 0.15"),
        ("", "version-unknown", "0.6 to 0.15"),
        ("latest", "version-unknown", "0.6 to 0.15"),
        ("0.1", "version-unknown", "0.6 to 0.15"),
        ("0.5.4", "version-unknown", "0.6 to 0.15"),
        ("0.16", "version-unknown", "0.6 to 0.15"),
        ("0.33", "version-unknown", "Enterprise"),
        ("1.6.0", "version-unknown", "1.0 to 1.5"),
        ("2.9", "version-unknown", "2.0 to 2.8"),
        ("4.0", "version-unknown", "3.0 to 3.15"),
        ("1.5.0.1", "version-unknown", "before 2.1"),
        ("2.0.0.1", "version-unknown", "before 2.1"),
        ("3.9\n3", "version-unknown", "0.6 to 0.15"),
    ],
)
def test_unknown_versions(value, code, says):
    with pytest.raises(VersionError) as caught:
        parse_version(value)
    assert caught.value.code == code
    assert says in str(caught.value)
    assert repr(value) in str(caught.value)


@pytest.mark.parametrize(
    ("version", "is_old_enterprise"),
    [("0.28", False), ("0.29", True), ("0.36", True), ("0.37", False), ("1.29", False), ("4.36", False)],
)
def test_old_enterprise_numbers_are_named(version, is_old_enterprise):
    with pytest.raises(VersionError) as caught:
        parse_version(version)
    assert ("old Kong Enterprise numbers" in str(caught.value)) is is_old_enterprise


@pytest.mark.parametrize(
    ("lines", "name", "versions", "path"),
    [
        ("0.6 0.7 0.8", "G2", "0.6.0-0.8.3", "/etc/kong/kong.yml"),
        ("0.9", "G3", "0.9.0-0.9.9", "/etc/kong.conf"),
        ("0.10", "G4", "0.10.0-0.10.4", "/etc/kong/kong.conf"),
        ("0.11", "G5", "0.11.0-0.11.2", "/etc/kong/kong.conf"),
        ("0.12", "G6", "0.12.0-0.12.3", "/etc/kong/kong.conf"),
        ("0.13 0.14", "G7", "0.13.0-0.14.1", "/etc/kong/kong.conf"),
        ("0.15 1.0 1.1 1.2", "G8", "0.15.0-1.2.3", "/etc/kong/kong.conf"),
        ("1.3", "G9", "1.3.0-1.3.x", "/etc/kong/kong.conf"),
        ("1.4 1.5", "G10", "1.4.0-1.5.1", "/etc/kong/kong.conf"),
        ("2.0 2.1", "G11", "2.0.0-2.1.4", "/etc/kong/kong.conf"),
        ("2.2 2.3 2.4 2.5 2.6 2.7 2.8", "G12", "2.2.0-2.8.5", "/etc/kong/kong.conf"),
        ("3.0 3.1", "G13", "3.0.0-3.1.1", "/etc/kong/kong.conf"),
        ("3.2 3.3", "G14", "3.2.0-3.3.1", "/etc/kong/kong.conf"),
        ("3.4 3.5", "G15", "3.4.0-3.5.0", "/etc/kong/kong.conf"),
        ("3.6 3.7 3.8 3.9", "G16", "3.6.0-3.9.4", "/etc/kong/kong.conf"),
        ("3.10 3.11 3.12 3.13 3.14 3.15", "G16", "3.10-3.15", "/etc/kong/kong.conf"),
    ],
)
def test_generation_of_every_release_line(lines, name, versions, path):
    for line in lines.split():
        found = get_generation(line)
        assert (found.name, found.versions, found.path) == (name, versions, path)
        assert found.format == path.rpartition(".")[2].replace("yml", "yaml")
        assert found is get_generation(f"{line}.0"), "one object for a release line"


@pytest.mark.parametrize(
    ("version", "advertise", "dnsmasq", "hybrid", "ipv6", "switches"),
    [
        ("0.8", "cluster.advertise", "dns_resolvers_available.dnsmasq.port", False, False, {}),
        ("0.9", "cluster_advertise", "dnsmasq_port", False, True, {"ssl": "on"}),
        ("0.10", "cluster_advertise", None, False, True, {"ssl": "on", "admin_ssl": "on"}),
        ("0.11", None, None, False, True, {"ssl": "on", "admin_ssl": "on", "http2": "off", "admin_http2": "off"}),
        ("0.13", None, None, False, False, {}),
        ("0.14", None, None, False, True, {}),
        ("1.5", None, None, False, True, {}),
        ("2.0", None, None, True, True, {}),
    ],
)
def test_traits(version, advertise, dnsmasq, hybrid, ipv6, switches):
    found = get_generation(version)
    assert (found.advertise, found.dnsmasq_port, found.hybrid, found.ipv6) == (advertise, dnsmasq, hybrid, ipv6)
    assert found.gossip is (advertise is not None)
    assert found.switches == switches


@pytest.mark.parametrize(
    ("version", "setting", "flags"),
    [
        ("0.13", "proxy_listen", HTTP_0_13),
        ("0.15", "proxy_listen", HTTP_0_15),
        ("0.15", "stream_listen", "proxy_protocol transparent"),
        ("1.3", "admin_listen", HTTP_1_3),
        ("1.3", "stream_listen", "proxy_protocol transparent bind reuseport"),
        ("1.4", "status_listen", "ssl"),
        ("2.0", "proxy_listen", HTTP_2_0),
        ("2.0", "cluster_listen", HTTP_2_0),
        ("2.1", "stream_listen", STREAM_2_0),
        ("2.2", "stream_listen", f"udp {STREAM_2_0}"),
        ("2.8", "status_listen", "ssl"),
        ("3.0", "proxy_listen", HTTP_3_0),
        ("3.0", "stream_listen", f"udp {STREAM_2_0} {SOCKET_3_0}"),
        ("3.1", "status_listen", "ssl"),
        ("3.2", "status_listen", HTTP_3_0),
        ("3.9", "admin_gui_listen", HTTP_3_0),
        ("3.4.3.5", "debug_listen", HTTP_3_0),
    ],
)
def test_flags(version, setting, flags):
    assert sorted(get_generation(version).find_setting(setting).flags) == sorted(flags.split())


SERF = "cluster 0.0.0.0:7946, cluster_rpc 127.0.0.1:7373"
OLD_PROXY = "proxy 0.0.0.0:8000, proxy 0.0.0.0:8443"
LOCAL_ADMIN = "admin 127.0.0.1:8001, admin 127.0.0.1:8444"
OPEN_ADMIN = "admin 0.0.0.0:8001, admin 0.0.0.0:8444"
GUI = "admin_gui 0.0.0.0:8002, admin_gui 0.0.0.0:8445"
STATUS = "status 127.0.0.1:8007"
DEFAULT_LISTENERS = {
    **dict.fromkeys(("0.6", "0.7", "0.8", "0.9"), f"{OLD_PROXY}, admin 0.0.0.0:8001, {SERF}"),
    "0.10": f"{OLD_PROXY}, {OPEN_ADMIN}, {SERF}",
    "0.11": f"{OLD_PROXY}, {OPEN_ADMIN}",
    **dict.fromkeys(("0.12", "0.13", "0.14", "0.15"), f"{OLD_PROXY}, {LOCAL_ADMIN}"),
    **dict.fromkeys([f"1.{minor}" for minor in range(6)], f"{OLD_PROXY}, {LOCAL_ADMIN}"),
    **dict.fromkeys([f"2.{minor}" for minor in range(9)], f"{OLD_PROXY}, {LOCAL_ADMIN}"),
    **dict.fromkeys(("3.0", "3.1", "3.2", "3.3"), f"{OLD_PROXY}, {LOCAL_ADMIN}"),
    **dict.fromkeys(("3.4", "3.5"), f"{OLD_PROXY}, {LOCAL_ADMIN}, {GUI}"),
    **dict.fromkeys([f"3.{minor}" for minor in range(6, 16)], f"{OLD_PROXY}, {LOCAL_ADMIN}, {GUI}, {STATUS}"),
}


@pytest.mark.parametrize("version", DEFAULT_LISTENERS)
def test_default_listeners_of_every_release_line(version):
    opened = read_listeners("n1", version, "traditional", {}, {})
    assert not opened.findings
    assert (
        ", ".join(f"{listener.name} {listener.address}:{listener.port}" for listener in opened.listeners)
        == DEFAULT_LISTENERS[version]
    )
    for listener in opened.listeners:
        gossip = listener.name == "cluster" and listener.port == 7946
        assert listener.protocols == (("tcp", "udp") if gossip else ("tcp",))
        assert ("ssl" in listener.flags) is (listener.port in (8443, 8444, 8445))


REUSE = "reuseport backlog=16384"


@pytest.mark.parametrize(
    ("version", "setting", "default"),
    [
        ("0.13", "proxy_listen", "0.0.0.0:8000, 0.0.0.0:8443 ssl"),
        ("1.3", "admin_listen", "127.0.0.1:8001, 127.0.0.1:8444 ssl"),
        ("1.4", "proxy_listen", "0.0.0.0:8000, 0.0.0.0:8443 http2 ssl"),
        ("2.0", "proxy_listen", f"0.0.0.0:8000 {REUSE}, 0.0.0.0:8443 http2 ssl {REUSE}"),
        ("2.0", "admin_listen", f"127.0.0.1:8001 {REUSE}, 127.0.0.1:8444 http2 ssl {REUSE}"),
        ("2.0", "cluster_listen", "0.0.0.0:8005"),
        ("3.3", "status_listen", "off"),
        ("3.4", "admin_gui_listen", "0.0.0.0:8002, 0.0.0.0:8445 ssl"),
        ("3.6", "status_listen", f"127.0.0.1:8007 {REUSE}"),
        ("2.1.4.2", "admin_gui_listen", "0.0.0.0:8002, 0.0.0.0:8445 ssl"),
        ("2.1.4.2", "cluster_telemetry_listen", "0.0.0.0:8006"),
        ("3.4.3.5", "portal_gui_listen", "0.0.0.0:8003, 0.0.0.0:8446 ssl"),
        ("3.4.3.5", "portal_api_listen", "0.0.0.0:8004, 0.0.0.0:8447 ssl"),
        ("3.4.3.5", "debug_listen", "off"),
    ],
)
def test_default_texts(version, setting, default):
    assert get_generation(version).find_setting(setting).default == default


@pytest.mark.parametrize(
    ("name", "versions"),
    [
        ("proxy_listen", "0.6 to 3.15"),
        ("cluster_listen", "0.6 to 0.10, 2.0 to 3.15"),
        ("cluster_advertise", "0.6 to 0.10"),
        ("admin_http2", "0.11 to 0.12"),
        ("admin_gui_listen", "3.4 to 3.15, Kong Enterprise 2.1 to 3.3"),
        ("portal_gui_listen", "Kong Enterprise 2.1 to 3.4"),
        ("debug_listen", "Kong Enterprise 3.4 to 3.15"),
        ("nothing_listen", ""),
    ],
)
def test_versions_with(name, versions):
    assert format_versions_with(name) == versions


def test_roles_are_those_of_kong():
    for generation in list_generations():
        for setting in generation.settings:
            assert set(setting.roles) <= set(ROLES)


@pytest.mark.parametrize(
    ("version", "role", "listeners"),
    [
        ("0.10", "traditional", ("admin", "cluster", "cluster_rpc", "proxy")),
        ("2.8", "data_plane", ("proxy", "status", "stream")),
        ("2.8", "control_plane", ("admin", "cluster", "status", "stream")),
    ],
)
def test_listeners_of_a_version_in_a_role(version, role, listeners):
    assert list_listeners_of(version, role) == set(listeners)
