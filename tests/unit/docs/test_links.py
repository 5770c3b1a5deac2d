# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every link in the documentation to a file of the repository has an existing target, including its heading."""

from __future__ import annotations

import re

import pytest

from ansible_collections.gatehouse.kong.tests.unit.docs.pages import PAGES, ROOT

_LINK = re.compile(r"\]\((?!https?:)([^)#\s]*)(?:#([^)\s]+))?\)")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


def find_anchors(text):
    """Return the anchors of a page's headings on GitHub and GitLab."""
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in _HEADING.findall(text)}


def test_links_are_found():
    text = "[a](b.md) [c](#d) [e](f.md#g) [h](https://i) [j](http://k)"
    assert _LINK.findall(text) == [("b.md", ""), ("", "d"), ("f.md", "g")]
    assert sum(len(_LINK.findall(page.read_text(encoding="utf-8"))) for page in PAGES) > len(PAGES)


@pytest.mark.parametrize("page", [*PAGES, ROOT / "CONTRIBUTING.md"], ids=lambda page: str(page.relative_to(ROOT)))
def test_links_have_a_target(page):
    for name, anchor in _LINK.findall(page.read_text(encoding="utf-8")):
        target = page.parent / name if name else page
        assert target.exists(), name
        assert not anchor or anchor in find_anchors(target.read_text(encoding="utf-8")), f"{name}#{anchor}"
