# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The fix of a failed privilege escalation, which Ansible's own messages lack."""

from __future__ import annotations

import re

# The messages of ansible/plugins/connection/{local,ssh}.py at 2.17 to 2.21.
_FAILED = re.compile(
    r"waiting for (become success|privilege escalation)|become password prompt|(Missing|Incorrect) \S+ password"
)
_FIX = "give the password with --ask-become-pass or ansible_become_password, or allow this user to run commands as root without one"


def explain_become(message: str) -> str:
    """Return a message as one line, with the fix if a privilege escalation failed."""
    line = " ".join(message.split()).rstrip(".")
    return f"{line}: {_FIX}" if _FAILED.search(line) and _FIX not in line else line
