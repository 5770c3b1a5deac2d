# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._backends.ufw import late_session
from ansible_collections.gatehouse.kong.plugins.module_utils._backends.ufw.late_session import (
    END,
    SessionError,
    bring,
    edit_text,
    is_ours,
    list_chain_rules,
    plan_chain_commands,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._host.foreign_python import make_script

GOLDEN = Path(__file__).parents[5] / "golden" / "ufw" / "after"
CHAIN = "ufw-after-input"
RULE = "-m mark --mark 0x10000000/0x10000000 -m comment --comment gatehouse.kong -j ACCEPT"
OURS = f"-A {CHAIN} {RULE}"
LISTED = f'-A {CHAIN} -m mark --mark 0x10000000/0x10000000 -m comment --comment "gatehouse.kong" -j ACCEPT'
BAN = f"-A {CHAIN} -s 192.0.2.1/32 -j DROP"
FILTER = f"*filter\n:{CHAIN} - [0:0]\n"

# Rules files, with @ for our rule in the edited file.
FILES = {
    "plain": f"{FILTER}{BAN}\n@COMMIT\n",
    "no final newline": f"{FILTER}@COMMIT",
    "text after COMMIT": f"{FILTER}@COMMIT\n# end\n\n\n",
    "CRLF in comments": f"# one\r\n{FILTER}# two\r\n{BAN}\n@COMMIT\n# three\r\n",
    "space after the table's name": f"*filter \t\n:{CHAIN} - [0:0]\n@COMMIT\n",
    "space before a rule": f"{FILTER}\t {BAN}\n\n@COMMIT\n",
    "other tables": f"*nat\n:POSTROUTING - [0:0]\nCOMMIT\n{FILTER}@COMMIT\n*mangle\nCOMMIT\n",
    "a second filter for another chain": f"{FILTER}@COMMIT\n*filter\n-A ufw-after-output -j ACCEPT\nCOMMIT\n",
    "a second filter that adds to the chain": f"{FILTER}COMMIT\n*filter\n{BAN}\n@COMMIT\n",
    "a comment with COMMIT": f"{FILTER}# COMMIT\n@COMMIT\n",
    "bytes that are not UTF-8": f"# \xe9\x85\x1c\x0b\n{FILTER}@COMMIT\n",
}
NO_PLACE = {
    "empty": "",
    "no filter": f"*nat\n:{CHAIN} - [0:0]\nCOMMIT\n",
    "no chain": "*filter\n:ufw-after-output - [0:0]\nCOMMIT\n",
    "a longer name": f"*filter\n:{CHAIN}s - [0:0]\n-A {CHAIN}s -j ACCEPT\nCOMMIT\n",
    "no COMMIT": FILTER,
    "COMMIT with CR": f"{FILTER}COMMIT\r\n",
    "COMMIT of the next table": f"{FILTER}*nat\nCOMMIT\n",
    "a commented table": f"#*filter\n:{CHAIN} - [0:0]\nCOMMIT\n",
}


@pytest.mark.parametrize("name, chain", [("debian", "ufw-after-input"), ("debian6", "ufw6-after-input")])
def test_the_files_of_debian(name, chain):
    text = (GOLDEN / f"{name}.rules").read_text()
    edited = (GOLDEN / f"{name}.edited.rules").read_text()
    assert edit_text(text, chain, RULE, END) == edited
    assert edit_text(edited, chain, RULE, END) == edited
    assert edit_text(edited, chain, RULE, "") == text


@pytest.mark.parametrize("marked", FILES.values(), ids=FILES)
def test_a_file_with_and_without_our_rule(marked):
    text, edited = marked.replace("@", ""), marked.replace("@", f"{OURS}\n")
    assert edit_text(text, CHAIN, RULE, END) == edited
    assert edit_text(edited, CHAIN, RULE, END) == edited
    assert edit_text(edited, CHAIN, RULE, "") == text


@pytest.mark.parametrize("text", NO_PLACE.values(), ids=NO_PLACE)
def test_a_file_without_a_place_is_not_changed(text):
    assert edit_text(text, CHAIN, RULE, END) == text


@pytest.mark.parametrize("lines", [
    f"{OURS}\n{BAN}\n",
    f"{BAN}\n{OURS}\n{OURS}\n",
    f"\t{LISTED}\n{BAN}\n",
    f"{BAN}\n-A ufw-after-output {RULE}\n",
])  # fmt: skip
def test_a_rule_that_is_repeated_or_misplaced_in_a_file(lines):
    assert edit_text(f"{FILTER}{lines}COMMIT\n", CHAIN, RULE, END) == f"{FILTER}{BAN}\n{OURS}\nCOMMIT\n"
    assert edit_text(f"{FILTER}{lines}COMMIT\n", CHAIN, RULE, "") == f"{FILTER}{BAN}\nCOMMIT\n"


@pytest.mark.parametrize("line, listed", [
    ("-j DROP", "-j DROP"),
    ("-j REJECT", "-j REJECT --reject-with icmp-port-unreachable"),
    ("-p tcp --dport 8000 -j DROP", "-p tcp -m tcp --dport 8000 -j DROP"),
    ('-m comment --comment "end" -j DROP', "-m comment --comment end -j DROP"),
])  # fmt: skip
def test_a_place_before_a_rule_of_a_file(line, listed):
    text = f"{FILTER}{BAN}\n-A {CHAIN} {line}\n-A {CHAIN} -j LOG\nCOMMIT\n"
    edited = f"{FILTER}{BAN}\n{OURS}\n-A {CHAIN} {line}\n-A {CHAIN} -j LOG\nCOMMIT\n"
    assert edit_text(text, CHAIN, RULE, f"-A {CHAIN} {listed}") == edited
    assert edit_text(edited, CHAIN, RULE, f"-A {CHAIN} {listed}") == edited


def test_a_place_before_a_rule_with_a_comment_that_is_not_ascii():
    text = f'{FILTER}-A {CHAIN} -m comment --comment "é\udce9" -j DROP\nCOMMIT\n'
    place = f'-A {CHAIN} -m comment --comment "é\udce9" -j DROP'
    assert edit_text(text, CHAIN, RULE, place) == text.replace("-A ", f"{OURS}\n-A ", 1)
    assert edit_text(text, CHAIN, RULE, place.replace("\udce9", "\udce8")) == text.replace("COMMIT", f"{OURS}\nCOMMIT")


def test_a_place_before_a_rule_that_is_missing_in_the_file():
    assert edit_text(f"{FILTER}{BAN}\n\nCOMMIT\n", CHAIN, RULE, f"-A {CHAIN} -j DROP") == (
        f"{FILTER}{BAN}\n\n{OURS}\nCOMMIT\n"
    )


@pytest.mark.parametrize("line, expected", [
    (OURS, True),
    (LISTED, True),
    (f"-A INPUT {RULE}", True),
    (f"# {OURS}", False),
    (f"-A {CHAIN} -s 192.0.2.1/32 {RULE}", False),
    (OURS.replace("0x10000000/0x10000000", "0x1/0x1"), False),
    (OURS.replace("gatehouse.kong", "other"), False),
    (OURS.replace("ACCEPT", "DROP"), False),
])  # fmt: skip
def test_our_rule_is_recognised(line, expected):
    assert is_ours(line, RULE) is expected


def format_saved(*rules):
    return "\n".join(["*filter", ":INPUT DROP [0:0]", f":{CHAIN} - [0:0]", *rules, "COMMIT", ""])


DELETE, INSERT = f"-D {CHAIN} {RULE}", f"-I {CHAIN} {{}} {RULE}"
COMMENT = f'-A {CHAIN} -m comment --comment "two\n-A {CHAIN} lines" -j DROP'
LOADED = {
    "missing": ([BAN], END, [INSERT.format(2)]),
    "missing in an empty chain": ([], END, [INSERT.format(1)]),
    "no difference": ([BAN, LISTED], END, []),
    "followed by a ban": ([LISTED, BAN], END, [DELETE, INSERT.format(2)]),
    "repeated": ([LISTED, BAN, LISTED], END, [DELETE, DELETE, INSERT.format(2)]),
    "also in another chain": ([f"-A INPUT {RULE}", LISTED], END, [f"-D INPUT {RULE}", DELETE, INSERT.format(1)]),
    "after a comment of two lines": ([COMMENT], END, [INSERT.format(2)]),
    "before a rule": ([BAN, LISTED, f"-A {CHAIN} -j DROP"], f"-A {CHAIN} -j DROP", []),
    "after that rule": ([f"-A {CHAIN} -j DROP", LISTED], f"-A {CHAIN} -j DROP", [DELETE, INSERT.format(1)]),
    "to be removed": ([LISTED, BAN, f"-A INPUT {RULE}"], "", [DELETE, f"-D INPUT {RULE}"]),
    "absent": ([BAN], "", []),
}  # fmt: skip


@pytest.mark.parametrize("rules, wanted, commands", LOADED.values(), ids=LOADED)
def test_the_commands_for_a_loaded_chain(rules, wanted, commands):
    assert plan_chain_commands(format_saved(*rules), CHAIN, RULE, wanted) == commands


def test_a_chain_that_is_not_loaded():
    text = "*filter\n:INPUT DROP [0:0]\nCOMMIT\n"
    assert list_chain_rules(text, CHAIN) is None
    assert list_chain_rules(format_saved(), CHAIN) == []
    assert plan_chain_commands(text, CHAIN, RULE, END) == []


class Machine:
    """A rules file, and programs that store the table filter in a file."""

    def __init__(self, folder):
        self.folder = folder
        self.file = folder / "after.rules"
        self.file.write_text(f"{FILTER}COMMIT\n")
        (folder / "saved").write_text(format_saved(BAN))
        self.write_program("save", f'echo save "$@" >> {folder}/calls; cat {folder}/saved')
        self.write_program("restore", f'echo restore "$@" >> {folder}/calls; cat >> {folder}/input')

    def write_program(self, name, text):
        path = self.folder / name
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)

    def request(self, **wanted):
        part = {
            "chain": CHAIN,
            "file": str(self.file),
            "save": f"{self.folder}/save",
            "restore": f"{self.folder}/restore",
        }
        parts = [{**part, "loaded": None, "in_file": None, **wanted}]
        return {"rule": RULE, "lock": f"{self.folder}/lock", "options": [], "parts": parts}

    def read(self, name):
        return (self.folder / name).read_text()


