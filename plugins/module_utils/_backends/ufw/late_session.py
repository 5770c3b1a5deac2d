# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Adds our rule to ufw's chains and rules files, or removes it. All other rules and bytes stay as they are.

The rollback runs this file by itself, with a Python that may be as old as 3.6. A request is plain data: `rule`, the rule
without its chain; `lock`, ufw's lock file; `options` for iptables-restore; and `parts`, one for each family. A part has
`chain`, `file`, the programs `save` and `restore`, and what is wanted: `loaded` and `in_file`, each None (leave as it
is), "" (no rule) or a place. The place END is the end of the chain; any other place is the line of iptables-save of the
rule before which our rule is added.
"""

import fcntl
import json  # noqa: F401 - for the call that `script_of` appends # pylint: disable=unused-import
import os
import re
import subprocess
import sys
import time
import typing as t
from contextlib import contextmanager

END = "end"
# Suffix of the file that is written first and then renamed.
TEMPORARY = ".gatehouse-kong"

Request = t.Dict[str, t.Any]

# A line of iptables-save. A comment in quotes may have line breaks.
_LINE = re.compile(r'(?:"(?:[^"\\]|\\.)*"|[^"\n])+', re.DOTALL)
_LOCK_SECONDS = 10
_PROGRAM_SECONDS = 60
_ATTEMPTS = 3


class SessionError(Exception):
    """A rule of ufw could not be added or removed; the message tells why."""


def main(request: Request) -> int:
    """Do what `bring` does and return the exit status."""
    try:
        bring(request)
    except SessionError as error:
        sys.stderr.write("{}\n".format(error))
        return 1
    return 0


def bring(request: Request) -> None:
    """Make chains and files as requested. A part that fails does not keep the next part from being tried.

    Raises SessionError with the reasons of all parts that failed.
    """
    failed = []
    with _locked(request["lock"]):
        for part in request["parts"]:
            for wanted, change in ((part["loaded"], _change_chain), (part["in_file"], _change_file)):
                try:
                    if wanted is not None:
                        change(part, request["rule"], wanted, request["options"])
                except (OSError, subprocess.SubprocessError, SessionError) as error:
                    failed.append((getattr(error, "stderr", None) or str(error)).strip())
    if failed:
        raise SessionError("; ".join(failed))


def is_ours(line: str, rule: str) -> bool:
    """Tell whether a line of a rules file or of iptables-save adds our rule, to any chain."""
    words = line.replace('"', "").split()
    return words[:1] == ["-A"] and words[2:] == rule.split()


def file_section(lines: t.Sequence[str], chain: str) -> t.Sequence[int]:
    """Return the numbers of the lines of the last table filter that names the chain; the last one is that of its COMMIT.

    A file without such a table has none. iptables-restore loads the tables of a file in their order, and takes no space
    before `*` or around COMMIT (iptables 1.8.9, both variants).
    """
    found, begin = range(0), None
    for number, line in enumerate(lines):
        if line.startswith("*"):
            begin = number if line[1:].split() == ["filter"] else None
        elif begin is not None and line.rstrip("\n") == "COMMIT":
            if any(_names(rule, chain) for rule in lines[begin:number]):
                found = range(begin, number + 1)
            begin = None
    return found


def file_lines(text: str) -> t.List[str]:
    """Return the lines of a rules file with their line breaks; iptables-restore knows only one kind of line break."""
    return re.findall(r"[^\n]*\n|[^\n]+", text)


def edit_text(text: str, chain: str, rule: str, wanted: str) -> str:
    """Return a rules file with our rule once at the wanted place, or without it.

    Without a section for the chain, the text cannot hold the rule.
    """
    lines = [line for line in file_lines(text) if not is_ours(line, rule)]
    section = file_section(lines, chain)
    if wanted and section:
        place = next((number for number in section if _is_same(lines[number], wanted)), section[-1])
        lines.insert(place, "-A {} {}\n".format(chain, rule))
    return "".join(lines)


def chain_rules(saved: str, chain: str) -> t.Optional[t.List[str]]:
    """Return the rules of a chain in the output of iptables-save; None if there is no such chain."""
    lines = _LINE.findall(saved)
    if not any(line.startswith(":{} ".format(chain)) for line in lines):
        return None
    return [line for line in lines if line.startswith("-A {} ".format(chain))]


def chain_commands(saved: str, chain: str, rule: str, wanted: str) -> t.List[str]:
    """Return the commands that leave our rule once at the wanted place in the chain, and in no other chain; or nowhere.

    `saved` is the table filter as iptables-save lists it. The list is empty if nothing has to change.
    """
    rules = chain_rules(saved, chain)
    ours = [line for line in _LINE.findall(saved) if is_ours(line, rule)]
    remove = ["-D {} {}".format(line.split()[1], rule) for line in ours]
    if not wanted or rules is None:
        return remove
    others = [line for line in rules if not is_ours(line, rule)]
    place = others.index(wanted) if wanted in others else len(others)
    if len(ours) == 1 and rules[place : place + 1] == ours:
        return []
    return [*remove, "-I {} {} {}".format(chain, place + 1, rule)]


def _names(line: str, chain: str) -> bool:
    words = line.split()
    return words[:1] == [":" + chain] or words[:2] == ["-A", chain]


def _is_same(line: str, listed: str) -> bool:
    """Tell whether iptables-save lists a line of a rules file like this: it names protocols twice and adds defaults."""
    words, all_words = (re.sub(" -m (tcp|udp) ", " ", text).replace('"', "").split() for text in (line, listed))
    return len(words) > 1 and all_words[: len(words)] == words


def _change_chain(part: t.Dict[str, t.Any], rule: str, wanted: str, options: t.Sequence[str]) -> None:
    """Change the loaded chains of a family in one step. Chains that are not loaded are left to ufw and its files."""
    for attempt in range(_ATTEMPTS):
        commands = chain_commands(_run([part["save"], "-t", "filter"]), part["chain"], rule, wanted)
        if not commands:
            return
        text = "*filter\n{}\nCOMMIT\n".format("\n".join(commands))
        try:
            _run([part["restore"], "--wait", str(_LOCK_SECONDS), "--noflush", *options], text)
        except subprocess.CalledProcessError:
            # Another program may have changed the chain since it was read.
            if attempt == _ATTEMPTS - 1:
                raise
        else:
            return


def _change_file(part: t.Dict[str, t.Any], rule: str, wanted: str, _options: t.Sequence[str]) -> None:
    """Replace a rules file in one step if it has to change; a file that is a link stays a link."""
    path = os.path.realpath(part["file"])
    if os.path.exists(path + TEMPORARY):
        os.remove(path + TEMPORARY)
    text = read_text(path)
    if text is None:
        return
    edited = edit_text(text, part["chain"], rule, wanted)
    if wanted and not any(is_ours(line, rule) for line in edited.splitlines()):
        raise SessionError("{} has no table filter with the chain {}".format(path, part["chain"]))
    if edited != text:
        _replace(path, edited)


def read_text(path: str) -> t.Optional[str]:
    """Return the text of a file with each byte as a character; None if there is no file."""
    try:
        with open(path, encoding="latin-1", newline="") as file:
            return file.read()
    except FileNotFoundError:
        return None


def _replace(path: str, text: str) -> None:
    """Give a file new content in one step; its owner, mode, SELinux context and ACL stay."""
    temporary = path + TEMPORARY
    try:
        with open(temporary, "w", encoding="latin-1", newline="") as file:
            status = os.stat(path)
            os.fchown(file.fileno(), status.st_uid, status.st_gid)
            os.fchmod(file.fileno(), status.st_mode & 0o7777)
            for name in os.listxattr(path):
                os.setxattr(file.fileno(), name, os.getxattr(path, name))
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError:
        if os.path.exists(temporary):
            os.remove(temporary)
        raise


@contextmanager
def _locked(path: str) -> t.Iterator[None]:
    """Hold ufw's own lock, so that ufw does not change the same chains in the same moment.

    Any user can hold that lock (its file is readable), so the wait is limited. Each change is one step without it as well.
    """
    with open(path, "w") as file:
        end = time.monotonic() + _LOCK_SECONDS
        while not _lock(file) and time.monotonic() < end:
            time.sleep(0.05)
        yield


def _lock(file: t.TextIO) -> bool:
    try:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _run(argv: t.List[str], given: str = "") -> str:
    done = subprocess.run(
        argv, input=given, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=True, timeout=_PROGRAM_SECONDS,
        encoding="utf-8", errors="surrogateescape",
    )  # fmt: skip
    return done.stdout
