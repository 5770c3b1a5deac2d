# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Running a module of this collection as a separate program: with another Python, or longer than Ansible's process."""

from __future__ import annotations

import inspect
import json
import re
import sys
import typing as t
from types import ModuleType

from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import Host
from ansible_collections.gatehouse.kong.plugins.module_utils._host.text import remove_prefix

_IMPORT = re.compile(r"^from (ansible_collections\.gatehouse\.kong\.\S+) import ", re.MULTILINE)
# A module that is in `sys.modules` is imported without its packages. Tracebacks name its file and line.
_PROGRAM = """\
import json, sys, types

for name, source in json.loads({sources!r}):
    module = sys.modules[name] = types.ModuleType(name)
    exec(compile(source, name.replace(".", "/") + ".py", "exec"), module.__dict__)
sys.exit(module.main(json.loads({request!r})))
"""


def find_interpreter(host: Host, program: str) -> tuple[str, ...]:
    """Return the command that runs a script from standard input with the Python of a program of the host.

    The first line of the program names that Python. Another Python may lack the libraries of the program.
    """
    first = (host.read(host.which(program) or "") or "").partition("\n")[0]
    return (*remove_prefix(first, "#!").split(), "-")


def make_script(module: ModuleType, request: t.Any) -> str:
    """Return a script: the sources of a module and of its imports from this collection, and a call of its `main`.

    `request` is plain data. The modules import names of other modules, not other modules.
    """
    sources: dict[str, str] = {}
    _collect_sources(module.__name__, sources)
    return _PROGRAM.format(sources=json.dumps([*sources.items()]), request=json.dumps(request))


def _collect_sources(name: str, sources: dict[str, str]) -> None:
    """Add the source of a module by name, after the sources of its imports."""
    source = inspect.getsource(sys.modules[name])
    for imported in _IMPORT.findall(source):
        if imported not in sources:
            _collect_sources(imported, sources)
    sources[name] = source
