# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import re

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.gatehouse.kong.plugins.module_utils._kong_conf.text import ConfError
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_conf.yaml import edit_yaml, read_yaml_values

SAMPLE = """\
---
## The working directory.
# nginx_working_dir: /usr/local/kong/

## Address and port on which the server will accept HTTP requests.
# proxy_listen: "0.0.0.0:8000"

custom_plugins:
- one   # a list may have the indentation of its key
- two

cluster_listen: "0.0.0.0:7946"   # gossip
# cluster:
#   advertise: ""

postgres:
    host: "127.0.0.1"
    port: 5432

nginx: |
  # proxy_listen: not a sample
  http {
    init_by_lua '
      cluster_listen: "x"
    ';

  }
send_anonymous_reports: true
"""


def test_only_the_value_is_replaced():
    new, changed = edit_yaml(SAMPLE, {"cluster_listen": "192.168.23.45:80", "postgres.port": "5433"})
    assert new == SAMPLE.replace('"0.0.0.0:7946"', '"192.168.23.45:80"').replace("5432", "5433")
    assert changed == ["cluster_listen", "postgres.port"]


def test_same_value_changes_nothing():
    settings = {"cluster_listen": "0.0.0.0:7946", "postgres.host": "127.0.0.1", "send_anonymous_reports": "true"}
    assert edit_yaml(SAMPLE, settings) == (SAMPLE, [])


def test_new_settings_follow_their_samples():
    new, _changed = edit_yaml(SAMPLE, {"proxy_listen": "0.0.0.0:80", "cluster.advertise": "192.168.10.5:9000"})
    assert new == SAMPLE.replace(
        '# proxy_listen: "0.0.0.0:8000"\n', '# proxy_listen: "0.0.0.0:8000"\nproxy_listen: "0.0.0.0:80"\n'
    ).replace("# cluster:\n", '# cluster:\ncluster:\n  advertise: "192.168.10.5:9000"\n')


def test_new_settings_without_sample_come_last():
    new, _changed = edit_yaml(SAMPLE, {"cluster_listen_rpc": "127.0.0.1:7373"})
    assert new == SAMPLE + 'cluster_listen_rpc: "127.0.0.1:7373"\n'