@pytest.fixture
def machine(tmp_path):
    return Machine(tmp_path)


def test_the_loaded_chain_changes_in_one_transaction(machine):
    bring(machine.request(loaded=END))
    assert machine.read("input") == f"*filter\n-I {CHAIN} 2 {RULE}\nCOMMIT\n"
    assert machine.read("calls") == "save -t filter\nrestore --wait 10 --noflush\n"
    assert machine.file.read_text() == f"{FILTER}COMMIT\n"


def test_comments_that_are_not_utf8(machine):
    (machine.folder / "saved").write_bytes(
        format_saved(f'-A {CHAIN} -m comment --comment "@" -j DROP').encode().replace(b"@", b"\xff")
    )
    bring(machine.request(loaded=END))
    assert machine.read("input") == f"*filter\n-I {CHAIN} 2 {RULE}\nCOMMIT\n"


def test_a_chain_that_changes_after_it_was_read_is_read_again(machine):
    changed = format_saved(BAN, BAN)
    machine.write_program("restore", f"cat >> {machine.folder}/input; [ -e {machine.folder}/failed ] || "
                          f"{{ touch {machine.folder}/failed; printf '%s' '{changed}' > {machine.folder}/saved; exit 1; }}")  # fmt: skip
    bring(machine.request(loaded=END))
    assert machine.read("input") == f"*filter\n-I {CHAIN} 2 {RULE}\nCOMMIT\n*filter\n-I {CHAIN} 3 {RULE}\nCOMMIT\n"


