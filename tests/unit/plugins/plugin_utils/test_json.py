# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import tracemalloc

from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.gatehouse.kong.plugins.plugin_utils._files import replace_file
from ansible_collections.gatehouse.kong.plugins.plugin_utils._json import dump_json, list_json_pieces
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.kept import PartedPlan, write_parts
from ansible_collections.gatehouse.kong.plugins.plugin_utils._text import make_natural_key
from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils.fleets import make_hybrid_sites, plan_fleet

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


def sort_keys(value):
    if isinstance(value, dict):
        return {key: sort_keys(value[key]) for key in sorted(value, key=make_natural_key)}
    return [*map(sort_keys, value)] if isinstance(value, list) else value


@given(VALUES)
def test_text_of_any_value(value):
    assert dump_json(value) == json.dumps(sort_keys(value), indent=2, ensure_ascii=False) + "\n"


def test_text_of_a_kept_plan_is_written_without_the_plan_in_memory(tmp_path):
    plan = plan_fleet(make_hybrid_sites(200))
    write_parts(tmp_path / "kept", plan)
    peaks = []
    for read in (PartedPlan, lambda path: PartedPlan(path).as_dict()):
        tracemalloc.start()
        replace_file(tmp_path / "plan.json", list_json_pieces(read(tmp_path / "kept")))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert (tmp_path / "plan.json").read_text(encoding="utf-8") == dump_json(plan)
    assert peaks[0] < peaks[1] / 2
