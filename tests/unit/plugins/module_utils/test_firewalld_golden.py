# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rulesets are those of the nftables backend: each must say the same in its own language."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._backends.firewalld.files import render_files
from ansible_collections.gatehouse.kong.plugins.module_utils._backends.firewalld.objects import (
    NOTHING,
    POLICY,
    differences,
    frame,
    make_objects,
    parse_rule,
    read_ruleset,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.ruleset import ruleset_from_data

GOLDEN = Path(__file__).parents[3] / "golden"
CASES = sorted({path.stem for path in (GOLDEN / "nftables").glob("*.nft")} - {"published"})


def wanted(case):
    return ruleset_from_data(json.loads((GOLDEN / "nftables" / f"{case}.json").read_text()))


def shown(case):
    """What firewalld 1.3.3 ran after it had read the files."""
    return json.loads((GOLDEN / "firewalld" / f"{case}.listed.json").read_text())


def test_there_are_cases():
    assert len(CASES) >= 6


@pytest.mark.parametrize("case", CASES)
def test_the_files_are_written_to_the_letter(case):
    files = render_files(make_objects(wanted(case)))
    text = "".join(f"# {path}\n{content}" for path, content in files.items())
    assert text == (GOLDEN / "firewalld" / f"{case}.txt").read_text()


@pytest.mark.parametrize("case", CASES)
def test_what_firewalld_shows_of_them_means_the_same(case):
    assert read_ruleset(shown(case)) == wanted(case)
    assert shown(case) == make_objects(wanted(case))
    assert list(differences(shown(case))) == []


def test_without_a_policy_there_is_nothing():
    assert make_objects(None) == NOTHING
    assert read_ruleset(NOTHING) is None


def edited(change):
    objects = shown("sources")
    change(objects)
    return objects


OWNERS_EDITS = {
    "a rule of the owner": (
        lambda o: o["policies"][POLICY]["rich_rules"].append('rule service name="ssh" accept'),
        f'policy {POLICY}: rich_rules has rule service name="ssh" accept',
    ),
    "a rule less": (lambda o: o["policies"][POLICY]["rich_rules"].pop(0), "rich_rules lacks rule priority="),
    "a service in the policy": (lambda o: o["policies"][POLICY].update(services=["ssh"]), "services has ssh"),
    "another target": (lambda o: o["policies"][POLICY].update(target="ACCEPT"), "target is 'ACCEPT'"),
    "a port in a service": (
        lambda o: o["services"]["gatehouse-kong-admin-8001-tcp"]["ports"].append(["22", "tcp"]),
        "ports has ['22', 'tcp']",
    ),
    "a service that nothing uses": (
        lambda o: o["services"].update({"gatehouse-kong-old-1-tcp": {"ports": [["1", "tcp"]]}}),
        "service gatehouse-kong-old-1-tcp: nothing of ours uses it",
    ),
    "a set gone": (lambda o: o["ipsets"].pop("gkong6-office"), "ipset gkong6-office: missing"),
}


@pytest.mark.parametrize("change, line", OWNERS_EDITS.values(), ids=OWNERS_EDITS)
def test_what_an_owner_changed_is_told(change, line):
    found = list(differences(edited(change)))
    assert any(line in one for one in found), found


def test_an_entry_of_the_owner_is_part_of_the_ruleset():
    objects = edited(lambda o: o["ipsets"]["gkong4-10-bastions"]["entries"].append("10.0.0.6"))
    (bastions,) = [one for one in read_ruleset(objects).sets if one.name == "10-bastions"]
    assert bastions.ipv4.texts() == ["10.0.0.4/32", "10.0.0.5/32", "10.0.0.6/32"]
    assert list(differences(objects)) == []


@pytest.mark.parametrize(
    "change, same",
    [
        (lambda o: o["ipsets"]["gkong4-office"]["entries"].clear(), True),
        (lambda o: o["policies"][POLICY]["rich_rules"].pop(), True),
        (lambda o: o["policies"][POLICY].update(priority=-1), False),
        (lambda o: o["services"].pop("gatehouse-kong-debug-18000-tcp"), False),
        (lambda o: o["ipsets"].pop("gkong4-office"), False),
    ],
)
def test_only_objects_that_come_or_go_take_a_reload(change, same):
    assert (frame(edited(change)) == frame(shown("sources"))) is same


@pytest.mark.parametrize("text", ['rule family="ipv4" service name="ssh" accept', 'rule priority="-30" drop', ""])
def test_a_rule_of_another_shape_is_not_ours(text):
    assert parse_rule(text) is None


@pytest.mark.parametrize("case", CASES)
def test_each_rule_reads_back_as_itself(case):
    rules = shown(case)["policies"][POLICY].get("rich_rules", [])
    assert [str(parse_rule(rule)) for rule in rules] == rules
