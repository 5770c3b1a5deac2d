# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Follow a guide in an empty folder: write its files, run its commands, and compare their output.

    python3 scripts/guide.py PAGE [--lab SCENARIO HOST=LAB_HOST ...]

A file is a fenced block after a line that is only "`NAME`:". Commands are in blocks of the kind `console`, each after
"$ ". The lines that follow a command must be in its output, in this order; "…" matches any text. With --lab the hosts of
the guide's inventory are hosts of a running lab.
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
    """A file or command of the guide fails; the message names it."""


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
    """A command of the reader, and the lines of its output that the guide shows."""

    line: str
    shown: tuple[str, ...]

    def perform(self, folder: Path) -> None:
        done = subprocess.run(
            ["bash", "-c", self.line],
            cwd=folder,
            # The output is compared as text, so it must not have colours.
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
        if (line := find_missing(self.shown, done.stdout)) is not None:
            raise GuideError(f"$ {self.line}\nmissing in its output, or at another place: {line!r}\n{done.stdout}")


def find_missing(shown: tuple[str, ...], output: str) -> str | None:
    """Return the first line that is missing in the output after the lines before it, or None."""
    lines = iter(output.splitlines())
    for line in shown:
        # The width of a row depends on the other rows of the table, which the guide may omit.
        pattern = re.compile(r"\s+".join(re.escape(word) for word in line.split()).replace("…", ".*"))
        if not any(pattern.fullmatch(found.strip()) for found in lines):
            return line
    return None


def parse_steps(page: str) -> list[File | Command]:
    """Return the files and commands of a page, in order."""
    found: list[File | Command] = []
    for block in _FENCE.finditer(page):
        if block["file"]:
            found.append(File(block["file"], block["text"]))
        elif block["kind"] == "console":
            found += _parse_commands(block["text"])
    return found


def _parse_commands(text: str) -> list[Command]:
    parts = re.split(r"^\$ ", text.replace("\\\n", ""), flags=re.MULTILINE)
    if parts[0].strip():
        raise GuideError(f"a block of commands does not begin with a command: {parts[0]!r}")
    commands = []
    for part in parts[1:]:
        line, *shown = part.splitlines()
        commands.append(Command(line, tuple(text for text in shown if text.strip() not in ("", "…"))))
    return commands


def make_lab_files(scenario: str = "", *pairs: str) -> list[File]:
    """Return files that map hosts of the guide's inventory to hosts of a lab, given as HOST=LAB_HOST."""
    hosts = dict(pair.split("=", 1) for pair in pairs)
    common = (
        "ansible_connection: lab\nansible_pipelining: true\nansible_python_interpreter: /usr/bin/python3\n"
        f"lab_scenario: {scenario}\n"
    )
    return [File(f"host_vars/{host}/lab.yml", f"{common}lab_host: {there}\n") for host, there in hosts.items()]


def follow(page: Path, given: list[File]) -> int:
    """Follow the page in a folder that has the given files; return the number of its commands."""
    todo = parse_steps(page.read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory(prefix="guide-") as name:
        perform([*given, *todo], Path(name))
    return sum(isinstance(step, Command) for step in todo)


def perform(todo: Iterable[File | Command], folder: Path) -> None:
    """Perform the steps in the folder."""
    for step in todo:
        step.perform(folder)


def make_parser(description: str) -> argparse.ArgumentParser:
    """Return a parser of the arguments of programs that follow a guide: the page, and the hosts of a lab."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("page", type=Path)
    parser.add_argument("--lab", nargs="+", default=(), metavar="SCENARIO HOST=LAB_HOST", help="hosts of a running lab")
    return parser


def report(page: Path, act: Callable[[], str]) -> int:
    """Print the result of the act for the page, or the failure of the page; return the exit status."""
    try:
        print(f"{page.name}: {act()}")
    except GuideError as error:
        print(f"{page}: {error}", file=sys.stderr)
        return 1
    return 0


def main() -> int:
    options = make_parser("Follow a guide and compare the output of its commands.").parse_args()
    lab = make_lab_files(*options.lab)
    return report(options.page, lambda: f"{follow(options.page, lab)} commands work as the guide shows")


if __name__ == "__main__":
    sys.exit(main())
