# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""JSON for files that people read: plan files and reports."""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import islice
from typing import Any

from ansible_collections.gatehouse.kong.plugins.plugin_utils._text import make_natural_key

_BATCH = 10_000


def dump_json(value: Any) -> str:
    """Return plain data as JSON text: two-space indentation, keys in natural order, a final newline."""
    chunks = json.JSONEncoder(indent=2, ensure_ascii=False).iterencode(_sort_keys(value))
    # Joined in batches, because all chunks of a large plan together take ten times the memory of the text.
    batches = iter(lambda: "".join(islice(chunks, _BATCH)), "")
    return "".join([*batches, "\n"])


def _sort_keys(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _sort_keys(value[key]) for key in sorted(value, key=make_natural_key)}
    return [*map(_sort_keys, value)] if isinstance(value, (list, tuple)) else value
