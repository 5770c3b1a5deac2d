# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run checks and print their results: ``check.py [GROUP or NAME ...]``; without arguments, run all checks.

A failed check does not stop other checks. The last line is ``N passed, N failed``, and the exit code is 1 if any failed.
"""

from __future__ import annotations

import argparse
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from checks import Check, list_checks
from repository import ROOT, TOOLS

LOGS = ROOT / ".cache" / "logs"
TAIL = 60
# Lines of a failed check that are repeated at the end, because its log may no longer be on the screen.
TELLING = re.compile(r"\b(FAILED|ERROR)\b(?! - RETRYING)|^E  |\bfatal: |\berror\b")
TELLING_LINES = 8
PROGRESS = 10  # seconds
# The groups of a stage run side by side. The number is how many checks of the group run at the same time. Unit tests and playbook
# runs use all processors. Tests in namespaces mostly wait, and linters and the build of the lab's images use the time.
STAGES = ({"unit": 1}, {"netns": 1, "lint": 2, "artifact": 1, "lab": 1}, {"molecule": 2})
# The groups that get a processor only if no other process needs it: tests in namespaces measure time, and Galaxy's importer has
# time limits of its own.
LAST = ("lint", "lab")


running: set[int] = set()


@dataclass(frozen=True)
class Result:
    check: Check
    status: str
    seconds: float
    note: str = ""


def make_environment() -> dict[str, str]:
    """Return the environment of every check, independent of the caller's shell."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("ANSIBLE_", "MOLECULE_", "PYTHON"))
    }
    return kept | {
        "PATH": f"{TOOLS}{os.pathsep}{kept['PATH']}",
        "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".venv" / "collections"),
        "LC_ALL": "C.UTF-8",  # Ansible refuses to start in a locale that is not UTF-8
        "NO_COLOR": "1",
        "PYTHONPATH": str(ROOT / ".venv" / "collections"),  # for Python processes that tests start
    }


def locate_log(check: Check) -> Path:
    return LOGS / f"{check.title.replace(': ', '-').replace(' ', '-')}.log"


def make_command(check: Check) -> tuple[str, ...]:
    """Return the command of a check with its priority."""
    return ("nice", "-n", "19", *check.command) if check.group in LAST else check.command


def execute(check: Check) -> str:
    """Run the command with its output in the log; return the reason of its failure, or ""."""
    with locate_log(check).open("wb") as log:
        process = subprocess.Popen(
            make_command(check),
            cwd=ROOT,
            env=make_environment(),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        running.add(process.pid)
        try:
            code = wait(check, process)
        finally:
            running.discard(process.pid)
    return {0: "", None: f"not done after {check.timeout} s"}.get(code, f"exit code {code}")


def wait(check: Check, process: subprocess.Popen[bytes]) -> int | None:
    """Return the exit code, None if the command was killed after its time limit; print progress every few seconds."""
    for seconds in range(PROGRESS, check.timeout + PROGRESS, PROGRESS):
        try:
            return process.wait(PROGRESS)
        except subprocess.TimeoutExpired:
            print(f"  {check.title}: {seconds} s", flush=True)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    return None


def find_last_line(check: Check) -> str:
    """Return the last line of pytest's output, such as ``12 passed in 0.3s``."""
    lines = locate_log(check).read_text(errors="replace").strip().splitlines()
    return lines[-1].strip("= ") if lines and check.group in ("unit", "netns") else ""


def run(check: Check) -> Result:
    if not (ROOT / check.needs).exists():
        return Result(check, "skipped", 0, f"no {check.needs}")
    print(f"{check.title}: started, stopped after {check.timeout // 60} minutes at most", flush=True)
    started = time.monotonic()
    failure = execute(check)
    return Result(check, "FAILED" if failure else "ok", time.monotonic() - started, failure or find_last_line(check))


def run_all(checks: Sequence[Check]) -> Iterator[Result]:
    for stage in STAGES:
        with ExitStack() as stack:
            pools = {group: stack.enter_context(ThreadPoolExecutor(workers)) for group, workers in stage.items()}
            started = [pools[check.group].submit(run, check) for check in checks if check.group in pools]
            for future in as_completed(started):
                yield future.result()


def describe(result: Result) -> str:
    seconds = f"{result.seconds:.1f} s"
    return f"{result.check.title:<30} {result.status:<8} {seconds:>8}  {result.note}".rstrip()


def show(result: Result) -> None:
    print(describe(result), flush=True)
    if result.status == "FAILED":
        log = locate_log(result.check)
        for line in log.read_text(errors="replace").splitlines()[-TAIL:]:
            print(f"  | {line}")
        print(f"  the whole output: {log.relative_to(ROOT)}", flush=True)


def summarise_failure(result: Result) -> list[str]:
    """Return the last lines of a failed check's output that look like errors."""
    lines = [line.strip() for line in locate_log(result.check).read_text(errors="replace").splitlines()]
    telling = [line[:200] for line in lines if TELLING.search(line)] or lines
    return [f"{result.check.title}:", *(f"  {line}" for line in telling[-TELLING_LINES:])]


def format_summary(results: list[Result]) -> str:
    counts = {status: sum(result.status == status for result in results) for status in ("ok", "FAILED", "skipped")}
    skipped = f", {counts['skipped']} skipped" if counts["skipped"] else ""
    return f"{counts['ok']} passed, {counts['FAILED']} failed{skipped}"


def choose(words: list[str]) -> list[Check]:
    checks = list_checks()
    known = {word for check in checks for word in (check.group, check.name)}
    if unknown := sorted(set(words) - known):
        sys.exit(f"check: {unknown[0]!r} is neither a group nor a check; use one of {', '.join(sorted(known))}")
    return [check for check in checks if not words or {check.group, check.name} & set(words)]


def end_running(signum: int, _frame: object) -> None:
    """End the running commands, which have their own sessions, and then this program."""
    for pid in tuple(running):
        os.killpg(pid, signal.SIGTERM)
    os._exit(128 + signum)


def main() -> int:
    parser = argparse.ArgumentParser(description="Run the checks of the repository.")
    parser.add_argument("checks", nargs="*", help="groups or names of checks; default: all")
    checks = choose(parser.parse_args().checks)
    LOGS.mkdir(parents=True, exist_ok=True)
    for signum in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signum, end_running)
    results = []
    for result in run_all(checks):
        results.append(result)
        show(result)
    results.sort(key=lambda result: checks.index(result.check))
    failed = [line for result in results if result.status == "FAILED" for line in summarise_failure(result)]
    lines = ["", "Summary", *(f"  {describe(result)}" for result in results), *failed, format_summary(results)]
    report = "\n".join(lines)
    (ROOT / ".cache" / "summary.txt").write_text(f"{report}\n", encoding="utf-8")
    print(report, flush=True)
    return any(result.status == "FAILED" for result in results)


if __name__ == "__main__":
    sys.exit(main())
