# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The variables of a start by hand, with a program in place of Kong."""

from __future__ import annotations

import os
import tempfile
from dataclasses import replace

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service import started
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.commands import run_step
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.plan import (
    RELOAD,
    RESTART,
    Kong,
    choose_procedure,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.started import (
    StartedFile,
    find_variables_of_start,
)

# Like `kong prepare`: defaults, then the file, then variables; the directive of real_ip_header is derived from it.
PROGRAM = """#!/bin/sh
echo "$*" >>{folder}/calls
while [ "$1" != -p ]; do [ "$1" = -c ] && conf=$2; shift; done
prefix=$2
log_level=notice real_ip_header=X-Real-IP workers=auto
. "$conf"
log_level=${{KONG_LOG_LEVEL-$log_level}} real_ip_header=${{KONG_REAL_IP_HEADER-$real_ip_header}} pg_password=$KONG_PG_PASSWORD
[ "$need" ] && [ -z "$KONG_CLUSTER_CERT" ] && exit 1
header=${{KONG_NGINX_PROXY_REAL_IP_HEADER-$real_ip_header}} gzip=$KONG_NGINX_HTTP_GZIP daemon=${{KONG_NGINX_DAEMON-on}}
list=$(for name in log_level real_ip_header workers pg_password; do eval "echo $name = \\$$name"; done)
list="prefix = $prefix
nginx_daemon = $daemon
cluster_cert = $KONG_CLUSTER_CERT
$list
nginx_proxy_real_ip_header = $header
nginx_http_gzip = $gzip"
echo "$list" | grep -v ' = $' >$prefix/.kong_env
true
"""


class Fake:
    """A Kong that was started by hand with variables, from a file."""

    def __init__(self, folder):
        self.folder, self.conf, self.prefix = folder, folder / "kong.conf", folder / "prefix"
        self.prefix.mkdir()
        self.conf.touch()
        program = folder / "kong"
        program.write_text(PROGRAM.format(folder=folder))
        program.chmod(0o755)
        self.kong = Kong((3, 9), str(self.conf), str(self.prefix), program=str(program))

    def start(self, text="", **variables):
        self.conf.write_text(text)
        kong = replace(self.kong, variables=variables)
        run_step(choose_procedure(kong, RELOAD).steps[0], kong)

    def find(self, *planned, **more):
        kong = replace(self.kong, **more)
        return find_variables_of_start(kong, StartedFile(str(self.conf), planned), proc=self.folder / "proc")


@pytest.fixture
def fake(tmp_path, monkeypatch):
    (tmp_path / "scratch").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "scratch"))
    monkeypatch.setenv("KONG_LOG_LEVEL", "of this process")
    return Fake(tmp_path)


def test_without_variables_none_are_found(fake):
    fake.start("log_level=debug\n")
    assert fake.find() == {}


def test_the_variables_of_the_start_are_found_by_their_effect(fake):
    variables = {"KONG_LOG_LEVEL": "info", "KONG_REAL_IP_HEADER": "X-A", "KONG_PG_PASSWORD": "a#b"}
    fake.start("log_level=debug\n", **variables)
    assert fake.find() == variables


def test_a_directive_that_no_setting_explains_is_a_variable(fake):
    fake.start(KONG_NGINX_HTTP_GZIP="on", KONG_REAL_IP_HEADER="X-A")
    assert fake.find() == {"KONG_NGINX_HTTP_GZIP": "on", "KONG_REAL_IP_HEADER": "X-A"}


def test_a_variable_with_an_empty_value(fake):
    fake.start("log_level=debug\n", KONG_LOG_LEVEL="")
    assert fake.find() == {"KONG_LOG_LEVEL": ""}


def test_a_setting_without_a_default_is_derived_from_others(fake, monkeypatch):
    defaults = {"log_level": "notice", "real_ip_header": "X-Real-IP"}
    monkeypatch.setattr(started, "find_installed_defaults", lambda: defaults)
    fake.start(KONG_REAL_IP_HEADER="X-A", KONG_NGINX_HTTP_GZIP="on", KONG_PG_PASSWORD="x")
    assert fake.find() == {"KONG_REAL_IP_HEADER": "X-A", "KONG_NGINX_HTTP_GZIP": "on"}


def test_planned_settings_are_those_of_the_file(fake):
    """Directives that Kong derives from a planned setting must not override the new value either."""
    fake.start(KONG_REAL_IP_HEADER="X-A", KONG_LOG_LEVEL="info")
    assert fake.find("real_ip_header") == {"KONG_LOG_LEVEL": "info"}


