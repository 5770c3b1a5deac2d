# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every check of the repository. STAGES in scripts/check.py has the order in which they run."""

from __future__ import annotations

import sys
from dataclasses import dataclass

from repository import ROOT, TOOLS, list_files

COLLECTION = "ansible_collections.gatehouse.kong"
MINUTE = 60

# The options of pytest by the folder of the tests. Tests in namespaces mostly wait, for dropped packets and for the kernel, and
# the longest of them are in the same file. The tests of a file of playbook runs share runs.
OPTIONS = {
    "unit": ["--numprocesses=2"],
    "playbooks": ["--numprocesses=2", "--dist=loadfile"],
    "netns": ["--numprocesses=6", "--dist=worksteal"],
}

# The scenarios that start first, so that they do not run alone at the end.
LONGEST = ("backends", "flat", "generations", "seed")

# Folders with strict types: the code that compiles the plan, and the code that runs on the hosts.
TYPED = ("plugins/plugin_utils", "plugins/module_utils")


@dataclass(frozen=True)
class Check:
    """A command that passes or fails.

    If the path ``needs`` does not exist, the check is skipped, and the summary reports that.
    """

    group: str
    name: str
    command: tuple[str, ...]
    needs: str = "."
    timeout: int = 20 * MINUTE

    @property
    def title(self) -> str:
        return f"{self.group}: {self.name}"


def _run_tool(name: str, *arguments: str) -> tuple[str, ...]:
    return (str(TOOLS / name), *arguments)


def _run_script(name: str, *arguments: str) -> tuple[str, ...]:
    return (sys.executable, f"scripts/{name}", *arguments)


def _run_mypy() -> tuple[str, ...]:
    packages = [path.replace("/", ".") for path in TYPED if any((ROOT / path).rglob("*.py"))]
    return _run_tool("mypy", *(word for package in packages for word in ("-p", f"{COLLECTION}.{package}")))


def _run_pytest(folder: str) -> tuple[str, ...]:
    return _run_tool("pytest", f"tests/{folder}", *OPTIONS[folder])


def _list_texts() -> list[str]:
    """Return the files whose words are ours: no licences, generated texts or goldens."""
    return [
        name
        for name in list_files()
        if not name.startswith(("LICENSES/", "CHANGELOG", "changelogs/changelog", "tests/golden/"))
    ]


def _run_docs() -> tuple[str, ...]:
    flags = ("--plugin-docs", "--validate-collection-refs", "dependent", "--disallow-unknown-collection-refs")
    return _run_tool("antsibull-docs", "lint-collection-docs", *flags, ".")


def _list_scenarios() -> list[Check]:
    found = {path.parent.name for path in (ROOT / "molecule").glob("*/molecule.yml")}
    names = sorted(found, key=lambda name: (name not in LONGEST, name))
    checks = [
        Check("molecule", name, _run_tool("molecule", "test", "-s", name), f"molecule/{name}", 50 * MINUTE)
        for name in names
    ]
    folders = [f"molecule/{name}" for name in names]
    builder = (sys.executable, "molecule/lab/lab.py", "build", *folders)
    install = Check("lab", "lab packages", ("molecule/lab/install",), "molecule/lab/install", 40 * MINUTE)
    build = Check("lab", "lab images", builder, "molecule/lab/lab.py", 40 * MINUTE)
    real = Check("molecule", "real Kong", (sys.executable, "molecule/lab/real_kong_check.py"), "molecule/lab/real_kong")
    return [install, build, *checks, real] if checks else []


def list_checks() -> list[Check]:
    """Return all checks in the order of the summary. The slowest linter is first."""
    return [
        Check("lint", "ansible-test sanity", _run_script("sanity.py"), timeout=40 * MINUTE),
        Check(
            "lint",
            "ansible-lint",
            _run_tool("ansible-lint", "--profile", "production", "--offline"),
            timeout=20 * MINUTE,
        ),
        Check("lint", "antsibull-docs", _run_docs(), "plugins"),
        Check("lint", "mypy", _run_mypy(), "plugins/plugin_utils"),
        Check("lint", "ruff", _run_tool("ruff", "check", ".")),
        Check("lint", "ruff format", _run_tool("ruff", "format", "--check", "--diff", ".")),
        Check("lint", "yamllint", _run_tool("yamllint", "--strict", ".")),
        Check("lint", "changelog", _run_tool("antsibull-changelog", "lint")),
        Check("lint", "licences", _run_tool("reuse", "lint", "--lines")),
        Check("lint", "places", _run_script("places.py")),
        Check("lint", "prose", _run_script("prose.py")),
        Check("lint", "codespell", _run_tool("codespell", *_list_texts())),
        Check("unit", "unit tests", _run_pytest("unit"), "tests/unit", 20 * MINUTE),
        Check("unit", "playbook runs", _run_pytest("playbooks"), "tests/playbooks", 40 * MINUTE),
        Check("artifact", "tarball", _run_script("artifact.py"), "playbooks/plan.yml"),
        Check("netns", "network namespaces", _run_pytest("netns"), "tests/netns", 50 * MINUTE),
        *_list_scenarios(),
    ]
