# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Keeps the compiled files of Ansible's modules in a folder that the hosts of a lab share.

Ansible sends the files of a module in a zip file. Python compiles files of a zip file in every run, which takes a quarter to a
third of the processor time of a module.
"""

import _imp
import marshal
import os
import sys
import zipimport


def keep_compiled(folder):
    """Let imports from zip files and from the collection's archive use the folder, if it exists."""
    compile_zipped = zipimport._compile_source
    is_complete = False

    def compile_once(path, source):
        nonlocal is_complete
        if not is_complete:
            is_complete = True
            _keep_archived(folder)
        return _find(folder, path, source, lambda: compile_zipped(path, source))

    zipimport._compile_source = compile_once


def _keep_archived(folder):
    """Let the loader of the archive use the folder. Only runs of modules need it, and other programs start faster without it."""
    from importlib.abc import InspectLoader

    compile_archived = InspectLoader.source_to_code

    def compile_once(data, path="<string>"):
        source = data.encode() if isinstance(data, str) else data
        return _find(folder, path, source, lambda: compile_archived(data, path))

    InspectLoader.source_to_code = staticmethod(compile_once)


def _find(folder, path, source, compile_source):
    """Return the code of a file, compiled now or in an earlier run."""
    name = f"{folder}/{sys.implementation.cache_tag}-{_imp.source_hash(0, source).hex()}"
    try:
        with open(name, "rb") as file:
            code = marshal.load(file)
    except OSError:
        code = compile_source()
        _write(name, marshal.dumps(code))
    else:
        _imp._fix_co_filename(code, path)
    return code


def _write(name, content):
    """Write a file that no other process reads before it is complete. Without the folder or its permission, write nothing."""
    unfinished = f"{name}.{os.getpid()}"
    try:
        with open(unfinished, "xb") as file:
            file.write(content)
        os.replace(unfinished, name)
    except OSError:
        pass
