# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Calls of podman, and the paths of a scenario's lab."""

from __future__ import annotations

import fcntl
import json
import resource
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

RUN = Path("/run/gatehouse-lab")
LOCK = Path("/run/gatehouse-lab.lock")
LABEL = "gatehouse.lab"
LABEL_RECIPE = "gatehouse.lab.recipe"


class LabError(Exception):
    """The lab cannot continue; the message has the failed command and its output."""


@dataclass(frozen=True)
class Paths:
    """The files of a scenario outside podman; `down` removes them."""

    scenario: str

    @property
    def root(self) -> Path:
        return RUN / self.scenario

    @property
    def netns(self) -> Path:
        return self.root / "netns"

    @property
    def database(self) -> Path:
        return self.root / "database"

    @property
    def compiled(self) -> Path:
        """The compiled files of modules, see image/usr/lib/python3/dist-packages/lab_compiled.py."""
        return self.root / "compiled"

    def locate_pidfile(self, host: str) -> Path:
        return self.root / f"{host}.pid"

    def locate_files(self, host: str) -> Path:
        return self.root / host

    def name_container(self, host: str) -> str:
        return f"gatehouse-{self.scenario}-{host}"

    def name_network(self, name: str) -> str:
        return f"gatehouse-{self.scenario}-{name}"


def run(command: list[str], text: str | None = None) -> str:
    """Run the command and return its standard output. Raises LabError if it fails."""
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    if done.returncode:
        raise LabError(f"{' '.join(command)}: exit {done.returncode}\n{done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


def run_podman(*arguments: str, netns: Path | None = None) -> str:
    """Run podman, in the lab's own network namespace if it creates or removes bridges and links.

    netavark creates bridges in the namespace of podman. In the lab's namespace they do not change the machine's own network and
    firewall, and Docker's filters of bridged frames (bridge-nf-call-iptables) do not apply to the lab.
    """
    # runc, not crun: crun rejects machines that have cgroup versions 1 and 2, runc works on all.
    enter = ["nsenter", f"--net={netns}"] if netns else []
    return run([*enter, "podman", "--runtime", "runc", *arguments])


@contextmanager
def hold_lock() -> Iterator[None]:
    """Wait until no other lab is created or removed: labs share images, a limit of the machine and podman's records."""
    with LOCK.open("w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def list_containers(scenario: str) -> list[dict[str, Any]]:
    """Return podman's records of the scenario's containers, running or not."""
    listed = run_podman("ps", "--all", "--filter", f"label={LABEL}={scenario}", "--format", "json")
    return list(json.loads(listed or "[]"))


def list_networks(scenario: str) -> dict[str, str]:
    """Return the scenario's podman networks: name -> recipe."""
    listed = json.loads(
        run_podman("network", "ls", "--filter", f"label={LABEL}={scenario}", "--format", "json") or "[]"
    )
    return {network["name"]: network["labels"].get(LABEL_RECIPE, "") for network in listed}


def enter(paths: Paths, host: str) -> list[str]:
    """Return the prefix of a command that runs in the host's namespaces."""
    try:
        pid = paths.locate_pidfile(host).read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        raise LabError(f"host {host!r} does not run in the lab {paths.scenario!r}") from None
    return ["nsenter", "--target", pid, "--mount", "--net", "--uts", "--ipc", "--pid", "--"]


def list_ulimits() -> list[str]:
    """Return limits within the machine's hard limits, because podman's defaults need CAP_SYS_RESOURCE; 20,000 at most."""
    wanted = {"nofile": resource.RLIMIT_NOFILE, "nproc": resource.RLIMIT_NPROC}
    options = []
    for name, number in wanted.items():
        hard = resource.getrlimit(number)[1]
        limit = 20000 if hard == resource.RLIM_INFINITY else min(hard, 20000)
        options += ["--ulimit", f"{name}={limit}:{limit}"]
    return options
