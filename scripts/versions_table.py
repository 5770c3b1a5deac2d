# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write docs/versions.md: what every release line of Kong can listen on, as the compiler knows it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from itertools import groupby
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / ".venv" / "collections"))

from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.generations import (  # noqa: E402
    ROLES,
    Generation,
    Setting,
    find_generation,
    parse_version,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.versions import MINORS  # noqa: E402

TARGET = ROOT / "docs" / "versions.md"
Line = tuple[int, int]

INTRODUCTION = """\
<!--
Copyright (c) 2026 gatehouse.kong contributors
GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
SPDX-License-Identifier: GPL-3.0-or-later

Written by scripts/versions_table.py. Run it again when plugins/plugin_utils/_kong/settings.py changes.
-->

# What each Kong version listens on

This file is generated from the tables that the compiler uses. How the values are written in the inventory is in
[inventory.md](inventory.md).

## Release lines

All patch releases of a line have the same listen settings. `3.4` means the newest patch of 3.4. Kong Enterprise is
known by its four numbers, as in `3.4.3.5`; from 3.10 on there is only Enterprise.

- **gossip**: nodes talk to each other through Serf, and each advertises one address.
- **hybrid**: there are control planes and data planes.
"""

NOTES = """\
## Settings

In the tables below

- **grammar** is how Kong itself writes the value in that version: `list` is `off` or a comma list of
  `ADDRESS:PORT [flag ...]`; `address:port` and `host:port` are one such pair without flags; `ipv4:port` takes no
  IPv6 and no names.
- **opens in** names the roles in which Kong opens the listener. In the others the setting is ignored. Without that
  column the version has no roles and opens them all.
- **switch** is a boolean setting, `on` by default, that closes a TLS port when it is `off`.
- `backlog=N` takes a number, `so_keepalive=T` takes `idle:interval:count`.
- A `stream_listen` entry with the flag `udp` opens udp and no tcp.
- `admin_gui_listen` opens only where `admin_listen` is not `off`; the portals only with `portal: on` in `kong_config`.

The default is Kong's own. One default is not left to Kong: a gossip node binds its own address and not `0.0.0.0`
(see [design.md](design.md), section 4).
"""


def lines(*, enterprise: bool) -> dict[Line, Generation]:
    """Return the generation of each release line."""
    known = [(major, minor) for major, minors in MINORS.items() for minor in minors]
    mine = [line for line in known if (line >= (2, 1) if enterprise else line < (3, 10))]
    return {line: find_generation(parse_version(_version(line, enterprise=enterprise))) for line in mine}


def _version(line: Line, *, enterprise: bool) -> str:
    return f"{line[0]}.{line[1]}" + (".0.0" if enterprise else "")


def document() -> str:
    """Return the whole file."""
    kong, enterprise = lines(enterprise=False), lines(enterprise=True)
    extra = {line: _only_enterprise(kong.get(line), one) for line, one in enterprise.items()}
    parts = [
        INTRODUCTION,
        "\n".join(_overview(kong, enterprise)),
        NOTES,
        *_sections("Kong", {line: one.settings for line, one in kong.items()}),
        *_sections("Kong Enterprise", extra, intro=lambda line: _enterprise_intro(line, kong)),
    ]
    return "\n".join(part.rstrip("\n") + "\n" for part in parts)


def _only_enterprise(kong: Generation | None, enterprise: Generation) -> tuple[Setting, ...]:
    known = {setting.name for setting in (kong or find_generation(parse_version("3.9"))).settings}
    return tuple(setting for setting in enterprise.settings if setting.name not in known)


def _enterprise_intro(line: Line, kong: dict[Line, Generation]) -> str:
    return "These, and what Kong of the same line has:" if line in kong else "These, and what Kong 3.9 has:"


def _overview(kong: dict[Line, Generation], enterprise: dict[Line, Generation]) -> Iterator[str]:
    every = {**kong, **{line: one for line, one in enterprise.items() if line not in kong}}
    rows = [
        [
            f"{major}.{minor}" + ("" if (major, minor) in kong else " Enterprise"),
            one.name,
            f"`{one.path}`",
            "yes" if one.ipv6 else "no",
            f"`{one.advertise}`" if one.advertise else "",
            "yes" if one.hybrid else "",
        ]
        for (major, minor), one in every.items()
    ]
    yield from _table(["line", "generation", "settings file", "IPv6", "gossip, advertised by", "hybrid"], *rows)


def _sections(
    title: str, settings: dict[Line, tuple[Setting, ...]], intro: Callable[[Line], str] = lambda _line: ""
) -> Iterator[str]:
    """Yield one section for each run of lines that have the same settings."""
    for _facts, run in groupby(settings.items(), key=lambda item: list(map(_facts_of, item[1]))):
        group = list(run)
        first, last = (f"{line[0]}.{line[1]}" for line, _settings in (group[0], group[-1]))
        heading = f"### {title} {first}" + ("" if first == last else f" to {last}")
        paragraphs = [heading, intro(group[0][0]), *_settings(group[0][1], roles=group[0][0] >= (2, 0))]
        yield "\n\n".join(filter(None, paragraphs))


def _facts_of(setting: Setting) -> tuple[list[str], str]:
    return _row(setting), _flags(setting)


def _settings(settings: tuple[Setting, ...], *, roles: bool) -> Iterator[str]:
    header = ["setting", "listener", "default", "protocols", "grammar", "opens in", "switch"]
    rows = [_row(setting) for setting in settings]
    dropped = {name for name, said in (("opens in", roles), ("switch", any(row[-1] for row in rows))) if not said}
    kept = [place for place, name in enumerate(header) if name not in dropped]
    yield "\n".join(_table(*([row[place] for place in kept] for row in (header, *rows))))
    by_flags: dict[str, list[str]] = {}
    for setting in settings:
        by_flags.setdefault(_flags(setting), []).append(f"`{setting.name}`")
    yield "\n".join(f"- Flags of {', '.join(names)}: {flags}" for flags, names in by_flags.items() if flags)


def _flags(setting: Setting) -> str:
    return " ".join(f"`{flag}`" for flag in setting.flags)


def _row(setting: Setting) -> list[str]:
    http2 = f"; `{setting.http2_switch}` (off) for HTTP/2" if setting.http2_switch else ""
    return [
        f"`{setting.name}`",
        setting.listener,
        f"`{setting.default}`",
        " or ".join((*setting.protocols, "udp")) if "udp" in setting.flags else " and ".join(setting.protocols),
        setting.grammar,
        "every role" if setting.roles == ROLES else ", ".join(setting.roles),
        (f"`{setting.switch}`" if setting.switch else "") + http2,
    ]


def _table(header: list[str], *rows: list[str]) -> Iterator[str]:
    for row in (header, ["---"] * len(header), *rows):
        yield f"| {' | '.join(row)} |".replace("  ", " ")


def main() -> None:
    TARGET.write_text(document(), encoding="utf-8")
    print(f"wrote {TARGET.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
