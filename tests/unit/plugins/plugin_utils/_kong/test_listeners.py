# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.config import VAULTED
from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.listeners import Listener, read_listeners

REUSE = "reuseport backlog=16384"


CERTIFICATE = {"cluster_cert": "/etc/kong/c.crt", "cluster_cert_key": "/etc/kong/c.key"}


def read_opened(version, variables=None, role="traditional", defaults=None):
    """Return the listeners of a node. In a hybrid role it has its certificate, and a data plane has no database."""
    needed = {"traditional": {}, "data_plane": {**CERTIFICATE, "database": "off"}}.get(role, CERTIFICATE)
    config = {"kong_config": {**needed, **(variables or {}).get("kong_config", {})}} if needed else {}
    return read_listeners("n1", version, role, {**(variables or {}), **config}, defaults or {})


def list_sockets(found):
    return [f"{listener.name} {listener.address}:{listener.port}" for listener in found.listeners]


def list_codes(found, severity="error"):
    return [finding.code for finding in found.findings if finding.severity == severity]


def name_variables(**variables):
    return {f"kong_{name}": value for name, value in variables.items()}


@pytest.mark.parametrize(
    ("version", "role", "needed"),
    [
        ("0.8", "traditional", {"dnsmasq", "dns_resolver"}),
        ("2.8", "traditional", set()),
        ("2.8.1.0", "traditional", {"portal"}),
        ("3.9", "traditional", set()),
        ("3.9", "control_plane", {"database"}),
        ("3.9", "data_plane", {"database"}),
    ],
)
def test_encrypted_settings_that_the_plan_needs(version, role, needed):
    config = dict.fromkeys(("portal", "dnsmasq", "dns_resolver", "database", "pg_host"), VAULTED)
    found = read_opened(version, {"kong_config": config}, role)
    assert {finding.value for finding in found.findings if finding.code == "variable-vaulted"} == needed


# Old generations: the old form and the new form


@pytest.mark.parametrize(
    ("version", "old", "new"),
    [
        ("0.10", {}, {"proxy_listen": "0.0.0.0:8000, 0.0.0.0:8443 ssl"}),
        ("0.9", {"ssl": False}, {"proxy_listen": ["0.0.0.0:8000"]}),
        ("0.9", {"ssl": "off"}, {"proxy_listen": [8000]}),
        ("0.8", {"proxy_listen_ssl": "1.2.3.4:443"}, {"proxy_listen": "0.0.0.0:8000, 1.2.3.4:443 ssl"}),
        ("0.8", {"admin_api_listen": "127.0.0.1:8001"}, {"admin_listen": "127.0.0.1:8001"}),
        ("0.12", {"http2": True}, {"proxy_listen": ["0.0.0.0:8000", "0.0.0.0:8443 ssl http2"]}),
        (
            "0.11",
            {"admin_listen": "127.0.0.1:8001", "admin_listen_ssl": "127.0.0.1:8444", "admin_http2": "on"},
            {"admin_listen": "127.0.0.1:8444 http2 ssl, 127.0.0.1:8001"},
        ),
        ("0.12", {"admin_ssl": "off", "proxy_listen": "[::]:80"}, {"admin_listen": [8001], "proxy_listen": "[::]:80"}),
    ],
)
def test_old_form_and_new_form_give_the_same(version, old, new):
    if "admin_ssl" in old:
        new = {**new, "admin_listen": ["127.0.0.1:8001"]}
    before, after = read_opened(version, name_variables(**old)), read_opened(version, name_variables(**new))
    assert not list_codes(before)
    assert not list_codes(after)
    assert {(listener.address, listener.port, frozenset(listener.flags)) for listener in before.listeners} == {
        (listener.address, listener.port, frozenset(listener.flags)) for listener in after.listeners
    }
    lines = ("proxy_listen", "admin_listen", "admin_api_listen", "ssl", "admin_ssl", "http2", "admin_http2")
    assert {name: before.settings.get(name) for name in lines} == {name: after.settings.get(name) for name in lines}


