# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The programs that a session runs, and the error of a session."""

import subprocess

_SECONDS = 90


class SessionError(Exception):
    """An error of firewalld or of a program, with its reason."""


def run(*argv: str, stdin: str = "") -> str:
    """Run a program and return its output. Raises SessionError if it fails or does not end in time."""
    try:
        done = subprocess.run(
            argv, input=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False,
            encoding="utf-8", errors="surrogateescape", timeout=_SECONDS,
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise SessionError(
            "`{}` did not end within {:g} seconds, and was killed".format(" ".join(argv), error.timeout)
        ) from error
    if done.returncode:
        raise SessionError("{}: {}".format(argv[0], done.stderr.strip()))
    return done.stdout
