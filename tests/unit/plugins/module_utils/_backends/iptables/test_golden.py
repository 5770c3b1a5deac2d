# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Scripts for the rulesets of the nftables backend, compared with golden files."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._backends.iptables.boot import (
    Programs,
    parse_script,
    render_removal,
    render_script,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._backends.iptables.rules import make_rules
from ansible_collections.gatehouse.kong.plugins.module_utils._backends.iptables.state import (
    State,
    interpret_state,
    parse_chain,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._host.family import FAMILIES
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.ipset import parse_sets
from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.data import ruleset_from_data
from ansible_collections.gatehouse.kong.plugins.module_utils._transaction.backend import Live

GOLDEN = Path(__file__).parents[5] / "golden"
CASES = sorted({path.stem for path in (GOLDEN / "nftables").glob("*.nft")} - {"published", "staged", "recorded"})
PROGRAMS = Programs("/usr/sbin/ipset", "/usr/sbin/iptables-nft", "/usr/sbin/ip6tables-nft")


def read_wanted(case):
    return ruleset_from_data(json.loads((GOLDEN / "nftables" / f"{case}.json").read_text()))


def test_there_are_cases():
    assert len(CASES) >= 6


@pytest.mark.parametrize("case", CASES)
def test_the_script_equals_the_golden_file(case):
    assert render_script(read_wanted(case), PROGRAMS) == (GOLDEN / "iptables" / f"{case}.sh").read_text()


def test_the_sets_of_files_that_scripts_restore_are_created_last():
    text = render_script(read_wanted("empty"), PROGRAMS, ["/etc/own rules", "/root/six"])
    assert text.endswith("\nmake_missing_sets '/etc/own rules' /root/six\n")
    assert render_script(read_wanted("empty"), PROGRAMS) == text.replace(" '/etc/own rules' /root/six", "")


def test_the_script_for_removal_equals_the_golden_file():
    assert render_removal(PROGRAMS) == (GOLDEN / "iptables" / "removal.sh").read_text()


@pytest.mark.parametrize("case", [*CASES, "removal"])
def test_every_shell_can_parse_the_script(case):
    subprocess.run(["sh", "-n", GOLDEN / "iptables" / f"{case}.sh"], check=True)


@pytest.mark.parametrize("case", CASES)
def test_the_listed_rules_give_the_same_ruleset(case):
    """Parse listings of iptables 1.8.9 and ipset 7.17. Both variants of iptables list the same lines."""
    listed = json.loads((GOLDEN / "iptables" / f"{case}.listed.json").read_text())
    chains = {family: parse_chain(listed[family]) for family in FAMILIES}
    assert interpret_state(State(chains, parse_sets(listed["sets"]), FAMILIES)) == Live(read_wanted(case))


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("family", FAMILIES)
def test_the_rules_can_be_found_in_the_script(case, family):
    assert parse_script(render_script(read_wanted(case), PROGRAMS), family) == make_rules(read_wanted(case), family)


def test_other_texts_have_no_rules():
    assert parse_script("#!/bin/sh\n", "ipv4") == ()
