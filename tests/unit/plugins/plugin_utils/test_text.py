# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Text from a node: the output of the controller contains none of its control characters."""

from __future__ import annotations

import json
import unicodedata
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.gatehouse.kong.plugins.plugin_utils._node_module import from_node
from ansible_collections.gatehouse.kong.plugins.plugin_utils._report.report import FORMS, Evidence
from ansible_collections.gatehouse.kong.plugins.plugin_utils._text import (
    escape_all,
    escape_text,
    fit_list,
    format_for_inventory,
    format_ranges,
    make_natural_key,
    measure_width,
    shorten,
    shorten_middle,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.drift import format_drift, gather
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.explain import (
    choose_probes,
    explain,
    list_outcomes,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.probes import list_callers, list_probes_from
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.result import (
    compare,
    format_verification,
    read_registered_observers,
    read_registered_probes,
)
from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils.fleets import (
    SEED_NODES,
    SEED_OTHERS,
    find_errors,
    plan_fleet,
    read_text,
)

PLAN = plan_fleet(SEED_NODES, SEED_OTHERS)
# Line breaks, escape sequences of both widths, bidirectional overrides, an invisible space, a lone surrogate.
CONTROLS = "\n\r\x00\x07\x08\x1b\x7f\x85\x9b\u061c\u200b\u2028\u2029\u202e\u2066\ud800\ue000\ufeff\U000e0001"
TEXTS = st.text(st.one_of(st.sampled_from(CONTROLS + "\\[ab"), st.characters()), max_size=20)


def find_controls(text):
    """Return the characters of a text that a terminal does not display."""
    return {
        character for character in text if unicodedata.category(character) in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
    }


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("\x1b[31mred\x1b[0m", r"\x1b[31mred\x1b[0m"),
        ("two\nlines\t\r", r"two\nlines\t\r"),
        ("\u202egpj.exe", r"\u202egpj.exe"),
        ("\U000e0001", r"\U000e0001"),
        ("\x9b2J", r"\x9b2J"),
        ("a\\b é 漢 🙂", "a\\b é 漢 🙂"),
        ("", ""),
        (7, "7"),
    ],
)
def test_escaped(text, expected):
    assert escape_text(text) == expected


@given(TEXTS)
def test_escaped_text_has_no_control_character_and_keeps_all_others(text):
    found = escape_text(text)
    assert find_controls(found) == set()
    assert escape_text(found) == found
    if not find_controls(text) and " " not in text and text.isprintable():
        assert found == text


@given(TEXTS, TEXTS)
def test_data_is_escaped_at_every_depth(text, key):
    found = json.dumps(escape_all([{key: (text, {"a": [text]})}, 1, None, True]), ensure_ascii=False)
    assert find_controls(found) == set()


@given(TEXTS)
def test_result_of_a_module(text):
    answer = from_node(
        {"msg": text, "warnings": [text], "report": [text], "changed": True, "diff": [{"before": f"a\n{text}"}]}
    )
    assert find_controls(answer["msg"] + answer["warnings"][0] + answer["report"][0]) == set()
    assert find_controls(answer["diff"][0]["before"]) <= {"\n", "\t"}
    assert answer["diff"][0]["before"].startswith("a\n")
    assert answer["changed"] is True


def test_module_reports_no_facts():
    facts = {"kong_role": "control_plane", "discovered_interpreter_python": "/usr/bin/python3"}
    assert from_node({"changed": False, "ansible_facts": facts}) == {
        "changed": False,
        "ansible_facts": {"discovered_interpreter_python": "/usr/bin/python3"},
    }
    assert from_node({"ansible_facts": {"kong_role": "control_plane"}}) == {}


def make_hostvars(text):
    """Return the registered results of all hosts, with a text in all places that may have one."""
    certificate = {"subject": text, "not_after": f"2030{text}", "days_left": 9}
    probes = {
        caller: [
            {"name": probe.name, "result": "refused", "detail": text, "certificate": certificate, "status": 200}
            for probe in list_probes_from(PLAN, caller)
        ]
        for caller in list_callers(PLAN)
    }
    blind = {"blind": {"ipv4": text}, "arrived": [text], "let_in": [], "unheard": [], "sent_on": []}
    return {caller: {"probed": {"probes": found}, "result": {"observer": blind}} for caller, found in probes.items()}


@settings(max_examples=6, deadline=None)
@given(TEXTS.filter(find_controls))
def test_verification_in_every_form(chosen):
    text = f"marker{chosen}"
    registered = make_hostvars(text)
    verification = compare(
        PLAN, read_registered_probes(PLAN, registered, "probed"), read_registered_observers(PLAN, registered, "result")
    )
    assert len(verification.differences) > 10
    assert find_controls("".join(format_verification(verification))) == set()
    drift = gather(
        PLAN, {"a1": {"listeners": {"failed": False, "report": [text]}, "firewall": {"failed": True, "msg": text}}}
    ).as_dict()
    evidence = Evidence(
        PLAN, {"at": "now", "outcomes": [outcome.as_dict() for outcome in verification.outcomes]}, drift
    )
    for form in (".html", ".md", ".xml", ".json"):
        written = FORMS[form](evidence)
        assert find_controls(written) <= {"\n"}
        assert "marker" in written
    ET.fromstring(FORMS[".xml"](evidence))


