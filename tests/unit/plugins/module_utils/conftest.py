# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files of another user. Only root can create such a file, and the unit tests also run without root."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

OTHER = 5678


@pytest.fixture
def change_owner(monkeypatch):
    """Return a function that gives a file to another user. Without root, only the status of the file names this user."""
    given = set()
    read_path, read_open = Path.stat, os.fstat

    def change_owner_of(path):
        if os.geteuid() == 0:
            os.chown(path, OTHER, OTHER)
        else:
            given.add(identify(read_path(path)))

    def with_owner(status):
        if identify(status) not in given:
            return status
        return os.stat_result((*status[:4], OTHER, OTHER, *status[6:10]))

    monkeypatch.setattr(Path, "stat", lambda path, **options: with_owner(read_path(path, **options)))
    monkeypatch.setattr(os, "fstat", lambda handle: with_owner(read_open(handle)))
    return change_owner_of


def identify(status):
    return status.st_dev, status.st_ino
