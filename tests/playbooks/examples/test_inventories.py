# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plugins of the examples of inventories document every option of the examples, as ansible-doc shows them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from ansible_collections.gatehouse.kong.scripts.ansible_package import provide_collections
from ansible_collections.gatehouse.kong.tests.unit.examples.test_inventories import EXAMPLES


def test_the_plugins_document_every_option_of_the_examples():
    plugins = {name: example["plugin"] for name, example in EXAMPLES.items()}
    folder = provide_collections(sorted({"/".join(plugin.split(".")[:2]) for plugin in plugins.values()}))
    done = subprocess.run(
        [str(Path(sys.executable).with_name("ansible-doc")), "-t", "inventory", "-j", *plugins.values()],
        env={"ANSIBLE_COLLECTIONS_PATH": str(folder), "LC_ALL": "C.UTF-8", "HOME": os.environ["HOME"]},
        capture_output=True,
        text=True,
        check=True,
    )
    documented = {plugin: {*page["doc"]["options"]} for plugin, page in json.loads(done.stdout).items()}
    for name, plugin in plugins.items():
        assert {*EXAMPLES[name]} - {"plugin", *documented[plugin]} == set(), name