def test_modern_list_is_split_into_the_old_settings():
    found = read_opened(
        "0.12", name_variables(proxy_listen="0.0.0.0:80, 0.0.0.0:443 ssl http2", admin_listen=["127.0.0.1:8001"])
    )
    assert found.settings == {
        "proxy_listen": "0.0.0.0:80",
        "proxy_listen_ssl": "0.0.0.0:443",
        "ssl": "on",
        "http2": "on",
        "admin_listen": "127.0.0.1:8001",
        "admin_ssl": "off",
        "admin_http2": "off",
    }
    assert [listener.flags for listener in found.listeners] == [(), ("ssl", "http2"), ()]


def test_note_on_the_tls_port_that_a_plain_entry_leaves_open():
    found = read_opened("0.10", name_variables(proxy_listen="0.0.0.0:80"))
    assert list_sockets(found)[:2] == ["proxy 0.0.0.0:80", "proxy 0.0.0.0:8443"]
    (info,) = found.findings
    assert (info.severity, info.code) == ("info", "ssl-port-by-default")
    assert "kong_ssl: off" in info.message


@pytest.mark.parametrize("extra", [{"ssl": "off"}, {"ssl": "on"}, {"proxy_listen_ssl": "0.0.0.0:8443"}])
def test_no_note_on_the_tls_port_if_the_inventory_sets_it(extra):
    assert not read_opened("0.10", name_variables(proxy_listen="0.0.0.0:80", **extra)).findings


def test_tls_port_off_keeps_a_given_address_in_the_file():
    found = read_opened("0.10", name_variables(proxy_listen_ssl="0.0.0.0:444", ssl=False))
    assert found.settings["proxy_listen_ssl"] == "0.0.0.0:444"
    assert found.settings["ssl"] == "off"
    assert "proxy 0.0.0.0:444" not in list_sockets(found)


def test_plain_and_tls_setting_collide_like_entries_of_one_listener():
    assert not list_codes(
        read_opened("0.10", name_variables(proxy_listen="0.0.0.0:80", proxy_listen_ssl="10.0.0.1:80"))
    )
    assert list_codes(read_opened("0.10", name_variables(proxy_listen="0.0.0.0:80", proxy_listen_ssl="*:80"))) == [
        "listen-duplicate"
    ]


@pytest.mark.parametrize(
    ("version", "variables"),
    [
        ("0.10", {"proxy_listen": "0.0.0.0:80, 0.0.0.0:443 ssl", "proxy_listen_ssl": "0.0.0.0:443"}),
        ("0.10", {"proxy_listen": "0.0.0.0:80, 0.0.0.0:443 ssl", "ssl": "on"}),
        ("0.10", {"proxy_listen": ["0.0.0.0:80"], "ssl": "off"}),
        ("0.11", {"proxy_listen": "0.0.0.0:80, 0.0.0.0:443 ssl http2", "http2": "on"}),
        ("0.11", {"proxy_listen": "0.0.0.0:80, 0.0.0.0:443 ssl", "http2": "off"}),
    ],
)
def test_a_complete_list_may_repeat_the_values_of_other_settings(version, variables):
    assert read_opened(version, name_variables(**variables)).findings == ()