@pytest.mark.parametrize(
    ("text", "settings", "expected"),
    [
        ("", {"a": "1"}, 'a: "1"\n'),
        ("", {"c.a": "1"}, 'c:\n  a: "1"\n'),
        ("a: x", {"a": "y"}, 'a: "y"'),
        ("x: y", {"a": "1"}, 'x: y\na: "1"\n'),
        ("x: y\r\na: 'b' \r\n", {"a": "c'd", "c.e": "f"}, "x: y\r\na: 'c''d' \r\nc:\r\n  e: \"f\"\r\n"),
        ('"a": x # c\n', {"a": 'q"\\'}, '"a": "q\\"\\\\" # c\n'),
        ("a: 'it''s'  # c\n", {"a": "it's"}, "a: 'it''s'  # c\n"),
        ("a: 'it''s'\n", {"a": "it''s"}, "a: 'it''''s'\n"),
        ("'a' : x\n", {"a": "y"}, "'a' : \"y\"\n"),
        ("a:\nb: 1\n", {"a": "y"}, 'a: "y"\nb: 1\n'),
        ("a:   # c\nb: 1\n", {"a": "y"}, 'a:  "y" # c\nb: 1\n'),
        ("a: # c\n", {"a": ""}, 'a: "" # c\n'),
        ("...\n", {"a": "y"}, 'a: "y"\n...\n'),
        ("%YAML 1.1\n--- # c\na: x\n...\n# c\n", {"b": "y"}, '%YAML 1.1\n--- # c\na: x\nb: "y"\n...\n# c\n'),
        ("\ufeffa: x\n", {"a": "y"}, '\ufeffa: "y"\n'),
        # unquoted text is unchanged if every parser reads it as text
        ("a: 0.0.0.0:80\nb: wan\n", {"a": "0.0.0.0:80", "b": "wan"}, "a: 0.0.0.0:80\nb: wan\n"),
        ("a: on\nb: 8000\nc: 1:30\n", {"a": "on", "b": "8000", "c": "1:30"}, 'a: "on"\nb: "8000"\nc: "1:30"\n'),
        # Kong's loader expects numbers and booleans for these settings
        ('memory_cache_size: "128"\n', {"memory_cache_size": "128"}, "memory_cache_size: 128\n"),
        ("cluster:\n  a: x\n", {"cluster.ttl_on_failure": 60}, "cluster:\n  ttl_on_failure: 60\n  a: x\n"),
        # a block of settings: its indentation, its samples
        (
            "c: # n\n\n    # a: q\n    b: x\n\nd: 1\n",
            {"c.a": "y"},
            'c: # n\n\n    # a: q\n    a: "y"\n    b: x\n\nd: 1\n',
        ),
        ("c:\n  b: x\n  # a: q\nd: 1\n", {"c.a": "y"}, 'c:\n  b: x\n  # a: q\n  a: "y"\nd: 1\n'),
        ("c:\n  b: |\n    # a: q\n    t\nd: 1\n", {"c.a": "y"}, 'c:\n  a: "y"\n  b: |\n    # a: q\n    t\nd: 1\n'),
        (
            "c:\n  b: |\n    t\n    # a: q\n    # z\nd: 1\n",
            {"c.a": "y"},
            'c:\n  a: "y"\n  b: |\n    t\n    # a: q\n    # z\nd: 1\n',
        ),
        ("c:\n  b: |+\n    t\n\n\nd: 1\n", {"c.a": "y"}, 'c:\n  a: "y"\n  b: |+\n    t\n\n\nd: 1\n'),
        ("c:", {"c.a": "y"}, 'c:\n  a: "y"\n'),
        ("c:\n  b:\n  - 1\n  a: x\n", {"c.a": "y"}, 'c:\n  b:\n  - 1\n  a: "y"\n'),
        # the deepest settings: kong.yml has three levels
        ("", {"d.e.f": "x"}, 'd:\n  e:\n    f: "x"\n'),
        ("d:\n    a: 1\n", {"d.e.f": "x"}, 'd:\n    e:\n      f: "x"\n    a: 1\n'),
        ("d:\n  e:\n  g: 1\n", {"d.e.f": "x"}, 'd:\n  e:\n    f: "x"\n  g: 1\n'),
        ("d:\n  e:\n    f: a # b\n", {"d.e.f": "x"}, 'd:\n  e:\n    f: "x" # b\n'),
        (
            "dns_resolvers_available:\n  server:\n    address: '8.8.8.8'\n  dnsmasq:\n    port: 8053\n",
            {"dns_resolvers_available.dnsmasq.port": "8054", "dns_resolvers_available.server.address": "1.1.1.1"},
            "dns_resolvers_available:\n  server:\n    address: '1.1.1.1'\n  dnsmasq:\n    port: 8054\n",
        ),
        # no new line inside another value
        ("x:\n  y: 1\n# a: q\n  z: 2\n", {"a": "1"}, 'x:\n  y: 1\n# a: q\n  z: 2\na: "1"\n'),
        ("x: [1,\n  2]\n", {"a": "1"}, 'x: [1,\n  2]\na: "1"\n'),
        ("x: {y: ']', # c }\n  z: 1}\n", {"a": "1"}, "x: {y: ']', # c }\n  z: 1}\na: \"1\"\n"),
        ('x: "q\n  r"\n', {"a": "1"}, 'x: "q\n  r"\na: "1"\n'),
    ],
)
def test_edits(text, settings, expected):
    new, _changed = edit_yaml(text, settings)
    assert new == expected
    assert yaml.safe_load(new.lstrip("\ufeff")) is not None
    assert edit_yaml(new, settings) == (new, [])


