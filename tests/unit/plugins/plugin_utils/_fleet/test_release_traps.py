# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each error of a release is reported for this release only: the last release before, the first, the last, and the fix."""

from __future__ import annotations

from base64 import b64encode

import pytest

from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.config import VAULTED
from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils._fleet.trapped_nodes import (
    TRUST,
    find_traps,
    make_hybrid,
    make_node,
)
from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils.fleets import list_findings, plan_fleet


@pytest.mark.parametrize(
    ("version", "variables", "reported"),
    [
        ("0.9.0", {"listen_file": "/srv/kong.conf"}, 1),
        ("0.9.5", {"listen_file": "/srv/kong.conf"}, 1),
        ("0.9.5", {"listen_file": "/etc/kong/kong.conf"}, 1),
        ("0.9.5", {"listen_file": "/etc/kong.conf"}, 0),
        ("0.9.5", {}, 0),
        ("0.9.5", {"listen_target": "env"}, 0),
        ("0.9.6", {"listen_file": "/srv/kong.conf"}, 0),
        ("0.8.3", {"listen_file": "/srv/kong.yml"}, 0),
    ],
)
def test_settings_file_that_the_release_ignores(version, variables, reported):
    assert find_traps({"a": make_node(version, **variables)}) == [("a", "warning", "settings-file-ignored")] * reported


@pytest.mark.parametrize(
    ("version", "config", "reported"),
    [
        ("2.0.0", {}, 1),
        ("2.0.1", {"nginx_worker_processes": "auto"}, 1),
        ("2.0.1", {"nginx_worker_processes": 1}, 0),
        ("2.0.1", {"nginx_main_worker_processes": "1"}, 0),
        ("2.0.1", {"nginx_worker_processes": VAULTED}, 0),
        ("2.0.2", {}, 0),
        ("2.0", {}, 0),
    ],
)
def test_control_plane_with_several_workers(version, config, reported):
    found = find_traps(make_hybrid(version, "2.0.5", config, TRUST))
    assert found == [("cp", "warning", "control-plane-workers")] * reported


@pytest.mark.parametrize(
    ("version", "listen", "reported"),
    [
        ("2.0.0", "0.0.0.0:9100", 1),
        ("2.0.3", "0.0.0.0:9100", 1),
        ("2.0.4", "0.0.0.0:9100", 0),
        ("2.0.3", "off", 0),
    ],
)
def test_streams_of_a_data_plane_without_routes(version, listen, reported):
    nodes = make_hybrid("2.8.5", version, (), TRUST)
    nodes["dp"]["kong_stream_listen"] = listen
    nodes["cp"]["kong_stream_listen"] = "0.0.0.0:9100"
    assert find_traps(nodes) == [("dp", "warning", "stream-without-routes")] * reported


def test_only_a_control_plane_needs_a_single_worker():
    assert find_traps({"n": make_node("2.0.0")}) == []
    found = find_traps(make_hybrid("2.8.5", "2.0.0", (), TRUST))
    assert [each for each in found if each[2] == "control-plane-workers"] == []


STREAM = {"proxy_listen": "off", "admin_listen": "off", "stream_listen": "0.0.0.0:9000"}


@pytest.mark.parametrize(
    ("version", "variables", "reported"),
    [
        ("0.14.1", {"stream_listen": None}, 0),
        ("0.15.0", {}, 1),
        ("1.0.0", {}, 1),
        ("1.0.1", {}, 0),
        ("1.0", {}, 0),
        ("1.0.0", {"admin_listen": "127.0.0.1:8001"}, 0),
        ("1.0.0", {"proxy_listen": "0.0.0.0:8000"}, 0),
        ("1.0.0", {"stream_listen": "off"}, 0),
        ("1.0.0", {"config": {"ssl_cert": "/c", "ssl_cert_key": "/k"}}, 0),
    ],
)
def test_stream_listener_alone(version, variables, reported):
    given = {name: value for name, value in {**STREAM, **variables}.items() if value}
    assert find_traps({"a": make_node(version, **given)}) == [("a", "warning", "stream-alone")] * reported


INLINE = b64encode(b"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n").decode()


@pytest.mark.parametrize(
    ("version", "config", "reported"),
    [
        ("3.0.1", {"cluster_cert": INLINE}, 0),
        ("3.1.0", {"cluster_cert": INLINE}, 1),
        ("3.3", {"cluster_cert": INLINE, "cluster_mtls": "shared"}, 1),
        ("3.4.2", {"cluster_cert": INLINE}, 1),
        ("3.4", {"cluster_cert": INLINE}, 0),
        ("3.5.0", {"cluster_cert": INLINE}, 0),
        ("3.3.1.1", {"cluster_cert": INLINE}, 0),
        ("3.4.2", {"cluster_cert": "/etc/kong/cluster.crt"}, 0),
        ("3.4.2", {"cluster_cert": "cert"}, 0),
        ("3.4.2", {"cluster_cert": "{vault://env/cert}"}, 0),
        ("3.4.2", {"cluster_cert": VAULTED}, 0),
        ("3.4.2", {"cluster_cert": INLINE, **TRUST}, 0),
        ("3.4.2", {"cluster_cert": INLINE, "lua_ssl_trusted_certificate": "system"}, 1),
        ("3.4.2", {"cluster_cert": INLINE, "lua_ssl_trusted_certificate": "system,/c"}, 0),
        ("3.4.2", {"cluster_cert": "/c", "cluster_mtls": "pki", "cluster_ca_cert": INLINE}, 1),
        ("3.4.2", {"cluster_cert": INLINE, "cluster_mtls": VAULTED}, 0),
        ("3.4.2", {"cluster_cert": INLINE, "cluster_mtls": ["shared"]}, 0),
        ("3.4.2", {"cluster_cert": INLINE, "cluster_mtls": "pki", "cluster_ca_cert": "/ca"}, 0),
    ],
)
def test_data_plane_whose_certificate_is_not_a_file(version, config, reported):
    nodes = make_hybrid("3.4.2", version, {"cluster_cert": INLINE}, config)
    assert find_traps(nodes) == [("dp", "warning", "certificate-inline")] * reported


