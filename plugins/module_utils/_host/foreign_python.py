# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs one of our files as a program of its own on the host, with another Python than Ansible's or beyond its end."""

from __future__ import annotations

import inspect
import json
import typing as t
from types import ModuleType

from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import Host


def interpreter_of(host: Host, program: str) -> tuple[str, ...]:
    """The Python that a program of the host names in its first line, told to read a script from standard input.

    Libraries that come with the program need not be there for any other Python.
    """
    first = (host.read(host.which(program) or "") or "").partition("\n")[0]
    return (*first.removeprefix("#!").split(), "-")


def script_of(module: ModuleType, request: t.Any) -> str:
    """The text of a module of ours, and a call of its `main` with a request, which is plain data."""
    return f"{inspect.getsource(module)}\n\nsys.exit(main(json.loads({json.dumps(request)!r})))\n"
