# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""scripts/check.py chooses, runs and summarises checks; a failure has its reason."""

from __future__ import annotations

import sys

import pytest

from ansible_collections.gatehouse.kong.scripts import check
from ansible_collections.gatehouse.kong.scripts.check import Check, Result

OUTPUT = "collected 3 items\nE   assert 1 == 2\nFAILED test_a.py::test_b\n1 failed, 2 passed in 0.1s\n"


@pytest.fixture(autouse=True)
def logs(tmp_path, monkeypatch):
    monkeypatch.setattr(check, "LOGS", tmp_path)
    return tmp_path


def make_check(text, group="unit", **more):
    return Check(group, "a test", (sys.executable, "-c", text), **more)


def test_a_check_that_passes_has_its_last_line():
    result = check.run(make_check("print('starts'); print('== 12 passed in 0.3s ==')"))
    assert (result.status, result.note) == ("ok", "12 passed in 0.3s")
    assert check.run(make_check("print('none found')", group="lint")).note == ""


def test_a_check_that_fails_has_its_reason():
    result = check.run(make_check("raise SystemExit(3)"))
    assert (result.status, result.note) == ("FAILED", "exit code 3")


def test_a_check_is_killed_after_its_time_limit(monkeypatch):
    monkeypatch.setattr(check, "PROGRESS", 1)
    assert check.execute(make_check("import time; time.sleep(60)", timeout=1)) == "not done after 1 s"


def test_a_check_without_the_files_that_it_needs_is_skipped():
    result = check.run(make_check("", needs="no-such-folder"))
    assert (result.status, result.note) == ("skipped", "no no-such-folder")


def test_a_check_does_not_see_the_variables_of_the_shell(monkeypatch):
    monkeypatch.setenv("ANSIBLE_HOST_KEY_CHECKING", "false")
    monkeypatch.setenv("PYTHONWARNINGS", "error")
    monkeypatch.setenv("PROXY", "kept")
    made = check.make_environment()
    assert ("ANSIBLE_HOST_KEY_CHECKING" in made, "PYTHONWARNINGS" in made, made["PROXY"]) == (False, False, "kept")


@pytest.mark.parametrize(
    ("output", "lines"),
    [
        (OUTPUT, ["  E   assert 1 == 2", "  FAILED test_a.py::test_b"]),
        ("first\nlast\n", ["  first", "  last"]),
        ("FAILED - RETRYING: wait (3 left)\nfatal: [n]: FAILED!\n", ["  fatal: [n]: FAILED!"]),
        ("".join(f"error {number}\n" for number in range(20)), [f"  error {number}" for number in range(12, 20)]),
    ],
)
def test_the_summary_of_a_failure_has_the_lines_that_look_like_errors(output, lines):
    failed = make_check("")
    check.locate_log(failed).write_text(output)
    assert check.summarise_failure(Result(failed, "FAILED", 1)) == ["unit: a test:", *lines]


def test_the_last_line_counts_the_results():
    results = [Result(make_check(""), status, 1) for status in ("ok", "FAILED", "ok")]
    assert check.format_summary(results) == "2 passed, 1 failed"
    assert check.format_summary([*results, Result(make_check(""), "skipped", 0)]) == "2 passed, 1 failed, 1 skipped"


def test_checks_are_chosen_by_group_or_name():
    assert [chosen.title for chosen in check.choose(["mypy"])] == ["lint: mypy"]
    assert {chosen.group for chosen in check.choose(["unit"])} == {"unit"}
    assert len({chosen.title for chosen in check.choose([])}) == len(check.choose([])) > 10
    with pytest.raises(SystemExit, match=r"'mypi' is neither a group nor a check; use one of .*mypy"):
        check.choose(["mypi"])


def test_linters_and_images_leave_the_processors_to_the_checks_beside_them():
    commands = {item.group: check.make_command(item) for item in check.choose([])}
    assert {group for group, command in commands.items() if command[0] == "nice"} == {"lint", "lab"}
    assert commands["netns"] == next(item.command for item in check.choose(["netns"]))


def test_every_check_runs_once_in_its_stage(monkeypatch):
    checks = check.choose([])
    assert sorted(group for stage in check.STAGES for group in stage) == sorted({item.group for item in checks})
    monkeypatch.setattr(check, "run", lambda item: Result(item, "ok", 0))
    done = [result.check for result in check.run_all(checks)]
    assert sorted(done, key=checks.index) == checks
    assert max(done.index(item) for item in checks if item.group == "lab") < done.index(checks[-1])
