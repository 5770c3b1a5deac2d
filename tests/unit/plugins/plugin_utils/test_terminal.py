# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Output of the action plugins at the terminal."""

from __future__ import annotations

import pytest

from ansible_collections.gatehouse.kong.plugins.plugin_utils import _run, _terminal


@pytest.fixture
def shown(tmp_path, monkeypatch):
    """Return the lines that show printed, one list per call."""
    calls = []
    monkeypatch.setattr(_run.constants, "DEFAULT_LOCAL_TMP", str(tmp_path))
    monkeypatch.setattr(_terminal, "show", calls.append)
    return calls


def test_lines_that_another_host_printed_are_not_repeated(shown):
    for host in ("k1", "k2", "k3"):
        _terminal.show_once(iter(["a", "b"]), host)
    _terminal.show_once(["ab"], "k2")
    assert shown == [["a", "b"], ["ab"]]


def test_a_host_repeats_its_lines(shown):
    for _time in range(2):
        _terminal.show_once(["a"], "k1")
    assert shown == [["a"], ["a"]]
