# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write docs/findings.md from the registry of finding codes, and from the test that compares the collection with Kong."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / ".venv" / "collections"))

from ansible_collections.gatehouse.kong.plugins.plugin_utils._codes import SECTIONS, Code  # noqa: E402
from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils._kong import stricter  # noqa: E402

TARGET = ROOT / "docs" / "findings.md"

INTRODUCTION = """\
<!--
Copyright (c) 2026 gatehouse.kong contributors
GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
SPDX-License-Identifier: GPL-3.0-or-later

Written by scripts/findings_page.py. Run it again when plugins/plugin_utils/_codes.py changes.
-->

# Findings

The compiler reports all findings of a fleet together, before any host is touched. Each finding names the host, the
variable, the value, the problem and the fix, and ends with a code in brackets. The codes are stable.

- An **error** stops the run, and no plan is made. The report that `plan` then writes (`kong_report_path`) has all findings.
- A **warning** does not stop the run, except with `kong_strict: true`. It is shown, and is in the plan's `findings`.
- An **info** does not stop the run. It is in the plan's `findings` only.

If a node has an error of its own, the nodes are not compared with each other. So after you have fixed these errors, the next
run may report others: equal addresses, NAT conflicts, missing paths and wrong advertised addresses.
"""

STRICTER = """\
## Stricter than Kong

The collection accepts every listen value that the Kong of the version accepts, with the following exceptions. In each case
Kong's own check accepts the value, and the last column has what happens then. "Kong" here is the loader of its configuration,
which is also the only part that `kong check` runs. The table is written by the test that compares the collection with Kong's
loader, for every release line.

"""
LENIENT = """\

On 0.10.0 to 0.11.1 Kong does not check `admin_listen_ssl` at all.

In one case the collection is more lenient. A bare port such as `8000` means every IPv4 address. No Kong accepts it, so
it is written to the file as `0.0.0.0:8000`.
"""


def render_page() -> str:
    """Return the page: one table for each section of the registry."""
    tables = (render_table(section, codes) for section, codes in SECTIONS.items())
    return "\n".join([INTRODUCTION, *tables, f"{STRICTER}{stricter.format_table()}{LENIENT}"])


def render_table(section: str, codes: Sequence[Code]) -> str:
    rows = (f"| `{code.name}` | {' or '.join(code.severities)} | {code.meaning} | {code.fix} |\n" for code in codes)
    return f"## {section}\n\n| code | severity | meaning | fix |\n|---|---|---|---|\n{''.join(rows)}"


if __name__ == "__main__":
    TARGET.write_text(render_page(), encoding="utf-8")
