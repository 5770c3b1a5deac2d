# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Find names that depend on a machine: hosts of package registries, and paths of a checkout.

Each machine is configured to fetch packages and images from a registry or a mirror. A host name in the repository would not
work on machines that use a mirror.
"""

from __future__ import annotations

import re
import sys

from repository import ROOT, list_files

# Dots as [.] so that this file does not find itself.
REGISTRY = re.compile(
    r"\b(pypi[.]org|pythonhosted[.]org|(deb|security|ftp|snapshot)[.]debian[.]org|registry[.]npmjs[.]org|"
    r"docker[.]io|quay[.]io|ghcr[.]io|gcr[.]io|mcr[.]microsoft[.]com|registry[.](access[.])?redhat[.](io|com))\b"
)
CHECKOUT = re.compile(r"(?<![\w.])/(work|home)/\w")


def find_places(name: str) -> list[str]:
    """Return a line for each such name in a file; none if the file is not text."""
    try:
        lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    except (UnicodeDecodeError, FileNotFoundError, IsADirectoryError):
        return []
    return [
        f"{name}:{number}: {found[0]!r} depends on a machine; remove it from the repository"
        for number, line in enumerate(lines, 1)
        for found in (REGISTRY.search(line), CHECKOUT.search(line))
        if found
    ]


def main() -> int:
    found = [line for name in list_files() for line in find_places(name)]
    print("\n".join(found) if found else "none found")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
