# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.plan import (
    Kong,
    ServiceError,
    choose_procedure,
    find_options,
)

KONG = "/usr/local/bin/kong"
CONF = "/etc/kong/kong.conf"
SIGNAL = (("/usr/local/openresty/nginx/sbin/nginx", "-p", "/usr/local/kong", "-s", "reload"),)
PREPARE = ((KONG, "prepare", "-p", "/usr/local/kong"),)
PACKAGED = (*PREPARE, *SIGNAL)


def split_commands(*commands):
    return tuple(tuple(command.split()) for command in commands)


def make_kong(version, **how_run):
    return Kong(**{"version": version, "conf": CONF, **how_run})


def with_unit(version, **more):
    return make_kong(version, unit="kong.service", **more)


def with_program(version, **more):
    return make_kong(version, program=KONG, **more)


RESTART_UNIT = ["systemctl restart kong.service"]
# The Kong, the requested action, the expected action, and the expected commands.
CASES = {
    "unit": (with_unit((3, 9)), "restart", "restart", RESTART_UNIT),
    "start": (with_unit((3, 9)), "start", "start", RESTART_UNIT),
    "unit of a Kong with Serf": (
        with_unit((0, 10)),
        "restart",
        "restart",
        ["systemctl stop kong.service | settles", "systemctl start kong.service"],
    ),
    "a reload of a Kong with Serf is a restart": (
        with_unit((0, 10), reload_of_unit=PACKAGED, program=KONG),
        "reload",
        "restart",
        ["systemctl stop kong.service | settles", "systemctl start kong.service"],
    ),
    "reload of a packaged unit": (
        with_unit((3, 9), reload_of_unit=PACKAGED),
        "reload",
        "reload",
        ["systemctl reload kong.service"],
    ),
    "a unit that cannot be reloaded": (
        with_unit((3, 9), program=KONG),
        "reload",
        "restart",
        RESTART_UNIT,
    ),
    "a unit of 1.5 that cannot be reloaded": (
        with_unit((1, 5), program=KONG),
        "reload",
        "restart",
        RESTART_UNIT,
    ),
    "unit of about 1.5, which only sends a signal": (
        with_unit((1, 5), start_of_unit=PACKAGED, reload_of_unit=SIGNAL, program=KONG),
        "reload",
        "reload",
        [f"{KONG} prepare -p /usr/local/kong | as kong", "systemctl reload kong.service"],
    ),
    "such a unit that a script starts": (
        with_unit((1, 5), start_of_unit=split_commands("/opt/start"), reload_of_unit=SIGNAL, program=KONG),
        "reload",
        "restart",
        RESTART_UNIT,
    ),
    "a unit of about 1.5 with a user other than root": (
        with_unit((1, 5), reload_of_unit=SIGNAL, program=KONG, user="kong"),
        "reload",
        "restart",
        RESTART_UNIT,
    ),
    "a packaged unit with a user other than root": (
        with_unit((3, 9), reload_of_unit=PACKAGED, program=KONG, user="kong"),
        "reload",
        "reload",
        ["systemctl reload kong.service"],
    ),
    "unit of about 1.5 without Kong's program": (
        with_unit((1, 5), reload_of_unit=SIGNAL),
        "reload",
        "restart",
        RESTART_UNIT,
    ),
    "a unit without a reload": (with_unit((3, 9)), "reload", "restart", RESTART_UNIT),
    "a unit that calls kong reload": (
        with_unit((3, 9), program=KONG, start_of_unit=PACKAGED, reload_of_unit=split_commands(f"{KONG} reload")),
        "reload",
        "reload",
        [f"{KONG} prepare -p /usr/local/kong | as kong", "systemctl reload kong.service"],
    ),
    "a unit that calls kong reload with the file": (
        with_unit(
            (3, 9),
            program=KONG,
            start_of_unit=split_commands(f"{KONG} start -c {CONF}"),
            reload_of_unit=split_commands(f"{KONG} reload -c {CONF}"),
        ),
        "reload",
        "reload",
        [f"{KONG} prepare -c {CONF} | as kong", "systemctl reload kong.service"],
    ),
    "such a unit with a user other than root": (
        with_unit((3, 9), program=KONG, user="kong", reload_of_unit=split_commands(f"{KONG} reload -c {CONF}")),
        "reload",
        "restart",
        RESTART_UNIT,
    ),
    "a unit that calls kong reload, without Kong's program": (
        with_unit((2, 3), reload_of_unit=split_commands(f"{KONG} reload -c {CONF}")),
        "reload",
        "restart",
        RESTART_UNIT,
    ),
    "a unit that prepares in a shell": (
        with_unit(
            (3, 9), program=KONG, reload_of_unit=split_commands("/bin/sh -c /opt/bin/kong prepare kill -HUP $MAINPID")
        ),
        "reload",
        "reload",
        ["systemctl reload kong.service"],
    ),
    "words about a preparation are no preparation": (
        with_unit(
            (3, 9),
            program=KONG,
            start_of_unit=PREPARE,
            reload_of_unit=split_commands("/bin/echo no prepare -v", "/bin/kill -HUP $MAINPID"),
        ),
        "reload",
        "reload",
        [f"{KONG} prepare -p /usr/local/kong | as kong", "systemctl reload kong.service"],
    ),
    "kong without a unit": (
        with_program((3, 9)),
        "restart",
        "restart",
        [f"{KONG} quit | may fail", f"{KONG} start -c {CONF} | as kong"],
    ),
    "kong without a unit, with Serf": (
        with_program((0, 9)),
        "restart",
        "restart",
        [f"{KONG} quit | may fail | settles", f"{KONG} start -c {CONF} | as kong"],
    ),
    "kong without a unit, before 0.9": (
        with_program((0, 8), prefix="/ignored"),
        "restart",
        "restart",
        [f"{KONG} stop -c {CONF} | may fail | settles", f"{KONG} start -c {CONF} | as kong"],
    ),
    "kong reload, from 2.3": (
        with_program((2, 3), prefix="/opt/kong"),
        "reload",
        "reload",
        [f"{KONG} prepare -c {CONF} -p /opt/kong | as kong", f"{KONG} reload -p /opt/kong | as kong"],
    ),
    "kong reload, before 2.3": (
        with_program((0, 14)),
        "reload",
        "reload",
        [f"{KONG} prepare -c {CONF} | as kong", f"{KONG} reload | as kong"],
    ),
    "commands of the user": (
        with_program((2, 8), restart_command="docker restart 'my kong'", reload_command="docker exec kong kong reload"),
        "reload",
        "reload",
        ["docker exec kong kong reload"],
    ),
    "only a restart command": (
        with_unit((2, 8), restart_command="docker restart kong", reload_of_unit=PACKAGED),
        "reload",
        "restart",
        ["docker restart kong"],
    ),
    "stop of a unit": (with_unit((3, 9), program=KONG), "stop", "stop", ["systemctl stop kong.service"]),
    "stop of a unit with Serf": (with_unit((0, 10)), "stop", "stop", ["systemctl stop kong.service | settles"]),
    "stop of kong without a unit": (with_program((3, 9)), "stop", "stop", [f"{KONG} quit | may fail"]),
}


