# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads how the commands of a unit start Kong: with which options, and with which variables. Pure functions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.unit import Command

_ASSIGNMENT = re.compile(r"([A-Za-z_]\w*)=(.*)", re.DOTALL)
# Words between an assignment and `kong` that leave the variables as they are.
_NEUTRAL = ("exec", "export", "env")
# Words before `kong` that change its environment in another way: other files, another user, or removed variables.
_OTHER = re.compile(r"\.|source|eval|set|unset|sudo|su|runuser|setpriv|chroot|-|-[a-z]*[iul][a-z]*|--login|--unset.*")


@dataclass(frozen=True)
class Start:
    """The options of `kong start` that `kong prepare` has too, with two words each, and the variables in the command."""

    options: Command
    variables: Mapping[str, str] = field(default_factory=dict)

    @property
    def files(self) -> tuple[str, ...]:
        """The files that Kong reads: its configuration file and the template of nginx.conf, as far as they are named."""
        return tuple(value for name, value in zip(self.options[::2], self.options[1::2]) if name != "-p")


def find_start(commands: Iterable[Command]) -> Start | None:
    """Return how the commands of a unit start Kong.

    Returns None if that is unknown, for example for a script, or for a command with `$`.
    """
    for before, after in split_at_kong(commands):
        if after[0] in ("prepare", "start", "restart"):
            options, variables = (*_read_options(after[1:]),), _read_variables(before)
            is_known = variables is not None and not any("$" in word for word in (*options, *variables.values()))
            return Start(options, variables or {}) if is_known else None
    return None


def split_at_kong(commands: Iterable[Command]) -> Iterator[tuple[Command, Command]]:
    """Yield the words before and after each `kong` in the commands, also in those of a shell."""
    for command in commands:
        for number, word in enumerate(command[:-1]):
            if word.rpartition("/")[2] == "kong":
                yield command[:number], command[number + 1 :]


def _read_options(words: Command) -> Iterator[str]:
    names = {"-c": "-c", "--conf": "-c", "-p": "-p", "--prefix": "-p", "--nginx-conf": "--nginx-conf"}
    for number, word in enumerate(words):
        name, equals, value = word.partition("=")
        if name in names and (equals or number + 1 < len(words)):
            yield from (names[name], value if equals else words[number + 1])


def _read_variables(words: Command) -> dict[str, str] | None:
    """Return the variables that the words before `kong` set, such as `env KONG_ROLE=traditional`. None if they are unknown.

    systemd does not show quotes, so a value with blanks cannot be told from other words.
    """
    assigned = [_ASSIGNMENT.fullmatch(word) for word in words]
    first = next((number for number, match in enumerate(assigned) if match), len(words))
    others = [word for word, match in zip(words[first:], assigned[first:]) if not match]
    if any(word not in _NEUTRAL for word in others) or any(_OTHER.fullmatch(word.rpartition("/")[2]) for word in words):
        return None
    return {match[1]: match[2] for match in assigned if match}
