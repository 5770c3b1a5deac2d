# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Removal of our text from third-party files. All other bytes, the mode and the owner of the file are preserved."""

from __future__ import annotations

import os
import typing as t
from collections.abc import Iterable

from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import Host, HostError

Clean = t.Callable[[str], str]  # removes our text from the text of a file


def read_text(host: Host, file: str) -> str:
    """Return the text of a file; bytes that are not UTF-8 become surrogates."""
    return host.locate(file).read_bytes().decode("utf-8", "surrogateescape")


def select_files_to_change(host: Host, files: Iterable[str], clean: Clean) -> tuple[str, ...]:
    """Return the files that `clean` changes."""
    return tuple(file for file in files if (text := read_text(host, file)) != clean(text))


def clean_file(host: Host, file: str, clean: Clean) -> None:
    """Remove our text from a file, or from the target if it is a link. Raises HostError."""
    target = f"/{host.locate(file).resolve().relative_to(host.root.resolve())}"
    new = f"{target}.gatehouse-kong"
    host.copy(target, new)
    try:
        with host.locate(new).open("wb") as copy:
            copy.write(clean(read_text(host, target)).encode("utf-8", "surrogateescape"))
            copy.flush()
            os.fsync(copy.fileno())
    except OSError as error:
        host.remove((new,))
        raise HostError(f"cannot write {new}: {error.strerror}") from error
    host.move(new, target)
