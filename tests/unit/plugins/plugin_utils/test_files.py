# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os

import pytest

from ansible_collections.gatehouse.kong.plugins.plugin_utils._files import (
    FileError,
    create_folder,
    explain_unreadable_file,
    explain_unwritable_file,
    explain_unwritable_folder,
    has_text,
    read_file,
    replace_file,
    update_file,
)


def test_a_file_is_written_and_the_old_text_returned(tmp_path):
    path = tmp_path / "new" / "plan.json"
    create_folder(path.parent)
    assert update_file(path, "one\n", check_mode=False) is None
    assert update_file(path, "two\n", check_mode=False) == "one\n"
    assert path.read_text(encoding="utf-8") == "two\n"
    assert [entry.name for entry in path.parent.iterdir()] == ["plan.json"]


def test_check_mode_writes_nothing(tmp_path):
    path = tmp_path / "plan.json"
    assert update_file(path, "one\n", check_mode=True) is None
    assert list(tmp_path.iterdir()) == []


def test_an_unchanged_file_keeps_its_inode(tmp_path):
    path = tmp_path / "plan.json"
    update_file(path, "one\n", check_mode=False)
    before = path.stat()
    assert update_file(path, "one\n", check_mode=False) == "one\n"
    assert path.stat() == before


@pytest.mark.parametrize(
    "pieces", [[], ["one\n"], ["one\n", "two\n"], ["one\n", "two\n", "three\n"], ["one\n", "té\n"]]
)
def test_text_is_compared_piece_by_piece(tmp_path, pieces):
    path = tmp_path / "plan.json"
    assert not has_text(path, pieces)
    replace_file(path, ["one\ntwo\n"])
    assert has_text(path, pieces) is ("".join(pieces) == "one\ntwo\n")
    replace_file(path, pieces)
    assert has_text(path, pieces)
    assert path.read_text(encoding="utf-8") == "".join(pieces)


def test_the_error_names_the_file_and_the_reason(tmp_path):
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(FileError, match=r"the file .*/no/plan.json' cannot be written: No such file or directory"):
        update_file(tmp_path / "no" / "plan.json", "", check_mode=False)
    with pytest.raises(FileError, match=r"the folder .*/file/new' cannot be created: Not a directory"):
        create_folder(tmp_path / "file" / "new")
    (tmp_path / "file").write_bytes(b"\xff")
    for path, reason in (
        (tmp_path, "Is a directory$"),
        (tmp_path / "file", "'utf-8' codec can't decode byte"),
    ):
        with pytest.raises(FileError, match=rf"^the file '{path}' cannot be read: {reason}"):
            read_file(path)
        with pytest.raises(FileError, match=rf"^the file '{path}' cannot be read: {reason}"):
            has_text(path, ["one"])


def test_a_folder_is_created_with_its_parents_unless_it_exists(tmp_path):
    for _run in range(2):
        create_folder(tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b").is_dir()


@pytest.fixture
def folders(tmp_path):
    """A folder with a file and a folder."""
    (tmp_path / "file").write_text("", encoding="utf-8")
    (tmp_path / "folder").mkdir()
    return tmp_path


def test_usable_paths(folders, monkeypatch):
    assert explain_unwritable_file(folders / "new") == ""
    assert explain_unwritable_file(folders / "file") == ""
    assert explain_unreadable_file(folders / "file") == ""
    assert explain_unwritable_folder(folders / "folder") == ""
    assert explain_unwritable_folder(folders / "a" / "b") == ""
    monkeypatch.chdir(folders)
    assert explain_unwritable_file(type(folders)("new")) == ""
    assert explain_unwritable_folder(type(folders)("a/b")) == ""


def test_unusable_paths(folders):
    missing = f"there is no folder {folders}/no. Create it, or correct the path"
    a_file = f"{folders}/file is a file, not a folder. Correct the path"
    a_folder = f"{folders}/folder is a folder. Add the name of a file"
    assert explain_unwritable_file(folders / "no" / "new") == missing
    assert explain_unwritable_file(folders / "file" / "new") == a_file
    assert explain_unwritable_file(folders / "folder") == a_folder
    assert explain_unwritable_folder(folders / "file") == a_file
    assert explain_unwritable_folder(folders / "file" / "a" / "b") == a_file
    assert explain_unreadable_file(folders / "folder") == a_folder
    assert explain_unreadable_file(folders / "no") == "there is no such file. Correct the path"


def test_paths_without_permission(folders, monkeypatch):
    """Root has every permission, so the test answers for the kernel."""
    monkeypatch.setattr(
        os, "access", lambda path, mode: path.name != "folder" and (path.name, mode) != ("file", os.R_OK)
    )
    locked = (
        f"the user of this run cannot write to the folder {folders}/folder. Add the permission, or correct the path"
    )
    assert explain_unwritable_file(folders / "folder" / "new") == locked
    assert explain_unwritable_folder(folders / "folder" / "a" / "b") == locked
    unreadable = f"the user of this run cannot read {folders}/file. Add the permission"
    assert explain_unwritable_file(folders / "file") == unreadable
    assert explain_unreadable_file(folders / "file") == unreadable
