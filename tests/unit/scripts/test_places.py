# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""scripts/places.py finds names that depend on a machine."""

from __future__ import annotations

import pytest

from ansible_collections.gatehouse.kong.scripts import places

DOT = "."  # the repository has no such name, not even here


@pytest.mark.parametrize(
    ("line", "found"),
    [
        (f"index-url = https://pypi{DOT}org/simple", f"pypi{DOT}org"),
        (f"FROM docker{DOT}io/library/debian", f"docker{DOT}io"),
        (f"URIs: http://snapshot{DOT}debian{DOT}org/archive", f"snapshot{DOT}debian{DOT}org"),
        (f"image: registry{DOT}access{DOT}redhat{DOT}com/ubi9", f"registry{DOT}access{DOT}redhat{DOT}com"),
        ("cd /" + "home/kong/checkout", "/" + "home/k"),
        (f"index-url = https://packages{DOT}example/simple", None),
        ("files below /" + "homepage/index and $HOME" + "/" + "work/tree", None),
    ],
)
def test_a_name_of_a_machine_is_found(tmp_path, monkeypatch, line, found):
    monkeypatch.setattr(places, "ROOT", tmp_path)
    (tmp_path / "a.txt").write_text(f"first\n{line}\n")
    expected = [f"a.txt:2: {found!r} depends on a machine; remove it from the repository"] if found else []
    assert places.find_places("a.txt") == expected


def test_files_that_are_not_text_are_skipped(tmp_path, monkeypatch):
    monkeypatch.setattr(places, "ROOT", tmp_path)
    (tmp_path / "image.png").write_bytes(b"\x89PNG\xff")
    (tmp_path / "folder").mkdir()
    assert [places.find_places(name) for name in ("image.png", "folder", "no-such-file")] == [[], [], []]
