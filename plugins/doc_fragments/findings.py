# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import re

import yaml

from ansible_collections.gatehouse.kong.plugins.plugin_utils._codes import CODES, Code


def _render_note(code: Code) -> str:
    """Return the note in Ansible's markup. A closing parenthesis ends C(), so text that contains it is quoted instead."""
    meaning, fix = (re.sub(r"`([^`]+)`", _mark, text) for text in code.strip_links())
    return f"C({code.name}), {' or '.join(code.severities)} - {meaning} {fix}"


def _mark(match: re.Match[str]) -> str:
    return f"'{match[1]}'" if ")" in match[1] else f"C({match[1]})"


class ModuleDocFragment:
    """A note for each finding code, from the registry."""

    # With a type, because ansible-test reads every other assignment here as literal YAML.
    DOCUMENTATION: str = yaml.safe_dump({"options": {}, "notes": [_render_note(code) for code in CODES.values()]})
