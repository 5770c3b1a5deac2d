# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._nftables_parse import parse_table
from ansible_collections.gatehouse.kong.plugins.module_utils._nftables_render import render_table
from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset import published_part, ruleset_from_data

GOLDEN = Path(__file__).parents[3] / "golden" / "nftables"
CASES = sorted(path.name[: -len(".nft")] for path in GOLDEN.glob("*.nft"))


def wanted(case):
    return ruleset_from_data(json.loads((GOLDEN / f"{case}.json").read_text()))


def test_there_are_cases():
    assert len(CASES) >= 6


@pytest.mark.parametrize("case", CASES)
def test_the_table_is_written_to_the_letter(case):
    assert render_table(wanted(case)) == (GOLDEN / f"{case}.nft").read_text()


@pytest.mark.parametrize("case", CASES)
def test_what_nft_lists_of_it_means_the_same(case):
    """The listings were recorded with nft 1.0.6."""
    listed = json.loads((GOLDEN / f"{case}.listed.json").read_text())
    assert parse_table(listed) == (wanted(case), ())


BESIDE = "gatehouse_kong_published"


def test_the_table_beside_other_rules_is_written_to_the_letter():
    published = published_part(wanted("published"))
    text = render_table(published, BESIDE, forwarded=True)
    assert text == (GOLDEN / "beside" / "published.nft").read_text()


def test_what_nft_lists_of_that_means_the_same():
    listed = json.loads((GOLDEN / "beside" / "published.listed.json").read_text())
    assert parse_table(listed, forwarded=True) == (published_part(wanted("published")), ())


def test_without_a_ruleset_the_table_only_goes():
    lines = [line for line in render_table(None).splitlines() if not line.startswith("#")]
    assert lines == ["add table inet gatehouse_kong", "delete table inet gatehouse_kong"]
