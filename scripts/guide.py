# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Do what a guide tells its reader, in an empty folder: write its files, run its commands, compare what they print.

    python3 scripts/guide.py PAGE [--lab SCENARIO HOST=LAB_HOST ...]

A file is a fenced block after a line that is only "`NAME`:". Commands stand in blocks of the kind `console`, each after
"$ ". The lines that follow a command have to be in its output, in this order; "…" stands for anything. With --lab the
hosts of the guide's inventory are those of a running lab.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

MINUTES = 5 * 60
_FENCE = re.compile(r"(?:^`(?P<file>[\w./-]+)`:\n+)?^```(?P<kind>\w+)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)


class GuideError(Exception):
    """The guide does not tell the truth; the message says where."""


@dataclass(frozen=True)
class File:
    """A file that the reader writes."""

    name: str
    text: str

    def perform(self, folder: Path) -> None:
        path = folder / self.name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(self.text, encoding="utf-8")


@dataclass(frozen=True)
class Command:
    """A command that the reader gives, and the lines that the guide shows of its output."""

    line: str
    shown: tuple[str, ...]

    def perform(self, folder: Path) -> None:
        done = subprocess.run(
            ["bash", "-c", self.line],
            cwd=folder,
            # What a caller wants of colours is for its own output: words are compared here.
            env=os.environ | {"ANSIBLE_FORCE_COLOR": "false", "ANSIBLE_NOCOLOR": "true"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=MINUTES,
            check=False,
        )
        if done.returncode:
            raise GuideError(f"$ {self.line}\nexit status {done.returncode}\n{done.stdout}")
        if (line := missing(self.shown, done.stdout)) is not None:
            raise GuideError(f"$ {self.line}\nnot in its output, or not at that place: {line!r}\n{done.stdout}")


def missing(shown: tuple[str, ...], output: str) -> str | None:
    """Return the first of the lines that the output does not have after those before it, or None."""
    lines = iter(output.splitlines())
    for line in shown:
        # A parted row of a table is as wide as its other rows, which the guide may leave out.
        pattern = re.compile(r"\s+".join(re.escape(word) for word in line.split()).replace("…", ".*"))
        if not any(pattern.fullmatch(found.strip()) for found in lines):
            return line
    return None


def steps(page: str) -> list[File | Command]:
    """Return what the page tells its reader to do, in order."""
    found: list[File | Command] = []
    for block in _FENCE.finditer(page):
        if block["file"]:
            found.append(File(block["file"], block["text"]))
        elif block["kind"] == "console":
            found += _commands(block["text"])
    return found


def _commands(text: str) -> list[Command]:
    parts = re.split(r"^\$ ", text.replace("\\\n", ""), flags=re.MULTILINE)
    if parts[0].strip():
        raise GuideError(f"a block of commands does not begin with one: {parts[0]!r}")
    commands = []
    for part in parts[1:]:
        line, *shown = part.splitlines()
        commands.append(Command(line, tuple(text for text in shown if text.strip() not in ("", "…"))))
    return commands


def lab_files(scenario: str = "", *pairs: str) -> list[File]:
    """Return what makes Ansible take hosts of a lab for those of the inventory beside it, given as HOST=LAB_HOST."""
    hosts = dict(pair.split("=", 1) for pair in pairs)
    common = f"ansible_connection: lab\nansible_python_interpreter: /usr/bin/python3\nlab_scenario: {scenario}\n"
    return [File(f"host_vars/{host}/lab.yml", f"{common}lab_host: {there}\n") for host, there in hosts.items()]


def follow(page: Path, given: list[File]) -> int:
    """Do all that the page says, in a folder that has the given files; return how many commands were run."""
    todo = steps(page.read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory(prefix="guide-") as name:
        perform([*given, *todo], Path(name))
    return sum(isinstance(step, Command) for step in todo)


def perform(todo: Iterable[File | Command], folder: Path) -> None:
    """Do the steps in the folder."""
    for step in todo:
        step.perform(folder)


def parser_of(description: str) -> argparse.ArgumentParser:
    """What a program takes that follows a guide: the page, and the hosts of a lab."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("page", type=Path)
    parser.add_argument("--lab", nargs="+", default=(), metavar="SCENARIO HOST=LAB_HOST", help="hosts of a running lab")
    return parser


def tell(page: Path, act: Callable[[], str]) -> int:
    """Print what the act says of the page, or where the page does not tell the truth; the exit status."""
    try:
        print(f"{page.name}: {act()}")
    except GuideError as error:
        print(f"{page}: {error}", file=sys.stderr)
        return 1
    return 0


def main() -> int:
    options = parser_of("Do what a guide tells its reader.").parse_args()
    lab = lab_files(*options.lab)
    return tell(options.page, lambda: f"{follow(options.page, lab)} commands do what the guide says")


if __name__ == "__main__":
    sys.exit(main())
