# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Follow a guide that ends in a pipeline for GitLab, then run every job of the pipeline like a runner.

    python3 scripts/pipeline.py PAGE [--lab SCENARIO HOST=LAB_HOST ...] [--broken-by COMMAND]

The guide's folder is the repository, with the change on a branch. The merge request, the merge and the schedule each
start the jobs whose rules match. Each job runs in its own clone and must write its artifacts. With --broken-by the
command then breaks the fleet, and every scheduled job must fail and still write its artifacts.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import yaml

from ansible_collections.gatehouse.kong.scripts.guide import (
    MINUTES,
    Command,
    GuideError,
    make_lab_files,
    make_parser,
    parse_steps,
    perform,
    report,
)

NAME = ".gitlab-ci.yml"
MAIN = "main"
# docs.gitlab.com, "CI/CD YAML syntax reference": the keywords of a job that this program supports.
KEYWORDS = {"stage", "rules", "script", "before_script", "artifacts", "resource_group"}
ARTIFACTS = {"when", "paths", "reports"}
# The predefined variables that differ between events. A merge request's pipeline has no CI_COMMIT_BRANCH.
_COMMON = {"CI": "true", "CI_DEFAULT_BRANCH": MAIN}
MERGE_REQUEST = _COMMON | {"CI_PIPELINE_SOURCE": "merge_request_event", "CI_MERGE_REQUEST_TARGET_BRANCH_NAME": MAIN}
MERGED = _COMMON | {"CI_PIPELINE_SOURCE": "push", "CI_COMMIT_BRANCH": MAIN}
SCHEDULE = _COMMON | {"CI_PIPELINE_SOURCE": "schedule", "CI_COMMIT_BRANCH": MAIN}
IDENTITY = {
    f"GIT_{role}_{field}": text
    for role in ("AUTHOR", "COMMITTER")
    for field, text in (("NAME", "Guide"), ("EMAIL", "guide@example.net"))
}
_COMPARISON = re.compile(r'\s*\$(?P<left>\w+) == (?:\$(?P<right>\w+)|"(?P<text>[^"]*)")\s*')


@dataclass(frozen=True)
class Job:
    """A job: the lines that its shell runs, the conditions of its rules, and its artifacts."""

    name: str
    stage: str
    script: tuple[str, ...]
    conditions: tuple[str, ...]
    artifacts: tuple[str, ...]
    junit: str


def parse_jobs(text: str) -> list[Job]:
    """Return the jobs of a pipeline in the order of its stages. Raises GuideError if GitLab would reject them."""
    data = yaml.safe_load(text)
    stages = data.pop("stages")
    jobs = [_read_job(name, keywords, stages) for name, keywords in data.items()]
    return sorted(jobs, key=lambda job: stages.index(job.stage))


def _read_job(name: str, keywords: Mapping[str, Any], stages: list[str]) -> Job:
    artifacts = keywords.get("artifacts", {})
    if unknown := {*keywords} - KEYWORDS | {*artifacts} - ARTIFACTS:
        raise GuideError(f"{name}: unknown keywords: {', '.join(sorted(unknown))}")
    stage = keywords["stage"]
    if stage not in stages:
        raise GuideError(f"{name}: its stage {stage!r} is not one of {stages}")
    script = [*_read_script(name, keywords.get("before_script", [])), *_read_script(name, keywords["script"])]
    if artifacts.get("when") != "always":
        raise GuideError(f"{name}: without `when: always` a failed job leaves no report")
    rules = tuple(rule["if"] for rule in keywords["rules"])
    return Job(name, stage, tuple(script), rules, tuple(artifacts["paths"]), artifacts["reports"]["junit"])


def _read_script(name: str, value: object) -> list[str]:
    lines = [value] if isinstance(value, str) else value
    if not isinstance(lines, list) or not all(isinstance(line, str) for line in lines):
        raise GuideError(f"{name}: a script must be a line or a list of lines, not {value!r}")
    return lines


def starts(job: Job, variables: Mapping[str, str]) -> bool:
    """Tell whether an event with these variables starts the job."""
    return any(all(_holds(part, variables) for part in condition.split("&&")) for condition in job.conditions)


