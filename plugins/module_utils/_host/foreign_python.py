# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Running a module of this collection as a separate program: with another Python, or longer than Ansible's process."""

from __future__ import annotations

import inspect
import json
import typing as t
from types import ModuleType

from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import Host


def find_interpreter(host: Host, program: str) -> tuple[str, ...]:
    """Return the command that runs a script from standard input with the Python of a program of the host.

    The first line of the program names that Python. Another Python may lack the libraries of the program.
    """
    first = (host.read(host.which(program) or "") or "").partition("\n")[0]
    return (*first.removeprefix("#!").split(), "-")


def make_script(module: ModuleType, request: t.Any) -> str:
    """Return a script: the source of a module and a call of its `main` with `request`, which is plain data."""
    return f"{inspect.getsource(module)}\n\nsys.exit(main(json.loads({json.dumps(request)!r})))\n"
