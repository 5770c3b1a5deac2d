# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Findings that differ only in values are one group."""

from __future__ import annotations

import pytest

from ansible_collections.gatehouse.kong.plugins.plugin_utils._finding_groups import group_findings


def make_finding(message, *hosts, **more):
    return {"severity": "warning", "code": "c", "variable": "v", "message": message, "hosts": [*hosts], **more}


@pytest.mark.parametrize(
    ("messages", "variants"),
    [
        (["port 80 of 'x'"], []),
        (["port 80 of 'x'", "port 81 of 'x'"], [("80", ["a"]), ("81", ["b"])]),
        (["port 80 of 'x'", "port 81 of 'y'"], [("80, 'x'", ["a"]), ("81, 'y'", ["b"])]),
        (["port 80 and 80", "port 81 and 82"], [("80", ["a"]), ("81, 82", ["b"])]),
        # All values of the second finding are common values, so it is shown with all.
        (["port 80, 81", "port 80"], [("81", ["a"]), ("80", ["b"])]),
    ],
)
def test_a_variant_has_the_values_that_are_not_common(messages, variants):
    [group] = group_findings(make_finding(text, host) for text, host in zip(messages, "ab", strict=False))
    assert [*group.list_variants()] == variants


def test_facts_have_the_hosts_that_do_not_share_them():
    findings = [
        make_finding("port 80", "b", "a", details={"a": "by hand", "b": "by hand"}),
        make_finding("port 81", "c", details={"c": "by cron"}),
    ]
    [group] = group_findings(findings)
    assert group.shown["hosts"] == ["a", "b", "c"]
    assert group.list_facts() == ["a, b: 80", "c: 81", "a, b: by hand", "c: by cron"]
    [single] = group_findings([make_finding("port 80", "a", "b", details={"a": "by hand", "b": "by hand"})])
    assert single.list_facts() == ["by hand"]


@pytest.mark.parametrize(
    "other",
    [
        {"severity": "error"},
        {"code": "d"},
        {"variable": "w"},
        {"message": "address 80"},
    ],
    ids=lambda other: next(iter(other)),
)
def test_other_findings_are_another_group(other):
    first = make_finding("port 80", "a")
    assert len(group_findings([first, {**first, "message": "port 81"}])) == 1
    assert len(group_findings([first, {**first, **other}])) == 2


@pytest.mark.parametrize(("count", "more"), [(3, ""), (4, " and 1 more")])
def test_3_variants_are_shown(count, more):
    [group] = group_findings(make_finding(f"port {number}", f"h{2 * number}") for number in range(count))
    [line] = [line for line in group.format_lines() if line.startswith("Values: ")]
    assert line == f"Values: 0 (h0), 1 (h2), 2 (h4){more}"
    assert group.is_complete is (count == 3)


@pytest.mark.parametrize(("length", "shown"), [(98, "'" + "x" * 98 + "'"), (99, "'" + "x" * 98 + "…")])
def test_a_variant_has_at_most_100_characters(length, shown):
    [group] = group_findings(make_finding(f"name '{text}'", host) for text, host in (("x" * length, "a"), ("y", "b")))
    assert group.format_lines()[-1] == f"Values: {shown} (a), 'y' (b)"


def test_several_ranges_of_hosts_of_a_variant_are_counted():
    [group] = group_findings([make_finding("port 80", "a1", "a3"), make_finding("port 81", "b")])
    assert group.format_lines()[-1] == "Values: 80 (a1 and 1 more, 2 nodes), 81 (b)"
