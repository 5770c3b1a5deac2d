# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The corpus: the complete result of many small inventories, word for word.

It finds changes of texts and branches that no other test compares completely. Delete a file of tests/golden/corpus to write
it again, and read the diff.
"""

from __future__ import annotations

import re

import pytest

from ansible_collections.gatehouse.kong.plugins.plugin_utils._codes import CODES, SECTIONS
from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils.corpus.findings import (
    describe_section,
    describe_wrong_entries,
    describe_wrong_values,
)
from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils.corpus.kongs import KONGS
from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils.corpus.networks import NETWORKS
from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils.corpus.pictures import PICTURES
from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils.corpus.queries import QUERIES
from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils.corpus.runs import RUNS
from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils.corpus.texts import describe_fleet
from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils.golden import GOLDEN, compare_with_file
from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils.remedies.table import ELSEWHERE

FLEETS = {**NETWORKS, **KONGS}
TEXTS = {**RUNS, **QUERIES, **PICTURES}


@pytest.mark.parametrize("name", FLEETS)
def test_result_of_an_inventory_word_for_word(name):
    for suffix, text in describe_fleet(FLEETS[name]).items():
        compare_with_file(f"corpus/{name}{suffix}", text)


@pytest.mark.parametrize("title", SECTIONS)
def test_findings_of_faults_word_for_word(title):
    compare_with_file(f"corpus/findings-{re.sub('[^a-z]+', '-', title.lower())}.txt", describe_section(title))


def test_errors_of_wrong_values_word_for_word():
    compare_with_file("corpus/values.txt", describe_wrong_values())
    compare_with_file("corpus/entries.txt", describe_wrong_entries())


@pytest.mark.parametrize("name", TEXTS)
def test_other_texts_word_for_word(name):
    compare_with_file(f"corpus/{name}.txt", "".join(f"{line.rstrip()}\n" for line in TEXTS[name]()))


def test_the_corpus_has_a_finding_of_every_code():
    """A new code needs an inventory in faults.py or remedies/; ``ELSEWHERE`` of remedies/ is tested there."""
    texts = "".join(path.read_text(encoding="utf-8") for path in (GOLDEN / "corpus").glob("*.txt"))
    shown = {*re.findall(r"^(?:error|warning|info) ([a-z0-9-]+) ", texts, re.MULTILINE)}
    assert {*CODES} - shown - {*ELSEWHERE} == set()
