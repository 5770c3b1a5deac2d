# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kinds of variables: the advice in each error has the form of the inventory, as Ansible reads it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml
from ansible.inventory.manager import InventoryManager
from ansible.parsing.dataloader import DataLoader

from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory import kinds
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.contract import KINDS
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.kind import Kind, KindError
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.kinds import read_kind
from ansible_collections.gatehouse.kong.plugins.plugin_utils._text import format_for_inventory
from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils.fleets import compile_fleet, find_only_error
from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils.values import list_right_values

ROLES = Path(__file__).resolve().parents[5] / "roles"
N = {"kong_version": "3.9", "kong_address": "10.0.0.1"}
DATA_PLANE = {**N, "kong_role": "data_plane"}
ALL_KINDS = {name: kind for name, kind in vars(kinds).items() if isinstance(kind, Kind)}
ITEM_KINDS = (kinds.ADDRESSES, kinds.NAMES, kinds.NETWORKS, kinds.PUBLICATIONS, kinds.SOURCES, kinds.VIRTUAL_ADDRESSES)
FORMS = re.compile(r'(.*) in YAML and \[group:vars\], (".*") on an INI host line')


def read_variable(tmp_path, name, text):
    """Return a variable of host k1 as Ansible reads it from an inventory."""
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    host = InventoryManager(loader=DataLoader(), sources=[str(path)]).get_host("k1")
    group = next((group for group in host.groups if group.name == "kong"), None)
    return {**(group.vars if group else {}), **host.vars}["kong_x"]


@pytest.mark.parametrize("name", ALL_KINDS)
def test_advice_is_right_in_every_format(tmp_path, name):
    example = ALL_KINDS[name].example
    forms = format_for_inventory(example)
    if isinstance(example, bool):
        assert forms == "true in YAML, True in an INI inventory"
        return
    of_yaml, of_host_line = FORMS.fullmatch(forms).groups()
    assert yaml.safe_load(of_yaml) == example
    assert read_variable(tmp_path, "vars.ini", f"[kong]\nk1\n[kong:vars]\nkong_x={of_yaml}\n") == example
    assert read_variable(tmp_path, "host.ini", f"[kong]\nk1 kong_x={of_host_line} kong_y=1\n") == example
    assert read_kind(ALL_KINDS[name], example) is not None


def test_every_kind_is_used():
    assert set(ALL_KINDS.values()) == set(KINDS.values())


def test_choices_equal_the_choices_of_the_roles():
    specs = [yaml.safe_load(path.read_text(encoding="utf-8")) for path in ROLES.glob("*/meta/argument_specs.yml")]
    options = [(name, option) for spec in specs for name, option in spec["argument_specs"]["main"]["options"].items()]
    found = {name: {*option["choices"]} for name, option in options if name in KINDS and "choices" in option}
    kinds_with_choices = {name: {*kind.choices} for name, kind in KINDS.items() if kind.choices}
    assert found == kinds_with_choices


