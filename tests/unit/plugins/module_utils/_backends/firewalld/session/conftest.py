# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Changes of a fake firewalld by a session."""

from __future__ import annotations

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._backends.firewalld.session import session

PREFIXES = ("gkfwd4-", "gkfwd6-")


@pytest.fixture
def kept(tmp_path):
    return tmp_path / "others.json"


@pytest.fixture
def bring(kept):
    def run(firewalld, ipsets=None, rules=None, **request):
        want = {"rules": rules or {}, "ipsets": ipsets or {}}
        return session.bring(firewalld, {"want": want, "kept": str(kept), **request}, PREFIXES)

    return run
