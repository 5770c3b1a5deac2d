# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Moves the fleet from ports 8000 and 8443 to 80 and 443 while a client calls every node: move_check.py COMMAND...

COMMAND moves the nodes. Exit status 1, with the figures, if a call got no answer because the firewall dropped it, or if a
node that is only reloaded did not answer a call.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
LAB = [sys.executable, str(HERE.parent / "lab" / "lab.py"), "exec", str(HERE)]
NODES = {"k08": "10.94.0.8", "k10": "10.94.0.10", "k14": "10.94.0.14", "k15": "10.94.0.15", "dp28": "10.94.0.28",
         "k39": "10.94.0.39"}  # fmt: skip
RELOADED = ("k15", "k39")
RATE = 20  # calls a second to each node
LEAST = 100
PROGRAM = "/root/caller.py"


def main(command: list[str]) -> int:
    program = (HERE / "caller.py").read_text(encoding="utf-8")
    subprocess.run([*LAB, "client", "sh", "-c", f"cat > {PROGRAM}"], input=program, text=True, check=True)
    call = [*LAB, "client", "python3", PROGRAM, str(RATE), "8000", "80", *NODES.values()]
    client = subprocess.Popen(call, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    moved = subprocess.run(command, check=False)
    by_address = json.loads(client.communicate("")[0])
    counted = {node: by_address[address] for node, address in NODES.items()}
    print(json.dumps(counted))
    silent = [node for node, counts in counted.items() if counts.get("silent")]
    failed = [node for node in RELOADED if not set(counted[node]) <= {"answered", "unsure"}]
    few = [node for node, counts in counted.items() if counts.get("answered", 0) < LEAST]
    print(f"calls dropped by the firewall of: {silent or 'none'}; calls failed at reloaded nodes: {failed or 'none'}; "
          f"too few answers from: {few or 'none'}")  # fmt: skip
    return 1 if moved.returncode or silent or failed or few else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