CASES = {
    "a port twice": (
        {**N, "kong_stream_sources": {9100: ["10.0.0.1"], "9100": "any"}},
        "the keys 9100 and '9100' are the same port; remove one of them",
    ),
    "a port twice with a leading zero": (
        {**N, "kong_stream_sources": {"09100": ["10.0.0.1"], 9100: None}},
        "the keys '09100' and 9100 are the same port; remove one of them",
    ),
    "a port twice with a blank": (
        {**N, "kong_stream_sources": {"9100 ": ["10.0.0.1"], "9100": ["10.0.0.2"]}},
        "the keys '9100 ' and '9100' are the same port; remove one of them",
    ),
    "a restart command with an open quote": (
        {**N, "kong_listen_restart_command": "docker restart 'kong"},
        "it cannot be split into words (No closing quotation); correct its quotes and backslashes",
    ),
    "a reload command with an open quote": (
        {**N, "kong_listen_reload_command": 'docker exec kong kong reload "'},
        "it cannot be split into words (No closing quotation); correct its quotes and backslashes",
    ),
    "a command with a final backslash": (
        {**N, "kong_listen_restart_command": "docker restart kong \\"},
        "it cannot be split into words (No escaped character); correct its quotes and backslashes",
    ),
    "a command without a program": (
        {**N, "kong_listen_reload_command": "''"},
        'it has no program; write a command such as "docker restart kong"',
    ),
    "a command as a list": (
        {**N, "kong_listen_restart_command": ["docker", "restart", "kong"]},
        "it must be a command as text",
    ),
    "a list in quotes with IPv6": (
        {**N, "kong_proxy_listen": '["0.0.0.0:8000", "[::]:8000"]'},
        'this is text in quotes, not a list; write ["0.0.0.0:8000", "[::]:8000"] in YAML',
    ),
    "a list in quotes of one IPv6 entry": (
        {**N, "kong_admin_listen": '["[::1]:8001"]'},
        'this is text in quotes, not a list; write "[::1]:8001" in YAML',
    ),
    "published IPv6 ports in quotes": (
        {**N, "kong_published_ports": '["[::1]:80:8000", "443:8443"]'},
        'this is text in quotes, not a list; write ["[::1]:80:8000", "443:8443"] in YAML',
    ),
    "an IPv6 control plane in a list in quotes": (
        {**DATA_PLANE, "kong_cluster_control_plane": '["[fd00::9]:8005"]'},
        'it must be ADDRESS:PORT as text, and not a list in quotes; write "[fd00::9]:8005" in YAML',
    ),
    "a list with IPv6 that lost its quotes": (
        {**N, "kong_proxy_listen": "[0.0.0.0:8000, [::]:8000]"},
        'this is text in quotes, not a list; write ["0.0.0.0:8000", "[::]:8000"] in YAML',
    ),
    "commas in an item of a list": (
        {**N, "kong_proxy_sources": ["a", "b,c", 7]},
        'the item \'b,c\' must be several items; write ["a", "b", "c", "7"]',
    ),
    "commas in the sources of a port": (
        {**N, "kong_stream_sources": {9100: "a,b,c", 9200: "any"}},
        'key 9100: several items must be a list, not text; write ["a", "b", "c"]',
    ),
    "a list in quotes": (
        {**N, "kong_admin_listen": '["0.0.0.0:8001", "0.0.0.0:8444 ssl"]'},
        'this is text in quotes, not a list; write ["0.0.0.0:8001", "0.0.0.0:8444 ssl"] in YAML and [group:vars], "[\'0.0.0.0:',
    ),
    "a number for a version": (
        {**N, "kong_version": 0.1},
        'it is a number, and 0.10 without quotes is the same number; quote the version: "0.10" in YAML and [group:vars], "\'0.10\'" on',
    ),
    "a version in the quotes for a host line": (
        {**N, "kong_version": "'0.10'"},
        'the text has quotes inside; write "0.10" in YAML',
    ),
    "text with commas": (
        {**N, "kong_proxy_sources": "10.0.0.50, 10.0.0.51"},
        'several items must be a list, not text; write ["10.0.0.50", "10.0.0.51"] in YAML',
    ),
    "commas in an item": (
        {**N, "kong_proxy_sources": ["a,b"]},
        'the item \'a,b\' must be several items; write ["a", "b"]',
    ),
    "a mapping for a list": (
        {**N, "kong_published_ports": {80: 8000}},
        "it must be a list of published ports, for example",
    ),
    "a fraction for text": ({**N, "kong_site": 1.5}, 'it must be text; write "1.5" in YAML'),
    "a list of a mapping": ({**N, "kong_nat": ["203.0.113.7"]}, "it must be a list of mappings, for example"),
    "text for a boolean": ({**N, "kong_flat_network": "true"}, "true or false, in an INI inventory True or False"),
    "text for a number": ({**N, "kong_listen_retries": "often"}, "it must be a whole number, 0 or more"),
    "a number that is too small": ({**N, "kong_verify_tries": 0}, "it must be a whole number from 1 to 10"),
    "a fraction for an address": (
        {**N, "kong_address": 10.1},
        'it must be one IPv4 and/or one IPv6 address, for example ["192.0.2.10"',
    ),
    "a fraction of retries": ({**N, "kong_listen_retries": 1.5}, "it must be a whole number, 0 or more"),
    "a fraction of seconds": ({**N, "kong_listen_drain": "2.5"}, "it must be a whole number, 0 or more"),
    "a fraction of the rollback": (
        {**N, "kong_firewall_rollback_timeout": 7.5},
        "it must be a whole number of seconds",
    ),
    "a fraction of a try": ({**N, "kong_verify_tries": 1.5}, "it must be a whole number from 1 to 10"),
    "too many tries": ({**N, "kong_verify_tries": 11}, "it must be a whole number from 1 to 10"),
    "a fraction of a pair": ({**N, "kong_verify_pairs": 0.5}, "it must be a whole number, 1 or more"),
    "no seconds": ({**N, "kong_verify_timeout": 0}, "it must be a number of seconds from 0.01 to 60"),
    "too many seconds": ({**N, "kong_verify_timeout": "61"}, "it must be a number of seconds from 0.01 to 60"),
    "a version that may be two": (
        {**N, "kong_version": 3.1},
        'quote the version: "3.1" in YAML and [group:vars], "\'3.1\'" on an INI host line or "3.10" in YAML',
    ),
    "a role in a list": ({**N, "kong_role": ["data_plane"]}, 'and not a list; write "data_plane" in YAML'),
    "a role in a list in quotes": (
        {**N, "kong_role": "[data_plane]"},
        'it must be traditional, control_plane or data_plane, and not a list in quotes; write "data_plane" in YAML',
    ),
    "a target in a list in quotes": (
        {**N, "kong_listen_target": "['env']"},
        'it must be conf or env, and not a list in quotes; write "env" in YAML',
    ),
    "a version in a list that lost its quotes": ({**N, "kong_version": "[3.10]"}, 'in quotes; write "3.10" in YAML'),
    "versions in a list in quotes": ({**N, "kong_version": '["3.4", "3.9"]'}, 'in quotes, for example "3.9" in YAML'),
    "roles in a list in quotes": (
        {**N, "kong_role": "[data_plane, env]"},
        'and not a list in quotes, for example "data_plane" in YAML',
    ),
    "a mapping of JSON": (
        {**N, "kong_stream_sources": '{"9100": ["10.0.0.1"], "9200": null}'},
        'this is text in quotes, not a mapping; write {"9100": ["10.0.0.1"], "9200": null} in YAML',
    ),
    "a mapping that lost its quotes": (
        {**N, "kong_stream_sources": "{9100: [10.0.0.1]}"},
        'not a mapping; write a list of sources such as ["10.0.0.50", "@operators"] in YAML',
    ),
    "a list for a query": ({**N, "kong_nat_query": [1, 2]}, 'for example "[{outside: cmdb.public_ip}]" in YAML'),
    "a boolean in quotes": ({**N, "kong_flat_network": "'true'"}, "it must be true or false, in an INI inventory True"),
    "too few seconds": (
        {**N, "kong_firewall_rollback_timeout": "4.9"},
        "it must be a whole number of seconds, 5 or more",
    ),
    "an unknown backend": (
        {**N, "kong_firewall_backend": "pf"},
        "it must be auto, firewalld, iptables, nftables or ufw",
    ),
    "an unknown state": ({**N, "kong_transparent_state": "gone"}, "it must be present or absent"),
    "text for batches": ({**N, "kong_listen_serial": "abc"}, "it must be a number, a percentage or a list of them"),
    "a batch of no nodes": (
        {**N, "kong_listen_serial": [1, "0%"]},
        "it must be a number, a percentage or a list of them",
    ),
    "a relative path of a host": (
        {**N, "kong_listen_file": "kong.conf"},
        "it must be the absolute path of a file, for example",
    ),
    "a home folder": ({**N, "kong_listen_program": "~/kong"}, "it must be the absolute path of a file, for example"),
    "a folder for a file": (
        {**N, "kong_listen_file": "/etc/kong/"},
        "it must be the absolute path of a file, for example",
    ),
    "a path of two lines": (
        {**N, "kong_listen_file": "/etc\n/kong"},
        "it must be the absolute path of a file, for example",
    ),
    "empty text": ({**N, "kong_vpn_address": " "}, "it is empty; give one IPv4 and/or one IPv6 address, or remove it"),
    "an empty advertised address": (
        {**N, "kong_version": "0.10.4", "kong_cluster_advertise": ""},
        "it is empty; give ADDRESS:PORT as text, or remove it (null also means not set)",
    ),
    "an empty control plane": (
        {**DATA_PLANE, "kong_cluster_control_plane": ""},
        "it is empty; give ADDRESS:PORT as text",
    ),
    "a list of control planes": (
        {**DATA_PLANE, "kong_cluster_control_plane": ["cp1:8005"]},
        "it must be ADDRESS:PORT as text",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_value_of_another_kind_is_an_error(case):
    variables, part = CASES[case]
    error = find_only_error({"n": variables})
    assert error.code in ("variable-invalid", "version-unquoted")
    assert part in error.message


ITEM_VARIABLES = [name for name, kind in KINDS.items() if kind in (*ITEM_KINDS, kinds.LISTEN)]
ADDRESS_TEXTS = [f"10.0.0.{number}" for number in range(50, 70)]


@pytest.mark.parametrize("count", [2, 3, 5, 20])
@pytest.mark.parametrize("form", ["commas", "item", "json", "lost quotes"])
@pytest.mark.parametrize("kind", ITEM_KINDS, ids=lambda kind: kind.expected)
def test_advice_has_all_items_or_an_ellipsis(kind, form, count):
    items = ADDRESS_TEXTS[:count]
    joined = ",".join(items)
    value = {
        "commas": joined,
        "item": [items[0], ",".join(items[1:])] if count > 2 else [joined],
        "json": json.dumps(items),
        "lost quotes": f"[{joined}]",
    }
    with pytest.raises(KindError) as caught:
        read_kind(kind, value[form])
    written, host_line = FORMS.fullmatch(str(caught.value).partition("write ")[2]).groups()
    expected = items if count < 20 else [items[0], "…"]
    assert yaml.safe_load(written) == expected
    assert yaml.safe_load(host_line) == (str(items) if count < 20 else f"['{items[0]}', …]")


def is_list_of_scalars(value):
    return isinstance(value, list) and not any(isinstance(item, (list, dict)) for item in value)


# Ways to write a value that an inventory does not read as this value.
WRONG_FORMS = {
    "JSON in quotes": lambda value: isinstance(value, (list, dict)) and json.dumps(value),
    "Python in quotes": lambda value: isinstance(value, (list, dict)) and repr(value),
    "a list that lost its quotes": lambda value: is_list_of_scalars(value) and f"[{', '.join(map(str, value))}]",
    "text with commas": lambda value: is_list_of_scalars(value) and ", ".join(map(str, value)),
    "commas in an item": lambda value: is_list_of_scalars(value) and [", ".join(map(str, value))],
    "in a list": lambda value: isinstance(value, (str, float)) and [value],
    "in a list in quotes": lambda value: isinstance(value, (str, float)) and json.dumps([value]),
    "in a list that lost its quotes": lambda value: isinstance(value, (str, float)) and f"[{value}]",
    "two pairs of quotes": lambda value: isinstance(value, str) and f"'{value}'",
    "a number": lambda value: (
        isinstance(value, str) and value.count(".") == 1 and value.replace(".", "").isdigit() and float(value)
    ),
}
ADVICE = re.compile(
    r'(?:write|quote the version:|or) (["\[{0-9].*?) in YAML and \[group:vars\], (".*?") on an INI host line'
)


def read_line(tmp_path, text):
    return read_variable(tmp_path, "host.ini", f"[kong]\nk1 kong_x={text} kong_y=1\n")


@pytest.mark.parametrize("form", WRONG_FORMS)
@pytest.mark.parametrize("name", sorted(KINDS))
def test_advice_about_a_form_gives_the_value(tmp_path, name, form):
    """Each advice to write another form of the same value is this value, in every format of an inventory."""
    kind = KINDS[name]
    for right in list_right_values(name):
        wrong = WRONG_FORMS[form](right)
        found = [
            error.message
            for error in compile_fleet({"n": {**N, name: wrong}}).errors
            if wrong and error.variable == name and error.code in ("variable-invalid", "version-unquoted")
        ]
        for message in found:
            advised = [
                forms for forms in ADVICE.findall(message) if "…" not in "".join(forms) and " such as " not in message
            ]
            values = [(yaml.safe_load(of_yaml), read_line(tmp_path, of_line)) for of_yaml, of_line in advised]
            assert all(as_texts(of_yaml) == as_texts(of_line) for of_yaml, of_line in values)
            if values:
                assert as_texts(read_kind(kind, right)) in [
                    as_texts(read_kind(kind, value)) for value, _same in values
                ], message


def as_texts(value):
    """Return a value with all its scalars as text, and with the item in place of a list of one item."""
    if isinstance(value, dict):
        return {str(key): as_texts(item) for key, item in value.items()}
    if isinstance(value, list):
        return as_texts(value[0]) if len(value) == 1 else [as_texts(item) for item in value]
    return str(value)


@pytest.mark.parametrize("name", ITEM_VARIABLES)
def test_shortened_advice_is_an_error(name):
    found = compile_fleet({"n": {**N, name: ["10.0.0.50", "…"]}}).findings
    assert any(error.severity == "error" and error.variable == name for error in found)


@pytest.mark.parametrize("text", ["[::1]:8001", "[::1]:8001, [::1]", "[::]:8000 ssl, [::]:8443"])
def test_text_that_starts_with_an_ipv6_address_is_no_list(text):
    assert read_kind(kinds.LISTEN, text) == text


@pytest.mark.parametrize("text", ["docker restart kong", "sh -c 'docker restart \"kong\"'", '"/opt/my kong/restart"'])
def test_command_with_closed_quotes_is_kept(text):
    assert read_kind(kinds.COMMAND, text) == text


def test_value_of_kong_config_is_not_shown():
    error = find_only_error({"n": {**N, "kong_config": '{"pg_password": "secret"}'}})
    assert error.message.startswith("n: kong_config: 'str': this is text in quotes, not a mapping; write")
    assert "secret" not in f"{error.message}{error.value}"


@pytest.mark.parametrize(
    ("value", "part"),
    [
        ("https://cp:8005", "is a URL; write ADDRESS:PORT without the scheme"),
        ("cp", "'cp' has no port"),
        ("cp1:8005, cp2:8005", "it is several addresses, and Kong connects to one"),
        ("10.0.0.1:99999", "port 99999 of '10.0.0.1:99999' is above 65535"),
        ("10.0.0.1:0", "port 0"),
        ("8005", "it has no host to connect to"),
        ("0.0.0.0:8005", "it has no host to connect to"),
        ("*:8005", "it has no host to connect to"),
        ("[::]:8005", "it has no host to connect to"),
        (":8005", "it has no host to connect to"),
        ("[fd00::1]", "'[fd00::1]' has no port"),
        ("off", "'off' has no port"),
        ("fd00::1:8005", "write IPv6 as [ADDRESS]:PORT"),
        ("[fe80::1%eth0]:8005", "'fe80::1%eth0' has a zone, which Kong does not accept; use an address without a zone"),
        ("cp:8005/v1", "port '8005/v1' of 'cp:8005/v1' is not a number"),
    ],
)
@pytest.mark.parametrize("name", ["kong_cluster_control_plane", "kong_cluster_telemetry_endpoint"])
def test_address_of_a_control_plane(name, value, part):
    node = {**DATA_PLANE, "kong_version": "3.4.3.5", "kong_cluster_control_plane": "cp:8005"}
    error = find_only_error({"n": {**node, name: value}})
    assert (error.code, error.variable, error.value) == ("control-plane-invalid", name, value)
    assert part in error.message
    assert "Give one HOST:PORT, such as cp1.example.com:8005, or remove it" in error.message


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("cp.example:8005", "cp.example:8005"),
        (" 10.0.0.9:443 ", "10.0.0.9:443"),
        ("[fd00::9]:8005", "[fd00::9]:8005"),
        ("010.0.0.9:08005", "10.0.0.9:8005"),
        ("127.0.0.1:8005", "127.0.0.1:8005"),
    ],
)
def test_given_address_of_a_control_plane(value, written):
    plan = compile_fleet({"n": {**DATA_PLANE, "kong_cluster_control_plane": value}}).plan
    assert plan["nodes"]["n"]["settings"]["cluster_control_plane"] == written


