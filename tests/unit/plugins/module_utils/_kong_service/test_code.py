# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files, folders and code that the user of Kong's unit can change, and that a program of root must not use."""

from __future__ import annotations

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import Host
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.code import is_roots
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.unit_environment import Variable


@pytest.fixture
def places(tmp_path, change_owner):
    """A folder of root, and a folder of another user."""
    own, foreign = tmp_path / "own", tmp_path / "foreign"
    own.mkdir(mode=0o755)
    foreign.mkdir(mode=0o755)
    change_owner(foreign)
    return {"own": own, "foreign": foreign}


@pytest.mark.parametrize(
    ("user", "modes", "expected"),
    [
        ("", (0o777, 0o666, 0o666), True),
        ("kong", (0o755, 0o644, 0o640), True),
        ("kong", (0o777, 0o644, 0o640), False),
        ("kong", (0o755, 0o666, 0o640), False),
        ("kong", (0o755, 0o644, 0o602), False),
    ],
)
def test_another_user_must_not_change_what_a_program_of_root_reads(tmp_path, user, modes, expected):
    """Otherwise LD_PRELOAD or KONG_NGINX_MAIN_LOAD_MODULE would give this user the rights of root."""
    folder = tmp_path / "etc"
    folder.mkdir()
    files = [folder / "kong.env", folder / "kong.conf"]
    for path, mode in zip((*files, folder), (*modes[1:], modes[0]), strict=True):
        path.touch()
        path.chmod(mode)
    variables = {"A": Variable("1", str(files[0]), str(files[0])), "B": Variable("1", "the command of kong.service")}
    assert is_roots(Host(), user, variables, [str(files[1])]) is expected


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("PATH", "{own}:/usr/bin", True),
        ("PATH", "/usr/bin:{foreign}/bin", False),
        ("LUA_PATH", "{own}/?.lua;{foreign}/?/init.lua;;", False),
        ("LD_PRELOAD", "{foreign}/x.so", False),
        ("HOME", "{foreign}", False),  # LuaRocks loads modules from there
        ("HOME", "/no/such/home", True),
        ("PERL5OPT", "-I{foreign} -Mx", False),  # resty, which runs Kong's program, is a script of Perl
        ("KONG_LUA_PATH_OVERRIDE", "{foreign}/?.lua;", False),
        ("KONG_LUA_PACKAGE_PATH", "{own}/?.lua;{foreign}/?.lua;;", False),
        ("KONG_NGINX_MAIN_LOAD_MODULE", "{foreign}/x.so", False),
        ("KONG_LOG_LEVEL", "{foreign}", True),
    ],
)
def test_another_user_must_not_change_the_programs_and_libraries_of_root(places, name, value, expected):
    variables = {name: Variable(value.format_map(places), "Environment= of kong.service")}
    assert is_roots(Host(), "kong", variables, []) is expected
    assert is_roots(Host(), "", variables, []) is True


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("lua_package_path = {own}/?.lua;./?.lua;;", True),
        ("lua_package_path = ./?.lua;{foreign}/?.lua;;", False),
        ("lua_package_path = ./custom/?.lua;;", False),
        ("lua_package_path = '../foreign/?.lua'", False),
        ("lua_package_cpath = {foreign}/missing/?.so", False),
        ("nginx_http_include = {foreign}/*.conf", False),
        ("nginx_main_include = {own}/*.conf # {foreign}", True),
        ("nginx_main_load_module = {foreign}/x.so", False),
        ("nginx_proxy_access_by_lua_file = {foreign}/x.lua", False),
        ("pluginserver_go_query_cmd = {foreign}/go-pluginserver -dump", False),
        ("wasm_filters_path = {foreign}", False),
        ("ssl_cert = {foreign}/cert.pem", True),
    ],
)
def test_another_user_must_not_change_the_code_in_settings(places, change_owner, line, expected):
    """Relative paths begin in the working directory of the unit."""
    conf = places["own"] / "kong.conf"
    conf.write_text(line.format_map(places) + "\n")
    (places["own"] / "custom").mkdir()
    change_owner(places["own"] / "custom")
    assert is_roots(Host(), "kong", {}, [str(conf)], str(places["own"])) is expected
    assert is_roots(Host(), "kong", {}, ["kong.conf"], str(places["own"])) is expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("{own}/access.log", True),
        ("{own}/missing/access.log combined", True),
        ("{foreign}/access.log", False),
        ("{foreign}/missing/error.log debug", False),
        ("'{foreign}/access.log' combined", False),
        ("{own}/link.log", False),
        ("logs/access.log combined", True),
        ("../no-such.log", False),
        ("/tmp/no-such.log", False),
        ("off", True),
        ("/dev/stdout", True),
        ("stderr", True),
        ("syslog:server=unix:{foreign}/log notice", True),
    ],
)
@pytest.mark.parametrize(
    "setting", ["proxy_access_log", "status_error_log", "portal_api_access_log", "lmdb_environment_path"]
)
def test_another_user_must_not_lead_root_to_write_files(places, setting, value, expected):
    """nginx opens its logs for a test. A link of this user could lead to any file."""
    (places["own"] / "link.log").symlink_to(places["foreign"] / "any")
    conf, text = places["own"] / "kong.conf", value.format_map(places)
    conf.write_text(f"{setting} = {text}\n")
    assert is_roots(Host(), "kong", {}, [str(conf)]) is expected
    variables = {f"KONG_{setting.upper()}": Variable(text, "Environment= of kong.service")}
    assert is_roots(Host(), "kong", variables, []) is expected
    assert is_roots(Host(), "", variables, [str(conf)]) is True


def test_another_user_must_not_change_the_working_directory(places):
    """Kong's program searches modules in its working directory."""
    assert is_roots(Host(), "kong", {}, [], str(places["own"])) is True
    assert is_roots(Host(), "kong", {}, [], str(places["foreign"])) is False