@pytest.mark.parametrize(
    ("text", "settings", "message"),
    [
        ("a: |\n  x\n", {"a": "1"}, r"line 1: 'a: \|' has no value of 'a' on one line"),
        ("a:\n- x\n", {"a": "1"}, "line 1"),
        ("a: [x]\n", {"a": "1"}, "line 1"),
        ("a: x\n  y\n", {"a": "1"}, "line 1"),
        ('a: "x\n  y"\n', {"a": "1"}, "line 1"),
        ("a: &x y\n", {"a": "1"}, "line 1"),
        ("a: *x\n", {"a": "1"}, "line 1"),
        ("a: !!str y\n", {"a": "1"}, "line 1"),
        ("x: 1\nc: {a: 1}\n", {"c.a": "2"}, r"line 2: 'c: \{a: 1\}' has a value after 'c': write it as a block"),
        ("c: x\n", {"c.a": "2"}, "line 1"),
        ("c:\n- a\n", {"c.a": "2"}, "line 2"),
        ("c:\n\ta: 1\n", {"c.a": "2"}, "line 2.*tab"),
        ("c:\n  b: 1\n\ta: 1\n", {"c.a": "2"}, "line 3"),
        ("c:\n    b: 1\n  a: 1\n", {"c.a": "2"}, "line 3"),
        ("a: 1\nb: 2\na: 3\n", {"a": "1"}, "lines 1 and 3 both have the key 'a'"),
        ("c:\n  a: 1\n  'a': 3\n", {"c.a": "1"}, "lines 2 and 3"),
        ("{a: 1}\n", {"a": "1"}, "line 1"),
        ("- a\n", {"a": "1"}, "line 1"),
        ("? a\n: 1\n", {"a": "1"}, "line 1"),
        ("  a: 1\n", {"a": "1"}, "line 1"),
        ("a: 1\n---\nb: 1\n", {"a": "1"}, "line 1: 'a: 1' belongs to a second document"),
        ("---\na: 1\n---\nb: 1\n", {"a": "1"}, "line 3"),
        ("a: 1\n...\nb: 1\n", {"a": "1"}, "line 3"),
        ("--- {a: 1}\n", {"a": "1"}, "line 1"),
        ('x: "q\na: 1"\n', {"a": "2"}, "line 1: .* starts a value that does not end"),
        ("x: {q: 1,\na: 1}\n", {"a": "2"}, "line 1"),
        ("x: |\n  y", {"a": "2"}, "line 2.*no line ending"),
        ("x: y\rz: 1\n", {"a": "2"}, "line breaks"),
        ("", {"a..c": "2"}, "with a dot"),
        ("", {"a.b.": "2"}, "with a dot"),
        ("a:\n  b: 1\n", {"a.b.c": "2"}, "line 2: '  b: 1' has a value after 'b'"),
        ("a:\n  b:\n  - c: 1\n", {"a.b.c": "2"}, "line 3"),
        ("a:\n  b:\n    c: 1\n  b:\n", {"a.b.c": "2"}, "lines 2 and 4 both have the key 'b'"),
        ("", {"memory_cache_size": "big"}, "'big' is no number"),
        ("", {"cluster.auto-join": "on"}, "'on' is no boolean"),
        ("", {"a": "x\u2028y"}, "line break"),
        ("password: [s3cret]\n", {"password": "x"}, "line 1: 'password: <hidden>'"),
    ],
)
def test_invalid_files_and_values_are_errors(text, settings, message):
    with pytest.raises(ConfError, match=message):
        edit_yaml(text, settings)


