# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of a run on the controller."""

from __future__ import annotations

import fcntl

import pytest

from ansible_collections.gatehouse.kong.plugins.plugin_utils import _run


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(_run.constants, "DEFAULT_LOCAL_TMP", str(tmp_path))
    return tmp_path


def test_nodes_that_the_limit_leaves():
    assert _run.read_played("kong") is None
    for nodes in ([], ["a", "Zürich"]):
        _run.keep_played("kong", nodes)
        assert _run.read_played("kong") == nodes
    assert _run.read_played("edge") is None


def test_findings_of_a_refused_plan(folder):
    findings = [{"message": "Zürich", "value": None}]
    _run.keep_refused("kong", findings)
    assert _run.read_refused("kong") == findings
    assert _run.read_played("kong") is None
    with pytest.raises(FileNotFoundError):
        _run.read_refused("edge")


def test_the_first_host_that_reports_a_text():
    assert [_run.find_first_host("Zürich", host) for host in ("k1", "k2", "k1")] == ["k1"] * 3
    assert _run.find_first_host("Bern", "k2") == "k2"


def test_the_plan_of_each_group_has_its_own_file_and_lock(folder):
    assert _run.locate_plan("kong") == folder / "gatehouse.kong.plan.kong"
    assert _run.locate_plan("edge") != _run.locate_plan("kong")
    with _run.lock_plan_file("kong") as path:
        assert path == _run.locate_plan("kong")
        assert not path.exists()
        assert is_locked(path.with_suffix(".lock"))
    assert not is_locked(path.with_suffix(".lock"))


def is_locked(path):
    with path.open("w", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False


def test_an_archive_is_made_once_by_one_worker(folder, monkeypatch):
    made = []

    def make(module):
        made.append((module, is_locked(folder / "gatehouse.kong.archive.lock")))
        return f"code of {module}"

    monkeypatch.setattr(_run, "make_archive", make)
    assert [_run.provide_archive(name) for name in ("a", "a", "b")] == ["code of a", "code of a", "code of b"]
    assert made == [("a", True), ("b", True)]
