# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The header of the report: names, the version, the commit, and the time that is kept."""

from __future__ import annotations

import json
import subprocess

import pytest

from ansible_collections.gatehouse.kong.plugins.plugin_utils._report import origin as module
from ansible_collections.gatehouse.kong.plugins.plugin_utils._report.origin import (
    Origin,
    find_origin,
    format_title,
    read_collection_version,
    with_old_time,
)

NEW = Origin("lab", "2026-11-25 12:00 UTC", "1.0.0", "hosts.yml")


@pytest.fixture
def inventory(tmp_path):
    """Return an inventory file in a git tree."""
    file = tmp_path / "lab.yml"
    file.write_text("all:\n", encoding="utf-8")
    run_git(tmp_path, "init", "-q")
    run_git(tmp_path, "add", ".")
    run_git(tmp_path, "-c", "user.name=n", "-c", "user.email=e@example.org", "commit", "-qm", "first")
    return file


def run_git(folder, *arguments):
    subprocess.run(["git", "-C", str(folder), *arguments], check=True, capture_output=True)


def test_default_name_is_the_name_of_the_file_or_folder(tmp_path):
    (tmp_path / "seed.d").mkdir()
    assert find_origin([str(tmp_path / "lab.yml")]).fleet == "lab"
    assert find_origin([str(tmp_path / "seed.d")]).fleet == "seed.d"
    assert find_origin([str(tmp_path / "lab.yml")], "production").fleet == "production"
    assert find_origin(["k1,k2"]).fleet == "unnamed"
    assert find_origin([str(tmp_path / "lab.yml"), str(tmp_path / "seed.d"), "k1,"]).fleet == "lab, seed.d"


def test_path_in_the_current_folder_is_relative(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert find_origin([str(tmp_path / "lab.yml")]).inventory == "lab.yml"
    assert find_origin(["/srv/lab.yml", "k1,"]).inventory == "/srv/lab.yml, k1,"


def test_commit_of_the_inventory(inventory):
    assert len(find_origin([str(inventory)]).commit) >= 7
    (inventory.parent / "report.html").write_text("", encoding="utf-8")
    assert "uncommitted" not in find_origin([str(inventory)]).commit


def test_commits_of_several_inventories(monkeypatch):
    monkeypatch.setattr(module, "_find_commits", lambda paths: ["1111111", "2222222", "1111111"])
    assert find_origin(["a.yml", "b.yml", "c.yml"]).commit == "1111111, 2222222"


@pytest.mark.parametrize("changed", ["lab.yml", "group_vars/kong.yml", "host_vars/k1.yml"])
def test_uncommitted_changes_of_the_inventory(inventory, changed):
    path = inventory.parent / changed
    path.parent.mkdir(exist_ok=True)
    path.write_text("kong: {}\n", encoding="utf-8")
    assert find_origin([str(inventory)]).commit.endswith(" with uncommitted changes")


def test_missing_or_slow_git_is_no_error(inventory, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_origin([str(inventory)]).commit == ""
    program = tmp_path / "git"
    program.write_text("#!/bin/sh\nexec /bin/sleep 9\n", encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setattr(module, "_GIT_SECONDS", 0.1)
    assert find_origin([str(inventory)]).commit == ""


def test_version_of_an_installed_collection_and_of_a_source_tree(tmp_path):
    (tmp_path / "galaxy.yml").write_text("version: 1.2.3\n", encoding="utf-8")
    assert read_collection_version(tmp_path) == "1.2.3"
    (tmp_path / "MANIFEST.json").write_text(json.dumps({"collection_info": {"version": "1.2.4"}}), encoding="utf-8")
    assert read_collection_version(tmp_path) == "1.2.4"


def test_header_is_one_sentence():
    assert format_title("Kong fleet{}", None) == ("Kong fleet", ())
    assert format_title("Kong fleet{}", NEW) == (
        "Kong fleet lab",
        ("Written at 2026-11-25 12:00 UTC by gatehouse.kong 1.0.0 from the inventory hosts.yml.",),
    )


def test_old_time_is_kept_if_nothing_else_changed():
    def format_origin(_suffix, origin):
        return f"{origin.fleet} {origin.at}"

    assert with_old_time(NEW, {".md": "lab 2001-02-03 04:05 UTC"}, format_origin).at == "2001-02-03 04:05 UTC"
    assert with_old_time(NEW, {".md": "old 2001-02-03 04:05 UTC"}, format_origin) == NEW
    assert with_old_time(NEW, {}, format_origin) == NEW
