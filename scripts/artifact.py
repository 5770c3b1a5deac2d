# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Build the collection, install only the tarball, and use it like its users.

The environment has only ansible-core, jmespath and netaddr. HOME and the collections path are empty before, so no file of
the repository or of this machine can replace a file that is missing in the tarball.
"""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from repository import ROOT, TOOLS, list_files

VENV = ROOT / ".cache" / "artifact-venv"
PINS = ROOT / "requirements-dev.txt"
NEEDED = ("ansible-core", "jmespath", "netaddr")
COLLECTION = "gatehouse.kong"

# Folders and files that are shipped completely: code, documentation and licences.
SHIPPED = ("COPYING", "LICENSES", "README.md", "docs", "examples", "meta", "playbooks", "plugins", "roles")
# Files that the builder writes.
GENERATED = {"MANIFEST.json", "FILES.json"}


def run(*command: str | Path, env: dict[str, str] | None = None, cwd: Path = ROOT) -> str:
    """Run a program and return its output; exit with the output if the program fails."""
    result = subprocess.run(command, capture_output=True, text=True, check=False, env=env, cwd=cwd)
    if result.returncode:
        sys.exit(f"{' '.join(map(str, command))}: exit code {result.returncode}\n{result.stdout}{result.stderr}")
    return result.stdout


def provide_venv() -> None:
    """Create the user's environment, once for each set of pins."""
    wanted = hashlib.sha256(PINS.read_bytes()).hexdigest()
    stamp = VENV / "requirements.sha256"
    if stamp.exists() and stamp.read_text(encoding="utf-8") == wanted:
        return
    run(sys.executable, "-m", "venv", "--clear", VENV)
    run(VENV / "bin/pip", "install", "--quiet", "--constraint", PINS, *NEEDED)
    stamp.write_text(wanted, encoding="utf-8")


def build(target: Path) -> Path:
    run(TOOLS / "ansible-galaxy", "collection", "build", ROOT, "--output-path", target)
    return next(target.glob("*.tar.gz"))


def check_contents(tarball: Path) -> None:
    """Exit with an error unless the tarball has all shipped files and only files that git knows."""
    known = set(list_files())
    with tarfile.open(tarball) as archive:
        packed = {member.name for member in archive if not member.isdir()} - GENERATED
    missing = {name for name in known if name.split("/")[0] in SHIPPED} - packed
    unknown = packed - known
    if missing or unknown:
        sys.exit(f"not in the tarball: {sorted(missing)}\nin the tarball, but not in git: {sorted(unknown)}")
    print(f"{len(packed)} files in {tarball.name}, {tarball.stat().st_size // 1024} KiB")


def make_environment(home: Path, collections: Path) -> dict[str, str]:
    return {
        "ANSIBLE_COLLECTIONS_PATH": str(collections),
        "ANSIBLE_NOCOLOR": "1",
        "HOME": str(home),
        "LC_ALL": "C.UTF-8",
        "PATH": f"{VENV / 'bin'}:/usr/sbin:/usr/bin:/sbin:/bin",
    }


def list_documentation() -> dict[str, list[str]]:
    """Return the names that ansible-doc must know, by its type of plugin."""

    def find_plugins(pattern: str) -> list[str]:
        return sorted({path.stem for path in ROOT.glob(pattern) if not path.stem.startswith("_")})

    roles = sorted(path.parent.parent.name for path in ROOT.glob("roles/*/meta/argument_specs.yml"))
    return {
        "module": find_plugins("plugins/modules/*.py"),
        "filter": find_plugins("plugins/filter/*.*"),
        "lookup": find_plugins("plugins/lookup/*.py"),
        "role": roles,
    }


def check_documentation(env: dict[str, str], cwd: Path) -> None:
    for kind, names in list_documentation().items():
        full = [f"{COLLECTION}.{name}" for name in names]
        shown = json.loads(run("ansible-doc", "--type", kind, "--json", *full, env=env, cwd=cwd)) if full else {}
        if lacking := sorted(set(full) - {name for name, content in shown.items() if content}):
            sys.exit(f"ansible-doc --type {kind} does not know {', '.join(lacking)}")
        print(f"ansible-doc --type {kind}: {', '.join(names)}")


def check_import(tarball: Path, home: Path) -> None:
    """Exit with an error unless the importer of Galaxy accepts the tarball without a warning."""
    env = {**make_environment(home, home), "PATH": f"{TOOLS}:/usr/bin:/bin"}
    output = run(sys.executable, "-m", "galaxy_importer.main", tarball, env=env, cwd=tarball.parent)
    if warnings := [line for line in output.splitlines() if re.search("WARNING|ERROR", line)]:
        sys.exit("the importer of Galaxy reports:\n" + "\n".join(warnings))
    print(output.splitlines()[-1])


def main() -> None:
    provide_venv()
    with tempfile.TemporaryDirectory() as temporary:
        home, collections = Path(temporary, "home"), Path(temporary, "collections")
        home.mkdir()
        tarball = build(Path(temporary, "dist"))
        check_contents(tarball)
        env = make_environment(home, collections)
        run("ansible-galaxy", "collection", "install", tarball, "-p", collections, "--offline", env=env, cwd=home)
        installed = collections.joinpath("ansible_collections", *COLLECTION.split("."))
        check_documentation(env, home)
        print(run("ansible-playbook", f"{COLLECTION}.plan", "-i", "examples/seed", env=env, cwd=installed))
        check_import(tarball, home)


if __name__ == "__main__":
    main()
