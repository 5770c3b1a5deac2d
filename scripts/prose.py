# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Check the English of files: prose.py [FILE...], all files of the repository without arguments.

Each word of the list has a plainer replacement. A file fails if it has more than LIMIT of these words in 1000 words; a
correct sentence may keep its word. Comments, docstrings, messages and Markdown count, code does not.
"""

from __future__ import annotations

import ast
import io
import re
import sys
import tokenize
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from repository import ROOT, list_files

LIMIT = 2.0
LIMIT_OF_TESTS = 4.0
# A single word in a short file is no habit.
ALLOWED = 2

ADVICE = {
    r"\bwho(m|se)?ever\b|\bsomebody\b|\bnobody\b|\beverybody\b|\bstrangers?\b": "name the host, process or source",
    r"\b(ours|theirs)\b|\bthe others\b": "repeat the noun: our rules, third-party rules, the other nodes",
    r"\bwhat (is|was|are|were|has|had|it|they|the \w+ (is|has|does))\b": "name the noun in place of 'what …'",
    r"(^|[.:;] )(What|Those|Whoever|One|Of) \w": "begin the sentence with its subject",
    r"\bthose (that|which|who|of)\b|\bthe one (that|which|of)\b": "repeat the noun",
    r"\b(bear|bears|heed|anew|likewise|meanwhile|beside|besides|hinders?|dear|spelled)\b": "use a common word",
    r"\bat once\b": "immediately, or together",
    r"\b(lets?|letting) in\b|\bway (back|out)\b|\bstands? in\b|\bwitness(es)?\b": "use the term of the field",
    r"\b(is|are|was|were) (gone|no more|left over)\b": "removed, missing, absent",
    r"(?<!Raises )(?<!Raise )\b\w*Error (where|if|when) ": "write 'Raises NameError if …'",
}
WORDS = [
    (re.compile(pattern, 0 if "What|" in pattern or "Error" in pattern else re.IGNORECASE), advice)
    for pattern, advice in ADVICE.items()
]
WORD = re.compile(r"[A-Za-z][A-Za-z'-]+")
CODE = re.compile(r"`[^`]*`|\{\{.*?\}\}|https?://\S+")
SENTENCE = 4  # words; a shorter text in Python is a name or a key
NOT_CHECKED = ("LICENSES/", "CHANGELOG", "changelogs/changelog", "tests/golden/", "scripts/prose.py")

Lines = Iterator[tuple[int, str]]


@dataclass(frozen=True)
class Result:
    words: int
    notes: list[str]

    def fails(self, limit: float) -> bool:
        return len(self.notes) > max(ALLOWED, limit * self.words / 1000)


def read_python(text: str) -> Lines:
    """Yield the comments and the sentences in strings."""
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT and not re.search(r"noqa|type: ignore|fmt:", token.string):
            yield token.start[0], token.string.lstrip("# ")
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and len(WORD.findall(node.value)) > SENTENCE:
            yield from enumerate(node.value.splitlines(), node.lineno)


def read_yaml(text: str) -> Lines:
    """Yield comments, names, descriptions and sentences of lists."""
    for number, line in enumerate(text.splitlines(), 1):
        if found := re.search(
            r"^\s*(?:- )?(?:name|\w*description|msg|title): (.+)|(?:^|\s)# (.+)|^\s*- ([A-Z].{20,})", line
        ):
            yield number, next(filter(None, found.groups()), "")


def read_markdown(text: str) -> Lines:
    """Yield the lines outside code blocks."""
    is_code = False
    for number, line in enumerate(text.splitlines(), 1):
        is_code ^= line.startswith("```")
        if not is_code:
            yield number, line


READERS: dict[str, Callable[[str], Lines]] = {".py": read_python, ".yml": read_yaml, ".md": read_markdown}


def check(name: str) -> Result:
    """Return the number of words of a file, and a note for each word of the list."""
    text = (ROOT / name).read_text(encoding="utf-8")
    lines = [(number, CODE.sub("X", line)) for number, line in READERS[name[name.rindex(".") :]](text)]
    notes = [
        f"{name}:{number}: {found[0].strip()!r}: {advice}"
        for number, line in lines
        if "Copyright" not in line and "SPDX" not in line
        for pattern, advice in WORDS
        for found in pattern.finditer(line)
    ]
    return Result(sum(len(WORD.findall(line)) for _number, line in lines), notes)


def main(names: list[str]) -> int:
    chosen = [
        name for name in names or list_files() if name.endswith(tuple(READERS)) and not name.startswith(NOT_CHECKED)
    ]
    limits = {name: LIMIT_OF_TESTS if name.startswith(("tests/", "molecule/")) else LIMIT for name in chosen}
    failed = [result for name in chosen if (result := check(name)).fails(limits[name])]
    for result in failed:
        print("\n".join(result.notes))
    print(f"{len(failed)} of {len(chosen)} files have too many of these words" if failed else "no file has too many")
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
