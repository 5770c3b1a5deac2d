# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A kind of variables: text, a list, a mapping and so on, and the error for a value of another type."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import inf
from typing import Any

from ansible_collections.gatehouse.kong.plugins.plugin_utils._text import format_for_inventory


class KindError(ValueError):
    """A value of the wrong type. The message is the reason and the fix, without the variable and the value."""


@dataclass(frozen=True, slots=True, eq=False)
class Kind:
    """A kind of variables.

    ``expected`` describes a value in words, ``example`` is a value. ``read`` checks the type. ``is_query`` tells whether
    brackets and quotes in text have a meaning. ``is_secret`` tells whether a value must not be shown. ``least`` and ``most``
    are the smallest and the largest number, and ``choices`` are the only texts, if there are any.
    """

    expected: str
    example: Any
    read: Callable[[Kind, Any], Any]
    is_query: bool = False
    is_secret: bool = False
    least: float = 0
    most: float = inf
    choices: tuple[str, ...] = ()

    def show(self, value: Any) -> Any:
        """Return the value as it may be shown, of a secret the type only."""
        return type(value).__name__ if self.is_secret else value


def make_wrong(kind: Kind) -> KindError:
    """Return the error for a value of another type, with an example of the kind."""
    return KindError(f"it must be {kind.expected}, for example {format_for_inventory(kind.example)}")
