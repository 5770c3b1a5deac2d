# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs a role of this collection with real Ansible and with fake actions, in place of modules, that return the answers of a test.

Every case is a host of one run, a node or, with `is_router`, another host. An action finds its case by `case-NUMBER`, or by the
time-out 100 + NUMBER, in its arguments.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from types import MappingProxyType

ROOT = Path(__file__).resolve().parents[3]
MODULES = ("kong_apply", "kong_complete", "kong_firewall", "kong_gateway", "kong_node_info", "kong_plan", "kong_restore_point", "kong_service",
           "kong_transparent")  # fmt: skip
# Real actions, which work on the controller.
CONTROLLER = ("kong_fail.py", "kong_gateway_hosts.py", "kong_last_run.py", "kong_leaving.py", "kong_nodes.py",
              "kong_problems.py", "kong_variables.py")  # fmt: skip
FILTERS = ("kong_ranges.py",)
# The key of an answer is the module's name, alone or followed by the value of `state` or `how`. A list has the
# answers to the first and later calls of that key.
ACTION = """\
import json, re
from ansible_collections.gatehouse.kong.plugins.plugin_utils._task_action import TaskAction
class ActionModule(TaskAction):
    def perform(self, task_vars):
        text = json.dumps(self._task.args)
        case = re.search(r"case-(\\d+)", text) or re.search(r'"rollback_timeout": "?1(\\d\\d)"?', text)
        case = case or re.search(r"case-(\\d+)", task_vars["inventory_hostname"])
        number = int(case[1])
        args = json.loads(text)
        call = f"{NAME} {args.get('state') or args.get('how') or ''}".strip()
        answers = json.load(open(ANSWERS))[number]
        earlier = sum(json.loads(line)[:2] == [number, call] for line in open(CALLS))
        with open(CALLS, "a") as file:
            file.write(json.dumps([number, call, args]) + "\\n")
        answer = answers.get(call, {})
        answer = answer[min(earlier, len(answer) - 1)] if isinstance(answer, list) else answer
        return {"changed": False, **answers.get(NAME, {}), **answer}
"""


# The answer of kong_plan has the nodes of the plan.
LOOKUP = """\
import json
from ansible.plugins.lookup import LookupBase
class LookupModule(LookupBase):
    def run(self, terms, variables=None, **options):
        answers = json.load(open(ANSWERS))[int(variables["inventory_hostname"].rpartition("-")[2])]
        nodes = answers.get("kong_plan", {}).get("plan", {}).get("nodes", {})
        return [{**nodes.get(name, {}), "ruleset": {"planned for": name}} for name in terms]
"""


class Stage:
    """The collection with the fake actions, in a temporary folder."""

    def __init__(self, folder):
        self.folder = folder
        self.calls = []
        collection = folder / "ansible_collections/gatehouse/kong"
        for name in ("action", "modules", "filter", "lookup"):
            (collection / f"plugins/{name}").mkdir(parents=True)
        for name in ("roles", "playbooks", "galaxy.yml", "meta", "plugins/plugin_utils", "plugins/module_utils"):
            (collection / name).symlink_to(ROOT / name)
        for name in FILTERS:
            (collection / f"plugins/filter/{name}").symlink_to(ROOT / "plugins/filter" / name)
        for kind in ("action", "modules"):
            for name in CONTROLLER:
                (collection / f"plugins/{kind}/{name}").symlink_to(ROOT / f"plugins/{kind}/{name}")
        lookup = LOOKUP.replace("ANSWERS", repr(str(folder / "answers.json")))
        (collection / "plugins/lookup/kong_plan.py").write_text(lookup)
        for name in MODULES:
            text = ACTION.replace("NAME", repr(name)).replace("ANSWERS", repr(str(folder / "answers.json")))
            text = text.replace("CALLS", repr(str(folder / "calls")))
            (collection / f"plugins/action/{name}.py").write_text(text)

    def run(self, role, cases):
        """Run a role for each case (a pair of answers and variables).

        Return for each case its calls and its last error, None if there was no error.
        """
        play = [{"hosts": "all", "gather_facts": False, "roles": [f"gatehouse.kong.{role}"]}]
        (self.folder / "play.json").write_text(json.dumps(play))
        return self._run("play.json", cases)

    def run_playbook(self, name, cases, **extra):
        """Run a playbook of the collection with a host for each case and extra variables; return the same as `run`."""
        return self._run(f"gatehouse.kong.{name}", cases, extra)

    def _run(self, playbook, cases, extra=MappingProxyType({})):
        (self.folder / "answers.json").write_text(json.dumps([answers for answers, _variables in cases]))
        (self.folder / "calls").write_text("")
        hosts = {f"case-{number}": _make_variables(number, more) for number, (_answers, more) in enumerate(cases)}
        groups = {"kong": {}, "routers": {}}
        for name, variables in hosts.items():
            groups["routers" if variables.get("is_router") else "kong"][name] = variables
        inventory = {group: {"hosts": members} for group, members in groups.items()}
        (self.folder / "hosts.json").write_text(json.dumps(inventory))
        output = self._run_playbook(playbook, extra)
        found = [[] for _case in cases]
        self.calls = [json.loads(line) for line in (self.folder / "calls").read_text().splitlines()]
        for number, call, args in self.calls:
            found[number].append((call, args))
        return [(calls, _find_last_error(output, f"case-{number}")) for number, calls in enumerate(found)]

    def _run_playbook(self, playbook, extra):
        (self.folder / "ansible.cfg").touch()
        environment = {
            **os.environ,
            "ANSIBLE_COLLECTIONS_PATH": str(self.folder),
            "ANSIBLE_CONFIG": str(self.folder / "ansible.cfg"),
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_LOCAL_TEMP": str(self.folder / "local"),
            "ANSIBLE_REMOTE_TEMP": str(self.folder / "remote"),
        }
        program = Path(sys.executable).parent / "ansible-playbook"
        done = subprocess.run(
            [str(program), "-i", "hosts.json", "-e", json.dumps(dict(extra)), playbook],
            cwd=self.folder, env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert "PLAY RECAP" in done.stdout, done.stdout + done.stderr
        return done.stdout + done.stderr


def _make_variables(number, more):
    return {
        "ansible_connection": "local",
        "ansible_python_interpreter": sys.executable,
        "kong_listen_service": f"case-{number}",
        "kong_firewall_rollback_timeout": 100 + number,
        **more,
    }


def _find_last_error(text, host):
    errors = re.findall(rf"^fatal: \[{host}\]: FAILED! => (.*?)(?=^fatal: |\Z)", text, re.MULTILINE | re.DOTALL)
    return json.JSONDecoder().raw_decode(errors[-1])[0]["msg"] if errors else None
