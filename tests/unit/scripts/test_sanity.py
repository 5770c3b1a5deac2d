# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""scripts/sanity.py starts ansible-test with Pythons that run, on a copy of the tree."""

from __future__ import annotations

import os
import sys

from ansible_collections.gatehouse.kong.scripts import sanity


def test_pythons_of_pyenv_replace_its_shims(tmp_path, monkeypatch):
    for version in ("3.9.1", "3.12.0", "pypy3.9"):
        (tmp_path / "versions" / version / "bin").mkdir(parents=True)
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path))
    monkeypatch.setenv("PATH", f"{tmp_path}/shims{os.pathsep}/usr/bin")
    _tools, *paths = sanity.find_real_pythons().split(os.pathsep)
    assert paths == [*(f"{tmp_path}/versions/{version}/bin" for version in ("3.12.0", "3.9.1")), "/usr/bin"]


def test_the_copy_has_the_files_and_links_of_the_repository(tmp_path, monkeypatch):
    root, target = tmp_path / "root", tmp_path / "target"
    (root / "a").mkdir(parents=True)
    (root / "a" / "b.py").write_text("text")
    (root / "link").symlink_to("a/b.py")
    (root / "ignored").touch()
    monkeypatch.setattr(sanity, "ROOT", root)
    monkeypatch.setattr(sanity, "list_files", lambda: ["a/b.py", "link"])
    sanity.copy_tree(target)
    assert sorted(path.name for path in target.rglob("*")) == ["a", "b.py", "link"]
    assert ((target / "a/b.py").read_text(), (target / "link").is_symlink()) == ("text", True)


def test_errors_are_repeated_at_the_end(tmp_path, capsys):
    text = "print('ERROR: a.py:1: wrong'); print('a note of pip'); raise SystemExit(1)"
    assert sanity.run([sys.executable, "-c", text], tmp_path) == 1
    assert capsys.readouterr().out == "ERROR: a.py:1: wrong\na note of pip\nERROR: a.py:1: wrong\n\n"