def format_step(step):
    marks = {"may fail": not step.required, "settles": step.settles, "as kong": step.as_kong}
    return " | ".join([" ".join(step.argv), *(mark for mark, is_set in marks.items() if is_set)])


@pytest.mark.parametrize("how_run, asked, how, commands", CASES.values(), ids=CASES)
def test_the_procedure_for_each_kind_of_installation(how_run, asked, how, commands):
    found = choose_procedure(how_run, asked)
    assert (found.how, [format_step(step) for step in found.steps]) == (how, commands)
    assert bool(found.reason) == (asked != how)


def test_quoted_words_of_a_command_are_not_split():
    assert choose_procedure(make_kong((3, 9), restart_command="a 'b c'"), "restart").steps[0].argv == ("a", "b c")


@pytest.mark.parametrize(
    ("how_run", "how"),
    [(make_kong((3, 9), restart_command="a 'b"), "restart"), (make_kong((3, 9), reload_command="a 'b"), "reload")],
)
def test_a_command_with_an_open_quote_is_an_error_that_names_it(how_run, how):
    with pytest.raises(ServiceError, match=r"the command \"a 'b\" cannot be split into words: No closing quotation"):
        choose_procedure(how_run, how)


@pytest.mark.parametrize("how_run", [make_kong((3, 9)), with_program((3, 9), restart_command="docker restart kong")])
def test_a_host_without_a_command_to_stop_kong(how_run):
    with pytest.raises(ServiceError, match="Kong cannot be stopped on this host"):
        choose_procedure(how_run, "stop")