def test_kong_is_not_started_in_the_foreground(fake):
    fake.start(KONG_NGINX_DAEMON="off")
    assert fake.find() == {}


@pytest.mark.parametrize("is_newer", [False, True])
def test_lines_of_a_file_that_changed_since_the_start_count(fake, is_newer):
    fake.start("real_ip_header=X-A\n", KONG_LOG_LEVEL="info", KONG_PG_PASSWORD="x")
    fake.conf.write_text("real_ip_header=X-B\nlog_level=debug\n")
    now = (fake.prefix / ".kong_env").stat().st_mtime + (60 if is_newer else 0)
    os.utime(fake.conf, (now, now))
    kept = {"KONG_PG_PASSWORD": "x"} if is_newer else {"KONG_LOG_LEVEL": "info", "KONG_PG_PASSWORD": "x"}
    found = fake.find()
    assert {name: found[name] for name in kept} == kept
    assert ("KONG_REAL_IP_HEADER" in found, "KONG_NGINX_PROXY_REAL_IP_HEADER" in found) == (not is_newer, False)


def test_a_file_that_needs_the_variables_is_completed_by_all_settings_in_use(fake):
    fake.start("need=1\n", KONG_CLUSTER_CERT="/c", KONG_LOG_LEVEL="info")
    found = fake.find("workers")
    assert found == {"KONG_CLUSTER_CERT": "/c", "KONG_LOG_LEVEL": "info", "KONG_REAL_IP_HEADER": "X-Real-IP"}


def test_before_3_0_a_hash_is_escaped(fake):
    fake.start(KONG_PG_PASSWORD="a#b")
    assert fake.find(version=(2, 8)) == {"KONG_PG_PASSWORD": "a\\#b"}


def test_before_2_3_a_setting_that_the_prefix_lacks_is_no_variable(fake):
    fake.start("log_level=debug\n", KONG_LOG_LEVEL="", KONG_PG_PASSWORD="x")
    assert fake.find(version=(2, 2)) == {"KONG_PG_PASSWORD": "x"}


def test_serf_keeps_the_variables(fake):
    """Of Kong 0.9 and 0.10, which have no `kong prepare`."""
    process = fake.folder / "proc/7"
    process.mkdir(parents=True)
    (process / "comm").write_text("serf\n")
    (process / "stat").write_text("7 (serf) S 1")
    (process / "environ").write_bytes(
        b"PATH=/bin\0KONG_LOG_LEVEL=info\0KONG_PREFIX=/p\0KONG_ADMIN_LISTEN=1.2.3.4:8001\0"
    )
    (fake.prefix / "pids").mkdir()
    (fake.prefix / "pids/serf.pid").write_text("7")
    assert fake.find("admin_listen", version=(0, 10)) == {"KONG_LOG_LEVEL": "info"}
    (process / "environ").unlink()
    assert fake.find(version=(0, 10)) == {}


@pytest.mark.parametrize(
    "more", [{"unit": "kong.service"}, {"restart_command": "r"}, {"reload_command": "r"}, {"program": ""}]
)
def test_a_kong_with_a_unit_or_own_commands_has_the_variables_of_these(fake, more):
    fake.start(KONG_LOG_LEVEL="info")
    assert fake.find(**more) == {}


def test_nothing_is_known_without_settings_in_the_prefix(fake):
    assert fake.find() == {}


@pytest.mark.parametrize("how", [RELOAD, RESTART])
def test_a_reload_and_a_restart_get_the_variables(fake, how):
    for step in choose_procedure(replace(fake.kong, variables={"KONG_LOG_LEVEL": "info"}), how).steps:
        if step.argv[1] in ("prepare", "start"):
            options = ("-c", str(fake.conf), "-p", str(fake.prefix))
            run_step(
                replace(step, argv=(step.argv[0], step.argv[1], *options)),
                replace(fake.kong, variables={"KONG_LOG_LEVEL": "info"}),
            )
    assert "log_level = info\n" in (fake.prefix / ".kong_env").read_text()


def test_a_file_of_another_user_is_not_prepared_by_root(fake):
    """Its logs could be links to files of root."""
    fake.start("log_level=debug\n", KONG_LOG_LEVEL="info")
    calls = fake.folder / "calls"
    before = calls.read_text() if calls.exists() else ""
    assert fake.find(is_roots=False) == {}
    assert (calls.read_text() if calls.exists() else "") == before
