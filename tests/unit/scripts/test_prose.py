# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""scripts/prose.py reads the texts of a file, not its code, and notes words that have a plainer replacement."""

from __future__ import annotations

import pytest

from ansible_collections.gatehouse.kong.scripts import prose

BAD = "like" + "wise"

PYTHON = f'''\
"""The first sentence of the file {BAD}."""
{BAD} = "a key"  # noqa: {BAD}
text = f"the host {{name}} is {BAD} missing"
# a comment {BAD}
'''
YAML = f"""\
- name: Do it {BAD}
  {BAD}: value
  # a comment {BAD}
  list:
    - A sentence of a list {BAD} counts
    - {BAD}
"""
MARKDOWN = f"""\
A line {BAD}.

```
code {BAD}
```
And `code {BAD}` here, {BAD}.
"""


@pytest.mark.parametrize(
    ("name", "text", "numbers"), [("a.py", PYTHON, [1, 4]), ("a.yml", YAML, [1, 3, 5]), ("a.md", MARKDOWN, [1, 6])]
)
def test_texts_count_and_code_does_not(tmp_path, monkeypatch, name, text, numbers):
    monkeypatch.setattr(prose, "ROOT", tmp_path)
    (tmp_path / name).write_text(text)
    notes = prose.check(name).notes
    assert sorted(int(note.split(":")[1]) for note in notes) == numbers
    assert notes[0].endswith(f"'{BAD}': use a common word")


@pytest.mark.parametrize(
    ("notes", "words", "fails"), [(2, 10, False), (3, 10, True), (3, 1500, False), (4, 1500, True)]
)
def test_a_file_fails_with_too_many_of_the_words(notes, words, fails):
    assert prose.Result(words, ["a note"] * notes).fails(2.0) is fails
