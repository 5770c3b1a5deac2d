# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

import pytest

from ansible_collections.gatehouse.kong.plugins.plugin_utils import _libraries
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.file import PlanError, load_plan


def test_no_error_if_all_libraries_are_installed():
    _libraries.require_libraries()


def test_missing_library_is_named_with_the_fix(monkeypatch):
    monkeypatch.setattr(_libraries, "find_spec", lambda name: None if name == "netaddr" else object())
    with pytest.raises(_libraries.LibraryError, match=r"lacks netaddr; .*pip install netaddr`"):
        _libraries.require_libraries()
    with pytest.raises(PlanError, match="netaddr"):
        load_plan({"format": 1, "nodes": {}})
