# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The answer whether facts may change a value of the inventory, from the words in its templates."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from ansible_collections.gatehouse.kong.plugins.plugin_utils._template_names import (
    INDIRECT,
    may_depend_on_facts,
    may_have_templates,
)

OWN = {
    "ansible_host": "10.0.0.1",
    "ansible_port": "{{ ssh_port }}",
    "ssh_port": 22,
    "wan": "{{ ansible_default_ipv4.address }}",
    "nested": {"a": ["{{ wan }}"]},
    "first": "{{ second }}",
    "second": "{{ first }}",
    "secret": SimpleNamespace(),
    "kong_site": "a",
}
PLAY = {"folder": "/srv", "of_host": "{{ ansible_facts.nodename }}", "ansible_play_hosts": ["a"]}


@pytest.mark.parametrize(
    "value",
    [
        "ansible_facts",
        7,
        None,
        ["10.0.0.1", {"a": True}],
        "{{ undefined_name }}",
        "{{ kong_site",
        "{{ ansible_host }}:{{ ansible_port }}",
        "{{ first }}",
        "{{ folder }}/plan.json",
        "{% for x in [1, 2] %}{{ x }}{% endfor %}",
    ],
)
def test_values_that_no_fact_can_change(value):
    assert not may_depend_on_facts(value, OWN, PLAY)


@pytest.mark.parametrize(
    "value",
    [
        "{{ ansible_facts.default_ipv4.address | default('') }}",
        "{{ ansible_default_ipv4.address }}",
        "{{ ansible_play_hosts }}",
        "{{ wan }}",
        ["{{ nested }}"],
        {"a": "{{ nested.a }}"},
        {"{{ wan }}": 1},
        "{{ secret }}",
        SimpleNamespace(),
        "{{ of_host }}",
        "{% if ansible_facts",
        "#jinja2: variable_start_string:'[%'\n[% ansible_facts %]",
        *(f"{{{{ {name} }}}}" for name in sorted(INDIRECT)),
    ],
)
def test_values_that_facts_may_change(value):
    assert may_depend_on_facts(value, OWN, PLAY)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("10.0.0.1", False),
        ("", False),
        ("{{ x }}", True),
        ("{% if x %}", True),
        ("#jinja2: trim_blocks: False\nx", True),
        (" #jinja2:", False),
        (None, False),
        (True, False),
        (7, False),
        (1.5, False),
        ([], False),
        (["a", 1, "{{ x }}"], True),
        (("a", ["{{ x }}"]), True),
        (["a", 1], False),
        ({}, False),
        ({"a": "b"}, False),
        ({"a": "b", "c": {"d": ["{{ x }}"]}}, True),
        ({"{{ x }}": "b"}, True),
        (SimpleNamespace(), True),
        ({"a": SimpleNamespace()}, True),
    ],
)
def test_only_templates_and_vaulted_values_are_given_to_ansible(value, expected):
    assert may_have_templates(value) is expected
