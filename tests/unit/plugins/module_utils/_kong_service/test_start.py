# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a unit starts Kong. The commands are words as `parse_commands` returns them."""

from __future__ import annotations

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.start import Start, find_start
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.unit import parse_commands

KNOWN = {
    "/usr/local/bin/kong start": {},
    "env KONG_A=1 KONG_B=x=y kong start": {"KONG_A": "1", "KONG_B": "x=y"},
    "sh -c 'cd /srv && KONG_A=1 exec kong start'": {"KONG_A": "1"},
    "sh -c 'export KONG_A=1; kong start'": {"KONG_A": "1"},
    "/usr/bin/nice -n 5 /opt/kong restart": {},
    "env KONG_A= kong start": {"KONG_A": ""},
}
# systemd does not show quotes, so values with blanks cannot be told from other words.
UNKNOWN = (
    "env KONG_A=0.0.0.0:80 ssl kong start",
    "sh -c 'KONG_A=\"0.0.0.0:80\" kong start'",
    "env KONG_A=$ROLE kong start",
    "sh -c '. /etc/kong/env; kong start'",
    "sh -c 'KONG_A=$(cat /x) kong start'",
    "bash -lc 'kong start'",
    "env -i KONG_A=1 kong start",
    "env -u KONG_A kong start",
    "/usr/bin/sudo -H kong start",
    "/opt/start-kong",
    "kong version",
    "kong start -c ${CONF}",
)


def read_commands(text):
    return parse_commands(f"{{ path=/x ; argv[]={text} ; ignore_errors=no ; }}")


@pytest.mark.parametrize(("text", "variables"), KNOWN.items())
def test_variables_in_a_command(text, variables):
    assert find_start(read_commands(text)) == Start((), variables)


@pytest.mark.parametrize("text", UNKNOWN)
def test_a_start_that_is_unknown(text):
    assert find_start(read_commands(text)) is None


def test_the_first_command_of_kong_counts():
    found = find_start(
        (*read_commands("kong version"), *read_commands("env A=1 kong prepare -p /p"), *read_commands("kong start"))
    )
    assert found == Start(("-p", "/p"), {"A": "1"})
