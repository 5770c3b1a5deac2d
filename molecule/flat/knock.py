# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Connects repeatedly from a host of the lab to ports while a command runs: knock.py HOST ADDRESS:PORT... -- COMMAND...

Exit status 1, with the figures, if a connection was accepted, if there were too few attempts, or if the command failed.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
LEAST = 20
PATIENCE = 0.2  # seconds for an answer; all hosts are on the same machine
PROGRAM = """\
import json, socket, sys, threading
ended = threading.Event()
connections = {target: {"open": 0, "closed": 0} for target in sys.argv[2:]}
def knock(target):
    address, _colon, port = target.rpartition(":")
    while not ended.wait(0.02):
        try:
            socket.create_connection((address.strip("[]"), int(port)), float(sys.argv[1])).close()
            connections[target]["open"] += 1
        except OSError:
            connections[target]["closed"] += 1
knocking = [threading.Thread(target=knock, args=(target,)) for target in connections]
for thread in knocking:
    thread.start()
sys.stdin.read()
ended.set()
for thread in knocking:
    thread.join()
print(json.dumps(connections))
"""


def main(host: str, targets: list[str], command: list[str]) -> int:
    lab = [sys.executable, str(HERE.parent / "lab" / "lab.py"), "exec", str(HERE), host]
    knock = subprocess.Popen([*lab, "python3", "-c", PROGRAM, str(PATIENCE), *targets], stdin=subprocess.PIPE,
                             stdout=subprocess.PIPE, text=True)  # fmt: skip
    done = subprocess.run(command, check=False)
    connections = json.loads(knock.communicate("")[0])
    print(json.dumps(connections))
    opened = [target for target, counts in connections.items() if counts["open"]]
    few = [target for target in targets if connections.get(target, {}).get("closed", 0) < LEAST]
    print(f"accepted a connection: {opened or 'none'}; too few attempts at: {few or 'none'}")
    return 1 if done.returncode or opened or few else 0


if __name__ == "__main__":
    end = sys.argv.index("--")
    sys.exit(main(sys.argv[1], sys.argv[2:end], sys.argv[end + 1 :]))