def test_a_program_that_fails_is_tried_three_times_and_its_message_shown(machine):
    machine.write_program("restore", f"echo >> {machine.folder}/tries; echo no permission >&2; exit 4")
    with pytest.raises(SessionError, match=r"^no permission$"):
        bring(machine.request(loaded=END))
    assert machine.read("tries") == "\n\n\n"


def test_the_file_is_edited_if_the_chain_cannot_be_changed(machine):
    machine.write_program("save", "echo broken >&2; exit 1")
    with pytest.raises(SessionError, match=r"^broken$"):
        bring(machine.request(loaded=END, in_file=END))
    assert machine.file.read_text() == f"{FILTER}{OURS}\nCOMMIT\n"


@pytest.mark.skipif(os.geteuid() != 0, reason="a file of another user is needed")
def test_owner_mode_and_attributes_of_a_file_are_preserved(machine):
    os.chown(machine.file, 12, 34)
    machine.file.chmod(0o640)
    os.setxattr(machine.file, "user.note", b"kept")
    bring(machine.request(in_file=END))
    status = machine.file.stat()
    assert (status.st_uid, status.st_gid, status.st_mode & 0o7777) == (12, 34, 0o640)
    assert os.getxattr(machine.file, "user.note") == b"kept"
    assert machine.file.read_text() == f"{FILTER}{OURS}\nCOMMIT\n"
    assert not (machine.folder / "calls").exists()


