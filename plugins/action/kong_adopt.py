# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ansible_collections.gatehouse.kong.plugins.plugin_utils._adopt.clients import OBSERVED, parse_observed
from ansible_collections.gatehouse.kong.plugins.plugin_utils._adopt.files import render_files, write_files
from ansible_collections.gatehouse.kong.plugins.plugin_utils._adopt.model import FoundHost, read_found_hosts
from ansible_collections.gatehouse.kong.plugins.plugin_utils._adopt.propose import Proposal, propose
from ansible_collections.gatehouse.kong.plugins.plugin_utils._controller_action import ControllerAction
from ansible_collections.gatehouse.kong.plugins.plugin_utils._files import read_file
from ansible_collections.gatehouse.kong.plugins.plugin_utils._findings import make_plain
from ansible_collections.gatehouse.kong.plugins.plugin_utils._table import render_table
from ansible_collections.gatehouse.kong.plugins.plugin_utils._task_action import TaskError
from ansible_collections.gatehouse.kong.plugins.plugin_utils._terminal import show
from ansible_collections.gatehouse.kong.plugins.plugin_utils._text import count_noun, format_ranges
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.reasons import join_similar

_ARGUMENTS = {
    "path": {"type": "path", "required": True},
    "registered": {"type": "str", "required": True},
    "measured": {"type": "str"},
}


class ActionModule(ControllerAction):
    """Write the proposal on the controller, without a connection to a host."""

    arguments = _ARGUMENTS

    def work(self, arguments: Mapping[str, Any], variables: Mapping[str, Any]) -> dict[str, Any]:
        hosts = read_found_hosts(variables, arguments["registered"])
        hostvars, name = variables["hostvars"], arguments["measured"]
        measured = {host.name: make_plain(hostvars[host.name].get(name)) or {} for host in hosts} if name else {}
        folder = Path(arguments["path"])
        proposal = propose(hosts, parse_observed(read_file(folder / OBSERVED)), measured)
        done = write_files(folder, render_files(proposal), check_mode=self._task.check_mode)
        show(_format(hosts, proposal, folder, done))
        if hosts and all(host.error for host in hosts):
            raise TaskError(_explain_unread(hosts))
        return {"changed": bool(done), "nodes": [*proposal.nodes], "left_out": {**proposal.left_out}, "files": done}


def _explain_unread(hosts: Sequence[FoundHost]) -> str:
    """Return the message for hosts of which none was read."""
    first, *others = hosts
    more = f", and {count_noun(len(others), 'other host')} (see the table)" if others else ""
    return (
        f"No host could be read, so the proposal has no node. {first.name}: {first.error.rstrip('. ')}{more}. Fix how Ansible connects to "
        "the hosts, or the reasons in report.md, and run gatehouse.kong.adopt again"
    )


def _format(hosts: list[FoundHost], proposal: Proposal, folder: Path, done: Mapping[str, str]) -> Iterator[str]:
    kongs = {host.name: host.kongs for host in hosts}
    rows = [
        (name, kongs[name][0].version, kongs[name][0].start, count_noun(len(proposal.questions[name]), "question"))
        for name in proposal.nodes
    ]
    left_out = join_similar({name: [reason] for name, reason in proposal.left_out.items()})
    rows += [(format_ranges(names), "", "", f"left out: {reason}") for reason, names in left_out]
    yield from render_table(("host", "Kong", "started by", "result"), rows)
    yield ""
    edited = [name for name, effect in done.items() if effect == "edited"]
    yield f"{folder}: {count_noun(len(done), 'file')} changed; report.md has the evidence and the questions"
    yield from (f"{folder / name} was edited, so the new text is in {name}.new" for name in edited)
    yield (
        f"Next: run gatehouse.kong.plan and gatehouse.kong.drift with -i {folder / 'hosts.yml'} before the -i of your inventory"
        if proposal.nodes
        else "No host has a Kong to plan. Start Kong, or fix the reasons above, and run gatehouse.kong.adopt again"
    )
