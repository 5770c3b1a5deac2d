# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""scripts/matrix.py finds the Python of each ansible-core, and names the ones that are missing."""

from __future__ import annotations

import re
import sys

import pytest

from ansible_collections.gatehouse.kong.scripts import matrix
from ansible_collections.gatehouse.kong.tests.unit.docs.pages import ROOT


@pytest.fixture(autouse=True)
def folders(tmp_path, monkeypatch):
    """PATH and pyenv without any Python."""
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "pyenv"))
    return tmp_path


def write_python(path, shown):
    path.parent.mkdir(parents=True)
    path.write_text(f"#!/bin/sh\necho {shown}\n")
    path.chmod(0o755)
    return str(path)


def test_a_python_of_pyenv_is_found(folders):
    python = write_python(folders / "pyenv/versions/3.10.13/bin/python3", "Python 3.10.13")
    write_python(folders / "bin/python3.10", "pyenv: version 3.10 is not installed")
    assert matrix.find_python("3.10") == python
    assert matrix.find_python("3.1") is None


def test_a_missing_python_is_named_and_its_ansible_core_is_skipped(monkeypatch):
    monkeypatch.setattr(matrix, "install", lambda *_given: pytest.fail("nothing can be installed"))
    assert matrix.check("2.17") == "skipped: there is no Python 3.10"


def test_old_pythons_may_have_older_tools_but_not_another_ansible_core():
    pinned = (ROOT / "requirements-dev.txt").read_text(encoding="utf-8")
    first, *others = matrix.list_requirements("2.17", pinned)
    assert first == "ansible-core~=2.17.0"
    assert len(others) == len(matrix.PACKAGES)
    assert all(re.fullmatch(r"[\w-]+<=[\d.]+", text) for text in others)


@pytest.mark.parametrize("results, code", [(["ok", "skipped: x"], 0), (["ok", "FAILED"], 1)])
def test_the_exit_code_tells_whether_a_version_failed(monkeypatch, capsys, results, code):
    monkeypatch.setattr(sys, "argv", ["matrix.py", "2.17", "2.18"])
    monkeypatch.setattr(matrix, "check", dict(zip(["2.17", "2.18"], results, strict=True)).get)
    assert matrix.main() == code
    assert capsys.readouterr().out == f"ansible-core 2.17: {results[0]}\nansible-core 2.18: {results[1]}\n"


def test_an_unknown_version_is_an_error_that_names_the_versions(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["matrix.py", "2.16"])
    with pytest.raises(SystemExit, match=r"2\.16 is not supported; use some of 2\.17 2\.18 2\.19 2\.20 2\.21"):
        matrix.main()
