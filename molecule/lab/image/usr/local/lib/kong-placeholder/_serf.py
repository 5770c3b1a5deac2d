# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Serf like in Kong 0.6 to 0.10: the same flags, node name, and steps to join and leave the cluster.

Source: Kong/kong kong/cmd/utils/serf_signals.lua and kong/serf.lua at 0.10. Kong keeps the nodes' addresses in its
database. The lab has a folder that all nodes share instead, with a file for each row of the table `nodes`.
"""

from __future__ import annotations

import fcntl
import json
import secrets
import socket
import subprocess
import sys
import time
from pathlib import Path

from _config import Config, locate_pid_file, runs
from _defaults import Version

NODES = Path("/var/lib/kong-database/nodes")
NODE_ID = Path("/var/lib/kong-placeholder/serf.id")
HANDLER = "/usr/local/bin/kong-placeholder-event"
EVENTS = "member-join,member-leave,member-failed,member-update,member-reap,user:kong"
# The names in 0.9 and 0.10, and the names in kong.yml.
SETTINGS = {
    "-bind": ("cluster_listen", "cluster_listen"),
    "-rpc-addr": ("cluster_listen_rpc", "cluster_listen_rpc"),
    "-advertise": ("cluster_advertise", "cluster.advertise"),
    "-encrypt": ("cluster_encrypt_key", "cluster.encrypt"),
    "-profile": ("cluster_profile", "cluster.profile"),
}


class Serf:
    def __init__(self, config: Config) -> None:
        self.settings, self.line = config.settings, config.line
        self.name = provide_node_name(config.settings["cluster_listen"])
        self.agent: subprocess.Popen[bytes] | None = None

    def start(self) -> subprocess.Popen[bytes]:
        """Start the agent, join the newest node that answers, and register, in Kong's order."""
        NODES.mkdir(parents=True, exist_ok=True)
        # The standard output ends with `kong start`.
        self.agent = subprocess.Popen(self.make_command(), stdout=sys.stderr)
        locate_pid_file(self.line, "serf").write_text(str(self.agent.pid), encoding="utf-8")
        self._wait_until_it_answers()
        # Kong has a race here: two nodes that start at the same time find an empty table and never join each other.
        # The lab starts all nodes at the same time, so here each node waits for the other nodes.
        with (NODES.parent / "lock").open("w", encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self._locate_row().unlink(missing_ok=True)
            self._join()
            self._locate_row().write_text(self._find_address(), encoding="utf-8")
        return self.agent

    def make_command(self) -> list[str]:
        values = {flag: self.settings.get(new) or self.settings.get(old) for flag, (new, old) in SETTINGS.items()}
        given = [(flag, value) for flag, value in values.items() if value]
        options = [text for pair in given for text in pair]
        handler = ["-event-handler", f"{EVENTS}={HANDLER}"]
        return ["serf", "agent", *options, "-log-level", "err", "-node", self.name, *handler]

    def stop(self) -> None:
        """Leave the cluster like Kong, and wait until the agent has ended, so that the next start finds its ports free."""
        if self.agent is None:
            return
        self._locate_row().unlink(missing_ok=True)
        self._run_serf("leave")
        self.agent.terminate()
        self.agent.wait()

    def _locate_row(self) -> Path:
        return NODES / self.name

    def _join(self) -> None:
        rows = sorted(NODES.iterdir(), key=lambda row: row.stat().st_mtime_ns, reverse=True)
        for row in rows:
            address = row.read_text(encoding="utf-8")
            if self._run_serf("join", address).returncode == 0:
                print(f"joined the cluster at {address}", flush=True)
                return
            print(f"could not join the cluster at {address}", flush=True)
        if rows:
            print("could not join the existing cluster", flush=True)

    def _find_address(self) -> str:
        """Return the advertised address that Serf uses."""
        members = json.loads(self._run_serf("members", "-format", "json").stdout)["members"]
        return str(next(member["addr"] for member in members if member["name"] == self.name))

    def _wait_until_it_answers(self) -> None:
        for _attempt in range(50):
            if self.agent is not None and self.agent.poll() is not None:
                raise RuntimeError(f"serf agent ended with status {self.agent.returncode}")
            if self._run_serf("members").returncode == 0:
                return
            time.sleep(0.1)
        raise RuntimeError(f"serf does not answer on {self.settings['cluster_listen_rpc']} after 5 seconds")

    def _run_serf(self, verb: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        rpc = f"-rpc-addr={self.settings['cluster_listen_rpc']}"
        return subprocess.run(["serf", verb, rpc, *arguments], capture_output=True, text=True, check=False)


def provide_node_name(cluster_listen: str) -> str:
    """Return the node's name, which is created once and kept like in Kong, also if cluster_listen changes."""
    if not NODE_ID.exists():
        NODE_ID.parent.mkdir(parents=True, exist_ok=True)
        NODE_ID.write_text(f"{socket.gethostname()}_{cluster_listen}_{secrets.token_hex(16)}", encoding="utf-8")
    return NODE_ID.read_text(encoding="utf-8")


def is_running(line: Version) -> bool:
    """Tell whether the agent of an earlier start runs. Then Kong starts no agent, even if the old agent is ending."""
    return runs(locate_pid_file(line, "serf"), "serf")
