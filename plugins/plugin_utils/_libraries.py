# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The libraries that the compiler needs on the controller.

Each is imported in one file, which ignores ImportError, so that documentation and tests of other parts work without them.
The compiler calls require_libraries first.
"""

from __future__ import annotations

from importlib.util import find_spec

_NEEDED = ("jmespath", "netaddr")


class LibraryError(Exception):
    """A library is missing on the controller."""


def require_libraries() -> None:
    """Raise LibraryError with the missing libraries and the fix, unless all are installed."""
    missing = [name for name in _NEEDED if find_spec(name) is None]
    if missing:
        raise LibraryError(
            f"the Python that runs Ansible lacks {' and '.join(missing)}; install with "
            f"`python -m pip install {' '.join(missing)}`, or from the packages of the system"
        )
