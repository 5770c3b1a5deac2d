# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.effective import (
    DEFAULT,
    ENVIRONMENT,
    FILE,
    OUTDATED,
    STARTED,
    UNKNOWN,
    Effective,
    Sources,
    describe,
    describe_unloaded,
    find_differences,
    find_effective,
    is_unverified,
    moves_listeners,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.prepared import Prepared
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.unit_environment import Variable

ENV = "/usr/local/kong/.kong_env"
DROP_IN = "Environment= in /etc/systemd/system/kong.service.d/x.conf"
SOURCES = Sources(
    path="/etc/kong/kong.conf",
    file={"admin_listen": "127.0.0.1:8001", "log_level": "notice", "status_listen": None},
    changed=100.0,
    defaults={"status_listen": "off", "admin_listen": "127.0.0.1:8001, 127.0.0.1:8444 ssl"},
    variables={"KONG_REAL_IP_HEADER": Variable("X-Forwarded-For", DROP_IN)},
    prepared=Prepared(ENV, 200.0, {"admin_listen": "127.0.0.1:8001", "status_listen": "off", "log_level": "notice"}),
)
WANTED = {"admin_listen": "127.0.0.1:8001", "status_listen": "off", "log_level": "notice"}


def make_sources(changed=200.0, **values):
    return replace(SOURCES, prepared=Prepared(ENV, changed, values))


@pytest.mark.parametrize(
    ("setting", "sources", "expected"),
    [
        ("admin_listen", SOURCES, ("127.0.0.1:8001", FILE)),
        ("status_listen", SOURCES, ("off", DEFAULT)),
        ("real_ip_header", SOURCES, ("X-Forwarded-For", ENVIRONMENT)),
        ("pg_host", SOURCES, (None, UNKNOWN)),
        ("pg_host", make_sources(pg_host="db"), ("db", UNKNOWN)),
        ("status_listen", make_sources(status_listen="0.0.0.0:8105"), ("0.0.0.0:8105", STARTED)),
        ("log_level", make_sources(99.0, log_level="info"), ("info", OUTDATED)),
        # The running Kong is unknown, or the file of its settings does not have the setting.
        ("log_level", replace(SOURCES, prepared=None), ("notice", FILE)),
        ("log_level", make_sources(), ("notice", FILE)),
        # A known setting without a line is empty, except the last setting before the end of an older text.
        ("log_level", replace(make_sources(), known=["log_level"]), ("", STARTED)),
        ("log_level", replace(make_sources(99.0), known=["log_level"]), ("", OUTDATED)),
        ("log_level", replace(make_sources(), known=["role"]), ("notice", FILE)),
        (
            "log_level",
            replace(SOURCES, known=["log_level"], prepared=Prepared(ENV, 200.0, {}, doubtful="log_level")),
            ("notice", FILE),
        ),
        (
            "log_level",
            replace(SOURCES, known=["log_level"], prepared=Prepared(ENV, 200.0, {}, in_use=False)),
            ("notice", FILE),
        ),
        ("ssl_cert", replace(make_sources(), known=["ssl_cert"], file={"ssl_cert": "/c"}), ("/c", FILE)),
        # A variable that the unit has got since Kong started counts at its next start.
        (
            "status_listen",
            replace(SOURCES, variables={"KONG_STATUS_LISTEN": Variable("0.0.0.0:8105", DROP_IN)}),
            ("0.0.0.0:8105", ENVIRONMENT),
        ),
    ],
)
def test_the_effective_value_and_its_origin(setting, sources, expected):
    found = find_effective(setting, sources)
    assert (found.value, found.origin) == expected


def test_a_running_kong_as_planned():
    assert list(find_differences(WANTED, SOURCES)) == []


def test_a_variable_that_the_running_kong_does_not_have():
    """The unit got the planned value since Kong started. A variable with another value is reported with its place."""
    planned = replace(
        make_sources(99.0, status_listen="off"), variables={"KONG_STATUS_LISTEN": Variable("0.0.0.0:8105", DROP_IN)}
    )
    wanted = {"status_listen": "0.0.0.0:8105"}
    assert list(find_differences(wanted, planned)) == [Effective("status_listen", "off", STARTED, ENV)]
    assert [found.origin for found in find_differences({"status_listen": "off"}, planned)] == [ENVIRONMENT]
    assert list(find_differences(wanted, replace(planned, prepared=None))) == []


