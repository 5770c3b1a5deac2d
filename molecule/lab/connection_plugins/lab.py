# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import subprocess
import typing as t
from pathlib import Path

from ansible.errors import AnsibleConnectionFailure
from ansible.plugins.connection import ConnectionBase

DOCUMENTATION = r"""
name: lab
short_description: Enters a container of the lab by its namespaces
description:
  - For the tests of this collection only. Runs each command with C(nsenter), which takes a few milliseconds where
    C(podman exec) takes a quarter of a second.
author: gatehouse.kong contributors
options:
  scenario:
    description: The lab of the host.
    required: true
    type: str
    vars:
      - name: lab_scenario
  host:
    description: The host's name in lab.yml. Not C(inventory_hostname), which is another host's in a delegated task.
    required: true
    type: str
    vars:
      - name: lab_host
  cut:
    description: Block new connections, like a host whose new rules lock the controller out.
    default: false
    type: bool
    vars:
      - name: lab_cut
"""

NAMESPACES = ("--mount", "--net", "--uts", "--ipc", "--pid")
# The controller's own environment does not apply in the container.
ENVIRONMENT = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root"}


class Connection(ConnectionBase):
    """Commands run as root, in all namespaces of the container's first process."""

    transport = "lab"
    has_pipelining = True

    def _connect(self) -> Connection:
        return self

    def close(self) -> None:
        """Do nothing, because no connection stays open between commands."""

    def reset(self) -> None:
        """Reset the connection. Raises AnsibleConnectionFailure if new connections are blocked."""
        if self.get_option("cut"):
            raise AnsibleConnectionFailure(f"lab host {self.get_option('host')!r} is cut off")

    def exec_command(
        self,
        cmd: str,
        in_data: bytes | None = None,
        sudoable: bool = True,  # Ansible's own signature
    ) -> tuple[int, bytes, bytes]:
        super().exec_command(cmd, in_data=in_data, sudoable=sudoable)
        return self._run(["/bin/sh", "-c", cmd], in_data)

    def put_file(self, in_path: str, out_path: str) -> None:
        super().put_file(in_path, out_path)
        self._copy(["/bin/sh", "-c", 'cat > "$0"', out_path], Path(in_path).read_bytes())

    def fetch_file(self, in_path: str, out_path: str) -> None:
        super().fetch_file(in_path, out_path)
        Path(out_path).write_bytes(self._copy(["/bin/cat", in_path], None))

    def _copy(self, command: list[str], data: bytes | None) -> bytes:
        status, output, error = self._run(command, data)
        if status:
            raise AnsibleConnectionFailure(f"{' '.join(command)}: {error.decode(errors='replace').strip()}")
        return output

    def _run(self, command: list[str], data: bytes | None) -> tuple[int, bytes, bytes]:
        enter = ["nsenter", "--target", self._read_pid(), *NAMESPACES, "--", *command]
        given: dict[str, t.Any] = {"stdin": subprocess.DEVNULL} if data is None else {"input": data}
        done = subprocess.run(enter, capture_output=True, check=False, env=ENVIRONMENT, **given)
        return done.returncode, done.stdout, done.stderr

    def _read_pid(self) -> str:
        """Return the process id of the container, read again for each command because a reboot changes it."""
        host = self.get_option("host")
        pidfile = Path("/run/gatehouse-lab") / self.get_option("scenario") / f"{host}.pid"
        pid = pidfile.read_text(encoding="utf-8").strip() if pidfile.exists() else "none"
        # The id may now be that of another process: never enter a process of the machine itself.
        if not Path(f"/proc/{pid}/root/etc/gatehouse-lab/boot").exists():
            raise AnsibleConnectionFailure(f"lab host {host!r} is not up (process {pid} of {pidfile})")
        return pid