@pytest.mark.parametrize("character", "\"'`Xx1-[{")
@pytest.mark.parametrize("form", ["{0}", "{0}x", "x{0}", "{0}x{0}", "{0}x-"])
def test_text_has_quotes_inside_only_if_it_starts_and_ends_with_them(character, form):
    text = form.format(character)
    if character in "\"'" and form == "{0}x{0}":
        with pytest.raises(KindError, match="the text has quotes inside"):
            read_kind(kinds.LISTEN, f" {text} ")
    else:
        assert read_kind(kinds.LISTEN, text) == text


@pytest.mark.parametrize("kind", ALL_KINDS)
def test_null_has_no_value(kind):
    assert read_kind(ALL_KINDS[kind], None) is None


@pytest.mark.parametrize("version", ["03.9", "3.09", "0.010"])
def test_leading_zeros_of_a_version(version):
    assert find_only_error({"n": {**N, "kong_version": version}}).code == "version-unknown"


@pytest.mark.parametrize(
    ("variable", "accepted", "rejected"),
    [
        ("kong_staged_days", (1, 365), (0, 366)),
        ("kong_verify_tries", (1, 10), (0, 11)),
        ("kong_verify_timeout", (0.01, 60), (0.009, 60.1)),
        ("kong_verify_pairs", (1,), (0,)),
        ("kong_firewall_rollback_timeout", (5,), (4,)),
        ("kong_listen_drain", (0,), (-1,)),
    ],
)
def test_the_limits_of_a_number(variable, accepted, rejected):
    kind = KINDS[variable]
    assert [read_kind(kind, value) for value in accepted] == [*accepted]
    for value in rejected:
        with pytest.raises(KindError, match=f"must be {kind.expected}"):
            read_kind(kind, value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        *((word, True) for word in ("true", "yes", "on", "1", True, "True", " ON ", 1)),
        *((word, False) for word in ("false", "no", "off", "0", False, "False", " NO ", 0)),
    ],
)
def test_the_words_of_a_switch(value, expected):
    assert read_kind(kinds.SWITCH, value) is expected


@pytest.mark.parametrize("value", ["", "2", "enabled", "y", 2])
def test_other_words_are_no_switch(value):
    with pytest.raises(KindError):
        read_kind(kinds.SWITCH, value)