FROM_FILE = Variable("", "KONG_ADMIN_LISTEN_FILE in the environment of container 1", is_known=False)


@pytest.mark.parametrize(
    ("sources", "value", "differs"),
    [
        (replace(SOURCES, prepared=None), None, True),
        (replace(SOURCES, prepared=Prepared(ENV, 200.0, {}, in_use=False)), None, True),
        (make_sources(admin_listen="0.0.0.0:8001"), "0.0.0.0:8001", True),
        (make_sources(admin_listen="127.0.0.1:8001"), "127.0.0.1:8001", False),
    ],
)
def test_a_variable_whose_value_is_not_known(sources, value, differs):
    """The running Kong may show the value. An unknown value is reported, but nothing is known about its listeners."""
    changed = replace(sources, variables={"KONG_ADMIN_LISTEN": FROM_FILE})
    expected = Effective("admin_listen", value, ENVIRONMENT, FROM_FILE.origin)
    assert find_effective("admin_listen", changed) == expected
    wanted = "127.0.0.1:8001"
    assert [*find_differences({"admin_listen": wanted}, changed)] == [expected] * differs
    assert moves_listeners(expected, wanted) is (differs and value is not None)
    assert describe(expected, wanted, "/k.conf") == (
        f"admin_listen is {value or 'unknown'}, planned {wanted}: KONG_ADMIN_LISTEN ({FROM_FILE.origin}) overrides /k.conf"
    )


def test_values_of_kongs_own_file_are_compared_by_meaning():
    sources = replace(
        make_sources(admin_listen="127.0.0.1:8001,127.0.0.1:8444 ssl http2", admin_ssl="true"),
        file={"admin_listen": "127.0.0.1:8001, 127.0.0.1:8444 http2 ssl", "admin_ssl": "on"},
    )
    wanted = {"admin_listen": "127.0.0.1:8001,127.0.0.1:8444 http2 ssl", "admin_ssl": "on"}
    assert list(find_differences(wanted, sources)) == []


def test_a_value_that_the_file_explains_is_left_to_the_comparison_of_the_file():
    assert list(find_differences({"log_level": "info", "status_listen": "0.0.0.0:8105"}, SOURCES)) == []


def test_variables_with_the_planned_value_are_no_difference():
    assert list(find_differences({"real_ip_header": "X-Forwarded-For"}, SOURCES)) == []


@pytest.mark.parametrize(
    ("setting", "of_file", "used"),
    [
        ("cluster_cert", "cert.pem", "/usr/local/kong/cert.pem"),
        ("declarative_config", "./conf/kong.yml", "/etc/kong/conf/kong.yml"),
        ("declarative_config", "kong.yml", "/etc/kong/kong.yml"),
        ("nginx_user", "kong", "kong kong"),
        ("nginx_main_user", "kong", "kong kong"),
        ("nginx_http_ssl_protocols", "TLSv1.2", "TLSv1.2 TLSv1.3"),
        ("nginx_main_worker_rlimit_nofile", "auto", "1048576"),
        ("nginx_http_include", "/etc/a.conf", "/etc/b.conf"),
        ("nginx_optimizations", "on", "true"),
        ("lua_ssl_trusted_certificate", "system", "/etc/ssl/certs/ca-certificates.crt"),
    ],
)
def test_kong_completes_paths_and_some_settings(setting, of_file, used):
    sources = replace(make_sources(**{setting: used}), file={setting: of_file})
    assert list(find_differences({setting: of_file}, sources)) == []


@pytest.mark.parametrize(
    ("setting", "of_file", "used"),
    [
        ("nginx_main_worker_processes", "1", "2"),
        ("nginx_worker_processes", "2", "auto"),
        ("nginx_http_client_max_body_size", "10m", "0"),
        ("nginx_proxy_real_ip_recursive", "on", "off"),
        ("nginx_http_charset", "UTF-8", "iso-8859-1"),
        ("nginx_daemon", "true", "off"),
    ],
)
def test_words_of_nginx_directives_are_compared(setting, of_file, used):
    sources = replace(make_sources(99.0, **{setting: used}), file={setting: of_file})
    assert [(found.value, found.origin) for found in find_differences({setting: of_file}, sources)] == [
        (used, OUTDATED)
    ]
    assert not is_unverified(setting, of_file, sources)
    # Without a line the value is unknown, not empty.
    sources = replace(make_sources(), file={setting: of_file}, known=[setting])
    assert list(find_differences({setting: of_file}, sources)) == []
    assert is_unverified(setting, of_file, sources)