REAL_IP = {"config": {"real_ip_header": "proxy_protocol"}}


@pytest.mark.parametrize(
    ("version", "variables", "reported"),
    [
        ("0.12.3", {}, 0),
        ("0.13.0", {}, 1),
        ("3.9", {}, 1),
        ("3.16", {}, 1),
        ("3.9", {"proxy_listen": "0.0.0.0:8000, 0.0.0.0:8443 ssl proxy_protocol"}, 0),
        ("3.9", {"proxy_listen": "off", "stream_listen": "0.0.0.0:9000"}, 0),
        ("3.9", {"admin_listen": "127.0.0.1:8001 proxy_protocol"}, 1),
        ("3.9", {"config": {"real_ip_header": "X-Real-IP"}}, 0),
        ("3.9", {"config": {}}, 0),
    ],
)
def test_address_of_the_client_without_the_proxy_protocol(version, variables, reported):
    found = find_traps({"a": make_node(version, **{**REAL_IP, **variables})})
    assert found == [("a", "warning", "real-ip-header")] * reported


def test_control_plane_has_no_clients():
    nodes = make_hybrid("3.9", "3.9", {"real_ip_header": "proxy_protocol"})
    assert find_traps(nodes) == []


@pytest.mark.parametrize(
    ("version", "target", "config", "reported"),
    [
        ("0.8.3", "conf", {"pg_password": "a\\#b"}, 0),
        ("0.9.0", "conf", {"pg_password": "a\\#b"}, 1),
        ("0.10.3", "conf", {"pg_password": "a\\#b"}, 1),
        ("0.10.4", "conf", {"pg_password": "a\\#b"}, 1),
        ("1.1.1", "conf", {"pg_password": "a\\#b"}, 1),
        ("2.0.4", "conf", {"pg_password": "a\\#b"}, 1),
        ("2.0.5", "conf", {"pg_password": "a\\#b"}, 0),
        ("2.0.4", "conf", {"pg_password": "a"}, 0),
        ("2.0.4", "conf", {"pg_password": VAULTED}, 0),
        ("0.9.0", "env", {"pg_password": "a#b"}, 1),
        ("1.3.0", "env", {"pg_password": "a#b"}, 1),
        ("1.4.0", "env", {"pg_password": "a#b"}, 0),
        ("2.0.4", "env", {"pg_password": "a#b"}, 0),
        ("1.3.0", "env", {"pg_password": "ab"}, 0),
    ],
)
def test_value_that_the_release_cuts(version, target, config, reported):
    found = find_traps({"a": make_node(version, listen_target=target, config=config)})
    assert found == [("a", "warning", "value-cut")] * reported


def test_warning_of_a_cut_value_names_the_setting_only():
    plan = plan_fleet({"a": make_node("2.0.4", config={"pg_user": "kong", "pg_password": "a\\#b"})})
    [finding] = list_findings(plan)
    assert finding["value"] == ["pg_password"]
    assert "a\\#b" not in finding["message"]


@pytest.mark.parametrize(
    ("version", "value", "reported"),
    [
        ("3.9", "0123", 1),
        ("0.9.0", "0123", 1),
        ("0.8.3", "0123", 0),
        ("2.8.5", " 0123 ", 1),
        ("3.9", "+5", 1),
        ("3.9", "0x10", 1),
        ("3.9", "0XFF", 1),
        ("3.9", "1e6", 1),
        ("3.9", "1.5E3", 1),
        ("3.9", "123456789012345", 1),
        ("3.9", "12345678901234", 0),
        ("3.9", "9" * 400, 1),
        ("3.9", "0x" + "f" * 400, 1),
        ("3.9", "1e999", 1),
        ("3.9", "-7", 0),
        ("3.9", "0", 0),
        ("3.9", "5.0", 0),
        ("3.9", "0123a", 0),
        ("3.9", "10.0.0.1", 0),
        ("3.9", "", 0),
        ("3.9", 100000000000000000, 0),
        ("3.9", VAULTED, 0),
    ],
)
@pytest.mark.parametrize("target", ["conf", "env"])
def test_text_that_kong_changes_as_a_number(version, value, reported, target):
    if version == "0.8.3":
        target = "conf"
    found = find_traps({"a": make_node(version, listen_target=target, config={"pg_password": value})})
    assert found == [("a", "warning", "value-number")] * reported


def test_warning_of_a_number_names_the_setting_only():
    plan = plan_fleet({"a": make_node("3.9", config={"pg_user": "kong", "pg_password": "00987"})})
    [finding] = list_findings(plan)
    assert finding["value"] == ["pg_password"]
    assert "987" not in finding["message"]
