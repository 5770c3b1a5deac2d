# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""scripts/artifact.py compares a tarball with the files of the repository, and knows the documented plugins."""

from __future__ import annotations

import io
import tarfile

import pytest

from ansible_collections.gatehouse.kong.scripts import artifact

KNOWN = ["README.md", "plugins/modules/a.py", "tests/unit/test_a.py", "roles/r/meta/argument_specs.yml"]
SHIPPED = [name for name in KNOWN if not name.startswith("tests/")]


def write_tarball(path, names):
    with tarfile.open(path, "w:gz") as archive:
        for name in names:
            archive.addfile(tarfile.TarInfo(name), io.BytesIO())
    return path


@pytest.mark.parametrize(
    ("packed", "message"),
    [
        ([*SHIPPED, "MANIFEST.json", "FILES.json"], ""),
        (SHIPPED[1:], r"not in the tarball: \['README.md'\]"),
        ([*SHIPPED, ".cache/secret"], r"in the tarball, but not in git: \['.cache/secret'\]"),
    ],
)
def test_a_tarball_has_all_shipped_files_and_no_other(tmp_path, monkeypatch, capsys, packed, message):
    monkeypatch.setattr(artifact, "list_files", lambda: KNOWN)
    made = write_tarball(tmp_path / "a.tar.gz", packed)
    if message:
        with pytest.raises(SystemExit, match=message):
            artifact.check_contents(made)
    else:
        artifact.check_contents(made)
        assert "3 files in a.tar.gz" in capsys.readouterr().out


def test_public_plugins_and_roles_have_documentation(tmp_path, monkeypatch):
    monkeypatch.setattr(artifact, "ROOT", tmp_path)
    plugins = ("plugins/modules/_private.py", "plugins/filter/f.yml", "plugins/lookup/l.py")
    for name in (*KNOWN, *plugins, "roles/undocumented/tasks/main.yml"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert artifact.list_documentation() == {"module": ["a"], "filter": ["f"], "lookup": ["l"], "role": ["r"]}