@pytest.mark.parametrize(
    ("setting", "stated", "used", "expected"),
    [
        ("ssl_cert", "/a.pem", "/b.pem", True),
        ("ssl_cert", "/a.pem", "/a.pem", False),
        ("cluster_cert", "a.pem", "/srv/kong/a.pem", False),
        ("lua_package_path", "/a/?.lua", "/b/?.lua", True),
        ("ssl_cipher_suite", "modern", "old", True),
        ("nginx_main_user", "kong", "kong kong", True),
        ("nginx_http_include", "/etc/a.conf", "/etc/a.conf", False),
        ("log_level", "info", "notice", False),
        ("lua_socket_pool_size", "30", "60", False),
    ],
)
def test_a_value_that_kong_may_have_computed_is_verified_only_if_it_is_the_stated_value(
    setting, stated, used, expected
):
    assert is_unverified(setting, stated, make_sources(**{setting: used})) == expected


@pytest.mark.parametrize(
    ("of_file", "used"), [("10.0.0.0/8", "0.0.0.0/0,10.0.0.0/8"), ("0.0.0.0/8", "10.0.0.0/8"), ("/", "/anywhere/")]
)
def test_networks_are_no_paths(of_file, used):
    sources = replace(make_sources(trusted_ips=used), file={"trusted_ips": of_file})
    assert [found.value for found in find_differences({"trusted_ips": of_file}, sources)] == [used]


def test_the_text_of_a_difference():
    variables = {"KONG_STATUS_LISTEN": Variable("0.0.0.0:8105", DROP_IN), "KONG_PG_PASSWORD": Variable("x", "/e.env")}
    overridden = replace(SOURCES, variables=variables)
    assert list_lines({"status_listen": "off", "pg_password": "y"}, overridden) == [
        f"status_listen is 0.0.0.0:8105, planned off: KONG_STATUS_LISTEN ({DROP_IN}) overrides /etc/kong/kong.conf",
        "pg_password is <hidden>, planned <hidden>: KONG_PG_PASSWORD (/e.env) overrides /etc/kong/kong.conf",
    ]
    by_hand = f"Kong was started with it ({ENV}), for example by hand with KONG_STATUS_LISTEN"
    assert list_lines(WANTED, make_sources(status_listen="0.0.0.0:8105")) == [
        f"status_listen is 0.0.0.0:8105, planned off: {by_hand}; neither /etc/kong/kong.conf nor a unit has this value"
    ]
    assert list_lines(WANTED, make_sources(99.0, log_level="info")) == [
        f"log_level is info, planned notice: the running Kong ({ENV}) was not reloaded since /etc/kong/kong.conf changed"
    ]


def list_lines(wanted, sources):
    return [describe(found, wanted[found.setting], sources.path) for found in find_differences(wanted, sources)]


def test_only_another_address_or_port_moves_a_listener():
    found = Effective("proxy_listen", "0.0.0.0:80 reuseport", ENVIRONMENT)
    assert not moves_listeners(found, "0.0.0.0:80")
    assert moves_listeners(found, "0.0.0.0:80, 0.0.0.0:443 ssl")
    assert not moves_listeners(Effective("log_level", "info", ENVIRONMENT), "notice")


def test_settings_that_are_not_in_use_say_nothing_about_the_running_kong():
    """After `kong prepare` without a reload. The readable line names the file and the fix."""
    prepared = replace(make_sources(status_listen="0.0.0.0:8105").prepared, in_use=False)
    sources = replace(SOURCES, prepared=prepared, file={"status_listen": "off"})
    assert list(find_differences({"status_listen": "off"}, sources)) == []
    line = describe_unloaded(sources)
    assert line.startswith(f"{ENV} is newer than the processes of nginx")
    assert "Reload Kong" in line
    assert [describe_unloaded(replace(sources, prepared=other)) for other in (SOURCES.prepared, None)] == ["", ""]
