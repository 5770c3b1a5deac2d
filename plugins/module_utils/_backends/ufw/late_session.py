# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A program that adds our rule to ufw's chains and rules files, or removes it. Other rules and bytes are not changed.

The rollback runs this file without the rest of the collection, with Python 3.6 or later. A request is plain data: `rule` is
the rule without its chain, `lock` is ufw's lock file, `options` are for iptables-restore, and `parts` has a part for each
family. A part has `chain`, `file`, the programs `save` and `restore`, and the wanted places `loaded` and `in_file`: None
(no change), "" (no rule) or a place. The place END is the end of the chain. Any other place is the line of iptables-save of
the rule before which our rule is added.
"""

import fcntl
import os
import re
import subprocess
import sys
import time
import typing as t
from contextlib import contextmanager

END = "end"
# Suffix of the temporary file, which is renamed when it is complete.
TEMPORARY = ".gatehouse-kong"

Request = t.Dict[str, t.Any]

# A line of iptables-save. A quoted comment can contain line breaks.
_LINE = re.compile(r'(?:"(?:[^"\\]|\\.)*"|[^"\n])+', re.DOTALL)
_LOCK_SECONDS = 10
_PROGRAM_SECONDS = 60
_ATTEMPTS = 3


class SessionError(Exception):
    """An error while our rule is added to ufw or removed from it."""


def main(request: Request) -> int:
    """Execute a request and return the exit status."""
    try:
        bring(request)
    except SessionError as error:
        sys.stderr.write("{}\n".format(error))
        return 1
    return 0


def bring(request: Request) -> None:
    """Change chains and files as requested. If a part fails, the next part is still changed.

    Raises SessionError with the errors of all failed parts.
    """
    failed = []
    with _hold_lock(request["lock"]):
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
    """Tell whether a line of a rules file or of iptables-save adds our rule to a chain."""
    words = line.replace('"', "").split()
    return words[:1] == ["-A"] and words[2:] == rule.split()


def find_section(lines: t.Sequence[str], chain: str) -> t.Sequence[int]:
    """Return the line numbers of the last table filter that names the chain, up to its COMMIT.

    Without such a table, the result is empty. iptables-restore loads the tables of a file in order, and accepts no space
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


def split_lines(text: str) -> t.List[str]:
    """Return the lines of a rules file with their line breaks. iptables-restore accepts only LF as a line break."""
    return re.findall(r"[^\n]*\n|[^\n]+", text)


def edit_text(text: str, chain: str, rule: str, wanted: str) -> str:
    """Return the text of a rules file with our rule only at the wanted place, or without our rule.

    A text without a section for the chain gets no rule.
    """
    lines = [line for line in split_lines(text) if not is_ours(line, rule)]
    section = find_section(lines, chain)
    if wanted and section:
        place = next((number for number in section if _is_same(lines[number], wanted)), section[-1])
        lines.insert(place, "-A {} {}\n".format(chain, rule))
    return "".join(lines)


def list_chain_rules(saved: str, chain: str) -> t.Optional[t.List[str]]:
    """Return the rules of a chain in the output of iptables-save, or None if the chain is missing."""
    lines = _LINE.findall(saved)
    if not any(line.startswith(":{} ".format(chain)) for line in lines):
        return None
    return [line for line in lines if line.startswith("-A {} ".format(chain))]


def plan_chain_commands(saved: str, chain: str, rule: str, wanted: str) -> t.List[str]:
    """Return the commands after which our rule is only at the wanted place in the chain; or in no chain if that is "".

    `saved` is the table filter in the output of iptables-save. No commands are returned if nothing has to change.
    """
    rules = list_chain_rules(saved, chain)
    present = [line for line in _LINE.findall(saved) if is_ours(line, rule)]
    remove = ["-D {} {}".format(line.split()[1], rule) for line in present]
    if not wanted or rules is None:
        return remove
    third_party = [line for line in rules if not is_ours(line, rule)]
    place = third_party.index(wanted) if wanted in third_party else len(third_party)
    if len(present) == 1 and rules[place : place + 1] == present:
        return []
    return [*remove, "-I {} {} {}".format(chain, place + 1, rule)]


def _names(line: str, chain: str) -> bool:
    words = line.split()
    return words[:1] == [":" + chain] or words[:2] == ["-A", chain]


def _is_same(line: str, listed: str) -> bool:
    """Tell whether iptables-save lists a line of a rules file as `listed`. It repeats protocols and adds defaults."""
    words, all_words = (re.sub(" -m (tcp|udp) ", " ", text).replace('"', "").split() for text in (line, listed))
    return len(words) > 1 and all_words[: len(words)] == words


def _change_chain(part: t.Dict[str, t.Any], rule: str, wanted: str, options: t.Sequence[str]) -> None:
    """Change the loaded chains of a family in one transaction. If they are not loaded, ufw loads them from its files."""
    for attempt in range(_ATTEMPTS):
        commands = plan_chain_commands(_run([part["save"], "-t", "filter"]), part["chain"], rule, wanted)
        if not commands:
            return
        text = "*filter\n{}\nCOMMIT\n".format("\n".join(commands))
        try:
            _run([part["restore"], "--wait", str(_LOCK_SECONDS), "--noflush", *options], text)
        except subprocess.CalledProcessError:
            # Another program can have changed the chain after it was read.
            if attempt == _ATTEMPTS - 1:
                raise
        else:
            return


def _change_file(part: t.Dict[str, t.Any], rule: str, wanted: str, _options: t.Sequence[str]) -> None:
    """Replace a rules file atomically if it has to change. If it is a link, its target is replaced."""
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
    """Return the text of a file, with surrogates for bytes that are not UTF-8 (PEP 383), or None if the file is missing."""
    try:
        with open(path, encoding="utf-8", errors="surrogateescape", newline="") as file:
            return file.read()
    except FileNotFoundError:
        return None


def _replace(path: str, text: str) -> None:
    """Replace the content of a file atomically. Its owner, mode, SELinux context and ACL are preserved."""
    temporary = path + TEMPORARY
    try:
        with open(temporary, "w", encoding="utf-8", errors="surrogateescape", newline="") as file:
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
def _hold_lock(path: str) -> t.Iterator[None]:
    """Hold ufw's own lock, so that ufw does not change the same chains at the same time.

    Any user can hold this lock, because its file is readable. Therefore the wait is limited. Each change is atomic without
    the lock too.
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


def _run(argv: t.List[str], stdin: str = "") -> str:
    done = subprocess.run(
        argv, input=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=True, timeout=_PROGRAM_SECONDS,
        encoding="utf-8", errors="surrogateescape",
    )  # fmt: skip
    return done.stdout
