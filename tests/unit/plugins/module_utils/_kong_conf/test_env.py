# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.gatehouse.kong.plugins.module_utils._kong_conf.env import edit_env, read_env_values
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_conf.text import ConfError

BEFORE = """\
# a third-party comment
KONG_DATABASE=off
#KONG_PROXY_LISTEN=0.0.0.0:8000
TZ="Europe/Paris"
KONG_ADMIN_LISTEN='0.0.0.0:8001'
"""


def test_other_lines_are_unchanged_and_new_lines_follow_their_sample():
    text, changed = edit_env(BEFORE, {"database": "off", "proxy_listen": "0.0.0.0:80", "admin_listen": "off", "x": ""})
    assert changed == ["proxy_listen", "admin_listen", "x"]
    assert (
        text
        == """\
# a third-party comment
KONG_DATABASE=off
#KONG_PROXY_LISTEN=0.0.0.0:8000
KONG_PROXY_LISTEN=0.0.0.0:80
TZ="Europe/Paris"
KONG_ADMIN_LISTEN=off
KONG_X=
"""
    )
    assert edit_env(text, {"proxy_listen": "0.0.0.0:80", "admin_listen": "off", "x": ""}) == (text, [])


def test_every_line_of_a_name_gets_the_value():
    assert edit_env("KONG_A=1\nKONG_A=2", {"a": "2"}) == ("KONG_A=2\nKONG_A=2", ["a"])


def test_values_are_returned_unchanged():
    assert read_env_values(BEFORE, ["admin_listen", "proxy_listen"]) == {
        "admin_listen": "'0.0.0.0:8001'",
        "proxy_listen": None,
    }


@pytest.mark.parametrize("value", ["it's", 'a "b"', "a\\b", "`a`"])
def test_a_value_that_docker_and_systemd_read_differently_is_an_error(value):
    with pytest.raises(ConfError, match="read differently"):
        edit_env("", {"proxy_listen": value})


def test_an_error_does_not_show_a_secret():
    with pytest.raises(ConfError) as refused:
        edit_env("", {"pg_password": "s3'cret"})
    assert "s3" not in str(refused.value)


def test_a_setting_of_kong_yml_is_an_error():
    with pytest.raises(ConfError, match=r"has no environment variable"):
        edit_env("", {"cluster.advertise": "10.0.0.1:7946"})


def test_a_line_that_systemd_joins_with_the_next_line_is_an_error():
    with pytest.raises(ConfError, match="line 1 ends in a backslash"):
        edit_env("KONG_A=1 \\\nKONG_B=2\n", {"a": "2"})


def parse_like_systemd(line):
    """Return name and value like systemd.exec(5), EnvironmentFile; src/basic/env-file.c."""
    name, _equals, value = line.partition("=")
    value = value.strip(" \t")
    for quote in "\"'":
        if len(value) > 1 and value[0] == value[-1] == quote:
            value = value[1:-1]
    return name, re.sub(r"\\(.)", r"\1", value)


TEXT = st.text(st.characters(categories=("L", "N", "P", "S", "Zs")), max_size=30)


@given(TEXT)
def test_systemd_and_docker_read_the_same_value_or_it_is_an_error(value):
    try:
        text, _changed = edit_env("", {"a": value})
    except ConfError:
        return
    (line,) = text.splitlines()
    assert parse_like_systemd(line) == tuple(line.split("=", 1)) == ("KONG_A", value.strip())


def test_values_are_compared_by_meaning():
    text = "KONG_SSL=true\nKONG_PROXY_LISTEN=0.0.0.0:80,0.0.0.0:443 ssl http2\n"
    settings = {"ssl": "on", "proxy_listen": "0.0.0.0:80, 0.0.0.0:443 http2 ssl", "role": "traditional"}
    assert edit_env(text, settings, {"role": "traditional"}) == (text, [])
    assert edit_env(text, settings) == (f"{text}KONG_ROLE=traditional\n", ["role"])
