# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Output of the action plugins at the terminal."""

from __future__ import annotations

from collections.abc import Iterable

from ansible import constants  # type: ignore[import-untyped]
from ansible.utils.display import Display  # type: ignore[import-untyped]

from ansible_collections.gatehouse.kong.plugins.plugin_utils._run import find_first_host


def show(lines: Iterable[str]) -> None:
    """Print lines, with an empty line before and after them.

    They are printed to standard error if a JSON callback writes standard output, which has to stay valid JSON.
    """
    Display().display("\n".join(["", *lines, ""]), stderr="json" in constants.DEFAULT_STDOUT_CALLBACK)


def show_once(lines: Iterable[str], host: str) -> None:
    """Print lines, unless another host of this run has printed them: some strategies run a task of `run_once` for each host."""
    text = [*lines]
    if find_first_host("\n".join(text), host) == host:
        show(text)
