# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Follow a guide that ends in a pipeline for GitLab, then run every job of the pipeline as a runner would.

    python3 scripts/pipeline.py PAGE [--lab SCENARIO HOST=LAB_HOST ...] [--broken-by COMMAND]

The guide's folder is the repository, with the change on a branch. Its merge request, the merge and the schedule each
start those jobs whose rules say so, each in a clone of its own, and the artifacts have to be there afterwards. With
--broken-by the command then breaks the fleet, and every scheduled job has to fail and leave its artifacts all the same.
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
    lab_files,
    parser_of,
    perform,
    steps,
    tell,
)

NAME = ".gitlab-ci.yml"
MAIN = "main"
# docs.gitlab.com, "CI/CD YAML syntax reference": what a job may say, as far as it is done here.
KEYWORDS = {"stage", "rules", "script", "before_script", "artifacts", "resource_group"}
ARTIFACTS = {"when", "paths", "reports"}
# The predefined variables that tell the events apart. A merge request's pipeline has no CI_COMMIT_BRANCH.
_COMMON = {"CI": "true", "CI_DEFAULT_BRANCH": MAIN}
MERGE_REQUEST = _COMMON | {"CI_PIPELINE_SOURCE": "merge_request_event", "CI_MERGE_REQUEST_TARGET_BRANCH_NAME": MAIN}
MERGED = _COMMON | {"CI_PIPELINE_SOURCE": "push", "CI_COMMIT_BRANCH": MAIN}
SCHEDULE = _COMMON | {"CI_PIPELINE_SOURCE": "schedule", "CI_COMMIT_BRANCH": MAIN}
IDENTITY = {
    f"GIT_{who}_{what}": text
    for who in ("AUTHOR", "COMMITTER")
    for what, text in (("NAME", "Guide"), ("EMAIL", "guide@example.net"))
}
_COMPARISON = re.compile(r'\s*\$(?P<left>\w+) == (?:\$(?P<right>\w+)|"(?P<text>[^"]*)")\s*')


@dataclass(frozen=True)
class Job:
    """A job: the lines that one shell runs, when it runs, and what it leaves behind."""

    name: str
    stage: str
    script: tuple[str, ...]
    conditions: tuple[str, ...]
    artifacts: tuple[str, ...]
    junit: str


def jobs_in(text: str) -> list[Job]:
    """Return the jobs of a pipeline in the order of its stages. Raises GuideError for what GitLab would not take."""
    data = yaml.safe_load(text)
    stages = data.pop("stages")
    jobs = [_job(name, said, stages) for name, said in data.items()]
    return sorted(jobs, key=lambda job: stages.index(job.stage))


def _job(name: str, said: Mapping[str, Any], stages: list[str]) -> Job:
    artifacts = said.get("artifacts", {})
    if unknown := {*said} - KEYWORDS | {*artifacts} - ARTIFACTS:
        raise GuideError(f"{name}: these keywords are not known: {', '.join(sorted(unknown))}")
    if said["stage"] not in stages:
        raise GuideError(f"{name}: its stage {said['stage']!r} is not one of {stages}")
    script = [*_lines(name, said.get("before_script", [])), *_lines(name, said["script"])]
    if artifacts.get("when") != "always":
        raise GuideError(f"{name}: without `when: always` a job that fails leaves no report")
    rules = tuple(rule["if"] for rule in said["rules"])
    return Job(name, said["stage"], tuple(script), rules, tuple(artifacts["paths"]), artifacts["reports"]["junit"])


def _lines(name: str, said: object) -> list[str]:
    lines = [said] if isinstance(said, str) else said
    if not isinstance(lines, list) or not all(isinstance(line, str) for line in lines):
        raise GuideError(f"{name}: a script is a line or a list of lines, and not {said!r}")
    return lines


def starts(job: Job, variables: Mapping[str, str]) -> bool:
    """Tell whether an event with these variables starts the job."""
    return any(all(_holds(part, variables) for part in one.split("&&")) for one in job.conditions)


def _holds(comparison: str, variables: Mapping[str, str]) -> bool:
    found = _COMPARISON.fullmatch(comparison)
    if not found:
        raise GuideError(f"a rule is not understood: {comparison!r}")
    right = variables.get(found["right"]) if found["right"] else found["text"]
    return variables.get(found["left"]) == right


def run_job(job: Job, repository: Path, branch: str, variables: Mapping[str, str]) -> tuple[int, str]:
    """Run a job in a shallow clone of the branch; return its exit status and output.

    Raises GuideError where an artifact is missing afterwards, was in the repository, or is no JUnit file.
    """
    with tempfile.TemporaryDirectory(prefix="job-") as name:
        folder = Path(name) / "clone"
        _git(Path(name), "clone", "--quiet", "--depth=1", f"--branch={branch}", repository.as_uri(), str(folder))
        if kept := [path for path in job.artifacts if (folder / path).exists()]:
            raise GuideError(f"{job.name}: the repository holds what the job should make: {kept}")
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
            raise GuideError(f"{job.name}: no artifacts {missing} after exit status {done.returncode}\n{done.stdout}")
        if ET.parse(folder / job.junit).getroot().tag != "testsuites":
            raise GuideError(f"{job.name}: {job.junit} is no JUnit file")
        return done.returncode, done.stdout


def _git(folder: Path, *arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=folder, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


def run(page: Path, given: list[Any], broken_by: str = "") -> list[str]:
    """Follow the page and run its pipeline. Return the names of the jobs that were run, in order."""
    os.environ.update(IDENTITY)
    with tempfile.TemporaryDirectory(prefix="guide-") as name:
        folder = Path(name)
        perform([*given, *steps(page.read_text(encoding="utf-8"))], folder)
        jobs = jobs_in((folder / NAME).read_text(encoding="utf-8"))
        _git(folder, "add", ".")
        _git(folder, "commit", "--quiet", "--message=Add the pipeline")
        branch = _git(folder, "branch", "--show-current")
        ran = _event(jobs, folder, branch, MERGE_REQUEST)
        _git(folder, "switch", "--quiet", MAIN)
        _git(folder, "merge", "--quiet", branch)
        ran += _event(jobs, folder, MAIN, MERGED) + _event(jobs, folder, MAIN, SCHEDULE)
        if never := [job.name for job in jobs if job.name not in ran]:
            raise GuideError(f"no event starts these jobs: {never}")
        if broken_by:
            Command(broken_by, ()).perform(folder)
            ran += _event(jobs, folder, MAIN, SCHEDULE, fails=True)
    return ran


def _event(
    jobs: list[Job], repository: Path, branch: str, variables: Mapping[str, str], *, fails: bool = False
) -> list[str]:
    """Run the jobs that an event starts, those of a stage side by side; return their names."""
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
    parser = parser_of("Follow a guide and run its pipeline.")
    parser.add_argument("--broken-by", default="", metavar="COMMAND", help="makes the scheduled jobs fail")
    options = parser.parse_args()
    lab = lab_files(*options.lab)

    def ran() -> str:
        return f"these jobs do what the guide says: {', '.join(run(options.page, lab, options.broken_by))}"

    return tell(options.page, ran)


if __name__ == "__main__":
    sys.exit(main())
