# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The file with the settings of a node, and the files in which Kong looks for it (kong/conf_loader.lua, DEFAULT_PATHS)."""

from __future__ import annotations

import pytest

from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.settings_file import (
    check_values,
    read_settings_file,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.variables import HostVariables
from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.generations import find_generation, parse_version

DEFAULT, ETC, OWN = "/etc/kong/kong.conf", "/etc/kong.conf", "/srv/kong"


def read(version, **values):
    """Return the settings file, and the codes and variables of the errors."""
    named = {f"kong_listen_{name}": value for name, value in values.items()}
    variables = HostVariables("n", named, lambda _host: named)
    found = read_settings_file(variables, find_generation(parse_version(version)))
    return (found["path"], found["format"], found["search"]), [
        (finding.code, finding.variable) for finding in variables.findings
    ]


INVALID = [("target-invalid", "kong_listen_target")]
# The version, the variables, the file with its format and the files that Kong looks for, and the errors.
CASES = {
    "Kong 3": ("3.9", {}, (DEFAULT, "conf", [DEFAULT, ETC]), []),
    "the target is a file": ("3.9", {"target": "conf"}, (DEFAULT, "conf", [DEFAULT, ETC]), []),
    "a file of the inventory": ("3.9", {"file": OWN}, (OWN, "conf", []), []),
    "an environment file": ("3.9", {"target": "env"}, ("/etc/kong/kong.env", "env", []), []),
    "another environment file": ("3.9", {"target": "env", "file": OWN}, (OWN, "env", []), []),
    "another target": ("3.9", {"target": "yaml"}, (DEFAULT, "conf", [DEFAULT, ETC]), INVALID),
    "YAML": ("0.8", {}, ("/etc/kong/kong.yml", "yaml", ["/etc/kong/kong.yml"]), []),
    "YAML in a file of the inventory": ("0.8", {"file": OWN}, (OWN, "yaml", []), []),
    "YAML and the environment": ("0.8", {"target": "env"}, ("/etc/kong/kong.yml", "yaml", ["/etc/kong/kong.yml"]), INVALID),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_settings_file(case):
    version, values, expected, errors = CASES[case]
    assert read(version, **values) == (expected, errors)


@pytest.mark.parametrize("version, first", [("0.9", ETC), ("0.10", DEFAULT), ("3.9", DEFAULT)])
def test_the_first_of_two_files(version, first):
    (path, _form, search), _errors = read(version)
    assert (path, search[0], sorted(search)) == (first, first, sorted([DEFAULT, ETC]))


# The format, a value, and whether the file can hold it.
VALUES = {
    "a comment sign": ("conf", "a#b", True),
    "a quote": ("conf", 'it\'s "x"', True),
    "a backslash": ("conf", "a\\b", True),
    "a backslash at the end": ("conf", "a\\", False),
    "a backslash before blanks": ("conf", "a\\ ", False),
    "the separator of Kong's loader": ("conf", "a_blank_b", False),
    "a comment sign in a variable": ("env", "a#b", True),
    "the separator in a variable": ("env", "a_blank_b", True),
    "a single quote in a variable": ("env", "it's", False),
    "a double quote in a variable": ("env", 'a"b', False),
    "a backquote in a variable": ("env", "a`b", False),
    "a backslash in a variable": ("env", "a\\b", False),
    "kong.yml": ("yaml", "a'b\"c\\", True),
}


@pytest.mark.parametrize("case", VALUES)
def test_a_value_that_the_file_cannot_hold(case):
    file_format, value, is_valid = VALUES[case]
    variables = HostVariables("n", {}, lambda _host: {})
    check_values(variables, file_format, {"log_level": "info", "pg_password": value})
    found = [(finding.code, finding.variable, finding.value) for finding in variables.findings]
    assert found == ([] if is_valid else [("config-invalid", "kong_config", "pg_password")])
    assert not any(value in finding.message for finding in variables.findings)
