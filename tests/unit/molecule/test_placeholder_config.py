# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import _config
import _defaults
import pytest

from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.listeners import read_listeners
from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.versions import MINORS


@pytest.fixture(autouse=True)
def ignore_files_of_this_machine(monkeypatch):
    monkeypatch.setattr(_config, "_list_search_paths", lambda _version: [])


def load_listeners(version: str, **settings: str) -> list[str]:
    """Load the settings from an environment and return `setting address flags` of each listener."""
    environment = {"KONG_VERSION": version, **{f"KONG_{key.upper()}": value for key, value in settings.items()}}
    return [" ".join((it.setting, it.address, *it.flags)) for it in _config.load(environment).listeners]


def test_defaults_of_0_9_have_no_admin_ssl():
    assert load_listeners("0.9.9") == [
        "proxy_listen 0.0.0.0:8000",
        "admin_listen 0.0.0.0:8001",
        "proxy_listen_ssl 0.0.0.0:8443 ssl",
    ]


def test_defaults_of_0_10():
    assert load_listeners("0.10.4") == [*load_listeners("0.9.9"), "admin_listen_ssl 0.0.0.0:8444 ssl"]


def test_ssl_off_opens_no_ssl_listener():
    assert load_listeners("0.10.4", ssl="off", admin_ssl="off") == [
        "proxy_listen 0.0.0.0:8000",
        "admin_listen 0.0.0.0:8001",
    ]


def load_ports(version: str, **settings: str) -> list[str]:
    return sorted(text.split()[1].rpartition(":")[2] for text in load_listeners(version, **settings))


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, ["8000", "8001", "8002", "8007", "8443", "8444", "8445"]),
        ({"role": "control_plane"}, ["8001", "8002", "8005", "8007", "8444", "8445"]),
        ({"role": "data_plane"}, ["8000", "8007", "8443"]),
        ({"role": "data_plane", "stream_listen": "0.0.0.0:9100 udp"}, ["8000", "8007", "8443", "9100"]),
        ({"admin_listen": "off"}, ["8000", "8007", "8443"]),
    ],
)
def test_roles_of_3_9(settings, expected):
    assert load_ports("3.9.1", **settings) == expected


def test_the_cluster_listener_of_a_control_plane_always_uses_tls():
    assert "cluster_listen [::]:8005 ssl" in load_listeners("3.9.1", role="control_plane", cluster_listen="[::]:8005")


@pytest.mark.parametrize(
    ("version", "settings", "message"),
    [
        ("0.5.4", {}, "not KONG_VERSION='0.5.4'"),
        ("3.10.0", {}, "not KONG_VERSION='3.10.0'"),
        ("0.10.4", {"cluster_advertise": "192.168.10.5"}, "cluster_advertise must be in the form of IPv4:port"),
        ("0.10.4", {"proxy_listen": "8000"}, "proxy_listen must be of form 'address:port', not '8000'"),
        ("3.9.1", {"proxy_listen": "8000"}, "proxy_listen must be of form"),
        ("3.9.1", {"role": "data_plane", "proxy_listen": "off"}, "proxy_listen must not be off"),
        ("3.9.1", {"role": "hybrid"}, "role must be one of"),
    ],
)
def test_settings_that_kong_rejects_are_rejected(version, settings, message):
    with pytest.raises(_config.ConfigError, match=message):
        load_listeners(version, **settings)


@pytest.mark.parametrize(
    ("version", "line", "value"),
    [
        ("0.9.9", "proxy_listen = a:1 # x", "a:1 # x"),
        ("0.10.4", "proxy_listen = a:1 # x", "a:1"),
        ("3.9.1", r"proxy_listen = a\#b", "a#b"),
        ("3.9.1", "  proxy_listen=a:1=2", "a:1=2"),
    ],
)
def test_values_of_kong_conf(version, line, value):
    assert _config.parse(f"# proxy_listen = no\n\n{line}\n", version) == {"proxy_listen": value}


def test_values_of_kong_yml():
    text = (
        "# proxy_listen: no\nproxy_listen: '0.0.0.0:80'\ncluster:\n  advertise: \"10.0.0.1:7946\" # outside address\n"
    )
    assert _config.parse_yml(text) == {"proxy_listen": "0.0.0.0:80", "cluster.advertise": "10.0.0.1:7946"}


def test_kong_yml_ignores_the_environment():
    assert load_listeners("0.8.3", proxy_listen="0.0.0.0:80") == load_listeners("0.8.3")


def test_kong_yml_is_checked():
    with pytest.raises(_config.ConfigError, match=r"cluster.advertise must be in the form of IPv4:port"):
        _config.make("0.8.3", {"cluster.advertise": "here"}, {})


LINES = [(major, minor) for major, minors in MINORS.items() for minor in minors if (major, minor) <= (3, 9)]
NODES = [(line, role) for line in LINES for role in _defaults.ALL_ROLES if role == "traditional" or line >= (2, 0)]


@pytest.mark.parametrize(("line", "role"), NODES, ids=[f"{line[0]}.{line[1]}-{role}" for line, role in NODES])
def test_the_placeholder_opens_the_listeners_that_the_collection_expects(line, role):
    """Compare two tables of Kong's defaults, each made from Kong's sources."""
    version = f"{line[0]}.{line[1]}"
    opened = {
        (listener.setting, listener.address, *listener.flags)
        for listener in _config.make(version, {"role": role}, {}).listeners
    }
    planned = read_listeners("a1", version, role, {}, {}).listeners
    expected = {
        (listener.setting, f"{listener.address}:{listener.port}", *listener.flags)
        for listener in planned
        if listener.name != "cluster_rpc" and (line >= (0, 11) or listener.setting != "cluster_listen")
    }
    assert without_ssl(opened) == without_ssl(expected)


def without_ssl(listeners: set[tuple[str, ...]]) -> set[tuple[str, ...]]:
    return {tuple(word for word in listener if word != "ssl") for listener in listeners}
