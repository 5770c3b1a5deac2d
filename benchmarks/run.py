# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Measure kong_plan on fleets of several sizes, against a bare read of the same variables in the same run.

Everything is judged as a ratio, never as a time: machines differ, and others use them too.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from fleet import STYLES
from measure import Measurement, measure
from report import failures, markdown, table

SIZES = (100, 1000, 5000)
DOCUMENT = Path(__file__).resolve().parent.parent / "docs" / "benchmarks.md"


def main() -> int:
    parser = argparse.ArgumentParser(description="Measure kong_plan on generated fleets, through ansible-playbook.")
    parser.add_argument("--nodes", type=int, nargs="+", default=SIZES, help="sizes of the fleets")
    parser.add_argument("--style", choices=STYLES, nargs="+", default=STYLES, help="how the inventory is written")
    parser.add_argument("--repetitions", type=int, default=3, help="how often each fleet is compiled; at least 2")
    parser.add_argument("--write", action="store_true", help=f"write {DOCUMENT.parent.name}/{DOCUMENT.name} too")
    arguments = parser.parse_args()
    seen: list[Measurement] = []
    for style in arguments.style:
        for nodes in arguments.nodes:
            print(f"{nodes} nodes, {style} ...", file=sys.stderr, flush=True)
            seen.append(measure(nodes, style, max(2, arguments.repetitions)))
    print(table(seen))
    failed = failures(seen)
    print("\n".join(["", *failed, "FAIL" if failed else "PASS"]))
    if arguments.write:
        DOCUMENT.write_text(markdown(seen), encoding="utf-8")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