@pytest.mark.parametrize(
    ("version", "variables", "code", "variable"),
    [
        ("0.8", {"proxy_listen": ["0.0.0.0:80"]}, "ssl-always-on", "kong_proxy_listen"),
        (
            "0.8",
            {"admin_listen": "1.1.1.1:1", "admin_api_listen": "1.1.1.1:1"},
            "setting-conflict",
            "kong_admin_listen",
        ),
        ("0.10", {"proxy_listen": "80, 443 ssl", "ssl": "off"}, "setting-conflict", "kong_proxy_listen"),
        ("0.10", {"proxy_listen": ["80"], "proxy_listen_ssl": "443"}, "setting-conflict", "kong_proxy_listen"),
        ("0.10", {"proxy_listen": "80, 443 ssl", "proxy_listen_ssl": "444"}, "setting-conflict", "kong_proxy_listen"),
        ("0.10", {"proxy_listen": ["80"], "proxy_listen_ssl": "x:y"}, "port-invalid", "kong_proxy_listen_ssl"),
        ("0.11", {"proxy_listen": "80, 443 ssl", "http2": "on"}, "setting-conflict", "kong_proxy_listen"),
        ("0.10", {"ssl": "maybe"}, "switch-invalid", "kong_ssl"),
        ("0.10", {"admin_listen": "off"}, "off-unsupported", "kong_admin_listen"),
        ("0.9", {"admin_listen": "8001, 8444 ssl"}, "flag-unsupported", "kong_admin_listen"),
        ("0.9", {"dnsmasq_port": "x"}, "dnsmasq-port", "kong_dnsmasq_port"),
        ("0.9", {"dnsmasq_port": 0}, "dnsmasq-port", "kong_dnsmasq_port"),
        ("0.10", {"dnsmasq_port": 53}, "setting-unknown", "kong_dnsmasq_port"),
        ("0.8", {"ssl": "off"}, "setting-unknown", "kong_ssl"),
        ("0.9", {"admin_listen_ssl": "0.0.0.0:8444"}, "setting-unknown", "kong_admin_listen_ssl"),
        ("0.10", {"http2": "on"}, "setting-unknown", "kong_http2"),
        ("0.10", {"stream_listen": "off"}, "setting-unknown", "kong_stream_listen"),
        ("0.11", {"cluster_listen": "0.0.0.0:7946"}, "setting-unknown", "kong_cluster_listen"),
        ("1.5", {"cluster_listen": "0.0.0.0:8005"}, "setting-unknown", "kong_cluster_listen"),
        ("0.11", {"cluster_advertise": "1.2.3.4:5"}, "setting-unknown", "kong_cluster_advertise"),
        ("3.9", {"cluster_advertise": "1.2.3.4:5"}, "setting-unknown", "kong_cluster_advertise"),
        ("3.9", {"proxy_listen_ssl": "0.0.0.0:8443"}, "setting-unknown", "kong_proxy_listen_ssl"),
        ("3.9", {"admin_api_listen": "0.0.0.0:8001"}, "setting-unknown", "kong_admin_api_listen"),
        ("3.3", {"admin_gui_listen": "0.0.0.0:8002"}, "setting-unknown", "kong_admin_gui_listen"),
        ("3.9", {"cluster_telemetry_listen": "off"}, "setting-unknown", "kong_cluster_telemetry_listen"),
        ("3.5.0.1", {"portal_gui_listen": "off"}, "setting-unknown", "kong_portal_gui_listen"),
        ("3.9", {"config": "x"}, "config-invalid", "kong_config"),
        ("0.8", {"config": {"a": {"b": object()}}}, "config-invalid", "kong_config"),
        ("0.9", {"config": {"a": {"b": "c"}}}, "config-invalid", "kong_config"),
        ("3.9", {"config": {"a": {"b": "c"}}}, "config-invalid", "kong_config"),
        ("3.9", {"config": {"a": "b\nc"}}, "config-invalid", "kong_config"),
        ("3.9", {"config": {"log level": "info"}}, "config-invalid", "kong_config"),
        ("3.9", {"config": {"": "info"}}, "config-invalid", "kong_config"),
        ("3.9", {"config": {"KONG_LOG_LEVEL": "info"}}, "config-invalid", "kong_config"),
        ("3.9", {"config": {"kong_log_level": "info"}}, "config-invalid", "kong_config"),
        ("3.9", {"config": {"plugins": ["a", ["b"]]}}, "config-invalid", "kong_config"),
        ("0.8", {"config": {"custom_plugins": ["a"]}}, "config-invalid", "kong_config"),
        ("3.9", {"config": {"proxy_listen": "0.0.0.0:1"}}, "config-listen-setting", "kong_config"),
        ("3.9", {"config": {"role": "data_plane"}}, "config-listen-setting", "kong_config"),
        ("3.9", {"config": {"cluster_control_plane": "9.9.9.9:1"}}, "config-listen-setting", "kong_config"),
        ("3.9.0.0", {"config": {"cluster_telemetry_endpoint": "9.9.9.9:1"}}, "config-listen-setting", "kong_config"),
        ("0.8", {"config": {"cluster": {"advertise": "1.1.1.1:1"}}}, "config-listen-setting", "kong_config"),
        ("3.9", {"proxy_listen": "0.0.0.0:8000, 0.0.0.0:8000 ssl"}, "listen-duplicate", "kong_proxy_listen"),
        ("3.9", {"admin_listen": "127.0.0.1:8000"}, "listen-collision", "kong_admin_listen"),
        ("0.9", {"proxy_listen": "0.0.0.0:8053", "ssl": "off"}, "listen-collision", "kong_proxy_listen"),
        ("0.10", {"proxy_listen": "0.0.0.0:7946", "ssl": "off"}, "listen-collision", "kong_proxy_listen"),
        ("9.9", {}, "version-unknown", "kong_version"),
        (3.1, {}, "version-unquoted", "kong_version"),
    ],
)
def test_errors_name_host_variable_value_and_code(version, variables, code, variable):
    found = read_opened(version, name_variables(**variables))
    assert list_codes(found) == [code]
    (finding,) = [error for error in found.findings if error.severity == "error"]
    assert (finding.host, finding.variable) == ("n1", variable)
    assert finding.message.startswith(f"n1: {variable}: {finding.value!r}: ")


