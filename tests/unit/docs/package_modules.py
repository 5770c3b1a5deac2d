# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The modules of the package ansible on PyPI, with their real argument specifications."""

from __future__ import annotations

import json
import subprocess
import sys

from ansible_collections.gatehouse.kong.scripts.ansible_package import provide_collections

# Prints the errors of each task by the argument specification with which a module calls AnsibleModule. Until then, the modules
# need no SDK.
VALIDATE = """
import importlib, json, sys
from ansible.module_utils import basic
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

class Done(Exception):
    pass

def validate(self, argument_spec, **more):
    names = ("mutually_exclusive", "required_together", "required_one_of", "required_if", "required_by")
    validator = ArgumentSpecValidator(argument_spec, **{name: more.get(name) for name in names})
    print(json.dumps([validator.validate(task).error_messages for task in json.load(sys.stdin)]))
    raise Done

basic.AnsibleModule.__init__ = validate
try:
    importlib.import_module(sys.argv[1]).main()
except Done:
    pass
"""


def find_module(task):
    """Return the module of a task with a full name."""
    (module,) = (name for name in task if "." in name)
    return module


def run_with_package(collections, program, data, *args):
    """Return what a program prints as JSON, in a process with these collections of the package, such as ``amazon.aws``."""
    folder = provide_collections(sorted({name.replace(".", "/") for name in collections}))
    # Another folder with collections would hide that of the package.
    environment = {"PYTHONPATH": str(folder), "ANSIBLE_COLLECTIONS_PATH": str(folder), "LC_ALL": "C.UTF-8"}
    done = subprocess.run(
        [sys.executable, "-c", program, *args],
        input=json.dumps(data),
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


def validate(module, tasks, *more):
    """Return the errors of the arguments of each task with a module, which may need more collections."""
    namespace, collection, name = module.split(".")
    path = f"ansible_collections.{namespace}.{collection}.plugins.modules.{name}"
    return run_with_package([f"{namespace}.{collection}", *more], VALIDATE, tasks, path)
