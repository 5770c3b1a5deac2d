# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Finds the group of the Kong nodes, for plays whose pattern sees extra variables only."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate

from ansible_collections.gatehouse.kong.plugins.plugin_utils._text import (
    format_ranges,
    join_first,
    make_natural_key,
    quote_value,
    shorten_middle,
)

DEFAULT = "kong"
_ALWAYS = {"all", "ungrouped"}
_SHOWN_GROUPS, _GROUPS_WIDTH, _GROUP_WIDTH = 8, 160, 60
# If Ansible cannot parse a file, the hosts of the lines before the error are in groups and in no play.
_NOT_PARSED = (
    "no host of this inventory group is in the run, because Ansible could not parse the inventory. Correct the file that its "
    "warning names"
)


class GroupError(ValueError):
    """There is no Kong node to work on. The message names ``kong_group`` or ``--limit``, and the fix."""


@dataclass(frozen=True, slots=True)
class Selected:
    """The group of the Kong nodes, and the nodes that have to be added to the group ``kong`` for the next plays."""

    group: str
    added: tuple[str, ...] = ()


def describe_no_nodes(groups: Mapping[str, Sequence[str]]) -> str:
    """Return the message for a group of Kong nodes without hosts, with the groups that have hosts."""
    known = sorted((name for name in groups if name not in _ALWAYS and groups[name]), key=make_natural_key)
    shown = _list_groups(known) or "none"
    return (
        f"the inventory group of the Kong nodes has no hosts (groups with hosts: {shown}). Add hosts to it, or set kong_group, "
        "and check the inventory's path"
    )


def _list_groups(names: Sequence[str]) -> str:
    """Return the names of as many groups as have room in a message."""
    shown = [*map(_shorten, names[:_SHOWN_GROUPS])]
    fitting = max(1, sum(length <= _GROUPS_WIDTH for length in accumulate(len(name) + 2 for name in shown)))
    return join_first([*shown, *names[_SHOWN_GROUPS:]], fitting) if names else ""


def _shorten(group: str) -> str:
    return shorten_middle(group, _GROUP_WIDTH)


def _is_empty(group: object) -> bool:
    """Tell whether a value of ``kong_group`` is empty text. Null means that it is not set."""
    return isinstance(group, str) and not group.strip()


def select_nodes(
    groups: Mapping[str, Sequence[str]],
    group: str,
    *,
    extra: str | None,
    play_hosts: Collection[str],
    is_limited: bool,
    groups_of_hosts: Callable[[Iterable[str]], Iterable[object]],
) -> Selected:
    """Return the group of the Kong nodes.

    ``group`` is ``kong_group`` as the first host sees it, ``extra`` as an extra variable sets it. Without an extra variable,
    ``groups_of_hosts`` gives ``kong_group`` of other hosts. ``play_hosts`` are the hosts of the run, which
    ``--limit`` has narrowed if ``is_limited``. Raises GroupError, also if several groups have such hosts: a run is for one fleet.
    """
    # The plays use the default in place of an empty group.
    group = "" if _is_empty(extra) else group
    if extra is None:
        # Reading 1,000 hosts takes about a second. The compiler reads all nodes, and reports those that differ.
        nodes = list(groups.get(DEFAULT, ())) if group == DEFAULT else []
        asked = [*nodes[:1], *(host for host in groups.get("all", ()) if host not in {*nodes})]
        found = [*groups_of_hosts(asked)]
        named = {name: None for name in (group, *found) if isinstance(name, str) and groups.get(name)}
        played = [name for name in named if set(play_hosts).intersection(groups[name])]
        if len(played) > 1:
            raise GroupError(
                f"kong_group: hosts of this run name the groups {_list_groups(played)}, and a run is for one group. Add "
                f"-e kong_group={_shorten(played[0])}, or use --limit"
            )
        group = "" if any(map(_is_empty, found)) else next(iter([*played, *named]), group)
    if not groups.get(group):
        raise GroupError(f"kong_group: {quote_value(group)}: {describe_no_nodes(groups)} [no-nodes]")
    if not set(play_hosts).intersection(groups[group]):
        if not is_limited:
            raise GroupError(f"kong_group: {quote_value(group)}: {_NOT_PARSED}")
        raise GroupError(
            f"--limit excludes every Kong node. The group {quote_value(group)} has {format_ranges(groups[group], 1)}"
        )
    in_patterns = extra or DEFAULT
    if group == in_patterns:
        return Selected(group)
    if groups.get(in_patterns):
        raise GroupError(
            f"kong_group: {quote_value(group)}: the inventory also has a group {quote_value(in_patterns)}, which the plays would use as well. Add "
            f"-e kong_group={_shorten(group)}"
        )
    return Selected(group, tuple(groups[group]))
