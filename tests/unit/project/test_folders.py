# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The folders of the tests are those of the code (CONTRIBUTING.md, "Folders")."""

from __future__ import annotations

import subprocess
import sys

import pytest

from ansible_collections.gatehouse.kong.tests.unit.docs.pages import ROOT

TESTS = (ROOT / "tests" / "unit", ROOT / "tests" / "playbooks")
# Tests of texts, and of rules for the whole repository.
OF_ALL = ("docs", "project")
CODE = ("benchmarks", "molecule", "plugins", "scripts")
FOLDERS = sorted(
    {str(path.parent.relative_to(tests)) for tests in TESTS for path in tests.glob("*/**/test_*.py")} - {*OF_ALL}
)


def test_each_part_of_the_code_has_tests():
    assert {name.split("/")[0] for name in FOLDERS} >= {*CODE}


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_folder_of_tests_has_the_name_of_a_folder_of_code(folder):
    assert (ROOT / folder).is_dir()


@pytest.mark.parametrize(
    "command",
    [
        ["ansible-playbook", "--version"],
        ["bin/ansible-doc", "--list"],
        [sys.executable, "-m", "ansible", "playbook"],
        ["bash", "-c", "cd /; ansible kong -m ping"],
        "ansible",
    ],
)
def test_a_unit_test_starts_no_program_of_ansible(command):
    with pytest.raises(pytest.fail.Exception, match=r"belongs in tests/playbooks: "):
        subprocess.run(command, check=False)


def test_a_unit_test_may_start_another_program():
    subprocess.run([sys.executable, "-c", "import ansible_collections, ansible.release"], check=True)
