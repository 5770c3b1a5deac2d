# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write docs/findings.md from the registry of finding codes."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / ".venv" / "collections"))

from ansible_collections.gatehouse.kong.plugins.plugin_utils._codes import SECTIONS, Code  # noqa: E402

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
- A **warning** is shown, and is in the plan's `findings`.
- An **info** is in the plan's `findings` only.

Errors of single nodes are reported first. Paths, advertised addresses and NAT conflicts concern the whole fleet. They are
checked if every node is free of errors.
"""

STRICTER = """\
## Stricter than Kong

The collection accepts every value that the real Kong of the version accepts, with the following exceptions. In each
case Kong's own check accepts the value and something fails later, or does something else without a message. "Kong" here is
the loader of its configuration, which is also the only part that `kong check` runs.

| code | Kong versions that accept it | consequence |
|---|---|---|
| `setting-unknown` | 0.9 and later | The setting is dropped without a message: `proxy_listen_ssl` from 0.13, `cluster_advertise` from 0.11. |
| `role-unsupported` | 0.9 to 1.5 | The same, for `role`. |
| `port-zero` | 0.9 and later | nginx refuses it. |
| `port-range` | 0.9 for every setting; 0.10 to 0.12 for proxy and admin; later with a host name | nginx or Serf refuses it. |
| `port-not-decimal` | 0.6 to 0.8 (`1e3`, `0x50`, `80.5`) | nginx or Serf refuses it. |
| `address-octet` | 0.6 to 0.12 for proxy and admin; 0.9 for the cluster settings, too | nginx or Serf refuses it. |
| `address-invalid` | 0.6 to 0.12 for proxy and admin | nginx refuses it, or reads it as a host name. |
| `name-invalid` | all; before 0.13 any text up to the last colon passes, later any text with a port after it | nginx refuses it. |
| `junk-before-address` | all, as part of a host name (`foo 0.0.0.0:8000`) | nginx refuses it. |
| `ipv6-brackets` | 0.9 to 0.12 for proxy and admin | nginx refuses it. |
| `ipv6-brackets-lost` | 0.13 | Kong hands the address to nginx without its brackets, and nginx refuses it. |
| `flag-value` | 2.0 and later (`backlog=0`), 3.0 and later (`so_keepalive=::`) | nginx refuses it. |
| `udp-incompatible-flag` | 2.2 and later | nginx refuses the pair. |
| `listen-duplicate` | all | nginx: "a duplicate listen". |
| `listen-collision` | all | nginx: "duplicate listen options". Or, without options, two purposes share one socket \
and one of them is not served. Two programs: one cannot start. |
| `advertise-invalid`, `advertise-unreachable`, `advertise-duplicate`, `advertise-not-single` | 0.6 to 0.10 | The \
nodes start. Peers dial an address that does not answer, or the wrong node, and caches go stale. They may still call \
each other alive. |
| `gossip-bind` | 0.6 to 0.10 | The nodes start; the firewall of a peer drops the gossip. |
| `bind-not-on-host` | all | The address cannot be bound, and nginx or Serf does not start. |

On 0.10.0 to 0.11.1 Kong does not check `admin_listen_ssl` at all.

In one case the collection is more lenient. A bare port such as `8000` means every IPv4 address. No Kong accepts it, so
it is written to the file as `0.0.0.0:8000`.
"""


def document() -> str:
    """Return the page: one table for each section of the registry."""
    return "\n".join([INTRODUCTION, *(table(section, codes) for section, codes in SECTIONS.items()), STRICTER])


def table(section: str, codes: Sequence[Code]) -> str:
    rows = (f"| `{code.name}` | {' or '.join(code.severities)} | {code.meaning} | {code.fix} |\n" for code in codes)
    return f"## {section}\n\n| code | severity | meaning | fix |\n|---|---|---|---|\n{''.join(rows)}"


if __name__ == "__main__":
    TARGET.write_text(document(), encoding="utf-8")
