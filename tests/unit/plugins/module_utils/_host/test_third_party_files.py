# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import Host, HostError
from ansible_collections.gatehouse.kong.plugins.module_utils._host.third_party_files import clean_file


def test_a_failed_write_leaves_the_old_file_and_no_copy(tmp_path):
    """Simulate a full disk."""

    def fail(_text):
        raise OSError(28, "No space left on device")

    file = tmp_path / "rules"
    file.write_text("third-party rule\n")
    with pytest.raises(HostError, match=r"^cannot write /rules\.gatehouse-kong: No space left on device$"):
        clean_file(Host(tmp_path), "/rules", fail)
    assert [path.name for path in tmp_path.iterdir()] == ["rules"]
    assert file.read_text() == "third-party rule\n"
