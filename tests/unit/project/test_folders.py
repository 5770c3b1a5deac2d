# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The folders of the tests are those of the code (CONTRIBUTING.md, "Folders")."""

from __future__ import annotations

import pytest

from ansible_collections.gatehouse.kong.tests.unit.docs.pages import ROOT

UNIT = ROOT / "tests" / "unit"
# Tests of texts, and of rules for the whole repository.
OF_ALL = ("docs", "project")
CODE = ("benchmarks", "molecule", "plugins", "scripts")
FOLDERS = sorted({str(path.parent.relative_to(UNIT)) for path in UNIT.glob("*/**/test_*.py")} - {*OF_ALL})


def test_each_part_of_the_code_has_tests():
    assert {name.split("/")[0] for name in FOLDERS} >= {*CODE}


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_folder_of_tests_has_the_name_of_a_folder_of_code(folder):
    assert (ROOT / folder).is_dir()