def test_a_host_without_a_command_to_restart_kong():
    with pytest.raises(ServiceError, match="kong_listen_restart_command"):
        choose_procedure(make_kong((3, 9)), "restart")


OPTIONS = {
    "no unit": (with_program((3, 9), prefix="/p"), ("-c", CONF, "-p", "/p")),
    "package": (with_unit((3, 9), start_of_unit=PACKAGED), ("-p", "/usr/local/kong")),
    "kong start": (
        with_unit(
            (3, 9),
            start_of_unit=split_commands(
                f"{KONG} version", f"{KONG} start --conf=/k.conf -v --nginx-conf /t --prefix /p"
            ),
        ),
        ("-c", "/k.conf", "--nginx-conf", "/t", "-p", "/p"),
    ),
    "without options": (with_unit((3, 9), start_of_unit=split_commands(f"{KONG} start")), ()),
    "a variable": (with_unit((3, 9), start_of_unit=split_commands(f"{KONG} start -c ${{CONF}}")), None),
    "a script": (with_unit((3, 9), start_of_unit=split_commands("/opt/start-kong", "/opt/kong", "/opt/kong -v")), None),
    "no start": (with_unit((3, 9)), None),
}


@pytest.mark.parametrize("how_run, expected", OPTIONS.values(), ids=OPTIONS)
def test_kong_is_prepared_with_the_options_of_its_start(how_run, expected):
    assert find_options(how_run) == expected


@pytest.mark.parametrize(
    ("how", "more", "is_refused"),
    [
        ("restart", {}, True),
        ("reload", {}, True),
        ("reload", {"reload_command": "true"}, False),
        ("restart", {"reload_command": "true"}, True),
        ("restart", {"restart_command": "true"}, False),
        ("reload", {"restart_command": "true"}, False),
        ("stop", {}, False),
    ],
)
@pytest.mark.parametrize("version", [(0, 10), (0, 11), (3, 9)])
def test_root_does_not_prepare_the_kong_of_another_user(version, how, more, is_refused):
    """Files of root in its prefix would keep this Kong from starting again."""
    if version < (0, 11) and how == "reload" and not more.get("restart_command"):
        is_refused = True  # a reload of these versions is a restart
    if is_refused:
        with pytest.raises(ServiceError) as error:
            choose_procedure(with_program(version, starter="gateway", **more), how)
        for part in (
            "gateway",
            "kong_listen_restart_command",
            "kong_listen_reload_command",
            f"runuser -u gateway -- {KONG} ",
        ):
            assert part in str(error.value)
    else:
        assert choose_procedure(with_program(version, starter="gateway", **more), how)
    assert choose_procedure(with_program(version, **more), how)


@pytest.mark.parametrize("how", ["restart", "start"])
def test_a_kong_without_a_command_names_the_action(how):
    with pytest.raises(ServiceError, match=f"Kong cannot be {how}ed on this host"):
        choose_procedure(make_kong((3, 9)), how)
