# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The file with the configuration that a session recorded before a reload. A later session can restore it."""

import json
import os
import typing as t

from ansible_collections.gatehouse.kong.plugins.module_utils._backends.firewalld.session.bus import read_instance
from ansible_collections.gatehouse.kong.plugins.module_utils._backends.firewalld.session.program import SessionError


def read_recording(path: str) -> t.Optional[t.Dict[str, t.Any]]:
    """Return the configuration that an interrupted session recorded, unless firewalld was restarted since then."""
    try:
        with open(path, encoding="utf-8") as file:
            recorded = json.load(file)
    except FileNotFoundError:
        return None
    if recorded.pop("instance") != read_instance():
        os.remove(path)
        return None
    return dict(recorded)


def write_recording(path: str, recorded: t.Dict[str, t.Any]) -> None:
    """Write the file atomically. Raises SessionError."""
    try:
        with open(path + ".new", "w", encoding="utf-8") as file:
            json.dump(dict(recorded, instance=read_instance()), file)
        os.replace(path + ".new", path)
    except OSError as error:
        raise SessionError("cannot write {}: {}".format(path, error.strerror)) from error
