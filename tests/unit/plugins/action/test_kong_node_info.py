# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The warnings of a comparison of a node with its plan."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from ansible_collections.gatehouse.kong.plugins.action import kong_node_info
from ansible_collections.gatehouse.kong.plugins.plugin_utils._node_module import NodeModule


@pytest.mark.parametrize(
    ("decision", "expected"),
    [
        ({"differs": False, "restart": {"how": "nothing"}}, ["override", "readable file"]),
        # The firewall differs, so no other module reads Kong's file.
        ({"differs": True, "restart": {"how": "nothing"}}, ["override", "readable file"]),
        ({"differs": True, "problem": "no folder"}, ["override", "readable file"]),
        ({"differs": True, "restart": {"how": "reload"}}, ["override"]),
    ],
)
def test_no_warning_is_lost(monkeypatch, decision, expected):
    answer = {"warnings": ["override"], "found_warnings": ["readable file"]}
    monkeypatch.setattr(NodeModule, "execute", lambda *_args, **_named: dict(answer))
    received = []
    monkeypatch.setattr(kong_node_info, "make_options", lambda *arguments: received.append(arguments) or {})
    monkeypatch.setattr(kong_node_info, "decide_changes", lambda *arguments: received.append(arguments) or decision)
    plugin = object.__new__(kong_node_info.ActionModule)
    node, config = {"name": "a1"}, {"ssl": "off"}
    plugin._task = SimpleNamespace(
        args={"node": node, "config": config}, failed_when=[], until=[], retries=None, no_log=False, ignore_errors=True
    )
    assert plugin.execute({})["warnings"] == expected
    assert received == [(node, config), (node, {"warnings": ["override"]})]
