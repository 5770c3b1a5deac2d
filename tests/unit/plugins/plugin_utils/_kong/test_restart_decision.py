# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.listeners import read_listeners
from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.restart_decision import (
    RestartDecision,
    decide_restart,
    start_instead,
)


def make_node(version, role="traditional", **settings):
    """Return a node of a plan with the given listen settings."""
    found = read_listeners("a1", version, role, {f"kong_{name}": value for name, value in settings.items()}, {})
    listeners = [
        {"name": listener.name, "setting": listener.setting, "address": listener.address, "port": listener.port,
         "protocols": list(listener.protocols), "flags": list(listener.flags)}
        for listener in found.listeners
    ]  # fmt: skip
    return {"version": version, "role": role, "listeners": listeners}


# The plan, the old values in the file, and the action that is needed. Each row is a fact of nginx or of Kong's commands.
CASES = {
    "nothing changes": (make_node("3.9"), {}, "nothing"),
    "another setting": (make_node("3.9"), {"log_level": "notice"}, "reload"),
    "a setting that the file did not have": (make_node("3.9"), {"log_level": None}, "reload"),
    "a port moves": (make_node("3.9", proxy_listen="0.0.0.0:80"), {"proxy_listen": "0.0.0.0:8000"}, "reload"),
    "a port moves and both have reuseport": (
        make_node("3.9", proxy_listen="0.0.0.0:80 reuseport"),
        {"proxy_listen": "0.0.0.0:8000 reuseport"},
        "reload",
    ),
    "reuseport is added": (
        make_node("1.5", proxy_listen="0.0.0.0:8000 reuseport"),
        {"proxy_listen": "0.0.0.0:8000"},
        "reload",
    ),
    "another backlog": (
        make_node("2.8", proxy_listen="0.0.0.0:8000 backlog=511"),
        {"proxy_listen": "0.0.0.0:8000 backlog=16384"},
        "reload",
    ),
    "narrowed without reuseport": (
        make_node("1.5", admin_listen="127.0.0.1:8001"),
        {"admin_listen": "0.0.0.0:8001"},
        "restart",
    ),
    "narrowed with reuseport on both": (
        make_node("3.9", admin_listen="127.0.0.1:8001 reuseport"),
        {"admin_listen": "0.0.0.0:8001 reuseport"},
        "reload",
    ),
    "narrowed with reuseport on the old socket only": (
        make_node("3.9", admin_listen="127.0.0.1:8001"),
        {"admin_listen": "0.0.0.0:8001 reuseport"},
        "restart",
    ),
    "widened without reuseport": (
        make_node("1.5", admin_listen="0.0.0.0:8001"),
        {"admin_listen": "127.0.0.1:8001"},
        "restart",
    ),
    "narrowed to the default of the version": (make_node("0.12"), {"admin_listen": "0.0.0.0:8001"}, "restart"),
    "widened from the default, which was in no file": (
        make_node("0.14", admin_listen="0.0.0.0:8001"),
        {"admin_listen": None},
        "restart",
    ),
    "narrowed in IPv6": (make_node("3.9", admin_listen="[::1]:8001"), {"admin_listen": "[::]:8001"}, "restart"),
    "IPv4 does not conflict with IPv6": (
        make_node("3.9", admin_listen="[::1]:8001"),
        {"admin_listen": "0.0.0.0:8001"},
        "reload",
    ),
    "a socket for both families conflicts with IPv4": (
        make_node("3.9", admin_listen="127.0.0.1:8001"),
        {"admin_listen": "[::]:8001 ipv6only=off"},
        "restart",
    ),
    "one address for another": (
        make_node("1.5", admin_listen="127.0.0.1:8001"),
        {"admin_listen": "127.0.0.2:8001"},
        "reload",
    ),
    "udp does not conflict with tcp": (
        make_node("3.9", stream_listen="127.0.0.1:9000"),
        {"stream_listen": "0.0.0.0:9000 udp"},
        "reload",
    ),
    # nginx opens only the wildcard of a port, if no flag of the address prevents that. All measured with nginx 1.22.
    "an address is added to its wildcard": (
        make_node("1.5", proxy_listen="0.0.0.0:8000, 127.0.0.1:8000"),
        {"proxy_listen": "0.0.0.0:8000"},
        "reload",
    ),
    "an address is removed from its wildcard": (
        make_node("1.5", proxy_listen="0.0.0.0:8000"),
        {"proxy_listen": "0.0.0.0:8000, 127.0.0.1:8000"},
        "reload",
    ),
    "a wildcard is removed from its address": (
        make_node("1.5", proxy_listen="127.0.0.1:8000"),
        {"proxy_listen": "0.0.0.0:8000, 127.0.0.1:8000"},
        "restart",
    ),
    "a wildcard is added to its address": (
        make_node("1.5", proxy_listen="0.0.0.0:8000, 127.0.0.1:8000"),
        {"proxy_listen": "127.0.0.1:8000"},
        "restart",
    ),
    "a wildcard is added to its address, which had reuseport": (
        make_node("1.5", proxy_listen="0.0.0.0:8000 reuseport, 127.0.0.1:8000"),
        {"proxy_listen": "127.0.0.1:8000 reuseport"},
        "reload",
    ),
    "a wildcard with reuseport is removed from its address with reuseport": (
        make_node("1.5", proxy_listen="127.0.0.1:8000 reuseport"),
        {"proxy_listen": "0.0.0.0:8000 reuseport, 127.0.0.1:8000 reuseport"},
        "reload",
    ),
    "two settings change places": (
        make_node("3.9", proxy_listen="0.0.0.0:8100", status_listen="127.0.0.1:8000"),
        {"proxy_listen": "0.0.0.0:8000", "status_listen": "127.0.0.1:8007"},
        "restart",
    ),
    "the flag transparent": (
        make_node("1.5", proxy_listen="0.0.0.0:8000 transparent"),
        {"proxy_listen": "0.0.0.0:8000"},
        "restart",
    ),
    "the role": (make_node("3.9", "data_plane"), {"role": "traditional"}, "restart"),
    "the database": (make_node("3.9"), {"database": "postgres"}, "restart"),
    "the user": (make_node("3.9"), {"nginx_user": "nobody"}, "restart"),
    "an unreadable old value": (make_node("3.9"), {"admin_listen": "8001"}, "restart"),
    "a listener that the role does not open": (
        make_node("3.9", "data_plane"),
        {"admin_listen": "0.0.0.0:8001"},
        "reload",
    ),
    "gossip, whatever changes": (make_node("0.10.4"), {"log_level": "notice"}, "restart"),
    "kong.yml": (make_node("0.8"), {"proxy_listen": None}, "restart"),
    "Kong 0.11, which can be prepared": (make_node("0.11"), {"log_level": "notice"}, "reload"),
}


