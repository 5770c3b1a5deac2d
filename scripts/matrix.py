# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run the tests of plugins and roles, and the playbook plan, with each supported ansible-core: ``matrix.py [CORE ...]``.

Each ansible-core has its own environment in ``.cache/matrix``, with one of the Pythons that it supports. A Python is
found on PATH or among the versions of pyenv. If it is missing, the program names it and skips that ansible-core.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from repository import ROOT

# Each supported ansible-core, with one of the Pythons that it supports. Together they use Python 3.10 to 3.13.
PYTHONS = {"2.17": "3.10", "2.18": "3.11", "2.19": "3.12", "2.20": "3.12", "2.21": "3.13"}
# The tools of the linters are not installed: they need a newer Python than ansible-core 2.17.
PACKAGES = ("hypothesis", "jmespath", "netaddr", "pytest", "pytest-xdist")
PIN = re.compile(r"^([\w-]+)==(\S+)$", re.MULTILINE)
ENVIRONMENTS = ROOT / ".cache" / "matrix"
COLLECTIONS = ROOT / ".venv" / "collections"
INVENTORY = "examples/seed"


def list_candidates(version: str) -> Iterator[str]:
    """Yield programs that may be Python of a version such as "3.10"."""
    if program := shutil.which(f"python{version}"):
        yield program
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    yield from map(str, sorted(pyenv.glob(f"versions/{version}.*/bin/python3")))


def is_version(program: str, version: str) -> bool:
    """Tell whether a program is Python of this version. A program of a version manager may only print an error."""
    shown = subprocess.run([program, "--version"], capture_output=True, text=True, check=False).stdout
    return shown.startswith(f"Python {version}.")


def find_python(version: str) -> str | None:
    """Return the program of a version of Python such as "3.10", or None if it is missing."""
    return next((program for program in list_candidates(version) if is_version(program, version)), None)


def list_requirements(core: str, pinned: str) -> list[str]:
    """Return the requirements for pip. `pinned` is the text of requirements-dev.txt; an old Python gets older tools."""
    pins = dict(PIN.findall(pinned))
    return [f"ansible-core~={core}.0", *(f"{name}<={pins[name]}" for name in PACKAGES)]


def install(core: str, python: str) -> Path:
    """Create the environment of an ansible-core, and return its folder of programs."""
    folder = ENVIRONMENTS / core
    if not (folder / "bin/python").exists():
        subprocess.run([python, "-m", "venv", "--clear", folder], check=True)
    pinned = (ROOT / "requirements-dev.txt").read_text(encoding="utf-8")
    pip = [folder / "bin/pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, *list_requirements(core, pinned)], check=True)
    return folder / "bin"


def run_tests(programs: Path) -> bool:
    """Run the tests of plugins and roles, and the playbook plan; tell whether they passed."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("ANSIBLE_", "PYTHON"))} | {
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        "ANSIBLE_COLLECTIONS_PATH": str(COLLECTIONS),
        "PYTHONPATH": str(COLLECTIONS),
        "LC_ALL": "C.UTF-8",
    }
    options = ["-q", "-p", "no:cacheprovider", "--numprocesses=2", "--dist=loadfile"]
    folders = [f"tests/{kind}/{code}" for kind in ("unit", "playbooks") for code in ("plugins", "roles")]
    plan = ["ansible-playbook", "-i", INVENTORY, "gatehouse.kong.plan"]
    codes = [subprocess.run([programs / words[0], *words[1:]], cwd=ROOT, env=environment, check=False).returncode
             for words in (["pytest", *options, *folders], plan)]  # fmt: skip
    return not any(codes)


def check(core: str) -> str:
    """Return "ok", "FAILED", or "skipped" with the missing Python."""
    python = find_python(PYTHONS[core])
    if python is None:
        return f"skipped: there is no Python {PYTHONS[core]}"
    print(f"matrix: ansible-core {core} with Python {PYTHONS[core]}, about three minutes", flush=True)
    return "ok" if run_tests(install(core, python)) else "FAILED"


def main() -> int:
    parser = argparse.ArgumentParser(
        description="Run the tests of plugins and roles, and the playbook plan, with each ansible-core."
    )
    parser.add_argument("cores", nargs="*", help=f"default: {' '.join(PYTHONS)}")
    wanted = parser.parse_args().cores or [*PYTHONS]
    if unknown := [core for core in wanted if core not in PYTHONS]:
        sys.exit(f"matrix: ansible-core {unknown[0]} is not supported; use some of {' '.join(PYTHONS)}")
    results = {core: check(core) for core in wanted}
    print(*(f"ansible-core {core}: {result}" for core, result in results.items()), sep="\n")
    return "FAILED" in results.values()


if __name__ == "__main__":
    sys.exit(main())