@pytest.mark.parametrize("version", ["0.8", "3.9"])
@pytest.mark.parametrize("name", ["KONG_LOG_LEVEL", "kong_log_level", "LOG_LEVEL", "Log_Level"])
def test_name_of_an_environment_variable_or_in_upper_case(version, name):
    (finding,) = read_opened(version, name_variables(config={name: "info"})).findings
    assert finding.message.endswith("Kong has no setting of this name; write log_level")


@pytest.mark.parametrize("name", ["log-level", "log level", "KONG_LOG.LEVEL"])
def test_name_with_a_character_that_kong_conf_reads_as_an_underscore(name):
    (finding,) = read_opened("3.9", name_variables(config={name: "info"})).findings
    assert finding.message.endswith("Kong has no setting of this name; write log_level")


@pytest.mark.parametrize("name", ["KONG_PROXY_LISTEN", "PROXY_LISTEN"])
def test_a_listen_setting_with_another_spelling(name):
    """The advice does not lead to the next error."""
    (finding,) = read_opened("3.9", name_variables(config={name: "0.0.0.0:80"})).findings
    assert finding.message.endswith(f"{name} is a listen setting; set kong_proxy_listen instead of kong_config")


@pytest.mark.parametrize("config", ["pg_password=hunter2", ["hunter2"], {"pg_password": [{"x": "hunter2"}]}])
def test_secrets_stay_out_of_messages(config):
    (finding,) = [
        error for error in read_opened("3.9", name_variables(config=config)).findings if error.severity == "error"
    ]
    assert finding.code == "config-invalid"
    assert "hunter2" not in str(finding)