@pytest.mark.parametrize("planned, before, how", CASES.values(), ids=CASES)
def test_action_with_the_least_effect(planned, before, how):
    found = decide_restart(planned, before, listens=True)
    assert found.how == how
    assert bool(found.reasons) == (how == "restart")


def test_reason_names_both_sockets():
    found = decide_restart(make_node("1.5", admin_listen="127.0.0.1:8001"), {"admin_listen": "*:8001"}, listens=True)
    text = (
        "tcp 127.0.0.1:8001 cannot be bound while tcp *:8001 is open, because they do not both have the flag reuseport"
    )
    assert found.reasons == (text,)


def test_restart_if_the_sockets_are_not_as_in_the_file():
    assert decide_restart(make_node("3.9"), {}, listens=False) == RestartDecision(
        "restart", ("the sockets of Kong are not as in its file",)
    )


def test_restart_if_the_environment_changes():
    assert decide_restart(make_node("3.9"), {"log_level": "info"}, listens=True, environment=True).how == "restart"


@pytest.mark.parametrize(
    ("decision", "words"),
    [
        (
            RestartDecision("nothing"),
            "Kong is left alone, because no setting in its file changes, and clients notice nothing.",
        ),
        (
            RestartDecision("reload"),
            "Kong is reloaded to use the new settings: open connections are kept, and clients notice nothing.",
        ),
        (
            RestartDecision("restart", ("one", "two")),
            "Kong is restarted: open connections are closed, and new connections fail until Kong listens again. Reason: one; two.",
        ),
        (RestartDecision("start"), "Kong is started, because it is not running: no open connection is affected."),
    ],
)
def test_the_summary_names_the_effect_on_clients(decision, words):
    assert decision.summary == words


@pytest.mark.parametrize(
    ("how", "instead"), [("reload", "start"), ("restart", "start"), ("nothing", "nothing"), ("blocked", "blocked")]
)
def test_a_kong_that_is_not_running_is_started(how, instead):
    assert start_instead(RestartDecision(how)) == RestartDecision(instead)


def make_effective(setting, value, origin, *, moves=False):
    return {"setting": setting, "value": value, "origin": origin, "moves": moves, "line": f"{setting} is {value}"}


def test_a_variable_that_moves_a_listener_blocks_the_change():
    found = make_effective("status_listen", "0.0.0.0:8105", "environment", moves=True)
    decision = decide_restart(make_node("3.9"), {"log_level": None}, listens=False, effective=[found])
    assert (decision.how, decision.reasons) == ("blocked", ("status_listen is 0.0.0.0:8105",))
    assert "Remove the variable" in decision.summary
    # The sockets are as planned, for example because this role does not open the listener.
    assert decide_restart(make_node("3.9"), {}, listens=True, effective=[found]).how == "nothing"


def test_another_variable_does_not_block():
    found = [
        make_effective("log_level", "info", "environment"),
        make_effective("admin_listen", "127.0.0.1:8001", "environment"),
    ]
    assert decide_restart(make_node("3.9"), {"log_level": None}, listens=True, effective=found).how == "reload"


def test_a_file_that_changed_after_kong_was_prepared_needs_a_reload_or_a_restart():
    outdated = make_effective("log_level", "info", "outdated")
    assert decide_restart(make_node("3.9"), {}, listens=True, effective=[outdated]).how == "reload"
    narrowed = make_effective("admin_listen", "0.0.0.0:8001", "outdated", moves=True)
    planned = make_node("1.5", admin_listen="127.0.0.1:8001")
    assert decide_restart(planned, {}, listens=False, effective=[narrowed]).how == "restart"


def test_a_kong_that_was_started_with_another_value_needs_a_restart():
    started = make_effective("status_listen", "0.0.0.0:8105", "started", moves=True)
    for before in ({}, {"log_level": None}):
        decision = decide_restart(make_node("3.9"), before, listens=False, effective=[started])
        assert decision == RestartDecision(
            "restart", ("Kong was started with another status_listen than its file has",)
        )
