# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The collection accepts what Kong accepts, except for the values in the table of docs/findings.md."""

from __future__ import annotations

import pytest

from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.generations import (
    format_versions_where,
    list_generations,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.listen import parse_listen, render_entry
from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.listen_address import ListenError
from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils._kong.kong_loader import accepts, list_texts
from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils._kong.stricter import (
    STRICTER,
    list_stricter_codes,
)

# A generation of each kind: Enterprise has further settings only, with the same flags.
GENERATIONS = list({generation.versions: generation for generation in reversed(list_generations())}.values())
SETTINGS = ("proxy_listen", "stream_listen", "status_listen", "cluster_listen")
CASES = [
    (generation, setting)
    for generation in GENERATIONS
    for setting in map(generation.find_setting, SETTINGS)
    if setting is not None
]
NAMES = [f"{generation.versions}-{setting.name}" for generation, setting in CASES]


def parse_texts(generation, setting):
    """Yield each text with its entries, or with the code of the error."""
    for text in list_texts():
        try:
            yield text, parse_listen(text, generation, setting), ""
        except ListenError as error:
            yield text, (), error.code


@pytest.mark.parametrize(("generation", "setting"), CASES, ids=NAMES)
def test_a_value_that_only_the_collection_rejects_is_in_the_table(generation, setting):
    rejected = {
        code: text
        for text, _entries, code in parse_texts(generation, setting)
        if code and accepts(generation, setting.name, text)
    }
    assert {code: text for code, text in rejected.items() if code not in list_stricter_codes(generation)} == {}


@pytest.mark.parametrize(("generation", "setting"), CASES, ids=NAMES)
def test_kong_accepts_what_the_collection_writes(generation, setting):
    written = {
        render_entry(entry) if generation.modern else render_entry(entry).partition(" ")[0]: text
        for text, entries, _code in parse_texts(generation, setting)
        for entry in entries
    }
    assert len(written) > 5
    assert {text for text in written if not accepts(generation, setting.name, text)} == set()


@pytest.mark.parametrize("case", STRICTER, ids=lambda case: f"{case.code} {list(case.settings.values())[-1]}")
def test_each_row_of_the_table_holds_for_a_version(case):
    assert format_versions_where(case.applies)