@pytest.mark.parametrize(
    ("version", "variables", "says"),
    [
        ("3.9", {"proxy_listen_ssl": "0.0.0.0:8443"}, "add an entry with ssl to kong_proxy_listen"),
        ("3.9", {"admin_ssl": "off"}, "leave it out"),
        ("3.9", {"admin_api_listen": "0.0.0.0:8001"}, "use kong_admin_listen"),
        ("0.9", {"admin_listen_ssl": "0.0.0.0:8444"}, "known to Kong 0.10 to 0.12"),
        ("3.9", {"debug_listen": "off"}, "Kong Enterprise's version"),
        ("3.9", {"config": {"admin_listen_ssl": "x"}}, "an entry of kong_admin_listen"),
        ("0.8", {"config": {"cluster": {"advertise": "x"}}}, "kong_cluster_advertise"),
        ("3.9", {"config": {"ssl": "off"}}, "an entry of kong_proxy_listen"),
        ("0.10", {"config": {"ssl": "off"}}, "set kong_ssl instead of"),
    ],
)
def test_errors_name_the_fix(version, variables, says):
    (finding,) = read_opened(version, name_variables(**variables)).findings
    assert says in finding.message


def test_all_findings_are_reported_together():
    variables = name_variables(proxy_listen="x", admin_listen="127.0.0.1:0", ssl="off", config={"status_listen": "off"})
    found = read_opened("3.9", variables)
    assert sorted(list_codes(found)) == [
        "config-listen-setting",
        "port-missing",
        "port-zero",
        "setting-unknown",
    ]


# Roles


@pytest.mark.parametrize(
    ("version", "role", "names"),
    [
        ("2.0", "traditional", {"proxy", "admin"}),
        ("2.0", "control_plane", {"admin", "cluster"}),
        ("2.0", "data_plane", {"proxy"}),
        ("3.9", "traditional", {"proxy", "admin", "admin_gui", "status"}),
        ("3.9", "control_plane", {"admin", "admin_gui", "status", "cluster"}),
        ("3.9", "data_plane", {"proxy", "status"}),
        ("2.8.4.1", "traditional", {"proxy", "admin", "admin_gui"}),
        ("2.8.4.1", "control_plane", {"admin", "admin_gui", "cluster", "cluster_telemetry"}),
        ("2.8.4.1", "data_plane", {"proxy"}),
        ("3.10", "control_plane", {"admin", "admin_gui", "status", "cluster", "cluster_telemetry"}),
    ],
)
def test_listeners_by_role(version, role, names):
    found = read_opened(version, role=role)
    assert {listener.name for listener in found.listeners} == names
    assert found.settings["role"] == role
    assert not found.findings


@pytest.mark.parametrize("role", ["traditional", "control_plane", "data_plane"])
def test_stream_and_status_open_in_every_role(role):
    found = read_opened("2.8", name_variables(stream_listen="9000, 9000 udp", status_listen="0.0.0.0:8100"), role=role)
    assert [listener.protocols for listener in found.listeners if listener.name == "stream"] == [("tcp",), ("udp",)]
    assert [listener.port for listener in found.listeners if listener.name == "status"] == [8100]


@pytest.mark.parametrize(
    ("version", "role", "variables"),
    [
        ("3.9", "data_plane", {"admin_listen": "0.0.0.0:8001"}),
        ("3.9", "data_plane", {"admin_gui_listen": "0.0.0.0:8002"}),
        ("3.9", "control_plane", {"proxy_listen": "0.0.0.0:8000"}),
        ("3.9", "traditional", {"cluster_listen": "0.0.0.0:8005"}),
        ("3.9", "traditional", {"admin_listen": "off", "admin_gui_listen": "0.0.0.0:8002"}),
        ("2.8.4.1", "traditional", {"portal_gui_listen": "0.0.0.0:8003"}),
    ],
)
def test_note_on_a_given_setting_that_the_role_does_not_open(version, role, variables):
    found = read_opened(version, name_variables(**variables), role=role)
    assert list_codes(found) == []
    assert list_codes(found, "info") == ["listen-not-opened"]
    (setting, text) = list(variables.items())[-1]
    assert found.settings[setting] == text
    assert setting not in {listener.setting for listener in found.listeners}


def test_off_is_never_a_warning():
    assert not read_opened("3.9", name_variables(admin_listen="off"), role="data_plane").findings
    assert not read_opened("3.9", name_variables(admin_listen=False, admin_gui_listen="off")).findings