VALUE = st.text(alphabet="ab0 :.'\"\\#-[]{}&*~%@,|>!?", max_size=8).map(str.strip) | st.sampled_from(
    ["on", "1:30", "~", "null", "0.0.0.0:8000", "wan", "0x10", "1e3", "é", "=", "<<"]
)
KEY = st.sampled_from(["a", "b", "cluster", "other", "nginx"])
COMMENT = st.sampled_from(["", " # c", "   # a: 1", "  "])
SCALAR = st.sampled_from(['"0.0.0.0:1"', "'it''s'", "plain text", "12", "", '"\\x41"', "[1, 'a: 2']", "{q: 1}", "~"])
TOP = st.builds(lambda key, value, comment: [f"{key}: {value}{comment}"], KEY, SCALAR, COMMENT)
LIST = st.builds(lambda key, pad: [f"{key}:", f"{pad}- one", f"{pad}- b: 1"], KEY, st.sampled_from(["", "  "]))
TEXT = st.builds(
    lambda key, mark, lines: [f"{key}: {mark}", *lines],
    KEY,
    st.sampled_from(["|", ">", "|+", "|-"]),
    st.lists(st.sampled_from(["  text", "   # a: 1", "  cluster: x", "", "  'q"]), min_size=1, max_size=4).map(
        lambda lines: ["  first", *lines]
    ),
)
CHILD = st.builds(
    lambda key, value, comment: f"{key}: {value}{comment}", st.sampled_from(["a", "b", "x"]), SCALAR, COMMENT
)
CHILD_NOTE = st.sampled_from(["", "# c", "# a: 1", "#b: 2"])
BLOCK = st.builds(
    lambda key, pad, lines: [f"{key}:", *[pad + line if line else line for line in lines]],
    KEY,
    st.sampled_from(["  ", "    "]),
    st.lists(CHILD | CHILD_NOTE, max_size=5),
)
DEEP = st.builds(
    lambda key, pad, lines: [f"{key}:", f"{pad}deep:", *[f"{pad}  {line}" for line in lines], f"{pad}x: 1"],
    KEY,
    st.sampled_from(["  ", "    "]),
    st.lists(CHILD, max_size=3),
)
NOTE = st.sampled_from([[""], ["# c"], ["# a: 1"], ["#b: 2"], ["# cluster:", "#   a: 1"]])
FILES = st.builds(
    lambda head, parts, ending, last: ending.join([*head, *[line for part in parts for line in part]]) + last,
    st.sampled_from([[], ["---"], ["%YAML 1.1", "---"]]),
    st.lists(TOP | LIST | TEXT | BLOCK | DEEP | NOTE, max_size=7),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from(["", "\n"]),
)
NAMES = ["a", "b", "cluster.a", "cluster.new", "cluster.deep.a", "other.b", "other.new.a"]
SETTINGS = st.dictionaries(st.sampled_from(NAMES), VALUE, max_size=3)


def take_value(tree, name):
    key, _dot, child = name.partition(".")
    if not child:
        return tree.pop(key, None)
    block = tree.get(key)
    value = take_value(block, child) if isinstance(block, dict) else None
    if not block:
        tree.pop(key, None)
    return value


@given(text=FILES, settings=SETTINGS)
def test_yaml_reads_our_settings_and_the_other_settings_unchanged(text, settings):
    before = yaml.safe_load(text) or {}
    try:
        new, changed = edit_yaml(text, settings)
    except ConfError as error:
        assert re.search(r"lines? \d", str(error))  # noqa: PT017 (the error names the line)
        return
    after = yaml.safe_load(new) or {}
    for name, value in settings.items():
        take_value(before, name)
        assert take_value(after, name) == value
    assert after == before
    assert edit_yaml(new, settings) == (new, [])
    assert set(changed) <= set(settings)


def select_other_lines(text, settings):
    """Return the file without the lines whose key is in our settings."""
    keys = {part for name in settings for part in name.split(".")}
    lines = re.findall(r"[^\n]*\n|[^\n]+", text)
    return "".join(line for line in lines if line.partition(":")[0].strip() not in keys)


@given(text=FILES, settings=SETTINGS)
def test_other_lines_keep_their_bytes(text, settings):
    try:
        new, _changed = edit_yaml(text, settings)
    except ConfError as error:
        assert re.search(r"lines? \d", str(error))  # noqa: PT017 (the error names the line)
        return
    kept = select_other_lines(text, settings)
    # An appended line may add an ending to the previous line.
    assert select_other_lines(new, settings) in (kept, kept + "\n", kept + "\r\n")


def test_a_missing_line_is_not_added_if_it_is_the_default():
    defaults = {"cluster_listen_rpc": "127.0.0.1:7373"}
    assert edit_yaml("a: 'b'\n", {"cluster_listen_rpc": "127.0.0.1:7373"}, defaults) == ("a: 'b'\n", [])
    assert edit_yaml("a: 'b'\n", {"cluster_listen_rpc": "127.0.0.1:7374"}, defaults)[1] == ["cluster_listen_rpc"]


def test_values_are_read_as_text():
    text = (
        "\ufeffproxy_listen: '0.0.0.0:80' # x\ncluster:\n  advertise: 10.0.0.1:7946\npostgres: {port: 5432}\nempty:\n"
    )
    names = ("proxy_listen", "cluster.advertise", "admin_api_listen", "empty", "cluster.encrypt")
    assert read_yaml_values(text, names) == {
        "proxy_listen": "0.0.0.0:80",
        "cluster.advertise": "10.0.0.1:7946",
        "admin_api_listen": None,
        "empty": None,
        "cluster.encrypt": None,
    }
