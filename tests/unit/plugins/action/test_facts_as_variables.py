# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""No action plugin runs if a fact of its host has the name of a variable."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from types import SimpleNamespace

import pytest
from ansible.errors import AnsibleActionFail

PLUGINS = Path(__file__).parents[4] / "plugins" / "action"
# kong_fail always fails, with a message of its role or playbook.
PATHS = [path for path in sorted(PLUGINS.glob("*.py")) if path.stem != "kong_fail"]


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_every_task_fails_with_such_facts_of_its_host(path, monkeypatch):
    """The result of any module may add facts after the plan was compiled."""
    monkeypatch.setattr("ansible.plugins.action.ActionBase.run", lambda *_words: {})
    plugin = import_module(f"ansible_collections.gatehouse.kong.plugins.action.{path.stem}").ActionModule
    variables = {"inventory_hostname": "n", "ansible_facts": {"hostname": "n", "kong_report_path": "/tmp/x"}}
    action = plugin.__new__(plugin)
    action._task = SimpleNamespace(failed_when=[], until=[], retries=None, no_log=False, ignore_errors=True)
    with pytest.raises(AnsibleActionFail, match=r"^n: kong_report_path: the facts of this host have this name"):
        action.run(None, variables)