@pytest.mark.parametrize("state", [True, "on"])
def test_portals_open_with_portal_on(state):
    found = read_opened("3.4.3.5", name_variables(config={"portal": state}))
    assert {"portal_gui 0.0.0.0:8003", "portal_api 0.0.0.0:8447"} <= set(list_sockets(found))
    assert found.config["portal"] == "on"


@pytest.mark.parametrize(
    ("role", "variables", "code"),
    [
        ("control_plane", {"admin_listen": "off"}, "role-needs-listener"),
        ("control_plane", {"cluster_listen": False}, "role-needs-listener"),
        ("data_plane", {"proxy_listen": "off"}, "role-needs-listener"),
        ("control_plane", {"config": {"database": False}}, "role-database"),
        ("data_plane", {"config": {"database": "postgres"}}, "role-database"),
    ],
)
def test_role_rules(role, variables, code):
    assert list_codes(read_opened("2.8", name_variables(**variables), role=role)) == [code]


def test_database_as_the_role_needs_it():
    assert not read_opened("2.8", name_variables(config={"database": False}), role="data_plane").findings
    assert not read_opened("2.8", name_variables(config={"database": "postgres"}), role="control_plane").findings
    assert not read_opened("2.8", name_variables(config={"database": "off"})).findings


@pytest.mark.parametrize("version", ["0.10", "1.5"])
def test_hybrid_roles_need_two_dot_zero(version):
    found = read_opened(version, role="data_plane")
    assert list_codes(found) == ["role-unsupported"]
    assert "role" not in found.settings


# Settings


@pytest.mark.parametrize(
    ("version", "role", "settings"),
    [
        (
            "0.6",
            "traditional",
            {
                "proxy_listen": "0.0.0.0:8000",
                "proxy_listen_ssl": "0.0.0.0:8443",
                "admin_api_listen": "0.0.0.0:8001",
                "cluster_listen": "10.0.0.1:7946",
                "cluster_listen_rpc": "127.0.0.1:7373",
            },
        ),
        (
            "3.9",
            "data_plane",
            {
                "role": "data_plane",
                "proxy_listen": f"0.0.0.0:8000 {REUSE}, 0.0.0.0:8443 http2 ssl {REUSE}",
                "stream_listen": "off",
                "status_listen": f"127.0.0.1:8007 {REUSE}",
            },
        ),
        (
            "2.0",
            "control_plane",
            {
                "role": "control_plane",
                "stream_listen": "off",
                "admin_listen": f"127.0.0.1:8001 {REUSE}, 127.0.0.1:8444 http2 ssl {REUSE}",
                "status_listen": "off",
                "cluster_listen": "0.0.0.0:8005",
            },
        ),
    ],
)
def test_defaults_are_written_out(version, role, settings):
    defaults = {"cluster_listen": "10.0.0.1:7946"} if version == "0.6" else {}
    assert read_opened(version, role=role, defaults=defaults).settings == settings


def test_given_value_has_priority_over_a_replaced_default():
    found = read_opened(
        "0.10", name_variables(cluster_listen="10.0.0.2:80"), defaults={"cluster_listen": "10.0.0.1:7946"}
    )
    assert found.settings["cluster_listen"] == "10.0.0.2:80"
    assert "cluster 10.0.0.2:80" in list_sockets(found)


@pytest.mark.parametrize(
    ("version", "config", "settings"),
    [
        ("3.9", {"log_level": "debug", "nginx_worker_processes": 2, "pg_ssl": True}, ("debug", "2", "on")),
        ("0.8", {"nginx": {"x": 1.5}, "send_anonymous_reports": False, "unset": None}, ("1.5", "false")),
        ("3.9", {"plugins": ["bundled", "mine"]}, ("bundled, mine",)),
        ("3.9", {"pg_host": "", "pg_user": " "}, ("", "")),
    ],
)
def test_other_settings_become_text(version, config, settings):
    found = read_opened(version, name_variables(config=config))
    assert not list_codes(found)
    assert tuple(found.config.values()) == settings
    assert {kind.__name__ for pair in found.config.items() for kind in map(type, pair)} == {"str"}


