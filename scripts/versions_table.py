# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write docs/versions.md: the listen settings of every release line of Kong, from the compiler's tables."""

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

# Listen settings of each Kong version

This file is generated from the tables of the compiler. For the form of the values in the inventory, see
[inventory.md](inventory.md).

## Release lines

All patch releases of a line have the same listen settings. `3.4` means the newest patch of 3.4. A version of Kong
Enterprise has four numbers, such as `3.4.3.5`. From 3.10 on all releases are Enterprise.

- **gossip**: nodes communicate through Serf, and each node advertises an address.
- **hybrid**: there are control planes and data planes.
"""

NOTES = """\
## Settings

In the tables below

- **grammar** is the form of the value in Kong's own configuration of that version: `list` is `off` or a list of
  `ADDRESS:PORT [flag ...]`, separated by commas; `address:port` and `host:port` are a single pair without flags;
  `ipv4:port` allows no IPv6 address and no host name.
- **opens in** lists the roles in which Kong opens the listener. In other roles Kong ignores the setting. Tables without
  this column are for versions without roles, which open all listeners.
- **switch** is a boolean setting, `on` by default. If it is `off`, the TLS port is closed.
- `backlog=N` takes a number, `so_keepalive=T` takes `idle:interval:count`.
- A `stream_listen` entry with the flag `udp` opens udp and no tcp.
- `admin_gui_listen` opens only if `admin_listen` is not `off`, and the portals only with `portal: on` in `kong_config`.

The defaults are those of Kong, with an exception: a gossip node binds its own address instead of `0.0.0.0` (see
[design.md](design.md), section 4).
"""


def list_generations(*, enterprise: bool) -> dict[Line, Generation]:
    """Return the generation of each release line."""
    known = [(major, minor) for major, minors in MINORS.items() for minor in minors]
    wanted = [line for line in known if (line >= (2, 1) if enterprise else line < (3, 10))]
    return {line: find_generation(parse_version(_format_version(line, enterprise=enterprise))) for line in wanted}


def _format_version(line: Line, *, enterprise: bool) -> str:
    return f"{line[0]}.{line[1]}" + (".0.0" if enterprise else "")


def render_page() -> str:
    """Return the whole file."""
    kong, enterprise = list_generations(enterprise=False), list_generations(enterprise=True)
    extra = {line: _select_enterprise(kong.get(line), generation) for line, generation in enterprise.items()}
    parts = [
        INTRODUCTION,
        "\n".join(_render_overview(kong, enterprise)),
        NOTES,
        *_render_sections("Kong", {line: generation.settings for line, generation in kong.items()}),
        *_render_sections("Kong Enterprise", extra, intro=lambda line: _render_enterprise_intro(line, kong)),
    ]
    return "\n".join(part.rstrip("\n") + "\n" for part in parts)


def _select_enterprise(kong: Generation | None, enterprise: Generation) -> tuple[Setting, ...]:
    known = {setting.name for setting in (kong or find_generation(parse_version("3.9"))).settings}
    return tuple(setting for setting in enterprise.settings if setting.name not in known)


def _render_enterprise_intro(line: Line, kong: dict[Line, Generation]) -> str:
    base = "the same line" if line in kong else "3.9"
    return f"These settings, and the settings of Kong {base}:"


def _render_overview(kong: dict[Line, Generation], enterprise: dict[Line, Generation]) -> Iterator[str]:
    every = {**kong, **{line: generation for line, generation in enterprise.items() if line not in kong}}
    rows = [
        [
            f"{major}.{minor}" + ("" if (major, minor) in kong else " Enterprise"),
            generation.name,
            f"`{generation.path}`",
            "yes" if generation.ipv6 else "no",
            f"`{generation.advertise}`" if generation.advertise else "",
            "yes" if generation.hybrid else "",
        ]
        for (major, minor), generation in every.items()
    ]
    yield from _render_table(["line", "generation", "settings file", "IPv6", "gossip, advertised by", "hybrid"], *rows)


def _render_sections(
    title: str, settings: dict[Line, tuple[Setting, ...]], intro: Callable[[Line], str] = lambda _line: ""
) -> Iterator[str]:
    """Yield a section for each run of release lines that have the same settings."""
    for _facts, run in groupby(settings.items(), key=lambda item: list(map(_describe_setting, item[1]))):
        group = list(run)
        first, last = (f"{line[0]}.{line[1]}" for line, _settings in (group[0], group[-1]))
        heading = f"### {title} {first}" + ("" if first == last else f" to {last}")
        paragraphs = [heading, intro(group[0][0]), *_render_settings(group[0][1], roles=group[0][0] >= (2, 0))]
        yield "\n\n".join(filter(None, paragraphs))


def _describe_setting(setting: Setting) -> tuple[list[str], str]:
    return _render_row(setting), _render_flags(setting)


def _render_settings(settings: tuple[Setting, ...], *, roles: bool) -> Iterator[str]:
    header = ["setting", "listener", "default", "protocols", "grammar", "opens in", "switch"]
    rows = [_render_row(setting) for setting in settings]
    dropped = {name for name, shown in (("opens in", roles), ("switch", any(row[-1] for row in rows))) if not shown}
    kept = [place for place, name in enumerate(header) if name not in dropped]
    yield "\n".join(_render_table(*([row[place] for place in kept] for row in (header, *rows))))
    by_flags: dict[str, list[str]] = {}
    for setting in settings:
        by_flags.setdefault(_render_flags(setting), []).append(f"`{setting.name}`")
    yield "\n".join(f"- Flags of {', '.join(names)}: {flags}" for flags, names in by_flags.items() if flags)


def _render_flags(setting: Setting) -> str:
    return " ".join(f"`{flag}`" for flag in setting.flags)


def _render_row(setting: Setting) -> list[str]:
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


def _render_table(header: list[str], *rows: list[str]) -> Iterator[str]:
    for row in (header, ["---"] * len(header), *rows):
        yield f"| {' | '.join(row)} |".replace("  ", " ")


def main() -> None:
    TARGET.write_text(render_page(), encoding="utf-8")
    print(f"wrote {TARGET.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
