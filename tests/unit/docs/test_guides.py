# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The guides: how their commands are read and compared, and where each guide is followed."""

from __future__ import annotations

import pytest

from ansible_collections.gatehouse.kong.scripts.guide import (
    Command,
    File,
    GuideError,
    find_missing,
    parse_steps,
)
from ansible_collections.gatehouse.kong.tests.unit.docs.pages import GUIDES, ROOT

# All commands of these guides run on the controller; tests/playbooks follows them.
WITHOUT_HOSTS = {"sites-and-vpn", "cloud-firewalls", "gateways", "nat-devices", "cloud-inventories"}


@pytest.mark.parametrize(
    "page", [page for page in GUIDES if page.stem not in WITHOUT_HOSTS], ids=lambda page: page.stem
)
def test_every_other_guide_is_followed_in_a_scenario(page):
    scenarios = [path.read_text(encoding="utf-8") for path in (ROOT / "molecule").rglob("*.yml")]
    assert any(f"docs/guides/{page.name}" in text for text in scenarios)


@pytest.mark.parametrize("page", GUIDES, ids=lambda page: page.stem)
def test_the_documentation_links_every_guide(page):
    assert f"docs/guides/{page.name}" in (ROOT / "README.md").read_text(encoding="utf-8")


def test_a_page_is_files_and_commands_in_order():
    page = "`a.yml`:\n\n```yaml\n# variables: one\n```\n\n```yaml\n# no file\n```\n\n```console\n$ one \\\n  two\nout\n…\n$ three\n```\n"
    assert parse_steps(page) == [
        File("a.yml", "# variables: one\n"),
        Command("one   two", ("out",)),
        Command("three", ()),
    ]


@pytest.mark.parametrize(
    "shown, output, lacking",
    [
        (("a b",), "a    b", None),
        (("…b…",), "a b c", None),
        (("a", "c"), "a\nb\nc", None),
        (("c", "a"), "a\nb\nc", "a"),
        (("a.c",), "abc", "a.c"),
        ((), "", None),
    ],
)
def test_shown_lines_must_be_in_order(shown, output, lacking):
    assert find_missing(shown, output) == lacking


@pytest.mark.parametrize("line, shown", [("exit 3", ()), ("echo yes", ("no",))])
def test_a_command_that_fails_or_has_other_output_is_an_error(line, shown, tmp_path):
    with pytest.raises(GuideError, match=r"exit status 3|'no'"):
        Command(line, shown).perform(tmp_path)