@pytest.mark.parametrize(
    ("version", "name"), [("0.8", "dns_resolvers_available.dnsmasq.port"), ("0.9", "dnsmasq_port")]
)
def test_dnsmasq_port_moves(version, name):
    found = read_opened(version, name_variables(dnsmasq_port=5353, proxy_listen="8053, 8443 ssl"))
    assert not found.findings
    assert found.settings[name] == "5353"


@pytest.mark.parametrize(("version", "config"), [("0.9", {"dnsmasq": False}), ("0.8", {"dns_resolver": "server"})])
def test_no_collision_with_dnsmasq_that_is_off(version, config):
    assert not list_codes(read_opened(version, name_variables(proxy_listen="8053, 8443 ssl", config=config)))


# Listeners


def test_host_names_are_a_warning_and_localhost_is_not():
    found = read_opened(
        "3.9",
        name_variables(proxy_listen="kong.example.org:80, *:81, localhost:82", stream_listen="[::]:83 ipv6only=off"),
    )
    assert list_codes(found, "warning") == ["listen-host-name"]
    assert list_codes(found) == []


TRAITS = [
    ("0.0.0.0", (), (4,), False, True),
    ("*", (), (4,), False, True),
    ("::", (), (6,), False, True),
    ("::", ("ipv6only=on",), (6,), False, True),
    ("::", ("ipv6only=off",), (4, 6), False, True),
    ("10.0.0.1", (), (4,), False, False),
    ("2001:db8::1", ("ipv6only=off",), (6,), False, False),
    ("127.8.0.1", (), (4,), True, False),
    ("::1", (), (6,), True, False),
    ("localhost", (), (4, 6), True, False),
    ("127.example.org", (), (4, 6), False, False),
]


@pytest.mark.parametrize(("address", "flags", "families", "loopback", "wildcard"), TRAITS)
def test_a_listener_of_both_families_is_bound_to_no_address(address, flags, families, loopback, wildcard):
    bound = Listener("proxy", "proxy_listen", address, 80, ("tcp",), flags).bound
    assert (bound is None) is (wildcard or len(families) > 1)


@pytest.mark.parametrize(("address", "flags", "families", "loopback", "wildcard"), TRAITS)
def test_listener_traits(address, flags, families, loopback, wildcard):
    listener = Listener("proxy", "proxy_listen", address, 80, ("tcp",), flags)
    assert (listener.families, listener.is_loopback, listener.is_wildcard) == (families, loopback, wildcard)


def test_findings_hold_plain_data():
    finding = read_opened("3.9", {"kong_proxy_listen": ("x",)}).findings[0]
    assert finding.value == ["x"]


def test_note_on_a_hybrid_role_without_certificate():
    def find_codes(role, config):
        return [finding.code for finding in read_listeners("n1", "3.9", role, {"kong_config": config}, {}).findings]

    assert find_codes("data_plane", {"cluster_cert": "/etc/kong/c.crt", "database": "off"}) == ["role-certificate"]
    (finding,) = (
        finding
        for finding in read_listeners("n1", "3.9", "data_plane", {}, {}).findings
        if finding.code == "role-certificate"
    )
    assert (finding.variable, finding.value) == ("kong_config", None)
    assert find_codes("data_plane", CERTIFICATE) == ["role-database"]
    assert find_codes("data_plane", {**CERTIFICATE, "database": False}) == []
    assert find_codes("control_plane", CERTIFICATE) == []
    assert find_codes("traditional", {}) == []


def test_invalid_switch_counts_as_its_default_for_other_checks():
    """The TLS port stays open by default, so its collision is reported in the same run."""
    found = read_opened("0.10", name_variables(ssl="maybe", proxy_listen="0.0.0.0:8443"))
    assert list_codes(found) == ["switch-invalid", "listen-duplicate"]
