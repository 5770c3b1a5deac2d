# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Unit tests start no program of Ansible: each takes seconds, and `make quick` runs all unit tests."""

from __future__ import annotations

import os
import re
import subprocess

import pytest

PROGRAM = re.compile(
    r"(?:^|[/\s])ansible(?:-(?:config|console|doc|galaxy|inventory|playbook|pull|test|vault))?(?:\s|$)"
)


class Process(subprocess.Popen):
    """A process of a unit test. The test fails if the command, or its line for a shell, starts a program of Ansible."""

    def __init__(self, args, *more, **options):
        words = [args] if isinstance(args, (str, bytes, os.PathLike)) else args
        line = " ".join(map(os.fsdecode, words))
        if PROGRAM.search(line):
            pytest.fail(f"a test that starts a program of Ansible belongs in tests/playbooks: {line}")
        super().__init__(args, *more, **options)


@pytest.fixture(autouse=True, scope="module")
def processes():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(subprocess, "Popen", Process)
        yield
