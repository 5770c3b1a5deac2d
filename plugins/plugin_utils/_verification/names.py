# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Checks the names that a user gives to the playbook explain, before any host is touched."""

from __future__ import annotations

from collections.abc import Collection
from difflib import get_close_matches

from ansible_collections.gatehouse.kong.plugins.plugin_utils._text import join_first, make_natural_key

_SHOWN = 20
_SIMILAR = 2


def explain_name(option: str, name: str | None, kind: str, known: Collection[str]) -> str:
    """Return one line that says that a name is missing or unknown, with the valid names; "" if it is known."""
    if name in known:
        return ""
    ordered = sorted(known, key=make_natural_key)
    valid = f"Valid: {join_first(ordered, _SHOWN)}"
    if name is None:
        return f"{option} is missing: add -e {option}=NAME. {valid}"
    close = " or ".join(map(repr, _find_close(name, ordered)))
    return f"{option}: there is no {kind} {name!r}{f'; did you mean {close}?' if close else '.'} {valid}"


def _find_close(name: str, known: Collection[str]) -> list[str]:
    """Return the names with other capitals only, or a few similar names, the most similar name first."""
    folded: dict[str, list[str]] = {}
    for other in known:
        folded.setdefault(other.casefold(), []).append(other)
    same = folded.get(name.casefold())
    return same or [folded[text][0] for text in get_close_matches(name.casefold(), folded, n=_SIMILAR)]
