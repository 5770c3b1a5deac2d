# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.drift import drift_lines, gather

PLAN = {"nodes": {"a1": {}, "a2": {}, "b1": {}}}
FINE = {"firewall": {"report": []}, "listeners": {"report": []}, "settings": {"changed_settings": [], "path": "/k"}}


def seen(**parts):
    return {**FINE, **parts}


def test_a_healthy_fleet():
    drift = gather(PLAN, {"a1": FINE, "a2": FINE, "b1": FINE})
    assert not drift.differs
    assert drift_lines(drift) == ["3 of 3 nodes checked: no difference from the plan"]


def test_each_difference_is_a_line():
    drift = gather(
        PLAN,
        {
            "a1": seen(firewall={"report": ["peers lacks 10.0.0.1/32", "at boot: x"]}),
            "a2": seen(settings={"changed_settings": ["admin_listen"], "path": "/etc/kong/kong.conf", "changed": True}),
            "b1": seen(
                listeners={"report": ["tcp 0.0.0.0:8001 (nginx) is not in the plan"]},
                interception={"report": ["at boot: x"]},
            ),
        },
    )
    assert drift.differs
    assert drift_lines(drift) == [
        "node  what          difference",
        "----  ------------  ---------------------------------------------------",
        "a1    firewall      peers lacks 10.0.0.1/32",
        "a1    firewall      at boot: x",
        "a2    settings      /etc/kong/kong.conf: admin_listen is not as planned",
        "b1    listeners     tcp 0.0.0.0:8001 (nginx) is not in the plan",
        "b1    interception  at boot: x",
        "",
        "3 of 3 nodes checked: 5 differences from the plan",
    ]


def test_node_that_was_not_checked_is_reported_but_no_difference():
    drift = gather(PLAN, {"a1": FINE, "a2": {}})
    assert not drift.differs
    assert drift_lines(drift) == ["not checked: a2, b1", "", "1 of 3 nodes checked: no difference from the plan"]
    assert drift.as_dict() == {
        "format": 1,
        "differs": False,
        "nodes": {"a1": {"firewall": [], "listeners": [], "settings": []}},
        "not_looked_at": ["a2", "b1"],
    }


def test_a_module_that_failed_is_a_difference():
    drift = gather(PLAN, {"a1": seen(firewall={"failed": True, "msg": "ufw is enabled, but not loaded"})})
    assert drift.nodes["a1"]["firewall"] == ("could not be checked: ufw is enabled, but not loaded",)
    assert drift.differs


def test_a_file_with_another_mode_is_a_difference():
    drift = gather(PLAN, {"a1": seen(settings={"changed_settings": [], "path": "/k", "changed": True})})
    assert drift.nodes["a1"]["settings"] == ("/k: the file's owner or mode is not as planned",)


def test_a_setting_that_kong_drops_is_a_difference():
    drift = gather(PLAN, {"a1": seen(settings={"changed_settings": [], "path": "/k", "unknown": ["typo"]})})
    assert drift.nodes["a1"]["settings"] == ("/k: this Kong does not know typo",)
