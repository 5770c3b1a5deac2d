# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service import scratch
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.scratch import open_scratch

PROGRAM = f"""
import tempfile, time
from {scratch.__name__} import open_scratch
tempfile.tempdir = {{!r}}
with open_scratch() as folder:
    open(folder + "/kong.conf", "w").write("pg_password = x")
    print(folder, flush=True)
    time.sleep(60)
"""


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_the_folder_is_private_and_removed(temporary):
    with open_scratch() as folder:
        assert (Path(folder).parent, Path(folder).stat().st_mode & 0o777) == (temporary, 0o700)
    assert [*temporary.iterdir()] == []


def test_the_folder_of_a_killed_run_is_removed_by_the_next_run(temporary):
    other = subprocess.Popen([sys.executable, "-c", PROGRAM.format(str(temporary))], stdout=subprocess.PIPE, text=True)
    left = Path(other.stdout.readline().strip())
    with open_scratch():
        assert (left / "kong.conf").exists()  # that run continues
    other.send_signal(signal.SIGKILL)
    other.communicate()
    assert left.exists()
    with open_scratch():
        assert not left.exists()


def test_only_own_folders_are_removed(temporary, change_owner):
    """Any user can create files in /tmp."""
    folders = {name: temporary / f"gatehouse-kong.{name}" for name in ("shared", "foreign", "target")}
    for folder in folders.values():
        folder.mkdir(mode=0o700)
        (folder / "file").touch()
    folders["shared"].chmod(0o755)
    change_owner(folders["foreign"])
    folders["target"].rename(temporary / "target")
    (temporary / "gatehouse-kong.link").symlink_to(temporary / "target")
    (temporary / "gatehouse-kong.file").touch(mode=0o700)
    with open_scratch() as own:
        left = {*temporary.iterdir()} - {Path(own)}
    assert left == {*temporary.iterdir()}
    assert len(left) == 5
    assert (temporary / "target/file").exists()