def _holds(comparison: str, variables: Mapping[str, str]) -> bool:
    found = _COMPARISON.fullmatch(comparison)
    if not found:
        raise GuideError(f"unknown form of a rule: {comparison!r}")
    right = variables.get(found["right"]) if found["right"] else found["text"]
    return variables.get(found["left"]) == right


def run_job(job: Job, repository: Path, branch: str, variables: Mapping[str, str]) -> tuple[int, str]:
    """Run a job in a shallow clone of the branch; return its exit status and output.

    Raises GuideError if an artifact is missing afterwards, is in the repository, or if the report is not a JUnit file.
    """
    with tempfile.TemporaryDirectory(prefix="job-") as name:
        folder = Path(name) / "clone"
        _run_git(Path(name), "clone", "--quiet", "--depth=1", f"--branch={branch}", repository.as_uri(), str(folder))
        if kept := [path for path in job.artifacts if (folder / path).exists()]:
            raise GuideError(f"{job.name}: the repository contains artifacts of the job: {kept}")
        done = subprocess.run(
            ["bash", "-c", "\n".join(["set -eo pipefail", *job.script])],
            cwd=folder,
            env=os.environ | variables | {"ANSIBLE_FORCE_COLOR": "false", "ANSIBLE_NOCOLOR": "true"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=MINUTES,
            check=False,
        )
        missing = [path for path in (*job.artifacts, job.junit) if not (folder / path).exists()]
        if missing:
            raise GuideError(
                f"{job.name}: missing artifacts {missing} after exit status {done.returncode}\n{done.stdout}"
            )
        if ET.parse(folder / job.junit).getroot().tag != "testsuites":
            raise GuideError(f"{job.name}: {job.junit} is not a JUnit file")
        return done.returncode, done.stdout


def _run_git(folder: Path, *arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=folder, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


def run(page: Path, given: list[Any], broken_by: str = "") -> list[str]:
    """Follow the page and run its pipeline; return the names of the jobs in the order of their runs."""
    os.environ.update(IDENTITY)
    with tempfile.TemporaryDirectory(prefix="guide-") as name:
        folder = Path(name)
        perform([*given, *parse_steps(page.read_text(encoding="utf-8"))], folder)
        jobs = parse_jobs((folder / NAME).read_text(encoding="utf-8"))
        _run_git(folder, "add", ".")
        _run_git(folder, "commit", "--quiet", "--message=Add the pipeline")
        branch = _run_git(folder, "branch", "--show-current")
        ran = _run_event(jobs, folder, branch, MERGE_REQUEST)
        _run_git(folder, "switch", "--quiet", MAIN)
        _run_git(folder, "merge", "--quiet", branch)
        ran += _run_event(jobs, folder, MAIN, MERGED) + _run_event(jobs, folder, MAIN, SCHEDULE)
        if never := [job.name for job in jobs if job.name not in ran]:
            raise GuideError(f"no event starts these jobs: {never}")
        if broken_by:
            Command(broken_by, ()).perform(folder)
            ran += _run_event(jobs, folder, MAIN, SCHEDULE, fails=True)
    return ran


def _run_event(
    jobs: list[Job], repository: Path, branch: str, variables: Mapping[str, str], *, fails: bool = False
) -> list[str]:
    """Run the jobs that an event starts, with the jobs of a stage in parallel; return their names."""
    started = [job for job in jobs if starts(job, variables)]
    for _stage, together in groupby(started, key=lambda job: job.stage):
        with ThreadPoolExecutor() as pool:
            ends = [(job, pool.submit(run_job, job, repository, branch, variables)) for job in together]
        for job, end in ends:
            status, output = end.result()
            if bool(status) is not fails:
                raise GuideError(f"the job {job.name} ends with exit status {status}\n{output}")
    return [job.name for job in started]


def main() -> int:
    parser = make_parser("Follow a guide and run its pipeline.")
    parser.add_argument("--broken-by", default="", metavar="COMMAND", help="makes the scheduled jobs fail")
    options = parser.parse_args()
    lab = make_lab_files(*options.lab)

    def describe() -> str:
        return f"these jobs work as the guide shows: {', '.join(run(options.page, lab, options.broken_by))}"

    return report(options.page, describe)


if __name__ == "__main__":
    sys.exit(main())