def test_bytes_and_line_breaks_of_a_file_are_preserved(machine):
    machine.file.write_bytes(b"# \xe9\xff\r\n" + FILTER.encode() + b"COMMIT\n# \xc3\xa9\r\n")
    bring(machine.request(in_file=END))
    assert machine.file.read_bytes() == b"# \xe9\xff\r\n" + f"{FILTER}{OURS}\nCOMMIT\n".encode() + b"# \xc3\xa9\r\n"
    bring(machine.request(in_file=""))
    assert machine.file.read_bytes() == b"# \xe9\xff\r\n" + FILTER.encode() + b"COMMIT\n# \xc3\xa9\r\n"


def test_a_link_is_preserved(machine):
    kept = machine.file.rename(machine.folder / "kept.rules")
    machine.file.symlink_to(kept)
    bring(machine.request(in_file=END))
    assert machine.file.is_symlink()
    assert kept.read_text() == f"{FILTER}{OURS}\nCOMMIT\n"


def test_a_file_that_needs_no_change_is_not_written(machine):
    before = machine.file.stat().st_ino
    bring(machine.request(in_file=""))
    assert machine.file.stat().st_ino == before


def test_a_file_without_a_place_is_an_error_with_its_name(machine):
    machine.file.write_text("*nat\nCOMMIT\n")
    with pytest.raises(SessionError) as error:
        bring(machine.request(in_file=END))
    assert str(error.value) == f"{machine.file} has no table filter with the chain ufw-after-input"
    assert machine.file.read_text() == "*nat\nCOMMIT\n"


def test_a_failed_replacement_leaves_no_temporary_file(machine, monkeypatch):
    def fail(_old, _new):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(SessionError, match=r"^\[Errno 28\] No space left on device$"):
        bring(machine.request(in_file=END))
    assert sorted(path.name for path in machine.folder.iterdir()) == ["after.rules", "lock", "restore", "save", "saved"]
    assert machine.file.read_text() == f"{FILTER}COMMIT\n"


def test_a_missing_file_is_not_created(machine):
    machine.file.unlink()
    bring(machine.request(in_file=""))
    assert not machine.file.exists()


def test_the_temporary_file_of_a_killed_run_is_removed(machine):
    left = machine.folder / "after.rules.gatehouse-kong"
    left.write_text("half")
    bring(machine.request(in_file=""))
    assert not left.exists()


def test_a_change_continues_if_the_lock_is_held(machine, monkeypatch):
    monkeypatch.setattr(late_session, "_LOCK_SECONDS", 0.1)
    code = "import fcntl, sys; file = open(sys.argv[1], 'w'); fcntl.lockf(file, 2); print('', flush=True); input()"
    argv = [sys.executable, "-c", code, f"{machine.folder}/lock"]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        holder.stdout.readline()
        with (machine.folder / "lock").open("w") as file, pytest.raises(BlockingIOError):
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        bring(machine.request(in_file=END))
        assert machine.file.read_text() == f"{FILTER}{OURS}\nCOMMIT\n"
        holder.communicate(b"\n")


def test_the_file_runs_by_itself(machine):
    text = make_script(late_session, machine.request(loaded=END, in_file=END))
    subprocess.run([sys.executable, "-I", "-"], input=text, text=True, check=True)
    assert machine.file.read_text() == f"{FILTER}{OURS}\nCOMMIT\n"
    assert machine.read("input") == f"*filter\n-I {CHAIN} 2 {RULE}\nCOMMIT\n"
    machine.write_program("save", "echo broken >&2; exit 1")
    done = subprocess.run([sys.executable, "-I", "-"], input=text, text=True, check=False, capture_output=True)
    assert (done.returncode, done.stderr) == (1, "broken\n")
