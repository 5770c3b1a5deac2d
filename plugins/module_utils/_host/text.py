# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Methods of text that Python 3.8 does not have."""

from __future__ import annotations


def remove_prefix(text: str, prefix: str) -> str:
    """Return the text without the prefix, if it has it."""
    return text[len(prefix) :] if text.startswith(prefix) else text


def remove_suffix(text: str, suffix: str) -> str:
    """Return the text without the suffix, if it has it."""
    return text[: len(text) - len(suffix)] if text.endswith(suffix) else text
