# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pipeline of the guide to continuous integration: its jobs, and the failures of a job. The lab runs all jobs."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from ansible_collections.gatehouse.kong.scripts.guide import File, GuideError, parse_steps
from ansible_collections.gatehouse.kong.scripts.pipeline import (
    IDENTITY,
    MERGE_REQUEST,
    MERGED,
    NAME,
    SCHEDULE,
    Job,
    parse_jobs,
    run_job,
    starts,
)
from ansible_collections.gatehouse.kong.tests.unit.docs.pages import read_page

FILES = {step.name: step for step in parse_steps(read_page("docs/guides/ci.md")) if isinstance(step, File)}
JOBS = parse_jobs(FILES[NAME].text)
SIMPLE = """
stages: [one]
a:
  stage: one
  rules: [{if: $CI == "true"}]
  script: [mkdir report, echo "<testsuites/>" > report/report.xml]
  artifacts: {when: always, paths: [report], reports: {junit: report/report.xml}}
"""


@pytest.fixture
def repository(tmp_path, monkeypatch):
    return create_repository(tmp_path, monkeypatch)


def create_repository(folder, monkeypatch):
    """Create a repository with a file, on the branch main."""
    for name, value in IDENTITY.items():
        monkeypatch.setenv(name, value)
    (folder / "kept").mkdir()
    (folder / "kept" / "file").touch()
    run_git(folder, "init", "--quiet", "--initial-branch=main")
    commit(folder)
    return folder


def run_git(folder: Path, *arguments):
    subprocess.run(["git", *arguments], cwd=folder, check=True)


def commit(folder):
    run_git(folder, "add", ".")
    run_git(folder, "commit", "--quiet", "--message=Something")


def make_job(*script, artifacts=("out",), junit="out/report.xml"):
    return Job("a", "one", script, (), artifacts, junit)


@pytest.mark.parametrize(
    "event, names",
    [(MERGE_REQUEST, ["plan"]), (MERGED, ["apply"]), (SCHEDULE, ["verification", "drift"])],
    ids=["merge request", "merged", "schedule"],
)
def test_every_event_starts_its_jobs_of_the_guide(event, names):
    assert [started.name for started in JOBS if starts(started, event)] == names


@pytest.mark.parametrize(
    "old, new, message",
    [
        ("stage: one", "stage: two", "stage 'two'"),
        ("script:", "scripts:", "scripts"),
        ("paths:", "path:", "path"),
        ("when: always, ", "", "leaves no report"),
        ("[mkdir report, ", "[{mkdir: report}, ", "a line or a list of lines"),
    ],
)
def test_a_pipeline_that_gitlab_rejects_is_an_error(old, new, message):
    assert parse_jobs(SIMPLE)
    with pytest.raises(GuideError, match=message):
        parse_jobs(SIMPLE.replace(old, new, 1))


def test_a_rule_of_unknown_form_is_an_error():
    [only] = parse_jobs(SIMPLE.replace("==", "=~"))
    with pytest.raises(GuideError, match="unknown form"):
        starts(only, MERGED)


def test_a_job_runs_in_a_shell_that_ends_at_the_first_failure(repository):
    lines = ("mkdir out; cd out", 'echo "<testsuites/>" > report.xml', "false | cat", "touch ../never; echo never")
    status, output = run_job(make_job(*lines), repository, "main", MERGED)
    assert (status, output) == (1, "")


@pytest.mark.parametrize(
    "failing, message",
    [
        (make_job("true"), "missing artifacts"),
        (make_job("mkdir out", "echo '<x/>' > out/report.xml"), "not a JUnit file"),
        (make_job("true", artifacts=("kept",)), "the repository contains"),
    ],
)
def test_the_job_itself_must_write_its_artifacts(repository, failing, message):
    with pytest.raises(GuideError, match=message):
        run_job(failing, repository, "main", MERGED)
