# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kong version numbers: the known versions, and the versions of Kong Enterprise."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from math import inf

from ansible_collections.gatehouse.kong.plugins.plugin_utils._text import format_for_inventory, quote_value

MINORS = {0: range(6, 16), 1: range(6), 2: range(9), 3: range(16)}
# The newest known release line. Newer versions of its major have its listen settings.
NEWEST = (3, MINORS[3][-1])
KNOWN_VERSIONS = "0.6 to 0.15, 1.0 to 1.5, 2.0 to 2.8, 3.0 to 3.15; Enterprise from 2.1, with four numbers (3.4.3.5)"
# Numbers of YAML that may be a version with a zero at its end, and all versions that they may be.
_SHORTENED = {0.1: ("0.10",), 3.1: ("3.1", "3.10")}
_NUMBER = r"(0|[1-9]\d{0,3})"
_VERSION = re.compile(rf"{_NUMBER}\.{_NUMBER}(?:\.{_NUMBER}(?:\.{_NUMBER})?)?(-enterprise-edition)?", re.ASCII)


class VersionError(ValueError):
    """A version that cannot be used; ``code`` is the code of a finding."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class KongVersion:
    """A Kong version. ``patch`` is ``None`` for the newest patch of the minor ('2.8')."""

    text: str
    major: int
    minor: int
    patch: int | None
    enterprise: bool

    @property
    def release(self) -> tuple[int, int, float]:
        """Major, minor and patch, to compare with a release. The newest patch is above every number."""
        return (self.major, self.minor, inf if self.patch is None else self.patch)

    @property
    def is_newer(self) -> bool:
        """Whether the version is newer than every known version, so that its listen settings are assumed."""
        return self.line > NEWEST

    @property
    def line(self) -> tuple[int, int]:
        """The release line. All versions of a line have the same listen settings."""
        return (self.major, self.minor)


def parse_version(value: object) -> KongVersion:
    """Read a Kong version from text ('2.8', '0.10.4', '3.4.3.5-enterprise-edition') or a YAML number (3.9).

    A newer version of the newest known major is accepted. Raises ``VersionError`` for other versions, and for numbers that YAML may have shortened.
    """
    if isinstance(value, float) and value in _SHORTENED:
        written = " or ".join(map(format_for_inventory, _SHORTENED[value]))
        message = f"it is a number, and {value:.2f} without quotes is the same number; quote the version: {written}"
        raise VersionError("version-unquoted", message)
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise VersionError("version-unknown", f"{quote_value(value)} is not a Kong version; known are {KNOWN_VERSIONS}")
    return _parse_text(str.__str__(value) if isinstance(value, str) else str(value))


@lru_cache(maxsize=1024)
def _parse_text(text: str) -> KongVersion:
    match = _VERSION.fullmatch(text.strip())
    if match is None:
        raise VersionError("version-unknown", f"{quote_value(text)} is not a Kong version; known are {KNOWN_VERSIONS}")
    major, minor = int(match[1]), int(match[2])
    if minor not in MINORS.get(major, ()) and not (major == NEWEST[0] and minor > NEWEST[1]):
        lineage = " (0.29 to 0.36 are old Kong Enterprise numbers)" if major == 0 and minor in range(29, 37) else ""
        raise VersionError(
            "version-unknown", f"Kong {quote_value(text)} is not known{lineage}; known are {KNOWN_VERSIONS}"
        )
    enterprise = bool(match[4] or match[5]) or (major, minor) >= (3, 10)
    if enterprise and (major, minor) < (2, 1):
        message = f"{quote_value(text)} is a version of Kong Enterprise before 2.1, whose listeners are not known; known are {KNOWN_VERSIONS}"
        raise VersionError("version-unknown", message)
    patch = None if match[3] is None else int(match[3])
    return KongVersion(text.strip(), major, minor, patch, enterprise)
