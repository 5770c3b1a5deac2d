# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The commands of the guides without hosts work. All other guides are followed in the lab of a scenario."""

from __future__ import annotations

import pytest

from ansible_collections.gatehouse.kong.scripts.guide import follow
from ansible_collections.gatehouse.kong.tests.unit.docs.pages import GUIDES
from ansible_collections.gatehouse.kong.tests.unit.docs.test_guides import WITHOUT_HOSTS


@pytest.mark.parametrize("page", [page for page in GUIDES if page.stem in WITHOUT_HOSTS], ids=lambda page: page.stem)
def test_the_commands_of_a_guide_without_hosts_work(page, environment):
    assert follow(page, [])
