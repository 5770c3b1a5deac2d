# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

import pytest

from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.config import ConfigError
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.node import (
    decide_changes,
    explain_failed_rollback,
    make_change,
    make_options,
)

NODE = {
    "version": "3.9",
    "role": "traditional",
    "listeners": [],
    "settings": {"admin_listen": "127.0.0.1:8001"},
    "settings_file": {"path": "/etc/kong/kong.conf", "search": ["/etc/kong.conf"], "format": "conf"},
    "ruleset": {"allow": [], "sets": {}},
    "interception": [{"port": 9000}],
}
FINE = {
    "firewall": {"failed": False, "differs": False, "blocked": False},
    "settings": {"failed": False, "changed": False, "before": {}},
    "listeners": {"failed": False, "listens": True, "runs": True, "effective": [], "unloaded": "", "cannot_bind": ""},
    "interception": {"failed": False, "changed": False},
    "interrupted": False,
}
FAILED = {"failed": True, "msg": "no"}
OVERRIDDEN = {"setting": "a", "value": "1", "origin": "environment", "moves": True, "line": "KONG_A overrides a"}
BLOCKED = "Kong cannot open the planned listeners: KONG_A overrides a. Remove the variable, or set its value in the inventory."


def change_part(part, **values):
    return {**FINE, part: {**FINE[part], **values}}


# Another setting changes, so Kong is reloaded, and an address is not on the host.
RELOADED = {
    **change_part("settings", before={"a": "1"}),
    "listeners": {**FINE["listeners"], "cannot_bind": "no such address"},
}


def test_a_node_as_planned_needs_no_change():
    assert decide_changes(NODE, FINE) == {
        "differs": False,
        "problem": "",
        "restart": {
            "how": "nothing",
            "reasons": [],
            "summary": "Kong is left alone, because no setting in its file changes, and clients notice nothing.",
        },
    }


@pytest.mark.parametrize(
    ("parts", "how"),
    [
        (change_part("firewall", differs=True), "nothing"),
        (change_part("firewall", blocked=True), "nothing"),
        (change_part("interception", changed=True), "nothing"),
        (change_part("settings", changed=True), "nothing"),
        (change_part("settings", changed=True, before={"log_level": "info"}), "reload"),
        (change_part("listeners", listens=False), "restart"),
        (change_part("listeners", listens=False, runs=False), "start"),
        (change_part("listeners", unloaded="not reloaded"), "reload"),
        ({**FINE, "interrupted": True}, "nothing"),
        ({**FINE, "firewall": FAILED}, "nothing"),
        ({**FINE, "interception": FAILED}, "nothing"),
        ({**FINE, "settings": FAILED}, None),
        ({**FINE, "listeners": FAILED}, None),
    ],
)
def test_every_part_can_need_a_change(parts, how):
    decided = decide_changes(NODE, parts)
    assert decided["differs"] is True
    assert decided.get("restart", {}).get("how") == how


@pytest.mark.parametrize(
    ("node", "parts", "problem"),
    [
        (NODE, {**FINE, "settings": FAILED}, "no"),
        (NODE, {**FINE, "settings": FAILED, "listeners": FAILED}, "no; no"),
        (NODE, {**FINE, "firewall": FAILED}, ""),
        (NODE, change_part("listeners", cannot_bind="no such address"), ""),
        (NODE, change_part("listeners", listens=False, cannot_bind="no such address"), "no such address"),
        (NODE, RELOADED, "no such address"),
        ({**NODE, "published": []}, RELOADED, ""),
        (NODE, change_part("listeners", listens=False, effective=[OVERRIDDEN]), BLOCKED),
        (NODE, change_part("listeners", effective=[OVERRIDDEN]), ""),
    ],
)
def test_a_problem_of_kong_is_named(node, parts, problem):
    assert decide_changes(node, parts)["problem"] == problem


def test_the_sockets_of_a_container_do_not_count():
    assert decide_changes({**NODE, "published": []}, change_part("listeners", listens=False))["differs"] is False


def test_a_changed_variable_restarts_kong():
    node = {**NODE, "settings_file": {**NODE["settings_file"], "format": "env"}}
    decided = decide_changes(node, change_part("settings", changed=True, before={"log_level": "info"}))
    assert decided["restart"]["how"] == "restart"


def test_options_of_a_node():
    options = make_options(NODE, {"log_level": "debug", "prefix": "/srv/kong"})
    assert options.pop("defaults")["admin_listen"]
    assert options == {
        "ruleset": NODE["ruleset"],
        "interception": NODE["interception"],
        "listeners": [],
        "settings": {"admin_listen": "127.0.0.1:8001", "log_level": "debug", "prefix": "/srv/kong"},
        "path": "/etc/kong/kong.conf",
        "search": ["/etc/kong.conf"],
        "format": "conf",
        "container": False,
        "prefix": "/srv/kong",
    }
    assert make_options({**NODE, "published": []}, {})["container"] is True
    assert make_options(NODE, {"nginx_working_dir": "/old"})["prefix"] == "/old"
    assert make_options(NODE, {})["prefix"] is None


def test_an_invalid_kong_config_is_an_error():
    with pytest.raises(ConfigError, match="admin_listen is a listen setting"):
        make_options(NODE, {"admin_listen": "off"})


FOUND = {
    "settings": {"path": "/etc/kong.conf"},
    "restart": {"how": "reload"},
    "listeners": {"present": [{"name": "nginx", "port": 8001}]},
    "has_program": True,
}


def test_a_change_has_the_settings_of_the_comparison_and_the_present_state():
    """Otherwise a run would write other lines than drift lists."""
    node = {**NODE, "config": ["log_level"]}
    config = {"log_level": "notice", "prefix": "/opt/kong"}
    assert make_change(node, config, FOUND) == {
        **make_options(node, config),
        # The host has chosen the file from the paths that Kong searches.
        "path": "/etc/kong.conf",
        "search": [],
        "files": ["/etc/kong.conf", "/etc/kong/kong.conf"],
        "names": ["admin_listen", "log_level"],
        "version": "3.9",
        "how": "reload",
        "present": [{"name": "nginx", "port": 8001}],
        "has_program": True,
    }
    with pytest.raises(ConfigError):
        make_change(node, {"proxy_listen": "0.0.0.0:80"}, FOUND)


def test_a_rollback_of_the_firewall_may_fail():
    assert explain_failed_rollback("port taken", "nft hangs") == (
        "port taken. The rollback failed as well, at 'Allow exactly the sources that were allowed before': nft hangs. "
        "The firewall allows both the old and the new sources"
    )
