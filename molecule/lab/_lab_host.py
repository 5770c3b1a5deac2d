# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A host of a lab: runs shell commands, and the collection's modules like Ansible, without a start of Ansible."""

from __future__ import annotations

import io
import json
import subprocess
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ansible
from _podman import Paths, enter

ROOT = Path(__file__).parents[2]
PLACE = "/opt/gatehouse-modules"

# Calls the main() of each module with the arguments of its task; its output is its result.
_RUNNER = """
import contextlib, importlib, io, json, sys
from ansible.module_utils import basic

def result(name, arguments):
    basic._ANSIBLE_ARGS = json.dumps({"ANSIBLE_MODULE_ARGS": arguments}).encode()
    basic._ANSIBLE_PROFILE = "legacy"
    printed = io.StringIO()
    with contextlib.suppress(SystemExit), contextlib.redirect_stdout(printed):
        importlib.import_module("ansible_collections.gatehouse.kong.plugins.modules." + name).main()
    return json.loads(printed.getvalue())

json.dump({key: result(*task) for key, task in json.load(sys.stdin).items()}, sys.stdout)
"""

Tasks = dict[str, tuple[str, dict[str, Any]]]


@dataclass(frozen=True)
class LabHost:
    """A host of the lab of a scenario."""

    scenario: str
    name: str

    def install(self) -> None:
        """Put Ansible's and the collection's code for hosts on the host, and no other code."""
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w") as tar:
            tar.add(Path(ansible.__path__[0]) / "module_utils", "ansible/module_utils")
            for part in ("modules", "module_utils"):
                tar.add(ROOT / "plugins" / part, f"ansible_collections/gatehouse/kong/plugins/{part}")
        subprocess.run(
            self.make_command(f"mkdir -p {PLACE} && tar -xC {PLACE} && : >{PLACE}/ansible/__init__.py"),
            input=packed.getvalue(),
            check=True,
        )

    def run_modules(self, tasks: Tasks) -> dict[str, Any]:
        """Return the results of modules, by the names that the caller gives; each task is a module and its arguments."""
        command = [*enter(Paths(self.scenario), self.name), "env", f"PYTHONPATH={PLACE}", "python3", "-c", _RUNNER]
        done = subprocess.run(command, input=json.dumps(tasks), capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"{self.name}: {done.stderr}")
        results: dict[str, Any] = json.loads(done.stdout)
        return results

    def run_shell(self, command: str) -> str:
        """Run a command on the host; return its output if it fails, and an empty string otherwise."""
        done = subprocess.run(self.make_command(command), capture_output=True, text=True, check=False)
        return f"{command}: exit {done.returncode} {done.stdout}{done.stderr}" if done.returncode else ""

    def make_command(self, command: str) -> list[str]:
        """Return the command of this machine that runs a shell command on the host."""
        return [*enter(Paths(self.scenario), self.name), "sh", "-euc", command]