@given(TEXTS)
def test_drift(text):
    results = {
        "listeners": {"failed": False, "report": [text]},
        "firewall": {"failed": True, "msg": text},
        "settings": {"failed": False, "changed_settings": [text], "path": text, "unknown": [text]},
    }
    lines = format_drift(gather(PLAN, {"a1": results}).as_dict())
    assert find_controls("".join(lines)) == set()


@given(TEXTS)
def test_explanation(text):
    probes = choose_probes(PLAN, "a1", "a2", "admin")
    assert len(probes) > 0
    results = [{"name": probe.name, "result": "open", "detail": text} for probe in probes]
    met = list_outcomes(PLAN, probes, results, None)
    for probe in probes:
        assert find_controls("".join(explain(PLAN, probe, met))) == set()


def test_finding_that_quotes_a_fact():
    facts = {"hostname": "\x1b[2J\u202e", "all_ipv4_addresses": ["10.0.0.1"]}
    (error,) = find_errors({"n": {"ansible_facts": facts, "kong_address_query": "ansible_facts.hostname"}})
    text = read_text(error)
    assert find_controls(text) == set()
    assert r"\x1b[2J" in text


@pytest.mark.parametrize(
    ("names", "shown"),
    [
        ([], ""),
        (["b1"], "b1"),
        (["k10", "k2", "k1"], "k1 to k2, k10, 3 nodes"),
        ([f"k{number}" for number in range(1, 101)], "k1 to k100, 100 nodes"),
        ([f"k{number}" for number in range(1, 101) if number != 41], "k1 to k40, k42 to k100, 99 nodes"),
        (["k008", "k009", "k010", "k12"], "k008 to k010, k12, 4 nodes"),
        (["k9-eu", "k10-eu", "k11-us"], "k9-eu to k10-eu, k11-us, 3 nodes"),
        (["a", "b", "c", "d", "e", "f"], "a, b, c, d and 2 more, 6 nodes"),
        (["9", "10", "x"], "9 to 10, x, 3 nodes"),
    ],
)
def test_name_ranges(names, shown):
    assert format_ranges(names) == shown


@pytest.mark.parametrize(("length", "more"), [(100, ""), (101, " and 1 more")])
def test_ranges_of_long_names_are_counted(length, more):
    first, second = "a" * 60, "b" * (length - 60)
    assert format_ranges([first, second], most=2) == f"{first}{more or f', {second}'}, 2 nodes"


@pytest.mark.parametrize("shown", ["a1, b2, c3", "a1, b2 +1", "a1 +2"])
def test_a_list_is_cut_to_a_width(shown):
    assert fit_list("of ", ["a1", "b2", "c3"], measure_width(f"of {shown}", 10), 10) == f"of {shown}"


def test_natural_order():
    assert sorted(["dp10", "dp2", "cp1", "dp2b10", "dp2b9", "10", "9"], key=make_natural_key) == [
        "9", "10", "cp1", "dp2", "dp2b9", "dp2b10", "dp10",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "at_the_end", "in_the_middle"),
    [("", "", ""), ("abcd", "abcd", "abcd"), ("abcde", "abcde", "abcde"), ("abcdef", "abcd…", "ab…ef")],
)
def test_a_text_is_shortened_only_if_it_is_longer_than_the_limit(text, at_the_end, in_the_middle):
    assert (shorten(text, 5), shorten_middle(text, 5)) == (at_the_end, in_the_middle)


@pytest.mark.parametrize("wrap", [lambda text: ["a", text], lambda text: {"a": 1, "b": text}])
@pytest.mark.parametrize(("length", "is_whole"), [(90, True), (91, False)])
def test_an_example_is_shortened_only_if_it_is_longer_than_ninety_characters(wrap, length, is_whole):
    value = wrap("x" * (length - len(json.dumps(wrap("")))))
    assert len(json.dumps(value)) == length
    yaml, _separator, line = format_for_inventory(value).partition(" in YAML and [group:vars], ")
    assert (yaml == json.dumps(value)) is is_whole
    assert (line.removesuffix(" on an INI host line").strip('"') == repr(value)) is is_whole
    if not is_whole:
        assert yaml in ('["a", …]', '{"a": 1, …}')


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (["x" * 86], f'["{"x" * 86}"]'),
        (["x" * 87], f'["{"x" * 87}…'),
        (["x" * 40, "y" * 42], f'["{"x" * 40}", "{"y" * 42}"]'),
        (["x" * 40, "y" * 43], f'["{"x" * 40}", …]'),
        (["x" * 83, "y"], f'["{"x" * 83}", …]'),
        (["x" * 84, "y"], f'["{"x" * 83}…, …]'),
        ({"k": "x" * 81}, f'{{"k": "{"x" * 81}"}}'),
        ({"k": "x" * 82}, f'{{"k": "{"x" * 82}…'),
        ({"k": "x" * 40, "l": "y" * 32}, f'{{"k": "{"x" * 40}", "l": "{"y" * 32}"}}'),
        ({"k": "x" * 40, "l": "y" * 33}, f'{{"k": "{"x" * 40}", …}}'),
    ],
)
def test_a_long_value_of_the_inventory_is_shortened_to_90_characters(value, shown):
    """A list or a mapping of several items has its first item."""
    assert format_for_inventory(value).partition(" in YAML")[0] == shown
