# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run ansible-test sanity on a copy of the working tree.

ansible-test requires a real path that ends in ansible_collections/gatehouse/kong; it rejects a link to the repository.
Arguments are passed on: ``sanity.py --test validate-modules`` runs a single test.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import ansible_test
from repository import ROOT, TOOLS, list_files

PLACEHOLDER = ROOT / "tests" / "sanity" / "get_pip.py"


def copy_tree(target: Path) -> None:
    """Copy every file that git tracks or would add."""
    for name in list_files():
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, target / name, follow_symlinks=False)


def provide_get_pip() -> None:
    """Put a placeholder in the place of the pip installer, which ansible-test would otherwise download."""
    requirements = Path(ansible_test.__path__[0]) / "_internal" / "python_requirements.py"
    found = re.search(r"pip='([0-9.]+)'", requirements.read_text(encoding="utf-8"))
    if not found:
        sys.exit(f"sanity: {requirements} has no version of pip in the expected form; adapt scripts/sanity.py")
    cached = Path.home() / ".ansible/test/cache" / f"get_pip_{found[1].replace('.', '_')}.py"
    if not cached.exists():
        cached.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(PLACEHOLDER, cached)


def find_real_pythons() -> str:
    """Return PATH with pyenv's versions of Python instead of its shims, which may not run."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    pythons = sorted(str(path) for path in pyenv.glob("versions/3.*/bin"))
    other_paths = [path for path in os.environ["PATH"].split(os.pathsep) if not path.endswith("/shims")]
    return os.pathsep.join([str(TOOLS), *pythons, *other_paths])


def run(command: list[str | Path], tree: Path) -> int:
    """Run a command and pass its output on; repeat the errors at the end, after pip's messages about environments."""
    errors = []
    with subprocess.Popen(
        command,
        cwd=tree,
        env=os.environ | {"PATH": find_real_pythons()},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        for line in process.stdout or ():
            sys.stdout.write(line)
            if line.startswith(("ERROR:", "FATAL:")):
                errors.append(line)
    print(*errors, sep="")
    return process.returncode


def main() -> int:
    provide_get_pip()
    with tempfile.TemporaryDirectory() as temporary:
        tree = Path(temporary) / "ansible_collections" / "gatehouse" / "kong"
        copy_tree(tree)
        return run([TOOLS / "ansible-test", "sanity", "--local", "--color", "no", *sys.argv[1:]], tree)


if __name__ == "__main__":
    sys.exit(main())
