# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The advice of each finding works: each remedy gives a plan without the finding, and without a new one."""

from __future__ import annotations

import re

import pytest

from ansible_collections.gatehouse.kong.plugins.plugin_utils._codes import CODES, INFO
from ansible_collections.gatehouse.kong.plugins.plugin_utils._findings import MESSAGE_LIMIT
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory import kinds
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.contract import KINDS
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.variables import PlainInventory
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.compile import compile_plan
from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils.fleets import allow_long_messages, compile_fleet
from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils.remedies.table import ADVICE, ELSEWHERE

CASES = [(advice, words) for advice in ADVICE for words in advice.remedies]
# Other words for the same remedies, see conftest.py and _fleet/test_remedies.py.
WITH_SHORT_FORM = "no-path", "advertise-unreachable", "advertise-not-single", "source-no-path"
# A long name, which may be shortened, in place of a short one.
NAME = re.compile(r"\b(\w+)-x+(?:…x+)?")
VARIABLE = re.compile(r"\bkong_[a-z_]+[a-z]\b")


def check_fleet(nodes, others, groups):
    """Return the errors and warnings of a fleet, and whether it has a plan."""
    compilation = compile_fleet(nodes, others, groups)
    return [finding for finding in compilation.findings if finding.severity != INFO], compilation.plan is not None


def apply_changes(hosts, changes):
    """Return the variables of hosts after changes; None removes a variable."""
    after = {name: {**variables, **changes.get(name, {})} for name, variables in hosts.items()}
    return {
        name: {key: value for key, value in variables.items() if value is not None} for name, variables in after.items()
    }


def format_advice(advice):
    """Return the text of the advice: the messages of the finding, and the fix in the registry."""
    with allow_long_messages():
        findings, _plan = check_fleet(apply_changes(advice.nodes, {}), advice.others, advice.groups)
    messages = [finding.message for finding in findings if finding.code == advice.code]
    assert messages, [finding.message for finding in findings]
    return " ".join([*messages, CODES[advice.code].format_plain()[1]])


@pytest.mark.parametrize(("advice", "words"), CASES, ids=[f"{advice.code}: {words}" for advice, words in CASES])
def test_each_remedy_removes_its_finding(advice, words):
    assert words.lower() in format_advice(advice).lower()
    before, _plan = check_fleet(apply_changes(advice.nodes, {}), advice.others, advice.groups)
    changes = advice.remedies[words]
    new = {name: variables for name, variables in changes.items() if name not in {**advice.nodes, **advice.others}}
    after, has_plan = check_fleet(
        apply_changes({**advice.nodes, **new}, changes), apply_changes(advice.others, changes), advice.groups
    )
    assert advice.code not in {finding.code for finding in after}, [finding.message for finding in after]
    assert {finding.code for finding in after} <= {finding.code for finding in before}, [
        finding.message for finding in after
    ]
    assert has_plan


@pytest.mark.parametrize("length", [50, 64, 253])
@pytest.mark.parametrize("advice", ADVICE, ids=[advice.code for advice in ADVICE])
def test_long_names_of_hosts_keep_a_remedy(advice, length):
    """253 characters is the longest name in DNS."""
    names = {name: f"{name}-{'x' * length}"[:length] for name in {**advice.nodes, **advice.others}}
    nodes, others = (rename_hosts(apply_changes(hosts, {}), names) for hosts in (advice.nodes, advice.others))
    groups = {group: [names[member] for member in members] for group, members in advice.groups.items()}
    texts = [CODES[advice.code].format_plain()[1]]
    for finding in check_fleet(nodes, others, groups)[0]:
        assert len(finding.message) <= MESSAGE_LIMIT
        texts += [NAME.sub(r"\1", finding.message)] * (finding.code == advice.code)
    assert advice.code in WITH_SHORT_FORM or any(words.lower() in " ".join(texts).lower() for words in advice.remedies)


def rename_hosts(hosts, names):
    """Return the variables of hosts with other names, also in terms that name hosts."""
    terms = [name for name, kind in KINDS.items() if kind in (kinds.SOURCES, kinds.NAMES)]
    return {
        names[host]: {key: rename_terms(value, names) if key in terms else value for key, value in variables.items()}
        for host, variables in hosts.items()
    }


def rename_terms(value, names):
    if isinstance(value, list):
        return [names.get(term, term) for term in value]
    return names.get(value, value) if isinstance(value, str) else value


def test_every_code_has_its_remedies():
    """A new code of an error or warning needs a fleet in remedies/, or a reason with its test."""
    needed = {name for name, code in CODES.items() if code.severities != (INFO,)}
    assert needed == {advice.code for advice in ADVICE} | {*ELSEWHERE}
    assert {advice.code for advice in ADVICE}.isdisjoint(ELSEWHERE)
    assert all(advice.remedies for advice in ADVICE)


@pytest.mark.parametrize("change", [{"kong": ["n"]}, {"other": ["n"]}])
def test_remedies_of_a_group_without_hosts(change):
    """The remedies are a host in the group, and another group."""
    hosts = {"n": {"kong_version": "3.9", "kong_address": "10.0.0.1"}}
    before = compile_plan(PlainInventory({"kong": [], "other": ["n"]}, hosts), "kong")
    assert [finding.code for finding in before.findings] == ["no-nodes"]
    after = compile_plan(PlainInventory(change, hosts), *change)
    assert (after.plan is not None, after.findings) == (True, ())


@pytest.mark.parametrize("code", [code for code in CODES if code in {advice.code for advice in ADVICE}])
def test_every_variable_in_a_fix_is_changed_by_a_remedy(code):
    fix = {*VARIABLE.findall(CODES[code].format_plain()[1])}
    changes = {
        variable
        for advice in ADVICE
        if advice.code == code
        for hosts in advice.remedies.values()
        for variables in hosts.values()
        for variable in variables
    }
    assert fix - changes == set()
